use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::timeout;

use super::{Endpoint, PATIENCE, hear, heard, silence, tell};
use crate::{
    CloseCode, Message, Protocol,
    faults::{Hit, Kind},
};

#[tokio::test]
async fn a_drop_resets_every_socket() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    endpoint.now(json!({"kind": "websocket-drop"}));
    assert_eq!(endpoint.count(Kind::WebsocketDrop), 0, "there was no socket");
    let mut sockets = [endpoint.subscribed().await, endpoint.subscribed().await];
    endpoint.now(json!({"kind": "websocket-drop"}));
    for socket in &mut sockets {
        assert!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().is_err());
    }
    endpoint.front.pubsub().until(<[_]>::is_empty).await;
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Sockets { http: 0, ws: 2 });
    endpoint.subscribed().await;
}

#[tokio::test]
async fn a_close_carries_its_code() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.connect().await;
    endpoint.now(json!({"kind": "websocket-close", "code": 1013}));
    let Message::Close(Some(close)) = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap()
    else {
        panic!("no close frame");
    };
    assert_eq!(close.code, CloseCode::Again);
    assert_eq!(endpoint.count(Kind::WebsocketClose), 1);
}

#[tokio::test]
async fn a_stalled_socket_is_open_and_silent_and_answers_no_ping_until_the_stall_ends() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    endpoint.now(json!({"kind": "websocket-stall", "for": "30s"}));
    socket.send(Message::Ping("1".into())).await.unwrap();
    assert_eq!(endpoint.front.pubsub().notify_slot(5, 4, 0), 1);
    assert!(silence(&mut socket).await);
    assert_eq!((endpoint.front.pubsub().pings(), endpoint.front.ws().tally().open()), (0, 1));
    endpoint.tick(30_000);
    let mut came = Vec::new();
    for _ in 0..2 {
        came.push(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap());
    }
    assert!(came.contains(&Message::Pong("1".into())) && came.iter().any(Message::is_text), "{came:?}");
    assert_eq!(endpoint.faults.journal().all()[0].hit, Hit::Sockets { http: 0, ws: 1 });
}

#[tokio::test]
async fn a_notification_is_lost_and_the_journal_names_it() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    endpoint.fault(json!({"kind": "notification-drop", "count": 1, "methods": ["slotSubscribe"]}));
    endpoint.front.pubsub().notify_root(1);
    assert_eq!(endpoint.front.pubsub().notify_slot(5, 4, 1), 0);
    endpoint.front.pubsub().notify_slot(6, 5, 1);
    assert_eq!((heard(&mut socket).await, heard(&mut socket).await), (1, 6));
    let hit = Hit::Notification {
        method: "slotSubscribe".to_owned(),
        subscription: 0,
        connection: 1,
        slot: Some(5),
        signature: None,
    };
    assert_eq!(endpoint.faults.journal().all()[0].hit, hit);
}

#[tokio::test]
async fn a_lost_log_is_named_by_its_transaction() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.connect().await;
    socket
        .send(Message::text(r#"{"jsonrpc":"2.0","id":1,"method":"logsSubscribe","params":["all"]}"#))
        .await
        .unwrap();
    hear(&mut socket).await;
    endpoint.fault(json!({"kind": "notification-drop"}));
    endpoint.front.pubsub().notify_logs(9, "signature", &json!(null), &[], &[]);
    let Hit::Notification { slot, signature, .. } = endpoint.faults.journal().all()[0].hit.clone() else {
        panic!("no notification");
    };
    assert_eq!((slot, signature.as_deref()), (Some(9), Some("signature")));
}

#[tokio::test]
async fn a_notification_comes_twice() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    endpoint.fault(json!({"kind": "notification-duplicate", "count": 1}));
    for slot in [5, 6] {
        endpoint.front.pubsub().notify_slot(slot, slot - 1, 1);
    }
    assert_eq!([heard(&mut socket).await, heard(&mut socket).await, heard(&mut socket).await], [5, 5, 6]);
    assert_eq!(endpoint.count(Kind::NotificationDuplicate), 1);
}

#[tokio::test]
async fn a_notification_is_overtaken_by_another_subscription_and_never_by_its_own() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    let pubsub = endpoint.front.pubsub();
    endpoint.fault(json!({"kind": "notification-reorder", "count": 1, "within": "1h"}));
    pubsub.notify_slot(5, 4, 1);
    assert!(silence(&mut socket).await);
    pubsub.notify_root(1);
    assert_eq!((heard(&mut socket).await, heard(&mut socket).await), (1, 5));
    endpoint.faults.journal().until(|counts| counts.get(&Kind::NotificationReorder) == Some(&1)).await;

    endpoint.fault(json!({"kind": "notification-reorder", "count": 1, "within": "1h"}));
    pubsub.notify_slot(6, 5, 1);
    pubsub.notify_slot(7, 6, 1);
    assert_eq!((heard(&mut socket).await, heard(&mut socket).await), (6, 7));
    endpoint.fault(json!({"kind": "notification-reorder", "count": 1, "within": "10ms"}));
    pubsub.notify_slot(8, 7, 1);
    assert_eq!(heard(&mut socket).await, 8);
    assert_eq!(endpoint.count(Kind::NotificationReorder), 1, "nothing passed these");
}

#[tokio::test]
async fn a_notification_is_late_and_what_follows_on_its_subscription_with_it() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    let pubsub = endpoint.front.pubsub();
    endpoint.fault(json!({"kind": "notification-delay", "count": 1, "delay": "300ms"}));
    pubsub.notify_slot(5, 4, 1);
    pubsub.notify_slot(6, 5, 1);
    pubsub.notify_root(1);
    assert_eq!([heard(&mut socket).await, heard(&mut socket).await, heard(&mut socket).await], [1, 5, 6]);
    assert_eq!(endpoint.count(Kind::NotificationDelay), 1);
}

#[tokio::test]
async fn a_socket_with_frames_held_back_can_close() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let socket = endpoint.subscribed().await;
    endpoint.fault(json!({"kind": "notification-delay", "delay": "1h"}));
    endpoint.front.pubsub().notify_slot(5, 4, 1);
    drop(socket);
    timeout(PATIENCE, endpoint.front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
    endpoint.front.pubsub().until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn a_node_forgets_subscriptions_without_a_word() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    let mut socket = endpoint.subscribed().await;
    endpoint.now(json!({"kind": "subscription-forget", "methods": ["slotSubscribe"]}));
    assert_eq!(endpoint.front.pubsub().notify_slot(5, 4, 1), 0);
    assert_eq!(endpoint.front.pubsub().notify_root(1), 1);
    assert_eq!(heard(&mut socket).await, 1);
    endpoint.now(json!({"kind": "subscription-forget"}));
    assert_eq!(endpoint.front.pubsub().notify_root(2), 0);
    assert!(silence(&mut socket).await);
    tell(&mut socket, "rootSubscribe").await;
    assert_eq!(hear(&mut socket).await["result"], 2);
    endpoint.front.pubsub().forget_subscriptions(&[]);
    endpoint.now(json!({"kind": "subscription-forget"}));
    let hits: Vec<Hit> = endpoint.faults.journal().all().into_iter().map(|incident| incident.hit).collect();
    assert_eq!(hits, [Hit::Subscriptions { count: 1 }, Hit::Subscriptions { count: 1 }]);
}
