use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{Endpoint, PATIENCE};
use crate::{
    Protocol,
    faults::{Hit, Kind},
};

/// Whether a new socket is reset at once.
async fn refused(listener: &crate::Listener) -> bool {
    let Ok(mut socket) = TcpStream::connect(listener.address()).await else { return true };
    match timeout(std::time::Duration::from_millis(100), socket.read(&mut [0; 1])).await {
        Ok(read) => read.is_err(),
        Err(_) => false,
    }
}

async fn slot(endpoint: &Endpoint, client: &reqwest::Client, commitment: &str) -> Value {
    let answer = endpoint.ask(client, "getSlot", json!([{"commitment": commitment}])).await;
    answer["result"].clone()
}

#[tokio::test]
async fn new_connections_are_refused_and_open_ones_stay() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.ask(&client, "getSlot", json!([])).await;
    endpoint.now(json!({"kind": "refuse-connections", "for": "1s"}));
    endpoint.ask(&client, "getSlot", json!([])).await;
    assert!(refused(endpoint.front.http()).await && refused(endpoint.front.ws()).await);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Sockets { http: 1, ws: 0 });
    endpoint.tick(1_000);
    assert!(!refused(endpoint.front.http()).await && !refused(endpoint.front.ws()).await);
    for (port, expected) in [("http", (true, false)), ("ws", (false, true))] {
        let number = endpoint.now(json!({"kind": "refuse-connections", "port": port}));
        assert_eq!((refused(endpoint.front.http()).await, refused(endpoint.front.ws()).await), expected);
        endpoint.faults.stop(number);
        endpoint.tick(1_001);
    }
    assert!(!refused(endpoint.front.http()).await && !refused(endpoint.front.ws()).await);
}

#[tokio::test]
async fn the_node_is_behind_for_a_while() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.produce(60);
    endpoint.now(json!({"kind": "endpoint-lag", "slots": 20, "for": "2s"}));
    assert_eq!(slot(&endpoint, &client, "processed").await, 40);
    assert_eq!(slot(&endpoint, &client, "finalized").await, 9);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Slots { count: 20 });
    endpoint.tick(2_000);
    assert_eq!(slot(&endpoint, &client, "processed").await, 60);
}

#[tokio::test]
async fn what_somebody_else_has_switched_is_left_alone() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    endpoint.node.fall_behind(5);
    endpoint.front.http().refuse(true);
    endpoint.now(json!({"kind": "confirmations-pause", "for": "1s"}));
    endpoint.tick(1_000);
    assert_eq!(endpoint.node.lag(), 5);
    assert!(refused(endpoint.front.http()).await);
}

#[tokio::test]
async fn the_first_available_slot_moves_up() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.produce(100);
    assert_eq!(endpoint.ask(&client, "getFirstAvailableBlock", json!([])).await["result"], 0);
    endpoint.now(json!({"kind": "history-pruned", "keep": 50}));
    assert_eq!(endpoint.ask(&client, "getFirstAvailableBlock", json!([])).await["result"], 51);
    assert_eq!(endpoint.ask(&client, "getBlock", json!([50])).await["result"], Value::Null);
    assert_eq!(endpoint.ask(&client, "getBlock", json!([51])).await["result"]["parentSlot"], 50);
    endpoint.now(json!({"kind": "history-pruned", "keep": 90}));
    endpoint.now(json!({"kind": "history-pruned", "keep": 0}));
    assert_eq!(endpoint.ask(&client, "getFirstAvailableBlock", json!([])).await["result"], 69);
    let hits: Vec<Hit> = endpoint.faults.journal().all().into_iter().map(|incident| incident.hit).collect();
    assert_eq!(hits, [Hit::History { first: 51 }, Hit::History { first: 69 }]);
}

#[tokio::test]
async fn the_next_block_is_processed_and_then_abandoned() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.produce(10);
    endpoint.now(json!({"kind": "block-abandon"}));
    endpoint.now(json!({"kind": "block-abandon"}));
    assert_eq!(endpoint.count(Kind::BlockAbandon), 1, "one block is abandoned once");
    endpoint.produce(1);
    assert_eq!(slot(&endpoint, &client, "processed").await, 11);
    endpoint.produce(1);
    assert_eq!(endpoint.ask(&client, "getBlock", json!([11])).await["result"], Value::Null);
    assert_eq!(endpoint.ask(&client, "getBlock", json!([12])).await["result"]["parentSlot"], 10);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::After { slot: 10 });
}

#[tokio::test]
async fn slots_have_no_block() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.produce(10);
    endpoint.now(json!({"kind": "slots-skip", "slots": 4}));
    endpoint.produce(5);
    assert_eq!(slot(&endpoint, &client, "processed").await, 15);
    assert_eq!(endpoint.ask(&client, "getBlock", json!([15])).await["result"]["parentSlot"], 10);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Slots { count: 4 });
}

#[tokio::test]
async fn confirmations_pause_for_a_while() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.produce(10);
    endpoint.now(json!({"kind": "confirmations-pause", "for": "1m"}));
    endpoint.produce(40);
    let slots = (slot(&endpoint, &client, "processed").await, slot(&endpoint, &client, "confirmed").await);
    assert_eq!(slots, (json!(50), json!(9)));
    endpoint.tick(60_000);
    endpoint.produce(1);
    assert_eq!(slot(&endpoint, &client, "confirmed").await, 50);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::After { slot: 9 });
}

#[tokio::test]
async fn a_restart_costs_every_socket_and_subscription_and_refuses_for_a_while() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.ask(&client, "getSlot", json!([])).await;
    let mut socket = endpoint.subscribed().await;
    endpoint.now(json!({"kind": "node-restart", "for": "3s"}));
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().is_err());
    endpoint.front.http().tally().until(|traffic| traffic.open == 0).await;
    endpoint.front.ws().tally().until(|traffic| traffic.open == 0).await;
    assert!(endpoint.front.pubsub().subscriptions().is_empty());
    assert!(endpoint.call(&client, "getSlot", json!([])).await.is_err());
    assert!(refused(endpoint.front.ws()).await);
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Sockets { http: 1, ws: 1 });
    endpoint.tick(3_000);
    endpoint.ask(&client, "getSlot", json!([])).await;
    endpoint.subscribed().await;
}

#[tokio::test]
async fn clearing_switches_everything_back() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    endpoint.produce(40);
    for kind in ["websocket-stall", "refuse-connections", "confirmations-pause"] {
        endpoint.fault(json!({"kind": kind}));
    }
    endpoint.now(json!({"kind": "endpoint-lag", "slots": 3}));
    assert_eq!(endpoint.node.lag(), 3);
    assert_eq!(endpoint.faults.clear(), 4);
    endpoint.tick(1);
    assert_eq!(endpoint.node.lag(), 0);
    endpoint.produce(1);
    assert_eq!(endpoint.node.chain().tips().confirmed, 40);
    endpoint.subscribed().await;
}
