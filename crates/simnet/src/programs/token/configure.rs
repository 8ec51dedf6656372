//! The instructions of Token-2022's extensions.
//!
//! An extension that is not implemented here is refused with `InvalidInstructionData`, which is what a program built
//! without it says.

use std::ops::Range;

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::{agrees, optional},
    data::{Data, nullable},
    error::{Failure, TokenError},
    extension::{self, Extension},
    fee, metadata, names, owns,
    state::{Mint, put},
    supply,
};
use crate::runtime::Context;

/// Any instruction that the classic program does not have.
pub(super) fn run(context: &mut Context<'_, '_>, tag: u8, data: Data<'_>) -> Result<(), Failure> {
    match tag {
        25 => initialize_close_authority(context, data.optional_address()?),
        26 => fee::run(context, data.rest),
        28 => default_state(context, data.rest),
        32 => begin(context, Extension::NonTransferable).map(drop),
        35 => {
            let delegate = data.address()?;
            initialize_with(context, Extension::PermanentDelegate, delegate)
        }
        39 => metadata_pointer(context, data),
        44 => pausable(context, data),
        46 => permissioned_burn(context, data),
        27 | 29..=31 | 33 | 34 | 36 | 37 | 40..=43 => Err(data.broken()),
        _ => metadata::run(context, tag, data.rest),
    }
}

/// Whether all movement of a mint's tokens is paused.
pub(super) fn is_paused(mint: &[u8]) -> bool {
    extension::value(mint, Extension::Pausable).and_then(|value| value.get(32)).is_some_and(|flag| *flag != 0)
}

/// Makes room for an extension in the fresh mint at 0.
pub(super) fn begin(context: &mut Context<'_, '_>, extension: Extension) -> Result<Range<usize>, Failure> {
    names(context, 1)?;
    extension::fresh(&context.account(0)?.data, extension::MINT)?;
    // The place is looked for before the program writes, so that an account without one is no runtime's business.
    extension::init_fixed(&mut context.account(0)?.data.clone(), extension)?;
    extension::init_fixed(context.data_mut(0)?, extension)
}

/// Begins an extension whose value begins with an address that must not be zero.
fn initialize_with(
    context: &mut Context<'_, '_>,
    extension: Extension,
    address: Address,
) -> Result<(), Failure> {
    let value = begin(context, extension)?;
    let address = nullable(address.to_bytes()).ok_or(Failure::Program(InstructionError::InvalidArgument))?;
    put(context.data_mut(0)?, value.start, address.as_ref());
    Ok(())
}

fn initialize_close_authority(
    context: &mut Context<'_, '_>,
    authority: Option<Address>,
) -> Result<(), Failure> {
    match authority {
        Some(authority) => initialize_with(context, Extension::MintCloseAuthority, authority),
        None => begin(context, Extension::MintCloseAuthority).map(drop),
    }
}

/// DefaultAccountState: 0 Initialize (mint), 1 Update (mint, freeze authority). Data: the state new accounts have.
fn default_state(context: &mut Context<'_, '_>, data: &[u8]) -> Result<(), Failure> {
    let ([kind @ (0 | 1), state @ 0..=2], []) =
        data.split_first_chunk().ok_or(TokenError::InvalidInstruction)?
    else {
        return Err(TokenError::InvalidInstruction.into());
    };
    let update = *kind == 1;
    context.log(if update {
        "DefaultAccountStateInstruction::Update"
    } else {
        "DefaultAccountStateInstruction::Initialize"
    });
    if *state == 0 {
        return Err(TokenError::InvalidState.into());
    }
    let at = if update {
        names(context, 2)?;
        owns(context, &[0])?;
        let data = &context.account(0)?.data;
        let mint = Mint::load(Edition::Extended, data)?;
        agrees(context, &mint.freeze_authority.ok_or(TokenError::NoAuthorityExists)?, 1)?;
        extension::find(data, Extension::DefaultAccountState)?.start
    } else {
        names(context, 1)?;
        owns(context, &[0])?;
        begin(context, Extension::DefaultAccountState)?.start
    };
    put(context.data_mut(0)?, at, &[*state]);
    Ok(())
}

