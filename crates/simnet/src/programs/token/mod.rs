//! Token and Token-2022: mints, token accounts, and what moves, makes and destroys tokens.
//!
//! Layouts: SPL Token `interface/src/{state,instruction}.rs`; Token-2022 the same, with extensions after byte 165.

mod state;

use solana_instruction_error::InstructionError;

pub use self::state::{Holding, Mint};
use crate::runtime::Context;

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(100)?;
    Err(InstructionError::InvalidInstructionData)
}
