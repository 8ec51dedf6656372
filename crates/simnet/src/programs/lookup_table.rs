//! Tables of addresses that version 0 messages load from.
//!
//! A table's account (`solana-address-lookup-table-interface`, `state.rs`): u32 tag 1, deactivation slot u64 at 4, last
//! extended slot u64 at 12, start index of that extension u8 at 20, authority flag u8 at 21 and address at 22; addresses
//! of 32 bytes from 56 on. What the program checks and prints: `address-lookup-table`, `program/src/processor.rs`.

use solana_address::Address;
use solana_instruction_error::InstructionError;
use solana_transaction_error::TransactionError;

use super::TOO_FEW_ACCOUNTS;
use crate::{
    chain::{Account, rent_exempt_minimum},
    instructions,
    runtime::Context,
};

const HEADER: usize = 56;
/// Addresses of a table at most.
const MOST_ADDRESSES: usize = 256;
/// New addresses in one instruction at most: its data is no longer than a packet.
const MOST_NEW: usize = (1_232 - 4 - 8) / 32;
/// Slots whose hashes are known (`solana-slot-hashes`, `MAX_ENTRIES`); a table is closed only after so many.
const KNOWN_SLOTS: usize = 512;
/// The deactivation slot of a table that is in use.
const ACTIVE: u64 = u64::MAX;
/// Units that every instruction uses to begin with.
const UNITS: u64 = 800;
/// Where the slot hashes are.
const SLOT_HASHES: Address = Address::from_str_const("SysvarS1otHashes111111111111111111111111111");

/// What stands before a table's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    deactivated: u64,
    extended: u64,
    start: u8,
    authority: Option<Address>,
}

/// An instruction (bincode: u32 tag, fields little endian).
enum Order {
    Create { slot: u64, bump: u8 },
    Freeze,
    Extend(Vec<Address>),
    Deactivate,
    Close,
}

/// The addresses a message may load in `slot`: those added in the same slot are not among them.
///
/// # Errors
/// When the account is no table.
pub fn active(table: &Account, slot: u64) -> Result<Vec<Address>, TransactionError> {
    if table.owner != super::LOOKUP_TABLE {
        return Err(TransactionError::InvalidAddressLookupTableOwner);
    }
    let broken = TransactionError::InvalidAddressLookupTableData;
    let header = Header::read(&table.data).map_err(|_| broken.clone())?;
    let (chunks, rest) = table.data.get(HEADER..).unwrap_or_default().as_chunks::<32>();
    if !rest.is_empty() {
        return Err(broken);
    }
    let usable = if header.extended >= slot { usize::from(header.start) } else { chunks.len() };
    Ok(chunks.iter().take(usable).map(|bytes| Address::new_from_array(*bytes)).collect())
}

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let data = context.data().to_vec();
    let Some(order) = Order::read(&data) else {
        return refuse(context, InstructionError::InvalidInstructionData);
    };
    context.log(&format!("Instruction: {}", order.name()));
    context.consume(order.units())?;
    match order {
        Order::Create { slot, bump } => create(context, slot, bump),
        Order::Freeze => freeze(context),
        Order::Extend(new) => extend(context, &new),
        Order::Deactivate => deactivate(context),
        Order::Close => close(context),
    }
}

/// CreateLookupTable: table, authority, who pays, the System program.
fn create(context: &mut Context<'_, '_>, slot: u64, bump: u8) -> Result<(), InstructionError> {
    names(context, 3)?;
    if !context.is_signer(2)? {
        return fail(context, "Payer account must be a signer", InstructionError::MissingRequiredSignature);
    }
    if place_of(context, slot).is_none() {
        return fail(
            context,
            &format!("{slot} is not a recent slot"),
            InstructionError::InvalidInstructionData,
        );
    }
    let (table, authority, payer) = (context.key(0)?, context.key(1)?, context.key(2)?);
    let (slot, bump) = (slot.to_le_bytes(), [bump]);
    let seeds = [authority.as_ref(), &slot, &bump];
    let derived = Address::create_program_address(&seeds, &context.program());
    let Ok(derived) = derived else { return refuse(context, InstructionError::InvalidSeeds) };
    if derived != table {
        let line = format!("Table address must match derived address: {derived}");
        return fail(context, &line, InstructionError::InvalidArgument);
    }
    if context.account(0)?.owner == context.program() {
        return Ok(());
    }
    let missing = rent_exempt_minimum(HEADER).saturating_sub(context.account(0)?.lamports);
    if missing > 0 {
        context.invoke(&instructions::transfer_lamports(payer, table, missing), &[])?;
    }
    names(context, 4)?;
    let bytes = u64::try_from(HEADER).unwrap_or(u64::MAX);
    context.invoke(&instructions::allocate(table, bytes), &[&seeds])?;
    let program = context.program();
    context.invoke(&instructions::assign(table, program), &[&seeds])?;
    let header = Header { deactivated: ACTIVE, extended: 0, start: 0, authority: Some(authority) };
    header.write(context.data_mut(0)?);
    Ok(())
}

