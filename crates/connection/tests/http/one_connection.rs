use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eda_connection::http::{CallError, Version};
use eda_simnet::{Front, Protocol, Reply, basics};
use futures_util::{FutureExt, future::join_all};
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use crate::setup::{Client, PROTOCOLS, accepts_at_start, client, dialer, front, speaks_http2, within};

/// Five callers that start at the same moment, each with its own idea of which client it uses.
async fn five_at_once(clients: &[Arc<Client>]) {
    let barrier = Arc::new(Barrier::new(5));
    let mut callers = JoinSet::new();
    for client in clients {
        let (client, barrier) = (Arc::clone(client), Arc::clone(&barrier));
        callers.spawn(async move {
            barrier.wait().await;
            client.ask("getSlot").await.unwrap()
        });
    }
    assert_eq!(callers.join_all().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_callers_at_once_share_one_connection() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = Arc::new(client(&server));
            assert_eq!(client.http.stats().opened, 0, "opened before the first call");
            five_at_once(&vec![Arc::clone(&client); 5]).await;
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.accepts, accepts_at_start(protocol), "{protocol:?}");
            assert_eq!(traffic.max_open, 1, "{protocol:?}");
            assert_eq!(traffic.open, 1, "{protocol:?}");
            let stats = client.http.stats();
            assert_eq!((stats.open, stats.opened), (1, traffic.accepts), "{protocol:?}");
            assert_eq!(stats.probes, traffic.accepts - 1, "{protocol:?}");
            assert_eq!(client.gate.load(Ordering::Relaxed), traffic.accepts, "{protocol:?}");
            let version = match protocol {
                Protocol::Tls => Version::Http2,
                Protocol::H2c => Version::H2c,
                Protocol::TlsHttp1 | Protocol::Http1 | Protocol::H2cRefused => Version::Http11,
            };
            assert_eq!(stats.version, Some(version), "{protocol:?}");
            client.stop().await;
            server.http().tally().until(|traffic| traffic.open == 0).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_clients_at_once_are_seen_as_five() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let clients: Vec<_> = (0..5).map(|_| Arc::new(client(&server))).collect();
            five_at_once(&clients).await;
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.accepts, 5 * accepts_at_start(protocol), "{protocol:?}");
            assert_eq!(traffic.open, 5, "{protocol:?}");
        })
        .await;
    }
}

/// Five callers without a pause, while `disturb` is done to the server every fifty calls, four times.
async fn under_load(server: &Front, client: &Arc<Client>, disturb: impl Fn(&Front)) -> Vec<CallError> {
    server.rpc().respond(|call| basics(call).after(Duration::from_millis(1)));
    let target = Arc::new(AtomicU64::new(u64::MAX));
    let mut callers = JoinSet::new();
    for _ in 0..5 {
        let (client, target) = (Arc::clone(client), Arc::clone(&target));
        callers.spawn(async move {
            let mut errors = Vec::new();
            let mut since = 0;
            while since < 20 {
                match client.ask("getSlot").await {
                    Ok(_) if client.http.stats().calls > target.load(Ordering::Acquire) => since += 1,
                    Ok(_) => {}
                    Err(error) => errors.push(error),
                }
            }
            errors
        });
    }
    for round in 1..=4 {
        server.rpc().journal().until(|calls| calls.len() >= round * 50).await;
        disturb(server);
    }
    target.store(client.http.stats().calls, Ordering::Release);
    callers.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_kills_connections_under_load_never_sees_two() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = Arc::new(client(&server));
            let errors = under_load(&server, &client, |server| {
                server.http().kill_connections();
            })
            .await;
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.max_open, 1, "{protocol:?}");
            assert!(traffic.accepts > accepts_at_start(protocol), "{protocol:?}: nothing was killed");
            for error in errors {
                assert!(matches!(error, CallError::Transport(_)), "{protocol:?}: {error:?}");
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_rotates_connections_under_load_never_sees_two_and_costs_no_call() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = Arc::new(client(&server));
            let errors = under_load(&server, &client, |server| {
                server.http().drain_connections();
            })
            .await;
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.max_open, 1, "{protocol:?}");
            assert!(traffic.accepts > accepts_at_start(protocol), "{protocol:?}: nothing was drained");
            assert!(errors.is_empty(), "{protocol:?}: {errors:?}");
        })
        .await;
    }
}

