//! The token instructions that change a supply, read from the bytes that were executed.
//!
//! First data byte, in both programs: 0 `InitializeMint`, 7 `MintTo`, 8 `Burn`, 14 `MintToChecked`,
//! 15 `BurnChecked`, 20 `InitializeMint2`, 255 `Batch`; in Token-2022 also 46 `PermissionedBurn`, whose second byte is
//! 1 for `Burn` and 2 for `BurnChecked`. All other instructions leave the supply alone and are none of this module's
//! business. Trailing bytes are ignored, as the programs do.

use eda_events::{Address, Decimals, RawAmount};

use super::{BurnKind, TokenProgram};
use crate::transaction::Instruction;

const INITIALIZE_MINT: u8 = 0;
const MINT_TO: u8 = 7;
const BURN: u8 = 8;
const MINT_TO_CHECKED: u8 = 14;
const BURN_CHECKED: u8 = 15;
const INITIALIZE_MINT_2: u8 = 20;
const PERMISSIONED_BURN: u8 = 46;
const BATCH: u8 = 255;

const PERMISSIONED_BURN_PLAIN: u8 = 1;
const PERMISSIONED_BURN_CHECKED: u8 = 2;

/// What one instruction, or one entry of a batch, does to a supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenOperation {
    /// Destroys tokens.
    Burn {
        /// Which of the four burn instructions.
        kind: BurnKind,
        /// The token account they come from.
        account: Address,
        mint: Address,
        /// Owner, delegate or multisig.
        authority: Address,
        /// Who signed for a multisig authority.
        signers: Vec<Address>,
        amount: RawAmount,
        /// Said by the checked forms.
        decimals: Option<Decimals>,
    },
    /// Creates tokens.
    MintTo { mint: Address, amount: RawAmount },
    /// Starts a mint, whose supply is then zero.
    InitializeMint { mint: Address },
}

/// Why an instruction to a token program could not be read, although it may change a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UndecodableReason {
    /// No data, so not even a tag.
    #[error("no instruction data")]
    Empty,
    /// The data ends before the instruction's arguments do.
    #[error("instruction {tag} with only {found} bytes of data")]
    ShortData {
        /// First data byte.
        tag: u8,
        /// Length of the data, tag included.
        found: usize,
    },
    /// Fewer accounts than the instruction names.
    #[error("instruction {tag} with {found} accounts instead of {needed}")]
    FewAccounts {
        /// First data byte.
        tag: u8,
        /// Accounts given.
        found: usize,
        /// Accounts needed at least.
        needed: usize,
    },
    /// The data or the accounts of a batch end inside an entry, or there are more entries than data can hold.
    #[error("batch that ends inside an entry")]
    MalformedBatch,
    /// A batch inside a batch, which the programs refuse.
    #[error("batch inside a batch")]
    NestedBatch,
}

/// An operation, or why there is none to tell, with the batch entry it stands in.
pub(super) type Found = (Option<u16>, Result<TokenOperation, UndecodableReason>);

/// Hands every supply operation of `instruction`, whose data is `data`, to `found`, in order.
pub(super) fn decode(
    program: TokenProgram,
    instruction: Instruction<'_>,
    data: &[u8],
    mut found: impl FnMut(Found),
) {
    // Most token instructions are transfers: look no further than their tag.
    let Some((&tag, rest)) = data.split_first() else { return found((None, Err(UndecodableReason::Empty))) };
    if !matters(tag) {
        return;
    }
    let accounts: Vec<Address> = instruction.accounts().copied().collect();
    if tag != BATCH {
        if let Some(operation) = operation(program, &accounts, data).transpose() {
            found((None, operation));
        }
        return;
    }
    let mut entries = Entries { accounts: &accounts, data: rest };
    let mut number = 0u16;
    while let Some(entry) = entries.next() {
        let operation = entry.and_then(|(accounts, data)| operation(program, accounts, data));
        let broken = operation == Err(UndecodableReason::MalformedBatch);
        if let Some(operation) = operation.transpose() {
            found((Some(number), operation));
        }
        let Some(next) = number.checked_add(1).filter(|_| !broken) else { return };
        number = next;
    }
}

fn matters(tag: u8) -> bool {
    matches!(
        tag,
        INITIALIZE_MINT
            | MINT_TO
            | BURN
            | MINT_TO_CHECKED
            | BURN_CHECKED
            | INITIALIZE_MINT_2
            | PERMISSIONED_BURN
            | BATCH
    )
}

