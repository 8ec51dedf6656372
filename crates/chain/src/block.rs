//! A block with its transactions, from the result of `getBlock` with `transactionDetails: "full"`.

use std::sync::Arc;

use eda_events::{Signature, Slot};
use serde::Deserialize;
use serde_json::value::RawValue;
use solana_hash::Hash;

use crate::{
    json::Text,
    transaction::{Transaction, TransactionError, signature_of},
};

/// One confirmed block.
#[derive(Debug)]
pub struct Block {
    /// The slot it was produced in.
    pub slot: Slot,
    /// The slot of the block before it; slots in between have no block.
    pub parent_slot: Slot,
    /// Its id.
    pub blockhash: Hash,
    /// The id of the block before it.
    pub previous_blockhash: Hash,
    /// Estimated production time in Unix seconds, where the node gave one.
    pub block_time: Option<i64>,
    /// Number of blocks beneath it, where the node gave it.
    pub block_height: Option<u64>,
    /// Its transactions in order of execution, without those that could not be read.
    pub transactions: Vec<Arc<Transaction>>,
    /// Those that could not be read, in the same order. While this is not empty, the block is not proven.
    pub unreadable: Vec<Unreadable>,
}

/// A transaction of a block that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its position in the block, from 0.
    pub index: u32,
    /// Its signature, if that much could be told.
    pub signature: Option<Signature>,
    /// Why.
    pub error: TransactionError,
}

/// Why no block could be read from a `getBlock` result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The result is not the JSON of a block.
    #[error("malformed block: {0}")]
    Malformed(String),
    /// The block came without its transactions.
    #[error("block without transactions, ask for transactionDetails \"full\"")]
    NoTransactions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    parent_slot: u64,
    blockhash: Text<Hash>,
    previous_blockhash: Text<Hash>,
    block_time: Option<i64>,
    block_height: Option<u64>,
    #[serde(borrow)]
    transactions: Option<Vec<&'a RawValue>>,
}

// === impl Block ===

impl Block {
    /// Reads the result of `getBlock` for `slot`, whose JSON does not name its slot. `result` is not `null`.
    ///
    /// A transaction that cannot be read does not cost the others: it is listed in [`unreadable`](Self::unreadable).
    ///
    /// # Errors
    ///
    /// See [`BlockError`].
    pub fn from_get_block(slot: Slot, result: &str) -> Result<Self, BlockError> {
        let answer: Answer<'_> =
            serde_json::from_str(result).map_err(|e| BlockError::Malformed(e.to_string()))?;
        let elements = answer.transactions.ok_or(BlockError::NoTransactions)?;
        let mut transactions = Vec::with_capacity(elements.len());
        let mut unreadable = Vec::new();
        for (index, element) in (0..=u32::MAX).zip(elements) {
            match Transaction::from_block_element(element.get(), slot, answer.block_time, Some(index)) {
                Ok(transaction) => transactions.push(Arc::new(transaction)),
                Err(error) => {
                    let signature = signature_of(element.get());
                    unreadable.push(Unreadable { index, signature, error });
                }
            }
        }
        Ok(Self {
            slot,
            parent_slot: Slot(answer.parent_slot),
            blockhash: answer.blockhash.0,
            previous_blockhash: answer.previous_blockhash.0,
            block_time: answer.block_time,
            block_height: answer.block_height,
            transactions,
            unreadable,
        })
    }
}
