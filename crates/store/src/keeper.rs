use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use eda_events::{Genesis, log::Entries};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    commit::{self, Batch, Became, Failed, Ready, ReadyToSay},
    home::Home,
    retention::{self, Retention},
    shared::{Head, Shared},
    sqlite::{self, Database},
    trouble::{Kind, Trouble},
};

/// How many entries are written together at most.
const BATCH: usize = 1_024;

/// How long a cursor that has moved may wait to be stored.
const CURSORS_EVERY: Duration = Duration::from_millis(500);

/// The first pause after a failed attempt to write; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a store's handles ask of its keeper.
#[derive(Debug)]
pub(crate) enum Command {
    /// To keep these, and to say when they have ended and all of them are kept.
    Keep { entries: Entries, ended: oneshot::Sender<()> },
    /// To note that these events need not be looked at again, and to say when that is kept.
    Settle { genesis: Genesis, sequences: Vec<u64>, done: oneshot::Sender<()> },
    /// To take no more into the queues, and to end them when they are empty.
    Finish,
    /// To write what was said so far, to take no more, and to close the file.
    Close { closed: oneshot::Sender<()> },
}

/// The one who writes: takes whatever waits, writes it together, and tells.
#[derive(Debug)]
pub(crate) struct Keeper {
    database: Database,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    retention: Retention,
    /// The queues to empty, one after the other.
    queues: VecDeque<(Entries, oneshot::Sender<()>)>,
    /// The number of the last batch.
    batch: u64,
    /// Whether some cursor has moved since they were stored.
    cursors_moved: bool,
    /// When they may be stored again.
    cursors_due: Instant,
    retention_due: Instant,
    closing: Option<oneshot::Sender<()>>,
    /// Kinds of trouble that were logged since something was last written.
    logged: HashSet<Kind>,
    /// `None` if the store is in memory.
    home: Option<Home>,
}

/// What there is to do next.
enum Next {
    Write(Batch, Vec<oneshot::Sender<()>>),
    Tidy,
    End,
}

// === impl Keeper ===

impl Keeper {
    pub(crate) fn new(
        database: Database,
        shared: Arc<Shared>,
        retention: Retention,
        commands: mpsc::UnboundedReceiver<Command>,
        home: Option<Home>,
    ) -> Self {
        Self {
            database,
            batch: shared.last_batch,
            shared,
            commands,
            retention,
            queues: VecDeque::new(),
            cursors_moved: false,
            cursors_due: Instant::now(),
            retention_due: Instant::now() + retention::FIRST,
            closing: None,
            logged: HashSet::new(),
            home,
        }
    }

