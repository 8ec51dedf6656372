//! What the headers of a response say about limits.
//!
//! Solana's public endpoints send `x-ratelimit-<name>-limit` and `-remaining` with every response (captured
//! 2026-03 to 2026-08). They count over ten seconds, whatever `rps` suggests; where config or profile give a window
//! of another length, the number is taken for that one.

use std::time::Duration;

/// The window that `x-ratelimit-*` headers speak of where config and profile name none.
pub(crate) const HEADER_WINDOW: Duration = Duration::from_secs(10);

/// The limits a response named. A limit of 0 or less is no limit ("unlimited" arrives as no number at all).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) total: Counter,
    pub(crate) endpoint: Counter,
    pub(crate) method: Counter,
    pub(crate) connects: Counter,
    pub(crate) connections: Counter,
    pub(crate) pubsub: Counter,
}

/// One limit and how much of it the provider counts as used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) limit: Option<u64>,
    remaining: Option<i64>,
}

impl Observed {
    /// Reads the headers, given without their common prefix. Names that are not known are passed over: providers
    /// add their own.
    pub(crate) fn read(headers: &[(String, i64)]) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            let Some((what, kind)) = name.rsplit_once('-') else { continue };
            let counter = match what {
                "rps" => &mut seen.total,
                "endpoint" => &mut seen.endpoint,
                "method" => &mut seen.method,
                "connrate" => &mut seen.connects,
                "conn" => &mut seen.connections,
                "pubsub" => &mut seen.pubsub,
                _ => continue,
            };
            match kind {
                "limit" => counter.limit = u64::try_from(*value).ok().filter(|limit| *limit > 0),
                "remaining" => counter.remaining = Some(*value),
                _ => {}
            }
        }
        seen
    }
}

impl Counter {
    /// How many units of the limit the provider counts as used; needs both numbers.
    pub(crate) fn used(self) -> Option<u64> {
        let remaining = u64::try_from(self.remaining?.max(0)).ok()?;
        Some(self.limit?.saturating_sub(remaining))
    }
}
