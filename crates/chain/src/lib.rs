//! Bytes to facts: what a transaction, a block or an account says, read from what RPC nodes send.
//!
//! Pure: no I/O, no clock, and no panic on any byte from outside. What cannot be read is a typed error or a
//! listed entry with its reason, so that a caller can count it; nothing is skipped silently.

/// A block and its transactions.
pub mod block;
/// Sightings of new pools, markets and coins.
pub mod creation;
/// What a transaction's log lines can rule out.
pub mod logs;
/// Where in a transaction something happened.
pub mod place;
/// The addresses of the programs eda knows.
pub mod programs;
/// The SPL Token programs: instructions, burns, supply, accounts.
pub mod token;
/// One executed transaction.
pub mod transaction;

mod json;
#[cfg(test)]
mod testing;

pub use block::{Block, BlockError, Unreadable};
pub use creation::{CreationSeen, creations};
pub use logs::may_touch;
pub use place::Place;
pub use programs::Dex;
pub use token::{
    AccountState, Burn, BurnKind, Extension, ExtensionType, Extensions, LayoutError, Mint, SupplyAround,
    SupplyChange, SupplyDelta, SupplyStep, TokenAccount, TokenFacts, TokenProgram, TokenState, Undecodable,
    UndecodableReason, burns, supply_deltas,
};
pub use transaction::{Instruction, Lamports, TokenBalance, Transaction, TransactionError, Version};
