use std::{sync::Arc, time::Duration};

use eda_connection::{
    ConnectionManager, Vital,
    endpoint::Endpoint,
    feed::{Interest, Traffic},
};
use eda_events::{Cluster, Input, WorkerName};
use eda_simnet::{Protocol, Reply};
use http::StatusCode;

use crate::{
    node::{Node, TESTNET, address, tx},
    setup::{by_blocks, config, eventually, mentions, within, world, world_with},
};

const DEVNET: &str = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";

#[tokio::test]
async fn the_cluster_is_named_once_both_sides_have_shown_the_same_chain() {
    let world = world().await;
    assert!(matches!(world.manager.vital(), Vital::Unknown(_)));
    let lease = world.lease();
    let identity = within(lease.identity()).await;
    assert_eq!((identity.cluster, identity.genesis_hash.as_str()), (Cluster::Testnet, TESTNET));
    assert_eq!(identity.version, "4.2.2");
    assert_eq!(world.manager.lacking(lease.worker()), None);
    assert!(!world.node.asked("getAccountInfo").is_empty(), "nothing was compared");
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn an_http_and_a_websocket_url_of_different_clusters_are_told_and_no_fact_is_handed_out() {
    let requests = Arc::new(Node::of_cluster(Protocol::Http1, TESTNET, 1).await);
    let sockets = Arc::new(Node::of_cluster(Protocol::Http1, DEVNET, 2).await);
    let _pulses = [requests.pulse(), sockets.pulse()];
    let mut config = config(&requests);
    by_blocks(&mut config);
    config.sites[0].endpoint =
        Endpoint::parse(&requests.front.http_url(), Some(&sockets.front.ws_url())).unwrap();
    let manager = ConnectionManager::open(config).unwrap();
    let lease = manager.lease(WorkerName::BurnDetector);
    eventually(|| matches!(manager.vital(), Vital::Conflict(_))).await;
    let Vital::Conflict(why) = manager.stats().vital else { panic!("not a conflict") };
    assert!(why.contains("different clusters") && why.contains("rpc.ws_url"), "{why}");
    assert_eq!(manager.lacking(lease.worker()), Some(why));

    let watch =
        lease.watch(&[mentions(address(1), Traffic::WholeChain), Interest::Account(address(2))]).unwrap();
    let slot = requests.grow(vec![tx(1, &[address(1)])]);
    within(sockets.front.pubsub().subscribed("accountSubscribe", Some(&address(2).to_string()))).await;
    sockets.announce(slot, slot - 1);
    sockets.notify_account(address(2), slot, 5);
    eventually(|| manager.stats().feed.distrusted >= 1).await;
    let feed = manager.stats().feed;
    assert_eq!((feed.cursor, feed.transactions, feed.accounts), (None, 0, 0));
    assert_eq!((watch.transactions.stats().queued, watch.accounts.stats().queued), (0, 0));
    drop((watch, lease));
    within(manager.shut_down()).await;
}

#[tokio::test]
async fn a_cluster_that_changes_behind_the_endpoint_is_told_as_a_conflict_until_it_is_back() {
    let world = world().await;
    let lease = world.lease();
    within(lease.identity()).await;
    world.node.become_cluster(DEVNET);
    world.node.front.ws().kill_connections();
    eventually(|| matches!(world.manager.vital(), Vital::Conflict(_))).await;
    let Vital::Conflict(why) = world.manager.vital() else { panic!("not a conflict") };
    assert!(why.contains(TESTNET) && why.contains(DEVNET), "{why}");
    world.node.become_cluster(TESTNET);
    world.node.front.ws().kill_connections();
    assert_eq!(within(lease.identity()).await.genesis_hash, TESTNET);
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_at_the_start_is_waited_for_and_the_reason_is_shown() {
    let world = world().await;
    world.node.front.http().refuse(true);
    world.node.front.ws().refuse(true);
    let lease = world.lease();
    let says_why = || match world.manager.vital() {
        Vital::Unknown(why) => why.contains("cannot connect to 127.0.0.1"),
        Vital::Known(_) | Vital::Conflict(_) => false,
    };
    eventually(says_why).await;
    let lacking = world.manager.lacking(lease.worker()).unwrap();
    assert!(lacking.contains("cannot connect to 127.0.0.1"), "{lacking}");
    world.node.front.http().refuse(false);
    world.node.front.ws().refuse(false);
    within(lease.identity()).await;
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn a_websocket_that_is_not_there_does_not_keep_the_workers_waiting_for_ever() {
    let world = world().await;
    world.node.front.ws().refuse(true);
    let lease = world.lease();
    within(lease.identity()).await;
    world.node.front.ws().refuse(false);
    within(world.node.front.ws().tally().until(|traffic| traffic.upgrades > 0)).await;
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn a_refused_key_or_address_is_shown_and_not_asked_for_again_at_once() {
    for (status, word) in [(StatusCode::UNAUTHORIZED, "401"), (StatusCode::FORBIDDEN, "403")] {
        let world = world_with(|_| {}).await;
        world.node.interpose(move |_| Some(Reply::status(status)));
        let lease = world.lease();
        eventually(|| world.manager.stats().refused_access.is_some()).await;
        let said = world.manager.stats().refused_access.unwrap();
        assert!(said.contains(word), "{said}");
        eventually(|| world.manager.lacking(lease.worker()).is_some_and(|why| why.contains(word))).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let asked = world.node.front.rpc().journal().len();
        assert!(asked <= 2, "asked {asked} times");
        drop(lease);
        world.stop().await;
    }
}
