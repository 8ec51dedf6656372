//! What can be seen of the socket and its subscriptions from outside.

use std::{collections::BTreeMap, time::Duration};

use eda_events::Slot;

use super::frame::Odd;

/// A snapshot of everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Sockets open now: 0 or 1.
    pub sockets_open: u64,
    /// Sockets opened since the start.
    pub sockets_opened: u64,
    /// Topics that have subscribers.
    pub wanted: usize,
    /// Upstream subscriptions that the node serves, the one for the watchdog's slots included.
    pub live: usize,
    /// Subscribers.
    pub subscribers: usize,
    /// What came in.
    pub traffic: Traffic,
    /// Ends of connections, by the label of [`super::DownReason`].
    pub lost: BTreeMap<&'static str, u64>,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
    /// The last answered ping's round trip.
    pub round_trip: Option<Duration>,
    /// The newest slot the socket told.
    pub tip: Option<Slot>,
    /// The measured length of a slot; `None` until enough slots were seen.
    pub slot_time: Option<Duration>,
}

/// Counts of what the server sent.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Notifications of known subscriptions.
    pub notifications: u64,
    /// Updates that did not fit into a subscriber's queue and were told as missed.
    pub missed: u64,
    /// Older states that gave way to a newer one in a full queue.
    pub superseded: u64,
    /// Subscriptions refused for good.
    pub rejected: u64,
    /// Subscriptions refused for now.
    pub postponed: u64,
    /// Frames that nobody expected.
    pub odd: BTreeMap<Odd, u64>,
}
