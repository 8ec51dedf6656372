//! Equal questions.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::savings::crowd::FlightId;

/// Answers every call with a number of its own.
fn counting() -> impl Fn(&str, &Value) -> Outcome + Send + Sync {
    let count = AtomicU64::new(0);
    move |_, _| ok(&json!(count.fetch_add(1, Ordering::Relaxed)))
}

fn ask(world: &World, caller: Caller, class: Class, patience: Option<u64>) -> JoinHandle<Outcome> {
    world.ask(caller, class, "getSlot", json!([]), patience.map(Duration::from_millis))
}

#[tokio::test(start_paused = true)]
async fn equal_questions_under_way_are_one_request() {
    let world = World::new(counting());
    let one = ask(&world, BURNS, Class::Poll, None);
    millis(20).await;
    let other = ask(&world, PRICES, Class::Detect, None);
    let another = world.ask(PRICES, Class::Poll, "getSlot", json!([{"commitment": "confirmed"}]), None);
    let answers = [one.await.unwrap(), other.await.unwrap()];
    assert_eq!(answers.each_ref().map(told), [json!(0), json!(0)]);
    assert_eq!(answers.map(|answer| answer.unwrap().bytes), [100, 0], "what travelled is counted once");
    assert_eq!(told(&another.await.unwrap()), json!(1));
    assert_eq!(world.sent("getSlot").len(), 2);
    let saved = world.savings.saved();
    assert_eq!(saved.requests, [((PRICES, Method::new("getSlot"), Kind::Shared), 1)].into());
    assert_eq!(told(&ask(&world, BURNS, Class::Poll, None).await.unwrap()), json!(2), "it was over");
    assert!(world.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn who_began_a_question_may_go_away_and_the_others_are_answered() {
    let world = World::new(counting());
    let leader = ask(&world, BURNS, Class::Poll, None);
    millis(20).await;
    let follower = ask(&world, PRICES, Class::Poll, None);
    millis(10).await;
    leader.abort();
    assert_eq!(told(&follower.await.unwrap()), json!(0));
    assert_eq!(world.sent("getSlot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_asker_keeps_its_own_deadline() {
    let world = World::new(counting());
    let hasty = ask(&world, BURNS, Class::Poll, Some(30));
    let patient = ask(&world, PRICES, Class::Poll, Some(1_000));
    let began = Instant::now();
    assert_eq!(told(&hasty.await.unwrap()), json!("deadline"));
    assert_eq!(began.elapsed(), Duration::from_millis(30));
    assert_eq!(told(&patient.await.unwrap()), json!(0));
    assert_eq!(world.sent("getSlot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_asked() {
    let mut world = World::within(per_ten_seconds(10), counting());
    world.occupy(9).await;
    let askers = [ask(&world, BURNS, Class::Poll, None), ask(&world, PRICES, Class::Poll, None)];
    millis(20).await;
    assert_eq!(world.waiting(Class::Poll).await, 2);
    for asker in askers {
        asker.abort();
    }
    millis(60_000).await;
    assert!(world.sent("getSlot").is_empty());
    assert_eq!(world.waiting(Class::Poll).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_those_who_wait_and_then_forgotten() {
    let failed = AtomicU64::new(0);
    let world = World::new(move |_, _| match failed.fetch_add(1, Ordering::Relaxed) {
        0 => error(-32603, "Internal error"),
        _ => ok(&json!("fine")),
    });
    let one = ask(&world, BURNS, Class::Poll, None);
    let other = ask(&world, PRICES, Class::Poll, None);
    for asker in [one, other] {
        assert_eq!(told(&asker.await.unwrap()), json!({"code": -32603, "message": "Internal error"}));
    }
    assert_eq!(told(&ask(&world, BURNS, Class::Poll, None).await.unwrap()), json!("fine"));
    assert_eq!(world.sent("getSlot").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_asker_is_not_held_up_behind_a_slow_one_and_takes_it_along() {
    let mut world = World::within(per_ten_seconds(10), counting());
    // One place is left, and it is held back for exits.
    world.occupy(9).await;
    let slow = ask(&world, BURNS, Class::Fill, None);
    millis(500).await;
    assert!(world.sent("getSlot").is_empty());
    let began = Instant::now();
    let urgent = ask(&world, TRADES, Class::Exit, None);
    assert_eq!(told(&urgent.await.unwrap()), json!(9), "the tenth request");
    assert!(began.elapsed() < Duration::from_millis(60));
    assert_eq!(told(&slow.await.unwrap()), json!(9), "the same");
    let sent = world.sent("getSlot");
    assert_eq!(sent.iter().map(|sent| sent.class).collect::<Vec<_>>(), [Class::Exit]);
    assert_eq!(world.waiting(Class::Fill).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_middle_class_raises_a_lower_one_too() {
    let mut world = World::within(per_ten_seconds(20), counting());
    world.occupy(18).await;
    let slow = ask(&world, BURNS, Class::Fill, None);
    millis(10).await;
    // These go before anything in class fill, two in every ten seconds.
    let others: Vec<_> =
        (0..30).map(|number| world.ask(PRICES, Class::Poll, "getBlock", json!([number]), None)).collect();
    millis(10).await;
    let detecting = ask(&world, TRADES, Class::Detect, None);
    for asker in [slow, detecting] {
        assert!(asker.await.unwrap().is_ok());
    }
    assert_eq!(world.sent("getSlot").iter().map(|sent| sent.class).collect::<Vec<_>>(), [Class::Detect]);
    assert!(world.sent("getBlock").len() < 30);
    drop(others);
}

/// Fair shares hold for shared questions as well: who joins one that stands far back in another worker's own queue is
/// served when it would have been served alone.
#[tokio::test(start_paused = true)]
async fn nobody_waits_behind_the_backlog_of_the_worker_that_asked_first() {
    let mut world = World::within(per_ten_seconds(10), counting());
    world.occupy(9).await;
    let backlog: Vec<_> =
        (0..40).map(|number| world.ask(BURNS, Class::Detect, "getBlock", json!([number]), None)).collect();
    millis(10).await;
    let last = ask(&world, BURNS, Class::Detect, None);
    millis(10).await;
    let joined = ask(&world, TRADES, Class::Detect, None);
    assert!(joined.await.unwrap().is_ok() && last.await.unwrap().is_ok());
    assert!(world.sent("getBlock").len() <= 9, "{}", world.sent("getBlock").len());
    assert_eq!(world.sent("getSlot").len(), 1);
    drop(backlog);
}

#[tokio::test(start_paused = true)]
async fn an_exit_takes_no_answer_to_a_question_older_than_its_own() {
    let world = World::new(counting());
    let polling = ask(&world, BURNS, Class::Poll, None);
    millis(20).await;
    let exit = ask(&world, TRADES, Class::Exit, None);
    millis(10).await;
    let joining = ask(&world, PRICES, Class::Poll, None);
    assert_eq!(told(&polling.await.unwrap()), json!(0));
    assert_eq!(told(&exit.await.unwrap()), json!(1));
    assert_eq!(told(&joining.await.unwrap()), json!(1), "later ones join the newer");
    assert_eq!(world.sent("getSlot").len(), 2);
    assert!(world.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn transactions_are_never_shared() {
    let world = World::new(counting());
    let send = || world.ask(TRADES, Class::Exit, "sendTransaction", json!(["AQ=="]), None);
    let (one, other) = (send(), send());
    assert_ne!(told(&one.await.unwrap()), told(&other.await.unwrap()));
    assert_eq!(world.sent("sendTransaction").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_asker_is_not_the_others() {
    let mut world = World::within(per_ten_seconds(10), counting());
    world.occupy(9).await;
    // There will be room in ten seconds, and one of them does not want to wait so long.
    let hasty = ask(&world, BURNS, Class::Poll, Some(2_000));
    let alone = hasty.await.unwrap();
    assert_eq!(told(&alone), json!("budget"), "told at once: {alone:?}");
    let patient = ask(&world, PRICES, Class::Poll, Some(60_000));
    millis(5).await;
    let hasty = ask(&world, BURNS, Class::Poll, Some(2_000));
    assert_eq!(told(&hasty.await.unwrap()), json!("deadline"));
    assert!(patient.await.unwrap().is_ok());
    // Nor when it comes first and is more urgent.
    world.occupy(9).await;
    let hasty = ask(&world, BURNS, Class::Guard, Some(2_000));
    let patient = ask(&world, PRICES, Class::Poll, Some(60_000));
    assert_eq!(told(&hasty.await.unwrap()), json!("deadline"));
    assert!(patient.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_takes_its_urgency_along() {
    let mut world = World::within(per_ten_seconds(10), counting());
    world.occupy(10).await;
    let slow = ask(&world, BURNS, Class::Fill, None);
    let urgent = ask(&world, TRADES, Class::Exit, None);
    millis(100).await;
    assert_eq!(world.waiting(Class::Exit).await, 1);
    urgent.abort();
    millis(100).await;
    assert_eq!((world.waiting(Class::Exit).await, world.waiting(Class::Fill).await), (0, 1));
    assert!(slow.await.unwrap().is_ok());
    assert_eq!(world.sent("getSlot").iter().map(|sent| sent.class).collect::<Vec<_>>(), [Class::Fill]);
}

/// The call gives up when the pause before its next attempt is longer than anybody wants to wait. Whoever asks then
/// begins anew, and is not told of a deadline that is not its own.
#[tokio::test(start_paused = true)]
async fn nobody_joins_what_is_being_given_up() {
    use crate::calls::Askers;
    let crowd = Arc::new(super::super::Crowd::default());
    let (flight, other) = (FlightId(1), FlightId(2));
    let asker = |seconds: u64| {
        let deadline = Some(Instant::now() + Duration::from_secs(seconds));
        Asker { caller: BURNS, class: Class::Poll, deadline }
    };
    let (pause, failure) = (Duration::from_secs(5), CallError::WrongId);
    let _places = [crowd.enter(flight, asker(1)), crowd.enter(other, asker(10))];
    assert!(crowd.part(vec![flight, other]).will_wait(pause, &failure));
    assert!(crowd.join(flight, asker(10)).is_some());
    assert!(!crowd.part(vec![flight]).will_wait(pause, &failure));
    assert!(crowd.join(flight, asker(10)).is_none() && crowd.join(other, asker(10)).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_immutable_answer_is_asked_for_once() {
    let world = World::new(|_, params| match params[0].as_str() {
        Some("landed") => ok(&json!({"slot": 5, "blockTime": 1_700_000_000})),
        _ => ok(&Value::Null),
    });
    let transaction = |signature: &str, commitment: &str| {
        let params = json!([signature, {"commitment": commitment, "maxSupportedTransactionVersion": 1}]);
        world.ask(BURNS, Class::Poll, "getTransaction", params, None)
    };
    let first = told(&transaction("landed", "finalized").await.unwrap());
    let again = transaction("landed", "finalized").await.unwrap();
    assert_eq!((told(&again), again.unwrap().bytes), (first, 0));
    assert_eq!((world.sent("getTransaction").len(), world.saved(Kind::Cached)), (1, 1));
    for (signature, commitment) in [("landed", "confirmed"), ("missing", "finalized")] {
        let before = world.sent("getTransaction").len();
        for _ in 0..2 {
            assert!(transaction(signature, commitment).await.unwrap().is_ok());
        }
        assert_eq!(world.sent("getTransaction").len(), before + 2, "{signature} {commitment}");
    }
    assert_eq!(world.savings.saved().kept, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_saved_when_told_so() {
    let mut world = World::new(counting());
    let config = Config { on: false, ..Config::default() };
    world.savings = Arc::new(Savings::new(config, Arc::clone(&world.provider)));
    let askers = [BURNS, PRICES, TRADES].map(|caller| ask(&world, caller, Class::Poll, None));
    for asker in askers {
        assert!(asker.await.unwrap().is_ok());
    }
    assert_eq!(world.sent("getSlot").len(), 3);
    assert_eq!(world.savings.saved(), super::super::Saved::default());
}
