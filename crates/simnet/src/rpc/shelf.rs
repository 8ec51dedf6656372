//! Blocks as they were shown lately: a block never changes, and showing a large one takes longer than sending it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    encode::{BlockOptions, block_value},
    error::RpcError,
};
use crate::{chain::Block, rendered::Rendered};

/// Blocks that are kept at most.
const MOST: usize = 64;
/// Bytes that are kept at most, compressed forms included: some 20 blocks of mainnet's size.
const MOST_BYTES: usize = 128 << 20;

/// What was shown, within bounds. What was not asked for the longest is the first to go.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// What was asked for last stands last.
    shown: Mutex<VecDeque<Shown>>,
}

#[derive(Debug)]
struct Shown {
    slot: u64,
    options: BlockOptions,
    rendered: Rendered,
}

// === impl Shelf ===

impl Shelf {
    /// A block as `getBlock` answers it. It is rendered without holding a lock, so that two who ask for the same at
    /// once may both do it.
    pub(crate) fn show(&self, block: &Arc<Block>, options: BlockOptions) -> Result<Rendered, RpcError> {
        if let Some(rendered) = self.find(block.slot, options) {
            return Ok(rendered);
        }
        let rendered = Rendered::new(block_value(block, options)?.to_string());
        let mut shown = self.shown();
        shown.push_back(Shown { slot: block.slot, options, rendered: rendered.clone() });
        bound(&mut shown);
        Ok(rendered)
    }

    /// Keeps the blocks of such slots alone.
    pub(crate) fn retain(&self, mut kept: impl FnMut(u64) -> bool) {
        self.shown().retain(|one| kept(one.slot));
    }

    fn find(&self, slot: u64, options: BlockOptions) -> Option<Rendered> {
        let mut shown = self.shown();
        let position = shown.iter().position(|one| one.slot == slot && one.options == options)?;
        let found = shown.remove(position)?;
        let rendered = found.rendered.clone();
        shown.push_back(found);
        // What was found may have been compressed since it was put here.
        bound(&mut shown);
        Some(rendered)
    }

    fn shown(&self) -> MutexGuard<'_, VecDeque<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bound(shown: &mut VecDeque<Shown>) {
    let mut bytes: usize = shown.iter().map(|one| one.rendered.size()).sum();
    while shown.len() > MOST || bytes > MOST_BYTES {
        let Some(oldest) = shown.pop_front() else { break };
        bytes = bytes.saturating_sub(oldest.rendered.size());
    }
}
