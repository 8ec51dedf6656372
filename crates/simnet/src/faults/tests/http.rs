use std::{io, time::Duration};

use eda_limits::{Limits, Rate};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Endpoint, PATIENCE};
use crate::{
    Protocol, Provider,
    faults::{Hit, Kind},
};

/// Long enough for what would come, if it came.
const MOMENT: Duration = Duration::from_millis(200);
const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::H2c];

fn client(endpoint: &Endpoint, protocol: Protocol) -> reqwest::Client {
    if protocol == Protocol::H2c { endpoint.h2_client() } else { endpoint.client() }
}

async fn read(response: reqwest::Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn without_faults_everything_is_answered() {
    let endpoint = Endpoint::start(Protocol::Tls).await;
    let client = endpoint.client();
    assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);
    assert!(endpoint.faults.journal().all().is_empty());
}

#[tokio::test]
async fn statuses_and_pages_come_instead_of_answers() {
    for protocol in BOTH {
        let endpoint = Endpoint::start(protocol).await;
        let client = client(&endpoint, protocol);
        endpoint.fault(json!({"kind": "http-5xx", "burst": 2, "count": 1}));
        for _ in 0..2 {
            let response = endpoint.call(&client, "getSlot", json!([])).await.unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);

        endpoint.fault(json!({"kind": "http-5xx", "status": 502, "count": 1}));
        assert_eq!(endpoint.call(&client, "getSlot", json!([])).await.unwrap().status(), 502);
        endpoint.fault(json!({"kind": "http-429", "count": 1, "retry_after": "10s"}));
        let limited = endpoint.call(&client, "getSlot", json!([])).await.unwrap();
        assert_eq!(
            (limited.status().as_u16(), &limited.headers()["retry-after"]),
            (429, &"10".parse().unwrap())
        );
        endpoint.fault(json!({"kind": "http-429", "count": 1}));
        let limited = endpoint.call(&client, "getSlot", json!([])).await.unwrap();
        assert_eq!((limited.status().as_u16(), limited.headers().get("retry-after")), (429, None));
        endpoint.fault(json!({"kind": "http-403", "count": 1}));
        assert_eq!(endpoint.call(&client, "getSlot", json!([])).await.unwrap().status(), 403);
        for status in [200, 502] {
            endpoint.fault(json!({"kind": "json-html", "count": 1, "status": status}));
            let page = endpoint.call(&client, "getSlot", json!([])).await.unwrap();
            assert_eq!(page.status(), status);
            assert!(page.text().await.unwrap().starts_with("<html>"));
        }
        assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);
        let count = |kind| endpoint.count(kind);
        assert_eq!(
            (count(Kind::Http5xx), count(Kind::Http429), count(Kind::Http403), count(Kind::JsonHtml)),
            (3, 2, 1, 2)
        );
    }
}

#[tokio::test]
async fn answers_are_cut_misaddressed_late_or_missing() {
    for protocol in BOTH {
        let endpoint = Endpoint::start(protocol).await;
        let client = client(&endpoint, protocol);
        let call = || endpoint.call(&client, "getVersion", json!([]));

        endpoint.fault(json!({"kind": "json-truncated", "count": 1}));
        let cut = call().await.unwrap().text().await.unwrap();
        assert!(serde_json::from_str::<Value>(&cut).unwrap_err().is_eof());

        endpoint.fault(json!({"kind": "wrong-id", "count": 2}));
        let strange = read(call().await.unwrap()).await;
        assert_eq!((strange["id"] == 7, strange["result"]["solana-core"].as_str()), (false, Some("4.2.2")));
        let strange = endpoint.ask(&client, "getNothing", json!([])).await;
        assert_eq!((strange["id"] == 7, strange["error"]["code"].as_i64()), (false, Some(-32601)));

        endpoint.fault(json!({"kind": "http-delay", "count": 1, "delay": "1h"}));
        assert!(endpoint.is_silent(&client, "getVersion").await);
        endpoint.fault(json!({"kind": "http-delay", "count": 1, "delay": "1ms"}));
        assert_eq!(read(call().await.unwrap()).await["id"], 7);

        endpoint.fault(json!({"kind": "http-silence", "count": 1}));
        assert!(endpoint.is_silent(&client, "getVersion").await);
        endpoint.fault(json!({"kind": "http-stall", "count": 1}));
        let stalled = call().await.unwrap();
        assert_eq!(stalled.status(), StatusCode::OK);
        assert!(timeout(MOMENT, stalled.bytes()).await.is_err());
        assert_eq!(read(call().await.unwrap()).await["id"], 7);
    }
}

