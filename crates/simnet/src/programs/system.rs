//! System: creates accounts and moves lamports.
//!
//! Layouts: `solana-system-interface`, `instruction.rs` (bincode: u32 tag, fields little endian; texts have their length
//! before them, as u64). Durable nonces (4 to 7 and 12) are refused.

use solana_address::Address;
use solana_instruction_error::InstructionError;
use solana_sha256_hasher::hashv;

use crate::runtime::Context;

/// Units one instruction costs (`system-program`, `DEFAULT_COMPUTE_UNITS`).
const UNITS: u64 = 150;
/// Bytes an account may have (`MAX_PERMITTED_DATA_LENGTH`).
const LARGEST: u64 = 10 * 1024 * 1024;
/// Bytes of instruction data that are read at all.
const LONGEST: usize = 1_232;
/// Bytes of a seed at most.
const LONGEST_SEED: usize = 32;
/// What the owner of an address made of a seed must not end with: it would look like a derived address.
const DERIVED: &[u8] = b"ProgramDerivedAddress";
/// `SystemError` (`solana-system-interface`, `error.rs`).
const ALREADY_IN_USE: InstructionError = InstructionError::Custom(0);
const NEGATIVE: InstructionError = InstructionError::Custom(1);
const INVALID_LENGTH: InstructionError = InstructionError::Custom(3);
const SEED_MISMATCH: InstructionError = InstructionError::Custom(5);
/// `AddressError` (`solana-address`, `error.rs`), whose numbers mean something else than those above.
const SEED_TOO_LONG: InstructionError = InstructionError::Custom(0);
const ILLEGAL_OWNER: InstructionError = InstructionError::Custom(2);

/// An address, and what it was made of, if it was made of a seed: then that one signs for it.
#[derive(Debug, Clone, Copy)]
struct Named {
    address: Address,
    base: Option<Address>,
}

pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    context.consume(UNITS)?;
    let data = context.data().to_vec();
    if data.len() > LONGEST {
        return Err(InstructionError::InvalidInstructionData);
    }
    let mut data = Reader(&data);
    match data.u32()? {
        0 => {
            let (lamports, bytes, owner) = (data.u64()?, data.u64()?, data.address()?);
            names(context, 2)?;
            let to = Named { address: context.key(1)?, base: None };
            create(context, to, lamports, bytes, owner)
        }
        1 => {
            let owner = data.address()?;
            names(context, 1)?;
            let account = Named { address: context.key(0)?, base: None };
            assign(context, 0, account, owner)
        }
        2 => {
            let lamports = data.u64()?;
            names(context, 2)?;
            transfer(context, 0, 1, lamports)
        }
        3 => {
            let (base, seed) = (data.address()?, data.text()?);
            let (lamports, bytes, owner) = (data.u64()?, data.u64()?, data.address()?);
            names(context, 2)?;
            let to = named(context, 1, base, seed, owner)?;
            create(context, to, lamports, bytes, owner)
        }
        8 => {
            let bytes = data.u64()?;
            names(context, 1)?;
            let account = Named { address: context.key(0)?, base: None };
            allocate(context, 0, account, bytes)
        }
        9 => {
            let (base, seed) = (data.address()?, data.text()?);
            let (bytes, owner) = (data.u64()?, data.address()?);
            names(context, 1)?;
            let account = named(context, 0, base, seed, owner)?;
            allocate(context, 0, account, bytes)?;
            assign(context, 0, account, owner)
        }
        10 => {
            let (base, seed, owner) = (data.address()?, data.text()?, data.address()?);
            names(context, 1)?;
            let account = named(context, 0, base, seed, owner)?;
            assign(context, 0, account, owner)
        }
        11 => {
            let (lamports, seed, owner) = (data.u64()?, data.text()?, data.address()?);
            names(context, 3)?;
            transfer_with_seed(context, lamports, seed, owner)
        }
        _ => Err(InstructionError::InvalidInstructionData),
    }
}

/// Checks that the instruction names at least so many accounts.
fn names(context: &Context<'_, '_>, accounts: usize) -> Result<(), InstructionError> {
    if context.count() < accounts { Err(InstructionError::MissingAccount) } else { Ok(()) }
}

/// The account at `at`, which must be at the address that a seed makes.
fn named(
    context: &mut Context<'_, '_>,
    at: usize,
    base: Address,
    seed: &str,
    owner: Address,
) -> Result<Named, InstructionError> {
    let made = with_seed(base, seed, owner)?;
    let address = context.key(at)?;
    if address != made {
        context.log_plain(format!("Create: address {address} does not match derived address {made}"));
        return Err(SEED_MISMATCH);
    }
    Ok(Named { address, base: Some(base) })
}

