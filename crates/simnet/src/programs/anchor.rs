//! What programs written with Anchor have in common: arguments after a discriminator of 8 bytes, accounts at derived
//! addresses, and events, in lines or in calls of the program to itself.

use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;

use crate::{
    chain::rent_exempt_minimum,
    instructions,
    programs::token::{Holding, Mint},
    runtime::Context,
};

/// `InstructionFallbackNotFound`: no such instruction (`anchor-lang`, `error.rs`, here and below).
pub(super) const UNKNOWN: InstructionError = InstructionError::Custom(101);
/// `InstructionDidNotDeserialize`.
const MALFORMED: InstructionError = InstructionError::Custom(102);
/// `ConstraintSeeds`: an account is not at the address derived for it.
const SEEDS: InstructionError = InstructionError::Custom(2_006);
/// `ConstraintAddress`: an account is not the one that was meant.
const ADDRESS: InstructionError = InstructionError::Custom(2_012);
/// `AccountNotInitialized`, or an account that is another program's.
const UNINITIALIZED: InstructionError = InstructionError::Custom(3_012);
/// `AccountNotSigner`.
const UNSIGNED: InstructionError = InstructionError::Custom(3_010);
/// A number that does not fit.
pub(super) const OVERFLOW: InstructionError = InstructionError::ArithmeticOverflow;

/// What an instruction's data begins with when it is an event that the program tells itself.
pub(super) const EVENT: [u8; 8] = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d];
/// Seed of the address that signs such calls.
const EVENT_AUTHORITY: &[u8] = b"__event_authority";

/// Fields one after another, read from the front: arguments of an instruction, or an account's data.
#[derive(Debug)]
pub(super) struct Fields {
    data: Vec<u8>,
    /// Bytes read.
    read: usize,
}

// === impl Fields ===

impl Fields {
    pub(super) fn of(data: &[u8]) -> Self {
        Self { data: data.to_vec(), read: 0 }
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], InstructionError> {
        self.bytes(N)?.try_into().map_err(|_| MALFORMED)
    }

    pub(super) fn u8(&mut self) -> Result<u8, InstructionError> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, InstructionError> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, InstructionError> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn address(&mut self) -> Result<Address, InstructionError> {
        self.take().map(Address::new_from_array)
    }

    /// The bytes of a text behind its length, both as they stand.
    pub(super) fn text(&mut self) -> Result<Vec<u8>, InstructionError> {
        let length: [u8; 4] = self.take()?;
        let bytes = usize::try_from(u32::from_le_bytes(length)).map_err(|_| MALFORMED)?;
        Ok([&length[..], self.bytes(bytes)?].concat())
    }

    fn bytes(&mut self, bytes: usize) -> Result<&[u8], InstructionError> {
        let end = self.read.checked_add(bytes).ok_or(MALFORMED)?;
        let taken = self.data.get(self.read..end).ok_or(MALFORMED)?;
        self.read = end;
        Ok(taken)
    }
}

/// Fails unless the account at `at` signed.
pub(super) fn signed(context: &Context<'_, '_>, at: usize) -> Result<(), InstructionError> {
    if context.is_signer(at)? { Ok(()) } else { Err(UNSIGNED) }
}

/// Fails unless the account at `at` is this one.
pub(super) fn is(context: &Context<'_, '_>, at: usize, address: Address) -> Result<(), InstructionError> {
    if context.key(at)? == address { Ok(()) } else { Err(ADDRESS) }
}

/// The bump of the address that the program derives from `seeds`, which the account at `at` must be.
pub(super) fn bump(context: &Context<'_, '_>, at: usize, seeds: &[&[u8]]) -> Result<u8, InstructionError> {
    let (address, bump) = Address::find_program_address(seeds, &context.program());
    if context.key(at)? == address { Ok(bump) } else { Err(SEEDS) }
}

