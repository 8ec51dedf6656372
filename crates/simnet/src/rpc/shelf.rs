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
        bound(&mut shown, MOST_BYTES);
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
        bound(&mut shown, MOST_BYTES);
        Some(rendered)
    }

    fn shown(&self) -> MutexGuard<'_, VecDeque<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of the oldest, until what is left is within bounds.
fn bound(shown: &mut VecDeque<Shown>, most_bytes: usize) {
    let mut bytes: usize = shown.iter().map(|one| one.rendered.size()).sum();
    while shown.len() > MOST || bytes > most_bytes {
        let Some(oldest) = shown.pop_front() else { break };
        bytes = bytes.saturating_sub(oldest.rendered.size());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        chain::{Chain, Config, Step},
        node::Node,
        rpc::encode::{Details, TransactionEncoding},
    };

    const FULL: BlockOptions = BlockOptions {
        encoding: TransactionEncoding::Base64,
        details: Details::Full,
        rewards: true,
        max_version: Some(1),
    };

    fn node(config: Config) -> Node {
        Node::new(Arc::new(Mutex::new(Chain::new(config))))
    }

    fn slots(node: &Node) -> Vec<u64> {
        node.shelf().shown().iter().map(|one| one.slot).collect()
    }

    fn newest(node: &Node) -> Arc<Block> {
        let chain = node.chain();
        Arc::clone(chain.history().block(chain.tips().processed).unwrap())
    }

    #[test]
    fn what_is_shown_again_is_what_would_be_rendered_anew() {
        let node = node(Config::default());
        for _ in 0..10 {
            node.chain().produce();
        }
        let block = newest(&node);
        assert!(!block.transactions.is_empty());
        let signatures = BlockOptions { details: Details::Signatures, ..FULL };
        let parsed = BlockOptions { encoding: TransactionEncoding::JsonParsed, ..FULL };
        for options in [FULL, signatures, parsed] {
            let fresh = block_value(&block, options).unwrap().to_string();
            let first = node.shelf().show(&block, options).unwrap();
            let again = node.shelf().show(&block, options).unwrap();
            assert!(*first.json() == fresh && *again.json() == fresh);
            assert_eq!(first.json().as_ptr(), again.json().as_ptr());
        }
        assert_eq!(slots(&node), [block.slot; 3]);
    }

    #[test]
    fn a_block_that_cannot_be_shown_is_not_kept() {
        let node = node(Config::default());
        let unknown = BlockOptions { max_version: None, ..FULL };
        let refused = (0..200).find_map(|_| {
            node.chain().produce();
            node.shelf().show(&newest(&node), unknown).err().map(|error| (newest(&node), error))
        });
        let (block, error) = refused.unwrap();
        assert_eq!(node.shelf().show(&block, unknown).unwrap_err(), error);
        assert!(!slots(&node).contains(&block.slot));
    }

    #[test]
    fn pruned_and_abandoned_blocks_are_let_go_of() {
        let node = node(Config { skipped_per_mille: 0, abandoned_per_mille: 0, ..Config::default() });
        let produce = |abandoned: bool| {
            if abandoned {
                node.chain().abandon_next();
            }
            let steps = node.chain().produce();
            node.shelf().show(&newest(&node), FULL).unwrap();
            node.tidy();
            steps
        };
        for _ in 1..=3 {
            produce(false);
        }
        produce(true);
        assert_eq!(slots(&node), [1, 2, 3, 4]);
        let steps = produce(false);
        assert!(matches!(&steps[0], Step::Abandoned(block) if block.slot == 4));
        assert_eq!(slots(&node), [1, 2, 3, 5]);
        for _ in 6..=40 {
            produce(false);
        }
        assert_eq!(node.chain().forget_before(3), 3);
        node.tidy();
        assert_eq!(slots(&node)[..3], [3, 5, 6]);
    }

    #[test]
    fn the_shelf_is_bounded_and_what_was_asked_for_last_stays() {
        let node = node(Config::default());
        node.chain().produce();
        let first = newest(&node);
        for _ in 0..2 * MOST {
            node.chain().produce();
            node.shelf().show(&newest(&node), FULL).unwrap();
            node.shelf().show(&first, FULL).unwrap();
        }
        let kept = slots(&node);
        assert_eq!((kept.len(), kept.last()), (MOST, Some(&first.slot)));

        let mut shown = std::mem::take(&mut *node.shelf().shown());
        let last = shown.back().unwrap().rendered.clone();
        let plain = last.size();
        assert!(last.deflated().unwrap().size() < plain);
        assert!(last.size() > plain, "what was compressed counts as well");
        bound(&mut shown, last.size());
        assert_eq!((shown.len(), shown[0].slot), (1, first.slot));
        bound(&mut shown, last.size() - 1);
        assert!(shown.is_empty());
    }
}
