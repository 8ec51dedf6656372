use std::{io::Read, time::Duration};

use flate2::read::MultiGzDecoder;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::WebSocketStream;

use super::*;
use crate::{
    Message,
    chain::{Config, Mix},
    cluster::Simnet,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A chain on which something happens in every slot, and nothing is skipped or abandoned.
fn lively() -> Config {
    let mix = Mix { votes: 2_000, transfers: 500, burns: 200, ..Mix::NONE };
    Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix, ..Config::default() }
}

async fn open(slots: u64) -> (Simnet, Arc<Endpoint>) {
    let simnet = Simnet::new(lively());
    for _ in 0..slots {
        simnet.advance();
    }
    let endpoint = simnet.endpoint(Options::default()).await.unwrap();
    (simnet, endpoint)
}

fn get_block(id: &Value, slot: u64) -> Value {
    let options =
        json!({"encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 1});
    json!({"jsonrpc": "2.0", "id": id, "method": "getBlock", "params": [slot, options]})
}

fn client(http2: bool) -> reqwest::Client {
    // A second installation fails, and the first one serves.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder().no_gzip().no_proxy().timeout(PATIENCE);
    let builder = if http2 { builder.http2_prior_knowledge() } else { builder.http1_only() };
    builder.build().unwrap()
}

/// The bytes of an answer's body, and what they say once they are no longer compressed.
async fn ask(client: &reqwest::Client, endpoint: &Endpoint, gzip: bool, body: &Value) -> (Vec<u8>, String) {
    let mut request = client.post(endpoint.front().http_url()).header("content-type", "application/json");
    if gzip {
        request = request.header("accept-encoding", "gzip");
    }
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.headers().contains_key("content-encoding"), gzip);
    let length = response.content_length();
    let wire = response.bytes().await.unwrap().to_vec();
    assert!(length.is_none_or(|length| length == u64::try_from(wire.len()).unwrap()));
    let mut text = String::new();
    if gzip {
        MultiGzDecoder::new(wire.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(wire.clone()).unwrap();
    }
    (wire, text)
}

#[tokio::test]
async fn a_block_is_answered_alike_first_again_alone_in_batches_and_compressed() {
    let (_simnet, endpoint) = open(5).await;
    let answer = |id: &Value, slot| {
        let Reply::Rendered(result) = endpoint.answer(&call_of(&get_block(id, slot))) else {
            panic!("{slot}")
        };
        let result: Value = serde_json::from_slice(result.json()).unwrap();
        json!({"jsonrpc": "2.0", "result": result, "id": id})
    };
    // An id as long as a request may be is part of the text around the block.
    let ids = [json!(1), json!(null), json!("\"quoted\" \u{1f525}"), json!("x".repeat(40_000))];
    for http2 in [false, true] {
        let client = client(http2);
        for id in &ids {
            let alone = answer(id, 2);
            for gzip in [false, true, true] {
                let (_, text) = ask(&client, &endpoint, gzip, &get_block(id, 2)).await;
                assert!(serde_json::from_str::<Value>(&text).unwrap() == alone, "{http2} {gzip}");
            }
        }
        let slot =
            json!({"jsonrpc": "2.0", "id": 8, "method": "getSlot", "params": [{"commitment": "processed"}]});
        let slot_answer = json!({"jsonrpc": "2.0", "result": 5, "id": 8});
        let batch = json!([get_block(&json!(7), 3), slot, get_block(&json!(9), 3)]);
        let mut expected = vec![answer(&json!(7), 3), slot_answer, answer(&json!(9), 3)];
        for reversed in [false, true] {
            endpoint.front().rpc().reverse_batches(reversed);
            for gzip in [false, true] {
                let (_, text) = ask(&client, &endpoint, gzip, &batch).await;
                assert!(
                    serde_json::from_str::<Value>(&text).unwrap() == json!(expected),
                    "{http2} {gzip} {reversed}"
                );
            }
            expected.reverse();
        }
    }
}

#[tokio::test]
async fn faults_hurt_answers_that_were_rendered_before() {
    let (_simnet, endpoint) = open(5).await;
    for http2 in [false, true] {
        let client = client(http2);
        let asked = get_block(&json!(1), 2);
        let (_, whole) = ask(&client, &endpoint, true, &asked).await;
        let fault = |fault: Value| {
            let apply = json!({"method": "simnetFault", "params": [fault]});
            assert!(matches!(endpoint.answer(&call_of(&apply)), Reply::Result(_)), "{fault}");
        };
        for gzip in [false, true] {
            fault(json!({"kind": "json-truncated", "count": 1}));
            let (_, cut) = ask(&client, &endpoint, gzip, &asked).await;
            assert!(cut.len() == whole.len() / 2 && whole.starts_with(&cut));
            fault(json!({"kind": "wrong-id", "count": 1}));
            let (_, strange) = ask(&client, &endpoint, gzip, &asked).await;
            let (strange, told): (Value, Value) =
                (serde_json::from_str(&strange).unwrap(), serde_json::from_str(&whole).unwrap());
            assert!(strange["id"] != told["id"] && strange["result"] == told["result"]);
            fault(json!({"kind": "http-slow", "count": 1, "over": "40ms"}));
            assert!(ask(&client, &endpoint, gzip, &asked).await.1 == whole);
            fault(json!({"kind": "http-kill", "count": 1}));
            let url = endpoint.front().http_url();
            let request = client.post(url).header("content-type", "application/json").body(asked.to_string());
            let read = match request.send().await {
                Ok(response) => response.bytes().await.err(),
                Err(error) => Some(error),
            };
            assert!(read.is_some_and(|error| !error.is_timeout()));
        }
        assert!(ask(&client, &endpoint, true, &asked).await.1 == whole);
    }
}

#[tokio::test]
async fn what_was_abandoned_or_pruned_is_not_answered_from_the_shelf() {
    let (simnet, endpoint) = open(5).await;
    let client = client(false);
    let code = async |slot| {
        let (_, text) = ask(&client, &endpoint, false, &get_block(&json!(1), slot)).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["error"]["code"].as_i64()
    };
    simnet.chain().abandon_next();
    simnet.advance();
    assert_eq!((code(5).await, code(6).await), (None, Some(-32004)));
    for _ in 0..40 {
        simnet.advance();
    }
    assert_eq!((code(5).await, code(6).await), (None, Some(-32007)));
    simnet.chain().forget_before(10);
    assert_eq!(code(5).await, Some(-32001));
}

#[tokio::test]
async fn each_subscription_is_told_everything_once_and_in_order() {
    let (simnet, endpoint) = open(3).await;
    let mut socket = connect(&endpoint).await;
    let logs = |filter: Value| json!([filter, {"commitment": "processed"}]);
    let everything = subscribe(&mut socket, "logsSubscribe", logs(json!("allWithVotes"))).await;
    let but_votes = subscribe(&mut socket, "logsSubscribe", logs(json!("all"))).await;
    let mut told = Vec::new();
    for _ in 0..20 {
        for step in simnet.advance() {
            if let Step::Processed(block) = step {
                told.push(block);
            }
        }
    }
    let shown = |block: &crate::chain::Block, index: usize| {
        let landed = &block.transactions[index];
        let value = json!({
            "signature": landed.signature().to_string(),
            "err": landed.meta.err,
            "logs": landed.meta.logs,
        });
        json!({"context": {"slot": block.slot}, "value": value})
    };
    for block in &told {
        let voted =
            |index: &usize| block.transactions[*index].keys().any(|key| *key == crate::programs::VOTE);
        let all: Vec<usize> = (0..block.transactions.len()).collect();
        let others: Vec<usize> = all.iter().copied().filter(|index| !voted(index)).collect();
        assert!(others.len() > 1 && others.len() < all.len());
        for (subscription, indexes) in [(everything, all), (but_votes, others)] {
            for index in indexes {
                let params = json!({"result": shown(block, index), "subscription": subscription});
                let expected = json!({"jsonrpc": "2.0", "method": "logsNotification", "params": params});
                assert_eq!(hear(&mut socket).await, expected);
            }
        }
    }
    // Whoever comes and goes later is seen.
    for subscription in [everything, but_votes] {
        assert_eq!(call(&mut socket, "logsUnsubscribe", json!([subscription])).await["result"], true);
    }
    let slots = subscribe(&mut socket, "slotSubscribe", json!([])).await;
    simnet.advance();
    let heard = hear(&mut socket).await;
    assert_eq!(
        (&heard["method"], &heard["params"]["subscription"]),
        (&json!("slotNotification"), &json!(slots))
    );
    simnet.stop().await;
}

#[tokio::test]
async fn a_block_is_notified_of_as_it_is_answered() {
    let (simnet, endpoint) = open(3).await;
    let mut socket = connect(&endpoint).await;
    let options =
        json!({"encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 1});
    let whole = subscribe(&mut socket, "blockSubscribe", json!(["all", options])).await;
    let voters = json!({"mentionsAccountOrProgram": crate::programs::VOTE.to_string()});
    let votes = subscribe(&mut socket, "blockSubscribe", json!([voters, options])).await;
    let unknown = json!(["all", {"commitment": "confirmed", "encoding": "base64"}]);
    let unversioned = subscribe(&mut socket, "blockSubscribe", unknown).await;
    simnet.advance();
    let Reply::Rendered(block) = endpoint.answer(&call_of(&get_block(&json!(1), 3))) else { panic!() };
    let block: Value = serde_json::from_slice(block.json()).unwrap();
    let mut transactions = Vec::new();
    for subscription in [whole, votes, unversioned] {
        let params = &hear(&mut socket).await["params"];
        assert_eq!(params["subscription"], subscription);
        let (result, value) = (&params["result"], &params["result"]["value"]);
        assert_eq!((&result["context"]["slot"], &value["slot"]), (&json!(3), &json!(3)));
        if subscription == unversioned && !value["err"].is_null() {
            assert!(value["block"].is_null() && value["err"]["UnsupportedTransactionVersion"].is_string());
            continue;
        }
        assert!(value["err"].is_null());
        if subscription == whole {
            assert_eq!(value["block"], block);
        }
        transactions.push(value["block"]["transactions"].as_array().unwrap().len());
    }
    assert!(transactions[0] > transactions[1] && transactions[1] > 0);
}

async fn connect(endpoint: &Endpoint) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(endpoint.front().ws().address()).await.unwrap();
    tokio_tungstenite::client_async(endpoint.front().ws_url(), stream).await.unwrap().0
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Value {
    let frame = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    serde_json::from_str(frame.to_text().unwrap()).unwrap()
}

async fn call(socket: &mut WebSocketStream<TcpStream>, method: &str, params: Value) -> Value {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    socket.send(Message::text(call.to_string())).await.unwrap();
    hear(socket).await
}

async fn subscribe(socket: &mut WebSocketStream<TcpStream>, method: &str, params: Value) -> u64 {
    call(socket, method, params).await["result"].as_u64().unwrap()
}

/// A request as it arrives.
fn call_of(request: &Value) -> Call {
    Call {
        method: request["method"].as_str().unwrap().to_owned(),
        params: request["params"].clone(),
        id: request["id"].clone(),
        headers: http::HeaderMap::new(),
        path: "/".to_owned(),
        version: http::Version::HTTP_11,
        connection: 1,
        batch: 1,
        at: Instant::now(),
    }
}
