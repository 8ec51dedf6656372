//! Wrapped SOL, whose tokens are lamports of the account, and lamports beyond the rent of other accounts.

use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::{Spending, agrees, spend},
    data::Data,
    error::{Failure, TokenError},
    names, owns,
    state::{Holding, MULTISIG_BYTES, Mint},
    transfer::move_lamports,
};
use crate::{chain::rent_exempt_minimum, programs::RENT, runtime::Context};

/// SyncNative: account; Token-2022 also takes the rent sysvar.
pub(super) fn sync(context: &mut Context<'_, '_>, edition: Edition) -> Result<(), Failure> {
    names(context, 1)?;
    owns(context, &[0])?;
    if edition == Edition::Extended && context.count() > 1 && context.key(1)? != RENT {
        return Err(Failure::Program(InstructionError::InvalidArgument));
    }
    let account = context.account(0)?;
    let mut holding = Holding::load(edition, &account.data)?;
    if !holding.is_native() {
        return Err(TokenError::NonNativeNotSupported.into());
    }
    let reserve = rent_exempt_minimum(account.data.len());
    holding.amount = account.lamports.checked_sub(reserve).ok_or(TokenError::Overflow)?;
    holding.native_reserve = Some(reserve);
    holding.store(edition, context.data_mut(0)?);
    Ok(())
}

/// UnwrapLamports: account, who gets the lamports, owner. Data: the amount, or all.
pub(super) fn unwrap(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let edition = data.edition;
    let wanted = data.optional_number()?;
    names(context, 3)?;
    let mut holding = Holding::load(edition, &context.account(0)?.data)?;
    let amount = wanted.unwrap_or(holding.amount);
    let left = holding.amount.checked_sub(amount).ok_or(TokenError::InsufficientFunds);
    let native = holding.is_native();
    match edition {
        Edition::Classic => {
            if !native {
                return Err(TokenError::NonNativeNotSupported.into());
            }
            agrees(context, &holding.owner, 2)?;
        }
        Edition::Extended => {
            left?;
            if !native {
                return Err(TokenError::NonNativeNotSupported.into());
            }
            let spending = Spending { permanent: None, authority: 2, amount, stays: false };
            spend(context, &mut holding, spending)?;
        }
    }
    holding.amount = left?;
    if amount == 0 {
        return owns(context, &[0]);
    }
    holding.store(edition, context.data_mut(0)?);
    if context.key(0)? != context.key(1)? {
        move_lamports(context, 0, 1, amount)?;
    }
    Ok(())
}

/// WithdrawExcessLamports: mint, token account or multisig, who gets the lamports, its authority.
pub(super) fn withdraw_excess(context: &mut Context<'_, '_>, edition: Edition) -> Result<(), Failure> {
    names(context, 3)?;
    let data = &context.account(0)?.data;
    let (holding, mint) = (Holding::load(edition, data), Mint::load(edition, data));
    let bytes = data.len();
    match (holding, mint) {
        (Ok(holding), _) => {
            if holding.is_native() {
                return Err(TokenError::NativeNotSupported.into());
            }
            agrees(context, &holding.owner, 2)?;
        }
        (Err(_), Ok(mint)) => agrees_for_mint(context, &mint)?,
        _ if bytes == MULTISIG_BYTES => agrees(context, &context.key(0)?, 2)?,
        (Err(failure), _) if edition == Edition::Classic && bytes == super::state::HOLDING_BYTES => {
            return Err(failure);
        }
        (_, Err(failure)) if edition == Edition::Classic && bytes == super::state::MINT_BYTES => {
            return Err(failure);
        }
        _ => return Err(TokenError::InvalidState.into()),
    }
    let excess = context.account(0)?.lamports.checked_sub(rent_exempt_minimum(bytes));
    move_lamports(context, 0, 1, excess.ok_or(TokenError::NotRentExempt)?)
}

/// The mint authority agrees; of a mint without one, the mint's own key.
fn agrees_for_mint(context: &Context<'_, '_>, mint: &Mint) -> Result<(), Failure> {
    match mint.authority {
        Some(authority) => agrees(context, &authority, 2),
        None if context.key(0)? != context.key(2)? => Err(TokenError::AuthorityTypeNotSupported.into()),
        None if !context.is_signer(2)? => Err(Failure::Program(InstructionError::MissingRequiredSignature)),
        None => Ok(()),
    }
}
