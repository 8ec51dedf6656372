//! How mints, token accounts and multisigs begin, freeze, and end.

use solana_address::Address;
use solana_instruction_error::InstructionError;

use super::{
    Edition,
    authority::{agrees, optional},
    data::Data,
    error::{Failure, TokenError},
    extension::{self, Extension},
    names, owns,
    state::{HOLDING_BYTES, Holding, MINT_BYTES, MOST_SIGNERS, MULTISIG_BYTES, Mint, Multisig, byte},
};
use crate::{
    chain::rent_exempt_minimum,
    programs::{INCINERATOR, NATIVE_MINT, NATIVE_MINT_2022, RENT, TOKEN_2022},
    runtime::{Context, What},
};

/// InitializeMint and InitializeMint2: mint, and for the first the rent sysvar. Data: decimals u8, mint authority,
/// freeze authority if any.
pub(super) fn initialize_mint(
    context: &mut Context<'_, '_>,
    data: Data<'_>,
    sysvar: bool,
) -> Result<(), Failure> {
    let edition = data.edition;
    let ([decimals], data) = data.split::<1>()?;
    let (authority, data) = data.split()?;
    let freeze_authority = data.optional_address()?;
    names(context, if sysvar { 2 } else { 1 })?;
    if sysvar {
        expect_rent(context, 1)?;
    }
    match edition {
        Edition::Classic => {
            let data = &context.account(0)?.data;
            edition.fits(data, MINT_BYTES)?;
            unused(byte(data, 45)?)?;
            expect_exempt(context)?;
        }
        Edition::Extended => {
            expect_exempt(context)?;
            let data = &context.account(0)?.data;
            extension::fresh(data, extension::MINT)?;
            let kinds: Vec<u16> = extension::entries(data)?.iter().map(|entry| entry.kind).collect();
            if extension::account_bytes(MINT_BYTES, &kinds)? != data.len() {
                return Err(Failure::Program(InstructionError::InvalidAccountData));
            }
            let frozen = extension::value(data, Extension::DefaultAccountState) == Some(&[2]);
            if frozen && freeze_authority.is_none() {
                return Err(TokenError::MintCannotFreeze.into());
            }
        }
    }
    let mint_authority = Some(Address::new_from_array(authority));
    let mint = Mint { authority: mint_authority, supply: 0, decimals, freeze_authority };
    let written = context.data_mut(0)?;
    mint.store(edition, written);
    if edition == Edition::Extended {
        extension::settle(written, extension::MINT)?;
    }
    let (program, mint) = (context.program(), context.key(0)?);
    context.note(What::MintCreated { program, mint, decimals, mint_authority, freeze_authority });
    Ok(())
}

/// InitializeAccount, 2 and 3: account, mint, the owner unless the data names it, and for the first two the rent sysvar.
pub(super) fn initialize_holding(
    context: &mut Context<'_, '_>,
    edition: Edition,
    owner: Option<Address>,
    sysvar: bool,
) -> Result<(), Failure> {
    names(context, 2)?;
    let (owner, rent) = match owner {
        Some(owner) => (owner, 2),
        None => {
            names(context, 3)?;
            (context.key(2)?, 3)
        }
    };
    if sysvar {
        names(context, rent + 1)?;
        expect_rent(context, rent)?;
    }
    let mint = context.key(1)?;
    let frozen = match edition {
        Edition::Classic => {
            let data = &context.account(0)?.data;
            edition.fits(data, HOLDING_BYTES)?;
            unused(byte(data, 108)?)?;
            expect_exempt(context)?;
            // Nobody can harm the mint of wrapped SOL, so it is not looked at.
            if mint != NATIVE_MINT {
                owns(context, &[1])?;
                expect_mint(context, edition)?;
            }
            false
        }
        Edition::Extended => {
            extension::fresh(&context.account(0)?.data, extension::HOLDING)?;
            expect_exempt(context)?;
            extend_holding(context)?
        }
    };
    let account = context.account(0)?;
    let reserve = rent_exempt_minimum(account.data.len());
    let native = mint == native_mint(edition);
    let amount = if native { account.lamports.saturating_sub(reserve) } else { 0 };
    let holding = Holding {
        mint,
        owner,
        amount,
        delegate: None,
        frozen,
        native_reserve: native.then_some(reserve),
        delegated: 0,
        close_authority: None,
    };
    let written = context.data_mut(0)?;
    holding.store(edition, written);
    if edition == Edition::Extended {
        extension::settle(written, extension::HOLDING)?;
    }
    Ok(())
}

