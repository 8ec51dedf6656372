use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

use super::{Verdict, account};
use crate::{CloseCode, Front, Message, Protocol};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

async fn connect(front: &Front) -> Socket {
    let stream = TcpStream::connect(front.ws().address()).await.unwrap();
    client_async(front.ws_url(), stream).await.unwrap().0
}

async fn tell(socket: &mut Socket, id: u64, method: &str, params: Value) {
    let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    socket.send(Message::text(call.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    let frame = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    serde_json::from_str(frame.to_text().unwrap()).unwrap()
}

async fn ask(socket: &mut Socket, id: u64, method: &str, params: Value) -> Value {
    tell(socket, id, method, params).await;
    hear(socket).await
}

#[tokio::test]
async fn five_sockets_are_counted_as_five_and_one_as_one() {
    for sockets in [1_usize, 5] {
        let front = Front::start(Protocol::Http1).await.unwrap();
        let mut held = Vec::new();
        for _ in 0..sockets {
            held.push(connect(&front).await);
        }
        let expected = u64::try_from(sockets).unwrap();
        let traffic = front.ws().tally().traffic();
        assert_eq!((traffic.accepts, traffic.upgrades, traffic.max_open), (expected, expected, expected));
        assert_eq!(traffic.peer_ports(), sockets);
        drop(held);
        timeout(PATIENCE, front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
        assert_eq!(front.http().tally().accepts(), 0);
    }
}

#[tokio::test]
async fn equal_subscriptions_share_one_id_and_the_first_unsubscribe_ends_both() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    let first = ask(&mut socket, 1, "accountSubscribe", json!(["A", {"encoding": "base64"}])).await;
    let second = ask(&mut socket, 2, "accountSubscribe", json!(["A", {"encoding": "base64"}])).await;
    let other = ask(&mut socket, 3, "accountSubscribe", json!(["B", {"encoding": "base64"}])).await;
    assert_eq!(first, json!({"jsonrpc": "2.0", "result": 0, "id": 1}));
    assert_eq!(second, json!({"jsonrpc": "2.0", "result": 0, "id": 2}));
    assert_eq!(other["result"], 1);
    assert_eq!(ask(&mut socket, 4, "accountUnsubscribe", json!([0])).await["result"], true);
    let again = ask(&mut socket, 5, "accountUnsubscribe", json!([0])).await;
    assert_eq!(again["error"], json!({"code": -32602, "message": "Invalid subscription id."}));
    assert_eq!(front.pubsub().subscriptions().len(), 1);
    assert_eq!(ask(&mut socket, 6, "getSlot", json!([])).await["error"]["code"], -32601);
}

#[tokio::test]
async fn another_connection_keeps_the_subscription_it_shares() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let (mut one, mut two) = (connect(&front).await, connect(&front).await);
    assert_eq!(ask(&mut one, 1, "slotSubscribe", json!([])).await["result"], 0);
    assert_eq!(ask(&mut two, 1, "slotSubscribe", json!([])).await["result"], 0);
    assert_eq!(front.pubsub().notify_slot(3, 2, 1), 2);
    drop(one);
    front.pubsub().until(|live| live.iter().all(|one| one.connections.len() == 1)).await;
    assert_eq!(front.pubsub().notify_slot(4, 3, 2), 1);
    assert_eq!(hear(&mut two).await["params"]["result"]["slot"], 3);
    assert_eq!(hear(&mut two).await["params"]["result"]["slot"], 4);
}

#[tokio::test]
async fn notifications_have_the_shapes_captured_from_mainnet() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    let pubsub = front.pubsub();
    ask(&mut socket, 1, "accountSubscribe", json!(["SysvarC1ock11111111111111111111111111111111"])).await;
    ask(&mut socket, 2, "slotSubscribe", json!([])).await;
    ask(&mut socket, 3, "rootSubscribe", json!([])).await;
    ask(&mut socket, 4, "logsSubscribe", json!([{"mentions": ["Vote"]}, {"commitment": "confirmed"}])).await;
    ask(&mut socket, 5, "signatureSubscribe", json!(["sig"])).await;

    let state = account(1_169_280, "Sysvar1111111111111111111111111111111111111", &[0; 40]);
    assert_eq!(pubsub.notify_account("SysvarC1ock11111111111111111111111111111111", 438_214_670, &state), 1);
    assert_eq!(pubsub.notify_account("another", 438_214_670, &state), 0);
    let captured: Value = serde_json::from_str(concat!(
        r#"{"jsonrpc":"2.0","method":"accountNotification","params":{"result":{"context":{"slot":438214670},"value":"#,
        r#"{"lamports":1169280,"data":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==","base64"],"#,
        r#""owner":"Sysvar1111111111111111111111111111111111111","executable":false,"#,
        r#""rentEpoch":18446744073709551615,"space":40}},"subscription":0}}"#
    ))
    .unwrap();
    assert_eq!(hear(&mut socket).await, captured);

    pubsub.notify_slot(438_214_668, 438_214_667, 438_214_636);
    let captured = json!({"jsonrpc": "2.0", "method": "slotNotification",
        "params": {"result": {"slot": 438_214_668, "parent": 438_214_667, "root": 438_214_636}, "subscription": 1}});
    assert_eq!(hear(&mut socket).await, captured);

    pubsub.notify_root(438_214_636);
    let captured = json!({"jsonrpc": "2.0", "method": "rootNotification", "params": {"result": 438_214_636, "subscription": 2}});
    assert_eq!(hear(&mut socket).await, captured);

    assert_eq!(pubsub.notify_logs(5, "sig", &Value::Null, &["Program Vote success"], &["Other"]), 0);
    assert_eq!(pubsub.notify_logs(5, "sig", &Value::Null, &["Program Vote success"], &["Vote"]), 1);
    let captured = json!({"jsonrpc": "2.0", "method": "logsNotification", "params": {"result":
        {"context": {"slot": 5}, "value": {"signature": "sig", "err": null, "logs": ["Program Vote success"]}},
        "subscription": 3}});
    assert_eq!(hear(&mut socket).await, captured);

    assert_eq!(pubsub.notify_signature("sig", 6, &Value::Null), 1);
    assert_eq!(hear(&mut socket).await["params"]["result"]["value"], json!({"err": null}));
    assert_eq!(
        pubsub.notify_signature("sig", 6, &Value::Null),
        0,
        "the server drops it after one notification"
    );
}

