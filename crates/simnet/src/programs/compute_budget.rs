//! Compute budget: its instructions are read before a transaction runs (see [`Budget`](crate::runtime::Budget)).

use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// Units one instruction costs (`compute-budget-program`, `DEFAULT_COMPUTE_UNITS`).
const UNITS: u64 = 150;

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)
}
