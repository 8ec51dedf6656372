//! What a node says about itself and the cluster.

use serde_json::{Value, json};

use super::{
    error::RpcError,
    params::{self, CommitmentConfig, RpcContextConfig},
    view::{FEATURE_SET, VERSION, View, in_context},
};
use crate::{chain::rent_exempt_minimum, node::Node, programs};

/// Slots by which a healthy node may be behind (`DELINQUENT_VALIDATOR_SLOT_DISTANCE`).
const HEALTHY_LAG: u64 = 128;
/// Bytes an account may have (`MAX_PERMITTED_DATA_LENGTH`).
const LARGEST_ACCOUNT: usize = 10 * 1024 * 1024;
/// Leaders that may be asked for at once.
const MOST_LEADERS: u64 = 5_000;

/// That the node is not too far behind.
pub(super) fn check_health(node: &Node) -> Result<(), RpcError> {
    match node.lag() {
        lag if lag > HEALTHY_LAG => Err(RpcError::Behind(lag)),
        _ => Ok(()),
    }
}

pub(super) fn health(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    check_health(node)?;
    Ok(json!("ok"))
}

/// The same over HTTP and PubSub, from whatever node.
pub(crate) fn version(params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    Ok(json!({"solana-core": VERSION, "feature-set": FEATURE_SET}))
}

pub(super) fn identity(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    Ok(json!({"identity": leader(&View::of(node, RpcContextConfig::default())?)}))
}

pub(super) fn genesis_hash(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    Ok(json!(node.chain().genesis_hash().to_string()))
}

pub(super) fn slot(node: &Node, params: &Value) -> Result<Value, RpcError> {
    Ok(json!(view(node, params)?.slot))
}

pub(super) fn block_height(node: &Node, params: &Value) -> Result<Value, RpcError> {
    Ok(json!(view(node, params)?.block().map_or(0, |block| block.height)))
}

pub(super) fn transaction_count(node: &Node, params: &Value) -> Result<Value, RpcError> {
    Ok(json!(view(node, params)?.block().map_or(0, |block| block.transaction_count)))
}

pub(super) fn slot_leader(node: &Node, params: &Value) -> Result<Value, RpcError> {
    Ok(json!(leader(&view(node, params)?)))
}

pub(super) fn slot_leaders(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (start, limit): (u64, u64) = params::read(params, 2, 0)?;
    if limit > MOST_LEADERS {
        return Err(RpcError::InvalidParams(format!("Invalid limit; max {MOST_LEADERS}")));
    }
    let view = View::of(node, RpcContextConfig::default())?;
    let length = view.slots_per_epoch();
    // Leaders are known for this epoch and the next.
    let epoch = start.saturating_add(limit.saturating_sub(1)) / length;
    if epoch > view.slot / length + 1 {
        let why = format!("Invalid slot range: leader schedule for epoch {epoch} is unavailable");
        return Err(RpcError::InvalidParams(why));
    }
    let leader = leader(&view);
    Ok((0..limit).map(|_| leader.clone()).collect())
}

pub(super) fn epoch_info(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let view = view(node, params)?;
    let length = view.slots_per_epoch();
    Ok(json!({
        "absoluteSlot": view.slot,
        "blockHeight": view.block().map_or(0, |block| block.height),
        "epoch": view.slot / length,
        "slotIndex": view.slot % length,
        "slotsInEpoch": length,
        "transactionCount": view.block().map_or(0, |block| block.transaction_count),
    }))
}

pub(super) fn epoch_schedule(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    let length = View::of(node, RpcContextConfig::default())?.slots_per_epoch();
    Ok(json!({
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
        "leaderScheduleSlotOffset": length,
        "slotsPerEpoch": length,
        "warmup": false,
    }))
}

/// The oldest slot whose block was not pruned: `getFirstAvailableBlock`, and `minimumLedgerSlot`.
pub(super) fn first_slot(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    Ok(json!(node.chain().history().first()))
}

pub(super) fn minimum_balance(_: &Node, params: &Value) -> Result<Value, RpcError> {
    let (bytes, _): (usize, Option<CommitmentConfig>) = params::read(params, 1, 1)?;
    if bytes > LARGEST_ACCOUNT {
        return Err(RpcError::InvalidRequest("Invalid request".to_owned()));
    }
    Ok(json!(rent_exempt_minimum(bytes)))
}

/// The simulated cluster is one leader, who needs no votes.
pub(super) fn vote_accounts(_: &Node, params: &Value) -> Result<Value, RpcError> {
    let (_,): (Option<Value>,) = params::read(params, 0, 1)?;
    Ok(json!({"current": [], "delinquent": []}))
}

pub(super) fn cluster_nodes(node: &Node, params: &Value) -> Result<Value, RpcError> {
    params::none(params)?;
    let leader = leader(&View::of(node, RpcContextConfig::default())?);
    Ok(json!([{
        "pubkey": leader,
        "clientId": "Agave",
        "featureSet": FEATURE_SET,
        "version": VERSION,
        "shredVersion": 1,
        "gossip": null,
        "pubsub": null,
        "rpc": null,
        "serveRepair": null,
        "tpu": null,
        "tpuForwards": null,
        "tpuForwardsQuic": null,
        "tpuQuic": null,
        "tpuVote": null,
        "tvu": null,
    }]))
}

pub(super) fn supply(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let view = view(node, params)?;
    let accounts = view.chain.accounts().all_at(view.slot);
    let total = accounts.map(|(_, account)| account.lamports).fold(0, u64::saturating_add);
    let value = json!({
        "total": total,
        "circulating": total,
        "nonCirculating": 0,
        "nonCirculatingAccounts": [],
    });
    Ok(in_context(view.slot, value))
}

fn view<'n>(node: &'n Node, params: &Value) -> Result<View<'n>, RpcError> {
    let (config,): (Option<RpcContextConfig>,) = params::read(params, 0, 1)?;
    View::of(node, config.unwrap_or_default())
}

/// Who makes the blocks.
fn leader(view: &View<'_>) -> String {
    view.block().map_or(programs::SYSTEM, |block| block.leader).to_string()
}
