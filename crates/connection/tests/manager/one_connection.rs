use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eda_connection::{
    ConnectionManager, Lease,
    feed::{Interest, Traffic, Watch},
    request::{Class, Method},
};
use eda_events::WorkerName;
use eda_simnet::Protocol;
use futures_util::future::join_all;
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet, time::timeout};

use crate::{
    node::{Node, address, tx},
    setup::{PATIENCE, World, config, eventually, mentions, within},
};

const PROTOCOLS: [Protocol; 5] =
    [Protocol::Tls, Protocol::TlsHttp1, Protocol::H2c, Protocol::Http1, Protocol::H2cRefused];

const GET_SLOT: Method = Method::new("getSlot");

/// Where there is no ALPN, one connection asks for the protocol before the one that stays.
fn accepts_at_start(protocol: Protocol) -> u64 {
    if protocol.is_tls() { 1 } else { 2 }
}

fn interests(worker: WorkerName) -> Vec<Interest> {
    let own = WorkerName::ALL.iter().position(|name| *name == worker).unwrap();
    let own = address(u8::try_from(own).unwrap() + 10);
    vec![Interest::Account(address(1)), Interest::Account(own), mentions(address(2), Traffic::Selected)]
}

/// Five workers, each of the manager at its place, that begin at the same moment and call a good deal.
async fn five_at_once(managers: [&Arc<ConnectionManager>; 5]) -> Vec<(Lease, Watch)> {
    let barrier = Arc::new(Barrier::new(5));
    let mut workers = JoinSet::new();
    for (manager, worker) in managers.into_iter().zip(WorkerName::ALL) {
        let (manager, barrier) = (Arc::clone(manager), Arc::clone(&barrier));
        workers.spawn(async move {
            barrier.wait().await;
            let lease = manager.lease(worker);
            let watch = lease.watch(&interests(worker)).unwrap();
            let calls = (0..40).map(|_| lease.call(Class::Poll, GET_SLOT, json!([]), PATIENCE));
            for answer in join_all(calls).await {
                answer.unwrap();
            }
            lease.identity().await;
            (lease, watch)
        });
    }
    within(workers.join_all()).await
}

