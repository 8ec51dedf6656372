//! What a text frame from the server says.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A frame, understood as far as its envelope goes; contents stay as they came.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// A subscription has something to tell.
    Notification { upstream: u64, result: &'a RawValue },
    /// The answer to a request of ours.
    Answer { request: u64, outcome: Result<&'a RawValue, RpcError> },
    /// An error that names no request, for example a rate limit.
    Stray(RpcError),
    /// Not a frame that anyone expects here.
    Odd(Odd),
}

/// A JSON-RPC error as the server worded it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RpcError {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

/// Frames that are counted and otherwise left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Odd {
    /// A binary message.
    Binary,
    /// Text that is not JSON, an HTML page for example.
    NotJson,
    /// JSON that is neither a notification nor an answer.
    Shapeless,
    /// An answer to something never asked, or answered before.
    UnknownRequest,
    /// A notification of a subscription that is not (or no longer) known.
    UnknownSubscription,
    /// An error that names no request.
    StrayError,
    /// A subscription was accepted, but under something that is no id.
    BadId,
    /// A slot notification without a readable slot.
    BadSlot,
}

/// What to do about a refused subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Asking again gives the same answer.
    Permanent,
    /// Asking later may help.
    Temporary,
    /// Too many requests: nobody should ask for a while.
    RateLimited,
    /// A code without a common meaning: worth asking a few times.
    Doubtful,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Params<'a> {
    subscription: u64,
    #[serde(borrow)]
    result: &'a RawValue,
}

// === impl Incoming ===

impl<'a> Incoming<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let Ok(envelope) = serde_json::from_str::<Envelope<'a>>(text) else {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            return Self::Odd(if is_json { Odd::Shapeless } else { Odd::NotJson });
        };
        let request = envelope.id.and_then(|id| id.get().parse::<u64>().ok());
        match (request, envelope.error, envelope.result, envelope.params) {
            (Some(request), Some(error), _, _) => {
                Self::Answer { request, outcome: Err(RpcError::read(error)) }
            }
            (Some(request), None, Some(result), _) => Self::Answer { request, outcome: Ok(result) },
            (None, Some(error), _, _) => Self::Stray(RpcError::read(error)),
            (None, None, None, Some(params)) => match serde_json::from_str::<Params<'a>>(params.get()) {
                Ok(params) => Self::Notification { upstream: params.subscription, result: params.result },
                Err(_) => Self::Odd(Odd::Shapeless),
            },
            (Some(_), None, None, _) | (None, None, Some(_), _) | (None, None, None, None) => {
                Self::Odd(Odd::Shapeless)
            }
        }
    }
}

// === impl RpcError ===

impl RpcError {
    /// Errors that are no JSON-RPC error objects (some proxies send a bare text) are kept as text under code 0.
    fn read(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get())
            .unwrap_or_else(|_| Self { code: 0, message: raw.get().chars().take(200).collect() })
    }

    pub(super) fn verdict(&self) -> Verdict {
        let text = self.message.to_ascii_lowercase();
        // -32005 is "node is behind" on nodes and "limit exceeded" at several providers; both pass.
        if matches!(self.code, 429 | -32429)
            || ["rate limit", "too many requests", "per second"].iter().any(|words| text.contains(words))
        {
            return Verdict::RateLimited;
        }
        match self.code {
            -32700 | -32600 | -32601 | -32602 => Verdict::Permanent,
            // A node that has no room for subscriptions answers -32603.
            -32603 | -32005 => Verdict::Temporary,
            _ => Verdict::Doubtful,
        }
    }
}

// === impl Odd ===

impl Odd {
    /// The label in metrics, status and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::NotJson => "not_json",
            Self::Shapeless => "shapeless",
            Self::UnknownRequest => "unknown_request",
            Self::UnknownSubscription => "unknown_subscription",
            Self::StrayError => "stray_error",
            Self::BadId => "bad_id",
            Self::BadSlot => "bad_slot",
        }
    }
}

#[cfg(test)]
mod tests;
