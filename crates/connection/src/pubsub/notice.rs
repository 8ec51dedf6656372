//! What a subscriber is told.

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;

/// One event in a subscriber's stream. Per subscriber the order is
/// `(Live (Update | Missed)* Down)* [Rejected]`: what happened between a `Down` and the next `Live`, and before
/// the first `Live`, was not seen and has to be read from the chain.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The node has accepted the subscription: every change from now on is notified.
    Live {
        /// 1 for the first time, counting up with each time the subscription was restored. Numbers are left out
        /// when the subscriber read nothing while the subscription went and came back.
        generation: u64,
    },
    /// The `result` of a notification, as the node sent it. Shared by all subscribers of the topic.
    Update(Arc<RawValue>),
    /// Updates that did not fit into the queue at this place.
    Missed {
        /// How many.
        count: u64,
    },
    /// The subscription is interrupted; it is restored without any doing of the subscriber.
    Down {
        /// Why.
        reason: DownReason,
    },
    /// The node refuses the subscription. The last notice.
    Rejected(Rejection),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DownReason {
    /// The server closed it, with this code if it named one (1009: too big, 1011: its error, ...).
    Closed(Option<u16>),
    /// The connection broke without a goodbye.
    Broken,
    /// The server broke the rules of the WebSocket protocol.
    Protocol,
    /// A message was larger than allowed.
    Oversized,
    /// Nothing was heard within the allowed time after a ping.
    Unresponsive,
    /// The server answers pings, but slots stopped coming.
    Stalled,
    /// Two different topics were given one upstream id, so nobody can tell whose notification is whose.
    DuplicateId,
    /// Another endpoint is used from now on.
    Moved,
}

/// Why the node will not serve a subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The node's own words.
    #[error("the node refuses {method}: {message} ({code})")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The JSON-RPC error code.
        code: i64,
        /// The node's text.
        message: String,
    },
    /// The node was asked several times and did not answer.
    #[error("the node does not answer {method}, asked {times} times with {patience:?} of patience each")]
    Unanswered {
        /// What was asked.
        method: &'static str,
        /// How often.
        times: u32,
        /// How long each answer was waited for.
        patience: Duration,
    },
}

// === impl DownReason ===

impl DownReason {
    /// The label in metrics, status and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::Broken => "broken",
            Self::Protocol => "protocol",
            Self::Oversized => "oversized",
            Self::Unresponsive => "unresponsive",
            Self::Stalled => "stalled",
            Self::DuplicateId => "duplicate_id",
            Self::Moved => "moved",
        }
    }
}
