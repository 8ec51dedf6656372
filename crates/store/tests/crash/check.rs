use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use eda_events::log::How;
use eda_store::{Covered, Reader, Settings, Store, Stored};

use crate::script::{WORKERS, events, genesis, interest};

/// What the children have been told of one file, over all their lives.
#[derive(Default)]
pub(crate) struct Ledger {
    acknowledged: HashSet<String>,
    /// The event log as it was last seen.
    log: Vec<String>,
    /// How many of its events the consumer may have finished with at most.
    finished: usize,
}

// === impl Ledger ===

impl Ledger {
    /// Takes what a child has said it was told before it died, and looks at what is in the file: as a machine would
    /// find it after a reboot, in a copy, so that the next child finds it as this one has left it.
    pub(crate) fn check(&mut self, file: &Path, transcript: &str) {
        let copy = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal", "-journal"] {
            let name = format!("eda.db{suffix}");
            let from = file.with_file_name(&name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        let copied = copy.path().join("eda.db");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = Store::open(&copied, Settings::default()).unwrap();
        let log = runtime.block_on(store.events_after(0, usize::MAX)).unwrap();
        let mut covered = HashMap::new();
        for worker in WORKERS {
            covered.insert(worker, runtime.block_on(store.spans(&genesis(), Some(worker))).unwrap());
        }
        let reached = WORKERS.map(|worker| (worker, store.progress(&genesis(), worker, &interest())));
        runtime.block_on(store.close());
        let connection = rusqlite::Connection::open(&copied).unwrap();
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");

        let said = lines(transcript, 'S');
        self.acknowledged.extend(lines(transcript, 'A'));
        self.check_log(&log, &said);
        self.check_consumer(transcript);
        let kept: HashSet<&String> = self.log.iter().collect();
        assert_eq!(kept.len(), self.log.len(), "no event twice");
        assert!(self.acknowledged.iter().all(|id| kept.contains(id)), "an acknowledged event is lost");
        for (worker, reached) in reached {
            let spans = &covered[&worker];
            let Some(reached) = reached else {
                assert!(spans.is_empty());
                continue;
            };
            assert_whole(spans, reached.begins_after.0, reached.to.0);
            let complete = spans.iter().filter(|covered| !matches!(covered.span.how, How::Unproven(_)));
            let slots = complete.flat_map(|covered| covered.span.from.0..=covered.span.to.0);
            for event in slots.flat_map(|slot| events(worker, slot)) {
                assert!(
                    kept.contains(&event.id.to_string()),
                    "progress has passed {event}, which is not kept"
                );
            }
        }
    }

    /// What was there is there, in the same order, and what is new is a beginning of what was said.
    fn check_log(&mut self, log: &[Stored], said: &[String]) {
        assert!(log.is_sorted_by(|one, next| one.sequence < next.sequence));
        let ids: Vec<String> = log.iter().map(|stored| stored.event.id.to_string()).collect();
        assert!(ids.starts_with(&self.log), "what was kept has changed");
        let mut seen: HashSet<&String> = self.log.iter().collect();
        let new: Vec<&String> = said.iter().filter(|id| seen.insert(id)).collect();
        let kept_new: Vec<&String> = ids[self.log.len()..].iter().collect();
        assert!(new.starts_with(&kept_new), "kept {kept_new:?} of {new:?}");
        self.log = ids;
    }

    /// The consumer was given everything in order, from at most one after what it had finished with.
    fn check_consumer(&mut self, transcript: &str) {
        let received = lines(transcript, 'R');
        let Some(first) = received.first() else { return };
        let begun = self.log.iter().position(|id| id == first).unwrap();
        assert!(begun <= self.finished, "a gap before {first}");
        assert!(self.log[begun..].starts_with(&received), "a gap in {received:?}");
        self.finished = self.finished.max(begun + lines(transcript, 'D').len());
    }
}

/// Everything that was acknowledged so far can be read.
pub(crate) fn is_there(reader: &Reader, transcript: &str) {
    let events = reader.events_after(0, usize::MAX).unwrap();
    let ids: HashSet<String> = events.into_iter().map(|stored| stored.event.id.to_string()).collect();
    let acknowledged = lines(transcript, 'A');
    assert!(acknowledged.iter().all(|id| ids.contains(id)));
    if let Some(id) = acknowledged.first() {
        assert_eq!(reader.why(id).unwrap().len(), 1);
    }
}

/// The rest of the lines of this kind. A line without an end was not written whole.
fn lines(transcript: &str, kind: char) -> Vec<String> {
    let whole = transcript.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).map(str::to_owned).collect()
}

/// Every slot that was reached lies in one span.
fn assert_whole(spans: &[Covered], begins_after: u64, reached_to: u64) {
    let mut at = begins_after;
    for covered in spans {
        assert_eq!(covered.span.from.0, at + 1);
        at = covered.span.to.0;
    }
    assert_eq!(at, reached_to);
}
