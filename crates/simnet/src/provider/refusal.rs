//! Why a provider refuses, and the words it does so with.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, Version, header};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::window::Fit;

/// What was broken, or what else a provider has against a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Requests of all methods together.
    Requests,
    /// Requests of one method.
    Method,
    /// Credits of all requests together.
    Credits,
    /// The credits that the plan includes per month.
    MonthlyCredits,
    /// Bytes of responses.
    Bytes,
    /// New connections.
    Connects,
    /// Connections open at once.
    Connections,
    /// WebSockets open at once.
    Pubsub,
    /// Subscriptions on one WebSocket.
    Subscriptions,
    /// The address or the key is blocked.
    Blocked,
}

/// Something that is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) fit: Fit,
}

// === impl Cause ===

impl Cause {
    /// The public endpoint has three texts for its limits, which name what is to be left alone: one method, all
    /// requests, or connecting. Captured at api.mainnet-beta.solana.com.
    fn words(self) -> &'static str {
        match self {
            Self::Method => "Too many requests for a specific RPC call",
            Self::Requests | Self::Credits | Self::MonthlyCredits | Self::Bytes => {
                "Too many requests from your IP"
            }
            Self::Connects | Self::Connections | Self::Pubsub => "Connection rate limits exceeded",
            Self::Subscriptions => "Internal Error: Subscription refused. Node subscription limit reached",
            Self::Blocked => "Access forbidden",
        }
    }

    /// The JSON-RPC error of a subscription that is refused: the code and words of Agave's `TooManySubscriptions`
    /// (`rpc_pubsub.rs`), since no provider's own are known.
    pub(crate) fn rpc_error(self) -> Value {
        json!({"code": -32603, "message": self.words()})
    }
}

// === impl Refusal ===

impl Refusal {
    /// The response: 403 for what is blocked, else 429 with the seconds until it would have fitted, rounded up, if
    /// they are known. Over HTTP/1.1 a 429 closes the connection.
    pub(super) fn response(self, now: Instant, version: Version) -> Response<String> {
        let message = self.cause.words();
        let (status, body) = if self.cause == Cause::Blocked {
            let error = json!({"code": 403, "message": message});
            (StatusCode::FORBIDDEN, json!({"jsonrpc": "2.0", "error": error, "id": null}))
        } else {
            (StatusCode::TOO_MANY_REQUESTS, json!({"code": 429, "message": message}))
        };
        let body = body.to_string();
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, length);
        if status == StatusCode::TOO_MANY_REQUESTS {
            if let Fit::At(at) = self.fit {
                headers.insert(
                    header::RETRY_AFTER,
                    HeaderValue::from(seconds_up(at.saturating_duration_since(now))),
                );
            }
            if version <= Version::HTTP_11 {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        response
    }
}

fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