/// FreezeLookupTable: table, authority.
fn freeze(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let header = authorized(context, "Lookup table is already frozen", 2)?;
    if header.deactivated != ACTIVE {
        return fail(context, "Deactivated tables cannot be frozen", InstructionError::InvalidArgument);
    }
    if context.account(0)?.data.len() <= HEADER {
        let error = InstructionError::InvalidInstructionData;
        return fail(context, "Empty lookup tables cannot be frozen", error);
    }
    Header { authority: None, ..header }.write(context.data_mut(0)?);
    Ok(())
}

/// ExtendLookupTable: table, authority, and, if it needs more lamports, who pays and the System program.
fn extend(context: &mut Context<'_, '_>, new: &[Address]) -> Result<(), InstructionError> {
    let mut header = authorized(context, "Lookup table is frozen", 2)?;
    if header.deactivated != ACTIVE {
        return fail(context, "Deactivated tables cannot be extended", InstructionError::InvalidArgument);
    }
    let known = context.account(0)?.data.len().saturating_sub(HEADER) / 32;
    if known >= MOST_ADDRESSES {
        let line = "Lookup table is full and cannot contain more addresses";
        return fail(context, line, InstructionError::InvalidArgument);
    }
    if new.is_empty() {
        let error = InstructionError::InvalidInstructionData;
        return fail(context, "Must extend with at least one address", error);
    }
    let all = known.saturating_add(new.len());
    if all > MOST_ADDRESSES {
        let line =
            format!("Extended lookup table length {all} would exceed max capacity of {MOST_ADDRESSES}");
        return fail(context, &line, InstructionError::InvalidInstructionData);
    }
    let slot = context.environment().slot;
    if header.extended != slot {
        header.extended = slot;
        header.start = u8::try_from(known).map_err(|_| InstructionError::InvalidAccountData)?;
    }
    let data = context.data_mut(0)?;
    header.write(data);
    data.extend(new.iter().flat_map(|address| address.as_array()));
    let bytes = data.len();
    let missing = rent_exempt_minimum(bytes).saturating_sub(context.account(0)?.lamports);
    if missing > 0 {
        names(context, 3)?;
        if !context.is_signer(2)? {
            let error = InstructionError::MissingRequiredSignature;
            return fail(context, "Payer account must be a signer", error);
        }
        names(context, 4)?;
        let (table, payer) = (context.key(0)?, context.key(2)?);
        context.invoke(&instructions::transfer_lamports(payer, table, missing), &[])?;
    }
    Ok(())
}

/// DeactivateLookupTable: table, authority.
fn deactivate(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let header = authorized(context, "Lookup table is frozen", 2)?;
    if header.deactivated != ACTIVE {
        return fail(context, "Lookup table is already deactivated", InstructionError::InvalidArgument);
    }
    let deactivated = context.environment().slot;
    Header { deactivated, ..header }.write(context.data_mut(0)?);
    Ok(())
}

/// CloseLookupTable: table, authority, who gets its lamports.
fn close(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let header = authorized(context, "Lookup table is frozen", 3)?;
    let slot = header.deactivated;
    let remaining = if slot == context.environment().slot {
        Some(KNOWN_SLOTS.saturating_add(1))
    } else {
        place_of(context, slot).map(|place| KNOWN_SLOTS.saturating_sub(place))
    };
    let invalid = InstructionError::InvalidArgument;
    match remaining {
        _ if slot == ACTIVE => return fail(context, "Lookup table is not deactivated", invalid),
        Some(blocks) => {
            let line = format!("Table cannot be closed until it's fully deactivated in {blocks} blocks");
            return fail(context, &line, invalid);
        }
        None => {}
    }
    let lamports = context.account(0)?.lamports;
    context.data_mut(0)?.clear();
    context.debit(0, lamports)?;
    context.credit(2, lamports)
}

/// The header of the table at 0, whose authority at 1 signed; `frozen` is printed if it has none.
fn authorized(
    context: &mut Context<'_, '_>,
    frozen: &str,
    accounts: usize,
) -> Result<Header, InstructionError> {
    names(context, 1)?;
    if context.account(0)?.owner != context.program() {
        let line = "Lookup table owner should be the Address Lookup Table program";
        return fail(context, line, InstructionError::InvalidAccountOwner);
    }
    names(context, 2)?;
    if !context.is_signer(1)? {
        let error = InstructionError::MissingRequiredSignature;
        return fail(context, "Authority account must be a signer", error);
    }
    names(context, accounts)?;
    if accounts > 2 && context.key(0)? == context.key(2)? {
        let line = "Lookup table cannot be the recipient of reclaimed lamports";
        return fail(context, line, InstructionError::InvalidArgument);
    }
    let header = match Header::read(&context.account(0)?.data) {
        Ok(header) => header,
        Err(error) => return refuse(context, error),
    };
    match header.authority {
        None => fail(context, frozen, InstructionError::Immutable),
        Some(authority) if authority != context.key(1)? => {
            fail(context, "Incorrect lookup table authority", InstructionError::IncorrectAuthority)
        }
        Some(_) => Ok(header),
    }
}

