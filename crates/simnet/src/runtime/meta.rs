//! What executing a transaction did, as nodes record it beside the transaction.

use solana_address::Address;
use solana_transaction_error::TransactionError;

use super::Effect;

/// The record of one execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Why it failed, if it did.
    pub err: Option<TransactionError>,
    /// Lamports its payer paid.
    pub fee: u64,
    /// Lamports of each account before, by the transaction's account index.
    pub pre_balances: Vec<u64>,
    /// The same after.
    pub post_balances: Vec<u64>,
    /// What each token account held before.
    pub pre_token_balances: Vec<TokenBalance>,
    /// The same after.
    pub post_token_balances: Vec<TokenBalance>,
    /// Instructions that top-level instructions called, of those that called any.
    pub inner: Vec<InnerGroup>,
    /// What the programs printed.
    pub logs: Vec<String>,
    /// Addresses that lookup tables gave.
    pub loaded: Loaded,
    /// Compute units used.
    pub units: u64,
    /// What the last program that returned something returned.
    pub return_data: Option<(Address, Vec<u8>)>,
    /// The truth about what it did; empty if it failed.
    pub effects: Vec<Effect>,
}

/// What one token account held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBalance {
    /// The account's index in the transaction.
    pub index: u8,
    /// Its mint.
    pub mint: Address,
    /// Its owner.
    pub owner: Address,
    /// The token program that owns it.
    pub program: Address,
    /// In the mint's smallest unit.
    pub amount: u64,
    /// The mint's decimals.
    pub decimals: u8,
}

/// The instructions called below one top-level instruction, in the order of their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerGroup {
    /// The top-level instruction.
    pub index: u8,
    /// Those called below it, at any depth.
    pub instructions: Vec<InnerInstruction>,
}

/// One instruction that a program called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerInstruction {
    /// Index of the program among the transaction's accounts.
    pub program_index: u8,
    /// Indexes of its accounts among the transaction's accounts.
    pub accounts: Vec<u8>,
    /// Its data.
    pub data: Vec<u8>,
    /// 2 if a top-level instruction called it, and so on.
    pub height: u32,
}

/// Addresses that lookup tables gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The writable ones, in the order of the lookups.
    pub writable: Vec<Address>,
    /// The others.
    pub readonly: Vec<Address>,
}
