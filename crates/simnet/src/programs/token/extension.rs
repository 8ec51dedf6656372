//! What Token-2022 appends to mints and token accounts.
//!
//! Layout (`interface/src/extension/mod.rs`): the base, padded with zeros to 165 bytes; the kind of the account at 165;
//! from 166 on entries of type u16, length u16 and value. Type 0 ends them.

use std::ops::Range;

use solana_instruction_error::InstructionError;

use super::{
    Edition,
    error::{Failure, TokenError},
    state::{HOLDING_BYTES, MINT_BYTES, MULTISIG_BYTES, byte},
};

/// The kind of account that mints are.
pub(super) const MINT: u8 = 1;
/// The kind of account that token accounts are.
pub(super) const HOLDING: u8 = 2;
/// Where the entries begin.
pub(super) const ENTRIES: usize = HOLDING_BYTES + 1;
/// Bytes of an entry before its value.
pub(super) const HEADER: usize = 4;

/// An extension that is implemented here, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Extension {
    TransferFeeConfig = 1,
    TransferFeeAmount = 2,
    MintCloseAuthority = 3,
    DefaultAccountState = 6,
    ImmutableOwner = 7,
    NonTransferable = 9,
    PermanentDelegate = 12,
    NonTransferableAccount = 13,
    MetadataPointer = 18,
    TokenMetadata = 19,
    Pausable = 26,
    PausableAccount = 27,
    PermissionedBurn = 28,
}

/// Kind of account and length of the value of every type from 1 on, in order; `None` is a variable length.
const TYPES: [(u8, Option<usize>); 28] = [
    (MINT, Some(108)),
    (HOLDING, Some(8)),
    (MINT, Some(32)),
    (MINT, Some(65)),
    (HOLDING, Some(295)),
    (MINT, Some(1)),
    (HOLDING, Some(0)),
    (HOLDING, Some(1)),
    (MINT, Some(0)),
    (MINT, Some(52)),
    (HOLDING, Some(1)),
    (MINT, Some(32)),
    (HOLDING, Some(0)),
    (MINT, Some(64)),
    (HOLDING, Some(1)),
    (MINT, Some(129)),
    (HOLDING, Some(64)),
    (MINT, Some(64)),
    (MINT, None),
    (MINT, Some(64)),
    (MINT, Some(80)),
    (MINT, Some(64)),
    (MINT, Some(72)),
    (MINT, Some(196)),
    (MINT, Some(56)),
    (MINT, Some(33)),
    (HOLDING, Some(0)),
    (MINT, Some(32)),
];

/// Where in an account's data one entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: u16,
    pub(super) value: Range<usize>,
}

fn invalid() -> Failure {
    Failure::Program(InstructionError::InvalidAccountData)
}

