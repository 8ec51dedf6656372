use eda_events::{Progress, Slot, log::How};

use super::*;
use crate::{sqlite, testing::*};

fn entries(said: impl IntoIterator<Item = Said>) -> Batch {
    let entries = said.into_iter().map(|said| Ready::from_entry(Entry { genesis: genesis(), said }).unwrap());
    Batch { entries: entries.collect(), ..Batch::default() }
}

fn event(number: u64) -> Said {
    Said::Event { event: Box::new(burn(number)), told: Told::nobody() }
}

fn progress(progress: Progress) -> Said {
    Said::Progress { worker: WorkerName::BurnDetector, interest: interest(), progress }
}

fn batch() -> Batch {
    let begins = progress(Progress::Begins { after: Slot(0) });
    entries([begins, event(1), progress(reached(1, 1, How::Live))])
}

#[test]
fn a_batch_that_was_written_though_nobody_heard_is_not_written_again() {
    let database = Database::new(sqlite::memory().unwrap());
    let batch = batch();
    let written = commit(&database, 1, &batch, &mut None).unwrap();
    let expected = [Became::Kept, Became::Logged(1), Became::Kept];
    assert_eq!(written.entries, expected);
    // The answer was lost on its way.
    let again = commit(&database, 1, &batch, &mut Some(written)).unwrap();
    assert_eq!(again.entries, expected, "new is new, and progress is not said to be broken");
    let next = commit(&database, 2, &entries([event(1), event(2)]), &mut None).unwrap();
    assert!(matches!(next.entries[..], [Became::Known, Became::Logged(_)]), "{next:?}");
}

#[test]
fn a_batch_that_was_not_written_after_all_is_written() {
    let database = Database::new(sqlite::memory().unwrap());
    let lost = commit(&Database::new(sqlite::memory().unwrap()), 1, &batch(), &mut None).unwrap();
    let written = commit(&database, 1, &batch(), &mut Some(lost)).unwrap();
    assert_eq!(written.entries, [Became::Kept, Became::Logged(1), Became::Kept]);
    assert_eq!(sqlite::read::head(&database.lock()).unwrap(), 1);
}

#[test]
fn a_batch_with_an_entry_that_cannot_be_kept_leaves_nothing() {
    let database = Database::new(sqlite::memory().unwrap());
    let mut absurd = burn(2);
    absurd.source.as_mut().unwrap().slot = Slot(u64::MAX);
    let absurd = Said::Event { event: Box::new(absurd), told: Told::nobody() };
    let failed = commit(&database, 1, &entries([event(1), absurd, event(3)]), &mut None).unwrap_err();
    assert!(matches!(failed, Failed::Unkeepable { entry: 1, .. }), "{failed:?}");
    assert_eq!(sqlite::read::head(&database.lock()).unwrap(), 0);
}
