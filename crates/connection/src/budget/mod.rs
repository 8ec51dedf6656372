//! Who may send what, when.
//!
//! Responsible for never asking a provider for more than it allows, and for who goes first when not everyone
//! can. Not responsible for sending anything. The rule that makes it provable: a request holds its place in every
//! window from before it is sent until its response's headers have arrived plus the window's length.

mod ask;
mod core;
mod freeze;
mod ledger;
/// What a provider allows, as numbers.
pub mod limits;
mod methods;
mod observe;
mod permit;
/// What providers are known to allow: one table, as data.
pub mod profile;
mod queue;
mod snapshot;
mod task;
#[cfg(test)]
mod tests;
mod window;

pub use ask::{Ask, Refused};
pub use limits::{BadRate, ByteRate, Limits, Rate};
pub use permit::{Answer, Note, Permit, Ticket};
pub use snapshot::{Credits, Frozen, Outcome, Scope, Snapshot, Waits, WindowUse};
pub use task::Budget;