#[tokio::test]
async fn a_slow_body_comes_in_pieces() {
    for protocol in BOTH {
        let endpoint = Endpoint::start(protocol).await;
        let client = client(&endpoint, protocol);
        endpoint.front.rpc().gzip(false);
        endpoint.fault(json!({"kind": "http-slow", "count": 1, "over": "200ms"}));
        let mut slow = endpoint.call(&client, "getVersion", json!([])).await.unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = slow.chunk().await.unwrap() {
            pieces.push(piece);
        }
        assert!(pieces.len() > 3, "{} pieces over {protocol:?}", pieces.len());
        assert_eq!(serde_json::from_slice::<Value>(&pieces.concat()).unwrap()["id"], 7);

        endpoint.fault(json!({"kind": "http-slow", "count": 1, "over": "1h"}));
        assert!(endpoint.is_silent(&client, "getVersion").await);
    }
}

#[tokio::test]
async fn a_kill_resets_the_connection_after_half_a_response() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    endpoint.fault(json!({"kind": "http-kill", "count": 1}));
    let mut socket = TcpStream::connect(endpoint.front.http().address()).await.unwrap();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "getVersion"}).to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    let (mut answer, mut bytes) = (Vec::new(), [0; 1024]);
    let error = loop {
        match timeout(PATIENCE, socket.read(&mut bytes)).await.unwrap() {
            Ok(0) => panic!("closed in an orderly way after {answer:?}"),
            Ok(read) => answer.extend_from_slice(&bytes[..read]),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    endpoint.front.http().tally().until(|traffic| traffic.open == 0).await;
    let incident = &endpoint.faults.journal().of(Kind::HttpKill)[0];
    assert_eq!(incident.hit, Hit::Request { methods: vec!["getVersion".to_owned()], connection: 1 });

    let endpoint = Endpoint::start(Protocol::H2c).await;
    let client = endpoint.h2_client();
    endpoint.fault(json!({"kind": "http-kill", "count": 1}));
    let killed = match endpoint.call(&client, "getVersion", json!([])).await {
        Ok(response) => response.bytes().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(!killed.unwrap_err().is_timeout());
    assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);
}

#[tokio::test]
async fn goaway_costs_the_connection_and_no_request() {
    for protocol in BOTH {
        let endpoint = Endpoint::start(protocol).await;
        let client = client(&endpoint, protocol);
        endpoint.now(json!({"kind": "http-goaway"}));
        assert_eq!(endpoint.count(Kind::HttpGoaway), 0, "there was no connection");
        endpoint.ask(&client, "getSlot", json!([])).await;
        endpoint.now(json!({"kind": "http-goaway"}));
        endpoint.front.http().tally().until(|traffic| traffic.open == 0).await;
        endpoint.ask(&client, "getSlot", json!([])).await;
        assert_eq!(endpoint.front.http().tally().accepts(), 2, "{protocol:?}");
        assert_eq!(endpoint.faults.journal().of(Kind::HttpGoaway)[0].hit, Hit::Sockets { http: 1, ws: 0 });
    }
}

#[tokio::test]
async fn a_transaction_is_null_until_the_slots_are_over() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.fault(json!({"kind": "transaction-null", "slots": 3}));
    endpoint.produce(10);
    endpoint.tick(0);
    for (landed, found) in [(10, false), (8, false), (7, true)] {
        let answer = endpoint.ask(&client, "getTransaction", json!([landed])).await;
        assert_eq!(answer["result"].is_object(), found, "landed in {landed}: {answer}");
    }
    endpoint.produce(3);
    endpoint.tick(1_200);
    assert_eq!(endpoint.ask(&client, "getTransaction", json!([10])).await["result"]["slot"], 10);
    let hits = endpoint.faults.journal().of(Kind::TransactionNull);
    assert_eq!(hits.len(), 2);
    assert_eq!(hits[0].hit, Hit::Call { method: "getTransaction".to_owned(), id: json!(7), connection: 1 });
}

