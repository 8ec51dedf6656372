use std::time::Duration;

use eda_connection::http::{CallError, HttpConfig};
use eda_simnet::{Protocol, Reply, basics};
use http::StatusCode;
use serde_json::json;

use crate::setup::{PROTOCOLS, accepts_at_start, client, client_with, front, within};

/// Asks once with this reply and once more with a good one, over every protocol.
async fn each_protocol(reply: Reply, check: impl Fn(Protocol, CallError)) {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let config = HttpConfig { stall: Duration::from_millis(300), ..HttpConfig::default() };
            let client = client_with(&server, &server.http_url(), config);
            let programmed = reply.clone();
            server.rpc().respond(move |_| programmed.clone());
            let error = client.ask("getSlot").await.unwrap_err();
            assert_eq!(client.http.stats().errors.get(error.kind()), Some(&1), "{protocol:?}");
            check(protocol, error);
            server.rpc().respond(basics);
            client.ask("getSlot").await.unwrap();
            assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_429_says_how_long_to_wait_and_in_whose_words() {
    let reply = Reply::too_many_requests(Some(10)).with_header("x-ratelimit-rps-limit", "100");
    each_protocol(reply, |protocol, error| {
        let CallError::RateLimited { retry_after, message } = error else {
            panic!("{protocol:?}: {error:?}")
        };
        assert_eq!(retry_after, Some(Duration::from_secs(10)));
        assert_eq!(message, "Too many requests for a specific RPC call");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_in_headers_are_shown() {
    within(async {
        let server = front(Protocol::Tls).await;
        let client = client(&server);
        server.rpc().respond(|call| {
            basics(call)
                .with_header("x-ratelimit-rps-limit", "100")
                .with_header("x-ratelimit-conn-remaining", "39")
                .with_header("x-ratelimit-tier", "free")
        });
        client.ask("getSlot").await.unwrap();
        let limits: Vec<_> = client.http.stats().limits.into_iter().collect();
        assert_eq!(limits, [("conn-remaining".to_owned(), 39), ("rps-limit".to_owned(), 100)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refused_keys_and_blocked_addresses_say_what_to_do() {
    each_protocol(Reply::status(StatusCode::UNAUTHORIZED), |_, error| {
        assert!(matches!(error, CallError::Unauthorized { .. }));
        assert!(error.to_string().contains("check the key"), "{error}");
    })
    .await;
    each_protocol(Reply::status(StatusCode::FORBIDDEN), |_, error| {
        assert!(matches!(error, CallError::Forbidden { .. }));
        assert!(error.to_string().contains("allow-list"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_and_broken_json_are_told_apart_from_answers() {
    each_protocol(Reply::html(StatusCode::OK), |protocol, error| {
        assert!(
            matches!(&error, CallError::NotJson { excerpt } if excerpt.contains("<html>")),
            "{protocol:?}: {error}"
        );
    })
    .await;
    each_protocol(Reply::html(StatusCode::SERVICE_UNAVAILABLE), |protocol, error| {
        assert!(matches!(error, CallError::Status { code: 503, .. }), "{protocol:?}: {error}");
    })
    .await;
    each_protocol(Reply::Truncated(json!({"a": [1, 2, 3]})), |protocol, error| {
        assert!(matches!(error, CallError::NotJson { .. }), "{protocol:?}: {error}");
    })
    .await;
    each_protocol(Reply::WrongId(json!(1)), |protocol, error| {
        assert!(matches!(error, CallError::WrongId), "{protocol:?}: {error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_stops_half_way_is_given_up() {
    for reply in [Reply::Stalled(json!("x".repeat(1000))), Reply::Never] {
        each_protocol(reply, |protocol, error| {
            assert!(matches!(error, CallError::Stalled { .. }), "{protocol:?}: {error}");
        })
        .await;
    }
    each_protocol(Reply::Dropped(json!("x".repeat(1000))), |protocol, error| {
        assert!(matches!(error, CallError::Transport(_)), "{protocol:?}: {error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn over_http2_an_answer_that_stops_costs_nobody_else() {
    for protocol in [Protocol::Tls, Protocol::H2c] {
        within(async {
            let server = front(protocol).await;
            let config = HttpConfig { stall: Duration::from_millis(300), ..HttpConfig::default() };
            let client = client_with(&server, &server.http_url(), config);
            server.rpc().respond(|call| if call.method == "getBlock" { Reply::Never } else { basics(call) });
            let others = async {
                let mut answered = 0;
                while client.http.stats().errors.is_empty() {
                    client.ask("getSlot").await.unwrap();
                    answered += 1;
                }
                answered
            };
            let (stalled, answered) = tokio::join!(client.ask("getBlock"), others);
            assert!(matches!(stalled, Err(CallError::Stalled { .. })));
            assert!(answered > 0);
            client.ask("getSlot").await.unwrap();
            assert_eq!(server.http().tally().accepts(), accepts_at_start(protocol), "{protocol:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_beyond_the_bound_is_refused_and_one_within_it_is_not() {
    for protocol in PROTOCOLS {
        for gzip in [false, true] {
            within(async {
                let server = front(protocol).await;
                let config = HttpConfig { answer_bytes: 2_000_000, ..HttpConfig::default() };
                let client = client_with(&server, &server.http_url(), config);
                server.rpc().gzip(gzip);
                server.rpc().respond(|call| match call.params[0].as_u64() {
                    Some(size) => Reply::Huge(usize::try_from(size).unwrap()),
                    None => basics(call),
                });
                let reply = client.ask_with("getBlock", &json!([1_900_000])).await.unwrap();
                assert_eq!(reply.result.get().len(), 1_900_002);
                assert_eq!(reply.bytes < 100_000, gzip, "{protocol:?}: {} bytes travelled", reply.bytes);
                let outcome = client.ask_with("getBlock", &json!([3_000_000])).await;
                assert!(
                    matches!(outcome, Err(CallError::TooLarge { limit: 2_000_000 })),
                    "{protocol:?}: {outcome:?}"
                );
                client.ask("getSlot").await.unwrap();
                assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_in_the_url_reaches_the_server_and_no_error() {
    within(async {
        let server = front(Protocol::Http1).await;
        let url = format!("{}v2/SECRETKEY?api-key=SECRETTOO", server.http_url());
        let client = client_with(&server, &url, HttpConfig::default());
        for status in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND]
        {
            server.rpc().respond(move |call| {
                let body = format!("<html>{} is not here</html>", call.path);
                Reply::Http { status, headers: vec![], body: body.into() }
            });
            let error = client.ask("getSlot").await.unwrap_err();
            for shown in [error.to_string(), format!("{error:?}"), format!("{:?}", client.http)] {
                assert!(!shown.contains("SECRET"), "{shown}");
            }
        }
        assert_eq!(server.rpc().journal().all()[0].path, "/v2/SECRETKEY?api-key=SECRETTOO");
    })
    .await;
}
