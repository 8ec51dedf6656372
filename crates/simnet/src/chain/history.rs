//! Blocks and transactions that can still be asked for.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use solana_address::Address;
use solana_signature::Signature;

use super::{Block, Landed};

/// The present fork's blocks, with their transactions by signature and by address.
#[derive(Debug)]
pub struct History {
    kept_slots: u64,
    first: u64,
    blocks: BTreeMap<u64, Arc<Block>>,
    by_signature: HashMap<Signature, Arc<Landed>>,
    /// Oldest first.
    by_address: HashMap<Address, VecDeque<Arc<Landed>>>,
}

// === impl History ===

impl History {
    pub(super) fn new(kept_slots: u64) -> Self {
        Self {
            kept_slots,
            first: 0,
            blocks: BTreeMap::new(),
            by_signature: HashMap::new(),
            by_address: HashMap::new(),
        }
    }

    /// The oldest slot that was not pruned.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// All blocks by slot.
    pub fn blocks(&self) -> &BTreeMap<u64, Arc<Block>> {
        &self.blocks
    }

    /// The block of a slot.
    pub fn block(&self, slot: u64) -> Option<&Arc<Block>> {
        self.blocks.get(&slot)
    }

    /// The transaction of a signature.
    pub fn find(&self, signature: &Signature) -> Option<&Arc<Landed>> {
        self.by_signature.get(signature)
    }

    /// Transactions that name an address, newest first.
    pub fn of(&self, address: &Address) -> impl Iterator<Item = &Arc<Landed>> {
        self.by_address.get(address).into_iter().flat_map(|landed| landed.iter().rev())
    }

    /// Prunes everything before a slot, as a node does whose disk is full.
    pub fn forget_before(&mut self, slot: u64) {
        while let Some(oldest) = self.blocks.first_entry()
            && *oldest.key() < slot
        {
            let block = oldest.remove();
            for landed in &block.transactions {
                self.by_signature.remove(&landed.signature());
                for key in landed.keys() {
                    if let Some(of_key) = self.by_address.get_mut(key) {
                        while of_key.front().is_some_and(|oldest| oldest.slot <= block.slot) {
                            of_key.pop_front();
                        }
                        if of_key.is_empty() {
                            self.by_address.remove(key);
                        }
                    }
                }
            }
        }
        self.first = self.first.max(slot);
    }

    /// Prunes what is older than is kept.
    pub(super) fn prune(&mut self, finalized: u64) {
        self.forget_before(finalized.saturating_sub(self.kept_slots));
    }

    pub(super) fn extend(&mut self, block: &Arc<Block>) {
        for landed in &block.transactions {
            self.by_signature.insert(landed.signature(), Arc::clone(landed));
            for key in landed.keys() {
                self.by_address.entry(*key).or_default().push_back(Arc::clone(landed));
            }
        }
        self.blocks.insert(block.slot, Arc::clone(block));
    }

    /// Takes the newest block back.
    pub(super) fn retract(&mut self, block: &Block) {
        self.blocks.remove(&block.slot);
        for landed in &block.transactions {
            self.by_signature.remove(&landed.signature());
            for key in landed.keys() {
                if let Some(of_key) = self.by_address.get_mut(key) {
                    of_key.retain(|one| one.slot != block.slot);
                }
            }
        }
    }
}
