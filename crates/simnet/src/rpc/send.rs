//! Transactions that are sent.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cluster::check_health,
    encode::TransactionEncoding,
    error::RpcError,
    params::{self, CommitmentConfig, CommitmentLevel, RpcContextConfig},
    simulate::{Trial, is_signed, read, sanitize},
    view::View,
};
use crate::{chain::Untaken, node::Node};

/// How to send a transaction. Nodes here never send one twice, so `maxRetries` is read and has no effect.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcSendTransactionConfig {
    #[serde(default)]
    skip_preflight: bool,
    preflight_commitment: Option<CommitmentLevel>,
    encoding: Option<TransactionEncoding>,
    #[serde(rename = "maxRetries")]
    _max_retries: Option<usize>,
    min_context_slot: Option<u64>,
}

/// How to ask the faucet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcRequestAirdropConfig {
    recent_blockhash: Option<String>,
    #[serde(rename = "commitment")]
    _commitment: Option<Value>,
}

pub(super) fn send_transaction(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (text, config): (String, Option<RpcSendTransactionConfig>) = params::read(params, 1, 1)?;
    let config = config.unwrap_or_default();
    let transaction = read(&text, config.encoding)?;
    let context = RpcContextConfig {
        commitment: config.preflight_commitment.map(CommitmentConfig::from),
        min_context_slot: config.min_context_slot,
    };
    let signed = is_signed(&transaction);
    let mut view = View::of(node, context)?;
    sanitize(&transaction)?;
    if !config.skip_preflight {
        check_health(node)?;
        let trial = Trial::of(&view, &transaction, !signed, false);
        if let Some(err) = trial.err() {
            return Err(RpcError::Preflight { why: err.to_string(), simulated: trial.show_refused() });
        }
    }
    let signature = transaction.signatures.first().copied().unwrap_or_default();
    // Without preflight a node passes on whatever it got; leaders drop what was not signed.
    if signed {
        match view.chain.submit(transaction) {
            // What finds no room with the leader is dropped, and nobody hears of it.
            Ok(_) | Err(Untaken::Full | Untaken::Invalid(_)) => {}
        }
    }
    Ok(json!(signature.to_string()))
}

pub(super) fn request_airdrop(node: &Node, params: &Value) -> Result<Value, RpcError> {
    type Params = (String, u64, Option<RpcRequestAirdropConfig>);
    let (to, lamports, config): Params = params::read(params, 2, 1)?;
    let to = params::address(&to)?;
    if let Some(hash) = config.and_then(|config| config.recent_blockhash) {
        params::blockhash(&hash).map_err(params::invalid)?;
    }
    let dropped = node.chain().airdrop(to, lamports);
    dropped.map(|signature| json!(signature.to_string())).map_err(|_| RpcError::Internal)
}
