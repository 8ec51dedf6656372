use std::{io, time::Duration};

use http::{StatusCode, Version};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use super::{Front, Protocol};
use crate::{Alpn, Call, Reply};

const PATIENCE: Duration = Duration::from_secs(10);

fn client(front: &Front) -> reqwest::ClientBuilder {
    // A second installation fails, and the first one serves.
    drop(rustls::crypto::ring::default_provider().install_default());
    let trusted = reqwest::Certificate::from_pem(front.certificate_pem().as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([trusted])
}

async fn call(client: &reqwest::Client, front: &Front, method: &str) -> reqwest::Result<reqwest::Response> {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": [1]}).to_string();
    let request = client.post(front.http_url()).header("content-type", "application/json").body(body);
    request.send().await
}

async fn ask(client: &reqwest::Client, front: &Front, method: &str) -> Value {
    let text = call(client, front, method).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn five_at_once(clients: [reqwest::Client; 5], front: &Front) {
    let mut calls = JoinSet::new();
    front.rpc().respond(|_| Reply::Result(json!("ok")).after(Duration::from_millis(50)));
    for client in clients {
        let url = front.http_url();
        calls.spawn(async move {
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "getHealth"}).to_string();
            let request = client.post(url).header("content-type", "application/json").body(body);
            request.send().await.unwrap().bytes().await.unwrap()
        });
    }
    assert_eq!(calls.join_all().await.len(), 5);
}

#[tokio::test]
async fn five_clients_are_counted_as_five_connections_and_one_client_as_one() {
    for protocol in [Protocol::H2c, Protocol::Tls] {
        let front = Front::start(protocol).await.unwrap();
        let build = || client(&front).http2_prior_knowledge().build().unwrap();
        five_at_once(std::array::from_fn(|_| build()), &front).await;
        let traffic = front.http().tally().until(|traffic| traffic.open == 0).await;
        assert_eq!((traffic.accepts, traffic.peer_ports(), traffic.requests()), (5, 5, 5), "{protocol:?}");
        assert!(traffic.max_open > 1, "{protocol:?}: the five overlapped, seen {}", traffic.max_open);

        let front = Front::start(protocol).await.unwrap();
        let one = client(&front).http2_prior_knowledge().build().unwrap();
        five_at_once(std::array::from_fn(|_| one.clone()), &front).await;
        let traffic = front.http().tally().traffic();
        assert_eq!((traffic.accepts, traffic.max_open, traffic.peer_ports()), (1, 1, 1), "{protocol:?}");
        assert_eq!(traffic.requests(), 5);
        assert_eq!(traffic.connections[0].version, Some(Version::HTTP_2));
        drop(one);
        timeout(PATIENCE, front.http().tally().until(|traffic| traffic.open == 0)).await.unwrap();
    }
}

#[tokio::test]
async fn one_client_of_http1_is_counted_once_per_socket_it_opens() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let one = client(&front).build().unwrap();
    five_at_once(std::array::from_fn(|_| one.clone()), &front).await;
    let traffic = front.http().tally().traffic();
    assert_eq!((traffic.accepts, traffic.max_open, traffic.peer_ports()), (5, 5, 5));
}

#[tokio::test]
async fn tls_handshakes_are_counted_with_what_they_agreed_on() {
    for (protocol, alpn, version) in
        [(Protocol::Tls, Alpn::H2, Version::HTTP_2), (Protocol::TlsHttp1, Alpn::Http11, Version::HTTP_11)]
    {
        let front = Front::start(protocol).await.unwrap();
        assert_eq!(ask(&client(&front).build().unwrap(), &front, "getHealth").await["result"], "ok");
        let traffic = front.http().tally().traffic();
        assert_eq!((traffic.accepts, traffic.tls_handshakes, traffic.tls_failures), (1, 1, 0));
        assert_eq!(traffic.connections[0].alpn, Some(alpn));
        assert_eq!(traffic.connections[0].version, Some(version));
    }
}

