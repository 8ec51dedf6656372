//! Token and Token-2022: mints, token accounts, and what moves, makes and destroys tokens.
//!
//! What they check, in which order, and what they print follows SPL Token as of its rewrite without names in the logs
//! (`pinocchio/program/src`) and Token-2022 (`program/src/processor.rs`). Layouts and numbers of instructions:
//! `interface/src/{state,instruction}.rs` of both.

/// Amounts as text, and back.
mod amount;
/// Who must agree, and how that changes.
mod authority;
/// Several instructions in one.
mod batch;
/// Extensions of Token-2022: their initialization, and what changes them.
mod configure;
/// The arguments of an instruction.
mod data;
/// Why instructions fail.
mod error;
/// What Token-2022 appends to accounts.
mod extension;
/// Fees that transfers withhold.
mod fee;
/// How accounts begin, freeze, and end.
mod lifecycle;
/// A mint's name and symbol, in the mint itself.
mod metadata;
/// Wrapped SOL, and lamports that are no rent.
mod native;
/// The layouts of accounts.
mod state;
/// What makes and destroys tokens.
mod supply;
/// What moves tokens.
mod transfer;
/// Compute units of each instruction.
mod units;

use solana_instruction_error::InstructionError;

pub use self::state::{Holding, Mint, Multisig};
use self::{
    data::Data,
    error::{Failure, TOO_FEW_ACCOUNTS, TokenError},
};
use crate::{programs::TOKEN, runtime::Context};

/// Which of the two programs runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edition {
    /// Token.
    Classic,
    /// Token-2022.
    Extended,
}

/// Either program's instruction.
pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), InstructionError> {
    let edition = if context.program() == TOKEN { Edition::Classic } else { Edition::Extended };
    let data = context.data().to_vec();
    context.consume(units::of(edition, &data))?;
    let ran = match data.first() {
        None if edition == Edition::Classic => {
            Err(Failure::Silent(Failure::from(TokenError::InvalidInstruction).into()))
        }
        Some(255) if edition == Edition::Classic => batch::run(context, data.get(1..).unwrap_or_default()),
        _ => dispatch(context, edition, &data),
    };
    ran.map_err(|failure| {
        if let Some(line) = failure.line() {
            context.log(&line);
        }
        failure.into()
    })
}

/// One instruction; a batch holds several, and is none itself.
fn dispatch(context: &mut Context<'_, '_>, edition: Edition, data: &[u8]) -> Result<(), Failure> {
    let (tag, rest) = data.split_first().ok_or(TokenError::InvalidInstruction)?;
    if edition == Edition::Extended
        && let Some(name) = name(*tag)
    {
        context.log(&format!("Instruction: {name}"));
    }
    let data = Data { edition, rest };
    match (*tag, edition) {
        (0, _) => lifecycle::initialize_mint(context, data, true),
        (1, _) => lifecycle::initialize_holding(context, edition, None, true),
        (2, _) => lifecycle::initialize_multisig(context, edition, data.byte()?, true),
        (3, _) => transfer::run(context, edition, data.amount()?, transfer::Terms::Plain),
        (4, _) => authority::approve(context, edition, data.amount()?, None),
        (5, _) => authority::revoke(context, edition),
        (6, _) => authority::set(context, data),
        (7, _) => supply::mint(context, edition, data.amount()?, None),
        (8, _) => supply::burn(context, edition, supply::BURN, data.amount()?, None),
        (9, _) => lifecycle::close(context, edition),
        (10, _) => lifecycle::freeze(context, edition, true),
        (11, _) => lifecycle::freeze(context, edition, false),
        (12, _) => {
            let (amount, decimals) = data.checked()?;
            transfer::run(context, edition, amount, transfer::Terms::Checked { decimals })
        }
        (13, _) => {
            let (amount, decimals) = data.checked()?;
            authority::approve(context, edition, amount, Some(decimals))
        }
        (14, _) => {
            let (amount, decimals) = data.checked()?;
            supply::mint(context, edition, amount, Some(decimals))
        }
        (15, _) => {
            let (amount, decimals) = data.checked()?;
            supply::burn(context, edition, supply::BURN_CHECKED, amount, Some(decimals))
        }
        (16, _) => lifecycle::initialize_holding(context, edition, Some(data.address()?), true),
        (17, _) => native::sync(context, edition),
        (18, _) => lifecycle::initialize_holding(context, edition, Some(data.address()?), false),
        (19, _) => lifecycle::initialize_multisig(context, edition, data.byte()?, false),
        (20, _) => lifecycle::initialize_mint(context, data, false),
        (21, _) => amount::account_bytes(context, data),
        (22, _) => lifecycle::initialize_immutable_owner(context, edition),
        (23, _) => amount::to_text(context, edition, data.amount()?),
        (24, _) => amount::from_text(context, data),
        (38, _) => native::withdraw_excess(context, edition),
        (45, _) => native::unwrap(context, data),
        (_, Edition::Classic) => Err(TokenError::InvalidInstruction.into()),
        (tag, Edition::Extended) => configure::run(context, tag, data),
    }
}

/// What Token-2022 prints of an instruction (`Instruction: …`); those of extensions print more than that.
fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0 => "InitializeMint",
        1 => "InitializeAccount",
        2 => "InitializeMultisig",
        3 => "Transfer",
        4 => "Approve",
        5 => "Revoke",
        6 => "SetAuthority",
        7 => "MintTo",
        8 => "Burn",
        9 => "CloseAccount",
        10 => "FreezeAccount",
        11 => "ThawAccount",
        12 => "TransferChecked",
        13 => "ApproveChecked",
        14 => "MintToChecked",
        15 => "BurnChecked",
        16 => "InitializeAccount2",
        17 => "SyncNative",
        18 => "InitializeAccount3",
        19 => "InitializeMultisig2",
        20 => "InitializeMint2",
        21 => "GetAccountDataSize",
        22 => "InitializeImmutableOwner",
        23 => "AmountToUiAmount",
        24 => "UiAmountToAmount",
        25 => "InitializeMintCloseAuthority",
        32 => "InitializeNonTransferableMint",
        35 => "InitializePermanentDelegate",
        38 => "WithdrawExcessLamports",
        44 => "PausableExtension",
        45 => "UnwrapLamports",
        46 => "PermissionedBurnExtension",
        _ => return None,
    })
}

/// Checks that the instruction names at least so many accounts.
fn names(context: &Context<'_, '_>, accounts: usize) -> Result<(), Failure> {
    if context.count() < accounts {
        return Err(TOO_FEW_ACCOUNTS);
    }
    Ok(())
}

/// Checks that the program owns these accounts, for what does not change them.
fn owns(context: &Context<'_, '_>, accounts: &[usize]) -> Result<(), Failure> {
    for at in accounts {
        if context.account(*at)?.owner != context.program() {
            return Err(Failure::Program(InstructionError::IncorrectProgramId));
        }
    }
    Ok(())
}