/// Gives a fresh account of Token-2022 the extensions its mint asks for, and says whether it begins frozen.
fn extend_holding(context: &mut Context<'_, '_>) -> Result<bool, Failure> {
    expect_mint(context, Edition::Extended)?;
    let mint = context.account(1)?.data.clone();
    if super::authority::permanent_delegate(&mint).is_some() {
        context.log(
            "Warning: Mint has a permanent delegate, so tokens in this account may be seized at any time",
        );
    }
    if context.account(1)?.owner != TOKEN_2022 {
        return Err(Failure::Program(InstructionError::IncorrectProgramId));
    }
    let required = extension::required_of_holdings(&mint)?;
    let kinds: Vec<u16> = required.iter().map(|extension| *extension as u16).collect();
    if extension::account_bytes(HOLDING_BYTES, &kinds)? > context.account(0)?.data.len() {
        return Err(Failure::Program(InstructionError::InvalidAccountData));
    }
    for extension in required {
        extension::init_fixed(context.data_mut(0)?, extension)?;
    }
    Ok(extension::value(&mint, Extension::DefaultAccountState) == Some(&[2]))
}

/// InitializeMultisig and 2: multisig, for the first the rent sysvar, then the members. Data: how many must sign u8.
pub(super) fn initialize_multisig(
    context: &mut Context<'_, '_>,
    edition: Edition,
    required: u8,
    sysvar: bool,
) -> Result<(), Failure> {
    let first = if sysvar { 2 } else { 1 };
    names(context, first)?;
    if sysvar {
        expect_rent(context, 1)?;
    }
    let data = &context.account(0)?.data;
    if data.len() != MULTISIG_BYTES {
        // Token-2022 reads it with another crate, which finds another word for it.
        let error = match edition {
            Edition::Classic => InstructionError::InvalidAccountData,
            Edition::Extended => InstructionError::InvalidArgument,
        };
        return Err(Failure::Program(error));
    }
    unused(byte(data, 2)?)?;
    expect_exempt(context)?;
    let members: Vec<Address> =
        (first..context.count()).map(|at| context.key(at)).collect::<Result<_, _>>()?;
    // The programs count in a byte.
    let count = u8::try_from(members.len() & 0xff).unwrap_or_default();
    if !(1..=MOST_SIGNERS).contains(&count) || members.len() > usize::from(MOST_SIGNERS) {
        return Err(TokenError::InvalidNumberOfProvidedSigners.into());
    }
    if !(1..=MOST_SIGNERS).contains(&required) {
        return Err(TokenError::InvalidNumberOfRequiredSigners.into());
    }
    Multisig { required, members }.store(context.data_mut(0)?);
    Ok(())
}

/// InitializeImmutableOwner: account. The classic program has no such thing, and lets clients believe that it has.
pub(super) fn initialize_immutable_owner(
    context: &mut Context<'_, '_>,
    edition: Edition,
) -> Result<(), Failure> {
    names(context, 1)?;
    if edition == Edition::Extended {
        extension::fresh(&context.account(0)?.data, extension::HOLDING)?;
        extension::init_fixed(context.data_mut(0)?, Extension::ImmutableOwner)?;
        return Ok(());
    }
    let data = &context.account(0)?.data;
    edition.fits(data, HOLDING_BYTES)?;
    unused(byte(data, 108)?)
}

