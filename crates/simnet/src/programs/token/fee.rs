//! Fees that transfers withhold (Token-2022, TransferFeeConfig).
//!
//! The mint's value: authority over the fee at 0, authority over what is withheld at 32, withheld u64 at 64, then two
//! schedules of epoch u64, most u64 and basis points u16, at 72 and 90: the later is valid from its epoch on. The token
//! account's: withheld u64.

use std::ops::Range;

use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::{agrees, agrees_among, optional},
    configure::begin,
    data::Data,
    error::{Failure, TokenError},
    extension::{self, Extension},
    names, owns,
    state::{Holding, Mint, number, put},
    transfer::{self, Terms},
};
use crate::runtime::Context;

/// Basis points of a whole.
const WHOLE: u16 = 10_000;
const WITHHELD: usize = 64;
const OLDER: usize = 72;
const NEWER: usize = 90;

/// The fee of a transfer of a mint's tokens in an epoch.
pub(super) fn of(mint: &[u8], epoch: u64, amount: u64) -> Result<u64, Failure> {
    let Ok(config) = extension::find(mint, Extension::TransferFeeConfig) else { return Ok(0) };
    let at = |offset: usize| config.start.saturating_add(offset);
    let valid = if epoch >= number(mint, at(NEWER))? { at(NEWER) } else { at(OLDER) };
    let most = number(mint, valid.saturating_add(8))?;
    let points = mint.get(valid.saturating_add(16)..).and_then(|data| data.first_chunk());
    let points = points.map_or(0, |points| u16::from_le_bytes(*points));
    let fee = (u128::from(amount) * u128::from(points)).div_ceil(u128::from(WHOLE));
    Ok(u64::try_from(fee).unwrap_or(u64::MAX).min(most))
}

/// Any instruction of the extension.
pub(super) fn run(context: &mut Context<'_, '_>, data: &[u8]) -> Result<(), Failure> {
    // These are read as the classic program reads: too much is ignored, and what is broken is an invalid instruction.
    let data = Data { edition: Edition::Classic, rest: data };
    let ([kind], data) = data.split::<1>()?;
    match kind {
        0 => initialize(context, data),
        1 => {
            let (amount, data) = data.split()?;
            let ([decimals], data) = data.split::<1>()?;
            let fee = data.amount()?;
            context.log("TransferFeeInstruction: TransferCheckedWithFee");
            let terms = Terms::WithFee { decimals, fee };
            transfer::run(context, Edition::Extended, u64::from_le_bytes(amount), terms)
        }
        2 => {
            context.log("TransferFeeInstruction: WithdrawWithheldTokensFromMint");
            withdraw_from_mint(context)
        }
        3 => {
            let holdings = data.byte()?;
            context.log("TransferFeeInstruction: WithdrawWithheldTokensFromAccounts");
            withdraw_from_holdings(context, usize::from(holdings))
        }
        4 => {
            context.log("TransferFeeInstruction: HarvestWithheldTokensToMint");
            harvest(context)
        }
        5 => {
            let (points, data) = data.split()?;
            let most = data.amount()?;
            context.log("TransferFeeInstruction: SetTransferFee");
            set(context, u16::from_le_bytes(points), most)
        }
        _ => Err(data.broken()),
    }
}

/// InitializeTransferFeeConfig: mint. Data: two optional authorities, basis points u16, most u64.
fn initialize(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let (config, data) = data.take_optional_address()?;
    let (withdraw, data) = data.take_optional_address()?;
    let (points, data) = data.split()?;
    let most = data.amount()?;
    let value = begin(context, Extension::TransferFeeConfig)?;
    let points = u16::from_le_bytes(points);
    if points > WHOLE {
        return Err(TokenError::TransferFeeExceedsMaximum.into());
    }
    let schedule = schedule(context.environment().epoch, points, most);
    let written = context.data_mut(0)?;
    let mut write = |offset: usize, bytes: &[u8]| put(written, value.start.saturating_add(offset), bytes);
    write(0, config.unwrap_or_default().as_ref());
    write(32, withdraw.unwrap_or_default().as_ref());
    write(OLDER, &schedule);
    write(NEWER, &schedule);
    Ok(())
}

/// SetTransferFee: mint, authority. It becomes valid two epochs later, so that nobody is surprised by it.
fn set(context: &mut Context<'_, '_>, points: u16, most: u64) -> Result<(), Failure> {
    names(context, 2)?;
    let (value, data) = config(context)?;
    let at = |offset: usize| value.start.saturating_add(offset);
    agrees(context, &optional(&data, at(0)).ok_or(TokenError::NoAuthorityExists)?, 1)?;
    if points > WHOLE {
        return Err(TokenError::TransferFeeExceedsMaximum.into());
    }
    let epoch = context.environment().epoch;
    let newer = data.get(at(NEWER)..value.end).unwrap_or_default();
    let written = context.data_mut(0)?;
    if number(&data, at(NEWER))? <= epoch {
        put(written, at(OLDER), newer);
    }
    put(written, at(NEWER), &schedule(epoch.saturating_add(2), points, most));
    Ok(())
}

