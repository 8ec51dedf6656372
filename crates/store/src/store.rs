use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use eda_events::{
    Event, Genesis, Mailbox, Slot, Topic, WorkerName,
    log::{Closed, Entries, Interest},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    cursors::Start,
    home::Home,
    keeper::{Command, Keeper},
    pump::Pump,
    reader::{Covered, Decision, Hole, Reached, Reader, Stored, Unsettled},
    retention::Retention,
    shared::{Head, Shared},
    sqlite::{self, Database},
    stats::StoreStats,
    trouble::{OpenError, Trouble},
};

/// Keeps entries, and hands them out. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    /// Few are sent, and whoever sends one waits for its answer.
    commands: mpsc::UnboundedSender<Command>,
    pumps: TaskTracker,
    /// The keeper, if it is a task and not a thread.
    keeper: TaskTracker,
}

/// The settings of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What is kept for how long.
    pub retention: Retention,
}

/// Entries being kept.
#[derive(Debug)]
pub struct Keeping(oneshot::Receiver<()>);

// === impl Store ===

impl Store {
    /// Opens the file, and makes it if it is not there; its directory must be. Whatever a crash has left is put in
    /// order. One process at a time can have a file open.
    ///
    /// Starts a thread, which writes until the store is closed.
    ///
    /// # Errors
    /// When the file cannot be used, with what to do about it.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        let mut home = Home::take(path)?;
        let opened = connect(path).and_then(|opened| {
            home.watch()
                .map_err(|error| OpenError::Trouble { path: path.to_owned(), trouble: error.into() })?;
            Ok(opened)
        });
        let (database, shared) = opened.map_err(|error| home.explain_open(error))?;
        let (commands, asked) = mpsc::unbounded_channel();
        let keeper = Keeper::new(database, Arc::clone(&shared), settings.retention, asked, Some(home));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(OpenError::Thread)?;
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || runtime.block_on(keeper.run()))
            .map_err(OpenError::Thread)?;
        Ok(Self { shared, commands, pumps: TaskTracker::new(), keeper: TaskTracker::new() })
    }

    /// A store that lasts as long as its handles. It has no thread and does all its work as tasks of the runtime
    /// that this is called in, so that it can be used under virtual time.
    ///
    /// # Errors
    /// When the machine has no memory to give.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn in_memory(settings: Settings) -> Result<Self, OpenError> {
        let database = Database::new(sqlite::memory()?);
        let shared = load(database.clone(), None)?;
        let (commands, asked) = mpsc::unbounded_channel();
        let task = TaskTracker::new();
        task.spawn(Keeper::new(database, Arc::clone(&shared), settings.retention, asked, None).run());
        Ok(Self { shared, commands, pumps: TaskTracker::new(), keeper: task })
    }

    /// Opens the file for reading only, whether another process writes it or none does.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be used, with what to do about it.
    pub fn read(path: &Path) -> Result<Reader, OpenError> {
        Reader::open(path)
    }

    /// Keeps everything that is said into this queue, in order. If another queue is being kept, this one waits for
    /// its end.
    pub fn keep(&self, entries: Entries) -> Keeping {
        let (ended, end) = oneshot::channel();
        self.shared.move_head(Head::begin);
        // If the store is closed, the queue closes: who speaks into it is told.
        drop(self.commands.send(Command::Keep { entries, ended }));
        Keeping(end)
    }

    /// Everything of these topics from `start` on, in order and without a gap. An event may come twice, if the process
    /// ended before it was noted that the reader of this name had finished with it.
    ///
    /// The mailbox holds up to `capacity` events, and never more are waiting for a slow reader. It ends when all
    /// entries have been kept and were posted. Whoever read under this name until now reads no more.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn subscribe(
        &self,
        name: impl Into<Arc<str>>,
        topics: &[Topic],
        capacity: usize,
        start: Start,
    ) -> Mailbox<Arc<Event>> {
        let name = name.into();
        let (post, mailbox) = Mailbox::new(&*name, capacity.max(1));
        let begun = self.shared.cursors.begin(&name, start, self.shared.head().sequence);
        self.pumps.spawn(Pump::new(Arc::clone(&self.shared), name, begun, topics.to_vec(), post).run());
        mailbox
    }

    /// How far a worker has come with an interest; `None` if it never began.
    pub fn progress(&self, genesis: &Genesis, worker: WorkerName, interest: &Interest) -> Option<Reached> {
        self.shared.reached().get(&(genesis.clone(), worker, interest.clone())).copied()
    }

    /// How many slots of a chain are given up, by worker; one without any is absent.
    pub fn unproven(&self, genesis: &Genesis) -> BTreeMap<WorkerName, u64> {
        let mut unproven = BTreeMap::new();
        for ((chain, worker, _), reached) in self.shared.reached().iter() {
            if chain == genesis && reached.unproven > 0 {
                let count: &mut u64 = unproven.entry(*worker).or_default();
                *count = count.saturating_add(reached.unproven);
            }
        }
        unproven
    }

    /// As [`Reader::holes`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn holes(&self, genesis: &Genesis, worker: Option<WorkerName>) -> Result<Vec<Hole>, Trouble> {
        let genesis = genesis.clone();
        self.shared.read(move |reader| reader.holes(&genesis, worker)).await
    }

    /// As [`Reader::spans`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn spans(
        &self,
        genesis: &Genesis,
        worker: Option<WorkerName>,
    ) -> Result<Vec<Covered>, Trouble> {
        let genesis = genesis.clone();
        self.shared.read(move |reader| reader.spans(&genesis, worker)).await
    }

    /// As [`Reader::unsettled`].
    ///
    /// # Errors
    /// When the file cannot be read, or what is in it makes no sense.
    pub async fn unsettled(
        &self,
        genesis: &Genesis,
        up_to: Slot,
        most: usize,
    ) -> Result<Vec<Unsettled>, Trouble> {
        let genesis = genesis.clone();
        self.shared.read(move |reader| reader.unsettled(&genesis, up_to, most)).await
    }

    /// These events have been looked at at finality. Resolves when that is kept. A retraction that follows from it
    /// must be kept before.
    ///
    /// # Errors
    /// When the store was closed before: then they are looked at again after the next start.
    pub async fn settle(&self, genesis: &Genesis, sequences: &[u64]) -> Result<(), Closed> {
        let (done, settled) = oneshot::channel();
        let command = Command::Settle { genesis: genesis.clone(), sequences: sequences.to_vec(), done };
        drop(self.commands.send(command));
        settled.await.map_err(|_| Closed)
    }

    /// As [`Reader::why`].
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub async fn why(&self, text: &str) -> Result<Vec<Decision>, Trouble> {
        let text = text.to_owned();
        self.shared.read(move |reader| reader.why(&text)).await
    }

    /// As [`Reader::events_after`].
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub async fn events_after(&self, sequence: u64, most: usize) -> Result<Vec<Stored>, Trouble> {
        self.shared.read(move |reader| reader.events_after(sequence, most)).await
    }

    /// As [`Reader::statuses`].
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub async fn statuses(&self, genesis: &Genesis) -> Result<Vec<Event>, Trouble> {
        let genesis = genesis.clone();
        self.shared.read(move |reader| reader.statuses(&genesis)).await
    }

    /// The numbers so far.
    pub fn stats(&self) -> StoreStats {
        self.shared.stats()
    }

    /// Nobody speaks any more: what was said until now is kept and posted, and then the mailboxes end. Who speaks all
    /// the same is told that it is not heard.
    pub fn finish(&self) {
        drop(self.commands.send(Command::Finish));
    }

    /// What it reads from; in memory also what it writes to.
    #[cfg(test)]
    pub(crate) fn database(&self) -> &Database {
        self.shared.reader().database()
    }

    /// Keeps what was said until now and what the consumers have finished with, and closes the file. Mailboxes end
    /// where they are. While the disk fails this does not resolve; dropped, it loses nothing that was told to be
    /// kept.
    pub async fn close(self) {
        self.shared.stop.cancel();
        self.pumps.close();
        self.pumps.wait().await;
        let (closed, close) = oneshot::channel();
        drop(self.commands.send(Command::Close { closed }));
        drop(close.await);
        self.keeper.close();
        self.keeper.wait().await;
    }
}

// === impl Keeping ===

impl Keeping {
    /// Resolves when every [`eda_events::Log`] of the queue is gone, or the store is closed, and everything that was
    /// said is kept.
    ///
    /// # Errors
    /// When the store had been closed before.
    pub async fn ended(self) -> Result<(), Closed> {
        self.0.await.map_err(|_| Closed)
    }
}

/// What writes, and what reads.
fn connect(path: &Path) -> Result<(Database, Arc<Shared>), OpenError> {
    let writing = Database::new(sqlite::open(path)?);
    let reading = Database::new(sqlite::read_only(path)?);
    Ok((writing, load(reading, Some(path.to_owned()))?))
}

fn load(reading: Database, path: Option<PathBuf>) -> Result<Arc<Shared>, OpenError> {
    let named = path.clone().unwrap_or_else(|| PathBuf::from("the store in memory"));
    let loaded = Shared::load(reading, path);
    loaded.map(Arc::new).map_err(|error| OpenError::Trouble { path: named, trouble: error.into() })
}
