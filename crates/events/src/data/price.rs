use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::Address;

use super::DexType;
use crate::{
    number::{Fraction, Percent},
    primitives::Slot,
    wire::text,
};

/// A token's price. A token whose price cannot be proven has no such event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceUpdate {
    /// The mint.
    #[serde(with = "text")]
    pub token: Address,
    /// One whole token in US dollars.
    pub price: Decimal,
    /// How the price was found.
    pub source: String,
    /// How much the sources agree, and how much stands behind them.
    pub confidence: Fraction,
    /// What was traded in the last 24 hours, in US dollars.
    #[serde(default, rename = "volume24h", skip_serializing_if = "Option::is_none")]
    pub volume_24h: Option<Decimal>,
    /// How the price changed in the last 24 hours.
    #[serde(default, rename = "priceChange24h", skip_serializing_if = "Option::is_none")]
    pub price_change_24h: Option<Percent>,
    /// The pools it comes from.
    pub sources: Vec<PriceSource>,
}

/// One pool's share in a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceSource {
    /// Whose program the pool belongs to.
    pub dex: DexType,
    /// The pool.
    #[serde(with = "text")]
    pub pool: Address,
    /// One whole token in US dollars, by this pool.
    pub price: Decimal,
    /// What the pool holds, in US dollars.
    pub liquidity: Decimal,
    /// The slot of the pool's state.
    pub slot: Slot,
    /// What was traded in this pool in the last 24 hours, in US dollars.
    #[serde(default, rename = "volume24h", skip_serializing_if = "Option::is_none")]
    pub volume_24h: Option<Decimal>,
}
