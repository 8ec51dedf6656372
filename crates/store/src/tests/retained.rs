use std::time::Duration;

use eda_events::{Slot, Topic, WorkerName};
use jiff::Timestamp;

use super::{read, speak_to};
use crate::{Bound, Retention, Settings, Start, Store, testing::*};

/// What is too old has been deleted by then.
const AFTERWARDS: Duration = Duration::from_secs(10);

const HOUR: Duration = Duration::from_secs(60 * 60);

fn store(retention: Retention) -> Store {
    Store::in_memory(Settings { retention }).unwrap()
}

fn events(age: Duration, rows: u64) -> Retention {
    Retention { events: Bound { age, rows }, ..Retention::default() }
}

async fn kept(store: &Store) -> Vec<String> {
    let events = store.events_after(0, 10_000).await.unwrap();
    events.into_iter().map(|stored| stored.event.id.to_string()).collect()
}

fn ids(events: impl IntoIterator<Item = eda_events::Event>) -> Vec<String> {
    events.into_iter().map(|event| event.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_oldest_events_go_when_there_are_too_many() {
    let store = store(events(HOUR * 1_000_000, 100));
    let (log, _keeping) = speak_to(&store);
    for number in 0..1_500 {
        mention(&log, burn(number)).await;
    }
    say(&log, burn(1_500)).await;
    // More than one slice.
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(kept(&store).await, ids((1_401..=1_500).map(burn)));
    assert_eq!((store.stats().events_in_file, store.stats().sequence), (100, 1_501));
    assert!(store.why(&address(3).to_string()).await.unwrap().is_empty());
    assert_eq!(store.why(&address(1_450).to_string()).await.unwrap().len(), 1);
    let subjects: i64 =
        store.database().lock().query_row("SELECT count(*) FROM subjects", [], |row| row.get(0)).unwrap();
    assert_eq!(subjects, 400, "what an event is about goes with it");
}

#[tokio::test(start_paused = true)]
async fn events_go_when_they_are_too_old() {
    let store = store(events(HOUR, 1_000));
    let (log, _keeping) = speak_to(&store);
    let now = Timestamp::now();
    say(&log, burn_at(1, now - HOUR * 2)).await;
    say(&log, burn_at(2, now)).await;
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(kept(&store).await, ids([burn(2)]));
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_has_not_finished_with_stays() {
    let store = store(events(HOUR, 0));
    let (log, _keeping) = speak_to(&store);
    let mailbox = store.subscribe("sink", &[Topic::Burn], 10, Start::Oldest);
    for number in 0..5 {
        say(&log, burn(number)).await;
    }
    read(&mailbox, 2).await;
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(kept(&store).await, ids((2..5).map(burn)));
    drop(mailbox);
    tokio::time::sleep(HOUR * 2).await;
    assert_eq!(kept(&store).await.len(), 3, "it may come back");
    let mailbox = store.subscribe("sink", &[Topic::Burn], 10, Start::Newest);
    read(&mailbox, 3).await;
    tokio::time::sleep(HOUR).await;
    assert!(kept(&store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_never_comes_back_does_not_hold_everything_for_ever() {
    let store = store(events(HOUR, 0));
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(1)).await;
    let long_ago = (Timestamp::now() - HOUR * 2).as_millisecond();
    let put = "INSERT INTO cursors VALUES ('old', 0, ?1)";
    store.database().lock().execute(put, [long_ago]).unwrap();
    tokio::time::sleep(AFTERWARDS).await;
    assert!(kept(&store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_must_be_looked_at_at_finality_stays_until_then() {
    let store = store(events(HOUR, 0));
    let (log, _keeping) = speak_to(&store);
    for event in [confirmed(1), burn(2), confirmed(3)] {
        say(&log, event).await;
    }
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(kept(&store).await, ids([burn(1), burn(3)]));
    let unsettled = store.unsettled(&genesis(), Slot(1), 10).await.unwrap();
    store.settle(&genesis(), &[unsettled[0].sequence]).await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(kept(&store).await, ids([burn(3)]));
}

#[tokio::test(start_paused = true)]
async fn statuses_go_sooner_and_each_workers_last_one_stays() {
    let retention = Retention { statuses: HOUR, ..events(HOUR * 1_000_000, 1_000) };
    let store = store(retention);
    let (log, _keeping) = speak_to(&store);
    let now = Timestamp::now();
    for event in [status(1, now - HOUR * 3), burn_at(1, now - HOUR * 3), status(2, now - HOUR * 2)] {
        say(&log, event).await;
    }
    tokio::time::sleep(AFTERWARDS).await;
    assert_eq!(kept(&store).await, ids([burn(1)]));
    let last = store.statuses(&genesis()).await.unwrap();
    assert_eq!(ids(last), ids([status(2, now)]));
}

#[tokio::test(start_paused = true)]
async fn refusals_have_bounds_of_their_own() {
    let retention = Retention { refusals: Bound { age: HOUR, rows: 3 }, ..Retention::default() };
    let store = store(retention);
    let (log, _keeping) = speak_to(&store);
    let now = Timestamp::now();
    for (number, age) in [(1, 2), (2, 0), (3, 0), (4, 0), (5, 0)] {
        let mut refusal = refusal(format!("refused {number}"), "too-small");
        refusal.at = now - HOUR * age;
        refuse(&log, refusal).await;
    }
    say(&log, burn(1)).await;
    tokio::time::sleep(AFTERWARDS).await;
    let mut left = Vec::new();
    for number in 1..=5 {
        left.push(store.why(&format!("refused {number}")).await.unwrap().len());
    }
    assert_eq!(left, [0, 0, 1, 1, 1]);
    assert_eq!(store.stats().refusals_in_file, 3);
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_long_done_with_are_forgotten_and_holes_are_not() {
    use eda_events::{Progress, log::How};

    let store = store(events(HOUR, 1_000));
    let (log, keeping) = speak_to(&store);
    progress(&log, Progress::Begins { after: Slot(0) }).await;
    for (from, how) in [(1, How::Live), (11, unproven()), (21, How::Filled), (31, How::Live)] {
        progress(&log, reached(from, from + 9, how)).await;
    }
    say(&log, burn(1)).await;
    let long_ago = (Timestamp::now() - HOUR * 2).as_millisecond();
    store.database().lock().execute("UPDATE spans SET since = ?1", [long_ago]).unwrap();
    tokio::time::sleep(AFTERWARDS).await;
    let spans = store.spans(&genesis(), Some(WorkerName::BurnDetector)).await.unwrap();
    let left: Vec<_> = spans.iter().map(|covered| (covered.span.from.0, covered.span.to.0)).collect();
    assert_eq!(left, [(11, 20), (31, 40)]);
    // And progress goes on as before.
    progress(&log, mended(15, 16)).await;
    progress(&log, reached(41, 42, How::Live)).await;
    drop(log);
    keeping.ended().await.unwrap();
    assert!(store.stats().unkeepable.is_empty());
    let holes = store.holes(&genesis(), None).await.unwrap();
    assert_eq!(holes.iter().map(|hole| (hole.from.0, hole.to.0)).collect::<Vec<_>>(), [(11, 14), (17, 20)]);
    assert!(holes.iter().all(|hole| hole.reason == "pruned"));
}