#[tokio::test]
async fn a_client_that_insists_on_http2_fails_the_handshake_of_an_http1_server() {
    let front = Front::start(Protocol::TlsHttp1).await.unwrap();
    let insisting = client(&front).http2_prior_knowledge().build().unwrap();
    assert!(call(&insisting, &front, "getHealth").await.is_err());
    let traffic =
        timeout(PATIENCE, front.http().tally().until(|traffic| traffic.tls_failures == 1)).await.unwrap();
    assert_eq!((traffic.accepts, traffic.tls_handshakes), (1, 0));
}

#[tokio::test]
async fn each_cleartext_server_meets_the_http2_preface_in_its_own_way() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (protocol, opening) in
        [(Protocol::H2cRefused, &b""[..]), (Protocol::Http1, b"HTTP/1.1 400"), (Protocol::H2c, b"\0\0")]
    {
        let front = Front::start(protocol).await.unwrap();
        let mut socket = TcpStream::connect(front.http().address()).await.unwrap();
        socket.write_all(preface).await.unwrap();
        let mut answer = Vec::new();
        let mut bytes = [0; 256];
        while answer.len() < opening.len() || opening.is_empty() {
            match timeout(PATIENCE, socket.read(&mut bytes)).await.unwrap().unwrap() {
                0 => break,
                read => answer.extend_from_slice(&bytes[..read]),
            }
        }
        assert!(answer.starts_with(opening), "{protocol:?} answered {answer:?}");
        if opening.is_empty() {
            assert_eq!(answer, b"");
        }
    }
}

#[tokio::test]
async fn a_killed_connection_is_reset_and_uncounted() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = TcpStream::connect(front.http().address()).await.unwrap();
    front.http().tally().until(|traffic| traffic.open == 1).await;
    assert_eq!(front.http().kill_connections(), 1);
    let read = timeout(PATIENCE, socket.read(&mut [0; 16])).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let traffic = front.http().tally().until(|traffic| traffic.open == 0).await;
    assert_eq!((traffic.accepts, traffic.max_open), (1, 1));
    assert!(traffic.connections[0].closed.is_some());
    assert_eq!(front.http().kill_connections(), 0);
}

#[tokio::test]
async fn a_refusing_port_resets_new_sockets_until_it_is_told_otherwise() {
    let front = Front::start(Protocol::H2c).await.unwrap();
    let client = client(&front).build().unwrap();
    front.http().refuse(true);
    assert!(call(&client, &front, "getHealth").await.is_err());
    front.http().refuse(false);
    assert_eq!(ask(&client, &front, "getHealth").await["result"], "ok");
    let traffic = front.http().tally().traffic();
    assert_eq!(traffic.refused + 1, traffic.accepts);
}

#[tokio::test]
async fn a_drained_connection_finishes_its_request_and_closes() {
    let front = Front::start(Protocol::H2c).await.unwrap();
    front.rpc().respond(|_| Reply::Result(json!("late")).after(Duration::from_millis(100)));
    let client = client(&front).http2_prior_knowledge().build().unwrap();
    let answer = async { ask(&client, &front, "getHealth").await };
    let drain = async {
        front.rpc().journal().until(|calls| calls.len() == 1).await;
        assert_eq!(front.http().drain_connections(), 1);
    };
    let (answer, ()) = tokio::join!(answer, drain);
    assert_eq!(answer["result"], "late");
    timeout(PATIENCE, front.http().tally().until(|traffic| traffic.open == 0)).await.unwrap();
}

#[tokio::test]
async fn stopping_closes_every_socket() {
    let front = Front::start(Protocol::H2c).await.unwrap();
    let client = client(&front).build().unwrap();
    ask(&client, &front, "getHealth").await;
    timeout(PATIENCE, front.stop()).await.unwrap();
    assert_eq!(front.http().tally().open(), 0);
    assert!(call(&client, &front, "getHealth").await.is_err());
}

#[tokio::test]
async fn calls_are_recorded_as_they_arrived() {
    let front = Front::start(Protocol::H2c).await.unwrap();
    let client = client(&front).build().unwrap();
    let answer = ask(&client, &front, "getNothing").await;
    assert_eq!(answer["error"]["code"], -32601);
    assert_eq!(answer["id"], 7);
    let calls: Vec<Call> = front.rpc().journal().all();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].method.as_str(), &calls[0].params, &calls[0].id),
        ("getNothing", &json!([1]), &json!(7))
    );
    assert_eq!((calls[0].connection, calls[0].batch, calls[0].path.as_str()), (1, 1, "/"));
}

