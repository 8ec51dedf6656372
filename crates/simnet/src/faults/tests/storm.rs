//! Every kind at once, for a few seconds, with clients that come back.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::client_async;
use tokio_util::sync::CancellationToken;

use super::{Endpoint, PATIENCE};
use crate::{
    Message, Protocol,
    faults::{Faults, Kind, Plan},
};

const PLAN: &str = r#"
seed = 11
fault = [
    {kind = "notification-drop", chance = "5%"},
    {kind = "notification-duplicate", chance = "5%"},
    {kind = "notification-reorder", chance = "5%", within = "50ms"},
    {kind = "notification-delay", chance = "1%", delay = "30ms"},
    {kind = "http-kill", chance = "3%"},
    {kind = "http-slow", chance = "3%", over = "40ms"},
    {kind = "http-stall", chance = "1%"},
    {kind = "http-silence", chance = "1%"},
    {kind = "http-delay", chance = "3%", delay = "20ms"},
    {kind = "http-5xx", chance = "2%", burst = 2},
    {kind = "http-429", chance = "2%", retry_after = "1s"},
    {kind = "http-403", chance = "2%"},
    {kind = "json-truncated", chance = "3%"},
    {kind = "json-html", chance = "3%", status = 502},
    {kind = "wrong-id", chance = "5%"},
    {kind = "transaction-null", chance = "50%", slots = 100000},
    {kind = "websocket-drop", chance = "5%"},
    {kind = "websocket-close", chance = "5%", code = 1012},
    {kind = "subscription-forget", chance = "10%"},
    {kind = "http-goaway", chance = "10%"},
    {kind = "history-pruned", chance = "20%", keep = 40},
    {kind = "block-abandon", chance = "10%"},
    {kind = "slots-skip", chance = "10%"},
    {kind = "websocket-stall", chance = "2%", for = "60ms"},
    {kind = "refuse-connections", chance = "2%", for = "40ms"},
    {kind = "endpoint-lag", chance = "5%", slots = 10, for = "60ms"},
    {kind = "confirmations-pause", chance = "5%", for = "60ms"},
    {kind = "node-restart", chance = "2%", for = "40ms"},
]
"#;

/// Asks until it is told to stop, whatever it is answered.
async fn caller(endpoint: &Endpoint, client: reqwest::Client, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        for method in ["getVersion", "getTransaction"] {
            if let Ok(response) = endpoint.call(&client, method, json!([1])).await {
                drop(response.bytes().await);
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Subscribes and reads, and again when the socket ends or is silent.
async fn listener(endpoint: &Endpoint, stop: &CancellationToken) {
    let moment = Duration::from_millis(150);
    while !stop.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let Ok(stream) = TcpStream::connect(endpoint.front.ws().address()).await else { continue };
        let upgrade = timeout(moment, client_async(endpoint.front.ws_url(), stream)).await;
        let Ok(Ok((mut socket, _))) = upgrade else { continue };
        for method in ["slotSubscribe", "rootSubscribe"] {
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": method});
            // A socket that has ended says so when it is read.
            drop(socket.send(Message::text(call.to_string())).await);
        }
        while !stop.is_cancelled() {
            match timeout(moment, socket.next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(_) | Err(_) => break,
            }
        }
    }
}

/// Lets slots pass, with notifications in each and ticks between them, until every kind has happened.
async fn time(endpoint: &Endpoint, stop: &CancellationToken) {
    let begun = Instant::now();
    let mut slot = 0;
    let all = |endpoint: &Endpoint| endpoint.faults.journal().counts().len() == Kind::ALL.len();
    while begun.elapsed() < Duration::from_secs(3) || (!all(endpoint) && begun.elapsed() < 6 * PATIENCE) {
        slot += 1;
        endpoint.produce(1);
        for part in 0..4 {
            endpoint.faults.tick(begun.elapsed(), slot, &endpoint.node, &endpoint.front);
            endpoint.front.pubsub().notify_slot(slot * 4 + part, slot, 0);
            endpoint.front.pubsub().notify_root(slot);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_every_kind_leaves_nothing_behind() {
    let plan = Plan::parse(PLAN, "storm").unwrap();
    for protocol in [Protocol::Http1, Protocol::H2c] {
        let endpoint = Endpoint::with(protocol, Faults::new(plan.clone())).await;
        let (one, two, stop) = (&endpoint, &endpoint, CancellationToken::new());
        let client = || if protocol == Protocol::H2c { one.h2_client() } else { one.client() };
        tokio::join!(
            time(one, &stop),
            caller(one, client(), &stop),
            caller(two, client(), &stop),
            caller(two, client(), &stop),
            listener(one, &stop),
            listener(two, &stop),
        );
        let counts = endpoint.faults.journal().counts();
        for kind in Kind::ALL {
            assert!(counts.contains_key(&kind), "{kind} never happened over {protocol:?}: {counts:?}");
        }

        endpoint.faults.clear();
        endpoint.tick(3_600_000);
        assert_eq!(endpoint.node.lag(), 0);
        timeout(PATIENCE, endpoint.front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
        timeout(PATIENCE, endpoint.front.pubsub().until(<[_]>::is_empty)).await.unwrap();
        let client = client();
        assert!(endpoint.ask(&client, "getSlot", json!([])).await["result"].is_u64());
        timeout(PATIENCE, endpoint.front.stop()).await.unwrap();
        assert_eq!((endpoint.front.http().tally().open(), endpoint.front.ws().tally().open()), (0, 0));
    }
}
