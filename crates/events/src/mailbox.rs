//! Queues between a publisher that never waits and one reader that may die and come back.
//!
//! Two queues, one way of reading:
//!
//! - `Mailbox` keeps every item up to its capacity, in order. What does not fit leaves a gap marker at its place
//!   in the order, so that a slow reader learns what it missed and where, and delays nobody.
//! - `Latest` keeps only the newest state per key, in the order in which the keys first arrived.
//!
//! What a reader takes is *in hand* until it calls `done`, and the queue outlives the reader: an incarnation that
//! ends without `done` leaves the item for the next one. When it ended because it failed, the supervisor says so
//! through `Input::blame`; an item blamed twice is poison and goes into quarantine.
//!
//! Not responsible for: filling gaps, restarting readers, or keeping anything over the end of the process.

/// Every item in order, up to a capacity.
mod fifo;
/// The newest state per key.
mod newest;
/// What both have in common: handing over, blame, quarantine, closing.
mod reader;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use fifo::{Delivery, Fifo, Posted};
pub use newest::Newest;
pub use reader::{QUARANTINE_KEPT, Queue, Reader, Writer};

/// The reading end of a bounded queue of items in order. A clone is the same mailbox.
pub type Mailbox<T> = Reader<Fifo<T>>;

/// The publishing end of a [`Mailbox`].
pub type Post<T> = Writer<Fifo<T>>;

/// The reading end of a queue that keeps the newest state per key. A clone is the same queue.
pub type Latest<K, T> = Reader<Newest<K, T>>;

/// The publishing end of a [`Latest`].
pub type LatestPost<K, T> = Writer<Newest<K, T>>;

/// A worker's input as its supervisor sees it, whatever travels through it.
pub trait Input: Send + Sync {
    /// The reader failed (panic, error, abort): decides what becomes of the item it had in hand.
    fn blame(&self, reason: &str) -> Verdict;

    /// The numbers of this input so far.
    fn stats(&self) -> InputStats;

    /// The last [`QUARANTINE_KEPT`] entries put into quarantine, oldest first.
    fn quarantine(&self) -> Vec<Quarantined>;
}

/// What became of the item a failed reader had in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was in hand: the failure had another cause.
    Nothing,
    /// It gets a second chance: the next incarnation receives it first.
    WillRedeliver,
    /// It had its second chance: it will not be delivered again.
    Quarantined {
        /// What it is, in its own words.
        item: String,
    },
}

/// An entry that failed its reader twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// What it is, in its own words.
    pub item: String,
    /// Why the reader failed the second time.
    pub reason: String,
}

/// The numbers of one input. Of the items ever posted, each is in exactly one of `queued`, `delivered`, `missed`,
/// `coalesced` and `quarantined`, unless the publisher took it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputStats {
    /// The input's name, from whoever made it.
    pub name: String,
    /// Items waiting, and the one in hand.
    pub queued: usize,
    /// Items the reader has finished with.
    pub delivered: u64,
    /// Items that did not fit, or that the publisher itself knows it lost; the reader was told by gap markers.
    pub missed: u64,
    /// States replaced by a newer one of the same key before they were read.
    pub coalesced: u64,
    /// Entries in quarantine. A gap marker can get there too.
    pub quarantined: u64,
    /// How long the oldest entry, waiting or in hand, has been here.
    pub oldest: Option<Duration>,
}
