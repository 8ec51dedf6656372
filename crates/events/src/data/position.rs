use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::Address;

use super::TradingMode;
use crate::{id::EventId, number::Percent, primitives::RawAmount, wire::text};

/// A position was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionOpened {
    /// The position's own name.
    pub position_id: String,
    /// Whether real money is in it.
    pub mode: TradingMode,
    /// The mint held.
    #[serde(with = "text")]
    pub token: Address,
    /// How much of it, in its smallest unit.
    pub amount: RawAmount,
    /// One whole token in whole units of the quote currency, as bought.
    pub entry_price: Decimal,
    /// The price at or below which it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<Decimal>,
    /// The price at or above which it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<Decimal>,
    /// The strategy that opened it.
    pub strategy: String,
    /// The event that made it do so.
    pub trigger: EventId,
}

/// A position was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionClosed {
    /// The position's own name.
    pub position_id: String,
    /// Whether real money was in it.
    pub mode: TradingMode,
    /// The mint held.
    #[serde(with = "text")]
    pub token: Address,
    /// One whole token in whole units of the quote currency, as sold.
    pub exit_price: Decimal,
    /// Profit or loss after fees, in whole units of the quote currency.
    pub pnl: Decimal,
    /// The same, of what was paid.
    pub pnl_percent: Percent,
    /// How long it was held, in milliseconds.
    pub hold_duration: u64,
    /// Why it was closed.
    pub close_reason: CloseReason,
    /// All fees of its trades, in lamports.
    pub fees: RawAmount,
}

/// Why a position was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloseReason {
    /// The price rose to its target.
    TakeProfit,
    /// The price fell to its limit.
    StopLoss,
    /// The price fell from its highest by more than allowed.
    TrailingStop,
    /// It was held as long as allowed.
    Timeout,
    /// A protection closed it: the pool lost its liquidity, the mint changed.
    Protection,
    /// A person closed it.
    Manual,
}
