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
/// Blocks as they were shown lately.
pub(crate) mod shelf;
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

pub(crate) use self::cluster::version;
use self::{
    Method::{Fresh, Shelved},
    error::RpcError,
};
use crate::{call::Call, node::Node, rendered::Rendered, reply::Reply};

/// How a method is answered.
#[derive(Debug, Clone, Copy)]
enum Method {
    /// Anew for each call.
    Fresh(fn(&Node, &Value) -> Result<Value, RpcError>),
    /// With what may have been rendered before.
    Shelved(fn(&Node, &Value) -> Result<Rendered, RpcError>),
}

/// Every method there is.
const METHODS: [(&str, Method); 40] = [
    ("getAccountInfo", Fresh(accounts::account_info)),
    ("getBalance", Fresh(accounts::balance)),
    ("getBlock", Shelved(blocks::block)),
    ("getBlockHeight", Fresh(cluster::block_height)),
    ("getBlockTime", Fresh(blocks::time)),
    ("getBlocks", Fresh(blocks::list)),
    ("getBlocksWithLimit", Fresh(blocks::list_with_limit)),
    ("getClusterNodes", Fresh(cluster::cluster_nodes)),
    ("getEpochInfo", Fresh(cluster::epoch_info)),
    ("getEpochSchedule", Fresh(cluster::epoch_schedule)),
    ("getFeeForMessage", Fresh(fees::for_message)),
    ("getFirstAvailableBlock", Fresh(cluster::first_slot)),
    ("getGenesisHash", Fresh(cluster::genesis_hash)),
    ("getHealth", Fresh(cluster::health)),
    ("getIdentity", Fresh(cluster::identity)),
    ("getLatestBlockhash", Fresh(blocks::latest_blockhash)),
    ("getMinimumBalanceForRentExemption", Fresh(cluster::minimum_balance)),
    ("getMultipleAccounts", Fresh(accounts::multiple_accounts)),
    ("getProgramAccounts", Fresh(programs::program_accounts)),
    ("getRecentPrioritizationFees", Fresh(fees::recent)),
    ("getSignatureStatuses", Fresh(transactions::signature_statuses)),
    ("getSignaturesForAddress", Fresh(transactions::signatures_for_address)),
    ("getSlot", Fresh(cluster::slot)),
    ("getSlotLeader", Fresh(cluster::slot_leader)),
    ("getSlotLeaders", Fresh(cluster::slot_leaders)),
    ("getSupply", Fresh(cluster::supply)),
    ("getTokenAccountBalance", Fresh(tokens::account_balance)),
    ("getTokenAccountsByDelegate", Fresh(tokens::accounts_by_delegate)),
    ("getTokenAccountsByOwner", Fresh(tokens::accounts_by_owner)),
    ("getTokenLargestAccounts", Fresh(tokens::largest_accounts)),
    ("getTokenSupply", Fresh(tokens::supply)),
    ("getTransaction", Fresh(transactions::transaction)),
    ("getTransactionCount", Fresh(cluster::transaction_count)),
    ("getVersion", Fresh(|_, params| version(params))),
    ("getVoteAccounts", Fresh(cluster::vote_accounts)),
    ("isBlockhashValid", Fresh(blocks::is_blockhash_valid)),
    ("minimumLedgerSlot", Fresh(cluster::first_slot)),
    ("requestAirdrop", Fresh(send::request_airdrop)),
    ("sendTransaction", Fresh(send::send_transaction)),
    ("simulateTransaction", Fresh(simulate::simulate)),
];

// === impl Node ===

impl Node {
    /// What the node answers to a call.
    pub fn answer(&self, call: &Call) -> Reply {
        match METHODS.iter().find(|(name, _)| *name == call.method) {
            Some((_, Fresh(method))) => method(self, &call.params).map_or_else(Reply::from, Reply::Result),
            Some((_, Shelved(method))) => {
                method(self, &call.params).map_or_else(Reply::from, Reply::Rendered)
            }
            None => RpcError::MethodNotFound.into(),
        }
    }
}

#[cfg(test)]
mod tests;
