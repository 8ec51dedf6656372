use std::{collections::BTreeMap, path::Path};

use eda_events::{
    Event, Genesis, Refusal, Signature, Slot, WorkerName,
    log::{How, Interest, Span},
};
use jiff::Timestamp;

use crate::{
    sqlite::{self, Database, read},
    subjects,
    trouble::{Kind, OpenError, Trouble},
};

/// How many decisions [`Reader::why`] returns at most: the newest.
pub const WHY_LIMIT: usize = 1_000;

/// Reads what a store has kept, while another process writes it or nobody does. Blocks the thread.
#[derive(Clone, Debug)]
pub struct Reader {
    database: Database,
}

/// How far a worker has come with an interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The last slot that was not wanted.
    pub begins_after: Slot,
    /// The last slot that is done with.
    pub to: Slot,
    /// How many of the slots until then are given up.
    pub unproven: u64,
}

/// Slots that were given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Whose they are.
    pub worker: WorkerName,
    /// What was wanted of them.
    pub interest: Interest,
    /// The first.
    pub from: Slot,
    /// The last.
    pub to: Slot,
    /// Why nobody could prove that nothing is missing.
    pub reason: String,
    /// When they were given up.
    pub since: Timestamp,
}

/// Slots, and how their content became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Whose they are.
    pub worker: WorkerName,
    /// What was wanted of them.
    pub interest: Interest,
    /// Which, and how.
    pub span: Span,
    /// When the first of them was said to be done with.
    pub since: Timestamp,
}

/// An event whose transaction has to be looked at again once its slot is final.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsettled {
    /// Its place in the log.
    pub sequence: u64,
    /// The slot it was seen in.
    pub slot: Slot,
    /// The transaction.
    pub signature: Signature,
    /// The event.
    pub event: Event,
}

/// An event and its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its place.
    pub sequence: u64,
    /// The chain it is about.
    pub genesis: Genesis,
    /// The event.
    pub event: Event,
}

/// Something a worker decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// On which chain.
    pub genesis: Genesis,
    /// Who; absent if the event does not say.
    pub worker: Option<WorkerName>,
    /// The slot of the fact that was judged.
    pub slot: Option<Slot>,
    /// The id of the event, of the one it would have been, or of the one it answers.
    pub id: String,
    /// What.
    pub what: What,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// To say this.
    Said(Box<Event>),
    /// Not to.
    Refused {
        /// The rule that refused.
        rule: String,
        /// The value it looked at.
        seen: String,
        /// What it would have had to be.
        bound: String,
    },
}

// === impl Reader ===

impl Reader {
    /// Opens the file for reading only.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::new(Database::new(sqlite::read_only(path)?)))
    }

    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Up to `most` events that follow on a sequence (0 for the first), in order.
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub fn events_after(&self, sequence: u64, most: usize) -> Result<Vec<Stored>, Trouble> {
        read::events_after(&self.database.lock(), sequence, most)?.into_iter().map(stored).collect()
    }

    /// The slots given up on a chain, of one worker or of all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn holes(&self, genesis: &Genesis, worker: Option<WorkerName>) -> Result<Vec<Hole>, Trouble> {
        let given_up = read::spans(&self.database.lock(), genesis, worker, true)?;
        let hole = |Covered { worker, interest, span: Span { from, to, how }, since }| match how {
            How::Unproven(reason) => Some(Hole { worker, interest, from, to, reason, since }),
            How::Live | How::Filled | How::Sampled => None,
        };
        Ok(given_up.into_iter().filter_map(hole).collect())
    }

    /// How the content of slots became known, of one worker or of all, in order of worker, interest and slot.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spans(&self, genesis: &Genesis, worker: Option<WorkerName>) -> Result<Vec<Covered>, Trouble> {
        Ok(read::spans(&self.database.lock(), genesis, worker, false)?)
    }

    /// Up to `most` events that were said before their slot was final and have not been looked at since, of slots up
    /// to `up_to`, in order of slot.
    ///
    /// # Errors
    /// When the file cannot be read, or what is in it makes no sense.
    pub fn unsettled(&self, genesis: &Genesis, up_to: Slot, most: usize) -> Result<Vec<Unsettled>, Trouble> {
        let rows = read::unsettled(&self.database.lock(), genesis, up_to, most)?;
        let unsettled = |(row, slot, signature): (read::EventRow, Slot, String)| {
            let signature = signature.parse().map_err(|error| unreadable(format!("{signature}: {error}")))?;
            let Stored { sequence, event, .. } = stored(row)?;
            Ok(Unsettled { sequence, slot, signature, event })
        };
        rows.into_iter().map(unsettled).collect()
    }

    /// Everything that was decided about a signature, a mint, another address or an event's id, in order of time:
    /// events with that id or about that name, refusals of them, and what the refusals of those events say. At most
    /// the newest [`WHY_LIMIT`].
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub fn why(&self, text: &str) -> Result<Vec<Decision>, Trouble> {
        let connection = self.database.lock();
        let mut decisions = Vec::new();
        let mut refusals = BTreeMap::new();
        let mut refused = |about: &str| {
            let rows = read::refusals_about(&connection, about, WHY_LIMIT)?;
            refusals.extend(rows.into_iter().map(|row| (row.number, row)));
            Ok::<_, Trouble>(())
        };
        refused(text)?;
        for row in read::events_about(&connection, text, WHY_LIMIT)? {
            let said = Decision::from(stored(row)?);
            refused(&said.id)?;
            decisions.push(said);
        }
        drop(connection);
        decisions.extend(refusals.into_values().map(Decision::from));
        decisions.sort_by_key(|decision| decision.at);
        decisions.drain(..decisions.len().saturating_sub(WHY_LIMIT));
        Ok(decisions)
    }

    /// The chains that some worker has followed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn chains(&self) -> Result<Vec<Genesis>, Trouble> {
        Ok(read::chains(&self.database.lock())?)
    }

    /// The last status of each worker on a chain.
    ///
    /// # Errors
    /// When the file cannot be read, or an event in it makes no sense.
    pub fn statuses(&self, genesis: &Genesis) -> Result<Vec<Event>, Trouble> {
        read::statuses(&self.database.lock(), genesis)?.iter().map(|json| event(json)).collect()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

fn stored(row: read::EventRow) -> Result<Stored, Trouble> {
    Ok(Stored { sequence: row.sequence, genesis: row.genesis, event: event(&row.json)? })
}

pub(crate) fn event(json: &str) -> Result<Event, Trouble> {
    serde_json::from_str(json).map_err(|error| unreadable(format!("{error}: {json}")))
}

fn unreadable(cause: String) -> Trouble {
    Trouble { kind: Kind::Unreadable, cause }
}

impl From<Stored> for Decision {
    fn from(stored: Stored) -> Self {
        let event = stored.event;
        Self {
            at: event.timestamp,
            genesis: stored.genesis,
            worker: subjects::speaker(&event),
            slot: event.source.as_ref().map(|source| source.slot),
            id: event.id.to_string(),
            what: What::Said(Box::new(event)),
        }
    }
}

impl From<read::RefusalRow> for Decision {
    fn from(row: read::RefusalRow) -> Self {
        let Refusal { worker, subject, rule, seen, bound, slot, at } = row.refusal;
        let what = What::Refused { rule: rule.into_owned(), seen, bound };
        Self { at, genesis: row.genesis, worker: Some(worker), slot, id: subject, what }
    }
}
