//! Relay: calls whichever program its caller names, with the caller's own accounts and data. It exists so that
//! anything can also be done by a call, as routers and vaults do it.
//!
//! Accounts: the program to call, then that program's. Data: that program's.

use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// Units it uses itself.
const UNITS: u64 = 1_200;

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let accounts = (1..context.count()).map(|at| {
        Ok(AccountMeta {
            pubkey: context.key(at)?,
            is_signer: context.is_signer(at)?,
            is_writable: context.is_writable(at)?,
        })
    });
    let call = Instruction {
        program_id: context.key(0)?,
        accounts: accounts.collect::<Result<_, InstructionError>>()?,
        data: context.data().to_vec(),
    };
    context.invoke(&call, &[])
}