#[tokio::test]
async fn only_requests_of_the_methods_named_are_hit_and_a_batch_is_one_request() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    endpoint.fault(json!({"kind": "http-5xx", "methods": ["getBlock"]}));
    assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);
    let one = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": [0]});
    let batch = json!([one("getSlot"), one("getBlock"), one("getBlock")]);
    assert_eq!(endpoint.send(&client, batch).await.unwrap().status(), 503);
    assert_eq!(endpoint.count(Kind::Http5xx), 1);
    let hit = Hit::Request {
        methods: ["getSlot", "getBlock", "getBlock"].map(str::to_owned).to_vec(),
        connection: 1,
    };
    assert_eq!(endpoint.faults.journal().all()[0].hit, hit);
}

#[tokio::test]
async fn faults_end_on_command_even_if_they_hit_everything() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let client = endpoint.client();
    let (faults, node) = (endpoint.faults.clone(), endpoint.node.clone());
    endpoint.front.rpc().respond(move |call| match faults.control(&call.method, &call.params) {
        Some(Ok(result)) => crate::Reply::Result(result),
        Some(Err(error)) => crate::Reply::error(-32602, &error.to_string()),
        None => super::answer(&node, call),
    });
    let started = endpoint.ask(&client, "simnetFault", json!([{"kind": "http-403"}])).await;
    assert_eq!(started["result"], json!([1]));
    assert_eq!(endpoint.call(&client, "getSlot", json!([])).await.unwrap().status(), 403);
    let wrong = endpoint.ask(&client, "simnetFault", json!([{"kind": "http-404"}])).await;
    assert_eq!(wrong["error"]["message"], "fault 1: kind: unknown kind `http-404`, did you mean `http-403`?");
    let spared = endpoint.ask(&client, "simnetTruth", json!([])).await;
    assert_eq!(
        spared["error"]["code"], -32601,
        "it is asked of the simulation, and reaches whoever answers it"
    );
    let journal = endpoint.ask(&client, "simnetJournal", json!([])).await;
    let incident = json!({"number": 1, "kind": "http-403", "fault": 1, "at_ms": 0, "slot": 0,
        "hit": {"what": "request", "methods": ["getSlot"], "connection": 1}});
    assert_eq!(journal["result"], json!({"counts": {"http-403": 1}, "incidents": [incident]}));
    assert_eq!(endpoint.ask(&client, "simnetJournal", json!([2])).await["result"]["incidents"], json!([]));
    assert_eq!(endpoint.ask(&client, "simnetClear", json!([])).await["result"], 1);
    assert_eq!(endpoint.ask(&client, "getSlot", json!([])).await["result"], 0);
}

#[tokio::test]
async fn a_request_that_the_provider_refuses_meets_no_fault_and_one_that_fails_was_counted() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let requests = Some(Rate::per_seconds(2, 3_600));
    let provider = Provider::new(Limits { requests, ..Limits::default() });
    endpoint.front.guard(provider.clone());
    endpoint.fault(json!({"kind": "http-5xx"}));
    let client = endpoint.client();
    for expected in [503, 503, 429] {
        assert_eq!(endpoint.call(&client, "getSlot", json!([])).await.unwrap().status(), expected);
    }
    assert_eq!((endpoint.count(Kind::Http5xx), provider.meter().refused()), (2, 1));
}
