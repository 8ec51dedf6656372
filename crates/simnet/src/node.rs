//! One node's view of a chain. Several nodes may share one chain, and some may lag behind.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    chain::{Chain, Tips},
    rpc::shelf::Shelf,
};

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    chain: Arc<Mutex<Chain>>,
    lag: Arc<AtomicU64>,
    shelf: Arc<Shelf>,
}

// === impl Node ===

impl Node {
    /// A node that is up to date.
    pub fn new(chain: Arc<Mutex<Chain>>) -> Self {
        Self { chain, lag: Arc::default(), shelf: Arc::default() }
    }

    /// The chain itself. Held only as long as it is read: while it is, no block is made.
    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Slots by which this node is behind.
    pub fn lag(&self) -> u64 {
        self.lag.load(Ordering::Acquire)
    }

    /// Lets it fall behind by so many slots, at most [`Chain::MOST_LAG`].
    pub fn fall_behind(&self, slots: u64) {
        self.lag.store(slots.min(Chain::MOST_LAG), Ordering::Release);
    }

    /// Blocks as they were shown lately.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Lets go of what was kept of blocks that were pruned or abandoned.
    pub(crate) fn tidy(&self) {
        let chain = self.chain();
        self.shelf.retain(|slot| chain.history().block(slot).is_some());
    }

    /// The newest slots this node knows of.
    pub fn tips(&self, chain: &Chain) -> Tips {
        let lag = self.lag();
        let behind = |slot: u64| {
            let known = chain.history().blocks().range(..=slot.saturating_sub(lag)).next_back();
            known.map_or(0, |(slot, _)| *slot)
        };
        let tips = chain.tips();
        match lag {
            0 => tips,
            _ => Tips {
                processed: behind(tips.processed),
                confirmed: behind(tips.confirmed),
                finalized: behind(tips.finalized),
            },
        }
    }
}