#[tokio::test]
async fn verdicts_refuse_delay_garble_and_ignore() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    front.pubsub().respond(|call| match call.params[0].as_str() {
        Some("refused") => Verdict::error(-32602, "no"),
        Some("silent") => Verdict::Silent,
        Some("late") => Verdict::Node.after(Duration::from_millis(50)),
        Some("garbled") => Verdict::Text("{".to_owned()),
        _ => Verdict::Node,
    });
    let mut socket = connect(&front).await;
    assert_eq!(ask(&mut socket, 1, "accountSubscribe", json!(["refused"])).await["error"]["message"], "no");
    tell(&mut socket, 2, "accountSubscribe", json!(["silent"])).await;
    tell(&mut socket, 3, "accountSubscribe", json!(["late"])).await;
    assert_eq!(ask(&mut socket, 4, "accountSubscribe", json!(["now"])).await["id"], 4);
    assert_eq!(hear(&mut socket).await["id"], 3);
    tell(&mut socket, 5, "accountSubscribe", json!(["garbled"])).await;
    assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), Message::text("{"));
    assert_eq!(front.pubsub().journal().len(), 5);
}

#[tokio::test]
async fn a_message_over_4096_bytes_costs_the_connection() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    let fits = ask(&mut socket, 1, "accountSubscribe", json!(["x".repeat(3900)])).await;
    assert_eq!(fits["id"], 1);
    tell(&mut socket, 2, "accountSubscribe", json!(["x".repeat(4096)])).await;
    let end = timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    front.pubsub().until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn a_half_open_socket_answers_no_ping_until_it_reads_again() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    socket.send(Message::Ping("1".into())).await.unwrap();
    assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), Message::Pong("1".into()));
    front.pubsub().half_open(true);
    socket.send(Message::Ping("2".into())).await.unwrap();
    assert!(timeout(Duration::from_millis(100), socket.next()).await.is_err());
    assert_eq!((front.pubsub().pings(), front.ws().tally().open()), (1, 1));
    front.pubsub().half_open(false);
    assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), Message::Pong("2".into()));
}

#[tokio::test]
async fn odd_frames_closes_and_kills_reach_every_socket() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let (mut one, mut two) = (connect(&front).await, connect(&front).await);
    assert_eq!(front.pubsub().broadcast(&Message::text("<html>")), 2);
    for socket in [&mut one, &mut two] {
        assert_eq!(
            timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(),
            Message::text("<html>")
        );
    }
    assert_eq!(front.ws().kill_connections(), 2);
    for socket in [&mut one, &mut two] {
        assert!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().is_err());
    }
    front.ws().tally().until(|traffic| traffic.open == 0).await;

    let mut three = connect(&front).await;
    assert_eq!(front.pubsub().close(CloseCode::Away, "restart"), 1);
    let Message::Close(Some(close)) = timeout(PATIENCE, three.next()).await.unwrap().unwrap().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Away, "restart"));
}

#[tokio::test]
async fn a_refused_upgrade_shows_its_status() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    front.pubsub().refuse_upgrades(Some(StatusCode::TOO_MANY_REQUESTS));
    let stream = TcpStream::connect(front.ws().address()).await.unwrap();
    match client_async(front.ws_url(), stream).await {
        Err(tungstenite::Error::Http(response)) => {
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS)
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(front.ws().tally().traffic().upgrades, 0);
    front.pubsub().refuse_upgrades(None);
    connect(&front).await;
}

