use std::{fmt, time::Duration};

use eda_limits::{Limits, Method};

/// Thirty days, after which plans renew their credits.
pub const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What requests are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Finding out which cluster this is, and where each address begins.
    Start,
    /// Every confirmed block.
    Blocks,
    /// The transactions that their logs do not rule out, one by one.
    Transactions,
    /// Listing each followed address, to compare that with what was notified.
    Listings,
    /// Reading the followed accounts again.
    Accounts,
    /// Reading in turn the accounts for which the WebSocket has no room.
    Sweep,
    /// Supplies of mints that are not followed, when they are burned.
    Supplies,
    /// Looking again at what was reported, once it is final.
    Finality,
    /// Comparing the endpoint with another one.
    Endpoints,
}

/// Requests of one method that are made for one purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// What for.
    pub part: Part,
    /// Which method.
    pub method: Method,
    /// So many at the start.
    pub at_start: f64,
    /// So many a second from then on, on average.
    pub per_second: f64,
    /// Bytes of one answer as it travels; absent where nobody measured it and it hardly matters.
    pub bytes: Option<u64>,
    /// The reason in a few words, for people.
    pub why: String,
}

// === impl Cost ===

impl Cost {
    /// Requests that are made again and again.
    pub fn repeated(part: Part, method: Method, per_second: f64, why: impl Into<String>) -> Self {
        Self { part, method, at_start: 0.0, per_second, bytes: None, why: why.into() }
    }

    /// Requests in the first so long.
    pub fn requests(&self, over: Duration) -> f64 {
        self.at_start + self.per_second * over.as_secs_f64()
    }

    /// Credits in the first so long.
    pub fn credits(&self, over: Duration, limits: &Limits) -> f64 {
        self.requests(over) * f64::from(limits.cost(&self.method))
    }

    /// Credits a second, once it has started.
    pub fn credits_per_second(&self, limits: &Limits) -> f64 {
        self.per_second * f64::from(limits.cost(&self.method))
    }

    /// Bytes a second, as far as they are known.
    pub fn bytes_per_second(&self) -> f64 {
        self.bytes.map_or(0.0, |bytes| self.per_second * bytes as f64)
    }
}

// === impl Part ===

impl Part {
    /// Whether it is given up first, when the month's credits would not last: it finds again what was lost on the way,
    /// and less often means later.
    pub fn can_wait(self) -> bool {
        matches!(self, Self::Listings | Self::Accounts | Self::Sweep)
    }

    /// The name on a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Blocks => "blocks",
            Self::Transactions => "transactions",
            Self::Listings => "listings",
            Self::Accounts => "accounts",
            Self::Sweep => "sweep",
            Self::Supplies => "supplies",
            Self::Finality => "finality",
            Self::Endpoints => "endpoints",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
