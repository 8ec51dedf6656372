use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use solana_signature::Signature;

use crate::{
    number::Percent,
    primitives::{Decimals, RawAmount},
    wire::{optional_text, text},
};

/// Tokens were burned by one instruction of a transaction that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BurnDetected {
    /// The mint.
    #[serde(with = "text")]
    pub token: Address,
    /// How much, in the mint's smallest unit.
    pub amount: RawAmount,
    /// The mint's decimal places, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<Decimals>,
    /// The token's symbol, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The supply around the burn, if known.
    #[serde(flatten)]
    pub supply: Option<Supply>,
    /// The transaction.
    #[serde(with = "text")]
    pub tx_signature: Signature,
    /// Whose authority it was: the token account's owner, its delegate, or their multisig.
    #[serde(with = "text")]
    pub burner: Address,
    /// The token account that lost the tokens.
    #[serde(with = "text")]
    pub account: Address,
    /// The token program that did it.
    #[serde(with = "text")]
    pub program: Address,
    /// Which instruction it was.
    pub kind: BurnKind,
    /// What the burn was part of.
    pub cause: BurnCause,
    /// What the burned tokens were worth, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Decimal>,
    /// Whether the token is the LP token of a pool; absent if nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_lp: Option<bool>,
    /// The pool whose LP token it is.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub pool: Option<Address>,
}

/// A mint's supply around a burn. Its fields stand beside the burn's own in JSON, all of them or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Supply {
    /// How much of the supply before was burned.
    pub percentage: Percent,
    /// The supply before, in the mint's smallest unit.
    pub pre_supply: RawAmount,
    /// The supply after.
    pub post_supply: RawAmount,
    /// Whether the supply is proven: anchored by a read and every mint and burn since. Else it was read nearby.
    pub supply_exact: bool,
}

/// The instructions that burn tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnKind {
    /// `Burn`.
    Burn,
    /// `BurnChecked`: states the mint's decimals.
    BurnChecked,
    /// Token-2022's burn of mints that demand a second authority.
    PermissionedBurn,
    /// The same, stating the mint's decimals.
    PermissionedBurnChecked,
}

/// What a burn was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BurnCause {
    /// A holder gave up tokens.
    Holder,
    /// Liquidity left a pool and its LP tokens were destroyed.
    LpWithdraw,
    /// A launch moved to its pool.
    Migration,
    /// The tokens left for another chain.
    Bridge,
    /// An NFT was closed.
    NftClose,
    /// Nobody knows.
    Unknown,
}

// === impl Supply ===

impl Supply {
    /// The supply around a burn of `amount`, from the supply before it. `None` if less was there than was burned:
    /// then the supply is not the one before this burn.
    pub fn before(pre_supply: RawAmount, amount: RawAmount, exact: bool) -> Option<Self> {
        let post_supply = RawAmount(pre_supply.0.checked_sub(amount.0)?);
        let percentage = Percent::of(amount, pre_supply)?;
        Some(Self { percentage, pre_supply, post_supply, supply_exact: exact })
    }

    /// The same, from the supply after it. `None` if the sum is more than a supply can be, or nothing.
    pub fn after(post_supply: RawAmount, amount: RawAmount, exact: bool) -> Option<Self> {
        Self::before(RawAmount(post_supply.0.checked_add(amount.0)?), amount, exact)
    }
}
