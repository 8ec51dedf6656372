use std::time::Duration;

use eda_limits::{ByteRate, Limits, Method, Rate, profile};
use http::{Request, StatusCode, Version};
use http_body_util::Full;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::advance,
};

use super::{
    TEN, of_method,
    peer::{Peer, VERSIONS, body, front, open, refusals},
    per_ten,
};
use crate::{Cause, Fullest, Reply};

#[tokio::test(start_paused = true)]
async fn a_429_closes_a_connection_of_http1_and_not_one_of_http2() {
    for version in VERSIONS {
        let (front, provider) = front(Limits { requests: per_ten(2), ..Limits::default() }).await;
        let mut peer = Peer::connect(&front, version).await;
        assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
        advance(Duration::from_millis(2_500)).await;
        assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
        let refused = peer.ask(&["getSlot"]).await;
        assert_eq!(refused.refused(version), "Too many requests from your IP");
        assert_eq!(refused.retry_after(), Some(8), "7.5 s, rounded up");
        assert_eq!(front.rpc().journal().len(), 2, "what is refused is not forwarded");
        if version == Version::HTTP_2 {
            advance(Duration::from_nanos(7_499_999_999)).await;
            assert_eq!(peer.ask(&["getSlot"]).await.retry_after(), Some(1));
            advance(Duration::from_nanos(1)).await;
            assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
            assert_eq!(front.http().tally().accepts(), 1);
        } else {
            peer.ended().await;
            front.http().tally().until(|traffic| traffic.open == 0).await;
        }
        let meter = provider.meter();
        assert_eq!(
            meter.requests,
            [("getSlot".to_owned(), if version == Version::HTTP_2 { 3 } else { 2 })].into()
        );
        assert_eq!(meter.refused(), if version == Version::HTTP_2 { 2 } else { 1 });
        assert_eq!(meter.fullest[&Cause::Requests], Fullest { count: 2, limit: 2 });
    }
}

