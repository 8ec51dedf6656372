use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use solana_signature::Signature;

use crate::{
    number::Fraction,
    primitives::RawAmount,
    wire::{optional_text, text},
};

/// A market was created, on whatever program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarketDiscovered {
    /// The market's or the pool's account.
    #[serde(with = "text")]
    pub market_address: Address,
    /// The mint that is traded.
    #[serde(with = "text")]
    pub base_mint: Address,
    /// The mint it is traded for.
    #[serde(with = "text")]
    pub quote_mint: Address,
    /// Whose market it is.
    pub dex_type: DexType,
    /// The program that owns it.
    #[serde(with = "text")]
    pub program: Address,
    /// Who created it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub creator: Option<Address>,
    /// When eda found it.
    #[serde(with = "text")]
    pub discovered_at: Timestamp,
    /// The transaction that created it.
    #[serde(with = "text")]
    pub source: Signature,
    /// What was put in of the base mint, in its smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_base: Option<RawAmount>,
    /// What was put in of the quote mint, in its smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_quote: Option<RawAmount>,
    /// What an order book states about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_data: Option<MarketData>,
}

/// What an order book states about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarketData {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The smallest order, in whole units of the base mint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_order_size: Option<Decimal>,
    /// The smallest price step, in whole units of the quote mint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_size: Option<Decimal>,
}

/// A pool was found that will be monitored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolDiscovered {
    /// The pool.
    #[serde(with = "text")]
    pub pool_address: Address,
    /// Whose pool it is.
    pub dex_type: DexType,
    /// One mint of the pool.
    #[serde(with = "text")]
    pub token_a: Address,
    /// The other mint.
    #[serde(with = "text")]
    pub token_b: Address,
    /// The value put in at first, in whole units of the quote mint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_tvl: Option<Decimal>,
    /// When eda found it.
    #[serde(with = "text")]
    pub discovered_at: Timestamp,
    /// How eda found it: a transaction's signature, or `config`.
    pub discovery_source: String,
    /// What the pool states about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_data: Option<PoolData>,
}

/// What a pool states about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolData {
    /// The mint of its LP token.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub lp_mint: Option<Address>,
    /// What it takes of each swap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_rate: Option<Fraction>,
}

/// Whose programs a market or a pool belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DexType {
    /// OpenBook v1 and v2.
    OpenBook,
    /// Raydium AMM v4, CPMM and CLMM.
    Raydium,
    /// Orca Whirlpool.
    Orca,
    /// Meteora DLMM and DAMM v2.
    Meteora,
    /// Pump.fun's bonding curve.
    PumpFun,
    /// PumpSwap.
    PumpSwap,
}
