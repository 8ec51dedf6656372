//! The `x-ratelimit-*` headers, by the names and with the meanings captured at api.mainnet-beta.solana.com (2026-04)
//! and api.devnet.solana.com (2026-08).

use http::{HeaderMap, HeaderName, HeaderValue};

/// The plan that every response names.
const TIER: HeaderValue = HeaderValue::from_static("free");

/// What is left of each limit that clients are told of, the request at hand counted. A limit that does not exist is
/// absent, and so are its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// Calls of the method that was called.
    pub(super) method: Option<Share>,
    pub(super) requests: Option<Share>,
    pub(super) connects: Option<Share>,
    pub(super) connections: Option<Share>,
    pub(super) pubsub: Option<Share>,
}

/// One limit and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) limit: u64,
    pub(super) remaining: u64,
}

// === impl Left ===

impl Left {
    /// Writes the headers that are not there: a responder may have put in some that lie.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let mut write = |name, value| {
            headers.entry(HeaderName::from_static(name)).or_insert(value);
        };
        write("x-ratelimit-tier", TIER);
        let pairs = [
            (self.method, "x-ratelimit-method-limit", "x-ratelimit-method-remaining"),
            (self.requests, "x-ratelimit-rps-limit", "x-ratelimit-rps-remaining"),
            (self.connections, "x-ratelimit-conn-limit", "x-ratelimit-conn-remaining"),
            (self.connects, "x-ratelimit-connrate-limit", "x-ratelimit-connrate-remaining"),
            (self.pubsub, "x-ratelimit-pubsub-limit", "x-ratelimit-pubsub-remaining"),
        ];
        for (share, limit, remaining) in pairs {
            if let Some(share) = share {
                write(limit, share.limit.into());
                write(remaining, share.remaining.into());
            }
        }
        // What everyone may ask of the endpoint together: it is counted, below zero, and not limited.
        if let Some(Share { limit, remaining }) = self.requests {
            let used = i64::try_from(limit.saturating_sub(remaining)).unwrap_or(i64::MAX);
            write("x-ratelimit-endpoint-limit", HeaderValue::from_static("unlimited"));
            write("x-ratelimit-endpoint-remaining", HeaderValue::from(-used));
        }
    }
}
