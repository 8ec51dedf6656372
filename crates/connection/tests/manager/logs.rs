use eda_connection::feed::{Interest, LogHint, Mode, Traffic};
use eda_events::WorkerName;
use eda_simnet::{Reply, Verdict};
use serde_json::json;

use crate::{
    node::{UNSUPPORTED_VERSION, address, tx},
    setup::{Got, World, eventually, is_empty, mentions, next, take, within, world},
};

const ONE: u8 = 1;
const TWO: u8 = 2;

/// Waits until that many addresses are followed by their logs, and what they missed has been looked for.
async fn until_followed(world: &World, addresses: usize) {
    let live = |all: &[eda_simnet::Subscription]| {
        all.iter().filter(|subscription| subscription.method == "logsSubscribe").count() == addresses
    };
    within(world.node.front.pubsub().until(live)).await;
    eventually(|| world.manager.stats().feed.listings >= u64::try_from(addresses).unwrap()).await;
}

#[tokio::test]
async fn an_address_is_subscribed_once_however_many_ask_and_a_transaction_is_fetched_once() {
    let world = world().await;
    let leases = WorkerName::ALL.map(|name| world.manager.lease(name));
    let both = [mentions(address(ONE), Traffic::Selected), mentions(address(TWO), Traffic::Selected)];
    let watches: Vec<_> = leases.iter().map(|lease| lease.watch(&both).unwrap()).collect();
    until_followed(&world, 2).await;
    assert_eq!(world.manager.stats().plan.unwrap().transactions, Some(Mode::Logs));

    let landed: Vec<_> = (1..=20).map(|number| tx(number, &[address(ONE), address(TWO)])).collect();
    for tx in &landed {
        world.node.land(101, tx);
        // The node notifies each subscription, so that this arrives twice.
        world.node.logs(101, tx, &[], &[address(ONE), address(TWO)]);
    }
    for watch in &watches {
        let expected: Vec<_> = landed.iter().map(|tx| tx.signature.clone()).collect();
        assert_eq!(take(watch, 20).await, expected);
        assert!(is_empty(watch));
    }
    eventually(|| world.manager.stats().feed.shared_fetches == 20).await;
    assert_eq!(world.node.asked("getTransaction").len(), 20);
    assert_eq!(world.node.front.pubsub().journal().of("logsSubscribe").len(), 2);
    drop(watches);
    until_followed(&world, 0).await;
    drop(leases);
    world.stop().await;
}

/// One step of the predecessor's start-up waited for ever, so that the next was never reached (T3).
#[tokio::test]
async fn every_interest_of_a_watch_is_followed_and_watching_does_not_wait_for_it() {
    let world = world().await;
    world.node.front.ws().refuse(true);
    let lease = world.lease();
    let first =
        lease.watch(&[mentions(address(ONE), Traffic::Selected), Interest::Account(address(3))]).unwrap();
    let second =
        lease.watch(&[mentions(address(TWO), Traffic::Selected), Interest::Account(address(4))]).unwrap();
    world.node.front.ws().refuse(false);
    until_followed(&world, 2).await;
    for account in [3, 4] {
        let account = address(account).to_string();
        within(world.node.front.pubsub().subscribed("accountSubscribe", Some(&account))).await;
    }
    drop((first, second, lease));
    world.stop().await;
}

