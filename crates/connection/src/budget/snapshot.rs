//! What the budget says about itself.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::request::{Caller, Class, Method};

/// The state of the budget at one moment. Times are durations from that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every window that limits something.
    pub windows: Vec<WindowUse>,
    /// Scopes that a provider's refusal has frozen.
    pub frozen: Vec<Frozen>,
    /// Requests waiting now, by class.
    pub waiting: BTreeMap<Class, usize>,
    /// How long granted requests waited, by class.
    pub waits: BTreeMap<Class, Waits>,
    /// What became of requests, since the start.
    pub outcomes: BTreeMap<(Caller, Method, Outcome), u64>,
    /// Credits spent, and when they end.
    pub credits: Credits,
    /// WebSocket connections the provider tolerates, after what its responses said.
    pub pubsub_connections: Option<u32>,
    /// Connections the provider tolerates at once, after what its responses said.
    pub connection_cap: Option<u32>,
}

/// What a limit or a freeze is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Requests of all methods.
    Everything,
    /// Requests of one method.
    Method(Method),
    /// Credits of all requests.
    Credits,
    /// Bytes of all responses.
    Bytes,
    /// New TCP connections.
    Connects,
}

/// One rolling window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowUse {
    /// What it limits.
    pub scope: Scope,
    /// Its length.
    pub window: Duration,
    /// What the provider allows in it, as configured or, if lower, as its responses said.
    pub limit: u64,
    /// What eda keeps to: the limit less the margin for other programs.
    pub kept: u64,
    /// How much of that only exits and confirmations may use.
    pub reserve: u64,
    /// Units held now, by eda's own requests and by what other programs were seen to use.
    pub held: u64,
    /// The part of `held` that other programs on the same address used.
    pub foreign: u64,
    /// Units free now, for exits and confirmations.
    pub left: u64,
}

/// A frozen scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// What is frozen.
    pub scope: Scope,
    /// How much longer before a probe may go; zero when one may go now or is under way.
    pub remaining: Duration,
    /// Whether the probe is under way.
    pub probing: bool,
    /// Refusals in a row.
    pub refusals: u32,
}

/// Waiting times of the granted requests of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Requests granted.
    pub granted: u64,
    /// Their waiting times together.
    pub total: Duration,
    /// The longest of them.
    pub longest: Duration,
}

/// Credits spent and the forecast, a plain extrapolation of the average since the start. Nothing is refused for
/// it: the budget does not know when the provider's month begins, and which work to give up is the operator's
/// choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credits {
    /// Spent this month, with what was spent before the start.
    pub used: u64,
    /// What the plan includes per month.
    pub monthly: Option<u64>,
    /// Average since the start, in credits per day.
    pub per_day: u64,
    /// When the month's credits end at this rate; absent when nothing is spent or nothing limits it.
    pub ends_in: Option<Duration>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Granted, and answered by the provider.
    Answered,
    /// Granted, and refused by the provider's limits (429, or 401 and 403).
    RateLimited,
    /// Granted, and given up without an answer.
    Lost,
    /// Granted, and given back without being sent.
    Unused,
    /// Given up by its caller while waiting.
    Cancelled,
    /// Refused: [`Refused::DeadlineUnmeetable`](super::Refused::DeadlineUnmeetable).
    DeadlineUnmeetable,
    /// Refused: [`Refused::Expired`](super::Refused::Expired).
    Expired,
    /// Refused: [`Refused::QueueFull`](super::Refused::QueueFull).
    QueueFull,
    /// Refused: [`Refused::OverLimit`](super::Refused::OverLimit).
    OverLimit,
    /// Refused: [`Refused::Closed`](super::Refused::Closed).
    Closed,
}

// === impl Scope ===

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all requests"),
            Self::Method(method) => method.fmt(f),
            Self::Credits => f.write_str("credits"),
            Self::Bytes => f.write_str("bytes"),
            Self::Connects => f.write_str("connects"),
        }
    }
}

// === impl Waits ===

impl Waits {
    pub(crate) fn add(&mut self, waited: Duration) {
        self.granted = self.granted.saturating_add(1);
        self.total = self.total.saturating_add(waited);
        self.longest = self.longest.max(waited);
    }
}

// === impl Outcome ===

impl Outcome {
    /// The label in metrics and status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::RateLimited => "rate-limited",
            Self::Lost => "lost",
            Self::Unused => "unused",
            Self::Cancelled => "cancelled",
            Self::DeadlineUnmeetable => "deadline-unmeetable",
            Self::Expired => "expired",
            Self::QueueFull => "queue-full",
            Self::OverLimit => "over-limit",
            Self::Closed => "closed",
        }
    }
}
