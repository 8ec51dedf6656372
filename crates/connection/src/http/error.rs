use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;

use crate::{dial::DialError, request::Method};

/// Why a call has no result. What the provider said is quoted in part only, without the URL's path and query.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The provider's limit: HTTP 429, or a JSON-RPC error that says the same.
    #[error("rate limited: {message}")]
    RateLimited {
        /// How long the provider wants to be left alone.
        retry_after: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// HTTP 401.
    #[error("the provider does not accept the API key (401: {excerpt}); check the key in the request URL")]
    Unauthorized {
        /// What the provider said.
        excerpt: String,
    },
    /// HTTP 403.
    #[error(
        "the provider refuses this key, plan or IP address (403: {excerpt}); check the key's allow-list and plan, or \
         use another endpoint"
    )]
    Forbidden {
        /// What the provider said.
        excerpt: String,
    },
    /// Any other HTTP status without a JSON-RPC answer.
    #[error("HTTP status {code}: {excerpt}")]
    Status {
        /// The status.
        code: u16,
        /// What the provider said.
        excerpt: String,
    },
    /// The node's own error.
    #[error(transparent)]
    Rpc(RpcError),
    /// The answer is not a complete JSON-RPC answer: an HTML page, truncated JSON, something else.
    #[error("the answer is not JSON-RPC: {excerpt}")]
    NotJson {
        /// How it begins.
        excerpt: String,
    },
    /// The answer belongs to no call that was made, or the batch's answer lacks this call.
    #[error("the answer carries no response for this call's id")]
    WrongId,
    /// The answer is larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes after decompression.
        limit: u64,
    },
    /// The connection failed. Repeating the call is safe: it had not left, or it has no effect.
    #[error(transparent)]
    Transport(TransportError),
    /// The call may or may not have been carried out. It must not simply be repeated.
    #[error("{method} was sent and its outcome is unknown: {cause}")]
    OutcomeUnknown {
        /// What was called.
        method: Method,
        /// What happened to the answer.
        cause: String,
    },
    /// Nothing arrived for so long that the answer was given up.
    #[error("no progress for {after:?}")]
    Stalled {
        /// The bound.
        after: Duration,
    },
    /// The connection was closed by this side.
    #[error("the connection is closed")]
    Closed,
}

/// An error object of a JSON-RPC answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message} (JSON-RPC error {code})")]
pub struct RpcError {
    /// For example -32602.
    pub code: i64,
    /// The node's words.
    pub message: String,
    /// What else the node says, for example the logs of a failed simulation.
    pub data: Option<Box<RawValue>>,
}

/// Why the connection failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be opened.
    #[error(transparent)]
    Dial(#[from] Arc<DialError>),
    /// The connection ended before the call left.
    #[error("the connection ended before the call was sent: {reason}")]
    NotSent {
        /// The protocol library's words.
        reason: String,
    },
    /// The connection ended before the answer was complete.
    #[error("the connection ended before the answer was complete: {reason}")]
    Lost {
        /// The protocol library's words.
        reason: String,
    },
}

// === impl CallError ===

impl CallError {
    /// The label in metrics and status.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate-limited",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Status { .. } => "status",
            Self::Rpc(_) => "rpc",
            Self::NotJson { .. } => "not-json",
            Self::WrongId => "wrong-id",
            Self::TooLarge { .. } => "too-large",
            Self::Transport(TransportError::Dial(_)) => "dial",
            Self::Transport(TransportError::NotSent { .. }) => "not-sent",
            Self::Transport(TransportError::Lost { .. }) => "lost",
            Self::OutcomeUnknown { .. } => "outcome-unknown",
            Self::Stalled { .. } => "stalled",
            Self::Closed => "closed",
        }
    }

    /// The error of a call that was sent: without a definite refusal, one that is unsafe to repeat may have been
    /// carried out.
    pub(super) fn after_sending(self, method: &Method) -> Self {
        if method.is_unsafe_to_repeat() && !self.is_refusal() {
            return Self::OutcomeUnknown { method: method.clone(), cause: self.to_string() };
        }
        self
    }

    /// Whether the other side certainly did not carry the call out. A gateway's 5xx or 408 says nothing about the
    /// node behind it.
    fn is_refusal(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Rpc(_)
            | Self::Transport(TransportError::Dial(_) | TransportError::NotSent { .. })
            | Self::OutcomeUnknown { .. } => true,
            Self::Status { code, .. } => *code < 500 && *code != 408,
            Self::NotJson { .. }
            | Self::WrongId
            | Self::TooLarge { .. }
            | Self::Transport(TransportError::Lost { .. })
            | Self::Stalled { .. }
            | Self::Closed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_definite_refusal_leaves_a_transaction_unsent() {
        let send = Method::new("sendTransaction");
        let lost = || CallError::Transport(TransportError::Lost { reason: "reset".to_owned() });
        let status = |code| CallError::Status { code, excerpt: String::new() };
        for error in [lost(), status(502), status(408), CallError::WrongId, CallError::Closed] {
            assert!(matches!(error.after_sending(&send), CallError::OutcomeUnknown { .. }));
        }
        assert!(matches!(status(413).after_sending(&send), CallError::Status { .. }));
        let not_sent = CallError::Transport(TransportError::NotSent { reason: String::new() });
        assert!(matches!(not_sent.after_sending(&send), CallError::Transport(_)));
        assert!(matches!(lost().after_sending(&Method::new("getSlot")), CallError::Transport(_)));
    }
}
