//! One executed transaction, read once from what RPC gives and then shared in an `Arc` by everyone who asked.
//!
//! Account lookups are resolved, instructions stand in the order of the node's execution list, and the data of all
//! instructions lies in one buffer, because whole blocks of transactions are held at a time. What a node may leave
//! out (logs, inner instructions, balances) is an `Option` here: absent is unknown, never empty.
//!
//! Not here: what the instructions mean ([`crate::token`], [`crate::creation`]).

use std::{fmt, ops::Range, sync::OnceLock};

use eda_events::{Address, Decimals, Path, RawAmount, Signature, Slot};

use crate::token::{TokenFacts, TokenOperation};

mod assemble;
mod rpc;
mod shapes;

pub(crate) use rpc::signature_of;

/// A transaction with the outcome of its execution.
#[derive(Debug)]
pub struct Transaction {
    signature: Signature,
    slot: Slot,
    block_time: Option<i64>,
    index_in_block: Option<u32>,
    version: Version,
    error: Option<Box<str>>,
    fee: u64,
    /// Static keys, then writable lookups, then readonly lookups: the index space of everything below.
    keys: Box<[Address]>,
    signers: u8,
    instructions: Box<[Record]>,
    /// Key indexes of the accounts of all instructions.
    accounts: Box<[u8]>,
    /// Data of all instructions.
    data: Box<[u8]>,
    inner_recorded: bool,
    logs: Option<Box<[String]>>,
    lamports: Option<Box<[Lamports]>>,
    pre_token_balances: Option<Box<[TokenBalance]>>,
    post_token_balances: Option<Box<[TokenBalance]>>,
    token_facts: OnceLock<TokenFacts>,
}

/// The form of the transaction's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The first form, without a version number.
    Legacy,
    /// With address lookup tables.
    V0,
    /// Without lookup tables, up to 4096 bytes, compute budget in the message (SIMD-0385).
    V1,
}

/// One instruction of a transaction.
#[derive(Clone, Copy)]
pub struct Instruction<'a> {
    transaction: &'a Transaction,
    record: &'a Record,
}

/// What an account held before and after, in lamports. A transaction that fails still pays its fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lamports {
    /// Before the first instruction.
    pub before: u64,
    /// After the last instruction.
    pub after: u64,
}

/// What a token account held, before or after the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBalance {
    /// Index of the token account in [`Transaction::keys`].
    pub account: u8,
    /// The token.
    pub mint: Address,
    /// Who owns the token account; old nodes did not record it.
    pub owner: Option<Address>,
    /// The token program; old nodes did not record it.
    pub program: Option<Address>,
    /// Units held.
    pub amount: RawAmount,
    /// The mint's decimals.
    pub decimals: Decimals,
}

/// Why no transaction could be read from an RPC answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The node gave no `meta`: whether the transaction succeeded is unknown, so nothing in it can be judged.
    #[error("transaction without meta, its outcome is unknown")]
    MissingMeta,
    /// A message version this program does not know.
    #[error("transaction of unknown version {0}, a newer eda is needed to read it")]
    UnknownVersion(u64),
    /// The answer contradicts itself or the format.
    #[error("malformed transaction: {at}: {what}")]
    Malformed {
        /// The part that cannot be read.
        at: String,
        /// What is wrong with it.
        what: String,
    },
}

/// One entry of the execution list.
#[derive(Debug)]
struct Record {
    path: Path,
    program: u8,
    form: Form,
}

/// How the node gave an instruction.
#[derive(Debug)]
enum Form {
    /// As it was executed: ranges of the shared buffers.
    Wire { accounts: Range<u32>, data: Range<u32> },
    /// As the node's own reading of it (`jsonParsed`); kept is what concerns a token's supply, with the batch entry.
    Parsed(Box<[(Option<u16>, TokenOperation)]>),
}

// === impl Transaction ===

impl Transaction {
    /// Reads the result of `getTransaction` (encodings `base64`, `json` and `jsonParsed`). `result` is the JSON of
    /// the `result` field, which is not `null`.
    ///
    /// # Errors
    ///
    /// See [`TransactionError`].
    pub fn from_get_transaction(result: &str) -> Result<Self, TransactionError> {
        rpc::read(result, None)
    }

    /// Reads an element of a block's `transactions` (or a transaction notification, which has the same form), whose
    /// slot and time are known from around it. `index` is its position in the block, where known.
    ///
    /// # Errors
    ///
    /// See [`TransactionError`].
    pub fn from_block_element(
        element: &str,
        slot: Slot,
        block_time: Option<i64>,
        index: Option<u32>,
    ) -> Result<Self, TransactionError> {
        rpc::read(element, Some(rpc::Surroundings { slot, block_time, index }))
    }

    /// The first signature: the transaction's id.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// The slot of the block that contains it.
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The block's estimated production time in Unix seconds, where the node gave one.
    pub fn block_time(&self) -> Option<i64> {
        self.block_time
    }

    /// Position in the block, from 0, where known.
    pub fn index_in_block(&self) -> Option<u32> {
        self.index_in_block
    }

