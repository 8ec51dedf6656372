use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use solana_signature::Signature;

use crate::{
    number::{Fraction, Percent},
    primitives::RawAmount,
    wire::{optional_text, text},
};

/// A trade was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradeExecuted {
    /// The trade's own name.
    pub trade_id: String,
    /// Whether the position grew or shrank.
    pub r#type: Side,
    /// Whether real money moved.
    pub mode: TradingMode,
    /// The mint that was given.
    #[serde(with = "text")]
    pub token_in: Address,
    /// The mint that was received.
    #[serde(with = "text")]
    pub token_out: Address,
    /// How much was given, in its smallest unit.
    pub amount_in: RawAmount,
    /// How much was received, in its smallest unit.
    pub amount_out: RawAmount,
    /// One whole traded token in whole units of the currency it was traded for.
    pub price: Decimal,
    /// How far the outcome was from the quote.
    pub slippage: Fraction,
    /// The transaction; absent on paper.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub tx_signature: Option<Signature>,
    /// The position it belongs to.
    pub position_id: String,
    /// Where it was traded.
    pub venue: String,
    /// All fees of the transaction, in lamports.
    pub fees: RawAmount,
    /// The part of the fees that bought priority, in lamports.
    pub priority_fee: RawAmount,
    /// Why it was made.
    pub reason: String,
}

/// The direction of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Into the token.
    Buy,
    /// Out of it.
    Sell,
}

/// Whether real money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TradingMode {
    /// Simulated.
    Paper,
    /// Real.
    Live,
}

/// The quotes of several venues for one swap, and the one chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DexQuoteComparison {
    /// The mint to give.
    #[serde(with = "text")]
    pub input_mint: Address,
    /// The mint to receive.
    #[serde(with = "text")]
    pub output_mint: Address,
    /// How much to give, in its smallest unit.
    pub amount: RawAmount,
    /// What each venue offers.
    pub quotes: Vec<DexQuote>,
    /// The venue chosen.
    #[serde(rename = "selectedDEX")]
    pub selected_dex: String,
    /// Its offer.
    pub best_quote: DexQuote,
}

/// What a venue offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DexQuote {
    /// The venue.
    pub dex: String,
    /// How much would be received, in its smallest unit.
    pub out_amount: RawAmount,
    /// How far the swap itself moves the price.
    pub price_impact_pct: Percent,
}