#[tokio::test]
async fn responses_are_compressed_for_clients_that_accept_it() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let plain = client(&front).no_gzip().build().unwrap();
    let accepting = |encoding: &'static str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "getHealth"}).to_string();
        let request = plain.post(front.http_url()).header("content-type", "application/json").body(body);
        async move { request.header("accept-encoding", encoding).send().await.unwrap() }
    };
    assert_eq!(accepting("gzip").await.headers()["content-encoding"], "gzip");
    assert!(!accepting("identity").await.headers().contains_key("content-encoding"));
    front.rpc().gzip(false);
    assert!(!accepting("gzip").await.headers().contains_key("content-encoding"));
    assert_eq!(ask(&client(&front).build().unwrap(), &front, "getHealth").await["result"], "ok");
}

#[tokio::test]
async fn every_fault_reaches_the_client_as_named() {
    for protocol in [Protocol::Http1, Protocol::H2c] {
        let front = Front::start(protocol).await.unwrap();
        let build = |builder: reqwest::ClientBuilder| {
            let builder = if protocol == Protocol::H2c { builder.http2_prior_knowledge() } else { builder };
            builder.build().unwrap()
        };
        // Only what never comes may wait for a clock.
        let hasty = build(client(&front).timeout(Duration::from_millis(300)));
        let client = build(client(&front));
        front.rpc().respond(|call| match call.method.as_str() {
            "error" => {
                Reply::Error { code: -32005, message: "behind".to_owned(), data: Some(json!({"n": 1})) }
            }
            "wrong" => Reply::WrongId(json!(1)),
            "huge" => Reply::Huge(3_000_000),
            "limited" => Reply::too_many_requests(Some(10)),
            "html" => Reply::html(StatusCode::BAD_GATEWAY),
            "forbidden" => Reply::status(StatusCode::FORBIDDEN),
            "header" => Reply::Result(json!(1)).with_header("x-ratelimit-rps-limit", "100"),
            "never" => Reply::Never,
            "stalled" => Reply::Stalled(json!("0123456789".repeat(50))),
            "truncated" => Reply::Truncated(json!("0123456789")),
            "dropped" => Reply::Dropped(json!("0123456789".repeat(50))),
            _ => Reply::method_not_found(),
        });
        let answer = ask(&client, &front, "error").await;
        assert_eq!(answer["error"], json!({"code": -32005, "message": "behind", "data": {"n": 1}}));
        assert_ne!(ask(&client, &front, "wrong").await["id"], 7);
        assert_eq!(ask(&client, &front, "huge").await["result"].as_str().unwrap().len(), 3_000_000);

        let limited = call(&client, &front, "limited").await.unwrap();
        assert_eq!(
            (limited.status(), &limited.headers()["retry-after"]),
            (StatusCode::TOO_MANY_REQUESTS, &"10".parse().unwrap())
        );
        assert_eq!(call(&client, &front, "html").await.unwrap().status(), StatusCode::BAD_GATEWAY);
        assert_eq!(call(&client, &front, "forbidden").await.unwrap().status(), StatusCode::FORBIDDEN);
        let header = call(&client, &front, "header").await.unwrap();
        assert_eq!(header.headers()["x-ratelimit-rps-limit"], "100");
        assert!(serde_json::from_slice::<Value>(&header.bytes().await.unwrap()).is_ok());

        assert!(call(&hasty, &front, "never").await.unwrap_err().is_timeout());
        let stalled = call(&hasty, &front, "stalled").await.unwrap();
        assert_eq!(stalled.status(), StatusCode::OK);
        assert!(stalled.bytes().await.unwrap_err().is_timeout());
        let truncated = call(&client, &front, "truncated").await.unwrap().bytes().await.unwrap();
        assert!(serde_json::from_slice::<Value>(&truncated).unwrap_err().is_eof());
        let dropped = match call(&client, &front, "dropped").await {
            Ok(response) => response.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(!dropped.unwrap_err().is_timeout(), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_call_by_call_in_either_order() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let client = client(&front).build().unwrap();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "getHealth"},
        {"jsonrpc": "2.0", "id": 2, "method": "getNothing"},
        {"jsonrpc": "2.0", "id": 3, "method": "getSlot"},
    ]);
    let ids =
        |answer: &Value| answer.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    for (reversed, expected) in [(false, [1, 2, 3]), (true, [3, 2, 1])] {
        front.rpc().reverse_batches(reversed);
        let request = client.post(front.http_url()).header("content-type", "application/json");
        let text = request.body(batch.to_string()).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(ids(&answer), expected);
        assert_eq!(answer[1]["error"]["code"], -32601);
    }
    assert!(front.rpc().journal().all().iter().all(|call| call.batch == 3));
    assert_eq!(front.http().tally().traffic().requests(), 2);
}

