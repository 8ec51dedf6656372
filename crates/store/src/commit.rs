#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::Arc,
};

use eda_events::{
    Commitment, Data, Event, Genesis, Progress, Refusal, WorkerName,
    log::{Entry, Interest, Kept, Said, Told},
};
use jiff::Timestamp;

use crate::{
    coverage::{Broken, Coverage},
    reader::Reached,
    sqlite::{self, Database, Transaction},
    subjects,
    trouble::Trouble,
};

/// The row that counts refusals.
pub(crate) const REFUSALS: &str = "refusals";

/// What is written together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// What workers said, in order.
    pub(crate) entries: Vec<Ready>,
    /// Events that need not be looked at again.
    pub(crate) settled: Vec<(Genesis, u64)>,
    /// Up to where consumers have read.
    pub(crate) cursors: Vec<(Arc<str>, u64)>,
}

/// An entry, ready to be written, as often as it takes.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) genesis: Genesis,
    pub(crate) said: ReadyToSay,
}

#[derive(Debug)]
pub(crate) enum ReadyToSay {
    Event { event: Arc<Event>, json: String, told: Told },
    Refusal(Refusal),
    Progress { worker: WorkerName, interest: Interest, progress: Progress },
}

/// The key of an interest.
pub(crate) type InterestKey = (Genesis, WorkerName, Interest);

/// What a committed batch has changed.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// For each entry, in order.
    pub(crate) entries: Vec<Became>,
    /// How far the interests have come that were spoken of.
    pub(crate) reached: Vec<(InterestKey, Reached)>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// It is an event, and has this sequence.
    Logged(u64),
    /// It is kept.
    Kept,
    /// It was there already.
    Known,
    /// It cannot be.
    Broken(Broken),
}

/// Why a batch is not known to be written.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It may be tried again.
    Trouble(Trouble),
    /// It was not, and never will be with this entry in it.
    Unkeepable { entry: usize, cause: String },
}

/// Writes the batch in one transaction. `in_doubt` is what an attempt has changed of which nobody knows whether it
/// was written: if it was, it is not written again.
pub(crate) fn commit(
    database: &Database,
    number: u64,
    batch: &Batch,
    in_doubt: &mut Option<Outcome>,
) -> Result<Outcome, Failed> {
    let mut connection = database.lock();
    let transaction = Transaction::begin(&mut connection)?;
    if in_doubt.is_some()
        && transaction.last_batch()? == number
        && let Some(outcome) = in_doubt.take()
    {
        return Ok(outcome);
    }
    transaction.number_batch(number)?;
    let outcome = Writing::new(&transaction).write(batch)?;
    match transaction.commit() {
        Ok(()) => Ok(outcome),
        Err(error) => {
            *in_doubt = Some(outcome);
            Err(error.into())
        }
    }
}

/// A batch on its way into a transaction.
struct Writing<'a> {
    transaction: &'a Transaction<'a>,
    now: Timestamp,
    chains: HashMap<Genesis, i64>,
    /// The interests spoken of in this batch. Their rows are written at its end: an interest may be spoken of often.
    interests: HashMap<InterestKey, Touched>,
    /// Rows added, by kind.
    counts: BTreeMap<&'static str, i64>,
}

/// An interest in the course of a batch.
#[derive(Debug, Default)]
struct Touched {
    /// Its row, if it had one before the batch.
    row: Option<i64>,
    before: Option<Coverage>,
    now: Option<Coverage>,
}

// === impl Ready ===

impl Ready {
    /// Puts an event into JSON. `Err` says why that cannot be done.
    pub(crate) fn from_entry(Entry { genesis, said }: Entry) -> Result<Self, String> {
        let said = match said {
            Said::Event { event, told } => {
                let json = serde_json::to_string(&event).map_err(|error| format!("{event}: {error}"))?;
                ReadyToSay::Event { event: Arc::from(event), json, told }
            }
            Said::Refusal(refusal) => ReadyToSay::Refusal(refusal),
            Said::Progress { worker, interest, progress } => {
                ReadyToSay::Progress { worker, interest, progress }
            }
        };
        Ok(Self { genesis, said })
    }

