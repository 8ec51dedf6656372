//! Associated Token Account: gives an owner the token account of a mint that wallets look for.
//!
//! `associated-token-account`, `program/src/processor.rs`. Accounts: who pays, the account, its owner, the mint, the
//! System program, the token program. RecoverNested is refused.

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;

use super::{SYSTEM, TOO_FEW_ACCOUNTS, token::Holding};
use crate::{chain::rent_exempt_minimum, instructions, runtime::Context};

/// Units of the program itself, without what it calls: what it looks at first, each address it tries until one is off
/// the curve, and the rest if it creates the account.
const UNITS: u64 = 2_950;
const UNITS_PER_ADDRESS: u64 = 1_500;
const UNITS_TO_CREATE: u64 = 8_400;
/// `AssociatedTokenAccountError::InvalidOwner`.
const INVALID_OWNER: InstructionError = InstructionError::Custom(0);

const PAYER: usize = 0;
const ACCOUNT: usize = 1;
const OWNER: usize = 2;
const MINT: usize = 3;
const PROGRAM: usize = 5;

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let idempotent = match context.data() {
        [] | [0] => false,
        [1] => true,
        _ => return Err(InstructionError::InvalidInstructionData),
    };
    context.log(if idempotent { "CreateIdempotent" } else { "Create" });
    if context.count() <= PROGRAM {
        return Err(TOO_FEW_ACCOUNTS);
    }
    let (account, owner, mint, program) =
        (context.key(ACCOUNT)?, context.key(OWNER)?, context.key(MINT)?, context.key(PROGRAM)?);
    let seeds = [owner.as_ref(), program.as_ref(), mint.as_ref()];
    let (derived, bump) = Address::find_program_address(&seeds, &context.program());
    let tried = u64::from(u8::MAX - bump).saturating_add(1);
    context.consume(tried.saturating_mul(UNITS_PER_ADDRESS))?;
    if derived != account {
        context.log("Error: Associated address does not match seed derivation");
        return Err(InstructionError::InvalidSeeds);
    }
    if idempotent
        && context.account(ACCOUNT)?.owner == program
        && let Some(there) = Holding::read(context.account(ACCOUNT)?)
    {
        if there.owner != owner {
            context.log("Associated token account owner does not match address derivation");
            return Err(INVALID_OWNER);
        }
        return if there.mint == mint { Ok(()) } else { Err(InstructionError::InvalidAccountData) };
    }
    if context.account(ACCOUNT)?.owner != SYSTEM {
        return Err(InstructionError::IllegalOwner);
    }
    context.consume(UNITS_TO_CREATE)?;
    let bytes = account_bytes(context, program, mint)?;
    let bump = [bump];
    create(context, bytes, &[owner.as_ref(), program.as_ref(), mint.as_ref(), &bump])?;
    context.log("Initialize the associated token account");
    context.invoke(&instructions::initialize_immutable_owner(program, account), &[])?;
    context.invoke(&instructions::initialize_account(program, account, mint, owner), &[])
}

/// Asks the token program how long the account must be, with an owner that cannot change.
fn account_bytes(
    context: &mut Context<'_, '_>,
    program: Address,
    mint: Address,
) -> Result<u64, InstructionError> {
    let asked = Instruction {
        program_id: program,
        accounts: vec![AccountMeta::new_readonly(mint, false)],
        data: vec![21, 7, 0],
    };
    context.invoke(&asked, &[])?;
    let (from, bytes) = context.returned().ok_or(InstructionError::InvalidInstructionData)?;
    if *from != program {
        return Err(InstructionError::IncorrectProgramId);
    }
    let bytes = bytes.as_slice().try_into().map_err(|_| InstructionError::InvalidInstructionData)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Creates the account; if somebody sent lamports there before, around them.
fn create(context: &mut Context<'_, '_>, bytes: u64, seeds: &[&[u8]]) -> Result<(), InstructionError> {
    let (payer, account, program) = (context.key(PAYER)?, context.key(ACCOUNT)?, context.key(PROGRAM)?);
    let rent = rent_exempt_minimum(usize::try_from(bytes).unwrap_or(usize::MAX));
    let there = context.account(ACCOUNT)?.lamports;
    if there == 0 {
        let create = instructions::create_account(payer, account, rent, bytes, program);
        return context.invoke(&create, &[seeds]);
    }
    let missing = rent.saturating_sub(there);
    if missing > 0 {
        context.invoke(&instructions::transfer_lamports(payer, account, missing), &[])?;
    }
    context.invoke(&instructions::allocate(account, bytes), &[seeds])?;
    context.invoke(&instructions::assign(account, program), &[seeds])
}
