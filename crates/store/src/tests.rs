use std::{path::PathBuf, sync::Arc};

use eda_events::{
    Delivery, Event, Log, Mailbox, Progress, Slot, Topic, WorkerName,
    log::{How, Kept},
};

use crate::{Reached, Settings, Start, Store, testing::*};

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

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| burn(number).id.to_string()).collect()
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart() {
    let home = Home::new();
    {
        let store = home.open();
        let (log, entries) = Log::new(16);
        let keeping = store.keep(entries);
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
    assert_eq!(reached, Some(Reached { begins_after: Slot(9), to: Slot(12) }));
    let events = store.events_after(0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event, burn(10));
    assert_eq!((store.stats().events_in_file, store.stats().refusals_in_file), (1, 1));
    let (log, entries) = Log::new(16);
    let keeping = store.keep(entries);
    assert_eq!(say(&log, burn(10)).await, Some(Kept::Duplicate), "ids are for ever");
    drop(log);
    keeping.ended().await.unwrap();
}

#[tokio::test]
async fn a_consumer_goes_on_after_what_it_has_finished_with() {
    let home = Home::new();
    let store = home.open();
    let (log, entries) = Log::new(16);
    let keeping = store.keep(entries);
    let mailbox = store.subscribe("file", &Topic::ALL, 4, Start::Newest);
    for number in 0..10 {
        mention(&log, burn(number)).await;
    }
    assert_eq!(read(&mailbox, 3).await, ids(0..3));
    assert!(matches!(mailbox.next().await, Some(Delivery::Item(_))), "in hand when the process ends");
    drop(log);
    keeping.ended().await.unwrap();
    store.close().await;

    let store = home.open();
    let mailbox = store.subscribe("file", &Topic::ALL, 4, Start::Newest);
    assert_eq!(read(&mailbox, 7).await, ids(3..10));
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_works_under_virtual_time() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, entries) = Log::new(16);
    let keeping = store.keep(entries);
    let mailbox = store.subscribe("test", &[Topic::Burn], 4, Start::Oldest);
    let limit = std::time::Duration::from_millis(1);
    assert_eq!(tokio::time::timeout(limit, say(&log, burn(1))).await, Ok(Some(Kept::New)));
    mention(&log, price(1)).await;
    mention(&log, burn(2)).await;
    assert_eq!(tokio::time::timeout(limit, read(&mailbox, 2)).await, Ok(ids(1..3)));
    drop(log);
    keeping.ended().await.unwrap();
    assert_eq!(mailbox.next().await, None);
    store.close().await;
}
