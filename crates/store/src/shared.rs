use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    commit::{InterestKey, REFUSALS},
    cursors::Cursors,
    reader::{Reached, Reader},
    ring::Ring,
    sqlite::{self, Database, read},
    stats::{ConsumerStats, StoreStats},
    trouble::{Kind, Trouble},
};

/// What the keeper, the pumps and the handles of a store have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    reader: Reader,
    /// The number of the last batch that was written before.
    pub(crate) last_batch: u64,
    /// `None` if the store is in memory.
    path: Option<PathBuf>,
    /// The last events.
    ring: Mutex<Ring>,
    head: watch::Sender<Head>,
    pub(crate) cursors: Cursors,
    reached: Mutex<HashMap<InterestKey, Reached>>,
    stats: Mutex<StoreStats>,
    /// The pumps are to end now.
    pub(crate) stop: CancellationToken,
}

/// The end of the event log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The sequence of the last event.
    pub(crate) sequence: u64,
    /// Queues that were ever kept.
    begun: u64,
    /// Those of them that have ended.
    ended: u64,
}

// === impl Head ===

impl Head {
    /// Whether no more will come: everything that was said is kept.
    pub(crate) fn is_closed(&self) -> bool {
        self.begun > 0 && self.ended >= self.begun
    }

    /// Another queue is being kept.
    pub(crate) fn begin(&mut self) {
        self.begun = self.begun.saturating_add(1);
    }

    /// One of the queues has ended.
    pub(crate) fn end(&mut self) {
        self.ended = self.ended.saturating_add(1);
    }
}

// === impl Shared ===

impl Shared {
    /// With what is in the database.
    pub(crate) fn load(database: Database, path: Option<PathBuf>) -> sqlite::Result<Self> {
        let connection = database.lock();
        let sequence = read::head(&connection)?;
        let cursors = Cursors::stored(read::cursors(&connection)?, sequence);
        let reached = read::reached(&connection)?.into_iter().collect();
        let last_batch = read::last_batch(&connection)?;
        let mut counts: BTreeMap<String, u64> = read::counts(&connection)?;
        drop(connection);
        let refusals_in_file = counts.remove(REFUSALS).unwrap_or_default();
        let stats = StoreStats {
            events_in_file: counts.values().sum(),
            refusals_in_file,
            sequence,
            ..StoreStats::default()
        };
        Ok(Self {
            reader: Reader::new(database),
            last_batch,
            path,
            ring: Mutex::new(Ring::after(sequence)),
            head: watch::Sender::new(Head { sequence, ..Head::default() }),
            cursors,
            reached: Mutex::new(reached),
            stats: Mutex::new(stats),
            stop: CancellationToken::new(),
        })
    }

    /// Reads off the runtime's threads; a store in memory at once, so that virtual time stays true.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<R, Trouble> + Send + 'static,
    ) -> Result<R, Trouble> {
        if self.path.is_none() {
            return read(&self.reader);
        }
        let reader = self.reader.clone();
        let outcome = tokio::task::spawn_blocking(move || read(&reader)).await;
        outcome.unwrap_or_else(|error| Err(Trouble { kind: Kind::Other, cause: error.to_string() }))
    }

    #[cfg(test)]
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn watch_head(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    pub(crate) fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// Changes the end of the log and wakes who waits for it.
    pub(crate) fn move_head(&self, change: impl FnOnce(&mut Head)) {
        self.head.send_modify(change);
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }

    pub(crate) fn reached(&self) -> MutexGuard<'_, HashMap<InterestKey, Reached>> {
        lock(&self.reached)
    }

    /// The numbers that the keeper counts.
    pub(crate) fn counted(&self) -> MutexGuard<'_, StoreStats> {
        lock(&self.stats)
    }

    /// All numbers.
    pub(crate) fn stats(&self) -> StoreStats {
        let mut stats = self.counted().clone();
        stats.sequence = self.head().sequence;
        stats.size = self.path.as_deref().map(size);
        let consumers = self.cursors.all().into_iter();
        stats.consumers = consumers
            .map(|(name, cursor)| ConsumerStats { name: name.to_string(), cursor: cursor.sequence })
            .collect();
        stats
    }
}

/// Of the file and of its log of recent writes; what is not there has no size.
fn size(path: &Path) -> u64 {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let bytes = |path: PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    bytes(path.to_owned()).saturating_add(bytes(wal.into()))
}

/// Each field is whole at any moment, so a thread that panicked with a lock has spoiled nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
