//! Blocks as nodes show them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::transaction::{TransactionEncoding, accounts_value, transaction_value};
use crate::{chain::Block, rpc::error::RpcError};

/// How much of a block's transactions is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Details {
    /// All of it.
    Full,
    /// Signatures alone.
    Signatures,
    /// Nothing.
    None,
    /// Accounts and balances.
    Accounts,
}

/// What of a block is shown, and how. Equal options show the same block alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockOptions {
    /// How transactions are shown in full.
    pub(crate) encoding: TransactionEncoding,
    /// How much of them is shown.
    pub(crate) details: Details,
    /// Whether rewards are shown.
    pub(crate) rewards: bool,
    /// The newest version of transactions that the client knows; `None` if it knows no versions.
    pub(crate) max_version: Option<u8>,
}

/// A block as `getBlock` answers it and `blockSubscribe` notifies of it.
pub(crate) fn block_value(block: &Block, options: BlockOptions) -> Result<Value, RpcError> {
    let BlockOptions { encoding, details, rewards, max_version } = options;
    let mut shown = json!({
        "blockhash": block.blockhash.to_string(),
        "previousBlockhash": block.previous_blockhash.to_string(),
        "parentSlot": block.parent,
        "blockHeight": block.height,
        "blockTime": block.time,
    });
    let transactions = block.transactions.iter();
    let content = match details {
        Details::None => None,
        Details::Signatures => {
            let signatures = transactions.map(|landed| Ok(json!(landed.signature().to_string())));
            Some(("signatures", signatures.collect::<Result<Vec<_>, RpcError>>()?))
        }
        Details::Accounts => {
            let shown = transactions.map(|landed| accounts_value(landed, max_version, rewards));
            Some(("transactions", shown.collect::<Result<_, _>>()?))
        }
        Details::Full => {
            let shown = transactions.map(|landed| transaction_value(landed, encoding, max_version, rewards));
            Some(("transactions", shown.collect::<Result<_, _>>()?))
        }
    };
    if let Some(fields) = shown.as_object_mut() {
        if let Some((name, content)) = content {
            fields.insert(name.to_owned(), Value::Array(content));
        }
        if rewards {
            fields.insert("rewards".to_owned(), earned(block));
        }
    }
    Ok(shown)
}

/// What the leader earned; an empty list if that is nothing.
fn earned(block: &Block) -> Value {
    if block.reward == 0 {
        return json!([]);
    }
    json!([{
        "pubkey": block.leader.to_string(),
        "lamports": block.reward,
        "postBalance": block.leader_balance,
        "rewardType": "Fee",
        "commission": null,
    }])
}
