use std::{collections::BTreeSet, sync::Arc, time::Duration};

use eda_connection::{
    endpoint::Endpoint as Urls,
    failover::Standing,
    feed::{Choice, Interest, Mode, Traffic},
};
use eda_events::Address;
use eda_simnet::{
    StatusCode,
    faults::{Condition, Effect, Fault, Ports, Response, Stroke},
};

use crate::setup::{World, break_for_good, cluster, endpoint, eventually, payments, take, within};

/// The first endpoint is broken in these ways, and the second is gone over to for that reason, with nothing lost.
async fn goes_over(reason: &str, why: &str, broken: impl IntoIterator<Item = Fault>) -> World {
    let world = World::of(2).await;
    let watch = world.lease.watch(&[payments()]).unwrap();
    let mut taken = take(&watch, 20).await;
    for fault in broken {
        world.endpoints[0].faults().apply(fault).unwrap();
    }
    world.until_changed(1).await;
    let failover = world.failover();
    assert_eq!((world.here(), failover.changes[reason]), (1, 1), "{failover:?}");
    let last = failover.last_change.unwrap();
    let urls = world.endpoints.iter().map(|endpoint| endpoint.front().http_url());
    assert!(urls.map(|url| url.trim_end_matches('/').to_owned()).all(|url| last.contains(&url)), "{last}");
    assert!(last.contains(why), "{last}");
    let Standing::Ill { why: held, .. } = world.endpoint(0).standing else { panic!("not ill") };
    assert!(held.contains(why), "{held}");
    assert_eq!(world.manager.stats().url, world.endpoint(1).url);

    // Whole blocks go on where they were: nothing is missing, nothing comes twice.
    let tip = world.cluster.chain().tips().processed;
    while taken.last().is_none_or(|(slot, _)| *slot <= tip + 10) {
        taken.extend(take(&watch, 1).await);
    }
    let (first, last) = (taken[0].0, taken[taken.len() - 1].0 - 1);
    taken.retain(|(slot, _)| *slot <= last);
    let happened: Vec<_> = {
        let chain = world.cluster.chain();
        let blocks = chain.history().blocks().range(first..=last).map(|(_, block)| Arc::clone(block));
        let landed = blocks.flat_map(|block| block.transactions.clone());
        landed.map(|landed| (landed.slot, landed.signature().to_string())).collect()
    };
    assert!(happened.ends_with(&taken), "{reason}: {taken:#?} {happened:#?}");
    assert!(happened.len() - taken.len() < 10, "only the first block may have begun before");
    assert_eq!(world.manager.stats().feed.slots_unproven, 0);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_endpoint_in_use_dies_the_next_one_goes_on_where_it_was() {
    let world = goes_over("errors", "its calls fail", [Fault::new(Condition::NodeRestart)]).await;
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_its_gateway_answers_nothing_but_errors() {
    let world =
        goes_over("errors", "503", [Fault::new(Response::ServerError(StatusCode::SERVICE_UNAVAILABLE, 1))])
            .await;
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_refuses_the_key() {
    let world = goes_over("errors", "403", [Fault::new(Response::Forbidden(1))]).await;
    world.assert_one_of_each();
    world.stop().await;
}

/// Only one method of many fails, and it is the one that matters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_fails_at_blocks_alone() {
    let world = goes_over(
        "errors",
        "getBlock",
        [Fault::new(Response::Html(StatusCode::BAD_GATEWAY)).methods(["getBlock"])],
    )
    .await;
    world.assert_one_of_each();
    world.stop().await;
}

/// The sockets stay open, and nothing comes out of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_both_its_sockets_fall_silent() {
    let world = goes_over(
        "errors",
        "no answer to",
        [Fault::new(Condition::WebsocketStall), Fault::new(Response::Silence)],
    )
    .await;
    world.assert_one_http();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_falls_behind() {
    let world = goes_over("lag", "slots behind", [Fault::new(Condition::EndpointLag(60))]).await;
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_its_websocket_cannot_be_opened_for_long() {
    let world = goes_over(
        "deaf",
        "WebSocket",
        [Fault::new(Condition::RefuseConnections(Ports::Ws)), Fault::new(Stroke::WebsocketDrop)],
    )
    .await;
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_subscribed_is_subscribed_at_the_next_endpoint_and_the_interruption_costs_nothing() {
    let world = World::with(2, |config| config.feed.choice = Choice::Always(Mode::Logs)).await;
    let Interest::Transactions { mention, hint, .. } = payments() else { unreachable!() };
    let wallet = world.cluster.chain().history().blocks().values().next().unwrap().leader;
    let selected = Interest::Transactions { mention, traffic: Traffic::Selected, hint };
    let watch = world.lease.watch(&[selected, Interest::Account(wallet)]).unwrap();
    within(world.endpoints[0].front().pubsub().subscribed("logsSubscribe", None)).await;
    let taken = take(&watch, 5).await;
    world.kill(0).await;
    world.until_changed(1).await;
    let second = world.endpoints[1].front().pubsub();
    within(second.subscribed("logsSubscribe", None)).await;
    within(second.subscribed("accountSubscribe", Some(&wallet.to_string()))).await;
    eventually(|| world.manager.stats().pubsub.live >= 3).await;
    assert_eq!(world.manager.lacking(world.lease.worker()), None);
    // What happened meanwhile comes all the same: somebody pays in every slot.
    let tip = world.cluster.chain().tips().confirmed;
    let mut seen: BTreeSet<u64> = taken.iter().map(|(slot, _)| *slot).collect();
    let first = *seen.first().unwrap();
    let due: BTreeSet<u64> = world
        .cluster
        .chain()
        .history()
        .blocks()
        .keys()
        .copied()
        .filter(|slot| (first..=tip).contains(slot))
        .collect();
    while !due.is_subset(&seen) {
        seen.extend(take(&watch, 1).await.into_iter().map(|(slot, _)| slot));
    }
    world.assert_one_of_each();
    drop(watch);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_was_not_there_at_the_start_is_not_waited_for() {
    for broken in [Effect::from(Condition::NodeRestart), Effect::from(Response::Forbidden(1))] {
        let cluster = cluster(1);
        let endpoints = vec![endpoint(&cluster).await, endpoint(&cluster).await];
        cluster.run();
        break_for_good(&endpoints[0], broken).await;
        eventually(|| cluster.chain().tips().confirmed > 2).await;
        let world = World::start(cluster, endpoints, |_| {}).await;
        assert_eq!(world.here(), 1);
        world.assert_one_of_each();
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preferred_endpoint_is_gone_back_to_and_its_budget_remembers_its_windows() {
    let get_balance = eda_limits::Method::new("getBalance");
    let world = World::with(2, |config| {
        for site in &mut config.sites {
            let rate = eda_limits::Rate::per_seconds(100, 3_600);
            site.limits.methods.insert(get_balance.clone(), rate);
        }
    })
    .await;
    let held = async || {
        let snapshot = world.manager.budget().await;
        let is_it = |scope: &eda_connection::budget::Scope| scope.to_string() == "getBalance";
        snapshot.windows.iter().find(|window| is_it(&window.scope)).map_or(0, |window| window.held)
    };
    let ask = async |times: usize| {
        for _ in 0..times {
            let params = serde_json::json!([Address::new_from_array([7; 32]).to_string()]);
            let patience = Duration::from_secs(30);
            let class = eda_connection::request::Class::Poll;
            world.lease.call(class, get_balance.clone(), params, patience).await.unwrap();
        }
    };
    within(ask(3)).await;
    assert_eq!(held().await, 3);
    world.kill(0).await;
    world.until_changed(1).await;
    assert_eq!(held().await, 0, "another provider, another budget");
    within(ask(1)).await;
    world.revive(0);
    world.until_changed(2).await;
    assert_eq!((world.here(), world.failover().changes["return"]), (0, 1));
    assert_eq!(held().await, 3);
    assert_eq!(world.endpoint(1).standing, Standing::Well);
    world.assert_one_of_each();
    world.stop().await;
}

/// Requests and subscriptions of the first lead to different clusters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_contradicts_itself_is_left_for_good() {
    let (cluster, other) = (cluster(1), cluster(2));
    let endpoints = vec![endpoint(&cluster).await, endpoint(&cluster).await];
    let stranger = endpoint(&other).await;
    cluster.run();
    other.run();
    let (http, ws) = (endpoints[0].front().http_url(), stranger.front().ws_url());
    let root = stranger.front().certificate_der().to_vec();
    let world = World::start(cluster, endpoints, |config| {
        config.sites[0].endpoint = Urls::parse(&http, Some(&ws)).unwrap();
        config.extra_roots.push(root);
    })
    .await;
    world.until_changed(1).await;
    let failover = world.failover();
    assert_eq!((world.here(), failover.changes["conflict"], failover.refused()), (1, 1, 1));
    let Standing::Refused { why } = world.endpoint(0).standing else { panic!("{failover:?}") };
    assert!(why.contains("different clusters"), "{why}");
    // What the next one says is believed again.
    eventually(|| matches!(world.manager.vital(), eda_connection::Vital::Known(_))).await;
    let watch = world.lease.watch(&[payments()]).unwrap();
    take(&watch, 5).await;
    drop(watch);
    world.stop().await;
    within(other.stop()).await;
}
