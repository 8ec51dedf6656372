//! The state of the connection at one moment, for status, events and `eda check`.

use std::collections::BTreeSet;

use eda_events::{Address, WorkerName, mailbox::InputStats};

use crate::{
    economy::Spending,
    failover,
    feed::{FeedNumbers, Plan},
    http::HttpStats,
    pubsub,
    savings::Saved,
    vitals::Vital,
};

/// Everything the connection knows about itself, except its budget.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Leases out now.
    pub lease_count: usize,
    /// Who holds them.
    pub holders: Vec<WorkerName>,
    /// The endpoint in use, without its keys.
    pub url: String,
    /// All endpoints, and the changes between them.
    pub failover: failover::Stats,
    /// Whether the endpoint is there, and which cluster it serves.
    pub vital: Vital,
    /// What the provider said when it last refused the key or the address.
    pub refused_access: Option<String>,
    /// The HTTP side.
    pub http: HttpStats,
    /// Requests that were not made.
    pub saved: Saved,
    /// The WebSocket side.
    pub pubsub: pubsub::Stats,
    /// The feed.
    pub feed: FeedNumbers,
    /// How transactions and accounts are read, and what that costs.
    pub plan: Option<Plan>,
    /// Credits spent, and how long the rest lasts.
    pub spending: Spending,
    /// The accounts that are read in turn, since the WebSocket has no room for them or the provider refuses them.
    pub swept: BTreeSet<Address>,
    /// The transaction queue of every watch.
    pub queues: Vec<InputStats>,
}

// === impl Stats ===

impl Stats {
    /// Whether anyone shares the connection now.
    pub fn active(&self) -> bool {
        self.lease_count > 0
    }
}
