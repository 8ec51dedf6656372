//! What makes and destroys tokens.

use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::{Spending, agrees, optional, permanent_delegate, spend},
    configure::is_paused,
    error::{Failure, TokenError},
    extension::{self, Extension},
    names, owns,
    state::{Holding, Mint},
};
use crate::runtime::{Context, What};

/// A kind of burn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burning {
    /// Its name in [`What::Burn`].
    name: &'static str,
    /// Whether the mint's burn authority stands before the owner, and must sign too.
    permissioned: bool,
}

/// Burn.
pub(super) const BURN: Burning = Burning { name: "burn", permissioned: false };
/// BurnChecked.
pub(super) const BURN_CHECKED: Burning = Burning { name: "burn_checked", permissioned: false };
/// Burn of a mint that asks for permission.
pub(super) const PERMISSIONED: Burning = Burning { name: "permissioned_burn", permissioned: true };
/// BurnChecked of such a mint.
pub(super) const PERMISSIONED_CHECKED: Burning =
    Burning { name: "permissioned_burn_checked", permissioned: true };

/// MintTo and MintToChecked: mint, account, mint authority.
pub(super) fn mint(
    context: &mut Context<'_, '_>,
    edition: Edition,
    amount: u64,
    decimals: Option<u8>,
) -> Result<(), Failure> {
    names(context, 3)?;
    let mut holding = Holding::load(edition, &context.account(1)?.data)?;
    if holding.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    if holding.is_native() {
        return Err(TokenError::NativeNotSupported.into());
    }
    let key = context.key(0)?;
    if key != holding.mint {
        return Err(TokenError::MintMismatch.into());
    }
    let mut mint = Mint::load(edition, &context.account(0)?.data)?;
    if edition == Edition::Extended {
        let (mint, holding) = (&context.account(0)?.data, &context.account(1)?.data);
        if extension::has(mint, Extension::NonTransferable)
            && !(extension::has(holding, Extension::ImmutableOwner)
                && extension::has(holding, Extension::NonTransferableAccount))
        {
            return Err(TokenError::NonTransferableNeedsImmutableOwnership.into());
        }
        if is_paused(mint) {
            return Err(TokenError::MintPaused.into());
        }
    }
    if decimals.is_some_and(|decimals| decimals != mint.decimals) {
        return Err(TokenError::MintDecimalsMismatch.into());
    }
    agrees(context, &mint.authority.ok_or(TokenError::FixedSupply)?, 2)?;
    if edition == Edition::Extended || amount == 0 {
        owns(context, &[0, 1])?;
    }
    let supply_before = mint.supply;
    mint.supply = supply_before.checked_add(amount).ok_or(TokenError::Overflow)?;
    holding.amount = holding.amount.checked_add(amount).ok_or(TokenError::Overflow)?;
    if amount > 0 {
        mint.store(edition, context.data_mut(0)?);
        holding.store(edition, context.data_mut(1)?);
        let (program, account) = (context.program(), context.key(1)?);
        context.note(What::Mint { program, mint: key, account, amount, supply_before });
    }
    Ok(())
}

/// Every kind of burn: account, mint, the burn authority if permissioned, owner or delegate.
pub(super) fn burn(
    context: &mut Context<'_, '_>,
    edition: Edition,
    burning: Burning,
    amount: u64,
    decimals: Option<u8>,
) -> Result<(), Failure> {
    let authority = if burning.permissioned { 3 } else { 2 };
    names(context, authority + 1)?;
    let load = |context: &Context<'_, '_>| Holding::load(edition, &context.account(0)?.data);
    // Of two bad accounts each program blames another one.
    let early = (edition == Edition::Classic).then(|| load(context)).transpose()?;
    let mut mint = Mint::load(edition, &context.account(1)?.data)?;
    permits(context, edition, burning)?;
    let mut holding = match early {
        Some(holding) => holding,
        None => load(context)?,
    };
    if holding.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    if holding.is_native() {
        return Err(TokenError::NativeNotSupported.into());
    }
    let left = holding.amount.checked_sub(amount).ok_or(TokenError::InsufficientFunds)?;
    let key = context.key(1)?;
    if key != holding.mint {
        return Err(TokenError::MintMismatch.into());
    }
    if decimals.is_some_and(|decimals| decimals != mint.decimals) {
        return Err(TokenError::MintDecimalsMismatch.into());
    }
    let mut permanent = None;
    if edition == Edition::Extended {
        let mint = &context.account(1)?.data;
        if is_paused(mint) {
            return Err(TokenError::MintPaused.into());
        }
        permanent = permanent_delegate(mint);
    }
    let before = holding;
    if !holding.is_unowned() {
        spend(context, &mut holding, Spending { permanent, authority, amount, stays: false })?;
    }
    if edition == Edition::Extended || amount == 0 {
        owns(context, &[0, 1])?;
    }
    holding.amount = left;
    if holding != before {
        holding.store(edition, context.data_mut(0)?);
    }
    if amount > 0 {
        let supply_before = mint.supply;
        mint.supply = supply_before.checked_sub(amount).ok_or(TokenError::Overflow)?;
        mint.store(edition, context.data_mut(1)?);
        let (program, account, authority) = (context.program(), context.key(0)?, context.key(authority)?);
        let instruction = burning.name;
        context.note(What::Burn {
            program,
            instruction,
            mint: key,
            account,
            authority,
            amount,
            supply_before,
        });
    }
    Ok(())
}

/// Whether the mint's permission, if it asks for one, was given in the way it must be.
fn permits(context: &mut Context<'_, '_>, edition: Edition, burning: Burning) -> Result<(), Failure> {
    if edition == Edition::Classic {
        return Ok(());
    }
    let value = extension::value(&context.account(1)?.data, Extension::PermissionedBurn);
    let present = value.is_some();
    let permission = value.and_then(|value| optional(value, 0));
    let refused = Err(TokenError::InvalidInstruction.into());
    match (burning.permissioned, permission) {
        (false, None) => Ok(()),
        (false, Some(_)) => refused,
        (true, None) => {
            if present {
                context.log("Permissioned burn authority is None; use the standard burn");
            }
            refused
        }
        (true, Some(expected)) => {
            if !context.is_signer(2)? {
                return Err(Failure::Program(InstructionError::MissingRequiredSignature));
            }
            if context.key(2)? != expected {
                return Err(Failure::Program(InstructionError::InvalidAccountData));
            }
            Ok(())
        }
    }
}
