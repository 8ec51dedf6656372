//! What events say: one type of event per row of the table below, one file per family.
//!
//! In JSON the names are camelCase; amounts and prices are decimal strings, percentages and fractions numbers,
//! addresses and signatures base58, times RFC 3339. What is unknown is absent: an absent field never means false
//! or zero.

/// Tokens burned.
mod burn;
/// What pools hold.
mod liquidity;
/// Markets and pools discovered.
mod market;
/// Positions opened and closed.
mod position;
/// Token prices.
mod price;
/// Events taken back.
mod retraction;
/// How the workers are.
mod status;
#[cfg(test)]
mod tests;
/// What a token's mint and its holders look like.
mod token;
/// Quotes and trades.
mod trade;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use burn::{BurnCause, BurnDetected, BurnKind, Supply};
pub use liquidity::{Currency, LiquidityCause, LiquidityChanged};
pub use market::{DexType, MarketData, MarketDiscovered, PoolData, PoolDiscovered};
pub use position::{CloseReason, PositionClosed, PositionOpened};
pub use price::{PriceSource, PriceUpdate};
pub use retraction::EventRetracted;
pub use status::{
    Budget, Http, InputMetrics, SharedConnection, Status, WebSocket, WorkerMetrics, WorkerState, WorkerStatus,
};
pub use token::{Authority, ReadSlots, TokenValidated, TopHolders, ValidationDetails};
pub use trade::{DexQuote, DexQuoteComparison, Side, TradeExecuted, TradingMode};

use crate::topic::Topic;

macro_rules! vocabulary {
    ($($type:ident, $word:literal, $topic:ident, $what:literal;)*) => {
        /// What an event says.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Data {
            $(#[doc = $what] $type($type),)*
        }

        /// The type of an event, without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $(#[doc = $what] #[serde(rename = $word)] $type,)*
        }

        impl Data {
            /// The type of event this is the data of.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$type(_) => Kind::$type,)*
                }
            }

            /// Reads the data of an event of the given type; unknown fields are passed over.
            pub(crate) fn read(kind: Kind, json: serde_json::Value) -> serde_json::Result<Self> {
                match kind {
                    $(Kind::$type => $type::deserialize(json).map(Self::$type),)*
                }
            }
        }

        impl Kind {
            /// Every type of event.
            pub const ALL: &[Self] = &[$(Self::$type),*];

            /// The word in the envelope's `type`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$type => $word,)*
                }
            }

            /// The channel this type is published on.
            pub fn topic(self) -> Topic {
                match self {
                    $(Self::$type => Topic::$topic,)*
                }
            }
        }

        $(impl From<$type> for Data {
            fn from(data: $type) -> Self {
                Self::$type(data)
            }
        })*
    };
}

vocabulary! {
    BurnDetected, "BURN_DETECTED", Burn, "Tokens were burned.";
    LiquidityChanged, "LIQUIDITY_CHANGED", Liquidity, "What a pool holds changed.";
    TradeExecuted, "TRADE_EXECUTED", Trades, "A trade was made, on chain or on paper.";
    PositionOpened, "POSITION_OPENED", Positions, "A position was opened.";
    PositionClosed, "POSITION_CLOSED", Positions, "A position was closed.";
    WorkerStatus, "WORKER_STATUS", Status, "How a worker is.";
    DexQuoteComparison, "DEX_QUOTE_COMPARISON", DexComparison, "The quotes of several venues, and the choice made.";
    PriceUpdate, "PRICE_UPDATE", Price, "A token's price, proven by pools.";
    MarketDiscovered, "MARKET_DISCOVERED", Markets, "A market was created.";
    TokenValidated, "TOKEN_VALIDATED", Tokens, "What is known about a token's safety.";
    EventRetracted, "EVENT_RETRACTED", Retractions, "A reported fact did not survive.";
    PoolDiscovered, "POOL_DISCOVERED", Pools, "A pool was found that will be monitored.";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
