use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eda_events::{
    Input, InputStats, WorkerName,
    data::{SharedConnection, Status, WorkerMetrics, WorkerState, WorkerStatus},
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    fence::Fence,
    heartbeat::{Activity, Heartbeat},
};

/// Asks the shared connection for its numbers as the named worker's status shows them; `None` if there are none.
/// Must answer at once.
pub type ConnectionView = Arc<dyn Fn(WorkerName) -> Option<SharedConnection> + Send + Sync>;

/// Says what the named worker cannot work without and does not have at the moment, in words; `None` if it has
/// everything. Must answer at once.
pub type Lacking = Arc<dyn Fn(WorkerName) -> Option<String> + Send + Sync>;

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    state: WorkerState,
    /// What it lacks, while it does nothing but wait for that.
    lacks: Option<String>,
}

/// What is known of one worker, through its restarts and after its end.
pub(crate) struct Record {
    worker: WorkerName,
    pub(crate) fence: Fence,
    numbers: Mutex<Numbers>,
    announced: AtomicU64,
}

/// What a worker's incarnations have said about their work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) processed: u64,
    pub(crate) seen: BTreeMap<&'static str, u64>,
    pub(crate) published: u64,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) errors: u64,
    pub(crate) gaps: u64,
    pub(crate) last_event_at: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
}

/// Where a worker is in its life, as its keeper knows it.
#[derive(Clone, Debug)]
pub(crate) enum Situation {
    /// An incarnation runs.
    Alive { heartbeat: Arc<Heartbeat>, since: Instant },
    /// It failed and is about to be started again.
    BackingOff,
    /// It was found busy for too long and has not ended yet.
    Stuck { heartbeat: Arc<Heartbeat>, since: Instant },
    /// It was told to stop and has not ended yet.
    Stopping { heartbeat: Arc<Heartbeat>, since: Instant },
    /// It was stopped, or ended by itself.
    Stopped,
    /// It was given up.
    Failed,
}

struct Numbers {
    situation: Situation,
    inputs: Inputs,
    restarts: u64,
    tally: Tally,
}

enum Inputs {
    Open(Vec<Arc<dyn Input>>),
    Closed(Vec<InputStats>),
}

// === impl Record ===

impl Record {
    pub(crate) fn new(worker: WorkerName) -> Self {
        let numbers = Numbers {
            situation: Situation::Stopped,
            inputs: Inputs::Closed(Vec::new()),
            restarts: 0,
            tally: Tally::default(),
        };
        Self { worker, fence: Fence::default(), numbers: Mutex::new(numbers), announced: AtomicU64::new(0) }
    }

    pub(crate) fn worker(&self) -> WorkerName {
        self.worker
    }

    /// A worker value begins, or begins again: its numbers go on from where they were.
    pub(crate) fn open(&self, inputs: Vec<Arc<dyn Input>>) {
        self.lock().inputs = Inputs::Open(inputs);
    }

    /// The worker value is about to be dropped: lets go of its inputs and keeps their last numbers.
    pub(crate) fn close(&self) {
        let mut numbers = self.lock();
        let last = numbers.inputs.stats();
        let open = std::mem::replace(&mut numbers.inputs, Inputs::Closed(last));
        drop(numbers);
        drop(open);
    }

    pub(crate) fn moved_to(&self, situation: Situation) {
        self.lock().situation = situation;
    }

    pub(crate) fn restarted(&self) {
        let mut numbers = self.lock();
        numbers.restarts = numbers.restarts.saturating_add(1);
    }

    /// Counts a failure that the supervisor saw.
    pub(crate) fn failed(&self, reason: String) {
        let mut numbers = self.lock();
        numbers.tally.errors = numbers.tally.errors.saturating_add(1);
        numbers.tally.last_error = Some(reason);
    }

