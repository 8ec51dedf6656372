//! The JSON-RPC methods of a simulated node, as Agave 4.2.2 answers them.

/// Single accounts.
mod accounts;
/// Blocks.
mod blocks;
/// What a node says about itself and the cluster.
mod cluster;
/// The shapes of accounts, transactions and blocks.
pub(crate) mod encode;
/// Errors and their texts.
pub(crate) mod error;
/// What transactions cost.
mod fees;
/// Parameters and what is wrong with them.
pub(crate) mod params;
/// The accounts of a program.
pub(crate) mod programs;
/// Transactions that are sent.
mod send;
/// Transactions that are tried out.
mod simulate;
/// Tokens.
mod tokens;
/// Transactions that landed.
mod transactions;
/// The state a call looks at.
mod view;
/// Transactions as clients send them.
mod wire;

use serde_json::Value;

use self::error::RpcError;
use crate::{call::Call, node::Node, reply::Reply};

type Method = fn(&Node, &Value) -> Result<Value, RpcError>;

/// Every method there is.
const METHODS: [(&str, Method); 40] = [
    ("getAccountInfo", accounts::account_info),
    ("getBalance", accounts::balance),
    ("getBlock", blocks::block),
    ("getBlockHeight", cluster::block_height),
    ("getBlockTime", blocks::time),
    ("getBlocks", blocks::list),
    ("getBlocksWithLimit", blocks::list_with_limit),
    ("getClusterNodes", cluster::cluster_nodes),
    ("getEpochInfo", cluster::epoch_info),
    ("getEpochSchedule", cluster::epoch_schedule),
    ("getFeeForMessage", fees::for_message),
    ("getFirstAvailableBlock", cluster::first_slot),
    ("getGenesisHash", cluster::genesis_hash),
    ("getHealth", cluster::health),
    ("getIdentity", cluster::identity),
    ("getLatestBlockhash", blocks::latest_blockhash),
    ("getMinimumBalanceForRentExemption", cluster::minimum_balance),
    ("getMultipleAccounts", accounts::multiple_accounts),
    ("getProgramAccounts", programs::program_accounts),
    ("getRecentPrioritizationFees", fees::recent),
    ("getSignatureStatuses", transactions::signature_statuses),
    ("getSignaturesForAddress", transactions::signatures_for_address),
    ("getSlot", cluster::slot),
    ("getSlotLeader", cluster::slot_leader),
    ("getSlotLeaders", cluster::slot_leaders),
    ("getSupply", cluster::supply),
    ("getTokenAccountBalance", tokens::account_balance),
    ("getTokenAccountsByDelegate", tokens::accounts_by_delegate),
    ("getTokenAccountsByOwner", tokens::accounts_by_owner),
    ("getTokenLargestAccounts", tokens::largest_accounts),
    ("getTokenSupply", tokens::supply),
    ("getTransaction", transactions::transaction),
    ("getTransactionCount", cluster::transaction_count),
    ("getVersion", cluster::version),
    ("getVoteAccounts", cluster::vote_accounts),
    ("isBlockhashValid", blocks::is_blockhash_valid),
    ("minimumLedgerSlot", cluster::first_slot),
    ("requestAirdrop", send::request_airdrop),
    ("sendTransaction", send::send_transaction),
    ("simulateTransaction", simulate::simulate),
];

/// What the node answers to a call.
pub(crate) fn answer(node: &Node, call: &Call) -> Reply {
    match METHODS.iter().find(|(name, _)| *name == call.method) {
        Some((_, method)) => method(node, &call.params).map_or_else(Reply::from, Reply::Result),
        None => RpcError::MethodNotFound.into(),
    }
}

// === impl Node ===

impl Node {
    /// What the node answers to a call.
    pub fn answer(&self, call: &Call) -> Reply {
        answer(self, call)
    }
}

#[cfg(test)]
mod tests;
