use std::{collections::HashMap, sync::Arc, time::Duration};

use eda_connection::http::{CallError, HttpConfig, TransportError};
use eda_simnet::{Front, Protocol, Reply, basics};
use http::StatusCode;
use serde_json::json;

use crate::setup::{PROTOCOLS, client, client_with, front, within};

const SEND: &str = "sendTransaction";

async fn sent(server: &Front) -> usize {
    server.rpc().journal().of(SEND).len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_whose_answer_breaks_is_sent_once_and_its_outcome_is_unknown() {
    let breaks = [
        Reply::Dropped(json!("signature")),
        Reply::Truncated(json!("signature")),
        Reply::Stalled(json!("signature")),
        Reply::Never,
        Reply::WrongId(json!("signature")),
        Reply::html(StatusCode::OK),
        Reply::html(StatusCode::BAD_GATEWAY),
        Reply::status(StatusCode::GATEWAY_TIMEOUT),
    ];
    for protocol in PROTOCOLS {
        for reply in breaks.clone() {
            within(async {
                let server = front(protocol).await;
                let config = HttpConfig { stall: Duration::from_millis(300), ..HttpConfig::default() };
                let client = client_with(&server, &server.http_url(), config);
                let programmed = reply.clone();
                server
                    .rpc()
                    .respond(move |call| if call.method == SEND { programmed.clone() } else { basics(call) });
                client.ask("getSlot").await.unwrap();
                let outcome = client.ask(SEND).await;
                let Err(CallError::OutcomeUnknown { method, .. }) = outcome else {
                    panic!("{protocol:?} {reply:?}: {outcome:?}")
                };
                assert_eq!(method.as_str(), SEND);
                client.ask("getSlot").await.unwrap();
                assert_eq!(sent(&server).await, 1, "{protocol:?} {reply:?}");
                assert_eq!(server.http().tally().max_open(), 1, "{protocol:?} {reply:?}");
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_that_is_refused_has_a_known_outcome() {
    within(async {
        let server = front(Protocol::Http1).await;
        let client = client(&server);
        server.rpc().respond(|_| Reply::too_many_requests(Some(1)));
        assert!(matches!(client.ask(SEND).await, Err(CallError::RateLimited { .. })));
        server.rpc().respond(|_| Reply::error(-32002, "Transaction simulation failed"));
        assert!(matches!(client.ask(SEND).await, Err(CallError::Rpc(error)) if error.code == -32002));
        client.http.close().await;
        server.stop().await;
        let outcome = client.ask(SEND).await;
        assert!(matches!(outcome, Err(CallError::Transport(TransportError::Dial(_)))), "{outcome:?}");
        assert_eq!(sent(&server).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_under_way_when_the_connection_is_closed_has_an_unknown_outcome() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            server.rpc().respond(|_| Reply::Never);
            let close = async {
                server.rpc().journal().until(|calls| !calls.is_empty()).await;
                client.http.close().await;
            };
            let (outcome, ()) = tokio::join!(client.ask(SEND), close);
            assert!(matches!(outcome, Err(CallError::OutcomeUnknown { .. })), "{protocol:?}: {outcome:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whenever_connections_die_every_transaction_arrives_at_most_once_and_no_outcome_is_wrong() {
    for protocol in PROTOCOLS {
        within(async {
            let server = Arc::new(front(protocol).await);
            let client = client(&server);
            server.rpc().respond(|call| Reply::Result(call.params.clone()));
            let mut outcomes = Vec::new();
            for number in 0..25_u64 {
                let params = json!([number]);
                let kill = async {
                    for _ in 0..number % 7 {
                        tokio::task::yield_now().await;
                    }
                    if number % 3 == 0 {
                        server.http().drain_connections();
                    } else {
                        server.http().kill_connections();
                    }
                };
                let (outcome, ()) = tokio::join!(client.ask_with(SEND, &params), kill);
                outcomes.push((number, outcome));
            }
            let mut arrived: HashMap<u64, usize> = HashMap::new();
            for call in server.rpc().journal().of(SEND) {
                *arrived.entry(call.params[0].as_u64().unwrap()).or_default() += 1;
            }
            for (number, outcome) in outcomes {
                let times = arrived.get(&number).copied().unwrap_or_default();
                assert!(times <= 1, "{protocol:?}: transaction {number} arrived {times} times: {outcome:?}");
                match outcome {
                    Ok(_) => assert_eq!(times, 1),
                    Err(CallError::OutcomeUnknown { cause, .. }) => {
                        assert!(!cause.contains("no progress"), "{protocol:?}: {number} hung: {cause}");
                    }
                    Err(CallError::Transport(TransportError::NotSent { .. } | TransportError::Dial(_))) => {
                        assert_eq!(times, 0, "{protocol:?}: told unsent, but it arrived");
                    }
                    Err(error) => panic!("{protocol:?}: {error:?}"),
                }
            }
            assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
        })
        .await;
    }
}
