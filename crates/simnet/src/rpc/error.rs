//! Errors as nodes word them.
//!
//! Codes: Agave's `rpc-client-api`, `custom_error.rs`; texts as Agave 4.2.2 prints them.

use serde_json::{Value, json};
use solana_signature::Signature;

use crate::reply::Reply;

/// Why a call was not answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RpcError {
    /// -32600, the request is not one.
    InvalidRequest(String),
    /// -32601.
    MethodNotFound,
    /// -32602, the parameters are no good.
    InvalidParams(String),
    /// -32602, too many parameters; the second text says how many there were.
    WrongCount(String, String),
    /// -32603, the node could not do it.
    Internal,
    /// -32001, the block was pruned.
    CleanedUp {
        /// The block's slot.
        slot: u64,
        /// The oldest slot that was not pruned.
        first: u64,
    },
    /// -32002, the transaction would fail.
    Preflight {
        /// Why.
        why: String,
        /// What simulating it brought.
        simulated: Value,
    },
    /// -32004, there is no such block yet.
    NotAvailable {
        /// The slot asked for.
        slot: u64,
    },
    /// -32005, the node is so many slots behind.
    Behind(u64),
    /// -32007, the slot has no block.
    Skipped {
        /// The slot asked for.
        slot: u64,
    },
    /// -32015, the client does not know this version of transactions.
    UnsupportedVersion(u8),
    /// -32016, the node has not reached the slot the client has seen.
    MinContextSlot {
        /// The slot it has reached.
        reached: u64,
    },
    /// -32020, the transaction that a page begins or ends with is unknown.
    NoSuchTransaction(Signature),
}

// === impl RpcError ===

impl RpcError {
    /// The code, the message, and the data if there are any.
    pub(crate) fn parts(self) -> (i64, String, Option<Value>) {
        match self {
            Self::InvalidRequest(text) => (-32600, text, None),
            Self::MethodNotFound => (-32601, "Method not found".to_owned(), None),
            Self::InvalidParams(text) => (-32602, text, None),
            Self::WrongCount(text, got) => {
                (-32602, format!("Invalid parameters: {text}"), Some(Value::String(got)))
            }
            Self::Internal => (-32603, "Internal error".to_owned(), None),
            Self::CleanedUp { slot, first } => {
                let text = format!(
                    "Block {slot} cleaned up, does not exist on node. First available block: {first}"
                );
                (-32001, text, None)
            }
            Self::Preflight { why, simulated } => {
                (-32002, format!("Transaction simulation failed: {why}"), Some(simulated))
            }
            Self::NotAvailable { slot } => (-32004, format!("Block not available for slot {slot}"), None),
            Self::Behind(slots) => {
                let data = json!({"numSlotsBehind": slots});
                (-32005, format!("Node is behind by {slots} slots"), Some(data))
            }
            Self::Skipped { slot } => {
                let text =
                    format!("Slot {slot} was skipped, or missing due to ledger jump to recent snapshot");
                (-32007, text, None)
            }
            Self::UnsupportedVersion(version) => {
                let text = format!(
                    "Transaction version ({version}) is not supported by the requesting client. \
                     Please try the request again with the following configuration parameter: \
                     \"maxSupportedTransactionVersion\": {version}"
                );
                (-32015, text, None)
            }
            Self::MinContextSlot { reached } => {
                let text = "Minimum context slot has not been reached".to_owned();
                (-32016, text, Some(json!({"contextSlot": reached})))
            }
            Self::NoSuchTransaction(signature) => {
                (-32020, format!("Transaction {signature} not found"), None)
            }
        }
    }
}

impl From<RpcError> for Reply {
    fn from(error: RpcError) -> Self {
        let (code, message, data) = error.parts();
        Self::Error { code, message, data }
    }
}