/// A stream is held open while the server says goodbye and another call is made.
async fn rotate_with_a_call_in_flight<F>(server: &Front, ask: impl Fn(&'static str) -> F) -> u64
where
    F: Future<Output = ()>,
{
    server.rpc().respond(|call| match call.method.as_str() {
        "getBlock" => Reply::Result(json!(null)).after(Duration::from_millis(500)),
        _ => basics(call),
    });
    ask("getSlot").await;
    let slow = ask("getBlock");
    let quick = async {
        server.rpc().journal().until(|calls| calls.iter().any(|call| call.method == "getBlock")).await;
        server.http().drain_connections();
        // Until the client has heard of it, calls still go where they went.
        let before = server.http().tally().accepts();
        while server.http().tally().accepts() == before {
            ask("getSlot").await;
        }
    };
    tokio::join!(slow, quick);
    server.http().tally().max_open()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotated_connection_is_finished_before_the_next_is_opened() {
    for protocol in PROTOCOLS.into_iter().filter(|protocol| speaks_http2(*protocol)) {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            let ask = |method| client.ask(method).map(|outcome| drop(outcome.unwrap()));
            assert_eq!(rotate_with_a_call_in_flight(&server, ask).await, 1, "{protocol:?}");
            // What a pooling client does instead.
            let server = front(protocol).await;
            let pooling = reqwest::Client::builder()
                .tls_backend_preconfigured(dialer(&server).tls())
                .http2_prior_knowledge()
                .no_proxy()
                .build()
                .unwrap();
            let url = server.http_url();
            let ask = |method| {
                let body = json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string();
                let request = pooling.post(&url).header("content-type", "application/json").body(body);
                async move { drop(request.send().await.unwrap().bytes().await.unwrap()) }
            };
            assert_eq!(rotate_with_a_call_in_flight(&server, ask).await, 2, "{protocol:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_cancelled_calls_cost_no_connection() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            client.ask("getSlot").await.unwrap();
            server.rpc().respond(|call| basics(call).after(Duration::from_millis(2)));
            for round in 0..10 {
                let calls = (0..100).map(|_| client.ask("getSlot"));
                if round % 2 == 0 {
                    // Given up as soon as they are under way.
                    assert!(join_all(calls).now_or_never().is_none());
                    tokio::task::yield_now().await;
                } else {
                    let seen = server.rpc().journal().len();
                    tokio::select! {
                        _ = join_all(calls) => {}
                        _ = server.rpc().journal().until(|calls| calls.len() > seen) => {}
                    }
                }
            }
            client.ask("getSlot").await.unwrap();
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.accepts, accepts_at_start(protocol), "{protocol:?}");
            assert_eq!(traffic.max_open, 1, "{protocol:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_leaves_no_socket_and_the_next_call_opens_one() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            client.http.close().await;
            client.ask("getSlot").await.unwrap();
            client.http.close().await;
            assert_eq!(client.http.stats().open, 0, "{protocol:?}");
            server.http().tally().until(|traffic| traffic.open == 0).await;
            let before = server.http().tally().accepts();
            client.ask("getSlot").await.unwrap();
            assert_eq!(
                server.http().tally().accepts(),
                before + 1,
                "{protocol:?}: it knows the server already"
            );
            assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
            client.stop().await;
            assert_eq!(client.http.stats().open, 0, "{protocol:?}");
            server.http().tally().until(|traffic| traffic.open == 0).await;
            assert!(matches!(client.ask("getSlot").await, Err(CallError::Closed)));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_ends_the_calls_under_way() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            server.rpc().respond(|_| Reply::Never);
            let close = async {
                server.rpc().journal().until(|calls| !calls.is_empty()).await;
                client.http.close().await;
            };
            let (first, second, ()) = tokio::join!(client.ask("getBlock"), client.ask("getBlock"), close);
            for outcome in [first, second] {
                assert!(matches!(outcome, Err(CallError::Closed)), "{protocol:?}: {outcome:?}");
            }
            server.http().tally().until(|traffic| traffic.open == 0).await;
        })
        .await;
    }
}

/// While another endpoint is used, nothing may open a connection to this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_rest_calls_end_unsent_and_no_connection_is_opened_until_it_is_woken() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            client.http.rest().await;
            assert!(matches!(client.ask("getSlot").await, Err(CallError::Closed)));
            client.http.wake().await;
            client.ask("getSlot").await.unwrap();
            // Many call without a pause, before and after.
            let calls = async || {
                loop {
                    match client.ask("sendTransaction").await {
                        Ok(_) | Err(CallError::Rpc(_) | CallError::OutcomeUnknown { .. }) => {}
                        Err(CallError::Closed) => return,
                        Err(other) => panic!("{protocol:?}: {other}"),
                    }
                }
            };
            let rest = async {
                server.rpc().journal().until(|calls| calls.len() > 20).await;
                client.http.rest().await;
            };
            tokio::join!(calls(), calls(), calls(), rest);
            server.http().tally().until(|traffic| traffic.open == 0).await;
            let (accepts, asked) = (server.http().tally().accepts(), server.rpc().journal().len());
            for _ in 0..20 {
                assert!(matches!(client.ask("getSlot").await, Err(CallError::Closed)));
            }
            assert_eq!(server.http().tally().accepts(), accepts, "{protocol:?}");
            assert_eq!(server.rpc().journal().len(), asked, "{protocol:?}");
            client.http.wake().await;
            client.ask("getSlot").await.unwrap();
            assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
            client.stop().await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idle_connection_that_the_server_lets_go_costs_no_call() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            for round in 0..8 {
                client.ask("getSlot").await.unwrap();
                if round % 2 == 0 {
                    server.http().drain_connections();
                } else {
                    server.http().kill_connections();
                }
                if round % 4 < 2 {
                    server.http().tally().until(|traffic| traffic.open == 0).await;
                }
                // Bytes of the last call may still be arriving, so that a stream cannot tell whether a reset met a
                // connection at rest; a connection at rest learns of it by itself.
                while round % 2 == 1 && speaks_http2(protocol) && client.http.stats().open > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            client.ask("getSlot").await.unwrap();
            let traffic = server.http().tally().traffic();
            assert_eq!(traffic.max_open, 1, "{protocol:?}");
            assert!(traffic.accepts > 4, "{protocol:?}: {traffic:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_cannot_be_reached_is_an_error_and_is_tried_again_by_the_next_call() {
    for protocol in PROTOCOLS {
        within(async {
            let server = front(protocol).await;
            let client = client(&server);
            server.http().refuse(true);
            for _ in 0..3 {
                let outcome = client.ask("getSlot").await;
                assert!(matches!(outcome, Err(CallError::Transport(_))), "{protocol:?}: {outcome:?}");
            }
            server.http().refuse(false);
            client.ask("getSlot").await.unwrap();
            assert_eq!(server.http().tally().max_open(), 1, "{protocol:?}");
        })
        .await;
    }
}