    /// What it is, for a log line.
    pub(crate) fn describe(&self) -> String {
        match &self.said {
            ReadyToSay::Event { event, .. } => event.to_string(),
            ReadyToSay::Refusal(refusal) => format!("refusal of {} by {}", refusal.subject, refusal.rule),
            ReadyToSay::Progress { worker, interest, progress } => {
                format!("progress of {worker} with {interest}: {progress:?}")
            }
        }
    }
}

// === impl Writing ===

impl<'a> Writing<'a> {
    fn new(transaction: &'a Transaction<'a>) -> Self {
        Self {
            transaction,
            now: Timestamp::now(),
            chains: HashMap::new(),
            interests: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn write(mut self, batch: &Batch) -> Result<Outcome, Failed> {
        let mut outcome = Outcome::default();
        for (index, entry) in batch.entries.iter().enumerate() {
            outcome.entries.push(self.entry(entry).map_err(|error| blame(index, error))?);
        }
        for (genesis, sequence) in &batch.settled {
            let chain = self.chain(genesis)?;
            self.transaction.settle(chain, *sequence)?;
        }
        for (consumer, sequence) in &batch.cursors {
            self.transaction.put_cursor(consumer, *sequence, self.now)?;
        }
        for (what, more) in &self.counts {
            self.transaction.count(what, *more)?;
        }
        for (key, touched) in std::mem::take(&mut self.interests) {
            if let Some(reached) = self.put(&key, &touched)? {
                outcome.reached.push((key, reached));
            }
        }
        Ok(outcome)
    }

    fn entry(&mut self, entry: &Ready) -> sqlite::Result<Became> {
        match &entry.said {
            ReadyToSay::Event { event, json, .. } => self.event(&entry.genesis, event, json),
            ReadyToSay::Refusal(refusal) => {
                let chain = self.chain(&entry.genesis)?;
                if !self.transaction.add_refusal(chain, refusal)? {
                    return Ok(Became::Known);
                }
                self.count(REFUSALS);
                Ok(Became::Kept)
            }
            ReadyToSay::Progress { worker, interest, progress } => {
                let key = (entry.genesis.clone(), *worker, interest.clone());
                self.progress(key, progress)
            }
        }
    }

    fn event(&mut self, genesis: &Genesis, event: &Event, json: &str) -> sqlite::Result<Became> {
        let chain = self.chain(genesis)?;
        let unsettled = event
            .source
            .as_ref()
            .filter(|source| source.commitment < Commitment::Finalized)
            .and_then(|source| source.signature)
            .map(|signature| signature.to_string());
        let Some(sequence) = self.transaction.add_event(chain, event, unsettled.as_deref(), json)? else {
            return Ok(Became::Known);
        };
        for subject in subjects::of(event) {
            self.transaction.add_subject(&subject, sequence)?;
        }
        if let Data::WorkerStatus(status) = &event.data {
            self.transaction.put_status(chain, status.worker_name, event.timestamp, json)?;
        }
        self.count(event.topic().as_str());
        Ok(Became::Logged(sequence))
    }

    fn progress(&mut self, key: InterestKey, progress: &Progress) -> sqlite::Result<Became> {
        // Its rows are written at the end, when nobody could say which entry was to blame.
        sqlite::signed(match progress {
            Progress::Begins { after } => after.0,
            Progress::Reached(span) | Progress::Mended(span) => span.to.0.max(span.from.0),
        })?;
        let chain = self.chain(&key.0)?;
        let touched = match self.interests.entry(key) {
            hash_map::Entry::Occupied(touched) => touched.into_mut(),
            hash_map::Entry::Vacant(place) => {
                let (_, worker, interest) = place.key();
                let touched = Touched::load(self.transaction.interest(chain, *worker, interest)?);
                place.insert(touched)
            }
        };
        touched.load_from(self.transaction, progress)?;
        let taken = match (&mut touched.now, progress) {
            (Some(coverage), progress) => coverage.take(progress, self.now),
            (now @ None, Progress::Begins { after }) => {
                *now = Some(Coverage::begin(*after));
                Ok(())
            }
            (None, Progress::Reached(_) | Progress::Mended(_)) => Err(Broken::NotBegun),
        };
        Ok(taken.map_or_else(Became::Broken, |()| Became::Kept))
    }

    /// Writes what the batch has changed of an interest.
    fn put(&self, key: &InterestKey, touched: &Touched) -> Result<Option<Reached>, Failed> {
        let Some(now) = &touched.now else { return Ok(None) };
        let row = match touched.row {
            Some(row) => {
                self.transaction.put_reached(row, now.reached_to)?;
                row
            }
            None => {
                let chain = self.chains.get(&key.0).copied().unwrap_or_default();
                self.transaction.add_interest(chain, key.1, &key.2, now)?
            }
        };
        let before = touched.before.as_ref().map_or(&[][..], |before| &before.stretches);
        for gone in before.iter().filter(|old| now.stretches.iter().all(|new| new.span.from != old.span.from))
        {
            self.transaction.remove_stretch(row, gone.span.from)?;
        }
        for new in now.stretches.iter().filter(|new| !before.contains(new)) {
            self.transaction.put_stretch(row, new)?;
        }
        let unproven = self.transaction.unproven(row)?;
        Ok(Some(Reached { begins_after: now.begins_after, to: now.reached_to, unproven }))
    }

    fn chain(&mut self, genesis: &Genesis) -> sqlite::Result<i64> {
        if let Some(chain) = self.chains.get(genesis) {
            return Ok(*chain);
        }
        let chain = self.transaction.chain(genesis)?;
        self.chains.insert(genesis.clone(), chain);
        Ok(chain)
    }

    fn count(&mut self, what: &'static str) {
        let count = self.counts.entry(what).or_default();
        *count = count.saturating_add(1);
    }
}

/// An error while an entry was written: the entry's fault, or the disk's.
fn blame(entry: usize, error: rusqlite::Error) -> Failed {
    if sqlite::is_unkeepable(&error) {
        Failed::Unkeepable { entry, cause: error.to_string() }
    } else {
        Failed::Trouble(error.into())
    }
}

// === impl Touched ===

impl Touched {
    /// Without its stretches.
    fn load(row: Option<sqlite::InterestRow>) -> Self {
        let coverage = row.map(|row| Coverage {
            begins_after: row.begins_after,
            reached_to: row.reached_to,
            stretches: Vec::new(),
        });
        Self { row: row.map(|row| row.number), before: coverage.clone(), now: coverage }
    }

    /// Loads the stretches that taking this progress needs, those that are not here yet.
    fn load_from(&mut self, transaction: &Transaction<'_>, progress: &Progress) -> sqlite::Result<()> {
        let (Some(row), Some(before), Some(now)) = (self.row, &mut self.before, &mut self.now) else {
            return Ok(());
        };
        let Some(needed) = Coverage::needed_from(progress) else { return Ok(()) };
        let here = before.stretches.first().map(|first| first.span.from);
        if here.is_some_and(|here| here <= needed) {
            return Ok(());
        }
        let earlier = transaction.stretches(row, needed, here)?;
        before.stretches.splice(0..0, earlier.iter().cloned());
        now.stretches.splice(0..0, earlier);
        Ok(())
    }
}

// === impl Failed ===

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Trouble(error.into())
    }
}

// === impl Became ===

impl Became {
    /// What is told to whoever said an event; `None` if it is not kept.
    pub(crate) fn told(&self) -> Option<Kept> {
        match self {
            Self::Logged(_) | Self::Kept => Some(Kept::New),
            Self::Known => Some(Kept::Duplicate),
            Self::Broken(_) => None,
        }
    }
}
