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
/// The stretch asked for in one listing, which bounds how many slots are remembered. A listing that finds nothing is
/// followed by one twice as long, up to what nodes allow (connection.md 2.7), because a halted cluster may go on
/// many slots later.
const LIST_SPAN: u64 = 256;
const LONGEST_LIST: u64 = 500_000;
/// Confirmation further behind the tip than this is not learned as a habit.
const MAX_LAG: u64 = 32;
/// So many first-time answers in a row, and the next question is asked one slot earlier.
pub(super) const STEADY: u32 = 64;
/// An announced slot this far behind the tip is forgotten: if it is part of the chain, a later block's parent links
/// lead back to it. So a long pause (of the cluster, or of the budget) costs neither memory nor questions.
const ANNOUNCED_FOR: u64 = 2 * MAX_LAG;
/// So many fetched blocks may wait for their parents; then only what lies before them is asked for.
const AHEAD: usize = 16;

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
    /// Whether one has shown it; until then, it is as many as the longest in vain.
    shown: bool,
    steady: u32,
    /// The last slot of the listing under way.
    listing: Option<u64>,
    /// How long the next listing is.
    span: u64,
    /// Up to here nothing was found after the cursor.
    empty_to: u64,
    /// Whether anything was handed out yet.
    begun: bool,
}

#[derive(Debug)]
enum State<B> {
    /// Announced, not confirmed as far as we know; with the parent the announcement named.
    /// `late`: the node did not have it when it was asked.
    Announced { parent: Option<u64>, not_before_tip: u64, late: bool },
    /// Part of the confirmed chain, since a confirmed block or a listing names it; with its parent if it was
    /// announced, too.
    Certain { parent: Option<u64> },
    /// Asked for, when the tip was there; `certain` and `late` as above.
    Asked { certain: bool, parent: Option<u64>, late: bool, tip: u64 },
    /// Fetched, waiting for its parent to be handed out; without one, for the slots before it to be listed.
    Fetched { parent: Option<u64>, block: B },
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
    /// The last slot handed out before it: the slots in between have no block, or none that can be had.
    pub(crate) parent: u64,
    /// It does not follow on what was handed out, or another block that was said to be confirmed has no place
    /// before it: the confirmed chain changed its mind.
    pub(crate) forked: bool,
    /// What was fetched for it.
    pub(crate) block: B,
}

// === impl Walk ===

