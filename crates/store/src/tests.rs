//! The store as its users see it.

/// Reading the event log at one's own pace.
mod consumers;
/// Random lives, against a model.
mod model;
/// Files that are there already.
mod opening;
/// What is kept for how long.
mod retained;
/// What cannot be written, and what cannot be kept.
mod trouble;
/// Why something was decided.
mod why;

use std::{path::PathBuf, sync::Arc};

use eda_events::{
    Delivery, Event, Log, Mailbox, Progress, Slot, Topic, WorkerName,
    log::{How, Kept},
};

use crate::{Keeping, Reached, Settings, Store, testing::*};

/// A file of its own, gone with the value.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("eda.db")
    }

    fn open(&self) -> Store {
        Store::open(&self.file(), Settings::default()).unwrap()
    }
}

/// Begins to keep what is said into the log.
fn speak_to(store: &Store) -> (Log, Keeping) {
    let (log, entries) = Log::new(16);
    let keeping = store.keep(entries);
    (log, keeping)
}

/// Reads and finishes with `count` events.
async fn read(mailbox: &Mailbox<Arc<Event>>, count: usize) -> Vec<String> {
    let mut read = Vec::new();
    for _ in 0..count {
        match mailbox.next().await {
            Some(Delivery::Item(event)) => read.push(event.id.to_string()),
            Some(Delivery::Gap { missed }) => panic!("a gap of {missed}"),
            None => panic!("the log has ended after {read:?}"),
        }
        mailbox.done();
    }
    read
}

/// The ids of burns.
fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| burn(number).id.to_string()).collect()
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart() {
    let home = Home::new();
    {
        let store = home.open();
        let (log, keeping) = speak_to(&store);
        progress(&log, Progress::Begins { after: Slot(9) }).await;
        assert_eq!(say(&log, burn(10)).await, Some(Kept::New));
        assert_eq!(say(&log, burn(10)).await, Some(Kept::Duplicate));
        refuse(&log, refusal("burn:x:1", "below-threshold")).await;
        progress(&log, reached(10, 12, How::Live)).await;
        drop(log);
        keeping.ended().await.unwrap();
        let stats = store.stats();
        assert_eq!((stats.events.get(&Topic::Burn), stats.duplicates, stats.refusals), (Some(&1), 1, 1));
        assert!(stats.unkeepable.is_empty() && stats.failing.is_none() && stats.size.unwrap() > 0);
        store.close().await;
    }
    let store = home.open();
    let reached = store.progress(&genesis(), WorkerName::BurnDetector, &interest());
    assert_eq!(reached, Some(Reached { begins_after: Slot(9), to: Slot(12), unproven: 0 }));
    let events = store.events_after(0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event, burn(10));
    assert_eq!((store.stats().events_in_file, store.stats().refusals_in_file), (1, 1));
    let (log, keeping) = speak_to(&store);
    assert_eq!(say(&log, burn(10)).await, Some(Kept::Duplicate), "ids are for ever");
    drop(log);
    keeping.ended().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(1)).await;
    store.close().await;
    let wal = std::fs::metadata(home.0.path().join("eda.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "everything is in the file itself");
    assert!(log.room().await.is_err(), "whoever speaks is told that nobody keeps it");
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_works_under_virtual_time() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, keeping) = speak_to(&store);
    let limit = std::time::Duration::from_millis(1);
    assert_eq!(tokio::time::timeout(limit, say(&log, burn(1))).await, Ok(Some(Kept::New)));
    drop(log);
    keeping.ended().await.unwrap();
    // Another life, on the same store.
    let (log, keeping) = speak_to(&store);
    assert_eq!(tokio::time::timeout(limit, say(&log, burn(1))).await, Ok(Some(Kept::Duplicate)));
    drop(log);
    keeping.ended().await.unwrap();
    store.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_at_finality_is_not_looked_at_again() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, _keeping) = speak_to(&store);
    for number in [3, 1, 2] {
        say(&log, confirmed(number)).await;
    }
    say(&log, burn(4)).await;
    let unsettled = store.unsettled(&genesis(), Slot(2), 10).await.unwrap();
    let seen: Vec<_> = unsettled.iter().map(|event| (event.slot.0, event.signature)).collect();
    assert_eq!(seen, [(1, signature(1)), (2, signature(2))]);
    assert_eq!(unsettled[0].event, confirmed(1));
    store.settle(&genesis(), &[unsettled[0].sequence]).await.unwrap();
    let left = store.unsettled(&genesis(), Slot(9), 10).await.unwrap();
    assert_eq!(
        left.iter().map(|event| event.slot.0).collect::<Vec<_>>(),
        [2, 3],
        "what was final is not looked at"
    );
    let other = eda_events::Genesis::from("another");
    assert!(store.unsettled(&other, Slot(9), 10).await.unwrap().is_empty());
}
