use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Tells a busy incarnation from one that waits.
///
/// An incarnation is busy while one poll of it lasts (a loop without end, a blocking call), and while it waits for
/// something it has not declared (a lock, a forgotten timer). A declared wait ([`crate::Context::wait`]) may last
/// for ever. Each beginning and end of a declared wait is progress.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pulse: Mutex<Pulse>,
}

#[derive(Debug)]
struct Pulse {
    /// The last sign of progress.
    progressed: Instant,
    /// Whether the incarnation is being polled at this moment.
    polled: bool,
    /// The declared waits that are under way.
    waits: Vec<Wait>,
    /// How many waits were ever declared: the next one's key.
    declared: u64,
}

#[derive(Debug)]
struct Wait {
    key: u64,
    what: Cow<'static, str>,
    kind: Kind,
}

/// What a wait says about the one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For its next input, a timer, its turn: it works.
    Turn,
    /// For something it cannot work without: it does not work.
    Need,
}

/// What an incarnation does, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It has not waited for anything yet.
    Starting,
    /// It works, or waits for its turn.
    Working,
    /// It waits for something it cannot work without.
    Lacking,
}

/// A declared wait; it ends when this is dropped.
#[must_use]
pub(crate) struct Waiting<'a> {
    heartbeat: &'a Heartbeat,
    key: u64,
}

// === impl Heartbeat ===

impl Heartbeat {
    pub(crate) fn new() -> Self {
        let pulse = Pulse { progressed: Instant::now(), polled: false, waits: Vec::new(), declared: 0 };
        Self { pulse: Mutex::new(pulse) }
    }

    /// Declares a wait for `what`.
    pub(crate) fn waiting(&self, kind: Kind, what: Cow<'static, str>) -> Waiting<'_> {
        let mut pulse = self.lock();
        let key = pulse.declared;
        pulse.declared = key.wrapping_add(1);
        pulse.waits.push(Wait { key, what, kind });
        pulse.progressed = Instant::now();
        Waiting { heartbeat: self, key }
    }

    /// A sign of progress from work that takes long without waiting.
    pub(crate) fn progressed(&self) {
        self.lock().progressed = Instant::now();
    }

    /// For how long there has been no progress; `None` while the incarnation is in a declared wait.
    pub(crate) fn busy_for(&self) -> Option<Duration> {
        let pulse = self.lock();
        (pulse.polled || pulse.waits.is_empty()).then(|| pulse.progressed.elapsed())
    }

    /// What is being waited for, if the incarnation is in a declared wait.
    pub(crate) fn waiting_for(&self) -> Option<String> {
        let pulse = self.lock();
        let what: Vec<&str> = pulse.waits.iter().map(|wait| wait.what.as_ref()).collect();
        (!what.is_empty()).then(|| what.join(", "))
    }

    pub(crate) fn activity(&self) -> Activity {
        let pulse = self.lock();
        if pulse.waits.iter().any(|wait| wait.kind == Kind::Need) {
            Activity::Lacking
        } else if pulse.declared == 0 {
            Activity::Starting
        } else {
            Activity::Working
        }
    }

    /// Runs an incarnation so that each of its polls is seen here.
    pub(crate) fn watch<T>(
        self: Arc<Self>,
        mut incarnation: BoxFuture<'static, T>,
    ) -> impl Future<Output = T> {
        poll_fn(move |cx| {
            self.polled(true);
            let poll = incarnation.as_mut().poll(cx);
            self.polled(false);
            poll
        })
    }

    /// A poll that finds the incarnation in a wait is progress. One that finds it in an undeclared wait is not:
    /// being woken for nothing would hide a hang.
    fn polled(&self, polled: bool) {
        let mut pulse = self.lock();
        pulse.polled = polled;
        if !pulse.waits.is_empty() {
            pulse.progressed = Instant::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Waiting ===

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut pulse = self.heartbeat.lock();
        pulse.waits.retain(|wait| wait.key != self.key);
        pulse.progressed = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn a_declared_wait_may_last_for_ever_and_an_undeclared_one_counts() {
        let heartbeat = Heartbeat::new();
        advance(HOUR).await;
        assert_eq!((heartbeat.busy_for(), heartbeat.activity()), (Some(HOUR), Activity::Starting));

        let waiting = heartbeat.waiting(Kind::Turn, "slots".into());
        advance(HOUR).await;
        assert_eq!(heartbeat.busy_for(), None);
        assert_eq!(heartbeat.waiting_for().as_deref(), Some("slots"));

        drop(waiting);
        assert_eq!(heartbeat.busy_for(), Some(Duration::ZERO));
        assert_eq!(heartbeat.waiting_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_inner_of_two_waits_may_end_first() {
        let heartbeat = Heartbeat::new();
        let outer = heartbeat.waiting(Kind::Turn, "a".into());
        let inner = heartbeat.waiting(Kind::Need, "b".into());
        assert_eq!(heartbeat.activity(), Activity::Lacking);
        drop(outer);
        assert_eq!(heartbeat.waiting_for().as_deref(), Some("b"));
        drop(inner);
        assert_eq!(heartbeat.activity(), Activity::Working);
        advance(HOUR).await;
        assert_eq!(heartbeat.busy_for(), Some(HOUR));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_does_not_end_is_busy_even_inside_a_declared_wait() {
        let heartbeat = Arc::new(Heartbeat::new());
        let seen = Arc::clone(&heartbeat);
        let incarnation = Box::pin(async move {
            let _waiting = seen.waiting(Kind::Turn, "slots".into());
            sleep(HOUR).await;
            assert!(seen.busy_for().is_some());
        });
        Arc::clone(&heartbeat).watch(incarnation).await;
    }

    #[tokio::test(start_paused = true)]
    async fn being_woken_for_nothing_is_no_progress() {
        let heartbeat = Arc::new(Heartbeat::new());
        let incarnation = Box::pin(async {
            for _ in 0..10 {
                sleep(HOUR).await;
            }
        });
        Arc::clone(&heartbeat).watch(incarnation).await;
        assert_eq!(heartbeat.busy_for(), Some(HOUR * 10));
    }
}
