use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::{Address, error::ParseAddressError};

use super::DexType;
use crate::{number::Percent, primitives::RawAmount, wire::text};

/// What a pool holds changed by more than the threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiquidityChanged {
    /// The pool.
    #[serde(with = "text")]
    pub pool_address: Address,
    /// One mint of the pool.
    #[serde(with = "text")]
    pub token_a: Address,
    /// The other mint.
    #[serde(with = "text")]
    pub token_b: Address,
    /// The value the pool held before, in `tvl_currency`.
    pub old_tvl: Decimal,
    /// The value it holds now.
    pub new_tvl: Decimal,
    /// Of the values: the change from old to new.
    pub change_percentage: Percent,
    /// What the values are counted in.
    #[serde(with = "text")]
    pub tvl_currency: Currency,
    /// One `token_a` in `token_b`, if the pool has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Whose program the pool belongs to.
    pub dex_type: DexType,
    /// What the pool holds of `token_a`, in its smallest unit.
    pub reserve_a: RawAmount,
    /// What the pool holds of `token_b`, in its smallest unit.
    pub reserve_b: RawAmount,
    /// What made the change.
    pub cause: LiquidityCause,
}

/// What a value is counted in. Travels as `USD` or as the mint's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Currency {
    /// US dollars.
    Usd,
    /// Whole units of a mint.
    Mint(Address),
}

/// What changed a pool's holdings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiquidityCause {
    /// One side went in, the other out.
    Swap,
    /// Both sides went in.
    Deposit,
    /// Both sides went out.
    Withdraw,
    /// Nobody knows.
    Unknown,
}

// === impl Currency ===

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usd => f.write_str("USD"),
            Self::Mint(mint) => mint.fmt(f),
        }
    }
}

impl FromStr for Currency {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        if text == "USD" { Ok(Self::Usd) } else { text.parse().map(Self::Mint) }
    }
}
