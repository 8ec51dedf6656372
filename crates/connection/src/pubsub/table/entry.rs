use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::SubscriberId;
use crate::{
    backoff::Backoff,
    pubsub::{notice::DownReason, queue::Outlet},
};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: State,
    pub(super) subscribers: BTreeMap<SubscriberId, Outlet>,
    /// Wanted by the connection itself while the socket is open.
    pub(super) pinned: bool,
    pub(super) retry: Backoff,
    /// Refusals of unclear meaning since it was last live.
    pub(super) doubts: u32,
    /// Requests without an answer on this socket.
    pub(super) unanswered: u32,
}

/// Where a topic stands with the node. Subscribers have been told `Live`, and no `Down` since, exactly in the
/// state `Live`.
#[derive(Debug)]
pub(super) enum State {
    /// To be asked for.
    Wanted,
    /// Asked for; the answer is awaited until then.
    Asked { request: u64, until: Instant },
    /// Served under this id.
    Live { upstream: u64 },
    /// Given back; the answer is awaited until then, because the node would answer a new request with the same
    /// id and then end it.
    Leaving { request: u64, upstream: u64, until: Instant },
    /// Refused for now; asked for again then.
    Waiting { until: Instant },
}

// === impl Entry ===

impl Entry {
    pub(super) fn new(retry: (Duration, Duration)) -> Self {
        Self {
            state: State::Wanted,
            subscribers: BTreeMap::new(),
            pinned: false,
            retry: Backoff::new(retry.0, retry.1),
            doubts: 0,
            unanswered: 0,
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.pinned || !self.subscribers.is_empty()
    }

    pub(super) fn go_live(&mut self, upstream: u64) {
        self.state = State::Live { upstream };
        self.retry.reset();
        self.doubts = 0;
        self.unanswered = 0;
        for outlet in self.subscribers.values_mut() {
            outlet.live();
        }
    }

    pub(super) fn lost(&mut self, reason: DownReason) {
        self.pinned = false;
        self.unanswered = 0;
        match self.state {
            State::Live { .. } => {
                for outlet in self.subscribers.values() {
                    outlet.down(reason);
                }
                self.state = State::Wanted;
            }
            State::Wanted | State::Asked { .. } | State::Leaving { .. } => self.state = State::Wanted,
            // Who was asked refused, and another is asked now.
            State::Waiting { .. } if reason == DownReason::Moved => {
                self.retry.reset();
                self.doubts = 0;
                self.state = State::Wanted;
            }
            // A new socket is no reason to ask sooner.
            State::Waiting { .. } => {}
        }
    }
}

// === impl State ===

impl State {
    /// Whether the node may be holding a subscription for it.
    pub(super) fn is_occupied(&self) -> bool {
        match self {
            Self::Asked { .. } | Self::Live { .. } | Self::Leaving { .. } => true,
            Self::Wanted | Self::Waiting { .. } => false,
        }
    }

    /// When the state does not last any longer.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Asked { until, .. } | Self::Leaving { until, .. } | Self::Waiting { until } => Some(*until),
            Self::Wanted | Self::Live { .. } => None,
        }
    }
}