async fn world(protocol: Protocol) -> World {
    World::of(Arc::new(Node::start(protocol).await), |_| {})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_workers_at_once_share_one_connection_and_one_websocket_and_leave_none() {
    for protocol in PROTOCOLS {
        let world = world(protocol).await;
        assert_eq!(
            world.node.front.http().tally().accepts(),
            0,
            "{protocol:?}: opened before the first lease"
        );
        let leases = five_at_once([&world.manager; 5]).await;
        let (http, ws) = (world.node.front.http().tally().traffic(), world.node.front.ws().tally().traffic());
        assert_eq!((http.max_open, http.open), (1, 1), "{protocol:?}");
        assert_eq!(http.accepts, accepts_at_start(protocol), "{protocol:?}");
        assert_eq!((ws.accepts, ws.max_open, ws.open), (1, 1, 1), "{protocol:?}");
        let stats = world.manager.stats();
        assert_eq!((stats.http.open, stats.http.opened, stats.pubsub.sockets_open), (1, http.accepts, 1));
        drop(leases);
        world.until_closed().await;
        assert_eq!(world.node.front.ws().tally().max_open(), 1, "{protocol:?}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_managers_at_once_are_seen_as_five() {
    for protocol in PROTOCOLS {
        let node = Arc::new(Node::start(protocol).await);
        let _pulse = node.pulse();
        let managers: Vec<_> = (0..5).map(|_| ConnectionManager::open(config(&node)).unwrap()).collect();
        let five: Vec<&Arc<ConnectionManager>> = managers.iter().collect();
        let leases = five_at_once(five.try_into().unwrap()).await;
        let (http, ws) = (node.front.http().tally().traffic(), node.front.ws().tally().traffic());
        assert_eq!((http.open, http.accepts), (5, 5 * accepts_at_start(protocol)), "{protocol:?}");
        assert_eq!((ws.open, ws.max_open, ws.peer_ports()), (5, 5, 5), "{protocol:?}");
        drop(leases);
        within(join_all(managers.iter().map(|manager| manager.shut_down()))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_kills_both_sockets_under_load_never_sees_two_and_both_come_back() {
    for protocol in PROTOCOLS {
        let world = world(protocol).await;
        let leases = five_at_once([&world.manager; 5]).await;
        let (leases, watches): (Vec<_>, Vec<_>) = leases.into_iter().unzip();
        let over = Arc::new(AtomicBool::new(false));
        let mut load = JoinSet::new();
        for lease in leases {
            let over = Arc::clone(&over);
            load.spawn(async move {
                while !over.load(Ordering::Acquire) {
                    lease.call(Class::Poll, GET_SLOT, json!([]), PATIENCE).await.unwrap();
                }
            });
        }
        let front = &world.node.front;
        for round in 1..=4 {
            let (asked, sockets) = (front.rpc().journal().len(), front.ws().tally().accepts());
            within(front.rpc().journal().until(|calls| calls.len() > asked + 50)).await;
            front.http().kill_connections();
            front.ws().kill_connections();
            let asked = front.rpc().journal().len();
            within(front.rpc().journal().until(|calls| calls.len() > asked + 20)).await;
            within(front.ws().tally().until(|traffic| traffic.accepts > sockets && traffic.open == 1)).await;
            // What was subscribed is subscribed again: the slots, and what the workers follow.
            within(front.pubsub().until(|all| all.len() >= 8)).await;
            assert_eq!(front.ws().tally().max_open(), 1, "{protocol:?}, round {round}");
        }
        over.store(true, Ordering::Release);
        within(load.join_all()).await;
        assert_eq!(front.http().tally().max_open(), 1, "{protocol:?}");
        assert!(
            front.http().tally().accepts() > accepts_at_start(protocol),
            "{protocol:?}: nothing was killed"
        );
        drop(watches);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_cancelled_calls_cost_neither_socket() {
    for protocol in PROTOCOLS {
        let world = world(protocol).await;
        let leases = five_at_once([&world.manager; 5]).await;
        world.node.interpose(|call| {
            (call.method == "getSlot")
                .then(|| eda_simnet::Reply::Result(json!(1)).after(Duration::from_millis(3)))
        });
        for _ in 0..20 {
            let asked = world.node.front.rpc().journal().len();
            let calls = leases.iter().flat_map(|(lease, _)| {
                (0..10).map(|_| lease.call(Class::Poll, GET_SLOT, json!([]), PATIENCE))
            });
            tokio::select! {
                _ = join_all(calls) => {}
                _ = world.node.front.rpc().journal().until(|calls| calls.len() > asked) => {}
            }
        }
        leases[0].0.call(Class::Poll, GET_SLOT, json!([]), PATIENCE).await.unwrap();
        let (http, ws) = (world.node.front.http().tally().traffic(), world.node.front.ws().tally().traffic());
        assert_eq!((http.max_open, http.accepts), (1, accepts_at_start(protocol)), "{protocol:?}");
        assert_eq!((ws.max_open, ws.accepts), (1, 1), "{protocol:?}");
        drop(leases);
        world.stop().await;
    }
}

/// Whatever is still being fetched when the last worker leaves must not open a connection again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_under_way_when_the_last_lease_was_returned_opens_nothing_again() {
    for lease_first in [true, false] {
        let world = world(Protocol::Http1).await;
        let lease = world.lease();
        let watch =
            lease.watch(&[Interest::Account(address(1)), mentions(address(2), Traffic::Selected)]).unwrap();
        within(world.node.front.pubsub().subscribed("logsSubscribe", None)).await;
        within(lease.identity()).await;
        // A transaction that is never found, and a snapshot that is never answered: both are asked for again.
        world.node.interpose(|call| {
            (call.method == "getMultipleAccounts")
                .then(|| eda_simnet::Reply::status(http::StatusCode::SERVICE_UNAVAILABLE))
        });
        world.node.logs(101, &tx(1, &[address(2)]), &[], &[address(2)]);
        within(world.node.until_asked("getTransaction", 2)).await;
        world.node.front.ws().kill_connections();
        within(world.node.until_asked("getMultipleAccounts", 3)).await;
        if lease_first {
            drop(lease);
            within(world.node.front.http().tally().until(|traffic| traffic.open == 0)).await;
            drop(watch);
        } else {
            drop(watch);
            drop(lease);
        }
        world.until_closed().await;
        let accepts = world.node.front.http().tally().accepts();
        let again = world.node.front.http().tally().until(|traffic| traffic.accepts > accepts);
        assert!(timeout(Duration::from_millis(500), again).await.is_err(), "a socket was opened for nobody");
        // The next worker finds it as it was.
        world.node.honest();
        let lease = world.lease();
        within(lease.call(Class::Poll, GET_SLOT, json!([]), PATIENCE)).await.unwrap();
        drop(lease);
        eventually(|| !world.manager.stats().active()).await;
        world.stop().await;
    }
}
