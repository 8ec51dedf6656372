//! What moves tokens.

use super::{
    Edition,
    authority::{Spending, permanent_delegate, spend},
    configure::is_paused,
    error::{Failure, TokenError},
    extension::{self, Extension},
    fee, names, owns,
    state::{Holding, Mint, number, put},
};
use crate::runtime::Context;

/// What the sender says about the mint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    /// Nothing; the mint is not named.
    Plain,
    /// Its decimals.
    Checked { decimals: u8 },
    /// Its decimals, and the fee it takes.
    WithFee { decimals: u8, fee: u64 },
}

/// The accounts of a transfer, by their place in the instruction.
#[derive(Debug, Clone, Copy)]
struct Places {
    source: usize,
    mint: Option<(usize, u8)>,
    destination: usize,
    authority: usize,
}

/// Transfer, TransferChecked and TransferCheckedWithFee: source, the mint unless plain, destination, owner or delegate.
pub(super) fn run(
    context: &mut Context<'_, '_>,
    edition: Edition,
    amount: u64,
    terms: Terms,
) -> Result<(), Failure> {
    let places = terms.places();
    names(context, places.authority.saturating_add(1))?;
    match edition {
        Edition::Classic => classic(context, places, amount),
        Edition::Extended => extended(context, places, amount, terms),
    }
}

fn classic(context: &mut Context<'_, '_>, places: Places, amount: u64) -> Result<(), Failure> {
    let edition = Edition::Classic;
    let Places { source, mint, destination, authority } = places;
    let before = Holding::load(edition, &context.account(source)?.data)?;
    let mut from = before;
    let stays = context.key(source)? == context.key(destination)?;
    let to = if stays { None } else { Some(Holding::load(edition, &context.account(destination)?.data)?) };
    if from.frozen || to.is_some_and(|to| to.frozen) {
        return Err(TokenError::AccountFrozen.into());
    }
    let left = from.amount.checked_sub(amount).ok_or(TokenError::InsufficientFunds)?;
    if to.is_some_and(|to| to.mint != from.mint) {
        return Err(TokenError::MintMismatch.into());
    }
    if let Some((mint, decimals)) = mint {
        expect_mint(context, edition, &from, mint, decimals)?;
    }
    spend(context, &mut from, Spending { permanent: None, authority, amount, stays })?;
    let Some(mut to) = to.filter(|_| amount > 0) else {
        owns(context, &[source, destination])?;
        // A delegate without any allowance left is forgotten even then.
        if from != before {
            from.store(edition, context.data_mut(source)?);
        }
        return Ok(());
    };
    from.amount = left;
    to.amount = to.amount.checked_add(amount).ok_or(TokenError::Overflow)?;
    from.store(edition, context.data_mut(source)?);
    to.store(edition, context.data_mut(destination)?);
    if from.is_native() {
        move_lamports(context, source, destination, amount)?;
    }
    Ok(())
}

fn extended(context: &mut Context<'_, '_>, places: Places, amount: u64, terms: Terms) -> Result<(), Failure> {
    let edition = Edition::Extended;
    let Places { source, mint, destination, authority } = places;
    let mut from = Holding::load(edition, &context.account(source)?.data)?;
    if from.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    let left = from.amount.checked_sub(amount).ok_or(TokenError::InsufficientFunds)?;
    let from_data = &context.account(source)?.data;
    if extension::has(from_data, Extension::NonTransferableAccount) {
        return Err(TokenError::NonTransferable.into());
    }
    let (mut taken, mut permanent) = (0, None);
    if let Some((mint, decimals)) = mint {
        expect_mint(context, edition, &from, mint, decimals)?;
        let mint = &context.account(mint)?.data;
        taken = fee::of(mint, context.environment().epoch, amount)?;
        if is_paused(mint) {
            return Err(TokenError::MintPaused.into());
        }
        permanent = permanent_delegate(mint);
    } else if extension::has(from_data, Extension::TransferFeeAmount)
        || extension::has(from_data, Extension::PausableAccount)
    {
        return Err(TokenError::MintRequiredForTransfer.into());
    }
    if let Terms::WithFee { fee, .. } = terms
        && fee != taken
    {
        // The program prints the names, not the values.
        context.log("Calculated fee {calculated_fee}, received {fee}");
        return Err(TokenError::FeeMismatch.into());
    }
    let stays = context.key(source)? == context.key(destination)?;
    spend(context, &mut from, Spending { permanent, authority, amount, stays })?;
    owns(context, &[source, destination])?;
    if stays {
        return Ok(());
    }
    let mut to = Holding::load(edition, &context.account(destination)?.data)?;
    if to.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    if to.mint != from.mint {
        return Err(TokenError::MintMismatch.into());
    }
    from.amount = left;
    let arrives = amount.checked_sub(taken).ok_or(TokenError::Overflow)?;
    to.amount = to.amount.checked_add(arrives).ok_or(TokenError::Overflow)?;
    from.store(edition, context.data_mut(source)?);
    to.store(edition, context.data_mut(destination)?);
    if taken > 0 {
        withhold(context, destination, taken)?;
    }
    if from.is_native() {
        move_lamports(context, source, destination, amount)?;
    }
    Ok(())
}

/// Checks that the mint is the account's, and has the decimals the sender believes in.
fn expect_mint(
    context: &Context<'_, '_>,
    edition: Edition,
    from: &Holding,
    mint: usize,
    decimals: u8,
) -> Result<(), Failure> {
    if context.key(mint)? != from.mint {
        return Err(TokenError::MintMismatch.into());
    }
    if Mint::load(edition, &context.account(mint)?.data)?.decimals != decimals {
        return Err(TokenError::MintDecimalsMismatch.into());
    }
    Ok(())
}

/// Adds a fee to what the receiver's account holds back.
fn withhold(context: &mut Context<'_, '_>, destination: usize, taken: u64) -> Result<(), Failure> {
    let data = context.data_mut(destination)?;
    let found = extension::find(data, Extension::TransferFeeAmount);
    let at = found.map_err(|_| TokenError::InvalidState)?.start;
    let withheld = number(data, at)?.checked_add(taken).ok_or(TokenError::Overflow)?;
    put(data, at, &withheld.to_le_bytes());
    Ok(())
}

/// Moves lamports along with wrapped SOL.
pub(super) fn move_lamports(
    context: &mut Context<'_, '_>,
    source: usize,
    destination: usize,
    amount: u64,
) -> Result<(), Failure> {
    if context.account(source)?.lamports < amount {
        return Err(TokenError::Overflow.into());
    }
    context.debit(source, amount)?;
    context.credit(destination, amount)?;
    Ok(())
}

// === impl Terms ===

impl Terms {
    fn places(self) -> Places {
        match self {
            Self::Plain => Places { source: 0, mint: None, destination: 1, authority: 2 },
            Self::Checked { decimals } | Self::WithFee { decimals, .. } => {
                Places { source: 0, mint: Some((1, decimals)), destination: 2, authority: 3 }
            }
        }
    }
}