impl<B> Walk<B> {
    /// A walk whose first block is the one after `cursor`.
    pub(crate) fn new(cursor: u64) -> Self {
        Self {
            cursor,
            tip: cursor,
            slots: BTreeMap::new(),
            lag: 0,
            shown: false,
            steady: 0,
            listing: None,
            span: LIST_SPAN,
            empty_to: cursor,
            begun: false,
        }
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
            self.slots.entry(slot).or_insert(State::Announced {
                parent: Some(parent),
                not_before_tip: 0,
                late: false,
            });
        }
        let oldest = self.tip.saturating_sub(ANNOUNCED_FOR);
        self.slots.retain(|slot, state| *slot >= oldest || !matches!(state, State::Announced { .. }));
    }

    /// What to ask now, at most `limit` questions, lowest slots first. Each is counted as asked until it is
    /// answered by one of the methods below.
    pub(crate) fn asks(&mut self, limit: usize) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Some(list) = self.close_hole() {
            asks.push(list);
        }
        let (tip, lag) = (self.tip, self.lag);
        let mut waiting = self.slots.values().filter(|state| matches!(state, State::Fetched { .. })).count();
        let fetched = self.slots.iter().find(|(_, state)| matches!(state, State::Fetched { .. }));
        let first_waiting = fetched.map_or(u64::MAX, |(slot, _)| *slot);
        for (slot, state) in &mut self.slots {
            if asks.len() >= limit || (*slot > first_waiting && waiting >= AHEAD) {
                break;
            }
            let (certain, parent, late) = match state {
                State::Announced { parent, not_before_tip, late } => {
                    if slot.saturating_add(lag) > tip || *not_before_tip > tip {
                        continue;
                    }
                    (false, *parent, *late)
                }
                State::Certain { parent } => (true, *parent, false),
                State::Asked { .. } => {
                    waiting += 1;
                    continue;
                }
                State::Fetched { .. } => continue,
            };
            waiting += 1;
            *state = State::Asked { certain, parent, late, tip };
            asks.push(Ask::Block(*slot));
        }
        asks
    }

    /// Nothing was announced for a while: ask which slots after the cursor have blocks, unless some are known
    /// already.
    pub(crate) fn look_ahead(&mut self) -> Option<Ask> {
        let busy = self.slots.values().any(|state| !matches!(state, State::Announced { .. }));
        if busy || self.listing.is_some() {
            return None;
        }
        Some(self.list(self.cursor.saturating_add(self.span)))
    }

    /// The node's list of confirmed slots in the range that was asked for. Returns what may be handed out, in order.
    pub(crate) fn listed(&mut self, slots: &[u64]) -> Vec<Next<B>> {
        let Some(to) = self.listing.take() else { return Vec::new() };
        if slots.iter().any(|slot| *slot > self.cursor) {
            self.span = LIST_SPAN;
        } else {
            self.span = self.span.saturating_mul(2).min(LONGEST_LIST);
            self.empty_to = to;
        }
        for &slot in slots {
            self.tip = self.tip.max(slot);
            self.make_certain(slot);
        }
        self.link_up_to(to.saturating_add(1));
        self.hand_out()
    }

    /// The listing failed; it will be asked for again when it is still needed.
    pub(crate) fn list_failed(&mut self) {
        self.listing = None;
    }

    /// The block of `slot` was fetched. Returns what may be handed out, in order.
    pub(crate) fn fetched(&mut self, slot: u64, parent: u64, block: B) -> Vec<Next<B>> {
        if slot <= self.cursor {
            self.slots.remove(&slot);
            return Vec::new();
        }
        match self.slots.get(&slot) {
            // Only a block that was late and came teaches anything: one that never comes belongs to a dead fork.
            Some(State::Asked { certain: false, late: true, tip, .. }) => {
                self.steady = 0;
                let lag = tip.saturating_sub(slot).min(MAX_LAG);
                self.lag = if self.shown { self.lag.max(lag) } else { lag };
                self.shown = true;
            }
            Some(State::Asked { certain: false, late: false, .. }) => {
                self.shown = true;
                self.steady += 1;
                if self.steady >= STEADY {
                    self.steady = 0;
                    self.lag = self.lag.saturating_sub(1);
                }
            }
            Some(_) | None => {}
        }
        self.slots.insert(slot, State::Fetched { parent: Some(parent), block });
        // A parent too far back is found by listing; asking for it alone would walk the whole way backwards.
        if parent > self.cursor && parent - self.cursor <= LIST_BEYOND {
            self.make_certain(parent);
        }
        self.hand_out()
    }

    /// The block cannot be read, and never will be: it takes its place in the order as `block`, so that the loss
    /// is handed on instead of being passed over.
    pub(crate) fn unreadable(&mut self, slot: u64, block: B) -> Vec<Next<B>> {
        if let Some(State::Asked { parent: Some(parent), .. }) = self.slots.get(&slot) {
            let parent = *parent;
            return self.fetched(slot, parent, block);
        }
        let before = slot.saturating_sub(1);
        if before <= self.cursor || self.known_predecessor(slot) == before {
            return self.fetched(slot, before, block);
        }
        // Nobody has named its parent, and what lies between the cursor and this slot must not be passed over.
        self.slots.insert(slot, State::Fetched { parent: None, block });
        Vec::new()
    }

    /// The node does not have the block yet, because it is not confirmed or never will be. It is asked for again
    /// when the tip has moved.
    ///
    /// Returns whether the block is known to be confirmed: then the node is only late, and the caller asks again
    /// after a pause.
    pub(crate) fn unavailable(&mut self, slot: u64) -> bool {
        if let Some(State::Asked { certain, parent, .. }) = self.slots.get(&slot) {
            let (certain, parent) = (*certain, *parent);
            if !certain && !self.shown && self.tip < slot.saturating_add(MAX_LAG) {
                self.lag = self.lag.max((self.tip - slot.min(self.tip)).saturating_add(1)).min(MAX_LAG);
            }
            self.put_back(slot, certain, parent, true);
            return certain;
        }
        false
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
        if let Some(State::Asked { certain, parent, late, .. }) = self.slots.get(&slot) {
            let (certain, parent, late) = (*certain, *parent, *late);
            self.put_back(slot, certain, parent, late);
        }
    }

    fn put_back(&mut self, slot: u64, certain: bool, parent: Option<u64>, late: bool) {
        let state = if certain {
            State::Certain { parent }
        } else {
            State::Announced { parent, not_before_tip: self.tip.saturating_add(1), late }
        };
        self.slots.insert(slot, state);
    }

    fn make_certain(&mut self, slot: u64) {
        if slot <= self.cursor {
            return;
        }
        match self.slots.entry(slot).or_insert(State::Certain { parent: None }) {
            State::Asked { certain, .. } => *certain = true,
            State::Certain { .. } | State::Fetched { .. } => {}
            state @ State::Announced { .. } => {
                let State::Announced { parent, .. } = state else { return };
                *state = State::Certain { parent: *parent };
            }
        }
    }

    /// The nearest slot before `slot` that is known to be part of the chain.
    fn known_predecessor(&self, slot: u64) -> u64 {
        self.slots
            .range(..slot)
            .rev()
            .find(|(_, state)| state.is_certain())
            .map_or(self.cursor, |(before, _)| *before)
    }

    /// Where the lowest block of the chain that is known waits for its parent: makes sure that the parent is asked
    /// for, or that the hole before it is listed.
    fn close_hole(&mut self) -> Option<Ask> {
        if self.listing.is_some() {
            return None;
        }
        let (first, state) = self.slots.iter().find(|(_, state)| state.is_certain())?;
        let State::Fetched { parent, .. } = state else { return None };
        let (parent, last) = (*parent, first.saturating_sub(1));
        let Some(parent) = parent else {
            return Some(self.list(last.min(self.cursor.saturating_add(self.span))));
        };
        // A listing that lacks the parent of a confirmed block is not believed.
        if parent.saturating_sub(self.cursor) <= LIST_BEYOND || self.empty_to >= last {
            self.make_certain(parent);
            return None;
        }
        Some(self.list(last.min(self.cursor.saturating_add(self.span))))
    }

    /// Every confirmed slot before `end` is known: blocks up to there whose parent nobody named follow on the one
    /// before them.
    fn link_up_to(&mut self, end: u64) {
        let mut known = self.cursor;
        for (slot, state) in self.slots.range_mut(..=end) {
            if let State::Fetched { parent: parent @ None, .. } = state {
                *parent = Some(known);
            }
            if state.is_certain() {
                known = *slot;
            }
        }
    }

    fn list(&mut self, to: u64) -> Ask {
        self.listing = Some(to);
        Ask::List { from: self.cursor.saturating_add(1), to }
    }

    fn hand_out(&mut self) -> Vec<Next<B>> {
        let mut out = Vec::new();
        while let Some(slot) = self.next_linked() {
            // Whatever was announced before this slot belongs to a fork that died.
            let rest = self.slots.split_off(&(slot + 1));
            let before = std::mem::replace(&mut self.slots, rest);
            let mut before = before.into_values();
            let Some(State::Fetched { parent: Some(parent), block }) = before.next_back() else { break };
            let passed_over = before.any(|state| state.is_certain());
            // The first one need not follow on where the walk begins, which may be a slot without a block.
            let forked = passed_over || (self.begun && parent < self.cursor);
            out.push(Next { slot, parent: self.cursor.min(slot), forked, block });
            self.cursor = slot;
            self.begun = true;
        }
        out
    }

    /// The lowest fetched block whose parent has been handed out, or lies before what was handed out.
    fn next_linked(&self) -> Option<u64> {
        self.slots.iter().find_map(|(slot, state)| match state {
            State::Fetched { parent: Some(parent), .. } if *parent <= self.cursor => Some(*slot),
            State::Fetched { .. } | State::Announced { .. } | State::Certain { .. } | State::Asked { .. } => {
                None
            }
        })
    }
}

// === impl State ===

impl<B> State<B> {
    /// Whether the slot is part of the confirmed chain.
    fn is_certain(&self) -> bool {
        match self {
            Self::Announced { .. } | Self::Asked { certain: false, .. } => false,
            Self::Certain { .. } | Self::Asked { certain: true, .. } | Self::Fetched { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests;