/// CloseAccount: account, who gets its lamports, owner or close authority.
pub(super) fn close(context: &mut Context<'_, '_>, edition: Edition) -> Result<(), Failure> {
    names(context, 3)?;
    if context.key(0)? == context.key(1)? {
        return Err(Failure::Program(InstructionError::InvalidAccountData));
    }
    let data = &context.account(0)?.data;
    match (Holding::load(edition, data), edition) {
        (Ok(holding), _) => closes_holding(context, edition, &holding)?,
        (Err(failure), Edition::Classic) => return Err(failure),
        (Err(_), Edition::Extended) => closes_mint(context)?,
    }
    let lamports = context.account(0)?.lamports;
    context.credit(1, lamports)?;
    context.debit(0, lamports)?;
    context.data_mut(0)?.clear();
    context.assign(0, crate::programs::SYSTEM)?;
    Ok(())
}

fn closes_holding(context: &Context<'_, '_>, edition: Edition, holding: &Holding) -> Result<(), Failure> {
    if !holding.is_native() && holding.amount != 0 {
        return Err(TokenError::NonNativeHasBalance.into());
    }
    if !holding.is_unowned() {
        agrees(context, &holding.close_authority.unwrap_or(holding.owner), 2)?;
    } else if context.key(1)? != INCINERATOR {
        return Err(Failure::Program(InstructionError::InvalidAccountData));
    }
    if edition == Edition::Extended
        && let Some(withheld) = extension::value(&context.account(0)?.data, Extension::TransferFeeAmount)
        && withheld.iter().any(|byte| *byte != 0)
    {
        return Err(TokenError::AccountHasWithheldTransferFees.into());
    }
    Ok(())
}

fn closes_mint(context: &Context<'_, '_>) -> Result<(), Failure> {
    let data = &context.account(0)?.data;
    let uninitialized = Failure::Program(InstructionError::UninitializedAccount);
    let mint = Mint::load(Edition::Extended, data).map_err(|_| uninitialized)?;
    let at = extension::find(data, Extension::MintCloseAuthority)?.start;
    let authority = optional(data, at).ok_or(TokenError::AuthorityTypeNotSupported)?;
    agrees(context, &authority, 2)?;
    if mint.supply != 0 {
        return Err(TokenError::MintHasSupply.into());
    }
    Ok(())
}

/// FreezeAccount and ThawAccount: account, mint, freeze authority.
pub(super) fn freeze(context: &mut Context<'_, '_>, edition: Edition, freeze: bool) -> Result<(), Failure> {
    names(context, 3)?;
    let mut holding = Holding::load(edition, &context.account(0)?.data)?;
    if freeze == holding.frozen {
        return Err(TokenError::InvalidState.into());
    }
    if holding.is_native() {
        return Err(TokenError::NativeNotSupported.into());
    }
    if context.key(1)? != holding.mint {
        return Err(TokenError::MintMismatch.into());
    }
    let mint = Mint::load(edition, &context.account(1)?.data)?;
    agrees(context, &mint.freeze_authority.ok_or(TokenError::MintCannotFreeze)?, 2)?;
    holding.frozen = freeze;
    holding.store(edition, context.data_mut(0)?);
    Ok(())
}

/// The mint of wrapped SOL.
fn native_mint(edition: Edition) -> Address {
    match edition {
        Edition::Classic => NATIVE_MINT,
        Edition::Extended => NATIVE_MINT_2022,
    }
}

fn unused(flag: u8) -> Result<(), Failure> {
    if flag == 0 { Ok(()) } else { Err(TokenError::AlreadyInUse.into()) }
}

fn expect_mint(context: &Context<'_, '_>, edition: Edition) -> Result<(), Failure> {
    let mint = Mint::load(edition, &context.account(1)?.data);
    mint.map(drop).map_err(|_| TokenError::InvalidMint.into())
}

fn expect_rent(context: &Context<'_, '_>, at: usize) -> Result<(), Failure> {
    if context.key(at)? == RENT {
        return Ok(());
    }
    Err(Failure::Program(InstructionError::InvalidArgument))
}

fn expect_exempt(context: &Context<'_, '_>) -> Result<(), Failure> {
    let account = context.account(0)?;
    if account.lamports < rent_exempt_minimum(account.data.len()) {
        return Err(TokenError::NotRentExempt.into());
    }
    Ok(())
}
