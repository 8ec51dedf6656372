//! The truth about a transaction, noted by the programs while they run.
//!
//! Nothing here is decoded from what the chain shows afterwards; that is what makes it a measure for decoders.

use serde::{Serialize, Serializer};
use solana_address::Address;

/// Something that happened, and where in the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The instruction that did it.
    pub place: Place,
    /// The program that called that instruction's program; `None` if the transaction itself did.
    pub caller: Option<Address>,
    /// What it did.
    pub what: What,
}

/// Where in its transaction an instruction is, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The top-level instruction.
    pub instruction: usize,
    /// Its position among those called below that one, if it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<usize>,
    /// The entry of the `Batch` instruction, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_entry: Option<usize>,
}

/// What an instruction did. Addresses and amounts are written as text, amounts in the mint's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum What {
    /// Tokens stopped to exist.
    Burn {
        /// Token or Token-2022.
        #[serde(serialize_with = "text")]
        program: Address,
        /// `burn`, `burn_checked`, `permissioned_burn` or `permissioned_burn_checked`.
        instruction: &'static str,
        /// The mint.
        #[serde(serialize_with = "text")]
        mint: Address,
        /// The token account that lost them.
        #[serde(serialize_with = "text")]
        account: Address,
        /// Owner, delegate or multisig.
        #[serde(serialize_with = "text")]
        authority: Address,
        /// How many.
        #[serde(serialize_with = "text")]
        amount: u64,
        /// The mint's supply just before.
        #[serde(serialize_with = "text")]
        supply_before: u64,
    },
    /// Tokens came into being.
    Mint {
        /// Token or Token-2022.
        #[serde(serialize_with = "text")]
        program: Address,
        /// The mint.
        #[serde(serialize_with = "text")]
        mint: Address,
        /// The token account that received them.
        #[serde(serialize_with = "text")]
        account: Address,
        /// How many.
        #[serde(serialize_with = "text")]
        amount: u64,
        /// The mint's supply just before.
        #[serde(serialize_with = "text")]
        supply_before: u64,
    },
    /// A mint was initialized.
    MintCreated {
        /// Token or Token-2022.
        #[serde(serialize_with = "text")]
        program: Address,
        /// The mint.
        #[serde(serialize_with = "text")]
        mint: Address,
        /// Decimals of its display unit.
        decimals: u8,
        /// Who may mint.
        #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
        mint_authority: Option<Address>,
        /// Who may freeze accounts.
        #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
        freeze_authority: Option<Address>,
    },
    /// An authority of a mint or token account was handed over or given up.
    AuthoritySet {
        /// Token or Token-2022.
        #[serde(serialize_with = "text")]
        program: Address,
        /// The mint or token account.
        #[serde(serialize_with = "text")]
        account: Address,
        /// `mint_tokens`, `freeze_account`, `account_owner`, `close_account`, or an extension's.
        authority: &'static str,
        /// Absent if it was given up.
        #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
        to: Option<Address>,
    },
    /// A pool or market came into being.
    PoolCreated {
        /// The exchange's program.
        #[serde(serialize_with = "text")]
        program: Address,
        /// The pool or market.
        #[serde(serialize_with = "text")]
        pool: Address,
        /// Its base mint.
        #[serde(serialize_with = "text")]
        base: Address,
        /// Its quote mint.
        #[serde(serialize_with = "text")]
        quote: Address,
    },
}

fn text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn optional_text<T: ToString, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => text(value, serializer),
        None => serializer.serialize_none(),
    }
}
