//! Tables of addresses that version 0 messages load from.
//!
//! A table's account (`solana-address-lookup-table-interface`, `state.rs`): u32 tag 1, deactivation slot u64 at 4, last
//! extended slot u64 at 12, start index of that extension u8 at 20, authority flag u8 at 21 and address at 22; addresses
//! of 32 bytes from 56 on.

use solana_address::Address;
use solana_instruction_error::InstructionError;
use solana_transaction_error::TransactionError;

use crate::{chain::Account, runtime::Context};

const HEADER: usize = 56;
const EXTENDED: usize = 12;
const START: usize = 20;

/// The addresses a message may load in `slot`: those added in the same slot are not among them.
///
/// # Errors
/// When the account is no table.
pub fn active(table: &Account, slot: u64) -> Result<Vec<Address>, TransactionError> {
    if table.owner != super::LOOKUP_TABLE {
        return Err(TransactionError::InvalidAddressLookupTableOwner);
    }
    let broken = TransactionError::InvalidAddressLookupTableData;
    let (Some([1, 0, 0, 0]), Some(addresses)) = (table.data.first_chunk(), table.data.get(HEADER..)) else {
        return Err(broken);
    };
    let extended =
        table.data.get(EXTENDED..).and_then(|data| data.first_chunk()).map(|data| u64::from_le_bytes(*data));
    let fresh = extended.is_none_or(|extended| extended >= slot);
    let start = table.data.get(START).copied().map_or(0, usize::from);
    let (chunks, rest) = addresses.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(broken);
    }
    let usable = if fresh { start } else { chunks.len() };
    Ok(chunks.iter().take(usable).map(|bytes| Address::new_from_array(*bytes)).collect())
}

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(750)?;
    Err(InstructionError::InvalidInstructionData)
}
