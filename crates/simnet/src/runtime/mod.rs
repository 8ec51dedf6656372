//! Executes transactions on accounts, by the rules of Solana's runtime.
//!
//! Responsible for fees, privileges, calls between programs, logs, and the record nodes keep of all that. What single
//! instructions do is the [`programs`](crate::programs)' business; which accounts there are, the chain's.

mod context;
mod effect;
mod fee;
mod logs;
mod machine;
mod meta;

use std::{collections::HashSet, sync::Arc};

use solana_address::Address;
use solana_hash::Hash;
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

pub use self::{
    context::Context,
    effect::{Effect, Place, What},
    fee::Budget,
    meta::{InnerGroup, InnerInstruction, Loaded, Meta, TokenBalance},
};
use self::{
    logs::Logs,
    machine::{Handle, Machine},
};
use crate::{
    chain::{Account, rent_exempt_minimum},
    programs,
};

/// The cluster around a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// The slot it runs in.
    pub slot: u64,
    /// The epoch of that slot.
    pub epoch: u64,
    /// Unix time in seconds.
    pub time: i64,
    /// The hash of the block before.
    pub blockhash: Hash,
}

/// What a transaction did, and the accounts it leaves.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The record.
    pub meta: Meta,
    /// Accounts to be written; if it failed, the payer alone.
    pub writes: Vec<(Address, Account)>,
    /// Every account as it was when the last instruction ended, even if that failed: what a simulation shows.
    pub accounts: Vec<(Address, Account)>,
}

/// Gives accounts as they are before the transaction.
#[derive(Clone, Copy)]
struct Load<'e>(&'e dyn Fn(&Address) -> Option<Arc<Account>>);

// === impl Load ===

impl Load<'_> {
    fn at(self, address: &Address) -> Option<Arc<Account>> {
        (self.0)(address)
    }
}

impl std::fmt::Debug for Load<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Load")
    }
}

/// Executes a transaction on the accounts that `load` gives. Signatures, age and duplicates are the caller's to check.
///
/// # Errors
/// When the transaction cannot be in a block at all: nobody can pay for it, or a lookup table is missing.
pub fn execute(
    transaction: &VersionedTransaction,
    environment: &Environment,
    load: impl Fn(&Address) -> Option<Arc<Account>>,
) -> Result<Executed, TransactionError> {
    let message = &transaction.message;
    let loaded = look_up(message, environment, &load)?;
    let keys: Vec<Address> = message
        .static_account_keys()
        .iter()
        .chain(&loaded.writable)
        .chain(&loaded.readonly)
        .copied()
        .collect();
    let budget = Budget::of(message, &keys)?;
    let fee = budget.fee(transaction.signatures.len());
    let before: Vec<Account> = keys
        .iter()
        .map(|key| load(key).map_or_else(|| Account::wallet(0), |account| Account::clone(&account)))
        .collect();
    let (payer, paid) = pay(&keys, &before, fee)?;

    let mut accounts = before.clone();
    if let Some(first) = accounts.first_mut() {
        *first = paid.clone();
    }
    let mut machine = Machine {
        environment,
        load: Load(&load),
        stack: Vec::new(),
        keys,
        accounts,
        logs: Logs::default(),
        inner: Vec::new(),
        effects: Vec::new(),
        return_data: None,
        units_left: budget.units,
    };
    let ran = programs_exist(message, &machine).and_then(|()| run(message, &loaded, &mut machine));
    let ended = ran.and_then(|()| keeps_rent(&before, &machine.accounts));

    let units = budget.units.saturating_sub(machine.units_left);
    let after = match ended {
        Ok(()) => machine.accounts.clone(),
        Err(_) => {
            let mut after = before.clone();
            if let Some(first) = after.first_mut() {
                *first = paid.clone();
            }
            after
        }
    };
    let lamports = |accounts: &[Account]| accounts.iter().map(|account| account.lamports).collect();
    let writes = match ended {
        Ok(()) => {
            let states = machine.keys.iter().zip(&after).zip(&before);
            states
                .filter(|((_, after), before)| after != before)
                .map(|((key, after), _)| (*key, after.clone()))
                .collect()
        }
        Err(_) => vec![(payer, paid)],
    };
    let effects = if ended.is_ok() { machine.effects } else { Vec::new() };
    let meta = Meta {
        err: ended.err(),
        fee,
        pre_balances: lamports(&before),
        post_balances: lamports(&after),
        pre_token_balances: programs::token_balances(&machine.keys, &before, &load),
        post_token_balances: programs::token_balances(&machine.keys, &after, &load),
        inner: machine.inner,
        logs: machine.logs.into_lines(),
        loaded,
        units,
        return_data: machine.return_data,
        effects,
    };
    let accounts = machine.keys.into_iter().zip(machine.accounts).collect();
    Ok(Executed { meta, writes, accounts })
}