    /// The message's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether execution failed: the fee was paid, and nothing else in it happened.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Why it failed, as the JSON of `meta.err`.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The fee paid, in lamports.
    pub fn fee(&self) -> u64 {
        self.fee
    }

    /// Every account: static keys, then writable lookups, then readonly lookups.
    pub fn keys(&self) -> &[Address] {
        &self.keys
    }

    /// Those who signed. The first pays the fee.
    pub fn signers(&self) -> &[Address] {
        self.keys.get(..usize::from(self.signers)).unwrap_or_default()
    }

    /// Every instruction in execution-list order: each top-level one, followed by what it invoked.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = Instruction<'_>> {
        self.instructions.iter().map(|record| Instruction { transaction: self, record })
    }

    /// Whether the node recorded inner instructions. Where it did not, only the top level is known.
    pub fn inner_instructions_recorded(&self) -> bool {
        self.inner_recorded
    }

    /// The log lines, where the node recorded them.
    pub fn logs(&self) -> Option<&[String]> {
        self.logs.as_deref()
    }

    /// Whether the runtime cut the logs off at its limit (10,000 bytes); unknown where there are no logs.
    pub fn logs_truncated(&self) -> Option<bool> {
        self.logs().map(crate::logs::truncated)
    }

    /// What the account at `index` of [`keys`](Self::keys) held, where the node recorded it.
    pub fn lamports(&self, index: usize) -> Option<Lamports> {
        self.lamports.as_deref()?.get(index).copied()
    }

    /// Token balances before the first instruction, where the node recorded them.
    pub fn pre_token_balances(&self) -> Option<&[TokenBalance]> {
        self.pre_token_balances.as_deref()
    }

    /// Token balances after the last instruction, where the node recorded them.
    pub fn post_token_balances(&self) -> Option<&[TokenBalance]> {
        self.post_token_balances.as_deref()
    }

    /// What the token programs did in it, decoded at the first call and then shared.
    pub fn token_facts(&self) -> &TokenFacts {
        self.token_facts.get_or_init(|| TokenFacts::decode(self))
    }

    /// The recorded balances, before and then after.
    pub(crate) fn token_balances(&self) -> impl Iterator<Item = (&Address, &TokenBalance)> {
        [&self.pre_token_balances, &self.post_token_balances]
            .into_iter()
            .flatten()
            .flatten()
            .map(|balance| (self.key(balance.account), balance))
    }

    /// Cannot panic: assembly proved every index it kept against the keys.
    fn key(&self, index: u8) -> &Address {
        &self.keys[usize::from(index)]
    }
}

// === impl Instruction ===

impl<'a> Instruction<'a> {
    /// Where it stands.
    pub fn path(&self) -> Path {
        self.record.path
    }

    /// The program it invokes.
    pub fn program(&self) -> &'a Address {
        self.transaction.key(self.record.program)
    }

    /// Its accounts, in order. Empty where [`data`](Self::data) is unknown.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &'a Address> + Clone + use<'a> {
        let transaction = self.transaction;
        self.account_indexes().iter().map(|index| transaction.key(*index))
    }

    /// The account at `position` of the instruction's own list.
    pub fn account(&self, position: usize) -> Option<&'a Address> {
        self.account_indexes().get(position).map(|index| self.transaction.key(*index))
    }

    /// Its data; none where the node gave its own reading instead (`jsonParsed`).
    pub fn data(&self) -> Option<&'a [u8]> {
        match &self.record.form {
            Form::Wire { data, .. } => Some(part(&self.transaction.data, data)),
            Form::Parsed(_) => None,
        }
    }

    /// The node's own reading of what it does to a token's supply, where that is how the instruction was given.
    pub(crate) fn parsed(&self) -> Option<&'a [(Option<u16>, TokenOperation)]> {
        match &self.record.form {
            Form::Wire { .. } => None,
            Form::Parsed(operations) => Some(operations),
        }
    }

    fn account_indexes(&self) -> &'a [u8] {
        match &self.record.form {
            Form::Wire { accounts, .. } => part(&self.transaction.accounts, accounts),
            Form::Parsed(_) => &[],
        }
    }
}

impl fmt::Debug for Instruction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruction")
            .field("path", &self.path())
            .field("program", self.program())
            .field("accounts", &self.accounts().collect::<Vec<_>>())
            .field("data", &self.data())
            .finish()
    }
}

/// Cannot panic: assembly took every range from the buffer it filled.
fn part<'a>(buffer: &'a [u8], range: &Range<u32>) -> &'a [u8] {
    &buffer[range.start as usize..range.end as usize]
}

// === impl Version ===

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "legacy",
            Self::V0 => "0",
            Self::V1 => "1",
        })
    }
}

// === impl TransactionError ===

impl TransactionError {
    fn malformed(at: impl Into<String>, what: impl fmt::Display) -> Self {
        Self::Malformed { at: at.into(), what: what.to_string() }
    }
}

#[cfg(test)]
mod tests;
