//! The order of blocks: which slot to ask for next, and which fetched block may be handed out now.
//!
//! Slot notifications announce blocks before they are confirmed, get lost with the socket, and name blocks of
//! forks that die. A confirmed block names its parent, so the chain itself says what was missed: a block is
//! handed out when its parent was, and a parent nobody announced is asked for. No slot is passed over in silence.
//!
//! Pure: no clock, no I/O. The blocks follower feeds it answers and does what it asks.

use std::collections::BTreeMap;

/// A parent further behind the cursor than this is not walked to block by block; the slots are listed instead.
const LIST_BEYOND: u64 = 8;
/// The longest stretch asked for in one listing.
const LIST_SPAN: u64 = 256;
/// Confirmation further behind the tip than this is not learned as a habit.
const MAX_LAG: u64 = 32;
/// So many first-time answers in a row, and the next question is asked one slot earlier.
const STEADY: u32 = 64;

/// Where the walk along the chain stands. `B` is what the follower fetched for a slot.
#[derive(Debug)]
pub(crate) struct Walk<B> {
    /// The last slot handed out; nothing at or before it is asked for again.
    cursor: u64,
    /// The highest slot announced.
    tip: u64,
    slots: BTreeMap<u64, State<B>>,
    /// How many slots behind the tip a block is usually confirmed.
    lag: u64,
    steady: u32,
    listing: bool,
}

#[derive(Debug)]
enum State<B> {
    /// Announced, not confirmed as far as we know; with the parent the announcement named.
    Announced { parent: Option<u64>, not_before_tip: u64 },
    /// Part of the confirmed chain, since a confirmed block or a listing names it.
    Certain,
    /// Asked for; `certain` as above.
    Asked { certain: bool, parent: Option<u64> },
    /// Fetched, waiting for its parent to be handed out.
    Fetched { parent: u64, block: B },
}

/// What the follower should ask the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The block of this slot.
    Block(u64),
    /// Which slots of this range (inclusive) have confirmed blocks.
    List {
        /// First slot.
        from: u64,
        /// Last slot.
        to: u64,
    },
}

/// A block that may be handed out now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next<B> {
    /// Its slot.
    pub(crate) slot: u64,
    /// Its parent was not the block handed out before it: the confirmed chain changed its mind.
    pub(crate) forked: bool,
    /// What was fetched for it.
    pub(crate) block: B,
}

// === impl Walk ===

impl<B> Walk<B> {
    /// A walk whose first block is the one after `cursor`.
    pub(crate) fn new(cursor: u64) -> Self {
        Self { cursor, tip: cursor, slots: BTreeMap::new(), lag: 0, steady: 0, listing: false }
    }

    /// The last slot handed out.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The highest slot announced.
    pub(crate) fn tip(&self) -> u64 {
        self.tip
    }

    /// A slot was announced, with its parent.
    pub(crate) fn announced(&mut self, slot: u64, parent: u64) {
        self.tip = self.tip.max(slot);
        if slot > self.cursor {
            self.slots.entry(slot).or_insert(State::Announced { parent: Some(parent), not_before_tip: 0 });
        }
    }

