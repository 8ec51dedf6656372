//! The small types that every crate speaks: each is one concept with its unit in its name.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A slot number: the chain's clock. Its length in milliseconds changes over the years and is measured at run
/// time, never assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u64);

/// An amount in a mint's smallest unit. Travels as a decimal string, because JSON numbers lose precision past 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawAmount(pub u64);

/// The number of decimal places between a mint's smallest unit and its display unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimals(pub u8);

/// How settled a fact is, in the RPC's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Commitment {
    /// Executed by the node that answers; may still be dropped with its fork.
    Processed,
    /// Voted for by a supermajority.
    #[default]
    Confirmed,
    /// Rooted: cannot be undone.
    Finalized,
}

/// Which chain a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cluster {
    /// Genesis `5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d`.
    MainnetBeta,
    /// Genesis `4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY`.
    Testnet,
    /// Genesis `EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG`.
    Devnet,
    /// A simulated chain: nothing on it is real.
    Simnet,
    /// Not known: the endpoint has not said yet. Only status events say this.
    Unknown,
    /// Any other chain, a local validator for example, named by its genesis hash.
    Genesis(String),
}

/// The hash of a chain's first block, base58: names the chain beyond doubt, where a cluster's name may stand for
/// several (every simulated one is called the same). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Genesis(Arc<str>);

/// What the genesis hash of every simulated chain begins with in base58.
const SIMULATED: &str = "Simnet";

/// The five workers. Labels, leases and budgets are keyed by this closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerName {
    /// Finds tokens burned by their holders.
    BurnDetector,
    /// Finds new pools and markets.
    MarketDetector,
    /// Follows what pools hold.
    LiquidityMonitor,
    /// Prices tokens from pools.
    PriceAggregator,
    /// Turns events into (paper) trades.
    TradingBot,
}

// === impl Slot ===

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Genesis ===

impl Genesis {
    /// Stands for the chain while the endpoint has not said which one it is.
    pub fn unknown() -> Self {
        Self::from("unknown")
    }

    /// The hash, base58.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Genesis {
    fn from(hash: &str) -> Self {
        Self(hash.into())
    }
}

impl fmt::Display for Genesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl RawAmount ===

impl fmt::Display for RawAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for RawAmount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RawAmount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

// === impl Commitment ===

impl Commitment {
    /// The word the RPC uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Cluster ===

impl Cluster {
    /// Names the public clusters by the hash of their first block, and simulated ones by how theirs begin; any other
    /// hash names itself.
    pub fn from_genesis(hash: &str) -> Self {
        match hash {
            "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d" => Self::MainnetBeta,
            "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY" => Self::Testnet,
            "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG" => Self::Devnet,
            simulated if simulated.starts_with(SIMULATED) => Self::Simnet,
            other => Self::Genesis(other.to_owned()),
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MainnetBeta => "mainnet-beta",
            Self::Testnet => "testnet",
            Self::Devnet => "devnet",
            Self::Simnet => "simnet",
            Self::Unknown => "unknown",
            Self::Genesis(hash) => hash,
        })
    }
}

impl Serialize for Cluster {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cluster {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(match text.as_ref() {
            "mainnet-beta" => Self::MainnetBeta,
            "testnet" => Self::Testnet,
            "devnet" => Self::Devnet,
            "simnet" => Self::Simnet,
            "unknown" => Self::Unknown,
            simulated if simulated.starts_with(SIMULATED) => Self::Simnet,
            other => Self::Genesis(other.to_owned()),
        })
    }
}

// === impl WorkerName ===

impl WorkerName {
    /// Every worker, in the order they are started and listed.
    pub const ALL: [Self; 5] = [
        Self::BurnDetector,
        Self::MarketDetector,
        Self::LiquidityMonitor,
        Self::PriceAggregator,
        Self::TradingBot,
    ];

    /// The name on the command line, in config.toml and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BurnDetector => "burn-detector",
            Self::MarketDetector => "market-detector",
            Self::LiquidityMonitor => "liquidity-monitor",
            Self::PriceAggregator => "price-aggregator",
            Self::TradingBot => "trading-bot",
        }
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWorker(pub String);

impl fmt::Display for UnknownWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown worker `{}`", self.0)
    }
}

impl std::error::Error for UnknownWorker {}

impl FromStr for WorkerName {
    type Err = UnknownWorker;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownWorker(text.to_owned()))
    }
}
