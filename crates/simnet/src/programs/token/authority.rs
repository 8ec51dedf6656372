//! Who must agree to an instruction, and how that is handed over.

use std::ops::Range;

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    Edition,
    data::Data,
    error::{Failure, TokenError},
    extension::{self, Extension},
    names,
    state::{Holding, MULTISIG_BYTES, Mint, Multisig, put},
};
use crate::{
    programs::{TOKEN, TOKEN_2022},
    runtime::{Context, What},
};

/// An authority that a mint's extension holds: its number in `SetAuthority`, the extension, where in its value the
/// address is, and its name in [`What::AuthoritySet`].
const OF_EXTENSIONS: [(u8, Extension, usize, &str); 7] = [
    (4, Extension::TransferFeeConfig, 0, "transfer_fee_config"),
    (5, Extension::TransferFeeConfig, 32, "withheld_withdraw"),
    (6, Extension::MintCloseAuthority, 0, "close_mint"),
    (8, Extension::PermanentDelegate, 0, "permanent_delegate"),
    (12, Extension::MetadataPointer, 0, "metadata_pointer"),
    (16, Extension::Pausable, 0, "pause"),
    (17, Extension::PermissionedBurn, 0, "permissioned_burn"),
];
/// Numbers of authorities that Token-2022 knows (`interface/src/instruction.rs`, `AuthorityType`).
const KNOWN_AUTHORITIES: u8 = 18;

/// Checks that the account at `at` is `expected` and agrees: it signed, or it is a multisig and enough of the accounts
/// that follow are members who signed.
pub(super) fn agrees(context: &Context<'_, '_>, expected: &Address, at: usize) -> Result<(), Failure> {
    agrees_among(context, expected, at, at.saturating_add(1)..context.count())
}

/// As [`agrees`], with the members' signatures among the accounts of a range.
pub(super) fn agrees_among(
    context: &Context<'_, '_>,
    expected: &Address,
    at: usize,
    signers: Range<usize>,
) -> Result<(), Failure> {
    if context.key(at)? != *expected {
        return Err(TokenError::OwnerMismatch.into());
    }
    let missing = Failure::Program(InstructionError::MissingRequiredSignature);
    let account = context.account(at)?;
    if account.data.len() != MULTISIG_BYTES || (account.owner != TOKEN && account.owner != TOKEN_2022) {
        return if context.is_signer(at)? { Ok(()) } else { Err(missing) };
    }
    let multisig = Multisig::load(&account.data)?;
    let mut open = multisig.members;
    let mut agreed = 0_u8;
    for signer in signers {
        let key = context.key(signer)?;
        let before = open.len();
        open.retain(|member| *member != key);
        let matched = before.saturating_sub(open.len());
        if matched > 0 && !context.is_signer(signer)? {
            return Err(missing);
        }
        agreed = agreed.saturating_add(u8::try_from(matched).unwrap_or(u8::MAX));
    }
    if agreed < multisig.required { Err(missing) } else { Ok(()) }
}

/// Who spends, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spending {
    /// The mint's permanent delegate, who may spend everybody's.
    pub(super) permanent: Option<Address>,
    /// The account of who spends.
    pub(super) authority: usize,
    pub(super) amount: u64,
    /// Whether the tokens stay where they are, so that a delegate may spend them again.
    pub(super) stays: bool,
}

/// Checks that who spends tokens may: the permanent delegate, the delegate, whose allowance shrinks, or the owner.
pub(super) fn spend(
    context: &Context<'_, '_>,
    holding: &mut Holding,
    spending: Spending,
) -> Result<(), Failure> {
    let Spending { permanent, authority, amount, stays } = spending;
    let key = context.key(authority)?;
    if permanent == Some(key) {
        return agrees(context, &key, authority);
    }
    if holding.delegate != Some(key) {
        return agrees(context, &holding.owner, authority);
    }
    agrees(context, &key, authority)?;
    let left = holding.delegated.checked_sub(amount).ok_or(TokenError::InsufficientFunds)?;
    if !stays {
        holding.delegated = left;
        if left == 0 {
            holding.delegate = None;
        }
    }
    Ok(())
}

/// Approve and ApproveChecked: account, the mint if checked, delegate, owner.
pub(super) fn approve(
    context: &mut Context<'_, '_>,
    edition: Edition,
    amount: u64,
    decimals: Option<u8>,
) -> Result<(), Failure> {
    let delegate = if decimals.is_some() { 2 } else { 1 };
    let owner = delegate + 1;
    names(context, owner + 1)?;
    let mut holding = Holding::load(edition, &context.account(0)?.data)?;
    if holding.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    if let Some(decimals) = decimals {
        if context.key(1)? != holding.mint {
            return Err(TokenError::MintMismatch.into());
        }
        if Mint::load(edition, &context.account(1)?.data)?.decimals != decimals {
            return Err(TokenError::MintDecimalsMismatch.into());
        }
    }
    agrees(context, &holding.owner, owner)?;
    holding.delegate = Some(context.key(delegate)?);
    holding.delegated = amount;
    holding.store(edition, context.data_mut(0)?);
    Ok(())
}

