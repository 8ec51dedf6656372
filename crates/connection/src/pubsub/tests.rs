use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use eda_events::Commitment;
use eda_simnet::{CloseCode, Front, Message, Protocol, Verdict, account as state};
use serde_json::json;
use solana_address::Address;
use solana_signature::Signature;
use tokio::time::timeout;

use super::*;

/// Going over to another endpoint.
mod moved;
/// What the server sends that nobody expects.
mod odd;
/// Sockets that die, stall or cannot be opened.
mod trouble;

/// Nothing here takes long; a test that waits longer than this has failed.
const DEADLINE: Duration = Duration::from_secs(20);

fn address(byte: u8) -> Address {
    Address::from([byte; 32])
}

fn account(byte: u8) -> Topic {
    Topic::Account { address: address(byte), commitment: Commitment::Confirmed }
}

fn logs() -> Topic {
    Topic::Logs { mentions: None, commitment: Commitment::Confirmed }
}

/// Short waits, and a watchdog that only bites where a test shortens it.
fn quick() -> Config {
    Config {
        patience: Patience {
            ping_every: Duration::from_secs(3600),
            answer_within: Duration::from_secs(3600),
            stall_slots: 50,
            stall_floor: Duration::from_secs(3600),
        },
        frames_per_second: std::num::NonZeroU32::new(1_000).unwrap(),
        retry_base: Duration::from_millis(20),
        retry_cap: Duration::from_millis(200),
        refused_retry: Duration::from_millis(100),
        linger: Duration::from_millis(50),
        ..Config::default()
    }
}

/// A server and one PubSub pointed at it.
struct Bench {
    front: Front,
    pubsub: PubSub,
    tasks: TaskTracker,
}

impl Bench {
    async fn start(config: Config) -> Self {
        Self::start_with(Protocol::Http1, config, Gate::open()).await
    }

    async fn start_with(protocol: Protocol, config: Config, gate: Gate) -> Self {
        let front = Front::start(protocol).await.unwrap();
        let tasks = TaskTracker::new();
        let pubsub = open(&front, config, gate, &tasks);
        Self { front, pubsub, tasks }
    }

    fn subscribe(&self, topic: Topic) -> Subscription {
        self.pubsub.subscribe(topic, 64).unwrap()
    }

    /// Subscribes and waits until the node serves it.
    async fn live(&self, topic: Topic) -> Subscription {
        let mut subscription = self.subscribe(topic);
        assert_eq!(next(&mut subscription).await, "live 1");
        subscription
    }

    async fn until_state(&self, mut reached: impl FnMut(&State) -> bool) -> State {
        let mut state = self.pubsub.state();
        timeout(DEADLINE, state.wait_for(|state| reached(state))).await.expect("in time").unwrap().clone()
    }

    fn notify(&self, byte: u8, lamports: u64) {
        let sent = self.front.pubsub().notify_account(
            &address(byte).to_string(),
            1,
            &state(lamports, &address(0).to_string(), &[]),
        );
        assert_eq!(sent, 1, "the server has this subscription exactly once");
    }

    async fn stop(self) {
        timeout(DEADLINE, self.pubsub.close()).await.expect("close in time");
        assert_eq!(self.pubsub.stats().sockets_open, 0);
        self.tasks.close();
        timeout(DEADLINE, self.tasks.wait()).await.expect("the task ends");
        let traffic = timeout(DEADLINE, self.front.ws().tally().until(|traffic| traffic.open == 0)).await;
        assert_eq!(traffic.expect("the server sees the end").max_open.max(1), 1);
        self.front.stop().await;
    }
}

fn open(front: &Front, config: Config, gate: Gate, tasks: &TaskTracker) -> PubSub {
    let endpoint = Endpoint::parse(&front.http_url(), None).unwrap();
    assert_eq!(endpoint.ws().as_str(), front.ws_url());
    let dialer = Dialer::new(&[front.certificate_der().to_vec()], Duration::from_secs(5)).unwrap();
    PubSub::new(&endpoint, dialer, config, gate, tasks, &CancellationToken::new())
}

