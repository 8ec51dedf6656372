use super::*;

#[tokio::test]
async fn unexpected_frames_tear_nothing_down() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    let frames = [
        (Odd::NotJson, Message::text("<html><body>502 Bad Gateway</body></html>")),
        (Odd::NotJson, Message::text("{\"jsonrpc\":\"2.0\",\"method\":\"accountNot")),
        (Odd::NotJson, Message::text("")),
        (Odd::Shapeless, Message::text("{}")),
        (Odd::Shapeless, Message::text("[]")),
        (Odd::Shapeless, Message::text("{\"jsonrpc\":\"2.0\",\"method\":\"pong\"}")),
        (Odd::UnknownRequest, Message::text("{\"id\":987654,\"result\":1}")),
        (Odd::UnknownRequest, Message::text("{\"id\":987654,\"error\":{\"code\":-32602,\"message\":\"x\"}}")),
        (Odd::UnknownSubscription, Message::text("{\"params\":{\"subscription\":987654,\"result\":{}}}")),
        (
            Odd::StrayError,
            Message::text("{\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}"),
        ),
        (Odd::StrayError, Message::text("{\"error\":{\"code\":429,\"message\":\"Too many requests\"}}")),
        (Odd::Binary, Message::binary(vec![0, 159, 146, 150])),
    ];
    let mut expected = std::collections::BTreeMap::new();
    for (odd, frame) in frames {
        assert_eq!(bench.front.pubsub().broadcast(&frame), 1);
        *expected.entry(odd).or_insert(0u64) += 1;
    }
    bench.front.pubsub().broadcast(&Message::Ping("hello".into()));
    bench.front.pubsub().broadcast(&Message::Pong("unasked".into()));
    bench.notify(1, 77);
    assert_eq!(next(&mut subscription).await, "77");
    assert_eq!(bench.pubsub.stats().traffic.odd, expected);
    // A rate limit told without an id delays the next subscription, it does not lose it.
    let _later = bench.live(account(2)).await;
    assert_eq!(bench.front.ws().tally().accepts(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn an_unreadable_slot_is_counted() {
    let bench = Bench::start(quick()).await;
    let _subscription = bench.live(account(1)).await;
    let slots = bench.front.pubsub().subscribed("slotSubscribe", None).await;
    bench.front.pubsub().notify(slots.id, &json!({ "slot": "soon" }));
    bench.front.pubsub().notify_slot(9, 8, 1);
    eventually(|| bench.pubsub.stats().tip == Some(eda_events::Slot(9))).await;
    assert_eq!(bench.pubsub.stats().traffic.odd[&Odd::BadSlot], 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_costs_one_reconnection() {
    let bench = Bench::start(Config { max_message_bytes: 10_000, ..quick() }).await;
    let mut subscription = bench.live(account(1)).await;
    bench.front.pubsub().broadcast(&Message::text("x".repeat(10_000)));
    bench.notify(1, 1);
    assert_eq!(next(&mut subscription).await, "1", "as large as allowed");
    bench.front.pubsub().broadcast(&Message::text("x".repeat(10_001)));
    assert_eq!(next(&mut subscription).await, "down oversized");
    assert_eq!(next(&mut subscription).await, "live 2");
    bench.notify(1, 2);
    assert_eq!(next(&mut subscription).await, "2");
    assert_eq!(bench.front.ws().tally().accepts(), 2);
    assert_eq!(bench.pubsub.stats().lost["oversized"], 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_large_message_within_the_bound_is_read() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    let data = vec![7; 20 << 20];
    let sent = bench.front.pubsub().notify_account(&address(1).to_string(), 1, &state(3, "owner", &data));
    assert_eq!(sent, 1);
    assert_eq!(next(&mut subscription).await, "3");
    bench.stop().await;
}

#[tokio::test]
async fn one_id_for_two_topics_is_no_confusion() {
    let bench = Bench::start(quick()).await;
    let answered = AtomicUsize::new(0);
    bench.front.pubsub().respond(move |call| {
        // Twice the same id for what are two accounts, on the first socket only.
        if call.method == "accountSubscribe" && answered.fetch_add(1, Ordering::Relaxed) < 2 {
            return Verdict::Text(json!({ "jsonrpc": "2.0", "id": call.id, "result": 4_242 }).to_string());
        }
        Verdict::Node
    });
    let (mut one, mut two) = (bench.subscribe(account(1)), bench.subscribe(account(2)));
    // What was not read in time is summed up, so the first `Live` may not be told.
    while next(&mut one).await != "live 2" {}
    assert_eq!(next(&mut two).await, "live 1");
    bench.notify(1, 10);
    bench.notify(2, 20);
    assert_eq!((next(&mut one).await, next(&mut two).await), ("10".to_owned(), "20".to_owned()));
    assert_eq!(bench.pubsub.stats().lost["duplicate_id"], 1);
    bench.stop().await;
}
