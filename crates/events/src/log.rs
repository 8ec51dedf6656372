//! What workers say, in the order in which they say it, on its way to what keeps it.
//!
//! A worker never writes: it says an event, a refusal, or how far it has come, and goes on. The keeper at the other
//! end writes entries in this order and several at once, so whatever is kept of one worker is a beginning of what it
//! said: an event is never missing where the progress that covers it is there.
//!
//! The queue between them is bounded. While the keeper cannot write, workers wait, and with them their inputs.

use std::fmt;

use tokio::sync::mpsc;

use crate::{
    event::Event,
    primitives::{Genesis, Slot, WorkerName},
    refusal::Refusal,
};

/// How many entries may wait for the keeper before whoever speaks has to wait.
pub const QUEUE: usize = 4_096;

/// One thing said.
#[derive(Debug)]
pub struct Entry {
    /// The chain it is about.
    pub genesis: Genesis,
    /// What was said.
    pub said: Said,
}

/// What can be said.
#[derive(Debug)]
pub enum Said {
    /// A fact or a decision. `told` hears what became of it.
    Event {
        /// The event.
        event: Box<Event>,
        /// Called once the event is kept, or known to have been kept before.
        told: Told,
    },
    /// A candidate that became no event.
    Refusal(Refusal),
    /// How far a worker has come with one of its interests.
    Progress {
        /// Whose progress it is.
        worker: WorkerName,
        /// With what.
        interest: Interest,
        /// How far.
        progress: Progress,
    },
}

/// Names one of a worker's interests for ever, such as `transactions:<address>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest(std::sync::Arc<str>);

/// How far a worker has come with an interest. Everything it had to say about the slots has been said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It begins after this slot, and nothing before is asked for. Said before anything else about the interest.
    Begins {
        /// The last slot that is not wanted.
        after: Slot,
    },
    /// It has come to the end of these slots, which follow on what was reached before.
    Reached(Span),
    /// These slots, given up earlier, have been read after all.
    Mended(Span),
}

/// A stretch of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Slot,
    /// The last.
    pub to: Slot,
    /// How its content became known.
    pub how: How,
}

/// How the content of slots became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// As it happened.
    Live,
    /// Read afterwards, to close a gap or to catch up.
    Filled,
    /// Only in part, because the plan does not carry more.
    Sampled,
    /// Not: nobody could prove that nothing is missing. Why, in words.
    Unproven(String),
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new, and kept.
    New,
    /// Its id was kept before.
    Duplicate,
}

/// Whoever wants to hear what became of an event.
pub struct Told(Option<Box<dyn FnOnce(Kept) + Send>>);

/// The speaking end. Clones speak into the same queue.
#[derive(Clone, Debug)]
pub struct Log {
    entries: mpsc::Sender<Entry>,
}

/// The keeper's end.
pub type Entries = mpsc::Receiver<Entry>;

/// Room for one entry, held until it is used.
#[derive(Debug)]
pub struct Room<'a>(mpsc::Permit<'a, Entry>);

/// Nobody keeps what is said any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event log is closed")]
pub struct Closed;

// === impl Log ===

impl Log {
    /// A log whose queue holds `capacity` entries. When the last clone of it is dropped, the keeper has heard all.
    pub fn new(capacity: usize) -> (Self, Entries) {
        let (entries, kept) = mpsc::channel(capacity);
        (Self { entries }, kept)
    }

    /// Waits for room for one entry.
    ///
    /// # Errors
    /// When nobody keeps entries any more.
    pub async fn room(&self) -> Result<Room<'_>, Closed> {
        self.entries.reserve().await.map(Room).map_err(|_| Closed)
    }

    /// Room for one entry if there is some now. `None` also when nobody keeps entries any more.
    pub fn room_now(&self) -> Option<Room<'_>> {
        self.entries.try_reserve().ok().map(Room)
    }

    /// How many entries wait for the keeper.
    pub fn waiting(&self) -> usize {
        self.entries.max_capacity() - self.entries.capacity()
    }
}

// === impl Room ===

impl Room<'_> {
    /// Says it. Never waits.
    pub fn say(self, entry: Entry) {
        self.0.send(entry);
    }
}

// === impl Told ===

impl Told {
    /// Nobody wants to hear it.
    pub fn nobody() -> Self {
        Self(None)
    }

    /// Calls `hear`, on the keeper's thread; it must not wait.
    pub fn by(hear: impl FnOnce(Kept) + Send + 'static) -> Self {
        Self(Some(Box::new(hear)))
    }

    /// Tells.
    pub fn tell(self, kept: Kept) {
        if let Some(hear) = self.0 {
            hear(kept);
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

// === impl Interest, How ===

impl Interest {
    /// The interest with this name.
    pub fn named(name: impl Into<std::sync::Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl How {
    /// The label in the store, metrics and reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Filled => "filled",
            Self::Sampled => "sampled",
            Self::Unproven(_) => "unproven",
        }
    }
}
