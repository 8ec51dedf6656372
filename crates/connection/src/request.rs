//! Who asks, for what, how urgently: the words that budget, HTTP and PubSub share.

use std::fmt;

use eda_events::WorkerName;
pub use eda_limits::Method;

/// Who a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// One of the five workers, through its lease.
    Worker(WorkerName),
    /// The connection itself: what the feed fetches once for everyone, probes, health checks.
    Shared,
}

/// How urgent a request is. Higher classes always go first; within a class workers share fairly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Leaving a position: never waits behind anything else.
    Exit,
    /// Learning whether a sent transaction landed.
    Confirm,
    /// Reads that open positions depend on.
    Guard,
    /// Entering a position.
    Entry,
    /// Detecting events on chain.
    Detect,
    /// Periodic reads.
    Poll,
    /// Filling gaps and catching up.
    Fill,
}

// === impl Caller ===

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(name) => name.fmt(f),
            Self::Shared => f.write_str("shared"),
        }
    }
}

// === impl Class ===

impl Class {
    /// Every class, highest first.
    pub const ALL: [Self; 7] =
        [Self::Exit, Self::Confirm, Self::Guard, Self::Entry, Self::Detect, Self::Poll, Self::Fill];

    /// The label in metrics, status and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Confirm => "confirm",
            Self::Guard => "guard",
            Self::Entry => "entry",
            Self::Detect => "detect",
            Self::Poll => "poll",
            Self::Fill => "fill",
        }
    }

    /// Whether requests of this class may use the share of every limit that is held back from the others.
    pub fn may_use_reserve(self) -> bool {
        matches!(self, Self::Exit | Self::Confirm)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