/// Revoke: account, owner or delegate.
pub(super) fn revoke(context: &mut Context<'_, '_>, edition: Edition) -> Result<(), Failure> {
    // The classic program looks at the account before it looks for who revokes.
    names(context, if edition == Edition::Classic { 1 } else { 2 })?;
    let mut holding = Holding::load(edition, &context.account(0)?.data)?;
    names(context, 2)?;
    if holding.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    let key = context.key(1)?;
    let expected = if holding.delegate == Some(key) { key } else { holding.owner };
    agrees(context, &expected, 1)?;
    holding.delegate = None;
    holding.delegated = 0;
    holding.store(edition, context.data_mut(0)?);
    Ok(())
}

/// SetAuthority: mint or token account, present authority. Data: kind u8, then the new authority, if any.
pub(super) fn set(context: &mut Context<'_, '_>, data: Data<'_>) -> Result<(), Failure> {
    let edition = data.edition;
    let ([kind], rest) = data.split::<1>()?;
    let known = kind < if edition == Edition::Classic { 4 } else { KNOWN_AUTHORITIES };
    let to = match edition {
        Edition::Classic if !known => return Err(TokenError::InvalidInstruction.into()),
        Edition::Classic | Edition::Extended => rest.optional_address()?,
    };
    if !known {
        return Err(TokenError::InvalidInstruction.into());
    }
    names(context, 2)?;
    let bytes = context.account(0)?.data.clone();
    let holding = Holding::load(edition, &bytes);
    let set = match (holding, Mint::load(edition, &bytes)) {
        (Ok(holding), _) => of_holding(context, edition, holding, kind, to)?,
        (Err(_), Ok(mint)) => of_mint(context, edition, mint, kind, to)?,
        (Err(holding), Err(mint)) => return Err(unreadable(edition, &bytes, holding, mint)),
    };
    let (program, account) = (context.program(), context.key(0)?);
    context.note(What::AuthoritySet { program, account, authority: set, to });
    Ok(())
}

/// What the programs say of an account that is neither a mint nor a token account.
fn unreadable(edition: Edition, data: &[u8], holding: Failure, mint: Failure) -> Failure {
    match (edition, data.len()) {
        (Edition::Classic, super::state::HOLDING_BYTES) => holding,
        (Edition::Classic, super::state::MINT_BYTES) => mint,
        (Edition::Classic, _) => Failure::Program(InstructionError::InvalidArgument),
        (Edition::Extended, _) => Failure::Program(InstructionError::InvalidAccountData),
    }
}

fn of_holding(
    context: &mut Context<'_, '_>,
    edition: Edition,
    mut holding: Holding,
    kind: u8,
    to: Option<Address>,
) -> Result<&'static str, Failure> {
    if holding.frozen {
        return Err(TokenError::AccountFrozen.into());
    }
    let set = match kind {
        2 => {
            agrees(context, &holding.owner, 1)?;
            if edition == Edition::Extended
                && extension::has(&context.account(0)?.data, Extension::ImmutableOwner)
            {
                return Err(TokenError::ImmutableOwner.into());
            }
            holding.owner = to.ok_or(TokenError::InvalidInstruction)?;
            holding.delegate = None;
            holding.delegated = 0;
            if holding.is_native() {
                holding.close_authority = None;
            }
            "account_owner"
        }
        3 => {
            agrees(context, &holding.close_authority.unwrap_or(holding.owner), 1)?;
            holding.close_authority = to;
            "close_account"
        }
        _ => return Err(TokenError::AuthorityTypeNotSupported.into()),
    };
    holding.store(edition, context.data_mut(0)?);
    Ok(set)
}

fn of_mint(
    context: &mut Context<'_, '_>,
    edition: Edition,
    mut mint: Mint,
    kind: u8,
    to: Option<Address>,
) -> Result<&'static str, Failure> {
    let set = match kind {
        0 => {
            // Once given up it cannot be had again; the same holds for the other.
            agrees(context, &mint.authority.ok_or(TokenError::FixedSupply)?, 1)?;
            mint.authority = to;
            "mint_tokens"
        }
        1 => {
            agrees(context, &mint.freeze_authority.ok_or(TokenError::MintCannotFreeze)?, 1)?;
            mint.freeze_authority = to;
            "freeze_account"
        }
        _ if edition == Edition::Extended => return of_extension(context, kind, to),
        _ => return Err(TokenError::AuthorityTypeNotSupported.into()),
    };
    mint.store(edition, context.data_mut(0)?);
    Ok(set)
}

fn of_extension(
    context: &mut Context<'_, '_>,
    kind: u8,
    to: Option<Address>,
) -> Result<&'static str, Failure> {
    let known = OF_EXTENSIONS.into_iter().find(|(number, ..)| *number == kind);
    let (_, extension, offset, set) = known.ok_or(TokenError::AuthorityTypeNotSupported)?;
    let data = &context.account(0)?.data;
    let at = extension::find(data, extension)?.start.saturating_add(offset);
    let present = optional(data, at).ok_or(TokenError::AuthorityTypeNotSupported)?;
    agrees(context, &present, 1)?;
    if to.is_some_and(|to| to == Address::default()) {
        return Err(Failure::Program(InstructionError::InvalidArgument));
    }
    put(context.data_mut(0)?, at, to.unwrap_or_default().as_ref());
    Ok(set)
}

/// An address of an extension, where zeros stand for none.
pub(super) fn optional(data: &[u8], at: usize) -> Option<Address> {
    let bytes = data.get(at..)?.first_chunk()?;
    super::data::nullable(*bytes)
}

/// Who may spend all tokens of a mint.
pub(super) fn permanent_delegate(mint: &[u8]) -> Option<Address> {
    optional(extension::value(mint, Extension::PermanentDelegate)?, 0)
}