/// The entries of a batch: `accounts u8, length u8, data[length]` until the data ends, each entry taking the next
/// accounts of the outer list. Source: solana-program/token `pinocchio/program/src/processor/batch.rs`.
struct Entries<'a> {
    accounts: &'a [Address],
    data: &'a [u8],
}

/// The accounts and the data of one entry.
type Entry<'a> = (&'a [Address], &'a [u8]);

impl<'a> Entries<'a> {
    fn next(&mut self) -> Option<Result<Entry<'a>, UndecodableReason>> {
        if self.data.is_empty() {
            return None;
        }
        let entry = || {
            let (&[accounts, length], rest) = self.data.split_first_chunk::<2>()?;
            let (data, after) = rest.split_at_checked(usize::from(length))?;
            let (accounts, others) = self.accounts.split_at_checked(usize::from(accounts))?;
            Some(((accounts, data), (others, after)))
        };
        let Some((entry, (accounts, data))) = entry() else {
            return Some(Err(UndecodableReason::MalformedBatch));
        };
        (self.accounts, self.data) = (accounts, data);
        Some(Ok(entry))
    }
}

fn operation(
    program: TokenProgram,
    accounts: &[Address],
    data: &[u8],
) -> Result<Option<TokenOperation>, UndecodableReason> {
    let Some((&tag, rest)) = data.split_first() else { return Err(UndecodableReason::Empty) };
    let reader = Reader { tag, length: data.len(), accounts };
    Ok(Some(match tag {
        BURN => reader.burn(BurnKind::Burn, rest)?,
        BURN_CHECKED => reader.burn(BurnKind::BurnChecked, rest)?,
        PERMISSIONED_BURN if program == TokenProgram::Token2022 => {
            let Some((&form, rest)) = rest.split_first() else { return Err(reader.short()) };
            match form {
                PERMISSIONED_BURN_PLAIN => reader.burn(BurnKind::PermissionedBurn, rest)?,
                PERMISSIONED_BURN_CHECKED => reader.burn(BurnKind::PermissionedBurnChecked, rest)?,
                // Set up, and burns of confidential balances, whose amount is not public and not in `supply`.
                _ => return Ok(None),
            }
        }
        MINT_TO | MINT_TO_CHECKED => {
            let amount = reader.amount(rest)?;
            let [mint, _, _] = reader.accounts()?;
            TokenOperation::MintTo { mint, amount }
        }
        INITIALIZE_MINT | INITIALIZE_MINT_2 => {
            let [mint] = reader.accounts()?;
            TokenOperation::InitializeMint { mint }
        }
        BATCH => return Err(UndecodableReason::NestedBatch),
        _ => return Ok(None),
    }))
}

/// Reads arguments, and names what is missing.
struct Reader<'a> {
    tag: u8,
    length: usize,
    accounts: &'a [Address],
}

impl Reader<'_> {
    fn burn(&self, kind: BurnKind, arguments: &[u8]) -> Result<TokenOperation, UndecodableReason> {
        let amount = self.amount(arguments)?;
        let decimals = match kind {
            BurnKind::Burn | BurnKind::PermissionedBurn => None,
            BurnKind::BurnChecked | BurnKind::PermissionedBurnChecked => {
                Some(Decimals(*arguments.get(8).ok_or_else(|| self.short())?))
            }
        };
        let (account, mint, authority, named) = match kind {
            BurnKind::Burn | BurnKind::BurnChecked => {
                let [account, mint, authority] = self.accounts()?;
                (account, mint, authority, 3)
            }
            BurnKind::PermissionedBurn | BurnKind::PermissionedBurnChecked => {
                let [account, mint, _permission, authority] = self.accounts()?;
                (account, mint, authority, 4)
            }
        };
        let signers = self.accounts.get(named..).unwrap_or_default().to_vec();
        Ok(TokenOperation::Burn { kind, account, mint, authority, signers, amount, decimals })
    }

    fn amount(&self, arguments: &[u8]) -> Result<RawAmount, UndecodableReason> {
        let bytes = arguments.first_chunk::<8>().ok_or_else(|| self.short())?;
        Ok(RawAmount(u64::from_le_bytes(*bytes)))
    }

    fn accounts<const N: usize>(&self) -> Result<[Address; N], UndecodableReason> {
        self.accounts.first_chunk::<N>().copied().ok_or(UndecodableReason::FewAccounts {
            tag: self.tag,
            found: self.accounts.len(),
            needed: N,
        })
    }

    fn short(&self) -> UndecodableReason {
        UndecodableReason::ShortData { tag: self.tag, found: self.length }
    }
}
