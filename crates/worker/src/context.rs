use std::{borrow::Cow, future::Future, sync::Arc};

use eda_events::{
    Event, Genesis, Progress, Refusal, WorkerName,
    log::{Closed, Entry, Interest, Kept, Said, Told},
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

    /// Publishes an event: it is kept, and reaches the others once it is. A duplicate is fine: it was said before the
    /// item in hand was done. Waits while what keeps events has no room.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and the event was not published.
    pub async fn publish(&self, event: Event) -> Result<(), Fenced> {
        let record = Arc::clone(&self.record);
        let told = Told::by(move |kept| {
            if kept == Kept::New {
                record.tally(|tally| {
                    tally.published = tally.published.saturating_add(1);
                    tally.last_event_at = Some(Timestamp::now());
                });
            }
        });
        self.speak((self.surroundings.genesis)(), Said::Event { event: Box::new(event), told }).await
    }

    /// Records that a candidate did not become an event, and why. Waits as [`Context::publish`] does.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was recorded.
    pub async fn refuse(&self, refusal: Refusal) -> Result<(), Fenced> {
        let rule = refusal.rule.clone();
        self.speak((self.surroundings.genesis)(), Said::Refusal(refusal)).await?;
        self.say(|tally| {
            let count = tally.refused.entry(rule.into_owned()).or_default();
            *count = count.saturating_add(1);
        })
    }

    /// Records how far this worker has come with an interest. Everything it had to say about what lies before must have
    /// been said. Waits as [`Context::publish`] does.
    ///
    /// # Errors
    ///
    /// [`Fenced`], and nothing was recorded.
    pub async fn reached(
        &self,
        genesis: &Genesis,
        entries: impl IntoIterator<Item = (Interest, Progress)>,
    ) -> Result<(), Fenced> {
        for (interest, progress) in entries {
            let said = Said::Progress { worker: self.worker(), interest, progress };
            self.speak(genesis.clone(), said).await?;
        }
        Ok(())
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

    /// Room is waited for outside the fence, which is held for a moment only.
    async fn speak(&self, genesis: Genesis, said: Said) -> Result<(), Fenced> {
        let log = &self.surroundings.log;
        let room = match log.room_now() {
            Some(room) => room,
            // When nobody keeps anything any more, the process is ending, and this was not heard.
            None => self.need("room in the event store", log.room()).await.map_err(|Closed| Fenced)?,
        };
        self.record.fence.pass(self.epoch, || room.say(Entry { genesis, said }))
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
