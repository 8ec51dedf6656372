//! What transactions cost, and what others paid.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, json};
use solana_address::Address;
use solana_message::VersionedMessage;

use super::{
    blocks::usable,
    error::RpcError,
    params::{self, RpcContextConfig},
    view::{View, in_context},
    wire::{self, Wire},
};
use crate::{
    chain::{Block, Landed},
    node::Node,
    programs::VOTE,
    runtime::Budget,
};

/// Accounts that may be named (`MAX_TX_ACCOUNT_LOCKS`).
const MOST_ACCOUNTS: usize = 128;
/// Blocks that somebody paid in and that are remembered (`MAX_NUM_RECENT_BLOCKS`).
const BLOCKS: usize = 150;

pub(super) fn for_message(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (text, config): (String, Option<RpcContextConfig>) = params::read(params, 1, 1)?;
    let message: VersionedMessage = wire::decode(&text, Wire::Base64)?;
    message
        .sanitize()
        .map_err(|why| RpcError::InvalidParams(format!("invalid transaction message: {why}")))?;
    let view = View::of(node, config.unwrap_or_default())?;
    let known = usable(&view.chain, view.slot).any(|block| block.blockhash == *message.recent_blockhash());
    let budget = Budget::of(&message, message.static_account_keys());
    let signatures = usize::from(message.header().num_required_signatures);
    let fee = budget.ok().filter(|_| known).map(|budget| budget.fee(signatures));
    Ok(in_context(view.slot, json!(fee)))
}

pub(super) fn recent(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (addresses,): (Option<Vec<String>>,) = params::read(params, 0, 1)?;
    let addresses = addresses.unwrap_or_default();
    if addresses.len() > MOST_ACCOUNTS {
        return Err(RpcError::InvalidParams(format!("Too many inputs provided; max {MOST_ACCOUNTS}")));
    }
    let addresses = addresses.iter().map(|text| params::address(text)).collect::<Result<Vec<_>, _>>()?;
    let chain = node.chain();
    let confirmed = node.tips(&chain).confirmed;
    let blocks: Vec<Arc<Block>> =
        chain.history().blocks().range(..=confirmed).rev().map(|(_, block)| Arc::clone(block)).collect();
    drop(chain);
    let fees = blocks.iter().filter_map(|block| {
        let fee = least(block, &addresses)?;
        Some(json!({"slot": block.slot, "prioritizationFee": fee}))
    });
    let mut fees: Vec<Value> = fees.take(BLOCKS).collect();
    fees.reverse();
    Ok(Value::Array(fees))
}

/// The least price that got into a block, or of the given accounts the highest such price; `None` if nobody but
/// voters got in.
fn least(block: &Block, addresses: &[Address]) -> Option<u64> {
    let paid: Vec<(u64, &Landed)> = block
        .transactions
        .iter()
        .filter(|landed| !landed.wire.message.static_account_keys().contains(&VOTE))
        .map(|landed| (price(landed), &**landed))
        .collect();
    let overall = paid.iter().map(|(price, _)| *price).min()?;
    let of = |address: &Address| {
        let locked = paid.iter().filter(|(_, landed)| writes(landed, address));
        locked.map(|(price, _)| *price).min().unwrap_or_default()
    };
    Some(addresses.iter().map(of).fold(overall, u64::max))
}

/// Micro-lamports per compute unit.
fn price(landed: &Landed) -> u64 {
    let keys: Vec<Address> = landed.keys().copied().collect();
    Budget::of(&landed.wire.message, &keys).map_or(0, |budget| budget.unit_price)
}

fn writes(landed: &Landed, address: &Address) -> bool {
    let message = &landed.wire.message;
    let fixed = message.static_account_keys().iter().position(|key| key == address);
    let writable =
        |index| message.is_maybe_writable_with_reserved_addresses(index, None::<&HashSet<Address>>);
    fixed.map_or_else(|| landed.meta.loaded.writable.contains(address), writable)
}