/// WithdrawWithheldTokensFromMint: mint, receiving account, authority.
fn withdraw_from_mint(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    names(context, 3)?;
    owns(context, &[0])?;
    let (value, data) = config(context)?;
    let at = |offset: usize| value.start.saturating_add(offset);
    agrees(context, &optional(&data, at(32)).ok_or(TokenError::NoAuthorityExists)?, 2)?;
    let to = receiver(context)?;
    let withheld = number(&data, at(WITHHELD))?;
    put(context.data_mut(0)?, at(WITHHELD), &[0; 8]);
    receive(context, to, withheld)
}

/// WithdrawWithheldTokensFromAccounts: mint, receiving account, authority, its signers, and so many token accounts.
fn withdraw_from_holdings(context: &mut Context<'_, '_>, holdings: usize) -> Result<(), Failure> {
    names(context, 3)?;
    owns(context, &[0])?;
    let (value, data) = config(context)?;
    let count = context.count();
    let first = count.saturating_sub(holdings).max(3);
    let at = value.start.saturating_add(32);
    let authority = optional(&data, at).ok_or(TokenError::NoAuthorityExists)?;
    agrees_among(context, &authority, 2, 3..first)?;
    receiver(context)?;
    for holding in first..count {
        let withheld = if context.key(holding)? == context.key(1)? {
            take_withheld(context, holding)?
        } else {
            take(context, holding)?
        };
        // The receiver may be among those that give, so it is read each time.
        let to = receiver(context)?;
        receive(context, to, withheld)?;
    }
    Ok(())
}

/// HarvestWithheldTokensToMint: mint, token accounts. Anybody may.
fn harvest(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    names(context, 1)?;
    let (value, data) = config(context)?;
    let at = value.start.saturating_add(WITHHELD);
    let mut withheld = number(&data, at)?;
    for holding in 1..context.count() {
        let taken = take(context, holding)?;
        withheld = withheld.checked_add(taken).ok_or(TokenError::Overflow)?;
    }
    put(context.data_mut(0)?, at, &withheld.to_le_bytes());
    Ok(())
}

/// Takes what a token account of the mint at 0 withholds. One that cannot give is printed and passed over.
fn take(context: &mut Context<'_, '_>, holding: usize) -> Result<u64, Failure> {
    if context.key(holding)? == context.key(0)? {
        // The program holds the mint already when it reaches for it again, and panics.
        return Err(Failure::Silent(InstructionError::ProgramFailedToComplete));
    }
    let why = match Holding::load(Edition::Extended, &context.account(holding)?.data) {
        Ok(held) if held.mint != context.key(0)? => "Account not associated with this Mint",
        Ok(_) => match take_withheld(context, holding) {
            Err(Failure::Token(_)) => "State is invalid for requested operation",
            taken => return taken,
        },
        Err(_) => "State is invalid for requested operation",
    };
    let key = context.key(holding)?;
    context.log(&format!("Error harvesting from {key}: {why}"));
    Ok(0)
}

fn take_withheld(context: &mut Context<'_, '_>, holding: usize) -> Result<u64, Failure> {
    if context.account(holding)?.owner != context.program() {
        return Err(TokenError::InvalidState.into());
    }
    let data = &context.account(holding)?.data;
    let found = extension::find(data, Extension::TransferFeeAmount);
    let at = found.map_err(|_| TokenError::InvalidState)?.start;
    let withheld = number(data, at)?;
    put(context.data_mut(holding)?, at, &[0; 8]);
    Ok(withheld)
}

/// Where the config of the mint at 0 is, and the mint's data.
fn config(context: &Context<'_, '_>) -> Result<(Range<usize>, Vec<u8>), Failure> {
    let data = context.account(0)?.data.clone();
    Mint::load(Edition::Extended, &data)?;
    let value = extension::find(&data, Extension::TransferFeeConfig)?;
    if value.len() != 108 {
        return Err(Failure::Program(InstructionError::InvalidArgument));
    }
    Ok((value, data))
}

/// The account at 1, which receives what was withheld.
fn receiver(context: &Context<'_, '_>) -> Result<Holding, Failure> {
    let to = Holding::load(Edition::Extended, &context.account(1)?.data)?;
    if to.mint != context.key(0)? {
        return Err(TokenError::MintMismatch.into());
    }
    if to.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    Ok(to)
}

fn receive(context: &mut Context<'_, '_>, mut to: Holding, amount: u64) -> Result<(), Failure> {
    to.amount = to.amount.checked_add(amount).ok_or(TokenError::Overflow)?;
    to.store(Edition::Extended, context.data_mut(1)?);
    Ok(())
}

fn schedule(epoch: u64, points: u16, most: u64) -> Vec<u8> {
    let mut schedule = epoch.to_le_bytes().to_vec();
    schedule.extend(most.to_le_bytes());
    schedule.extend(points.to_le_bytes());
    schedule
}