/// The bytes themselves: a client library might close what the server left open.
#[tokio::test(start_paused = true)]
async fn the_server_itself_closes_after_a_429_over_http1() {
    let (front, _) = front(of_method("getBlock", 1)).await;
    let mut socket = TcpStream::connect(front.http().address()).await.unwrap();
    let body = body(&["getBlock"]).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.repeat(2).as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    let (_, refused) = answers.split_once("HTTP/1.1 429").unwrap();
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    for line in ["connection: close\r\n", "retry-after: 10\r\n", "x-ratelimit-method-remaining: 0\r\n"] {
        assert!(refused.contains(line), "{refused}");
    }
    assert!(
        refused.ends_with(r#"{"code":429,"message":"Too many requests for a specific RPC call"}"#),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_method_is_refused_while_others_pass() {
    let (front, provider) = front(of_method("getBlock", 1)).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    assert_eq!(peer.ask(&["getBlock"]).await.status, StatusCode::OK);
    let refused = peer.ask(&["getBlock"]).await;
    assert_eq!(refused.refused(Version::HTTP_2), "Too many requests for a specific RPC call");
    assert_eq!(refused.retry_after(), Some(10));
    assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
    advance(Duration::from_millis(TEN)).await;
    assert_eq!(peer.ask(&["getBlock"]).await.status, StatusCode::OK);
    assert_eq!(refusals(&provider.meter(), Cause::Method, "getBlock"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_one_call_too_many_is_refused_whole() {
    let (front, provider) = front(Limits { requests: per_ten(5), ..of_method("getBlock", 1) }).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    let refused = peer.ask(&["getSlot", "getBlock", "getBlock"]).await;
    assert_eq!(refused.refused(Version::HTTP_2), "Too many requests for a specific RPC call");
    assert_eq!(refused.retry_after(), None, "it never fits");
    assert!(!refused.headers.contains_key("x-ratelimit-method-limit"), "it calls more than one method");
    let batch = peer.ask(&["getSlot", "getBlock", "getSlot"]).await;
    assert_eq!((batch.status, batch.number("rps-remaining")), (StatusCode::OK, 2));
    assert_eq!(peer.ask(&["getSlot"; 3]).await.retry_after(), Some(10));
    let two = peer.ask(&["getSlot"; 2]).await;
    assert_eq!((two.status, two.number("rps-remaining")), (StatusCode::OK, 0));
    let meter = provider.meter();
    assert_eq!(
        (refusals(&meter, Cause::Method, "getBlock"), refusals(&meter, Cause::Method, "getSlot")),
        (2, 1)
    );
    assert_eq!(refusals(&meter, Cause::Requests, "getSlot"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_is_a_request() {
    let (front, provider) = front(Limits { requests: per_ten(3), ..Limits::default() }).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    let request = |method: &str, content: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(front.http_url())
            .header("content-type", "application/json");
        request.body(Full::from(content)).unwrap()
    };
    let get = peer.hear(request("GET", "")).await;
    assert_eq!((get.status, get.number("rps-remaining")), (StatusCode::METHOD_NOT_ALLOWED, 2));
    assert_eq!(peer.hear(request("POST", "{")).await.number("rps-remaining"), 1);
    assert_eq!(peer.hear(request("POST", "[]")).await.number("rps-remaining"), 0);
    assert_eq!(
        peer.hear(request("GET", "")).await.refused(Version::HTTP_2),
        "Too many requests from your IP"
    );
    assert_eq!(provider.meter().requests, [(String::new(), 3)].into());
}

#[tokio::test(start_paused = true)]
async fn credits_by_the_window_and_by_the_month() {
    let costs = [(Method::new("getBlock"), 10)].into();
    let limits = Limits { credits: per_ten(20), monthly_credits: Some(31), costs, ..Limits::default() };
    let (front, provider) = front(limits).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    for _ in 0..2 {
        assert_eq!(peer.ask(&["getBlock"]).await.status, StatusCode::OK);
    }
    let refused = peer.ask(&["getSlot"]).await;
    assert_eq!(refused.refused(Version::HTTP_2), "Too many requests from your IP");
    assert_eq!(refused.retry_after(), Some(10));
    advance(Duration::from_millis(TEN)).await;
    assert_eq!(peer.ask(&["getBlock"]).await.status, StatusCode::OK);
    let refused = peer.ask(&["getBlock"]).await;
    assert_eq!(refused.retry_after(), Some(30 * 86_400 - 10));
    assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
    advance(Duration::from_secs(30 * 86_400 - 10)).await;
    assert_eq!(peer.ask(&["getBlock"]).await.status, StatusCode::OK);
    let meter = provider.meter();
    assert_eq!((meter.credits, refusals(&meter, Cause::Credits, "getSlot")), (41, 1));
    assert_eq!(refusals(&meter, Cause::MonthlyCredits, "getBlock"), 1);
    assert_eq!(meter.fullest[&Cause::MonthlyCredits], Fullest { count: 31, limit: 31 });
}

#[tokio::test(start_paused = true)]
async fn bytes_count_as_they_travel_compressed() {
    for gzip in [true, false] {
        let bytes = Some(ByteRate { bytes: 60_000, window: Duration::from_secs(30) });
        let (front, provider) = front(Limits { bytes, ..Limits::default() }).await;
        front.rpc().respond(|_| Reply::Huge(50_000));
        front.rpc().gzip(gzip);
        let mut peer = Peer::connect(&front, Version::HTTP_2).await;
        let mut ask = async || {
            let mut request = peer.request(&["getBlock"]);
            request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
            peer.hear(request).await
        };
        let first = ask().await;
        let wire = u64::try_from(first.body.len()).unwrap();
        assert_eq!((wire < 1_000, first.headers.contains_key("content-encoding")), (gzip, gzip));
        advance(Duration::from_secs(1)).await;
        assert_eq!(ask().await.status, StatusCode::OK);
        let third = ask().await;
        if gzip {
            assert_eq!(third.status, StatusCode::OK);
            assert_eq!(provider.meter().bytes, 3 * wire);
        } else {
            assert_eq!(third.refused(Version::HTTP_2), "Too many requests from your IP");
            assert_eq!(third.retry_after(), Some(29));
            advance(Duration::from_secs(29)).await;
            assert_eq!(ask().await.status, StatusCode::OK);
            let meter = provider.meter();
            assert_eq!((meter.bytes, refusals(&meter, Cause::Bytes, "getBlock")), (3 * wire, 1));
            assert_eq!(meter.fullest[&Cause::Bytes], Fullest { count: 2 * wire, limit: 60_000 });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_response_says_truly_what_is_left() {
    let (front, _) = front(profile::by_name("public-mainnet-beta").unwrap().limits()).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    for asked in 1..=5 {
        let heard = peer.ask(&["getBlock"]).await;
        assert_eq!((heard.number("method-limit"), heard.number("method-remaining")), (5, 5 - asked));
        assert_eq!((heard.number("rps-limit"), heard.number("rps-remaining")), (100, 100 - asked));
        assert_eq!(heard.headers["x-ratelimit-endpoint-limit"], "unlimited");
        assert_eq!(heard.number("endpoint-remaining"), -asked);
        assert_eq!((heard.number("conn-limit"), heard.number("conn-remaining")), (40, 39));
        assert_eq!((heard.number("connrate-limit"), heard.number("connrate-remaining")), (40, 39));
        assert_eq!((heard.number("pubsub-limit"), heard.number("pubsub-remaining")), (5, 5));
        assert_eq!(heard.headers["x-ratelimit-tier"], "free");
        advance(Duration::from_secs(1)).await;
    }
    let refused = peer.ask(&["getBlock"]).await;
    assert_eq!(
        (refused.retry_after(), refused.number("method-remaining"), refused.number("rps-remaining")),
        (Some(5), 0, 95)
    );
    let (socket, headers) = open(&front).await.ok().unwrap();
    for (name, value) in [("pubsub", "4"), ("conn", "38"), ("connrate", "38"), ("rps", "95")] {
        assert_eq!(headers[&format!("x-ratelimit-{name}-remaining")], value);
    }
    assert!(!headers.contains_key("x-ratelimit-method-limit"));
    let other = peer.ask(&["getSlot"]).await;
    assert_eq!(
        (other.number("method-limit"), other.number("method-remaining"), other.number("pubsub-remaining")),
        (40, 39, 4)
    );
    drop(socket);
    front.ws().tally().until(|traffic| traffic.open == 0).await;
    advance(Duration::from_millis(TEN)).await;
    let later = peer.ask(&["getBlock"]).await;
    assert_eq!((later.number("method-remaining"), later.number("rps-remaining")), (4, 99));
    assert_eq!(
        (
            later.number("pubsub-remaining"),
            later.number("conn-remaining"),
            later.number("connrate-remaining")
        ),
        (5, 39, 40)
    );
}

/// What remains is what may be sent: as many as it says pass, and the next does not.
#[tokio::test(start_paused = true)]
async fn as_many_pass_as_were_said_to_remain() {
    let (front, _) = front(Limits { requests: per_ten(7), ..of_method("getBlock", 3) }).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    for method in ["getBlock", "getSlot"] {
        let heard = peer.ask(&[method]).await;
        let remaining = if method == "getBlock" {
            heard.number("method-remaining")
        } else {
            heard.number("rps-remaining")
        };
        for _ in 0..remaining {
            assert_eq!(peer.ask(&[method]).await.status, StatusCode::OK);
        }
        assert_eq!(peer.ask(&[method]).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_fills_every_window_of_the_public_profile_is_never_refused() {
    let limits = profile::by_name("public-mainnet-beta").unwrap().limits();
    let (front, provider) = front(limits.clone()).await;
    let mut peer = Peer::connect(&front, Version::HTTP_2).await;
    let wanted = [
        ("getBlock", 5),
        ("getTransaction", 2),
        ("getAccountInfo", 30),
        ("getSlot", 40),
        ("getMultipleAccounts", 23),
    ];
    for _ in 0..5 {
        for (method, number) in wanted {
            for _ in 0..number {
                assert_eq!(peer.ask(&[method]).await.status, StatusCode::OK);
            }
        }
        advance(Duration::from_millis(TEN)).await;
    }
    let meter = provider.meter();
    assert_eq!((meter.refused(), meter.requests.values().sum::<u64>()), (0, 500));
    assert_eq!(meter.fullest[&Cause::Requests], Fullest { count: 100, limit: 100 });
    for (method, fullest) in &meter.fullest_methods {
        let limit: Option<Rate> = limits.method(&Method::named(method.as_str()));
        assert_eq!(fullest.limit, u64::from(limit.unwrap().count));
        assert_eq!(fullest.count == fullest.limit, method != "getMultipleAccounts", "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_itself_says_of_limits_stays() {
    let (front, _) = front(Limits { requests: per_ten(7), ..Limits::default() }).await;
    front.rpc().respond(|_| Reply::Result(json!("ok")).with_header("x-ratelimit-rps-limit", "12"));
    let heard = Peer::connect(&front, Version::HTTP_2).await.ask(&["getSlot"]).await;
    assert_eq!((heard.number("rps-limit"), heard.number("rps-remaining")), (12, 6));
}
