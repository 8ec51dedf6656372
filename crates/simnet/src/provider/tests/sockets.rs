use std::time::Duration;

use eda_limits::Limits;
use http::{StatusCode, Version};
use serde_json::{Value, json};
use tokio::time::advance;

use super::{
    peer::{Peer, VERSIONS, front, open, refusals, tell},
    per_ten,
};
use crate::{Blocked, Cause, Front, Fullest, Protocol, Provider};

#[tokio::test(start_paused = true)]
async fn new_connections_are_counted_over_both_ports() {
    for version in VERSIONS {
        let (front, provider) = front(Limits { connects: per_ten(2), ..Limits::default() }).await;
        let mut peer = Peer::connect(&front, version).await;
        assert_eq!(peer.ask(&["getSlot"]).await.number("connrate-remaining"), 1);
        advance(Duration::from_secs(4)).await;
        let (socket, headers) = open(&front).await.ok().unwrap();
        assert_eq!(headers["x-ratelimit-connrate-remaining"], "0");
        drop(socket);

        let mut refused = Peer::connect(&front, version).await;
        let heard = refused.ask(&["getSlot"]).await;
        assert_eq!(heard.refused(version), "Connection rate limits exceeded");
        assert_eq!(heard.retry_after(), Some(6));
        refused.ended().await;
        let heard = open(&front).await.err().unwrap();
        assert_eq!(heard.refused(Version::HTTP_11), "Connection rate limits exceeded");
        assert_eq!(heard.retry_after(), Some(6));

        advance(Duration::from_nanos(5_999_999_999)).await;
        assert_eq!(open(&front).await.err().unwrap().retry_after(), Some(1));
        advance(Duration::from_nanos(1)).await;
        assert!(open(&front).await.is_ok());
        assert_eq!(peer.ask(&["getSlot"]).await.number("connrate-remaining"), 0, "who is in stays in");
        let meter = provider.meter();
        assert_eq!((meter.accepts, refusals(&meter, Cause::Connects, "")), (6, 3));
        assert_eq!(meter.requests["getSlot"], 2);
        assert_eq!(meter.fullest[&Cause::Connects], Fullest { count: 2, limit: 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn connections_open_at_once_are_capped_until_one_leaves() {
    for version in VERSIONS {
        let (front, provider) = front(Limits { connection_cap: Some(2), ..Limits::default() }).await;
        let mut first = Peer::connect(&front, version).await;
        assert_eq!(first.ask(&["getSlot"]).await.number("conn-remaining"), 1);
        let mut second = Peer::connect(&front, version).await;
        assert_eq!(second.ask(&["getSlot"]).await.number("conn-remaining"), 0);
        let mut third = Peer::connect(&front, version).await;
        let heard = third.ask(&["getSlot"]).await;
        assert_eq!(heard.refused(version), "Connection rate limits exceeded");
        assert_eq!(heard.retry_after(), None, "nobody knows when one leaves");
        third.ended().await;
        assert!(open(&front).await.is_err());

        second.leave(&front).await;
        let mut fourth = Peer::connect(&front, version).await;
        assert_eq!(fourth.ask(&["getSlot"]).await.number("conn-remaining"), 0);
        let meter = provider.meter();
        assert_eq!((meter.accepts, meter.max_open, refusals(&meter, Cause::Connections, "")), (5, 3, 2));
        assert_eq!(meter.fullest[&Cause::Connections], Fullest { count: 2, limit: 2 });
        first.leave(&front).await;
        fourth.leave(&front).await;
        front.ws().tally().until(|traffic| traffic.open == 0).await;
        assert_eq!(provider.meter().open, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn websockets_open_at_once_are_capped_until_one_leaves() {
    let (front, provider) = front(Limits { pubsub_connections: Some(1), ..Limits::default() }).await;
    let (mut socket, headers) = open(&front).await.ok().unwrap();
    assert_eq!(
        (&headers["x-ratelimit-pubsub-limit"], &headers["x-ratelimit-pubsub-remaining"]),
        (&"1".parse().unwrap(), &"0".parse().unwrap())
    );
    let heard = open(&front).await.err().unwrap();
    assert_eq!(heard.refused(Version::HTTP_11), "Connection rate limits exceeded");
    assert_eq!((heard.retry_after(), heard.number("pubsub-remaining")), (None, 0));
    assert_eq!(tell(&mut socket, "slotSubscribe", json!([])).await["result"], 0, "who is in stays in");
    drop(socket);
    front.ws().tally().until(|traffic| traffic.open == 0).await;
    assert!(open(&front).await.is_ok());
    let meter = provider.meter();
    assert_eq!((meter.accepts, refusals(&meter, Cause::Pubsub, "")), (3, 1));
    assert_eq!(meter.fullest[&Cause::Pubsub], Fullest { count: 1, limit: 1 });
    assert_eq!(front.ws().tally().traffic().upgrades, 2);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_one_websocket_are_capped_until_one_ends() {
    let (front, provider) = front(Limits { subscriptions: Some(2), ..Limits::default() }).await;
    let (mut socket, _) = open(&front).await.ok().unwrap();
    let (mut other, _) = open(&front).await.ok().unwrap();
    let account = |name: &str| json!([name, {"encoding": "base64"}]);
    assert_eq!(tell(&mut socket, "accountSubscribe", account("A")).await["result"], 0);
    assert_eq!(tell(&mut socket, "accountSubscribe", account("A")).await["result"], 0, "equal ones are one");
    assert_eq!(tell(&mut socket, "slotSubscribe", json!([])).await["result"], 1);
    let refused = tell(&mut socket, "accountSubscribe", account("B")).await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(7), &json!(-32603)));
    assert!(refused["error"]["message"].as_str().unwrap().contains("limit reached"), "{refused}");
    assert_eq!(
        tell(&mut other, "accountSubscribe", account("B")).await["result"],
        2,
        "each WebSocket has its own"
    );
    assert_eq!(tell(&mut socket, "slotUnsubscribe", json!([1])).await["result"], true);
    assert_eq!(tell(&mut socket, "accountSubscribe", account("B")).await["result"], 2);
    let meter = provider.meter();
    assert_eq!(refusals(&meter, Cause::Subscriptions, "accountSubscribe"), 1);
    assert_eq!(meter.fullest[&Cause::Subscriptions], Fullest { count: 2, limit: 2 });
    assert!(meter.requests.is_empty(), "calls on a WebSocket are no requests");
}

#[tokio::test(start_paused = true)]
async fn who_is_blocked_gets_403_and_takes_no_room() {
    let (front, provider) = front(Limits { requests: per_ten(4), ..Limits::default() }).await;
    let mut peer = Peer::connect(&front, Version::HTTP_11).await;
    provider.block(Blocked::Key("stolen".to_owned()));
    for (path, header) in [
        ("?api-key=stolen", ""),
        ("stolen", ""),
        ("v2/stolen?x=1", ""),
        ("", "stolen"),
        ("", "Bearer stolen"),
    ] {
        let mut request = peer.request(&["getSlot"]);
        *request.uri_mut() = format!("{}{path}", front.http_url()).parse().unwrap();
        if !header.is_empty() {
            request.headers_mut().insert("authorization", header.parse().unwrap());
        }
        let heard = peer.hear(request).await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN, "{path} {header}");
        assert_eq!(
            serde_json::from_slice::<Value>(&heard.body).unwrap()["error"],
            json!({"code": 403, "message": "Access forbidden"})
        );
        assert_eq!((heard.number("rps-remaining"), heard.retry_after()), (4, None));
    }
    let mut request = peer.request(&["getSlot"]);
    *request.uri_mut() = format!("{}?api-key=stolen2", front.http_url()).parse().unwrap();
    assert_eq!(peer.hear(request).await.status, StatusCode::OK);

    let here = Blocked::Address([127, 0, 0, 1].into());
    provider.block(here.clone());
    assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(open(&front).await.err().unwrap().status, StatusCode::FORBIDDEN);
    assert!(provider.unblock(&here) && !provider.unblock(&here));
    assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
    assert!(open(&front).await.is_ok());
    let meter = provider.meter();
    assert_eq!((refusals(&meter, Cause::Blocked, "getSlot"), refusals(&meter, Cause::Blocked, "")), (6, 1));
    assert_eq!(front.http().tally().accepts(), 1, "a 403 leaves the connection open");
}

#[tokio::test(start_paused = true)]
async fn one_account_can_guard_two_fronts() {
    let (first, provider) = front(Limits { requests: per_ten(2), ..Limits::default() }).await;
    let second = Front::start(Protocol::H2c).await.unwrap();
    second.guard(provider.clone());
    let mut peers =
        [Peer::connect(&first, Version::HTTP_2).await, Peer::connect(&second, Version::HTTP_2).await];
    for peer in &mut peers {
        assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::OK);
    }
    for peer in &mut peers {
        assert_eq!(peer.ask(&["getSlot"]).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(first.provider().unwrap().meter(), second.provider().unwrap().meter());
    assert_eq!(provider.meter().accepts, 2);
}

#[tokio::test(start_paused = true)]
async fn sockets_accepted_before_the_guard_was_put_up_are_left_alone() {
    let front = Front::start(Protocol::H2c).await.unwrap();
    assert!(front.provider().is_none());
    let mut before = Peer::connect(&front, Version::HTTP_2).await;
    assert_eq!(before.ask(&["getSlot"]).await.status, StatusCode::OK);
    let provider = Provider::new(Limits { requests: per_ten(1), ..Limits::default() });
    front.guard(provider.clone());
    let mut after = Peer::connect(&front, Version::HTTP_2).await;
    assert_eq!(after.ask(&["getSlot"]).await.status, StatusCode::OK);
    assert_eq!(after.ask(&["getSlot"]).await.status, StatusCode::TOO_MANY_REQUESTS);
    let heard = before.ask(&["getSlot"]).await;
    assert_eq!(heard.status, StatusCode::OK);
    assert!(heard.headers.keys().all(|name| !name.as_str().starts_with("x-ratelimit")));
    before.leave(&front).await;
    after.leave(&front).await;
    assert_eq!((provider.meter().accepts, provider.meter().open), (1, 0));
}
