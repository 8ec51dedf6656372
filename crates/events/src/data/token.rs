use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solana_address::{Address, error::ParseAddressError};
use solana_signature::Signature;

use crate::{
    number::{Fraction, Percent},
    primitives::Slot,
    wire::{optional_text, text},
};

/// What is known about a token's safety. What could not be read is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenValidated {
    /// The mint.
    #[serde(with = "text")]
    pub token: Address,
    /// Whether nobody can mint more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_renounced: Option<bool>,
    /// Whether its liquidity was burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_burned: Option<bool>,
    /// Whether its liquidity is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_locked: Option<bool>,
    /// How many burns of its LP tokens were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lp_burned_count: Option<u64>,
    /// How much of what should be known is known.
    pub confidence: Fraction,
    /// When eda judged it.
    #[serde(with = "text")]
    pub validated_at: Timestamp,
    /// The transaction that made eda look.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub tx_signature: Option<Signature>,
    /// Each check by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_details: Option<ValidationDetails>,
    /// Who can freeze token accounts.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub freeze_authority: Option<Authority>,
    /// The names of the mint's Token-2022 extensions; empty if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<String>>,
    /// How much of its LP tokens was burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lp_burned_percent: Option<Percent>,
    /// How much its largest holders have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_holders: Option<TopHolders>,
    /// At which slot each of these was read.
    pub read_at: ReadSlots,
}

/// Each check by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationDetails {
    /// Whether nobody can mint more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mint_authority_renounced: Option<bool>,
    /// Whether part of the supply was burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_burned: Option<bool>,
    /// How much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_burned_percent: Option<Percent>,
    /// Whether LP tokens were burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lp_tokens_burned: Option<bool>,
    /// Whether LP tokens are locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity_locked: Option<bool>,
}

/// What the largest holders have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopHolders {
    /// How many were looked at.
    pub count: u32,
    /// How much of the supply they hold together.
    pub percent: Percent,
}

/// The slot at which each part of a [`TokenValidated`] was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadSlots {
    /// Of the mint: its authorities and extensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mint: Option<Slot>,
    /// Of `lp_burned_percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lp_burned_percent: Option<Slot>,
    /// Of `top_holders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_holders: Option<Slot>,
}

/// Who holds an authority, when that is known. Travels as `none` or as the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authority {
    /// Nobody, for ever.
    None,
    /// This address.
    Held(Address),
}

// === impl Authority ===

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Held(address) => address.fmt(f),
        }
    }
}

impl FromStr for Authority {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        if text == "none" { Ok(Self::None) } else { text.parse().map(Self::Held) }
    }
}