    /// Changes what the worker says about its work.
    pub(crate) fn tally(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.lock().tally);
    }

    pub(crate) fn standing(&self, lacking: Option<String>) -> Standing {
        self.lock().situation.standing(lacking)
    }

    /// The number of the next status event, from 1.
    pub(crate) fn next_announcement(&self) -> u64 {
        self.announced.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// How the worker is, as its status event says. What others know of it is passed in, since asking them must
    /// not happen under this record's lock.
    pub(crate) fn status(
        &self,
        shared_connection: Option<SharedConnection>,
        lacking: Option<String>,
    ) -> WorkerStatus {
        let numbers = self.lock();
        let Standing { state, lacks } = numbers.situation.standing(lacking);
        let running = numbers.situation.incarnation();
        let Tally { processed, seen, published, refused, errors, gaps, last_event_at, last_error } =
            numbers.tally.clone();
        WorkerStatus {
            worker_name: self.worker,
            status: coarse(state),
            metrics: WorkerMetrics {
                events_processed: processed,
                errors: errors.saturating_add(self.fence.refused()),
                uptime: running.map_or(0, |(_, since)| milliseconds(since.elapsed())),
                last_event_at,
                state,
                waiting_for: lacks.or_else(|| running.and_then(|(heartbeat, _)| heartbeat.waiting_for())),
                restarts: numbers.restarts,
                last_error,
                seen: seen.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
                published,
                refused,
                gaps,
                inputs: numbers.inputs.stats().into_iter().map(Into::into).collect(),
                shared_connection,
            },
        }
    }

    /// A thread that panicked under the lock leaves each number whole.
    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("worker", &self.worker)
            .field("state", &self.lock().situation.state())
            .finish_non_exhaustive()
    }
}

// === impl Situation ===

impl Situation {
    fn incarnation(&self) -> Option<(&Heartbeat, Instant)> {
        match self {
            Self::Alive { heartbeat, since }
            | Self::Stuck { heartbeat, since }
            | Self::Stopping { heartbeat, since } => Some((heartbeat, *since)),
            Self::BackingOff | Self::Stopped | Self::Failed => None,
        }
    }

    /// A worker that is alive does not work as long as it lacks something, whatever it says itself: it may wait for
    /// input that cannot come.
    fn standing(&self, lacking: Option<String>) -> Standing {
        match (self, lacking) {
            (Self::Alive { .. }, Some(lacks)) => Standing { state: WorkerState::Waiting, lacks: Some(lacks) },
            (
                Self::Alive { .. }
                | Self::BackingOff
                | Self::Stuck { .. }
                | Self::Stopping { .. }
                | Self::Stopped
                | Self::Failed,
                _,
            ) => Standing { state: self.state(), lacks: None },
        }
    }

    fn state(&self) -> WorkerState {
        match self {
            Self::Alive { heartbeat, .. } => match heartbeat.activity() {
                Activity::Starting => WorkerState::Starting,
                Activity::Working => WorkerState::Running,
                Activity::Lacking => WorkerState::Waiting,
            },
            Self::BackingOff => WorkerState::Restarting,
            Self::Stuck { .. } => WorkerState::Stuck,
            Self::Stopping { .. } => WorkerState::Stopping,
            Self::Stopped => WorkerState::Stopped,
            Self::Failed => WorkerState::Failed,
        }
    }
}

/// The three words that the consumers of `WORKER_STATUS` know.
fn coarse(state: WorkerState) -> Status {
    match state {
        WorkerState::Starting | WorkerState::Waiting | WorkerState::Running | WorkerState::Stopping => {
            Status::Running
        }
        WorkerState::Restarting | WorkerState::Stuck | WorkerState::Failed => Status::Error,
        WorkerState::Stopped => Status::Stopped,
    }
}

// === impl Inputs ===

impl Inputs {
    fn stats(&self) -> Vec<InputStats> {
        match self {
            Self::Open(inputs) => inputs.iter().map(|input| input.stats()).collect(),
            Self::Closed(last) => last.clone(),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
