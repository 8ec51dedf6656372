//! The names of the faults.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::names;

/// What kind of fault it is. `faults.toml` of this crate shows each with its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Every WebSocket is reset.
    WebsocketDrop,
    /// Every WebSocket is closed with a code.
    WebsocketClose,
    /// Every WebSocket stays open and silent, and answers no ping.
    WebsocketStall,
    /// A notification is lost.
    NotificationDrop,
    /// A notification comes twice.
    NotificationDuplicate,
    /// A notification is overtaken by one of another subscription.
    NotificationReorder,
    /// A notification is late.
    NotificationDelay,
    /// The node forgets subscriptions without a word.
    SubscriptionForget,
    /// The connection is reset in the middle of a response.
    HttpKill,
    /// Every HTTP connection is drained: GOAWAY in HTTP/2, a close after the current response in HTTP/1.1.
    HttpGoaway,
    /// A body comes in small pieces.
    HttpSlow,
    /// A response stops half way, with the connection left open.
    HttpStall,
    /// A request gets no response, with the connection left open.
    HttpSilence,
    /// A response is late.
    HttpDelay,
    /// A request is answered with a status from 500 to 599.
    Http5xx,
    /// A request is answered 429.
    Http429,
    /// A request is answered 403.
    Http403,
    /// The JSON of a response is cut in half.
    JsonTruncated,
    /// A request is answered with an HTML page.
    JsonHtml,
    /// A call is answered under an id nobody asked with.
    WrongId,
    /// A transaction that landed is not found yet.
    TransactionNull,
    /// New sockets are reset at once.
    RefuseConnections,
    /// The node is behind.
    EndpointLag,
    /// The oldest blocks and transactions are gone.
    HistoryPruned,
    /// The next block is processed and then abandoned.
    BlockAbandon,
    /// The next slots have no block.
    SlotsSkip,
    /// Blocks are processed, and none is confirmed.
    ConfirmationsPause,
    /// Every socket is reset, new ones are refused, and the subscriptions are gone.
    NodeRestart,
}

/// There is no such kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind `{0}`{hint}", hint = names::hint(.0, Kind::ALL.map(Kind::as_str)))]
pub struct UnknownKind(String);

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::WebsocketDrop,
        Self::WebsocketClose,
        Self::WebsocketStall,
        Self::NotificationDrop,
        Self::NotificationDuplicate,
        Self::NotificationReorder,
        Self::NotificationDelay,
        Self::SubscriptionForget,
        Self::HttpKill,
        Self::HttpGoaway,
        Self::HttpSlow,
        Self::HttpStall,
        Self::HttpSilence,
        Self::HttpDelay,
        Self::Http5xx,
        Self::Http429,
        Self::Http403,
        Self::JsonTruncated,
        Self::JsonHtml,
        Self::WrongId,
        Self::TransactionNull,
        Self::RefuseConnections,
        Self::EndpointLag,
        Self::HistoryPruned,
        Self::BlockAbandon,
        Self::SlotsSkip,
        Self::ConfirmationsPause,
        Self::NodeRestart,
    ];

    /// Its name in a plan and in a journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebsocketDrop => "websocket-drop",
            Self::WebsocketClose => "websocket-close",
            Self::WebsocketStall => "websocket-stall",
            Self::NotificationDrop => "notification-drop",
            Self::NotificationDuplicate => "notification-duplicate",
            Self::NotificationReorder => "notification-reorder",
            Self::NotificationDelay => "notification-delay",
            Self::SubscriptionForget => "subscription-forget",
            Self::HttpKill => "http-kill",
            Self::HttpGoaway => "http-goaway",
            Self::HttpSlow => "http-slow",
            Self::HttpStall => "http-stall",
            Self::HttpSilence => "http-silence",
            Self::HttpDelay => "http-delay",
            Self::Http5xx => "http-5xx",
            Self::Http429 => "http-429",
            Self::Http403 => "http-403",
            Self::JsonTruncated => "json-truncated",
            Self::JsonHtml => "json-html",
            Self::WrongId => "wrong-id",
            Self::TransactionNull => "transaction-null",
            Self::RefuseConnections => "refuse-connections",
            Self::EndpointLag => "endpoint-lag",
            Self::HistoryPruned => "history-pruned",
            Self::BlockAbandon => "block-abandon",
            Self::SlotsSkip => "slots-skip",
            Self::ConfirmationsPause => "confirmations-pause",
            Self::NodeRestart => "node-restart",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
