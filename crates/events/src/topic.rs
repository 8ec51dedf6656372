//! The channels that events are published on.

use std::fmt;

/// A channel: the topic inside the process, and the channel's name in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Tokens burned.
    Burn,
    /// What pools hold.
    Liquidity,
    /// Trades.
    Trades,
    /// Positions opened and closed.
    Positions,
    /// Quotes of several venues, compared.
    DexComparison,
    /// Token prices.
    Price,
    /// Markets discovered.
    Markets,
    /// Tokens validated.
    Tokens,
    /// Pools discovered.
    Pools,
    /// Events taken back.
    Retractions,
    /// How the workers are.
    Status,
}

// === impl Topic ===

impl Topic {
    /// Every channel, for who reads all of them.
    pub const ALL: [Self; 11] = [
        Self::Burn,
        Self::Liquidity,
        Self::Trades,
        Self::Positions,
        Self::DexComparison,
        Self::Price,
        Self::Markets,
        Self::Tokens,
        Self::Pools,
        Self::Retractions,
        Self::Status,
    ];

    /// The channel's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Burn => "events:burn",
            Self::Liquidity => "events:liquidity",
            Self::Trades => "events:trades",
            Self::Positions => "events:positions",
            Self::DexComparison => "events:dex-comparison",
            Self::Price => "events:price",
            Self::Markets => "events:markets",
            Self::Tokens => "events:tokens",
            Self::Pools => "events:pools",
            Self::Retractions => "events:retractions",
            Self::Status => "workers:status",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
