use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Exit, heartbeat::Heartbeat, status::Situation};

/// Where a keeper is with its worker.
pub(crate) enum Phase {
    /// An incarnation runs; look for a hang at `check`.
    Running { life: Life, check: Instant },
    /// It was told to end by itself, until then.
    Ending { life: Life, then: Then, until: Instant },
    /// It was aborted and fenced but has not ended. Whoever waits for it is told so at `patience`.
    Aborted { life: Life, then: Then, patience: Option<Instant> },
    /// It has ended and the next one begins then.
    BackingOff { until: Instant },
    /// The worker is to be dropped.
    Over { exit: Exit, given_up: bool },
}

/// One incarnation as its keeper sees it.
pub(crate) struct Life {
    pub(crate) stopping: CancellationToken,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) since: Instant,
}

/// What follows when an incarnation that was told to end has ended.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// It hung: counts as a failure.
    Recover,
    /// The operator wants a fresh one.
    Restart,
    /// Nothing.
    Stop,
}

// === impl Life ===

impl Life {
    pub(crate) fn begin() -> Self {
        Self {
            stopping: CancellationToken::new(),
            heartbeat: Arc::new(Heartbeat::new()),
            since: Instant::now(),
        }
    }

    pub(crate) fn is_alive(&self) -> Situation {
        Situation::Alive { heartbeat: Arc::clone(&self.heartbeat), since: self.since }
    }

    pub(crate) fn is_stuck(&self) -> Situation {
        Situation::Stuck { heartbeat: Arc::clone(&self.heartbeat), since: self.since }
    }

    pub(crate) fn is_stopping(&self) -> Situation {
        Situation::Stopping { heartbeat: Arc::clone(&self.heartbeat), since: self.since }
    }
}

// === impl Phase ===

impl Phase {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Running { check, .. } => Some(*check),
            Self::Ending { until, .. } | Self::BackingOff { until } => Some(*until),
            Self::Aborted { patience, .. } => *patience,
            Self::Over { .. } => None,
        }
    }
}