/// The address that a base, a seed and an owner make.
fn with_seed(base: Address, seed: &str, owner: Address) -> Result<Address, InstructionError> {
    if seed.len() > LONGEST_SEED {
        return Err(SEED_TOO_LONG);
    }
    if owner.as_array().ends_with(DERIVED) {
        return Err(ILLEGAL_OWNER);
    }
    let hash = hashv(&[base.as_ref(), seed.as_bytes(), owner.as_ref()]);
    Ok(Address::new_from_array(hash.to_bytes()))
}

fn create(
    context: &mut Context<'_, '_>,
    to: Named,
    lamports: u64,
    bytes: u64,
    owner: Address,
) -> Result<(), InstructionError> {
    if context.account(1)?.lamports > 0 {
        context.log_plain(format!("Create Account: account {to} already in use"));
        return Err(ALREADY_IN_USE);
    }
    allocate(context, 1, to, bytes)?;
    assign(context, 1, to, owner)?;
    transfer(context, 0, 1, lamports)
}

fn allocate(
    context: &mut Context<'_, '_>,
    at: usize,
    account: Named,
    bytes: u64,
) -> Result<(), InstructionError> {
    if !signs(context, account) {
        context.log_plain(format!("Allocate: 'to' account {account} must sign"));
        return Err(InstructionError::MissingRequiredSignature);
    }
    if !context.account(at)?.data.is_empty() || context.account(at)?.owner != super::SYSTEM {
        context.log_plain(format!("Allocate: account {account} already in use"));
        return Err(ALREADY_IN_USE);
    }
    if bytes > LARGEST {
        context.log_plain(format!("Allocate: requested {bytes}, max allowed {LARGEST}"));
        return Err(INVALID_LENGTH);
    }
    let bytes = usize::try_from(bytes).map_err(|_| INVALID_LENGTH)?;
    context.data_mut(at)?.resize(bytes, 0);
    Ok(())
}

fn assign(
    context: &mut Context<'_, '_>,
    at: usize,
    account: Named,
    owner: Address,
) -> Result<(), InstructionError> {
    if context.account(at)?.owner == owner {
        return Ok(());
    }
    if !signs(context, account) {
        context.log_plain(format!("Assign: account {account} must sign"));
        return Err(InstructionError::MissingRequiredSignature);
    }
    context.assign(at, owner)
}

fn transfer(
    context: &mut Context<'_, '_>,
    from: usize,
    to: usize,
    lamports: u64,
) -> Result<(), InstructionError> {
    if !context.is_signer(from)? {
        let key = context.key(from)?;
        context.log_plain(format!("Transfer: `from` account {key} must sign"));
        return Err(InstructionError::MissingRequiredSignature);
    }
    transfer_verified(context, from, to, lamports)
}

fn transfer_with_seed(
    context: &mut Context<'_, '_>,
    lamports: u64,
    seed: &str,
    owner: Address,
) -> Result<(), InstructionError> {
    let (from, base) = (context.key(0)?, context.key(1)?);
    if !context.is_signer(1)? {
        context.log_plain(format!("Transfer: 'from' account {base} must sign"));
        return Err(InstructionError::MissingRequiredSignature);
    }
    let made = with_seed(base, seed, owner)?;
    if from != made {
        context.log_plain(format!("Transfer: 'from' address {from} does not match derived address {made}"));
        return Err(SEED_MISMATCH);
    }
    transfer_verified(context, 0, 2, lamports)
}

fn transfer_verified(
    context: &mut Context<'_, '_>,
    from: usize,
    to: usize,
    lamports: u64,
) -> Result<(), InstructionError> {
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

/// Whether the account, or the base of its seed, is among those that sign the instruction.
fn signs(context: &Context<'_, '_>, account: Named) -> bool {
    let signer = account.base.unwrap_or(account.address);
    let is = |at: usize| context.key(at) == Ok(signer) && context.is_signer(at) == Ok(true);
    (0..context.count()).any(is)
}

// === impl Named ===

impl std::fmt::Display for Named {
    /// As the program prints its own structure.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, base } = self;
        match base {
            Some(base) => write!(f, "Address {{ address: {address}, base: Some({base}) }}"),
            None => write!(f, "Address {{ address: {address}, base: None }}"),
        }
    }
}

/// Reads little-endian fields off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
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

    fn text(&mut self) -> Result<&'a str, InstructionError> {
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        let text = self.0.split_at_checked(length);
        let (text, rest) = text.ok_or(InstructionError::InvalidInstructionData)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| InstructionError::InvalidInstructionData)
    }
}