#[tokio::test]
async fn pubsub_speaks_tls_where_http_does() {
    let front = Front::start(Protocol::Tls).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(front.certificate_der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let stream = TcpStream::connect(front.ws().address()).await.unwrap();
    let stream = connector.connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap();
    let (mut socket, _) = client_async(front.ws_url(), stream).await.unwrap();
    socket.send(Message::text(r#"{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}"#)).await.unwrap();
    let answer = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(answer, Message::text(r#"{"jsonrpc":"2.0","result":0,"id":1}"#));
    assert_eq!((front.ws().tally().traffic().tls_handshakes, front.ws().tally().traffic().upgrades), (1, 1));
}

async fn say(socket: &mut Socket, text: &str) -> Value {
    socket.send(Message::text(text)).await.unwrap();
    hear(socket).await
}

#[tokio::test]
async fn what_is_no_call_is_refused_and_what_has_no_id_is_not_answered() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    for (text, code) in [("{", -32700), ("1", -32700), ("", -32700), ("{}", -32600), ("[1]", -32700)] {
        assert_eq!(say(&mut socket, text).await["error"]["code"], code, "{text}");
    }
    for text in
        [r#"{"jsonrpc":"2.0","method":"ping"}"#, r#"{"jsonrpc":"2.0","method":"slotSubscribe"}"#, "[]"]
    {
        socket.send(Message::text(text)).await.unwrap();
    }
    let next = say(&mut socket, r#"{"jsonrpc":"2.0","id":1,"method":"nonsenseUnsubscribe"}"#).await;
    assert_eq!((&next["id"], &next["error"]["code"]), (&json!(1), &json!(-32601)));
    assert!(front.pubsub().subscriptions().is_empty());
    assert_eq!(front.pubsub().journal().len(), 1);
}

#[tokio::test]
async fn a_batch_is_answered_at_once_and_in_order() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    front.pubsub().respond(|call| match call.id.as_u64() {
        Some(2) => Verdict::Node.after(Duration::from_millis(20)),
        Some(3) => Verdict::Silent,
        Some(4) => Verdict::Result(json!("four")),
        _ => Verdict::Node,
    });
    let mut socket = connect(&front).await;
    let call = |id: u64, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
    let notification = json!({"jsonrpc": "2.0", "method": "ping"});
    let batch = json!([
        call(1, "slotSubscribe"),
        notification,
        call(2, "rootSubscribe"),
        call(3, "x"),
        {},
        call(4, "x")
    ]);
    let answers = say(&mut socket, &batch.to_string()).await;
    let invalid = json!({"code": -32600, "message": "Invalid request"});
    assert_eq!(
        answers,
        json!([
            {"jsonrpc": "2.0", "result": 0, "id": 1},
            {"jsonrpc": "2.0", "result": 1, "id": 2},
            {"jsonrpc": "2.0", "error": invalid, "id": null},
            {"jsonrpc": "2.0", "result": "four", "id": 4},
        ])
    );
}

#[tokio::test]
async fn a_binary_frame_is_text_unless_it_is_none() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}"#;
    socket.send(Message::binary(call.as_bytes())).await.unwrap();
    assert_eq!(hear(&mut socket).await["result"], 0);
    socket.send(Message::binary(&b"{\xff}"[..])).await.unwrap();
    front.pubsub().until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn unsubscribing_takes_one_number() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    for (params, why) in [
        (json!(["x"]), "invalid type: string \"x\", expected u64"),
        (json!([]), "invalid length 0, expected a tuple of size 1"),
        (json!(null), "invalid type: null, expected a tuple of size 1"),
        (json!([-1]), "invalid value: integer `-1`, expected u64"),
    ] {
        let error = &ask(&mut socket, 1, "slotUnsubscribe", params).await["error"];
        assert_eq!(*error, json!({"code": -32602, "message": format!("Invalid params: {why}.")}));
    }
}

#[tokio::test]
async fn parameters_left_out_make_no_other_subscription() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let mut socket = connect(&front).await;
    for (method, params, id) in [
        ("slotSubscribe", json!(null), 0),
        ("slotSubscribe", json!([]), 0),
        ("accountSubscribe", json!(["A"]), 1),
        ("accountSubscribe", json!(["A", null]), 1),
        ("accountSubscribe", json!(["A", {}]), 2),
        ("accountSubscribe", json!({"A": 1}), 3),
        ("accountSubscribe", json!({"B": 1}), 4),
    ] {
        assert_eq!(ask(&mut socket, 1, method, params).await["result"], id);
    }
    assert_eq!(ask(&mut socket, 1, "slotUnsubscribe", json!([0])).await["result"], true);
    assert_eq!(ask(&mut socket, 1, "slotSubscribe", json!([])).await["result"], 5, "nobody held it any more");
}
