//! Named tasks that are restarted, fenced, quarantined and stopped in order.
//!
//! A [`Worker`] outlives its incarnations: it owns its settings, its lease on the shared connection and its
//! mailboxes. [`Worker::run`] is one incarnation; what it says goes through its [`Context`]. The [`Supervisor`]
//! restarts an incarnation that failed, ends one that hangs, never has two of one worker, gives a worker up when
//! its restart budget is spent, and drops the worker, and so returns its lease, when it is stopped for good.
//!
//! Not responsible for: what workers do, the order in which a process is shut down (the composition root's), and
//! signals.

/// What an incarnation of a worker sees of the world.
mod context;
/// How incarnations end.
mod exit;
/// At most one incarnation of a worker speaks.
mod fence;
/// Busy or waiting.
mod heartbeat;
/// One worker's life: started, restarted, ended.
mod keeper;
/// Where a worker's keeper is with it.
mod phase;
/// When to restart, and when to give up.
mod policy;
/// Keeps timers and sockets served while a worker blocks a thread.
mod rescue;
/// A worker's numbers through its restarts.
mod status;
/// All workers of a process.
mod supervisor;
/// The seam between the supervisor and a worker.
mod worker;

#[cfg(test)]
mod tests;

pub use context::Context;
pub use exit::{Exit, Failure};
pub use fence::Fenced;
pub use policy::{Backoff, BadBackoff, Policy};
pub use status::{ConnectionView, Lacking};
pub use supervisor::{AlreadyRunning, NotRunning, Stopped, Supervisor, Surroundings};
pub use worker::Worker;
