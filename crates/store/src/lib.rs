//! Keeps what must not be lost: the event log, how far each worker has come with each interest, why candidates were
//! refused, and how far each consumer has read.
//!
//! Workers say entries into the queue of [`eda_events::Log`]. A [`Store`] takes whatever waits there together, writes
//! it in the order in which it was said, in one transaction that is on the disk before anybody is told, and then
//! posts the events to the consumers. So progress is never kept without the events it covers, and a consumer that
//! comes back goes on after what it last finished with.
//!
//! While the disk is full or fails, the entries taken stay in hand and are tried again; the queue fills, whoever
//! speaks waits, and all go on when the disk does.
//!
//! Everything is keyed by the chain's genesis hash. The backend is SQLite, in one file; all of SQL is in `sqlite`.
//!
//! Not responsible for: finding out what is missing and reading it (the feed's), and what consumers do with events.

/// Writes what waits, all or nothing.
mod commit;
/// How far an interest has come: the rules that progress must keep.
mod coverage;
/// How far the consumers have read.
mod cursors;
/// Where the file is.
mod home;
/// The one who writes.
mod keeper;
/// Reads for a consumer, and goes at its pace.
mod pump;
/// Reading, by this process and by others.
mod reader;
/// What is kept for how long.
mod retention;
/// The last events, in memory.
mod ring;
/// What the tasks of a store have in common.
mod shared;
/// The SQLite backend.
mod sqlite;
/// The numbers of a store.
mod stats;
/// The store.
mod store;
/// What an event is about.
mod subjects;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
/// What can go wrong, and what a person does about it.
mod trouble;

pub use coverage::Broken;
pub use cursors::Start;
pub use reader::{Covered, Decision, Hole, Reached, Reader, Stored, Unsettled, WHY_LIMIT, What};
pub use retention::{Bound, Retention};
pub use stats::{ConsumerStats, StoreStats};
pub use store::{Keeping, Settings, Store};
pub use trouble::{Kind, OpenError, Trouble};
