//! The last blocks that were read, so that whoever is a little behind needs no second reading of them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eda_chain::Block;
use eda_events::Slot;

/// So many transactions are kept at most: some ten blocks of mainnet.
const TRANSACTIONS: usize = 16_384;
/// So many blocks are kept at most.
const BLOCKS: usize = 64;

/// The last blocks handed out.
#[derive(Debug, Default)]
pub(super) struct RecentBlocks(Mutex<VecDeque<Arc<Block>>>);

// === impl RecentBlocks ===

impl RecentBlocks {
    /// Remembers a block, and forgets the oldest ones if there are too many.
    pub(super) fn push(&self, block: Arc<Block>) {
        let mut blocks = self.lock();
        blocks.push_back(block);
        let mut transactions: usize = blocks.iter().map(|block| block.transactions.len()).sum();
        while blocks.len() > BLOCKS || transactions > TRANSACTIONS {
            let Some(oldest) = blocks.pop_front() else { return };
            transactions -= oldest.transactions.len();
        }
    }

    /// The block of a slot, if it is remembered.
    pub(super) fn get(&self, slot: u64) -> Option<Arc<Block>> {
        self.lock().iter().find(|block| block.slot == Slot(slot)).cloned()
    }

    /// Forgets everything: it may belong to another chain.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Nothing panics under this lock; were it to happen, every block in it would still be one.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
