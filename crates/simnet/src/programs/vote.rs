//! Vote: what validators say about blocks. Votes are taken, and change nothing here: which blocks are built upon is the
//! [`chain`](crate::chain)'s decision.

use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// Units one instruction costs (`vote-program`, `DEFAULT_COMPUTE_UNITS`).
const UNITS: u64 = 2_100;

/// Instructions that vote (`solana-vote-interface`, `instruction.rs`; bincode: u32 tag): Vote, UpdateVoteState,
/// CompactUpdateVoteState and TowerSync, each also in its form for a switch of forks.
const VOTES: [u32; 8] = [2, 6, 8, 9, 12, 13, 14, 15];

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    match context.data().first_chunk().map(|tag| u32::from_le_bytes(*tag)) {
        Some(tag) if VOTES.contains(&tag) => Ok(()),
        Some(_) | None => Err(InstructionError::InvalidInstructionData),
    }
}
