use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After what it last finished with; if it has not read before, with the oldest event that is there.
    Oldest,
    /// After what it last finished with; if it has not read before, with the next one.
    Newest,
    /// With the next one, whatever it has read before: what happens while it is away is of no use to it.
    Now,
}

/// How far the consumers have read: what the pumps say, and what of that has been stored.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    cursors: Mutex<HashMap<Arc<str>, Cursor>>,
    /// Some cursor has moved.
    pub(crate) moved: Notify,
}

/// A consumer's place in the event log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// It has finished with every event up to this sequence.
    pub(crate) sequence: u64,
    stored: Option<u64>,
    /// How often somebody has begun to read under this name: only the last one moves the cursor.
    reader: u64,
}

// === impl Cursor ===

impl Cursor {
    /// Whether its consumer has read since the process started.
    pub(crate) fn is_read(&self) -> bool {
        self.reader > 0
    }
}

// === impl Cursors ===

impl Cursors {
    /// The cursors as they are stored. None can be past the end of the log, unless the file was put back to an
    /// earlier state: those are moved to its end.
    pub(crate) fn stored(cursors: Vec<(String, u64)>, head: u64) -> Self {
        let cursors = cursors.into_iter().map(|(name, sequence)| {
            if sequence > head {
                tracing::warn!(consumer = %name, sequence, head, "a consumer has read past the end of the event log: was the store's file replaced?");
            }
            let cursor = Cursor { sequence: sequence.min(head), stored: Some(sequence), reader: 0 };
            (Arc::from(name), cursor)
        });
        Self { cursors: Mutex::new(cursors.collect()), moved: Notify::new() }
    }

    /// A new reader under this name, with the end of the log: where it begins, and its number.
    pub(crate) fn begin(&self, name: &Arc<str>, start: Start, head: u64) -> (u64, u64) {
        let mut cursors = self.lock();
        let read = cursors.get(name).copied();
        let sequence = match (start, read) {
            (Start::Oldest | Start::Newest, Some(cursor)) => cursor.sequence,
            (Start::Oldest, None) => 0,
            (Start::Newest, None) | (Start::Now, _) => head,
        };
        let cursor = cursors.entry(Arc::clone(name)).or_default();
        cursor.sequence = sequence;
        cursor.reader = cursor.reader.saturating_add(1);
        // So that it is stored when it was last seen.
        cursor.stored = None;
        let begun = (cursor.sequence, cursor.reader);
        drop(cursors);
        self.moved.notify_one();
        begun
    }

    /// The reader has finished with everything up to here. `false` if another one reads under its name now.
    pub(crate) fn advance(&self, name: &str, reader: u64, sequence: u64) -> bool {
        let mut cursors = self.lock();
        let Some(cursor) = cursors.get_mut(name).filter(|cursor| cursor.reader == reader) else {
            return false;
        };
        if sequence > cursor.sequence {
            cursor.sequence = sequence;
            drop(cursors);
            self.moved.notify_one();
        }
        true
    }

    /// What has moved since it was stored.
    pub(crate) fn unstored(&self) -> Vec<(Arc<str>, u64)> {
        let cursors = self.lock();
        let unstored = cursors.iter().filter(|(_, cursor)| cursor.stored != Some(cursor.sequence));
        unstored.map(|(name, cursor)| (Arc::clone(name), cursor.sequence)).collect()
    }

    /// These have been stored.
    pub(crate) fn note_stored(&self, stored: &[(Arc<str>, u64)]) {
        let mut cursors = self.lock();
        for (name, sequence) in stored {
            if let Some(cursor) = cursors.get_mut(name) {
                cursor.stored = Some(*sequence);
            }
        }
    }

    /// Nothing waits for this consumer any more. If it comes back it begins anew.
    pub(crate) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, Cursor)> {
        let cursors = self.lock();
        let mut all: Vec<_> = cursors.iter().map(|(name, cursor)| (Arc::clone(name), *cursor)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Cursor>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
