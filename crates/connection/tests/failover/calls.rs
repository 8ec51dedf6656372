use std::time::Duration;

use eda_connection::{
    RequestError,
    http::CallError,
    request::{Class, Method},
};
use eda_events::Address;
use eda_limits::Rate;
use eda_simnet::faults::{Condition, Fault, Response};
use serde_json::{Value, json};

use crate::setup::{World, break_for_good, within};

const PATIENCE: Duration = Duration::from_secs(40);
const GET_BALANCE: Method = Method::new("getBalance");
const SEND_TRANSACTION: Method = Method::new("sendTransaction");

fn wallet() -> Value {
    json!([Address::new_from_array([7; 32]).to_string()])
}

/// How often each endpoint was asked.
fn asked(world: &World, method: &str) -> Vec<usize> {
    world.endpoints.iter().map(|endpoint| endpoint.front().rpc().journal().of(method).len()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_the_budget_is_made_at_the_next_endpoint() {
    let world = World::with(2, |config| {
        let limits = &mut config.sites[0].limits;
        limits.methods.insert(GET_BALANCE, Rate::per_seconds(1, 30));
        (limits.margin_percent, limits.reserve_percent) = (0, 0);
    })
    .await;
    let ask = || world.lease.call(Class::Poll, GET_BALANCE, wallet(), PATIENCE);
    within(ask()).await.unwrap();
    let (waiting, ()) = tokio::join!(within(ask()), async {
        while world.manager.budget().await.waiting.get(&Class::Poll) != Some(&1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(asked(&world, "getBalance"), [1, 0]);
        world.kill(0).await;
    });
    waiting.unwrap();
    assert_eq!((world.here(), asked(&world, "getBalance")), (1, vec![1, 1]));
    world.assert_one_of_each();
    world.stop().await;
}

/// The first endpoint falls behind, and is left with its connection in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_a_change_is_asked_again_unless_it_may_have_had_an_effect() {
    let world = World::of(2).await;
    let silence = Fault::new(Response::Silence).methods(["getBalance", "sendTransaction"]);
    world.endpoints[0].faults().apply(silence).unwrap();
    let read = world.lease.call(Class::Poll, GET_BALANCE, wallet(), PATIENCE);
    let sent = world.lease.call(Class::Exit, SEND_TRANSACTION, json!(["AQ=="]), PATIENCE);
    let (read, sent, ()) = tokio::join!(within(read), within(sent), async {
        within(world.endpoints[0].front().rpc().journal().until(|calls| {
            ["getBalance", "sendTransaction"].iter().all(|one| calls.iter().any(|call| call.method == *one))
        }))
        .await;
        break_for_good(&world.endpoints[0], Condition::EndpointLag(100)).await;
    });
    read.unwrap();
    assert!(matches!(sent, Err(RequestError::Call(CallError::OutcomeUnknown { .. }))), "{sent:?}");
    world.until_changed(1).await;
    assert_eq!(asked(&world, "getBalance"), [1, 1]);
    assert_eq!(asked(&world, "sendTransaction"), [1, 0], "sent twice");
    assert_eq!(world.manager.stats().pubsub.lost["moved"], 1);
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_never_left_is_sent_at_the_next_endpoint() {
    let world = World::of(2).await;
    world.kill(0).await;
    let sent = within(world.lease.call(Class::Exit, SEND_TRANSACTION, json!(["AQ=="]), PATIENCE)).await;
    // The node's own words: this is no transaction.
    assert!(sent.unwrap_err().node_error().is_some());
    assert_eq!((world.here(), asked(&world, "sendTransaction")), (1, vec![0, 1]));
    world.stop().await;
}