/// What stands behind `discriminator` in an account of the program itself.
pub(super) fn state(
    context: &Context<'_, '_>,
    at: usize,
    discriminator: [u8; 8],
) -> Result<Fields, InstructionError> {
    let account = context.account(at)?;
    let fields = account.data.strip_prefix(&discriminator);
    let own = fields.filter(|_| account.owner == context.program());
    own.map(Fields::of).ok_or(UNINITIALIZED)
}

/// Creates the account at `at`, paid by the one at `payer`; it must be the one that the program derives from `seeds`.
pub(super) fn create(
    context: &mut Context<'_, '_>,
    payer: usize,
    at: usize,
    bytes: u64,
    owner: Address,
    seeds: &[&[u8]],
) -> Result<(), InstructionError> {
    let bump = [bump(context, at, seeds)?];
    let lamports = rent_exempt_minimum(usize::try_from(bytes).map_err(|_| OVERFLOW)?);
    let (payer, address) = (context.key(payer)?, context.key(at)?);
    let call = instructions::create_account(payer, address, lamports, bytes, owner);
    context.invoke(&call, &[&[seeds, &[&bump]].concat()])
}

/// The mint in the account at `at`.
pub(super) fn mint(context: &Context<'_, '_>, at: usize) -> Result<Mint, InstructionError> {
    Mint::read(context.account(at)?).ok_or(UNINITIALIZED)
}

/// The token account in the account at `at`.
pub(super) fn holding(context: &Context<'_, '_>, at: usize) -> Result<Holding, InstructionError> {
    Holding::read(context.account(at)?).ok_or(UNINITIALIZED)
}

/// Moves tokens of the mint at `mint`, by whichever token program it is of. The seeds of an authority that the
/// calling program derives come with their bump.
pub(super) fn transfer(
    context: &mut Context<'_, '_>,
    mint: usize,
    [from, to]: [usize; 2],
    authority: usize,
    amount: u64,
    seeds: &[&[&[u8]]],
) -> Result<(), InstructionError> {
    let decimals = self::mint(context, mint)?.decimals;
    let (program, mint) = (context.account(mint)?.owner, context.key(mint)?);
    let (from, to, authority) = (context.key(from)?, context.key(to)?, context.key(authority)?);
    let call = instructions::transfer_checked(program, [from, mint, to, authority], amount, decimals);
    context.invoke(&call, seeds)
}

/// Writes an event as a line.
pub(super) fn emit(context: &mut Context<'_, '_>, discriminator: [u8; 8], fields: &[&[u8]]) {
    context.log_data(&[&discriminator[..], &fields.concat()].concat());
}

/// Tells the program itself an event, by a call that its event authority signs.
pub(super) fn emit_by_call(
    context: &mut Context<'_, '_>,
    discriminator: [u8; 8],
    fields: &[&[u8]],
) -> Result<(), InstructionError> {
    let program = context.program();
    let (authority, bump) = event_authority(&program);
    let call = Instruction {
        program_id: program,
        accounts: vec![AccountMeta::new_readonly(authority, true)],
        data: [&EVENT[..], &discriminator, &fields.concat()].concat(),
    };
    context.invoke(&call, &[&[EVENT_AUTHORITY, &[bump]]])
}

/// Takes an event that the program told itself.
pub(super) fn hear(context: &Context<'_, '_>) -> Result<(), InstructionError> {
    let (authority, _) = event_authority(&context.program());
    is(context, 0, authority)?;
    signed(context, 0)
}

/// The address that signs a program's events, with its bump.
pub(crate) fn event_authority(program: &Address) -> (Address, u8) {
    Address::find_program_address(&[EVENT_AUTHORITY], program)
}

/// Writes over the beginning of the data of the account at `at`.
pub(super) fn write(
    context: &mut Context<'_, '_>,
    at: usize,
    fields: &[&[u8]],
) -> Result<(), InstructionError> {
    let bytes = fields.concat();
    let data = context.data_mut(at)?;
    data.get_mut(..bytes.len()).ok_or(InstructionError::AccountDataTooSmall)?.copy_from_slice(&bytes);
    Ok(())
}
