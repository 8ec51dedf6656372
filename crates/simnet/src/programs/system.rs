//! System: creates accounts and moves lamports.
//!
//! Layouts: `solana-system-interface`, `instruction.rs` (bincode: u32 tag, fields little endian).

use solana_address::Address;
use solana_instruction_error::InstructionError;

use crate::runtime::Context;

/// Units one instruction costs (`system-program`, `DEFAULT_COMPUTE_UNITS`).
const UNITS: u64 = 150;
/// Bytes an account may have (`MAX_PERMITTED_DATA_LENGTH`).
const LARGEST: u64 = 10 * 1024 * 1024;
/// `SystemError::AccountAlreadyInUse` and `ResultWithNegativeLamports`.
const ALREADY_IN_USE: InstructionError = InstructionError::Custom(0);
const NEGATIVE: InstructionError = InstructionError::Custom(1);
const INVALID_LENGTH: InstructionError = InstructionError::Custom(3);

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let mut data = Reader(context.data());
    match data.u32()? {
        0 => {
            let (lamports, bytes, owner) = (data.u64()?, data.u64()?, data.address()?);
            create(context, lamports, bytes, owner)
        }
        1 => {
            let owner = data.address()?;
            signed(context, 0)?;
            context.assign(0, owner)
        }
        2 => {
            let lamports = data.u64()?;
            transfer(context, 0, 1, lamports)
        }
        8 => {
            let bytes = data.u64()?;
            allocate(context, 0, bytes)
        }
        _ => Err(InstructionError::InvalidInstructionData),
    }
}

fn create(
    context: &mut Context<'_, '_>,
    lamports: u64,
    bytes: u64,
    owner: Address,
) -> Result<(), InstructionError> {
    if context.account(1)?.lamports > 0 {
        let key = context.key(1)?;
        context.log_plain(format!(
            "Create Account: account Address {{ address: {key}, base: None }} already in use"
        ));
        return Err(ALREADY_IN_USE);
    }
    allocate(context, 1, bytes)?;
    context.assign(1, owner)?;
    transfer(context, 0, 1, lamports)
}

fn allocate(context: &mut Context<'_, '_>, at: usize, bytes: u64) -> Result<(), InstructionError> {
    signed(context, at)?;
    if !context.account(at)?.data.is_empty() || context.account(at)?.owner != super::SYSTEM {
        return Err(ALREADY_IN_USE);
    }
    if bytes > LARGEST {
        return Err(INVALID_LENGTH);
    }
    let bytes = usize::try_from(bytes).map_err(|_| INVALID_LENGTH)?;
    context.data_mut(at)?.resize(bytes, 0);
    Ok(())
}

fn transfer(
    context: &mut Context<'_, '_>,
    from: usize,
    to: usize,
    lamports: u64,
) -> Result<(), InstructionError> {
    signed(context, from)?;
    if !context.account(from)?.data.is_empty() {
        context.log_plain("Transfer: `from` must not carry data".to_owned());
        return Err(InstructionError::InvalidArgument);
    }
    let has = context.account(from)?.lamports;
    if has < lamports {
        context.log_plain(format!("Transfer: insufficient lamports {has}, need {lamports}"));
        return Err(NEGATIVE);
    }
    context.debit(from, lamports)?;
    context.credit(to, lamports)
}

fn signed(context: &Context<'_, '_>, at: usize) -> Result<(), InstructionError> {
    if context.is_signer(at)? { Ok(()) } else { Err(InstructionError::MissingRequiredSignature) }
}

/// Reads little-endian fields off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], InstructionError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(InstructionError::InvalidInstructionData)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, InstructionError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, InstructionError> {
        self.take().map(u64::from_le_bytes)
    }

    fn address(&mut self) -> Result<Address, InstructionError> {
        self.take().map(Address::new_from_array)
    }
}
