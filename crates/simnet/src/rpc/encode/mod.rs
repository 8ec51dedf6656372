//! Accounts, transactions and blocks in the shapes in which nodes show them.
//!
//! Shapes: Agave's `account-decoder` and `transaction-status`, as version 4.2.2 prints them. Methods and notifications
//! both speak through this module.

/// Accounts.
mod account;
/// Amounts of tokens.
mod amount;
/// Blocks.
mod block;
/// What a transaction costs a block.
mod cost;
/// Token-2022's extensions.
mod extension;
/// Instructions.
mod instruction;
/// What executing a transaction did.
mod meta;
/// Little-endian fields.
mod reader;
/// What accounts hold.
mod state;
/// Transactions.
mod transaction;
/// Frames of Zstandard.
mod zstd;

pub(crate) use self::{
    account::{AccountEncoding, DataSlice, Snapshot, account_value, from_base64, time_at},
    amount::Unit,
    block::{BlockOptions, Details, block_value},
    cost::loaded_bytes,
    meta::{inner_instructions, loaded_addresses, return_data, token_balances},
    transaction::{TransactionEncoding, memos, transaction_value},
};

#[cfg(test)]
mod tests;
