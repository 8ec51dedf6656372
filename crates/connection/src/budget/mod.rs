//! Who may send what, when.
//!
//! Responsible for never asking a provider for more than it allows, and for who goes first when not everyone
//! can. Not responsible for sending anything. The rule that makes it provable: a request holds its place in every
//! window from before it is sent until its response's headers have arrived plus the window's length.

mod ask;
mod core;
mod freeze;
mod ledger;
mod methods;
mod observe;
mod permit;
mod queue;
mod snapshot;
mod task;
#[cfg(test)]
mod tests;
mod window;

pub use ask::{Ask, Refused};
pub use permit::{Answer, Note, Permit, Ticket};
pub use snapshot::{Credits, Frozen, Outcome, Scope, Snapshot, Waits, WindowUse};
pub use task::Budget;
