//! The journal of every fault that really happened.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::sync::watch;

use super::{Kind, schedule::Moment};
use crate::pubsub::Notice;

/// Incidents that are kept. Older ones are only counted.
const KEPT: usize = 100_000;

/// One fault that happened once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// Counts incidents of this endpoint from 1.
    pub number: u64,
    /// What happened.
    pub kind: Kind,
    /// The fault that did it, by the number it got when it was applied or by its place in the plan, from 1.
    pub fault: u64,
    /// When, since the endpoint started. In JSON it is `at_ms`.
    #[serde(rename = "at_ms", serialize_with = "millis")]
    pub at: Duration,
    /// The newest slot then.
    pub slot: u64,
    /// What it hit.
    pub hit: Hit,
}

/// What was hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Hit {
    /// An HTTP request.
    Request {
        /// What it called; more than one in a batch.
        methods: Vec<String>,
        /// Its connection's number on the HTTP port.
        connection: u64,
    },
    /// One call, alone or of a batch.
    Call {
        /// What it called.
        method: String,
        /// Its id.
        id: Value,
        /// Its connection's number on the HTTP port.
        connection: u64,
    },
    /// A notification for one connection.
    Notification {
        /// The subscription's method, for example `logsSubscribe`.
        method: String,
        /// The subscription.
        subscription: u64,
        /// Its connection's number on the PubSub port.
        connection: u64,
        /// The slot it names.
        slot: Option<u64>,
        /// The transaction it names.
        signature: Option<String>,
    },
    /// Sockets that were open.
    Sockets {
        /// On the HTTP port.
        http: usize,
        /// On the PubSub port.
        ws: usize,
    },
    /// So many subscriptions.
    Subscriptions {
        /// How many.
        count: usize,
    },
    /// So many slots.
    Slots {
        /// How many.
        count: u64,
    },
    /// History.
    History {
        /// The oldest slot left.
        first: u64,
    },
    /// What follows this slot.
    After {
        /// The newest one that was not hit.
        slot: u64,
    },
}

/// Every incident in order.
#[derive(Debug, Default)]
pub struct Journal {
    log: watch::Sender<Log>,
}

#[derive(Debug, Clone, Default)]
struct Log {
    next: u64,
    counts: BTreeMap<Kind, u64>,
    incidents: VecDeque<Incident>,
}

// === impl Hit ===

impl From<&Notice> for Hit {
    fn from(notice: &Notice) -> Self {
        Self::Notification {
            method: notice.method.clone(),
            subscription: notice.subscription,
            connection: notice.connection,
            slot: notice.slot,
            signature: notice.signature.clone(),
        }
    }
}

// === impl Journal ===

impl Journal {
    /// The incidents that are kept: the newest 100,000.
    pub fn all(&self) -> Vec<Incident> {
        self.from(0)
    }

    /// Those of them with this number or a higher one.
    pub fn from(&self, number: u64) -> Vec<Incident> {
        let log = self.log.borrow();
        let first = log.incidents.partition_point(|incident| incident.number < number);
        log.incidents.range(first..).cloned().collect()
    }

    /// Those of one kind.
    pub fn of(&self, kind: Kind) -> Vec<Incident> {
        let log = self.log.borrow();
        log.incidents.iter().filter(|incident| incident.kind == kind).cloned().collect()
    }

    /// How often each kind has happened so far.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        self.log.borrow().counts.clone()
    }

    /// How often a kind has happened so far.
    pub fn count(&self, kind: Kind) -> u64 {
        self.log.borrow().counts.get(&kind).copied().unwrap_or(0)
    }

    /// Waits until the counts satisfy `reached`. It has no deadline of its own: the test has one.
    pub async fn until(&self, mut reached: impl FnMut(&BTreeMap<Kind, u64>) -> bool) {
        let waited = self.log.subscribe().wait_for(|log| reached(&log.counts)).await.is_ok();
        // The sender lives in `self`, so the wait ends only by success.
        debug_assert!(waited);
    }

    pub(super) fn record(&self, kind: Kind, fault: u64, at: Moment, hit: Hit) {
        self.log.send_modify(|log| {
            log.next = log.next.saturating_add(1);
            let count = log.counts.entry(kind).or_default();
            *count = count.saturating_add(1);
            if log.incidents.len() >= KEPT {
                log.incidents.pop_front();
            }
            let number = log.next;
            log.incidents.push_back(Incident { number, kind, fault, at: at.now, slot: at.slot, hit });
        });
    }
}

fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
