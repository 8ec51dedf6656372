use std::sync::Arc;

use eda_events::{Input, WorkerName};
use futures_util::future::BoxFuture;

use crate::{Context, Failure};

/// One of the process's workers.
///
/// The value outlives its incarnations: it holds what a restart must not lose (settings, the lease on the shared
/// connection, mailboxes, proven state). It is dropped when the worker is stopped for good, and with it its lease.
pub trait Worker: Send + Sync + 'static {
    /// Its name in config, logs and events.
    fn name(&self) -> WorkerName;

    /// Its inputs, asked for once. After a failure the supervisor blames the item in hand of each of them.
    fn inputs(&self) -> Vec<Arc<dyn Input>>;

    /// One incarnation, from start to end. It must
    ///
    /// - declare every wait through [`Context::wait`] or [`Context::need`], so that waiting is not taken for
    ///   hanging, and call [`Context::progressed`] in work that takes seconds;
    /// - call an input's `done` only after everything it had to say about the item went through the context
    ///   without [`crate::Fenced`]; an item that is not done goes to the next incarnation;
    /// - when [`Context::stopping`] is cancelled, finish the item in hand, drain what it wants to, and return.
    ///
    /// The tasks it starts must have ended when it ends (a `JoinSet` of its own does that).
    ///
    /// # Errors
    ///
    /// [`Failure::InputClosed`] when there will be no more work, anything else to be restarted.
    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>>;
}
