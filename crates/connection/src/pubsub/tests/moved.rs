use eda_simnet::most_open;

use super::*;

/// A second server, and a PubSub that goes over to it.
async fn go_over(bench: &Bench, cap: usize) -> Front {
    let second = Front::start(Protocol::Http1).await.unwrap();
    let endpoint = Endpoint::parse(&second.http_url(), None).unwrap();
    bench.pubsub.move_to(&endpoint, Gate::open(), cap);
    second
}

#[tokio::test]
async fn everything_is_restored_at_another_endpoint_over_the_one_socket() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    let second = go_over(&bench, 100).await;
    assert_eq!(next(&mut subscription).await, "down moved");
    assert_eq!(next(&mut subscription).await, "live 2");
    let told = state(8, &address(0).to_string(), &[]);
    second.pubsub().notify_account(&address(1).to_string(), 1, &told);
    assert_eq!(next(&mut subscription).await, "8");
    let sockets = [&bench.front, &second].map(|front| front.ws().tally().traffic().connections);
    assert_eq!(most_open(sockets.iter().flatten()), 1);
    assert_eq!(bench.pubsub.stats().lost["moved"], 1);
    // The first one's goodbye was waited for.
    assert!(sockets[0][0].closed.unwrap() < sockets[1][0].opened);
    bench.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_was_learned_of_the_first_endpoint_is_not_held_against_the_next() {
    let hour = Duration::from_secs(3_600);
    let bench = Bench::start(Config { retry_base: hour, retry_cap: hour, ..quick() }).await;
    bench.front.ws().refuse(true);
    let mut subscription = bench.subscribe(account(1));
    bench.until_state(|state| matches!(state, State::Connecting { failures: 1.., .. })).await;
    // Not after an hour.
    let second = go_over(&bench, 100).await;
    assert_eq!(next(&mut subscription).await, "live 1");
    assert_eq!(bench.front.ws().tally().open(), 0);
    bench.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_the_first_endpoint_refused_for_now_is_asked_of_the_next_at_once() {
    let hour = Duration::from_secs(3_600);
    let bench = Bench::start(Config { retry_base: hour, retry_cap: hour, ..quick() }).await;
    bench.front.pubsub().respond(|call| match call.method.as_str() {
        "accountSubscribe" => Verdict::error(-32603, "Internal error"),
        _ => Verdict::Node,
    });
    let mut subscription = bench.subscribe(account(1));
    eventually(|| bench.pubsub.stats().traffic.postponed > 0).await;
    let second = go_over(&bench, 100).await;
    assert_eq!(next(&mut subscription).await, "live 1");
    bench.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_carries_fewer_subscriptions_is_asked_for_no_more() {
    let bench = Bench::start(quick()).await;
    let mut subscriptions = Vec::new();
    for byte in 1..=5 {
        subscriptions.push(bench.live(account(byte)).await);
    }
    // One of them is the slots.
    let second = go_over(&bench, 3).await;
    eventually(|| bench.pubsub.stats().lost.contains_key("moved") && bench.pubsub.stats().live == 3).await;
    let topics: Vec<_> = (1..=5).map(account).collect();
    assert_eq!(bench.pubsub.missing(&topics), 3);
    // Whoever leaves makes room for another.
    subscriptions.retain(|subscription| bench.pubsub.missing(&[subscription.topic().clone()]) == 1);
    eventually(|| bench.pubsub.missing(&[topics[0].clone(), topics[1].clone()]) <= 2).await;
    eventually(|| bench.pubsub.stats().live == 3 && bench.pubsub.stats().wanted == 3).await;
    assert_eq!(second.pubsub().subscriptions().len(), 3);
    bench.stop().await;
    second.stop().await;
}
