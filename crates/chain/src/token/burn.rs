//! Burns: tokens destroyed by an instruction.

use std::fmt;

use eda_events::{Address, Decimals, Path, RawAmount};

use super::TokenProgram;
use crate::{place::Place, transaction::Transaction};

/// One burn that a transaction asked for. It happened if the transaction did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burn {
    /// Where the instruction stands.
    pub path: Path,
    /// The entry of a `Batch` instruction, where it is in one.
    pub batch_entry: Option<u16>,
    /// The program that burned.
    pub program: TokenProgram,
    /// The instruction's form.
    pub kind: BurnKind,
    /// The token account that held the tokens.
    pub account: Address,
    /// The token.
    pub mint: Address,
    /// Who asked: the account's owner, its delegate, or a multisig account that is one of them.
    pub authority: Address,
    /// Who signed for a multisig authority; empty for a plain one.
    pub signers: Vec<Address>,
    /// Units destroyed.
    pub amount: RawAmount,
    /// The mint's decimals, from the instruction or from the recorded token balances; unknown otherwise.
    pub decimals: Option<Decimals>,
    /// Who owned the token account, from the recorded token balances; differs from `authority` when a delegate
    /// burned. Unknown when the account was not there before and after the transaction.
    pub owner: Option<Address>,
}

/// The four instructions that burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BurnKind {
    /// `Burn`.
    Burn,
    /// `BurnChecked`: states the decimals.
    BurnChecked,
    /// `PermissionedBurn` of Token-2022: an authority named by the mint signs too.
    PermissionedBurn,
    /// The checked form of it.
    PermissionedBurnChecked,
}

/// All burns of a transaction in execution order, whether it failed or not.
pub fn burns(transaction: &Transaction) -> Vec<Burn> {
    transaction.token_facts().burns.clone()
}

// === impl Burn ===

impl Burn {
    /// Path and batch entry together; their text is the last part of the event id.
    pub fn place(&self) -> Place {
        Place { path: self.path, batch_entry: self.batch_entry }
    }
}

// === impl BurnKind ===

impl BurnKind {
    /// The name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Burn => "burn",
            Self::BurnChecked => "burn_checked",
            Self::PermissionedBurn => "permissioned_burn",
            Self::PermissionedBurnChecked => "permissioned_burn_checked",
        }
    }
}

impl fmt::Display for BurnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