/// The next notice in short; `end` at the end of the stream. Accounts are told by their lamports.
async fn next(subscription: &mut Subscription) -> String {
    match timeout(DEADLINE, subscription.next()).await.expect("a notice in time") {
        Some(Notice::Live { generation }) => format!("live {generation}"),
        Some(Notice::Update(update)) => {
            let value: serde_json::Value = serde_json::from_str(update.get()).unwrap();
            match value["value"]["lamports"].as_u64() {
                Some(lamports) => lamports.to_string(),
                None => "update".to_owned(),
            }
        }
        Some(Notice::Missed { count }) => format!("missed {count}"),
        Some(Notice::Down { reason }) => format!("down {}", reason.as_str()),
        Some(Notice::Rejected(_)) => "rejected".to_owned(),
        None => "end".to_owned(),
    }
}

/// Waits until `reached`, which nothing announces.
async fn eventually(mut reached: impl FnMut() -> bool) {
    let poll = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, poll).await.expect("in time");
}

#[tokio::test]
async fn five_subscribers_of_one_account_are_one_upstream_subscription() {
    for protocol in [Protocol::Http1, Protocol::Tls] {
        let bench = Bench::start_with(protocol, quick(), Gate::open()).await;
        let mut subscribers: Vec<_> = (0..5).map(|_| bench.subscribe(account(1))).collect();
        for subscriber in &mut subscribers {
            assert_eq!(next(subscriber).await, "live 1");
        }
        bench.notify(1, 42);
        for subscriber in &mut subscribers {
            assert_eq!(next(subscriber).await, "42");
        }
        subscribers.pop();
        bench.notify(1, 43);
        for subscriber in &mut subscribers {
            assert_eq!(next(subscriber).await, "43");
        }
        assert_eq!(bench.front.pubsub().journal().of("accountSubscribe").len(), 1);
        assert_eq!(bench.front.pubsub().journal().of("accountUnsubscribe").len(), 0);
        let _other = bench.live(account(2)).await;
        drop(subscribers);
        let is_gone = |subscriptions: &[eda_simnet::Subscription]| subscriptions.len() == 2;
        timeout(DEADLINE, bench.front.pubsub().until(is_gone)).await.expect("given back at once");
        assert_eq!(bench.front.pubsub().journal().of("accountUnsubscribe").len(), 1);
        assert_eq!(bench.front.ws().tally().accepts(), 1);
        bench.stop().await;
    }
}

