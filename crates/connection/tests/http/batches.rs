use std::time::Duration;

use eda_connection::{
    budget::Permit,
    http::{CallError, HttpConfig},
    request::Class,
};
use eda_simnet::{Protocol, Reply, basics};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::setup::{Client, call, client, client_with, front, within};

/// A first call that keeps the connection busy until the server is told otherwise by the second call it sees.
async fn behind_a_slow_call(client: &Client, server: &eda_simnet::Front, work: impl Future<Output = ()>) {
    let slow = async { drop(client.ask("getBlock").await) };
    let work = async {
        server.rpc().journal().until(|calls| !calls.is_empty()).await;
        work.await;
    };
    tokio::join!(slow, work);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_wait_for_the_connection_share_a_request_and_are_told_apart_by_id() {
    for reversed in [false, true] {
        within(async {
            let server = front(Protocol::Http1).await;
            let client = client(&server);
            server.rpc().reverse_batches(reversed);
            server.rpc().respond(|call| match call.method.as_str() {
                "getBlock" => Reply::Result(json!(null)).after(Duration::from_millis(100)),
                _ => Reply::Result(call.params.clone()),
            });
            behind_a_slow_call(&client, &server, async {
                let params: Vec<_> = (0..40).map(|number| json!([number])).collect();
                let answers = join_all(params.iter().map(|params| client.ask_with("getSlot", params))).await;
                for (params, answer) in params.iter().zip(answers) {
                    assert_eq!(answer.unwrap().result.get(), params.to_string());
                }
            })
            .await;
            let batches = server.rpc().journal().of("getSlot").iter().map(|call| call.batch).max();
            assert_eq!(batches, Some(40));
            let stats = client.http.stats();
            assert_eq!((stats.calls, stats.requests, stats.batches, stats.strays), (41, 2, 1, 0));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exits_overtake_and_go_alone_and_large_calls_go_one_at_a_time() {
    within(async {
        let server = front(Protocol::Http1).await;
        let client = client(&server);
        server.rpc().respond(|call| match call.method.as_str() {
            "getBlock" => Reply::Result(json!(null)).after(Duration::from_millis(100)),
            _ => Reply::Result(json!(0)),
        });
        behind_a_slow_call(&client, &server, async {
            let small = (0..5).map(|_| client.ask("getSlot"));
            let large = (0..2).map(|_| client.ask("getProgramAccounts"));
            let exit =
                eda_connection::http::Call { class: Class::Exit, ..call("sendTransaction", &json!([])) };
            let exit = client.http.call(exit, Permit::unmetered());
            let (small, large, exit) = tokio::join!(join_all(small), join_all(large), exit);
            assert!(small.into_iter().chain(large).chain([exit]).all(|outcome| outcome.is_ok()));
        })
        .await;
        let seen: Vec<_> =
            server.rpc().journal().all().into_iter().map(|call| (call.method, call.batch)).collect();
        assert_eq!(seen[1], ("sendTransaction".to_owned(), 1), "{seen:?}");
        for (method, batch) in &seen {
            assert_eq!(*batch, if method == "getSlot" { 5 } else { 1 }, "{seen:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_takes_no_batches_is_asked_singly_from_then_on() {
    let refusals = [
        Reply::status(StatusCode::PAYLOAD_TOO_LARGE),
        Reply::status(StatusCode::BAD_REQUEST),
        Reply::Http {
            status: StatusCode::OK,
            headers: vec![],
            body: r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no batches"},"id":null}"#.into(),
        },
    ];
    for refusal in refusals {
        within(async {
            let server = front(Protocol::Http1).await;
            let client = client(&server);
            let programmed = refusal.clone();
            server.rpc().respond(move |call| if call.batch > 1 { programmed.clone() } else { basics(call) });
            for _ in 0..2 {
                for outcome in join_all((0..10).map(|_| client.ask("getSlot"))).await {
                    outcome.unwrap();
                }
            }
            let stats = client.http.stats();
            assert_eq!((stats.batches, stats.batches_refused), (1, 1), "{refusal:?}");
            assert_eq!(server.http().tally().max_open(), 1);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_refused_for_its_rate_is_no_reason_to_stop_batching() {
    within(async {
        let server = front(Protocol::Http1).await;
        let client = client(&server);
        server.rpc().respond(|_| Reply::too_many_requests(Some(3)));
        for outcome in join_all((0..10).map(|_| client.ask("getSlot"))).await {
            assert!(
                matches!(&outcome, Err(CallError::RateLimited { retry_after: Some(after), message })
                    if after.as_secs() == 3 && message.contains("specific RPC call")),
                "{outcome:?}"
            );
        }
        server.rpc().respond(basics);
        drop(join_all((0..10).map(|_| client.ask("getSlot"))).await);
        assert_eq!(client.http.stats().batches_refused, 0);
        assert!(server.rpc().journal().all().last().unwrap().batch > 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_id_in_a_batch_costs_that_call_alone() {
    within(async {
        let server = front(Protocol::Http1).await;
        let client = client(&server);
        server.rpc().respond(|call| match call.params[0].as_u64() {
            Some(3) => Reply::WrongId(json!(0)),
            Some(4) => Reply::error(-32602, "no"),
            _ => Reply::Result(call.params.clone()),
        });
        let params: Vec<_> = (0..6).map(|number| json!([number])).collect();
        let answers = join_all(params.iter().map(|params| client.ask_with("getSlot", params))).await;
        for (number, answer) in answers.iter().enumerate() {
            match number {
                3 => assert!(matches!(answer, Err(CallError::WrongId)), "{answer:?}"),
                4 => assert!(matches!(answer, Err(CallError::Rpc(_))), "{answer:?}"),
                _ => assert!(answer.is_ok(), "{answer:?}"),
            }
        }
        assert_eq!(client.http.stats().strays, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_keep_to_their_bounds() {
    within(async {
        let server = front(Protocol::Http1).await;
        let config = HttpConfig { batch_calls: 4, batch_bytes: 2_000, ..HttpConfig::default() };
        let client = client_with(&server, &server.http_url(), config);
        server.rpc().respond(|_| Reply::Result(json!(0)));
        let long = json!(["x".repeat(900)]);
        let short = json!([]);
        let calls =
            (0..20).map(|number| client.ask_with("getSlot", if number % 2 == 0 { &long } else { &short }));
        assert!(join_all(calls).await.iter().all(Result::is_ok));
        for call in server.rpc().journal().all() {
            assert!(call.batch <= 4);
        }
        assert!(client.http.stats().batches >= 5);
    })
    .await;
}
