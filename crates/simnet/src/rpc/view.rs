//! The state a call looks at.

use std::sync::{Arc, MutexGuard};

use serde_json::{Value, json};

use super::{
    error::RpcError,
    params::{RpcContextConfig, commitment},
};
use crate::{
    chain::{Block, Chain, Tips},
    node::Node,
};

/// The version nodes print, and the set of features that it has.
pub(super) const VERSION: &str = "4.2.2";
pub(super) const FEATURE_SET: u32 = 565_236_538;

/// The chain as this node knows it, at one slot. While it lives no block is made, so it is dropped before anything is
/// rendered.
#[derive(Debug)]
pub(super) struct View<'n> {
    pub(super) chain: MutexGuard<'n, Chain>,
    pub(super) tips: Tips,
    /// The newest block of the commitment that was asked for.
    pub(super) slot: u64,
}

// === impl View ===

impl<'n> View<'n> {
    /// The state of a commitment, if the node has reached the slot that the client insists on.
    pub(super) fn of(node: &'n Node, config: RpcContextConfig) -> Result<Self, RpcError> {
        let chain = node.chain();
        let tips = node.tips(&chain);
        let slot = tips.at(commitment(config.commitment));
        match config.min_context_slot {
            Some(least) if slot < least => Err(RpcError::MinContextSlot { reached: slot }),
            Some(_) | None => Ok(Self { chain, tips, slot }),
        }
    }

    /// The block of the slot.
    pub(super) fn block(&self) -> Option<&Arc<Block>> {
        self.chain.history().block(self.slot)
    }

    /// Slots of an epoch, never none.
    pub(super) fn slots_per_epoch(&self) -> u64 {
        self.chain.config().slots_per_epoch.max(1)
    }
}

/// A value, and the slot at which it holds.
pub(super) fn in_context(slot: u64, value: impl Into<Value>) -> Value {
    json!({"context": {"apiVersion": VERSION, "slot": slot}, "value": value.into()})
}
