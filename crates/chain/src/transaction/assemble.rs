//! Puts a [`Transaction`] together and proves every index in it, so that nothing behind it can point nowhere.

use std::{collections::HashMap, ops::Range, sync::OnceLock};

use eda_events::{Address, Path, Signature};
use serde_json::value::RawValue;

use super::{
    Form, Lamports, Record, TokenBalance, Transaction, TransactionError, Version, rpc::Surroundings,
};
use crate::token::{self, TokenProgram};

/// What the message alone tells.
pub(super) struct Head {
    pub(super) signature: Option<Signature>,
    pub(super) version: Version,
    pub(super) keys: Vec<Address>,
    pub(super) signers: u8,
}

/// What the node adds to the message.
pub(super) struct Outcome {
    pub(super) around: Surroundings,
    pub(super) error: Option<Box<str>>,
    pub(super) fee: u64,
    pub(super) inner_recorded: bool,
    pub(super) logs: Option<Box<[String]>>,
    pub(super) lamports: Option<Box<[Lamports]>>,
    pub(super) pre_token_balances: Option<Box<[TokenBalance]>>,
    pub(super) post_token_balances: Option<Box<[TokenBalance]>>,
}

/// A transaction under construction: instructions may be pushed in any order.
pub(super) struct Assembly {
    signature: Signature,
    version: Version,
    keys: Vec<Address>,
    signers: u8,
    records: Vec<Record>,
    accounts: Vec<u8>,
    data: Vec<u8>,
    /// Built at the first instruction that names its accounts by address.
    index: Option<HashMap<Address, u8>>,
}

// === impl Assembly ===

impl Assembly {
    pub(super) fn new(head: Head) -> Result<Self, TransactionError> {
        let Head { signature, version, keys, signers } = head;
        let signature = signature.ok_or_else(|| TransactionError::malformed("signatures", "none"))?;
        // Instructions point at accounts with one byte.
        if keys.len() > 256 {
            return Err(TransactionError::malformed("accounts", format_args!("{} are too many", keys.len())));
        }
        if signers == 0 || usize::from(signers) > keys.len() {
            let what = format_args!("{signers} signers among {} accounts", keys.len()).to_string();
            return Err(TransactionError::malformed("header", what));
        }
        Ok(Self {
            signature,
            version,
            keys,
            signers,
            records: Vec::new(),
            accounts: Vec::new(),
            data: Vec::new(),
            index: None,
        })
    }

    /// How many accounts there are to point at.
    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The index of an account that an instruction names by address.
    pub(super) fn index_of(&mut self, path: Path, address: &Address) -> Result<u8, TransactionError> {
        let keys = &self.keys;
        self.index
            .get_or_insert_with(|| keys.iter().copied().zip(0..=u8::MAX).collect())
            .get(address)
            .copied()
            .ok_or_else(|| TransactionError::malformed(at(path), format_args!("unlisted account {address}")))
    }

    /// Adds an instruction as it was executed.
    pub(super) fn push(
        &mut self,
        path: Path,
        program: u8,
        accounts: &[u8],
        data: &[u8],
    ) -> Result<(), TransactionError> {
        for index in std::iter::once(&program).chain(accounts) {
            self.prove(path, *index)?;
        }
        let accounts = append(&mut self.accounts, path, accounts)?;
        let data = append(&mut self.data, path, data)?;
        self.records.push(Record { path, program, form: Form::Wire { accounts, data } });
        Ok(())
    }

    /// Adds an instruction of which the node gave only its own reading. Kept is what token programs do to a supply.
    pub(super) fn push_parsed(
        &mut self,
        path: Path,
        program: u8,
        parsed: &RawValue,
    ) -> Result<(), TransactionError> {
        let id = self.prove(path, program)?;
        let operations = match TokenProgram::from_address(id) {
            Some(_) => token::read_parsed(parsed.get())
                .map_err(|what| TransactionError::malformed(at(path), what))?,
            None => Vec::new(),
        };
        self.records.push(Record { path, program, form: Form::Parsed(operations.into()) });
        Ok(())
    }

    /// The whole transaction, its instructions in execution-list order.
    pub(super) fn finish(mut self, outcome: Outcome) -> Result<Transaction, TransactionError> {
        self.records.sort_by_key(|record| record.path);
        let mut tops = 0u16;
        let mut before = None;
        for path in self.records.iter().map(|record| record.path) {
            if before.replace(path) == Some(path) {
                return Err(TransactionError::malformed(at(path), "given twice"));
            }
            match path.inner {
                None => tops = tops.saturating_add(1),
                Some(_) if path.instruction >= tops => {
                    return Err(TransactionError::malformed(at(path), "invoked by no instruction"));
                }
                Some(_) => {}
            }
        }
        Ok(Transaction {
            signature: self.signature,
            slot: outcome.around.slot,
            block_time: outcome.around.block_time,
            index_in_block: outcome.around.index,
            version: self.version,
            error: outcome.error,
            fee: outcome.fee,
            keys: self.keys.into(),
            signers: self.signers,
            instructions: self.records.into(),
            accounts: self.accounts.into(),
            data: self.data.into(),
            inner_recorded: outcome.inner_recorded,
            logs: outcome.logs,
            lamports: outcome.lamports,
            pre_token_balances: outcome.pre_token_balances,
            post_token_balances: outcome.post_token_balances,
            token_facts: OnceLock::new(),
        })
    }

    fn prove(&self, path: Path, index: u8) -> Result<&Address, TransactionError> {
        self.keys.get(usize::from(index)).ok_or_else(|| {
            let what = format!("account {index} of {}", self.keys.len());
            TransactionError::malformed(at(path), what)
        })
    }
}

/// How errors name an instruction.
pub(super) fn at(path: Path) -> String {
    format!("instruction {path}")
}

fn append(buffer: &mut Vec<u8>, path: Path, bytes: &[u8]) -> Result<Range<u32>, TransactionError> {
    let start = buffer.len();
    buffer.extend_from_slice(bytes);
    match (u32::try_from(start), u32::try_from(buffer.len())) {
        (Ok(start), Ok(end)) => Ok(start..end),
        _ => Err(TransactionError::malformed(at(path), "more than 4 GiB of instructions")),
    }
}