/// The predecessor had no WebSocket URL, counted the error, and reported a successful start (T4).
#[tokio::test]
async fn a_subscription_that_is_refused_is_shown_and_costs_only_itself() {
    let world = world().await;
    world.node.front.pubsub().respond(|call| match call.method.as_str() {
        "logsSubscribe" if call.params[0]["mentions"][0] == address(ONE).to_string() => {
            Verdict::error(-32602, "not on this plan")
        }
        _ => Verdict::Node,
    });
    let lease = world.lease();
    let refused = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    let watch = lease.watch(&[mentions(address(TWO), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    eventually(|| !world.manager.stats().feed.rejected.is_empty()).await;
    let rejected = world.manager.stats().feed.rejected;
    let (what, why) = rejected.first_key_value().unwrap();
    assert!(what.contains(&address(ONE).to_string()) && why.contains("not on this plan"), "{rejected:?}");
    let landed = tx(1, &[address(TWO)]);
    world.node.land(101, &landed);
    world.node.logs(101, &landed, &[], &[address(TWO)]);
    assert_eq!(take(&watch, 1).await, [landed.signature]);
    drop((refused, watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_transaction_that_is_not_there_yet_is_asked_for_until_it_is() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    let (late, soon) = (tx(1, &[address(ONE)]), tx(2, &[address(ONE)]));
    world.node.land(101, &soon);
    world.node.logs(101, &late, &[], &[address(ONE)]);
    world.node.logs(101, &soon, &[], &[address(ONE)]);
    eventually(|| world.manager.stats().feed.not_yet_there >= 3).await;
    assert!(is_empty(&watch), "handed out before the one that came first");
    world.node.land(101, &late);
    assert_eq!(take(&watch, 2).await, [late.signature, soon.signature]);
    assert_eq!(world.manager.stats().feed.missing, 0);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_transaction_that_is_never_found_is_counted_and_holds_up_nobody_for_ever() {
    let world = world().await;
    let lease = world.lease();
    let watches = [ONE, TWO].map(|one| lease.watch(&[mentions(address(one), Traffic::Selected)]).unwrap());
    let other = lease.watch(&[mentions(address(3), Traffic::Selected)]).unwrap();
    until_followed(&world, 3).await;
    let (lost, found) = (tx(1, &[address(ONE), address(TWO)]), tx(2, &[address(ONE), address(TWO)]));
    world.node.land(101, &found);
    world.node.logs(101, &lost, &[], &[address(ONE), address(TWO)]);
    world.node.logs(101, &found, &[], &[address(ONE), address(TWO)]);
    for watch in &watches {
        assert_eq!(next(&watch.transactions).await, Got::Tx(found.signature.clone()));
    }
    eventually(|| world.manager.stats().feed.missing == 1).await;
    assert!(is_empty(&other), "it does not concern this one");
    drop((watches, other, lease));
    world.stop().await;
}

#[tokio::test]
async fn what_failed_or_is_ruled_out_by_its_logs_is_not_fetched() {
    let world = world().await;
    let lease = world.lease();
    let hint = LogHint(|lines| lines.iter().any(|line| line.contains("burn")));
    let interest = Interest::Transactions { mention: address(ONE), traffic: Traffic::Selected, hint };
    let watch = lease.watch(&[interest]).unwrap();
    until_followed(&world, 1).await;
    let [failed, ruled_out, wanted] = [1, 2, 3].map(|number| tx(number, &[address(ONE)]));
    for tx in [&failed, &ruled_out, &wanted] {
        world.node.land(101, tx);
    }
    let error = json!({"InstructionError": [0, {"Custom": 1}]});
    world.node.logs_with(101, &failed, &error, &["a burn"], &[address(ONE)]);
    world.node.logs(101, &ruled_out, &["a swap"], &[address(ONE)]);
    world.node.logs(101, &wanted, &["a burn"], &[address(ONE)]);
    assert_eq!(take(&watch, 1).await, std::slice::from_ref(&wanted.signature));
    let asked = world.node.asked("getTransaction");
    assert_eq!(asked.iter().map(|call| call.params[0].clone()).collect::<Vec<_>>(), [wanted.signature]);
    let feed = world.manager.stats().feed;
    assert_eq!((feed.ruled_out_failed, feed.ruled_out_by_logs, feed.log_notifications), (1, 1, 3));
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn what_happened_while_the_socket_was_away_comes_before_what_is_notified_afterwards() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    let [before, unheard, after] = [1, 2, 3].map(|number| tx(number, &[address(ONE)]));
    world.node.land(101, &before);
    world.node.logs(101, &before, &[], &[address(ONE)]);
    assert_eq!(next(&watch.transactions).await, Got::Tx(before.signature.clone()));
    world.node.front.ws().refuse(true);
    world.node.front.ws().kill_connections();
    world.node.land(102, &unheard);
    // The listing waits while the first notification comes.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    world.node.interpose(move |call| {
        if call.method == "getSignaturesForAddress" {
            // Ends when the sender is dropped.
            assert!(held.lock().unwrap().recv().is_err());
        }
        None
    });
    drop(release);
    world.node.front.ws().refuse(false);
    eventually(|| world.manager.stats().feed.interruptions == 1).await;
    world.node.land(103, &after);
    world.node.logs(103, &after, &[], &[address(ONE)]);
    assert_eq!(take(&watch, 2).await, [unheard.signature, after.signature]);
    assert!(world.manager.stats().feed.found_by_listing >= 1);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_notification_that_never_came_is_found_without_a_disconnect() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    eventually(|| world.manager.stats().feed.listings >= 1).await;
    let [silent, heard] = [1, 2].map(|number| tx(number, &[address(ONE)]));
    world.node.land(101, &silent);
    world.node.land(102, &heard);
    world.node.logs(102, &heard, &[], &[address(ONE)]);
    let mut got = take(&watch, 2).await;
    got.sort_unstable();
    let mut expected = [silent.signature, heard.signature];
    expected.sort_unstable();
    assert_eq!(got, expected);
    assert_eq!(world.manager.stats().feed.interruptions, 0);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_transaction_of_a_version_that_is_not_read_raises_the_alarm_and_leaves_a_hole() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    let [new, malformed, fine] = [1, 2, 3].map(|number| tx(number, &[address(ONE)]));
    for tx in [&new, &malformed, &fine] {
        world.node.land(101, tx);
    }
    let (newer, broken) = (new.signature.clone(), malformed.signature.clone());
    world.node.interpose(move |call| {
        let asked = call.params[0].as_str()?;
        if asked == newer {
            return Some(Reply::error(UNSUPPORTED_VERSION, "Transaction version (2) is not supported"));
        }
        (asked == broken).then(|| Reply::Result(json!({"slot": 101})))
    });
    for tx in [&new, &malformed, &fine] {
        world.node.logs(101, tx, &[], &[address(ONE)]);
    }
    assert_eq!(next(&watch.transactions).await, Got::Tx(fine.signature));
    for _ in 0..40 {
        world.node.grow(Vec::new());
    }
    assert_eq!(next(&watch.transactions).await, Got::Hole(101, 101));
    let feed = world.manager.stats().feed;
    assert!(feed.unsupported_version >= 2 && feed.undecodable >= 2, "asked for again by a listing: {feed:?}");
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn notifications_of_an_odd_shape_are_counted_and_looked_for_by_a_listing() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_followed(&world, 1).await;
    let subscription = within(world.node.front.pubsub().subscribed("logsSubscribe", None)).await;
    world
        .node
        .front
        .pubsub()
        .notify(subscription.id, &json!({"context": {"slot": 7}, "value": {"logs": []}}));
    let landed = tx(1, &[address(ONE)]);
    world.node.land(101, &landed);
    assert_eq!(take(&watch, 1).await, [landed.signature]);
    assert_eq!(world.manager.stats().feed.odd.get("logs"), Some(&1));
    drop((watch, lease));
    world.stop().await;
}
