//! The five scenarios of sharing, as the server and the connection itself see them.

use eda_connection::{
    Config, Lease,
    endpoint::Endpoint,
    feed::{Interest, Traffic, Watch},
    request::{Class, Method},
};
use eda_events::WorkerName;
use serde_json::json;

use crate::{
    node::{address, tx},
    setup::{PATIENCE, World, eventually, mentions, take, within, world_with},
};

/// A worker's lasting things, as its supervisor keeps them.
struct Worker {
    lease: Lease,
    watch: Watch,
}

const KEY: &str = "5f0c1c9e7a7b4e55b1f3a7d2c6e81f04";

fn with_key(config: &mut Config) {
    let url = config.sites[0].endpoint.http().join(KEY).unwrap();
    config.sites[0].endpoint = Endpoint::parse(url.as_str(), None).unwrap();
}

async fn start(world: &World, name: WorkerName) -> Worker {
    let lease = world.manager.lease(name);
    let watch =
        lease.watch(&[Interest::Account(address(1)), mentions(address(2), Traffic::Selected)]).unwrap();
    within(lease.identity()).await;
    ask(&lease).await;
    eventually(|| world.manager.stats().pubsub.live == 3).await;
    Worker { lease, watch }
}

async fn ask(lease: &Lease) {
    lease.call(Class::Poll, Method::new("getSlot"), json!([]), PATIENCE).await.unwrap();
}

/// The connection is open, both sides agree on that, and it was opened once.
fn assert_open_once(world: &World, holders: &[WorkerName]) {
    let stats = world.manager.stats();
    assert!(stats.active());
    assert_eq!((stats.lease_count, stats.holders.as_slice()), (holders.len(), holders));
    assert!(!stats.url.contains(KEY) && stats.url.starts_with("http://127.0.0.1:"), "{}", stats.url);
    assert!(!format!("{stats:?}").contains(KEY), "the key is shown");
    assert_eq!((stats.http.open, stats.http.opened - stats.http.probes), (1, 1));
    assert_eq!((stats.pubsub.sockets_open, stats.pubsub.sockets_opened), (1, 1));
    let (http, ws) = (world.node.front.http().tally().traffic(), world.node.front.ws().tally().traffic());
    assert_eq!((http.open, http.max_open, http.accepts), (1, 1, stats.http.opened));
    assert_eq!((ws.open, ws.max_open, ws.accepts), (1, 1, 1));
}

fn assert_nobody(world: &World) {
    let stats = world.manager.stats();
    assert!(!stats.active());
    assert_eq!((stats.lease_count, stats.holders.len()), (0, 0));
}

#[tokio::test]
async fn one_worker_starts_and_the_connection_is_created() {
    let world = world_with(with_key).await;
    assert_nobody(&world);
    let traffic = world.node.front.http().tally().traffic();
    assert_eq!((traffic.accepts, world.node.front.ws().tally().accepts()), (0, 0), "opened for nobody");
    let worker = start(&world, WorkerName::BurnDetector).await;
    assert_open_once(&world, &[WorkerName::BurnDetector]);
    let asked = world.node.asked("getSlot");
    assert!(asked[0].path.contains(KEY), "the provider must get the key");
    drop(worker);
    world.stop().await;
}

#[tokio::test]
async fn several_workers_start_and_the_same_connection_is_used() {
    let world = world_with(with_key).await;
    let mut workers = Vec::new();
    for count in 1..=WorkerName::ALL.len() {
        workers.push(start(&world, WorkerName::ALL[count - 1]).await);
        assert_open_once(&world, &WorkerName::ALL[..count]);
    }
    drop(workers);
    world.stop().await;
}

#[tokio::test]
async fn one_worker_stops_and_the_connection_stays_for_the_others() {
    let world = world_with(with_key).await;
    let gone = start(&world, WorkerName::BurnDetector).await;
    let left = start(&world, WorkerName::MarketDetector).await;
    drop(gone);
    assert_open_once(&world, &[WorkerName::MarketDetector]);
    ask(&left.lease).await;
    let landed = tx(1, &[address(2)]);
    world.node.land(101, &landed);
    world.node.logs(101, &landed, &[], &[address(2)]);
    assert_eq!(take(&left.watch, 1).await, [landed.signature]);
    assert_open_once(&world, &[WorkerName::MarketDetector]);
    drop(left);
    world.stop().await;
}

#[tokio::test]
async fn all_workers_stop_and_both_sockets_close() {
    let world = world_with(with_key).await;
    for round in 1..=2 {
        let mut workers = Vec::new();
        for name in WorkerName::ALL {
            workers.push(start(&world, name).await);
        }
        drop(workers);
        assert_nobody(&world);
        world.until_closed().await;
        eventually(|| {
            let stats = world.manager.stats();
            (stats.http.open, stats.pubsub.sockets_open) == (0, 0)
        })
        .await;
        assert_eq!(world.node.front.ws().tally().accepts(), round, "one socket for each time they ran");
    }
    world.stop().await;
}

/// The supervisor keeps a worker's lease and watch while it starts the worker anew.
#[tokio::test]
async fn a_worker_restarts_and_the_connection_is_reused() {
    let world = world_with(with_key).await;
    let kept = std::sync::Arc::new(start(&world, WorkerName::BurnDetector).await);
    for number in 1..=3 {
        let landed = tx(number, &[address(2)]);
        world.node.land(101, &landed);
        world.node.logs(101, &landed, &[], &[address(2)]);
        let incarnation = std::sync::Arc::clone(&kept);
        let got = async move {
            ask(&incarnation.lease).await;
            take(&incarnation.watch, 1).await
        };
        assert_eq!(got.await, [landed.signature]);
        assert_open_once(&world, &[WorkerName::BurnDetector]);
    }
    drop(kept);
    world.stop().await;
}

/// A lease given back while the same worker has another is still one lease.
#[tokio::test]
async fn a_worker_with_two_leases_is_one_holder_until_the_last_is_returned() {
    let world = world_with(with_key).await;
    let first = world.manager.lease(WorkerName::TradingBot);
    let second = world.manager.lease(WorkerName::TradingBot);
    let stats = world.manager.stats();
    assert_eq!((stats.lease_count, stats.holders.as_slice()), (2, &[WorkerName::TradingBot][..]));
    drop(first);
    assert_eq!(world.manager.stats().lease_count, 1);
    drop(second);
    assert_nobody(&world);
    world.stop().await;
}