/// Whether every instruction is a program's; else none runs.
fn programs_exist(message: &VersionedMessage, machine: &Machine<'_>) -> Result<(), TransactionError> {
    for instruction in message.instructions() {
        let index = usize::from(instruction.program_id_index);
        let (key, account) = machine
            .keys
            .get(index)
            .zip(machine.accounts.get(index))
            .ok_or(TransactionError::SanitizeFailure)?;
        if programs::find(key).is_none() {
            let there = account.lamports > 0;
            return Err(if there {
                TransactionError::InvalidProgramForExecution
            } else {
                TransactionError::ProgramAccountNotFound
            });
        }
    }
    Ok(())
}

/// Runs every instruction, until one fails.
fn run(
    message: &VersionedMessage,
    loaded: &Loaded,
    machine: &mut Machine<'_>,
) -> Result<(), TransactionError> {
    let fixed = message.static_account_keys().len();
    let writable_to = fixed.saturating_add(loaded.writable.len());
    for (number, instruction) in message.instructions().iter().enumerate() {
        let program = machine.keys.get(usize::from(instruction.program_id_index)).copied();
        let program = program.ok_or(TransactionError::SanitizeFailure)?;
        let handle = |index: &u8| {
            let index = usize::from(*index);
            let writable = if index < fixed {
                message.is_maybe_writable_with_reserved_addresses(index, None::<&HashSet<Address>>)
            } else {
                index < writable_to
            };
            Handle { index, signer: message.is_signer(index), writable }
        };
        let accounts = instruction.accounts.iter().map(handle).collect();
        machine.top(number, program, accounts, instruction.data.clone()).map_err(|error| {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            TransactionError::InstructionError(number, error)
        })?;
    }
    Ok(())
}

/// The addresses that the message's lookup tables give.
fn look_up(
    message: &VersionedMessage,
    environment: &Environment,
    load: &impl Fn(&Address) -> Option<Arc<Account>>,
) -> Result<Loaded, TransactionError> {
    let mut loaded = Loaded::default();
    for lookup in message.address_table_lookups().unwrap_or_default() {
        let table = load(&lookup.account_key).ok_or(TransactionError::AddressLookupTableNotFound)?;
        let addresses = programs::lookup_table::active(&table, environment.slot)?;
        let pick = |indexes: &[u8]| {
            let picked = indexes.iter().map(|index| addresses.get(usize::from(*index)).copied());
            picked.collect::<Option<Vec<_>>>().ok_or(TransactionError::InvalidAddressLookupTableIndex)
        };
        loaded.writable.extend(pick(&lookup.writable_indexes)?);
        loaded.readonly.extend(pick(&lookup.readonly_indexes)?);
    }
    Ok(loaded)
}

/// The payer and its account after it paid.
fn pay(keys: &[Address], accounts: &[Account], fee: u64) -> Result<(Address, Account), TransactionError> {
    let (Some(payer), Some(account)) = (keys.first(), accounts.first()) else {
        return Err(TransactionError::SanitizeFailure);
    };
    if account.lamports == 0 {
        return Err(TransactionError::AccountNotFound);
    }
    if account.owner != programs::SYSTEM || !account.data.is_empty() {
        return Err(TransactionError::InvalidAccountForFee);
    }
    let left = account.lamports.checked_sub(fee).ok_or(TransactionError::InsufficientFundsForFee)?;
    if left > 0 && left < rent_exempt_minimum(0) {
        return Err(TransactionError::InsufficientFundsForRent { account_index: 0 });
    }
    Ok((*payer, Account { lamports: left, ..account.clone() }))
}

/// Whether no account is left with less than its rent, unless it had less before.
fn keeps_rent(before: &[Account], after: &[Account]) -> Result<(), TransactionError> {
    let poor = |account: &Account| {
        account.lamports > 0 && account.lamports < rent_exempt_minimum(account.data.len())
    };
    let mut states = before.iter().zip(after);
    match states.position(|(before, after)| before != after && poor(after) && !poor(before)) {
        Some(index) => {
            let account_index = u8::try_from(index).unwrap_or(u8::MAX);
            Err(TransactionError::InsufficientFundsForRent { account_index })
        }
        None => Ok(()),
    }
}
