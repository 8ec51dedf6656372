//! What can be seen of the endpoints from outside. Lengths of time are from the moment it was asked.

use std::{collections::BTreeMap, fmt, time::Duration};

use eda_events::Slot;

/// All endpoints and the changes between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Every endpoint, in order of preference.
    pub endpoints: Vec<EndpointStats>,
    /// Changes from one endpoint to another since the start, by [`Reason::as_str`].
    pub changes: BTreeMap<&'static str, u64>,
    /// The last of them, in words.
    pub last_change: Option<String>,
    /// What stands still, for everyone as far as that is known.
    pub pause: Option<Pause>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStats {
    /// Its request URL, without its key.
    pub url: String,
    /// Lower ones are preferred.
    pub priority: u32,
    /// Whether it is the one that is asked.
    pub in_use: bool,
    /// What is held against it.
    pub standing: Standing,
}

/// What is held against an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Well,
    /// That it was ill; every look at it has been good for so long.
    Recovering(Duration),
    /// It is ill.
    Ill {
        /// For how long.
        since: Duration,
        /// In words.
        why: String,
    },
    /// It is never used.
    Refused {
        /// In words.
        why: String,
    },
}

/// Why another endpoint is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Calls fail; the last failure.
    Errors(String),
    /// It sees no new slots, and the other does.
    Stalled,
    /// It is behind the other.
    Lag {
        /// By so many slots.
        slots: u64,
    },
    /// Its WebSocket tells of no slots, though it sees new ones itself.
    Deaf,
    /// It confirms nothing, and the other does.
    Unconfirmed,
    /// It contradicts itself; what is wrong.
    Conflict(String),
    /// The other one is preferred, and well again.
    Return,
}

/// What stands still. With a single witness, the endpoint in use, nobody can tell whether it is the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// No new slots.
    Cluster {
        /// The newest one.
        slot: Slot,
        /// Endpoints that say so.
        witnesses: u32,
    },
    /// New slots are announced, and none is confirmed.
    Confirmations {
        /// The newest that is final.
        slot: Slot,
        /// Endpoints that say so.
        witnesses: u32,
    },
}

// === impl Stats ===

impl Stats {
    /// Endpoints that are never used.
    pub fn refused(&self) -> usize {
        let refused = |endpoint: &&EndpointStats| matches!(endpoint.standing, Standing::Refused { .. });
        self.endpoints.iter().filter(refused).count()
    }
}

// === impl Standing ===

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("well"),
            Self::Recovering(since) => write!(f, "well again for {} s", since.as_secs()),
            Self::Ill { since, why } => write!(f, "ill for {} s: {why}", since.as_secs()),
            Self::Refused { why } => write!(f, "never used: {why}"),
        }
    }
}

// === impl Reason ===

impl Reason {
    /// The label in metrics, status and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Errors(_) => "errors",
            Self::Stalled => "stalled",
            Self::Lag { .. } => "lag",
            Self::Deaf => "deaf",
            Self::Unconfirmed => "unconfirmed",
            Self::Conflict(_) => "conflict",
            Self::Return => "return",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors(last) => write!(f, "its calls fail: {last}"),
            Self::Stalled => f.write_str("it sees no new slots, and the other does"),
            Self::Lag { slots } => write!(f, "it is {slots} slots behind the other"),
            Self::Deaf => f.write_str("its WebSocket tells of no slots, though it sees new ones itself"),
            Self::Unconfirmed => f.write_str("it confirms nothing, and the other does"),
            Self::Conflict(what) => f.write_str(what),
            Self::Return => f.write_str("the other is preferred, and well again"),
        }
    }
}

// === impl Pause ===

impl Pause {
    /// Endpoints that say so.
    pub fn witnesses(&self) -> u32 {
        match self {
            Self::Cluster { witnesses, .. } | Self::Confirmations { witnesses, .. } => *witnesses,
        }
    }

    /// The same, said by so many endpoints or more.
    #[must_use]
    pub(super) fn by(mut self, at_least: u32) -> Self {
        match &mut self {
            Self::Cluster { witnesses, .. } | Self::Confirmations { witnesses, .. } => {
                *witnesses = at_least.max(*witnesses);
            }
        }
        self
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster { slot, witnesses: 2.. } => {
                write!(f, "the cluster stands still at slot {slot}: no endpoint sees a new one")
            }
            Self::Confirmations { slot, witnesses: 2.. } => {
                write!(f, "the cluster confirms nothing after slot {slot}, though it makes new slots")
            }
            Self::Cluster { slot, .. } => write!(
                f,
                "no new slot after {slot}; whether the cluster stands still, no other endpoint can say"
            ),
            Self::Confirmations { slot, .. } => write!(
                f,
                "nothing is confirmed after slot {slot}, though new slots come; whether that is the cluster, no \
                 other endpoint can say"
            ),
        }
    }
}