/// How many known slots are newer than this one, if its hash is known.
fn place_of(context: &Context<'_, '_>, slot: u64) -> Option<usize> {
    let hashes = context.sysvar(&SLOT_HASHES)?;
    // A u64 count, then slot u64 and hash, newest first.
    let (entries, _) = hashes.data.get(8..)?.as_chunks::<40>();
    entries.iter().position(|entry| entry.first_chunk() == Some(&slot.to_le_bytes()))
}

/// Fails with a line that says why, and one with the error.
fn fail<T>(
    context: &mut Context<'_, '_>,
    line: &str,
    error: InstructionError,
) -> Result<T, InstructionError> {
    context.log(line);
    refuse(context, error)
}

/// Fails with a line that names the error.
fn refuse<T>(context: &mut Context<'_, '_>, error: InstructionError) -> Result<T, InstructionError> {
    context.log(&format!("Error: {error:?}"));
    Err(error)
}

fn names(context: &mut Context<'_, '_>, accounts: usize) -> Result<(), InstructionError> {
    if context.count() < accounts { refuse(context, TOO_FEW_ACCOUNTS) } else { Ok(()) }
}

// === impl Order ===

impl Order {
    fn read(data: &[u8]) -> Option<Self> {
        let (tag, rest) = data.split_first_chunk()?;
        match u32::from_le_bytes(*tag) {
            0 => {
                let (slot, rest) = rest.split_first_chunk()?;
                Some(Self::Create { slot: u64::from_le_bytes(*slot), bump: *rest.first()? })
            }
            1 => Some(Self::Freeze),
            2 => {
                let (count, addresses) = rest.split_first_chunk()?;
                let count = usize::try_from(u64::from_le_bytes(*count)).ok();
                let count = count.filter(|count| *count <= MOST_NEW)?;
                let (chunks, _) = addresses.as_chunks::<32>();
                let new = chunks.get(..count)?.iter();
                Some(Self::Extend(new.map(|bytes| Address::new_from_array(*bytes)).collect()))
            }
            3 => Some(Self::Deactivate),
            4 => Some(Self::Close),
            _ => None,
        }
    }

    /// As the program prints it.
    fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "CreateLookupTable",
            Self::Freeze => "FreezeLookupTable",
            Self::Extend(_) => "ExtendLookupTable",
            Self::Deactivate => "DeactivateLookupTable",
            Self::Close => "CloseLookupTable",
        }
    }

    /// Units besides those that every instruction uses, and without what it calls.
    fn units(&self) -> u64 {
        match self {
            Self::Create { .. } => 9_100,
            Self::Freeze => 700,
            Self::Extend(_) => 5_150,
            Self::Deactivate => 2_350,
            Self::Close => 3_400,
        }
    }
}

// === impl Header ===

impl Header {
    fn read(data: &[u8]) -> Result<Self, InstructionError> {
        let data: &[u8; HEADER] = data.first_chunk().ok_or(InstructionError::InvalidAccountData)?;
        let number = |at: usize| {
            let bytes = data.get(at..).and_then(|data| data.first_chunk());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let (state, authority) =
            (data.first_chunk::<4>(), data.get(22..).and_then(|data| data.first_chunk()));
        match state {
            Some([1, 0, 0, 0]) => Ok(Self {
                deactivated: number(4),
                extended: number(12),
                start: data.get(20).copied().unwrap_or_default(),
                authority: authority
                    .filter(|_| data.get(21) == Some(&1))
                    .map(|it| Address::new_from_array(*it)),
            }),
            Some([0, 0, 0, 0]) => Err(InstructionError::UninitializedAccount),
            Some(_) | None => Err(InstructionError::InvalidAccountData),
        }
    }

    fn write(self, data: &mut [u8]) {
        let mut bytes = vec![1, 0, 0, 0];
        bytes.extend(self.deactivated.to_le_bytes());
        bytes.extend(self.extended.to_le_bytes());
        bytes.extend([self.start, u8::from(self.authority.is_some())]);
        bytes.extend(self.authority.iter().flat_map(|address| address.as_array()));
        bytes.resize(HEADER, 0);
        if let Some(header) = data.get_mut(..HEADER) {
            header.copy_from_slice(&bytes);
        }
    }
}