    /// Until the store is closed, or every handle of it is gone and everything was said and kept.
    pub(crate) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Write(batch, done) => {
                    self.write(batch).await;
                    done.into_iter().for_each(tell);
                }
                Next::Tidy => self.tidy(),
                Next::End => break,
            }
        }
        let cursors = self.shared.cursors.unstored();
        if !cursors.is_empty() {
            self.write(Batch { cursors, ..Batch::default() }).await;
        }
        if let Err(error) = sqlite::fold(&self.database.lock()) {
            tracing::warn!(%error, "what was last written stays beside the store's file until the next start");
        }
        let closing = self.closing.take();
        drop(self);
        if let Some(closing) = closing {
            tell(closing);
        }
    }

    /// Waits until there is something to do.
    async fn next(&mut self) -> Next {
        let mut batch = Batch::default();
        let mut done = Vec::new();
        let mut entries = Vec::new();
        loop {
            let queue = self.queues.front_mut().map(|(entries, _)| entries);
            let is_open = !self.commands.is_closed() || !self.commands.is_empty();
            if self.retention_due <= Instant::now() {
                return Next::Tidy;
            }
            if queue.is_none() && (self.closing.is_some() || !is_open) {
                return Next::End;
            }
            tokio::select! {
                biased;
                command = self.commands.recv(), if is_open && self.closing.is_none() => match command {
                    None => continue,
                    Some(Command::Keep { entries, ended }) => {
                        self.queues.push_back((entries, ended));
                        continue;
                    }
                    Some(Command::Settle { genesis, sequences, done: settled }) => {
                        batch.settled.extend(sequences.into_iter().map(|sequence| (genesis.clone(), sequence)));
                        done.push(settled);
                    }
                    Some(Command::Finish) => {
                        self.queues.iter_mut().for_each(|(entries, _)| entries.close());
                        continue;
                    }
                    Some(Command::Close { closed }) => {
                        self.queues.iter_mut().for_each(|(entries, _)| entries.close());
                        self.closing = Some(closed);
                        continue;
                    }
                },
                count = take(queue, &mut entries) => if count == 0 {
                    self.end_queue();
                    continue;
                },
                () = self.shared.cursors.moved.notified() => {
                    self.cursors_moved = true;
                    continue;
                }
                () = sleep_until(self.cursors_due), if self.cursors_moved => {}
                () = sleep_until(self.retention_due) => continue,
            }
            batch.entries.extend(entries.drain(..).filter_map(|entry| {
                let ready = Ready::from_entry(entry);
                ready.inspect_err(|cause| self.unkeepable("no-json", cause)).ok()
            }));
            if self.cursors_due <= Instant::now() {
                batch.cursors = self.shared.cursors.unstored();
                self.cursors_moved = false;
                self.cursors_due = Instant::now() + CURSORS_EVERY;
            }
            return Next::Write(batch, done);
        }
    }

    /// The first queue has ended, and everything from it is written.
    fn end_queue(&mut self) {
        if let Some((_, ended)) = self.queues.pop_front() {
            self.shared.move_head(Head::end);
            tell(ended);
        }
    }

    /// Writes the batch, however often that has to be tried.
    async fn write(&mut self, mut batch: Batch) {
        self.batch = self.batch.saturating_add(1);
        self.shared.counted().in_hand = batch.entries.len();
        let mut in_doubt = None;
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            let there = self.home.as_ref().map_or(Ok(()), Home::check).map_err(Failed::Trouble);
            let written =
                there.and_then(|()| commit::commit(&self.database, self.batch, &batch, &mut in_doubt));
            match written {
                Ok(outcome) => break outcome,
                Err(Failed::Unkeepable { entry, cause }) => {
                    let entry = batch.entries.remove(entry);
                    self.unkeepable("refused-by-the-backend", &format!("{}: {cause}", entry.describe()));
                    in_doubt = None;
                }
                Err(Failed::Trouble(trouble)) => {
                    self.note(trouble);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        self.written(batch, outcome);
    }

    /// The batch is on the disk: says so to everyone.
    fn written(&mut self, batch: Batch, outcome: commit::Outcome) {
        if !self.logged.is_empty() {
            self.logged.clear();
            tracing::info!("the store can be written again");
        }
        self.shared.cursors.note_stored(&batch.cursors);
        self.shared.reached().extend(outcome.reached);
        let mut head = None;
        let mut stats = self.shared.counted();
        stats.failing = None;
        stats.in_hand = 0;
        stats.last_commit = Some(Timestamp::now());
        for (entry, became) in batch.entries.iter().zip(&outcome.entries) {
            match (&entry.said, became) {
                (ReadyToSay::Event { event, .. }, Became::Logged(sequence)) => {
                    increment(stats.events.entry(event.topic()).or_default());
                    increment(&mut stats.events_in_file);
                    self.shared.ring().push(*sequence, Arc::clone(event));
                    head = Some(*sequence);
                }
                (ReadyToSay::Event { .. }, Became::Known) => increment(&mut stats.duplicates),
                (ReadyToSay::Refusal(_), Became::Kept) => {
                    increment(&mut stats.refusals);
                    increment(&mut stats.refusals_in_file);
                }
                (_, Became::Broken(broken)) => {
                    increment(stats.unkeepable.entry(broken.as_str()).or_default());
                    tracing::error!(what = entry.describe(), reason = %broken, "progress cannot be kept");
                }
                (_, Became::Logged(_) | Became::Known | Became::Kept) => {}
            }
        }
        drop(stats);
        if let Some(sequence) = head {
            self.shared.move_head(|head| head.sequence = sequence);
        }
        for (entry, became) in batch.entries.into_iter().zip(outcome.entries) {
            if let (ReadyToSay::Event { told, .. }, Some(kept)) = (entry.said, became.told()) {
                told.tell(kept);
            }
        }
    }

    /// Deletes some of what is old enough.
    fn tidy(&mut self) {
        let tidied = retention::tidy(&self.database, &self.retention, &self.shared.cursors, Timestamp::now());
        let pause = match tidied {
            Ok(tidied) => {
                for consumer in &tidied.forgotten {
                    tracing::warn!(
                        consumer,
                        "a consumer has not read for so long that nothing is kept for it any more"
                    );
                    self.shared.cursors.forget(consumer);
                }
                let mut stats = self.shared.counted();
                stats.events_in_file = stats.events_in_file.saturating_sub(tidied.events);
                stats.refusals_in_file = stats.refusals_in_file.saturating_sub(tidied.refusals);
                if tidied.more { retention::SOON } else { retention::EVERY }
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "what is too old in the store cannot be deleted now");
                retention::EVERY
            }
        };
        self.retention_due = Instant::now() + pause;
    }

    fn note(&mut self, trouble: Trouble) {
        let trouble = match &self.home {
            Some(home) => home.explain(trouble),
            None => trouble,
        };
        if self.logged.insert(trouble.kind) {
            tracing::error!(%trouble, "the store cannot be written: workers wait until it can");
        }
        self.shared.counted().failing = Some(trouble.to_string());
    }

    fn unkeepable(&self, reason: &'static str, cause: &str) {
        tracing::error!(cause, "an entry cannot be kept");
        increment(self.shared.counted().unkeepable.entry(reason).or_default());
    }
}

/// What waits in the queue; 0 when it has ended. Never, if there is no queue.
async fn take(queue: Option<&mut Entries>, into: &mut Vec<eda_events::log::Entry>) -> usize {
    match queue {
        Some(queue) => queue.recv_many(into, BATCH).await,
        None => std::future::pending().await,
    }
}

/// Tells whoever still wants to hear it.
fn tell(waiting: oneshot::Sender<()>) {
    waiting.send(()).ok();
}

fn increment(count: &mut u64) {
    *count = count.saturating_add(1);
}