#[tokio::test]
async fn the_socket_is_open_exactly_while_somebody_subscribes() {
    let bench = Bench::start(quick()).await;
    assert_eq!(bench.pubsub.state().borrow().clone(), State::Idle);
    for opened in 1..=3 {
        let subscription = bench.live(account(1)).await;
        assert_eq!(bench.pubsub.state().borrow().clone(), State::Live);
        let stats = bench.pubsub.stats();
        assert_eq!((stats.sockets_open, stats.sockets_opened), (1, opened));
        assert_eq!((stats.wanted, stats.subscribers), (1, 1));
        drop(subscription);
        bench.until_state(|state| *state == State::Idle).await;
        timeout(DEADLINE, bench.front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
    }
    assert_eq!(bench.pubsub.stats().lost.values().sum::<u64>(), 0, "leaving is no loss");
    bench.stop().await;
}

#[tokio::test]
async fn who_comes_back_during_the_linger_finds_the_same_socket() {
    let bench = Bench::start(Config { linger: Duration::from_secs(3600), ..quick() }).await;
    drop(bench.live(account(1)).await);
    drop(bench.live(account(1)).await);
    let _last = bench.live(account(2)).await;
    assert_eq!(bench.front.ws().tally().accepts(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_slow_subscriber_delays_nobody_and_is_told_what_it_missed() {
    let bench = Bench::start(quick()).await;
    let mut slow = bench.pubsub.subscribe(logs(), 3).unwrap();
    let mut fast = bench.pubsub.subscribe(logs(), 1_000).unwrap();
    assert_eq!(next(&mut fast).await, "live 1");
    for slot in 0..100 {
        bench.front.pubsub().notify_logs(slot, "x", &json!(null), &[], &[]);
    }
    for _ in 0..100 {
        assert_eq!(next(&mut fast).await, "update");
    }
    for expected in ["live 1", "update", "update", "update", "missed 97"] {
        assert_eq!(next(&mut slow).await, expected);
    }
    assert_eq!(bench.pubsub.stats().traffic.missed, 97);
    bench.stop().await;
}

#[tokio::test]
async fn a_slow_reader_of_an_account_finds_its_newest_state() {
    let bench = Bench::start(quick()).await;
    let mut slow = bench.pubsub.subscribe(account(1), 1).unwrap();
    let mut fast = bench.live(account(1)).await;
    for lamports in 0..50 {
        bench.notify(1, lamports);
        assert_eq!(next(&mut fast).await, lamports.to_string());
    }
    assert_eq!((next(&mut slow).await, next(&mut slow).await), ("live 1".to_owned(), "49".to_owned()));
    assert_eq!(bench.pubsub.stats().traffic.superseded, 49);
    bench.stop().await;
}

#[tokio::test]
async fn a_rejection_is_an_error_to_its_caller_alone() {
    let bench = Bench::start(quick()).await;
    bench.front.pubsub().respond(|call| match call.method.as_str() {
        "logsSubscribe" => Verdict::error(-32602, "Invalid params"),
        _ => Verdict::Node,
    });
    let mut good = bench.live(account(1)).await;
    let mut bad = bench.subscribe(logs());
    match timeout(DEADLINE, bad.next()).await.unwrap() {
        Some(Notice::Rejected(Rejection::Refused { method, code, message })) => {
            assert_eq!((method, code, message.as_str()), ("logsSubscribe", -32602, "Invalid params"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(next(&mut bad).await, "end");
    bench.notify(1, 5);
    assert_eq!(next(&mut good).await, "5");
    assert_eq!(bench.front.pubsub().journal().of("logsSubscribe").len(), 1, "it is not asked for again");
    assert_eq!((bench.front.ws().tally().accepts(), bench.pubsub.stats().traffic.rejected), (1, 1));
    bench.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_now_becomes_live_later() {
    let bench = Bench::start(quick()).await;
    let asked = AtomicUsize::new(0);
    bench.front.pubsub().respond(move |call| {
        if call.method == "accountSubscribe" && asked.fetch_add(1, Ordering::Relaxed) < 3 {
            return Verdict::error(-32603, "Subscription refused. Node subscription limit reached");
        }
        Verdict::Node
    });
    let _served = bench.live(account(1)).await;
    assert_eq!(bench.pubsub.stats().traffic.postponed, 3);
    assert_eq!(bench.front.ws().tally().accepts(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn subscribers_that_go_before_they_are_served_leave_nothing_behind() {
    let bench = Bench::start(quick()).await;
    // Answers are slow, so that everyone but the last leaves while its request is on the way.
    bench.front.pubsub().respond(|_| Verdict::Node.after(Duration::from_millis(30)));
    let mut last = bench.subscribe(account(0));
    for byte in 1..=20 {
        let cancelled = async { next(&mut bench.subscribe(account(byte))).await };
        assert!(timeout(Duration::from_millis(5), cancelled).await.is_err());
    }
    assert_eq!(next(&mut last).await, "live 1");
    let is_clean = |subscriptions: &[eda_simnet::Subscription]| subscriptions.len() == 2;
    eventually(|| bench.pubsub.stats().live == 2).await;
    timeout(DEADLINE, bench.front.pubsub().until(is_clean))
        .await
        .expect("only slots and the last one are left");
    bench.notify(0, 9);
    assert_eq!(next(&mut last).await, "9");
    assert_eq!((bench.front.ws().tally().accepts(), bench.pubsub.stats().subscribers), (1, 1));
    bench.stop().await;
}

#[tokio::test]
async fn a_signature_is_told_once_and_then_over() {
    let bench = Bench::start(quick()).await;
    let signature = Signature::from([3; 64]);
    let mut outcome = bench.live(Topic::Signature { signature, commitment: Commitment::Confirmed }).await;
    bench.front.pubsub().notify_signature(&signature.to_string(), 7, &json!(null));
    assert_eq!((next(&mut outcome).await, next(&mut outcome).await), ("update".to_owned(), "end".to_owned()));
    drop(outcome);
    bench.until_state(|state| *state == State::Idle).await;
    assert_eq!(bench.front.pubsub().journal().of("signatureUnsubscribe").len(), 0);
    bench.stop().await;
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_an_error_at_once() {
    let bench = Bench::start(Config { max_subscriptions: 3, ..quick() }).await;
    let (_one, _two) = (bench.live(account(1)).await, bench.live(account(2)).await);
    assert_eq!(bench.pubsub.subscribe(account(3), 1).unwrap_err(), SubscribeError::OverCap { cap: 3 });
    let _shared = bench.live(account(2)).await;
    let filter = Filter::Memcmp { offset: 0, bytes: vec![0; 4_096] };
    let long = Topic::Program {
        program: address(1),
        filters: Filters::new(vec![filter]),
        commitment: Commitment::Confirmed,
    };
    let error = bench.pubsub.subscribe(long, 1).unwrap_err();
    assert!(matches!(error, SubscribeError::TooLong { bytes } if bytes > 4_096), "{error}");
    timeout(DEADLINE, bench.pubsub.close()).await.unwrap();
    assert_eq!(bench.pubsub.subscribe(account(1), 1).unwrap_err(), SubscribeError::Closed);
    bench.stop().await;
}

#[tokio::test]
async fn closing_ends_the_streams_and_the_socket() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    timeout(DEADLINE, bench.pubsub.close()).await.unwrap();
    timeout(DEADLINE, bench.pubsub.close()).await.expect("it may be repeated");
    let mut last = next(&mut subscription).await;
    if last.starts_with("down") {
        last = next(&mut subscription).await;
    }
    assert_eq!(last, "end");
    assert_eq!(bench.pubsub.state().borrow().clone(), State::Closed);
    bench.stop().await;
}

#[tokio::test]
async fn dropping_it_closes_the_socket() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    let Bench { front, pubsub, tasks } = bench;
    drop(pubsub);
    timeout(DEADLINE, front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
    while next(&mut subscription).await != "end" {}
    tasks.close();
    timeout(DEADLINE, tasks.wait()).await.unwrap();
    front.stop().await;
}

#[tokio::test]
async fn five_of_them_are_five_sockets() {
    let front = Front::start(Protocol::Http1).await.unwrap();
    let tasks = TaskTracker::new();
    let sockets: Vec<_> = (0..5).map(|_| open(&front, quick(), Gate::open(), &tasks)).collect();
    let mut subscriptions: Vec<_> =
        sockets.iter().map(|pubsub| pubsub.subscribe(account(1), 1).unwrap()).collect();
    for subscription in &mut subscriptions {
        assert_eq!(next(subscription).await, "live 1");
    }
    assert_eq!((front.ws().tally().open(), front.ws().tally().traffic().peer_ports()), (5, 5));
    for pubsub in &sockets {
        timeout(DEADLINE, pubsub.close()).await.unwrap();
    }
    timeout(DEADLINE, front.ws().tally().until(|traffic| traffic.open == 0)).await.unwrap();
    front.stop().await;
}

#[tokio::test]
async fn frames_are_paced() {
    let pace = std::num::NonZeroU32::new(50).unwrap();
    let bench = Bench::start(Config { frames_per_second: pace, ..quick() }).await;
    let mut subscriptions: Vec<_> = (0..10).map(|byte| bench.subscribe(account(byte))).collect();
    for subscription in &mut subscriptions {
        assert_eq!(next(subscription).await, "live 1");
    }
    let calls = bench.front.pubsub().journal().all();
    assert_eq!(calls.len(), 11);
    let (first, last) = (calls[0].at, calls[10].at);
    // Ten pauses of 20 ms; the bound is one-sided, because a busy machine only makes them longer. The first
    // frame may arrive late.
    assert!(last - first >= Duration::from_millis(100), "{:?}", last - first);
    bench.stop().await;
}
