//! Instructions of the programs that actors and tests call, encoded by hand: the crates that have them bring a second
//! and third major version of the whole Solana stack.
//!
//! Layouts: System, Address Lookup Table (bincode: u32 tag, fields little endian); SPL Token and Token-2022
//! (`interface/src/instruction.rs`: u8 tag, fields little endian); Batch (`pinocchio/program/src/processor/batch.rs`).

/// Token accounts at addresses that follow from owner and mint.
mod associated_token;
/// Tables of addresses.
mod lookup_table;
/// Pump.fun and PumpSwap.
pub mod pump;
/// Raydium CPMM.
pub mod raydium_cpmm;
/// Accounts and lamports.
mod system;
/// What both token programs have.
mod token;
/// What Token-2022 alone has.
mod token_2022;

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

pub use self::{
    associated_token::{associated_token, create_associated_token},
    lookup_table::{
        close_lookup_table, create_lookup_table, deactivate_lookup_table, extend_lookup_table,
        freeze_lookup_table,
    },
    system::{
        allocate, allocate_with_seed, assign, assign_with_seed, create_account, create_account_with_seed,
        transfer_lamports, transfer_lamports_with_seed,
    },
    token::*,
    token_2022::*,
};
pub use crate::programs::{ASSOCIATED_TOKEN, LOOKUP_TABLE, MEMO, SYSTEM, TOKEN, TOKEN_2022};

/// Compute Budget 2: the compute units the transaction may use.
pub fn set_compute_unit_limit(units: u32) -> Instruction {
    compute_budget(2, &units.to_le_bytes())
}

/// Compute Budget 3: micro-lamports per compute unit on top of the fee.
pub fn set_compute_unit_price(micro_lamports: u64) -> Instruction {
    compute_budget(3, &micro_lamports.to_le_bytes())
}

fn compute_budget(tag: u8, number: &[u8]) -> Instruction {
    let data = [&[tag], number].concat();
    Instruction { program_id: crate::programs::COMPUTE_BUDGET, accounts: Vec::new(), data }
}

/// Memo: prints a text, which `signers` sign.
pub fn memo(text: &str, signers: &[Address]) -> Instruction {
    let accounts = signers.iter().map(|signer| AccountMeta::new_readonly(*signer, true)).collect();
    Instruction { program_id: MEMO, accounts, data: text.as_bytes().to_vec() }
}
