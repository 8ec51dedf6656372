//! The owner task: many callers, one budget.

use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::budget::{Budget, Outcome};

struct Running {
    budget: Budget,
    tasks: TaskTracker,
    stop: CancellationToken,
}

fn start(limits: Limits) -> Running {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let budget = Budget::start(limits, BTreeMap::new(), &tasks, stop.clone());
    tasks.close();
    Running { budget, tasks, stop }
}

/// T13: every method passes the limiter, and callers that wait at it do not all wake together.
#[tokio::test(start_paused = true)]
async fn callers_that_wait_at_one_limit_never_exceed_it_together() {
    let running = start(plain("5/10s"));
    let began = Instant::now();
    let methods = ["getLatestBlockhash", "sendTransaction", "getBalance", "getBlock", "getTransaction"];
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..50 {
        let budget = running.budget.clone();
        let method = Method::new(methods[n % methods.len()]);
        callers.spawn(async move {
            let mut permit = budget.acquire(ask(Class::Poll, CALLERS[n % 6], &method)).await.unwrap();
            let sent = Instant::now();
            sleep(millis(100)).await;
            permit.answered(Answer { status: 200, ..Answer::default() });
            permit.finished(10);
            sent
        });
    }
    let mut sent = callers.join_all().await;
    sent.sort();
    for six in sent.windows(6) {
        assert!(six[5] - six[0] > Duration::from_secs(10), "six within one window: {six:?}");
    }
    let took = *sent.last().unwrap() - began;
    assert!(took < Duration::from_secs(92), "fifty at five per ten seconds took {took:?}");
    let snapshot = running.budget.snapshot().await.unwrap();
    assert_eq!(snapshot.outcomes.values().sum::<u64>(), 50);
    assert!(snapshot.outcomes.keys().all(|(_, _, outcome)| *outcome == Outcome::Answered));
    assert_eq!(snapshot.waits[&Class::Poll].granted, 50);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_leaves_no_trace() {
    let running = start(plain("1/10s"));
    let held = running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let budget = running.budget.clone();
        callers.spawn(async move { budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)).await });
    }
    sleep(millis(10)).await;
    assert_eq!(running.budget.snapshot().await.unwrap().waiting[&Class::Poll], 1_000);
    callers.shutdown().await;
    assert_eq!(running.budget.snapshot().await.unwrap().waiting[&Class::Poll], 0);
    // A permit that was granted but never used is free at once.
    held.unused();
    let permit = timeout(millis(1), running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT))).await;
    permit.unwrap().unwrap().unused();
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_nobody_takes_is_free_again() {
    let running = start(plain("1/10s"));
    let mut acquiring = Box::pin(running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)));
    // Polled once, so that the request is on its way; granted while nobody looks; dropped.
    assert!(timeout(Duration::ZERO, &mut acquiring).await.is_err());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    drop(acquiring);
    timeout(millis(1), running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)))
        .await
        .unwrap()
        .unwrap()
        .unused();
}

#[tokio::test(start_paused = true)]
async fn a_permit_dropped_without_an_answer_counts_until_it_must_have_arrived() {
    let running = start(plain("1/10s"));
    let began = Instant::now();
    drop(running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)).await.unwrap());
    let next = running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(40), "{:?}", began.elapsed());
    next.unused();
}

#[tokio::test(start_paused = true)]
async fn stopping_refuses_everyone_who_waits_and_ends_the_task() {
    let running = start(plain("1/10s"));
    let held = running.budget.acquire(ask(Class::Poll, CALLERS[0], &GET_SLOT)).await.unwrap();
    let budget = running.budget.clone();
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move { budget.acquire(ask(Class::Exit, CALLERS[0], &GET_SLOT)).await });
    sleep(millis(10)).await;
    running.stop.cancel();
    assert_eq!(waiting.join_next().await.unwrap().unwrap().unwrap_err(), Refused::Closed);
    running.tasks.wait().await;
    assert_eq!(running.budget.connect().await.unwrap_err(), Refused::Closed);
    assert_eq!(
        running.budget.acquire(ask(Class::Exit, CALLERS[0], &GET_SLOT)).await.unwrap_err(),
        Refused::Closed
    );
    drop(held);
}

/// On real threads, since the command must arrive while the owner task is at its last steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_crosses_the_end_is_refused() {
    for round in 0..2_000_u32 {
        let running = start(Limits::default());
        running.stop.cancel();
        for _ in 0..round % 200 {
            std::hint::spin_loop();
        }
        let asked = timeout(Duration::from_secs(20), running.budget.snapshot()).await;
        assert!(asked.is_ok(), "nobody answered in round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn connects_wait_for_their_rate() {
    let running = start(Limits { connects: Some("2/10s".parse().unwrap()), ..plain("5/s") });
    let began = Instant::now();
    for _ in 0..3 {
        running.budget.connect().await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_secs(10));
}
