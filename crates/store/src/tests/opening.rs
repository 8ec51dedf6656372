use std::fs;

use eda_events::log::Kept;

use super::{Home, ids, speak_to};
use crate::{OpenError, Settings, Start, Store, testing::*};

fn error(home: &Home) -> String {
    Store::open(&home.file(), Settings::default()).unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let home = Home::new();
    for content in ["a letter\n".repeat(1_000), "short".to_owned()] {
        fs::write(home.file(), &content).unwrap();
        assert!(error(&home).ends_with("is not a store of eda: move it away, or name another file"));
        assert_eq!(fs::read_to_string(home.file()).unwrap(), content);
    }
    fs::remove_file(home.file()).unwrap();
    let other = rusqlite::Connection::open(home.file()).unwrap();
    other.execute_batch("CREATE TABLE letters (text TEXT)").unwrap();
    drop(other);
    assert!(matches!(Store::open(&home.file(), Settings::default()), Err(OpenError::NotAStore(_))));
    assert!(matches!(Store::read(&home.file()), Err(OpenError::NotAStore(_))));
}

#[tokio::test]
async fn a_file_of_a_later_eda_says_so() {
    let home = Home::new();
    home.open().close().await;
    let later = rusqlite::Connection::open(home.file()).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    let known = error(&home);
    assert!(known.contains("was written by a later eda (schema 99, this one knows 1)"), "{known}");
    assert!(matches!(Store::read(&home.file()), Err(OpenError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn one_process_at_a_time_writes_a_file() {
    let home = Home::new();
    let store = home.open();
    assert!(error(&home).contains("is in use by another eda"));
    store.close().await;
    home.open().close().await;
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let home = Home::new();
    let nowhere = home.0.path().join("no such directory/eda.db");
    let error = Store::open(&nowhere, Settings::default()).unwrap_err().to_string();
    assert!(error.contains("check that its directory is there"), "{error}");
    assert!(matches!(Store::read(&home.file()), Err(OpenError::NotThere(_))));
    fs::write(home.file(), "").unwrap();
    assert!(matches!(Store::read(&home.file()), Err(OpenError::NotThere(_))), "nothing was kept in it yet");
}

/// The file and its log of recent writes as they are on the disk while a store is open.
fn copy(home: &Home) -> (Vec<u8>, Vec<u8>) {
    (fs::read(home.file()).unwrap(), fs::read(home.0.path().join("eda.db-wal")).unwrap())
}

#[tokio::test]
async fn a_log_of_recent_writes_torn_anywhere_is_read_up_to_there() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    for number in 0..20 {
        say(&log, burn(number)).await;
    }
    let (file, wal) = copy(&home);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let torn = Home::new();
        let mut rest = wal.clone();
        let at = rng.usize(..wal.len());
        if rng.bool() {
            rest.truncate(at);
        } else {
            rest[at] ^= 1 << rng.u32(..8);
        }
        fs::write(torn.file(), &file).unwrap();
        fs::write(torn.0.path().join("eda.db-wal"), rest).unwrap();
        let store = torn.open();
        let events = store.events_after(0, 100).await.unwrap();
        let kept: Vec<String> = events.iter().map(|stored| stored.event.id.to_string()).collect();
        assert!(ids(0..20).starts_with(&kept), "a beginning of what was said");
        lengths.insert(kept.len());
        // And it goes on from there.
        let (log, _keeping) = speak_to(&store);
        assert_eq!(say(&log, burn(kept.len() as u64)).await, Some(Kept::New));
        store.close().await;
    }
    assert!(lengths.len() > 5, "torn at many places: {lengths:?}");
}

#[tokio::test]
async fn consumers_of_a_file_put_back_to_an_earlier_state_read_what_comes_then() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(0)).await;
    store.close().await;
    let connection = rusqlite::Connection::open(home.file()).unwrap();
    connection.execute("INSERT INTO cursors VALUES ('sink', 1000, 0)", []).unwrap();
    drop(connection);
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    let mailbox = store.subscribe("sink", &eda_events::Topic::ALL, 4, Start::Oldest);
    say(&log, burn(1)).await;
    assert_eq!(super::read(&mailbox, 1).await, ids(1..2));
}

#[tokio::test]
async fn a_file_can_be_read_where_nothing_can_be_made_beside_it() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(0)).await;
    store.close().await;
    let shared = home.0.path().join("eda.db-shm");
    if shared.exists() {
        fs::remove_file(&shared).unwrap();
    }
    // A directory has the name of the file that cannot be made.
    fs::create_dir(&shared).unwrap();
    let events = Store::read(&home.file()).unwrap().events_after(0, 10).unwrap();
    assert_eq!(events.len(), 1);
}
