use std::{borrow::Cow, future::Future, sync::Arc};

use eda_events::{
    Event, Published, Refusal, WorkerName,
    mailbox::{Queue, Reader},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    Fenced,
    fence::Epoch,
    heartbeat::{Heartbeat, Kind},
    status::{Record, Tally},
    supervisor::Surroundings,
};

/// What one incarnation of a worker sees of the world: when to stop, and where to say what it found.
///
/// Nothing an incarnation says counts after its supervisor gave it up; then it is told [`Fenced`].
#[derive(Debug)]
pub struct Context {
    pub(crate) record: Arc<Record>,
    pub(crate) epoch: Epoch,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) stopping: CancellationToken,
    pub(crate) surroundings: Arc<Surroundings>,
}

// === impl Context ===

impl Context {
    /// The worker this is an incarnation of.
    pub fn worker(&self) -> WorkerName {
        self.record.worker()
    }

    /// Which incarnation this is, counted from 1.
    pub fn incarnation(&self) -> u64 {
        self.epoch.0
    }

    /// Cancelled when the incarnation is to finish the item in hand and return. Waits are not interrupted by it:
    /// select on both, or use [`CancellationToken::run_until_cancelled`].
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Waits for the next input, a timer, or its turn in the request budget; `what` is shown in the status. A
    /// worker that waits is healthy however long it takes. As cancel-safe as `future` itself.
    pub async fn wait<F: Future>(&self, what: impl Into<Cow<'static, str>>, future: F) -> F::Output {
        self.wait_as(Kind::Turn, what.into(), future).await
    }

    /// Waits for the next entry of an input. `None` when the input was closed and read to its end, or when the
    /// incarnation is to stop and nothing waits: what is queued is finished first.
    pub async fn next<Q: Queue>(&self, what: &'static str, input: &Reader<Q>) -> Option<Q::Entry> {
        let next = async {
            tokio::select! {
                biased;
                entry = input.next() => entry,
                () = self.stopping.cancelled() => None,
            }
        };
        self.wait(what, next).await
    }

    /// As [`Context::wait`], for something the worker cannot work without, such as an endpoint that does not
    /// answer: `what` says what is missing and why, and the status says that the worker does not work.
    pub async fn need<F: Future>(&self, what: impl Into<Cow<'static, str>>, future: F) -> F::Output {
        self.wait_as(Kind::Need, what.into(), future).await
    }

    /// A sign of progress from work that takes seconds without waiting for anything.
    pub fn progressed(&self) {
        self.heartbeat.progressed();
    }

    /// Publishes an event. A duplicate is fine: it was said before the item in hand was done.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and the event was not published.
    pub fn publish(&self, event: Event) -> Result<Published, Fenced> {
        self.record.fence.pass(self.epoch, || {
            let published = self.surroundings.bus.publish(event);
            if published == Published::New {
                self.record.tally(|tally| {
                    tally.published = tally.published.saturating_add(1);
                    tally.last_event_at = Some(Timestamp::now());
                });
            }
            published
        })
    }

    /// Records that a candidate did not become an event, and why.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was recorded.
    pub fn refuse(&self, refusal: Refusal) -> Result<(), Fenced> {
        self.record.fence.pass(self.epoch, || self.surroundings.ledger.record(refusal))
    }

    /// Counts a candidate that was looked at, by its kind.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was counted.
    pub fn seen(&self, kind: &'static str) -> Result<(), Fenced> {
        self.say(|tally| {
            let count = tally.seen.entry(kind).or_default();
            *count = count.saturating_add(1);
        })
    }

    /// Counts an item that the worker has finished with; a sign of progress.
    ///
    /// # Errors
    ///
    /// [`Fenced`]: the item is not to be marked as done.
    pub fn processed(&self) -> Result<(), Fenced> {
        self.heartbeat.progressed();
        self.say(|tally| tally.processed = tally.processed.saturating_add(1))
    }

    /// Counts items that the worker was told it has missed.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was counted.
    pub fn missed(&self, items: u64) -> Result<(), Fenced> {
        self.say(|tally| tally.gaps = tally.gaps.saturating_add(items))
    }

    /// Counts something that could not be processed, and keeps the reason as the status's last error.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was counted.
    pub fn erred(&self, reason: impl Into<String>) -> Result<(), Fenced> {
        let reason = reason.into();
        self.say(|tally| {
            tally.errors = tally.errors.saturating_add(1);
            tally.last_error = Some(reason);
        })
    }

    fn say(&self, change: impl FnOnce(&mut Tally)) -> Result<(), Fenced> {
        self.record.fence.pass(self.epoch, || self.record.tally(change))
    }

    /// Input that is always ready must not keep the thread for ever, so each wait takes from the task's budget;
    /// before the future and not after it, or what the future gave could be lost to a cancel.
    async fn wait_as<F: Future>(&self, kind: Kind, what: Cow<'static, str>, future: F) -> F::Output {
        tokio::task::coop::consume_budget().await;
        let _waiting = self.heartbeat.waiting(kind, what);
        future.await
    }
}
