use http::StatusCode;
use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn a_killed_socket_is_replaced_and_everything_restored() {
    let bench = Bench::start(quick()).await;
    let mut subscriptions = Vec::new();
    for byte in 1..=5 {
        subscriptions.push(bench.live(account(byte)).await);
    }
    for round in 2..=4u64 {
        assert_eq!(bench.front.ws().kill_connections(), 1);
        for subscription in &mut subscriptions {
            let down = next(subscription).await;
            assert!(down == "down broken" || down == "down closed", "{down}");
            assert_eq!(next(subscription).await, format!("live {round}"));
        }
        for (byte, subscription) in (1..=5).zip(&mut subscriptions) {
            bench.notify(byte, round);
            assert_eq!(next(subscription).await, round.to_string());
        }
    }
    let traffic = bench.front.ws().tally().traffic();
    assert_eq!((traffic.accepts, traffic.max_open), (4, 1));
    assert_eq!(bench.front.pubsub().subscriptions().len(), 6, "five accounts and the slots, each once");
    assert_eq!(bench.pubsub.stats().lost.values().sum::<u64>(), 3);
    bench.stop().await;
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_called_again() {
    let bench = Bench::start(quick()).await;
    let mut subscription = bench.live(account(1)).await;
    for (generation, code) in [(2, CloseCode::Size), (3, CloseCode::Error), (4, CloseCode::Normal)] {
        bench.front.pubsub().close(code, "bye");
        match timeout(DEADLINE, subscription.next()).await.unwrap() {
            Some(Notice::Down { reason }) => assert_eq!(reason, DownReason::Closed(Some(u16::from(code)))),
            other => panic!("{other:?}"),
        }
        assert_eq!(next(&mut subscription).await, format!("live {generation}"));
    }
    bench.front.ws().drain_connections();
    assert_eq!(next(&mut subscription).await, "down closed");
    assert_eq!(next(&mut subscription).await, "live 5");
    bench.stop().await;
}

#[tokio::test]
async fn a_half_open_socket_is_noticed() {
    let patience = Patience {
        ping_every: Duration::from_millis(50),
        answer_within: Duration::from_millis(300),
        ..quick().patience
    };
    let bench = Bench::start(Config { patience, ..quick() }).await;
    let mut subscription = bench.live(account(1)).await;
    eventually(|| bench.pubsub.stats().round_trip.is_some()).await;
    assert_eq!(bench.front.ws().tally().accepts(), 1, "answered pings end nothing");
    bench.front.pubsub().half_open(true);
    assert_eq!(next(&mut subscription).await, "down unresponsive");
    bench.front.pubsub().half_open(false);
    assert!(next(&mut subscription).await.starts_with("live"));
    assert!(bench.pubsub.stats().lost["unresponsive"] >= 1);
    bench.stop().await;
}

#[tokio::test]
async fn silent_slots_are_a_stall_that_slots_end() {
    let patience = Patience { stall_floor: Duration::from_millis(400), stall_slots: 1, ..quick().patience };
    let bench = Bench::start(Config { patience, ..quick() }).await;
    let mut subscription = bench.live(account(1)).await;
    bench.front.pubsub().notify_slot(10, 9, 1);
    eventually(|| bench.pubsub.stats().tip == Some(eda_events::Slot(10))).await;
    assert_eq!(next(&mut subscription).await, "down stalled");
    bench.until_state(|state| *state == State::Stalled).await;
    // A halted cluster: sockets come and go at the pace of the back-off, and the state stays visible.
    eventually(|| bench.pubsub.stats().lost["stalled"] >= 3).await;
    bench.until_state(|state| *state == State::Stalled).await;
    let poll = async {
        let mut slot = 11;
        while bench.pubsub.state().borrow().clone() != State::Live {
            slot += 1;
            bench.front.pubsub().notify_slot(slot, slot - 1, 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, poll).await.expect("a slot ends the stall");
    assert!(bench.front.ws().tally().max_open() <= 1);
    bench.stop().await;
}

#[tokio::test]
async fn slots_that_come_keep_the_socket_and_are_measured() {
    let patience = Patience { stall_floor: Duration::from_millis(1_500), stall_slots: 1, ..quick().patience };
    let bench = Bench::start(Config { patience, ..quick() }).await;
    let _subscription = bench.live(account(1)).await;
    for slot in 0..100 {
        bench.front.pubsub().notify_slot(slot, slot.saturating_sub(1), 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stats = bench.pubsub.stats();
    assert_eq!((stats.tip, stats.sockets_opened), (Some(eda_events::Slot(99)), 1));
    // Sleeps only ever take longer, so the bound is one-sided.
    assert!(stats.slot_time.unwrap() >= Duration::from_millis(10), "{:?}", stats.slot_time);
    bench.stop().await;
}

#[tokio::test]
async fn a_provider_without_slots_is_not_taken_for_stalled() {
    let patience = Patience { stall_floor: Duration::from_millis(200), ..quick().patience };
    let bench = Bench::start(Config { patience, ..quick() }).await;
    bench.front.pubsub().respond(|call| match call.method.as_str() {
        "slotSubscribe" => Verdict::error(-32601, "Method not found"),
        _ => Verdict::Node,
    });
    let mut subscription = bench.live(account(1)).await;
    assert!(timeout(Duration::from_millis(600), subscription.next()).await.is_err());
    assert_eq!(bench.front.ws().tally().accepts(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn an_unreachable_server_is_tried_until_it_is_there() {
    let bench = Bench::start(quick()).await;
    bench.front.ws().refuse(true);
    let mut subscription = bench.subscribe(account(1));
    let state = bench
        .until_state(|state| matches!(state, State::Connecting { failures, .. } if *failures >= 3))
        .await;
    assert!(matches!(state, State::Connecting { trouble: Some(Trouble::Connect(_)), .. }), "{state:?}");
    bench.front.ws().refuse(false);
    assert_eq!(next(&mut subscription).await, "live 1");
    assert!(bench.pubsub.stats().failed_attempts >= 3);
    bench.stop().await;
}

#[tokio::test]
async fn a_refused_key_is_a_clear_state_and_tried_slowly() {
    let bench = Bench::start(quick()).await;
    bench.front.pubsub().refuse_upgrades(Some(StatusCode::FORBIDDEN));
    let mut subscription = bench.subscribe(account(1));
    let refused = Trouble::Connect(ConnectError::Refused { status: 403 });
    let state = bench
        .until_state(|state| matches!(state, State::Connecting { failures, .. } if *failures >= 2))
        .await;
    assert_eq!(state, State::Connecting { failures: 2, trouble: Some(refused.clone()) });
    assert!(refused.to_string().contains("check the key"), "{refused}");
    let at = Instant::now();
    let failed = bench.pubsub.stats().failed_attempts;
    eventually(|| bench.pubsub.stats().failed_attempts > failed).await;
    assert!(at.elapsed() >= Duration::from_millis(50), "the pause is at least `refused_retry`");
    bench.front.pubsub().refuse_upgrades(None);
    assert_eq!(next(&mut subscription).await, "live 1");
    bench.stop().await;
}

/// A PubSub whose server gives every handshake this answer and closes; returns when the first two came, and
/// what the state then says.
async fn answered(answer: &[u8]) -> ([Instant; 2], Trouble) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let endpoint = Endpoint::parse("http://127.0.0.1:1", Some(&url)).unwrap();
    let (tasks, dialer) = (TaskTracker::new(), Dialer::new(&[], Duration::from_secs(5)).unwrap());
    let pubsub = PubSub::new(&endpoint, dialer, quick(), Gate::open(), &tasks, &CancellationToken::new());
    let subscription = pubsub.subscribe(account(1), 1).unwrap();
    let serve = async || {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4_096];
        tokio::io::AsyncReadExt::read(&mut socket, &mut request).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, answer).await.unwrap();
        Instant::now()
    };
    let first = timeout(DEADLINE, serve()).await.expect("a first attempt");
    // Who leaves and comes back does not shorten the wait.
    let mut state = pubsub.state();
    let failed = state.wait_for(|state| matches!(state, State::Connecting { failures: 1, .. }));
    timeout(DEADLINE, failed).await.expect("the state tells").unwrap();
    drop(subscription);
    timeout(DEADLINE, state.wait_for(|state| *state == State::Idle)).await.expect("idle").unwrap();
    let _subscription = pubsub.subscribe(account(1), 1).unwrap();
    let times = [first, timeout(DEADLINE, serve()).await.expect("a second attempt")];
    let told = state.wait_for(|state| matches!(state, State::Connecting { failures: 2, .. }));
    let told = timeout(DEADLINE, told).await.expect("the state tells").unwrap().clone();
    timeout(DEADLINE, pubsub.close()).await.unwrap();
    let State::Connecting { trouble: Some(trouble), .. } = told else { panic!("{told:?}") };
    (times, trouble)
}

#[tokio::test]
async fn an_overloaded_server_is_left_alone_as_long_as_it_asks() {
    let answer = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let ([first, second], trouble) = answered(answer).await;
    assert!(second - first >= Duration::from_millis(950), "{:?}", second - first);
    let retry_after = Some(Duration::from_secs(1));
    assert_eq!(trouble, Trouble::Connect(ConnectError::Answered { status: 429, retry_after }));
}

#[tokio::test]
async fn what_is_no_handshake_is_tried_again() {
    let (_, trouble) =
        answered(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>").await;
    assert_eq!(trouble, Trouble::Connect(ConnectError::Answered { status: 200, retry_after: None }));
    let (_, trouble) = answered(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    assert!(matches!(trouble, Trouble::Connect(ConnectError::Handshake(_))), "{trouble:?}");
}

#[tokio::test]
async fn no_attempt_is_made_before_the_gate_opens() {
    let passes = Arc::new(tokio::sync::Semaphore::new(0));
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = {
        let (passes, asked) = (Arc::clone(&passes), Arc::clone(&asked));
        Gate::new(move || {
            let passes = Arc::clone(&passes);
            asked.fetch_add(1, Ordering::Relaxed);
            async move { passes.acquire().await.unwrap().forget() }
        })
    };
    let bench = Bench::start_with(Protocol::Http1, quick(), gate).await;
    let mut subscription = bench.subscribe(account(1));
    eventually(|| asked.load(Ordering::Relaxed) == 1).await;
    assert_eq!(bench.front.ws().tally().accepts(), 0);
    // Subscribing and leaving are not held up by it.
    drop(bench.subscribe(account(2)));
    passes.add_permits(1);
    assert_eq!(next(&mut subscription).await, "live 1");
    bench.front.ws().kill_connections();
    assert!(next(&mut subscription).await.starts_with("down"));
    eventually(|| asked.load(Ordering::Relaxed) == 2).await;
    assert_eq!(bench.front.ws().tally().accepts(), 1);
    passes.add_permits(1);
    assert_eq!(next(&mut subscription).await, "live 2");
    bench.stop().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_connection() {
    let bench = Bench::start_with(Protocol::Http1, quick(), Gate::new(std::future::pending)).await;
    let mut subscription = bench.subscribe(account(1));
    bench.until_state(|state| matches!(state, State::Connecting { .. })).await;
    timeout(DEADLINE, bench.pubsub.close()).await.unwrap();
    assert_eq!(next(&mut subscription).await, "end");
    bench.stop().await;
}

#[tokio::test]
async fn a_server_that_does_not_read_is_still_heard() {
    let bench = Bench::start(Config { max_subscriptions: 20_000, ..quick() }).await;
    let mut subscription = bench.live(account(1)).await;
    bench.front.pubsub().half_open(true);
    let _waiting: Vec<_> = (2..=200).map(|byte| bench.subscribe(account(byte))).collect();
    bench.notify(1, 8);
    assert_eq!(next(&mut subscription).await, "8");
    bench.front.pubsub().half_open(false);
    bench.stop().await;
}