fn two_bytes(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn describe(kind: u16) -> Option<(u8, Option<usize>)> {
    TYPES.get(usize::from(kind).checked_sub(1)?).copied()
}

/// The kind of account an extension of this number belongs to.
pub(super) fn account_kind(kind: u16) -> Result<u8, Failure> {
    if kind == 0 {
        return Ok(0);
    }
    describe(kind).map(|(kind, _)| kind).ok_or_else(invalid)
}

/// Whether the data after a base of `bytes` says that the account is of this kind, if there is any.
pub(super) fn checks_kind(data: &[u8], bytes: usize, kind: u8) -> Result<(), Failure> {
    if data.len() == bytes {
        return Ok(());
    }
    let padding = data.get(bytes..HOLDING_BYTES).ok_or_else(invalid)?;
    if padding.iter().any(|byte| *byte != 0) || byte(data, HOLDING_BYTES)? != kind {
        return Err(invalid());
    }
    Ok(())
}

/// All entries, in order.
pub(super) fn entries(data: &[u8]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut at = ENTRIES;
    while let Some(kind) = two_bytes(data, at) {
        if kind == 0 {
            break;
        }
        describe(kind).ok_or_else(invalid)?;
        let length = two_bytes(data, at.saturating_add(2)).ok_or_else(invalid)?;
        let start = at.saturating_add(HEADER);
        let value = start..start.saturating_add(usize::from(length));
        if value.end > data.len() {
            return Err(invalid());
        }
        at = value.end;
        entries.push(Entry { kind, value });
    }
    Ok(entries)
}

/// Where an extension's value is.
pub(super) fn find(data: &[u8], extension: Extension) -> Result<Range<usize>, Failure> {
    match seek(data, extension as u16)? {
        (at, kind) if kind == extension as u16 => {
            let length = two_bytes(data, at.saturating_add(2)).ok_or_else(invalid)?;
            let start = at.saturating_add(HEADER);
            let value = start..start.saturating_add(usize::from(length));
            if value.end > data.len() { Err(invalid()) } else { Ok(value) }
        }
        _ => Err(TokenError::ExtensionNotFound.into()),
    }
}

/// An extension's value, if the account has it.
pub(super) fn value(data: &[u8], extension: Extension) -> Option<&[u8]> {
    data.get(find(data, extension).ok()?)
}

/// Whether the account has an extension.
pub(super) fn has(data: &[u8], extension: Extension) -> bool {
    find(data, extension).is_ok()
}

/// The entry of this type, or the free place where one can begin.
fn seek(data: &[u8], wanted: u16) -> Result<(usize, u16), Failure> {
    let mut at = ENTRIES;
    while at < data.len() {
        let kind = two_bytes(data, at).ok_or_else(invalid)?;
        let length = two_bytes(data, at.saturating_add(2)).ok_or_else(invalid)?;
        if kind == wanted || kind == 0 {
            return Ok((at, kind));
        }
        at = at.saturating_add(HEADER).saturating_add(usize::from(length));
    }
    Err(invalid())
}

/// Makes an entry of so many zero bytes, in the place of one there may be already if `overwrite`.
pub(super) fn init(
    data: &mut [u8],
    extension: Extension,
    length: usize,
    overwrite: bool,
) -> Result<Range<usize>, Failure> {
    let kind = extension as u16;
    let (at, found) = seek(data, kind)?;
    let start = at.saturating_add(HEADER);
    let value = start..start.saturating_add(length);
    if value.end > data.len() {
        return Err(invalid());
    }
    if found == kind {
        if !overwrite {
            return Err(TokenError::ExtensionAlreadyInitialized.into());
        }
        if two_bytes(data, at.saturating_add(2)).map(usize::from) != Some(length) {
            return Err(TokenError::InvalidLengthForAlloc.into());
        }
    }
    let length = u16::try_from(length).map_err(|_| too_small())?;
    let mut header = kind.to_le_bytes().to_vec();
    header.extend(length.to_le_bytes());
    super::state::put(data, at, &header);
    if let Some(value) = data.get_mut(value.clone()) {
        value.fill(0);
    }
    Ok(value)
}

/// As [`init`], for an extension whose value has a fixed length.
pub(super) fn init_fixed(data: &mut [u8], extension: Extension) -> Result<Range<usize>, Failure> {
    let length = describe(extension as u16).and_then(|(_, length)| length).ok_or_else(invalid)?;
    init(data, extension, length, true)
}

fn too_small() -> Failure {
    Failure::Program(InstructionError::AccountDataTooSmall)
}

/// Bytes of an account with these extensions; one that would be as long as a multisig is two bytes longer.
pub(super) fn account_bytes(base: usize, kinds: &[u16]) -> Result<usize, Failure> {
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let mut bytes = 0_usize;
    for kind in &kinds {
        let (_, length) = describe(*kind).ok_or_else(invalid)?;
        let length = length.ok_or(Failure::Program(InstructionError::InvalidArgument))?;
        bytes = bytes.saturating_add(HEADER).saturating_add(length);
    }
    if kinds.is_empty() {
        return Ok(base);
    }
    Ok(not_as_a_multisig(bytes.saturating_add(ENTRIES)))
}

/// Bytes of an account whose entries take so many.
pub(super) fn with_entries(bytes: usize) -> usize {
    not_as_a_multisig(bytes.saturating_add(ENTRIES))
}

fn not_as_a_multisig(bytes: usize) -> usize {
    if bytes == MULTISIG_BYTES { bytes.saturating_add(2) } else { bytes }
}

/// The extensions that a token account of this mint must have.
pub(super) fn required_of_holdings(mint: &[u8]) -> Result<Vec<Extension>, Failure> {
    let mut required = Vec::new();
    for entry in entries(mint)? {
        match entry.kind {
            1 => required.push(Extension::TransferFeeAmount),
            9 => required.extend([Extension::NonTransferableAccount, Extension::ImmutableOwner]),
            26 => required.push(Extension::PausableAccount),
            _ => {}
        }
    }
    Ok(required)
}

/// Checks that the account is a fresh one of this kind, whose extensions may be initialized.
pub(super) fn fresh(data: &[u8], kind: u8) -> Result<(), Failure> {
    let (bytes, flag) = if kind == MINT { (MINT_BYTES, 45) } else { (HOLDING_BYTES, 108) };
    Edition::Extended.fits(data, bytes)?;
    if byte(data, flag)? != 0 {
        return Err(TokenError::AlreadyInUse.into());
    }
    checks_kind(data, bytes, 0)?;
    begins_as(data, kind)
}

/// Checks that the first extension, if there is one, belongs to this kind of account.
fn begins_as(data: &[u8], kind: u8) -> Result<(), Failure> {
    match two_bytes(data, ENTRIES) {
        None | Some(0) => Ok(()),
        Some(first) if account_kind(first)? == kind => Ok(()),
        Some(_) => Err(TokenError::ExtensionBaseMismatch.into()),
    }
}

/// Writes the kind of the account, once its base is initialized; without room for it there are no extensions.
pub(super) fn settle(data: &mut [u8], kind: u8) -> Result<(), Failure> {
    if let Some(settled) = data.get_mut(HOLDING_BYTES) {
        *settled = kind;
        begins_as(data, kind)?;
    }
    Ok(())
}
