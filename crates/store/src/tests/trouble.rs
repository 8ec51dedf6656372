use std::time::Duration;

use eda_events::{
    Genesis, Progress, Slot, WorkerName,
    log::{Entry, How, Kept, Said, Span},
};
use tokio::sync::mpsc;

use super::{Home, read, speak_to};
use crate::{Settings, Start, Store, testing::*};

/// A store in memory, and what makes it fail: statements run on its connection.
fn store() -> (Store, impl Fn(&str)) {
    let store = Store::in_memory(Settings::default()).unwrap();
    let database = store.database().clone();
    let run = move |pragma: &str| {
        let connection = database.lock();
        connection.query_row(pragma, [], |_| Ok(())).ok();
    };
    (store, run)
}

/// Says more than fits the queue while the store fails, makes it work again, and sees everything kept in order.
async fn fails_and_resumes(fail: &str, heal: &str, says: &str) {
    let (store, run) = store();
    let (log, keeping) = speak_to(&store);
    say(&log, burn(0)).await;
    run(fail);
    let (told, mut kept) = mpsc::unbounded_channel();
    let speak = async {
        for number in 1..200 {
            let told = told.clone();
            let event = burn(number);
            let said = Said::Event {
                event: Box::new(event),
                told: eda_events::log::Told::by(move |kept| told.send((number, kept)).unwrap()),
            };
            log.room().await.unwrap().say(Entry { genesis: genesis(), said });
        }
        drop(log);
    };
    let heal = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let stats = store.stats();
        let failing = stats.failing.clone().unwrap();
        assert!(failing.contains(says), "{failing}");
        assert!(stats.in_hand > 0 && stats.sequence == 1, "nothing is acknowledged: {stats:?}");
        run(heal);
    };
    tokio::join!(speak, heal);
    keeping.ended().await.unwrap();
    for number in 1..200 {
        assert_eq!(kept.recv().await, Some((number, Kept::New)));
    }
    assert_eq!(store.stats().failing, None);
    let mailbox = store.subscribe("reader", &eda_events::Topic::ALL, 300, Start::Oldest);
    assert_eq!(read(&mailbox, 200).await, super::ids(0..200));
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_speakers_wait_and_nothing_is_lost() {
    // The fewest pages possible, which is as many as there are; and as many as can be.
    fails_and_resumes(
        "PRAGMA max_page_count = 1",
        "PRAGMA max_page_count = 4294967294",
        "the disk is full: free some space",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_the_file_takes_no_writes_speakers_wait_and_nothing_is_lost() {
    fails_and_resumes(
        "PRAGMA query_only = 1",
        "PRAGMA query_only = 0",
        "it cannot be written to: check its permissions",
    )
    .await;
}

#[tokio::test]
async fn a_file_deleted_while_it_is_in_use_is_noticed_before_anything_is_written_to_it() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(0)).await;
    let away = home.0.path().join("away");
    std::fs::rename(home.file(), &away).unwrap();
    let back = async {
        let failing = loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if let Some(failing) = store.stats().failing {
                break failing;
            }
        };
        assert!(failing.starts_with("its file was moved or deleted while it is in use"), "{failing}");
        std::fs::rename(&away, home.file()).unwrap();
    };
    let (kept, ()) = tokio::join!(say(&log, burn(1)), back);
    assert_eq!(kept, Some(Kept::New));
}

#[tokio::test]
async fn another_program_that_holds_the_file_is_waited_for() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    let other = rusqlite::Connection::open(home.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(store.stats().sequence, 0);
        other.execute_batch("COMMIT").unwrap();
    };
    let (kept, ()) = tokio::join!(say(&log, burn(1)), release);
    assert_eq!(kept, Some(Kept::New));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_counted_and_does_not_hold_up_the_rest() {
    let (store, _) = store();
    let (log, keeping) = speak_to(&store);
    progress(&log, Progress::Begins { after: Slot(9) }).await;
    mention(&log, burn(1)).await;
    // No slot of a chain is that large, and no column either.
    let mut absurd = burn(2);
    absurd.source.as_mut().unwrap().slot = Slot(u64::MAX);
    let kept = async {
        let kept = say(&log, absurd).await;
        assert_eq!(kept, None, "whoever waits for it is let go");
    };
    let rest = async {
        progress(&log, reached(10, 20, How::Live)).await;
        progress(&log, reached(22, 23, How::Live)).await;
        progress(&log, mended(12, 13)).await;
        progress(&log, Progress::Begins { after: Slot(8) }).await;
        progress(&log, reached(21, 20, How::Live)).await;
        progress(&log, reached(21, u64::MAX, How::Live)).await;
        assert_eq!(say(&log, burn(3)).await, Some(Kept::New));
    };
    tokio::join!(kept, rest);
    drop(log);
    keeping.ended().await.unwrap();
    let unkeepable: Vec<_> = store.stats().unkeepable.into_iter().collect();
    let expected = [
        ("begins-again", 1),
        ("empty", 1),
        ("not-given-up", 1),
        ("not-next", 1),
        ("refused-by-the-backend", 2),
    ];
    assert_eq!(unkeepable, expected);
    assert_eq!(store.progress(&genesis(), WorkerName::BurnDetector, &interest()).unwrap().to, Slot(20));
    assert_eq!(store.stats().events_in_file, 2);
}

#[tokio::test(start_paused = true)]
async fn progress_of_one_chain_is_not_progress_of_another() {
    let (store, _) = store();
    let (log, keeping) = speak_to(&store);
    let other = Genesis::from("another");
    progress(&log, Progress::Begins { after: Slot(9) }).await;
    let span = Span { from: Slot(10), to: Slot(11), how: How::Live };
    let said = Said::Progress {
        worker: WorkerName::BurnDetector,
        interest: interest(),
        progress: Progress::Reached(span),
    };
    log.room().await.unwrap().say(Entry { genesis: other.clone(), said });
    drop(log);
    keeping.ended().await.unwrap();
    assert_eq!(store.progress(&other, WorkerName::BurnDetector, &interest()), None);
    assert_eq!(store.stats().unkeepable.into_iter().collect::<Vec<_>>(), [("not-begun", 1)]);
}