/// MetadataPointer: 0 Initialize (mint; data: authority, address), 1 Update (mint, authority; data: address).
fn metadata_pointer(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let ([kind], data) = data.split::<1>()?;
    match kind {
        0 => {
            context.log("MetadataPointerInstruction::Initialize");
            let (authority, data) = data.split()?;
            let address = data.address()?;
            names(context, 1)?;
            owns(context, &[0])?;
            let value = begin(context, Extension::MetadataPointer)?;
            if nullable(authority).is_none() && nullable(address.to_bytes()).is_none() {
                context.log("The metadata pointer extension requires at least an authority or an address for initialization, neither was provided");
                return Err(TokenError::InvalidInstruction.into());
            }
            let written = context.data_mut(0)?;
            put(written, value.start, &authority);
            put(written, value.start.saturating_add(32), address.as_ref());
            Ok(())
        }
        1 => {
            context.log("MetadataPointerInstruction::Update");
            let address = data.address()?;
            let at = of_authority(context, Extension::MetadataPointer, TokenError::NoAuthorityExists)?;
            put(context.data_mut(0)?, at.saturating_add(32), address.as_ref());
            Ok(())
        }
        _ => Err(TokenError::InvalidInstruction.into()),
    }
}

/// Pausable: 0 Initialize (mint; data: authority), 1 Pause, 2 Resume (mint, authority).
fn pausable(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let ([kind], data) = data.split::<1>()?;
    let paused = match kind {
        0 => {
            context.log("PausableInstruction::Initialize");
            let authority = data.address()?;
            names(context, 1)?;
            owns(context, &[0])?;
            return initialize_with(context, Extension::Pausable, authority);
        }
        1 => true,
        2 => false,
        _ => return Err(TokenError::InvalidInstruction.into()),
    };
    context.log(if paused { "PausableInstruction::Pause" } else { "PausableInstruction::Resume" });
    let at = of_authority(context, Extension::Pausable, TokenError::AuthorityTypeNotSupported)?;
    put(context.data_mut(0)?, at.saturating_add(32), &[u8::from(paused)]);
    Ok(())
}

/// Where an extension of the mint at 0 is, whose authority at 1 agrees.
fn of_authority(
    context: &Context<'_, '_>,
    extension: Extension,
    without: TokenError,
) -> Result<usize, Failure> {
    names(context, 2)?;
    owns(context, &[0])?;
    let data = &context.account(0)?.data;
    Mint::load(Edition::Extended, data)?;
    let at = extension::find(data, extension)?.start;
    agrees(context, &optional(data, at).ok_or(without)?, 1)?;
    Ok(at)
}

/// PermissionedBurn: 0 Initialize (mint; data: authority), 1 Burn, 2 BurnChecked.
fn permissioned_burn(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let ([kind], data) = data.split::<1>()?;
    match kind {
        0 => {
            context.log("PermissionedBurnInstruction::Initialize");
            let authority = data.address()?;
            names(context, 1)?;
            owns(context, &[0])?;
            initialize_with(context, Extension::PermissionedBurn, authority)
        }
        1 => {
            context.log("PermissionedBurnInstruction::Burn");
            supply::burn(context, Edition::Extended, supply::PERMISSIONED, data.amount()?, None)
        }
        2 => {
            context.log("PermissionedBurnInstruction::BurnChecked");
            let (amount, decimals) = data.checked()?;
            let burning = supply::PERMISSIONED_CHECKED;
            supply::burn(context, Edition::Extended, burning, amount, Some(decimals))
        }
        _ => Err(TokenError::InvalidInstruction.into()),
    }
}
