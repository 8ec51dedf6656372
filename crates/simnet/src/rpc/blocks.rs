//! Blocks.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::RpcError,
    params::{self, CommitmentConfig, RpcBlockConfig, RpcContextConfig, RpcEncodingConfigWrapper},
    view::{View, in_context},
};
use crate::{
    chain::{Block, Chain},
    node::Node,
    rendered::Rendered,
};

/// Slots that a list of blocks may span (`MAX_GET_CONFIRMED_BLOCKS_RANGE`).
const RANGE: u64 = 500_000;

/// Where a list of blocks ends, or a config in its place.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum RpcBlocksConfigWrapper {
    End(Option<u64>),
    Config(Option<RpcContextConfig>),
}

pub(super) fn block(node: &Node, params: &Value) -> Result<Rendered, RpcError> {
    let (slot, config): (u64, Option<RpcEncodingConfigWrapper<RpcBlockConfig>>) = params::read(params, 1, 1)?;
    let config = config.map(|config| config.config()).unwrap_or_default();
    params::at_least_confirmed(config.commitment)?;
    let view = View::of(node, context(config.commitment))?;
    let block = find(&view, slot)?;
    drop(view);
    node.shelf().show(&block, config.options())
}

pub(super) fn time(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (slot,): (u64,) = params::read(params, 1, 0)?;
    let view = View::of(node, RpcContextConfig::default())?;
    let known = View { slot: view.tips.confirmed, ..view };
    Ok(json!(find(&known, slot)?.time))
}

pub(super) fn list(node: &Node, params: &Value) -> Result<Value, RpcError> {
    type Params = (u64, Option<RpcBlocksConfigWrapper>, Option<RpcContextConfig>);
    let (start, wrapper, config): Params = params::read(params, 1, 2)?;
    let (end, config) = match wrapper {
        Some(RpcBlocksConfigWrapper::Config(instead)) => (None, instead.or(config)),
        Some(RpcBlocksConfigWrapper::End(end)) => (end, config),
        None => (None, config),
    };
    let config = config.unwrap_or_default();
    params::at_least_confirmed(config.commitment)?;
    let view = View::of(node, config)?;
    let end = end.unwrap_or_else(|| start.saturating_add(RANGE)).min(view.slot);
    if end.saturating_sub(start) > RANGE {
        return Err(RpcError::InvalidParams(format!("Slot range too large; max {RANGE}")));
    }
    Ok(json!(slots(&view.chain, start, end, usize::MAX)))
}

pub(super) fn list_with_limit(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (start, limit, config): (u64, usize, Option<RpcContextConfig>) = params::read(params, 2, 1)?;
    if u64::try_from(limit).is_ok_and(|limit| limit > RANGE) {
        return Err(RpcError::InvalidParams(format!("Limit too large; max {RANGE}")));
    }
    let config = config.unwrap_or_default();
    params::at_least_confirmed(config.commitment)?;
    let view = View::of(node, config)?;
    Ok(json!(slots(&view.chain, start, view.slot, limit)))
}

pub(super) fn latest_blockhash(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (config,): (Option<RpcContextConfig>,) = params::read(params, 0, 1)?;
    let view = View::of(node, config.unwrap_or_default())?;
    Ok(in_context(view.slot, newest_blockhash(&view)))
}

pub(super) fn is_blockhash_valid(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (hash, config): (String, Option<RpcContextConfig>) = params::read(params, 1, 1)?;
    let hash = params::blockhash(&hash).map_err(|why| RpcError::InvalidParams(why.to_owned()))?;
    let view = View::of(node, config.unwrap_or_default())?;
    let valid = usable(&view.chain, view.slot).any(|block| block.blockhash == hash);
    Ok(in_context(view.slot, valid))
}

/// The view's blockhash, and how long it can be used.
pub(super) fn newest_blockhash(view: &View<'_>) -> Value {
    let (hash, height) =
        view.block().map_or((view.chain.genesis_hash(), 0), |block| (block.blockhash, block.height));
    json!({
        "blockhash": hash.to_string(),
        "lastValidBlockHeight": height.saturating_add(Chain::blockhash_life()),
    })
}

/// The blocks up to a slot, newest first, whose hashes a transaction may still use.
pub(super) fn usable(chain: &Chain, slot: u64) -> impl Iterator<Item = &Arc<Block>> {
    let life = usize::try_from(Chain::blockhash_life()).unwrap_or(usize::MAX);
    chain.history().blocks().range(..=slot).rev().map(|(_, block)| block).take(life)
}

/// The block of a slot, if the view reaches it.
fn find(view: &View<'_>, slot: u64) -> Result<Arc<Block>, RpcError> {
    let history = view.chain.history();
    let first = history.first();
    if slot > view.slot {
        return Err(RpcError::NotAvailable { slot });
    }
    match history.block(slot) {
        Some(block) => Ok(Arc::clone(block)),
        None if slot < first => Err(RpcError::CleanedUp { slot, first }),
        None if slot < view.tips.finalized => Err(RpcError::Skipped { slot }),
        None => Err(RpcError::NotAvailable { slot }),
    }
}

fn slots(chain: &Chain, start: u64, end: u64, limit: usize) -> Vec<u64> {
    if end < start {
        return Vec::new();
    }
    chain.history().blocks().range(start..=end).map(|(slot, _)| *slot).take(limit).collect()
}

/// A commitment without a slot to insist on.
pub(super) fn context(commitment: Option<CommitmentConfig>) -> RpcContextConfig {
    RpcContextConfig { commitment, min_context_slot: None }
}
