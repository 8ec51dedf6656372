//! The questions the budget is asked, and its refusals.

use std::time::Duration;

use tokio::time::Instant;

use crate::request::{Caller, Class, Method};

/// A request for the right to send one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who is charged.
    pub caller: Caller,
    /// What is called.
    pub method: Method,
    /// How urgent it is.
    pub class: Class,
    /// When an answer from the budget is of no more use. Absent: it may wait for ever.
    pub deadline: Option<Instant>,
}

/// Why a request may not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The windows will not have room before the deadline.
    #[error("the request budget has no room before the deadline; earliest in {} ms", earliest.as_millis())]
    DeadlineUnmeetable {
        /// From now until there can be room.
        earliest: Duration,
    },
    /// The deadline passed while the request waited.
    #[error("the deadline passed while waiting for the request budget")]
    Expired,
    /// Too many requests of this class and caller wait already.
    #[error("{waiting} requests of this class wait for the request budget already")]
    QueueFull {
        /// How many.
        waiting: usize,
    },
    /// A single call is dearer than a limit allows.
    #[error("one call costs {cost}, more than the {allowed} that `{key}` allows its class; raise `{key}`")]
    OverLimit {
        /// The key of the limit in config.toml.
        key: &'static str,
        /// Units the call costs.
        cost: u64,
        /// Units the limit allows, after margin and held-back share.
        allowed: u64,
    },
    /// The budget has been shut down.
    #[error("the request budget is closed")]
    Closed,
}

// === impl Refused ===

impl Refused {
    pub(crate) fn outcome(&self) -> super::Outcome {
        use super::Outcome;
        match self {
            Self::DeadlineUnmeetable { .. } => Outcome::DeadlineUnmeetable,
            Self::Expired => Outcome::Expired,
            Self::QueueFull { .. } => Outcome::QueueFull,
            Self::OverLimit { .. } => Outcome::OverLimit,
            Self::Closed => Outcome::Closed,
        }
    }
}