/// Status, content type and body.
type Said = (u16, Option<String>, String);

async fn say(front: &Front, method: &str, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Said {
    let url = format!("{}{path}", front.http_url());
    let mut request = client(front).build().unwrap().request(method.parse().unwrap(), url).body(body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let response = request.send().await.unwrap();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), content_type, response.text().await.unwrap())
}

#[tokio::test]
async fn a_request_a_node_would_refuse_is_refused() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let json = Some("application/json");
    let not_json = "Supplied content type is not allowed. Content-Type: application/json is required\n";
    let not_post = "Used HTTP Method is not allowed. POST or OPTIONS is required\n";
    let too_large = "request body size exceeds allowed maximum";
    let not_text = "utf-8 encoding error at byte 1 in request body";
    for (method, content_type, body, status, text) in [
        ("GET", None, Vec::new(), 405, not_post),
        ("PUT", json, b"{}".to_vec(), 405, not_post),
        ("POST", None, Vec::new(), 415, not_json),
        ("POST", Some("text/plain"), Vec::new(), 415, not_json),
        ("POST", Some("application/json-seq"), Vec::new(), 415, not_json),
        ("POST", json, vec![b' '; 60_000], 413, too_large),
        ("POST", json, b"{\xff}".to_vec(), 400, not_text),
    ] {
        let said = say(&front, method, "", content_type, body).await;
        let expected = (status, Some("text/plain; charset=utf-8".to_owned()), text.to_owned());
        assert_eq!(said, expected, "{method} {content_type:?}");
    }
    let (status, _, garbage) = say(&front, "POST", "", json, b"{".to_vec()).await;
    assert_eq!(serde_json::from_str::<Value>(&garbage).unwrap()["error"]["code"], -32700);
    assert_eq!(status, 200);
    assert!(front.rpc().journal().is_empty());
}

#[tokio::test]
async fn what_has_no_id_is_answered_with_an_empty_body() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let notification = r#"{"jsonrpc":"2.0","method":"getHealth"}"#;
    for body in [notification.to_owned(), format!("[{notification}]"), "[]".to_owned()] {
        let said = say(&front, "POST", "", Some("Application/JSON;charset=UTF-8"), body.clone().into()).await;
        assert_eq!(said, (200, Some("application/json; charset=utf-8".to_owned()), String::new()), "{body}");
    }
    assert!(front.rpc().journal().is_empty());
    let mixed = format!(r#"[{notification},{{}},{{"jsonrpc":"2.0","id":2,"method":"getHealth"}}]"#);
    let (_, _, answer) = say(&front, "POST", "", Some("application/json"), mixed.into()).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer[0]["error"]["code"], -32600);
    assert_eq!(answer[1], json!({"jsonrpc": "2.0", "result": "ok", "id": 2}));
    assert_eq!(answer.as_array().unwrap().len(), 2);
    assert_eq!(front.rpc().journal().all()[0].batch, 3);
}

#[tokio::test]
async fn health_is_one_word_and_options_are_none() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    assert_eq!(say(&front, "GET", "health", None, Vec::new()).await, (200, None, "ok".to_owned()));
    let options = say(&front, "OPTIONS", "", None, Vec::new()).await;
    assert_eq!(options, (200, Some("application/json; charset=utf-8".to_owned()), String::new()));
    front.rpc().respond(|_| Reply::error(-32005, "Node is behind by 200 slots"));
    assert_eq!(say(&front, "GET", "health", None, Vec::new()).await, (200, None, "behind".to_owned()));
}