    /// What to ask now, at most `limit` questions, lowest slots first. Each is counted as asked until it is
    /// answered by one of the methods below.
    pub(crate) fn asks(&mut self, limit: usize) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Some(list) = self.list_needed() {
            self.listing = true;
            asks.push(list);
        }
        let (tip, lag) = (self.tip, self.lag);
        for (slot, state) in &mut self.slots {
            if asks.len() >= limit {
                break;
            }
            let (certain, parent) = match state {
                State::Announced { parent, not_before_tip } => {
                    if slot.saturating_add(lag) > tip || *not_before_tip > tip {
                        continue;
                    }
                    (false, *parent)
                }
                State::Certain => (true, None),
                State::Asked { .. } | State::Fetched { .. } => continue,
            };
            *state = State::Asked { certain, parent };
            asks.push(Ask::Block(*slot));
        }
        asks
    }

    /// Nothing was announced for a while: ask which slots after the cursor have blocks.
    pub(crate) fn look_ahead(&mut self) -> Option<Ask> {
        if self.listing {
            return None;
        }
        self.listing = true;
        Some(Ask::List { from: self.cursor + 1, to: self.cursor.saturating_add(LIST_SPAN) })
    }

    /// The node's list of confirmed slots in a range.
    pub(crate) fn listed(&mut self, slots: &[u64]) {
        self.listing = false;
        for &slot in slots {
            self.tip = self.tip.max(slot);
            self.make_certain(slot);
        }
    }

    /// The listing failed; it will be asked for again when it is still needed.
    pub(crate) fn list_failed(&mut self) {
        self.listing = false;
    }

    /// The block of `slot` was fetched. Returns what may be handed out, in order.
    pub(crate) fn fetched(&mut self, slot: u64, parent: u64, block: B) -> Vec<Next<B>> {
        if slot <= self.cursor {
            self.slots.remove(&slot);
            return Vec::new();
        }
        if let Some(State::Asked { certain: false, .. }) = self.slots.get(&slot) {
            self.steady += 1;
            if self.steady >= STEADY {
                self.steady = 0;
                self.lag = self.lag.saturating_sub(1);
            }
        }
        self.slots.insert(slot, State::Fetched { parent, block });
        // A parent too far back is found by listing; asking for it alone would walk the whole way backwards.
        if parent > self.cursor && parent - self.cursor <= LIST_BEYOND {
            self.make_certain(parent);
        }
        self.hand_out()
    }

    /// The block cannot be read, and never will be: it takes its place in the order as `block`, so that the loss
    /// is handed on instead of being passed over.
    pub(crate) fn unreadable(&mut self, slot: u64, block: B) -> Vec<Next<B>> {
        let parent = match self.slots.get(&slot) {
            Some(State::Asked { parent: Some(parent), .. }) => *parent,
            _ => self.known_predecessor(slot),
        };
        self.fetched(slot, parent, block)
    }

    /// The node does not have the block yet, because it is not confirmed or never will be.
    pub(crate) fn unavailable(&mut self, slot: u64) {
        self.steady = 0;
        if let Some(State::Asked { certain, parent }) = self.slots.get(&slot) {
            let (certain, parent) = (*certain, *parent);
            if !certain && self.tip < slot.saturating_add(MAX_LAG) {
                self.lag = self.lag.max((self.tip - slot.min(self.tip)).saturating_add(1)).min(MAX_LAG);
            }
            self.put_back(slot, certain, parent);
        }
    }

    /// The node says that this slot has no block.
    ///
    /// Returns whether that contradicts a confirmed block which names it as its parent: then the node has lost
    /// history, and the caller reports the slot as unreadable.
    pub(crate) fn skipped(&mut self, slot: u64) -> bool {
        if matches!(self.slots.get(&slot), Some(State::Asked { certain: true, .. })) {
            return true;
        }
        self.slots.remove(&slot);
        false
    }

    /// No answer came; the block will be asked for again.
    pub(crate) fn failed(&mut self, slot: u64) {
        if let Some(State::Asked { certain, parent }) = self.slots.get(&slot) {
            let (certain, parent) = (*certain, *parent);
            self.put_back(slot, certain, parent);
        }
    }

    fn put_back(&mut self, slot: u64, certain: bool, parent: Option<u64>) {
        let state = if certain {
            State::Certain
        } else {
            State::Announced { parent, not_before_tip: self.tip.saturating_add(1) }
        };
        self.slots.insert(slot, state);
    }

    fn make_certain(&mut self, slot: u64) {
        if slot <= self.cursor {
            return;
        }
        match self.slots.entry(slot).or_insert(State::Certain) {
            state @ State::Announced { .. } => *state = State::Certain,
            State::Asked { certain, .. } => *certain = true,
            State::Certain | State::Fetched { .. } => {}
        }
    }

    fn known_predecessor(&self, slot: u64) -> u64 {
        self.slots.range(..slot).next_back().map_or(self.cursor, |(before, _)| *before)
    }

    /// A fetched block whose parent lies far beyond the cursor, with nothing certain in between, proves a hole.
    fn list_needed(&self) -> Option<Ask> {
        if self.listing {
            return None;
        }
        let (first, state) = self.slots.iter().find(|(_, state)| {
            !matches!(state, State::Announced { .. } | State::Asked { certain: false, .. })
        })?;
        let State::Fetched { parent, .. } = state else { return None };
        let hole = *parent > self.cursor && *parent - self.cursor > LIST_BEYOND;
        hole.then(|| Ask::List {
            from: self.cursor + 1,
            to: (*first - 1).min(self.cursor.saturating_add(LIST_SPAN)),
        })
    }

    fn hand_out(&mut self) -> Vec<Next<B>> {
        let mut out = Vec::new();
        while let Some(slot) = self.next_linked() {
            // Whatever was announced before this slot belongs to a fork that died.
            let rest = self.slots.split_off(&(slot + 1));
            let before = std::mem::replace(&mut self.slots, rest);
            let Some((_, State::Fetched { parent, block })) = before.into_iter().next_back() else { break };
            out.push(Next { slot, forked: parent < self.cursor, block });
            self.cursor = slot;
        }
        out
    }

    /// The lowest fetched block whose parent has been handed out, or lies before what was handed out.
    fn next_linked(&self) -> Option<u64> {
        self.slots.iter().find_map(|(slot, state)| match state {
            State::Fetched { parent, .. } if *parent <= self.cursor => Some(*slot),
            State::Fetched { .. } | State::Announced { .. } | State::Certain | State::Asked { .. } => None,
        })
    }
}

#[cfg(test)]
#[path = "walk/tests.rs"]
mod tests;
