use std::time::Duration;

use eda_connection::{
    Lease, RequestError,
    feed::{Interest, Traffic},
    http::{CallError, Reply as Answer},
    request::{Class, Method},
};
use eda_events::{Slot, WorkerName};
use eda_limits::Rate;
use eda_simnet::{Call, Protocol, Reply};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    node::{Node, address, tx},
    setup::{PATIENCE, World, eventually, mentions, take, within, world, world_with},
};

const PROTOCOLS: [Protocol; 3] = [Protocol::Tls, Protocol::H2c, Protocol::Http1];

async fn send(lease: &Lease, patience: Duration) -> Result<Answer, RequestError> {
    let params = json!(["AQ==", {"encoding": "base64"}]);
    lease.call(Class::Exit, Method::new("sendTransaction"), params, patience).await
}

async fn world_of(protocol: Protocol) -> World {
    World::of(std::sync::Arc::new(Node::start(protocol).await), |_| {})
}

fn is_unknown(outcome: &Result<Answer, RequestError>) -> bool {
    matches!(outcome, Err(RequestError::Call(CallError::OutcomeUnknown { .. })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_never_sent_twice_when_the_connection_dies_under_it() {
    for protocol in PROTOCOLS {
        for answered in
            [Reply::Dropped(json!("signature")), Reply::Never, Reply::Truncated(json!("signature"))]
        {
            let world = world_of(protocol).await;
            let lease = world.lease();
            within(lease.identity()).await;
            let never = matches!(answered, Reply::Never);
            world.node.interpose(move |call| (call.method == "sendTransaction").then(|| answered.clone()));
            let kill = async {
                within(world.node.until_asked("sendTransaction", 1)).await;
                if never {
                    world.node.front.http().kill_connections();
                }
            };
            let (outcome, ()) = tokio::join!(send(&lease, PATIENCE), kill);
            assert!(is_unknown(&outcome), "{protocol:?}: {outcome:?}");
            // The connection is there again, and nothing was repeated on it.
            let balance = lease.call(Class::Poll, Method::new("getBalance"), json!(["a"]), PATIENCE);
            within(balance).await.unwrap();
            assert_eq!(world.node.asked("sendTransaction").len(), 1, "{protocol:?}");
            drop(lease);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn the_outcome_of_a_transaction_whose_answer_did_not_come_in_time_is_unknown() {
    let world = world().await;
    let lease = world.lease();
    within(lease.identity()).await;
    world.node.interpose(|call| (call.method == "sendTransaction").then_some(Reply::Never));
    let outcome = within(send(&lease, Duration::from_millis(300))).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    assert_eq!(world.node.asked("sendTransaction").len(), 1);
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn a_transaction_that_was_rejected_by_the_limit_is_sent_again_after_the_freeze() {
    let world = world().await;
    let lease = world.lease();
    within(lease.identity()).await;
    let refused = std::sync::atomic::AtomicBool::new(false);
    world.node.interpose(move |call| {
        let first =
            call.method == "sendTransaction" && !refused.swap(true, std::sync::atomic::Ordering::AcqRel);
        first.then(|| Reply::too_many_requests(Some(1)))
    });
    within(send(&lease, PATIENCE)).await.unwrap();
    let sent = world.node.asked("sendTransaction");
    assert_eq!(sent.len(), 2);
    let waited = sent[1].at.duration_since(sent[0].at);
    assert!(
        waited >= Duration::from_secs(1),
        "sent again after {waited:?}, while the provider wanted a second"
    );
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn an_error_of_the_node_is_the_answer_and_is_not_repeated() {
    let world = world().await;
    let lease = world.lease();
    within(lease.identity()).await;
    world.node.interpose(|call| {
        matches!(call.method.as_str(), "sendTransaction" | "getBalance")
            .then(|| Reply::error(-32002, "Transaction simulation failed"))
    });
    let outcome = within(send(&lease, PATIENCE)).await.unwrap_err();
    assert_eq!(outcome.node_error(), Some((-32002, "Transaction simulation failed")));
    let outcome = lease.call(Class::Poll, Method::new("getBalance"), json!(["a"]), PATIENCE);
    assert!(within(outcome).await.unwrap_err().node_error().is_some());
    assert_eq!((world.node.asked("sendTransaction").len(), world.node.asked("getBalance").len()), (1, 1));
    drop(lease);
    world.stop().await;
}

#[tokio::test]
async fn an_account_is_read_as_of_a_slot_and_a_node_that_is_behind_is_asked_again() {
    let world = world().await;
    let lease = world.lease();
    world.node.hold(address(3), 7);
    let behind = std::sync::atomic::AtomicU32::new(2);
    world.node.interpose(move |call| {
        if call.method != "getAccountInfo" || call.params[0] != address(3).to_string() {
            return None;
        }
        assert_eq!(call.params[1]["minContextSlot"], 100);
        let left = behind.load(std::sync::atomic::Ordering::Acquire);
        behind.store(left.checked_sub(1)?, std::sync::atomic::Ordering::Release);
        Some(Reply::error(-32016, "Minimum context slot has not been reached"))
    });
    let fact = within(lease.account(Class::Guard, address(3), Slot(100), PATIENCE)).await.unwrap();
    assert_eq!((fact.slot, fact.state.unwrap().lamports), (Slot(100), 7));
    drop(lease);
    world.stop().await;
}

/// The most calls in any window of this length, as the server received them.
fn most_within(calls: &[Call], window: Duration) -> usize {
    calls
        .iter()
        .map(|first| calls.iter().filter(|call| call.at >= first.at && call.at < first.at + window).count())
        .max()
        .unwrap_or(0)
}

/// Only three of the predecessor's reads passed its limiter, and whoever waited woke together (T13).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_passes_the_budget_and_no_window_is_exceeded() {
    let window = Duration::from_secs(1);
    let world = world_with(|config| {
        config.sites[0].limits.requests = Some(Rate::per_seconds(5, 1));
        // Each call is to be a request.
        config.savings.on = false;
    })
    .await;
    let leases = WorkerName::ALL.map(|name| world.manager.lease(name));
    let watch =
        leases[0].watch(&[Interest::Account(address(1)), mentions(address(2), Traffic::Selected)]).unwrap();
    within(world.node.front.pubsub().subscribed("logsSubscribe", None)).await;
    let landed = tx(1, &[address(2)]);
    world.node.land(101, &landed);
    world.node.logs(101, &landed, &[], &[address(2)]);
    let methods: [(&str, Value, Class); 8] = [
        ("getBalance", json!(["a"]), Class::Guard),
        ("getLatestBlockhash", json!([]), Class::Entry),
        ("sendTransaction", json!(["AQ=="]), Class::Exit),
        ("getSlot", json!([]), Class::Poll),
        ("getTransaction", json!(["a", {"maxSupportedTransactionVersion": 1}]), Class::Detect),
        ("getMultipleAccounts", json!([["a"]]), Class::Fill),
        ("getHealth", json!([]), Class::Poll),
        ("getBlocks", json!([100, 101]), Class::Confirm),
    ];
    let calls = methods.iter().zip(leases.iter().cycle()).flat_map(|((method, params, class), lease)| {
        (0..2).map(move |_| lease.call(*class, Method::named((*method).to_owned()), params.clone(), PATIENCE))
    });
    for answer in within(join_all(calls)).await {
        answer.unwrap();
    }
    assert_eq!(take(&watch, 1).await, [landed.signature]);
    eventually(|| world.manager.stats().feed.accounts > 0).await;
    let calls = world.node.front.rpc().journal().all();
    for (method, _, _) in &methods {
        assert!(calls.iter().filter(|call| call.method == *method).count() >= 2, "{method} was not asked");
    }
    let most = most_within(&calls, window);
    assert!(most <= 5, "{most} calls within a second");
    // The counting can see more than five.
    assert!(most_within(&calls, window * 10) > 5);
    drop((watch, leases));
    world.stop().await;
}
