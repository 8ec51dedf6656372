//! How far one watch has come with each address whose transactions it wants, and what it was handed beyond that.
//!
//! Blocks come one after the other, so where they are read an address has come to the last block it was handed and
//! knows its place by the block's parent. Log notifications come in any order, and prove nothing about slots that
//! bring none: there an address comes on only when a listing of its transactions has been compared with what was
//! handed out, and until then the signatures handed out are remembered, so that nothing is handed out twice.
//!
//! Pure: no clock, no I/O.

use std::collections::{BTreeMap, HashSet};

use eda_events::{Address, Signature};

/// Listings begin so many slots before what was reached: nodes list a slot's transactions late and in no certain
/// order (connection.md 3.2, rule 5).
pub(super) const OVERLAP: u64 = 32;
/// What was handed out is remembered for so many slots behind what was reached, so that a late notification is
/// recognised.
const REMEMBERED_SLOTS: u64 = 4 * OVERLAP;
/// So many signatures are remembered at most; if proof does not come for so long, the oldest may be handed out again.
const REMEMBERED: usize = 262_144;

/// The cursors of one watch.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    mentions: BTreeMap<Address, Cursor>,
    handed: BTreeMap<u64, HashSet<Signature>>,
    remembered: usize,
}

/// One address.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// Nothing at or before this slot is wanted.
    after: u64,
    /// Everything up to here was handed out, or named as missing.
    reached: u64,
    /// Transactions from this slot on found no room, and have to be found again.
    dropped_from: Option<u64>,
}

/// An address that a block follows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) mention: Address,
    /// The first slot that the block brings news of.
    pub(super) from: u64,
}

// === impl Cursors ===

impl Cursors {
    /// The address begins, or goes on, after `reached`; nothing at or before `after` is wanted.
    pub(super) fn begin(&mut self, mention: Address, after: u64, reached: u64) {
        self.mentions.insert(mention, Cursor { after, reached: reached.max(after), dropped_from: None });
    }

    /// How far the address has come; `None` before it begins.
    pub(super) fn reached(&self, mention: &Address) -> Option<u64> {
        self.mentions.get(mention).map(|cursor| cursor.reached)
    }

    /// Whether the address goes on from somewhere, or may.
    pub(super) fn goes_on(&self, mention: &Address) -> bool {
        self.mentions.get(mention).is_none_or(|cursor| cursor.reached > cursor.after)
    }

    /// How far every address that has begun has come; `None` if there is none.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.mentions.values().map(|cursor| cursor.reached).min()
    }

    /// The addresses for which the block of `slot`, whose parent is `parent`, comes next.
    pub(super) fn due(&self, parent: u64, slot: u64) -> Vec<Due> {
        let next = self.mentions.iter().filter(|(_, cursor)| (parent..slot).contains(&cursor.reached));
        next.map(|(mention, cursor)| Due { mention: *mention, from: cursor.reached + 1 }).collect()
    }

    /// These addresses have come to the end of `slot`.
    pub(super) fn advance(&mut self, mentions: impl IntoIterator<Item = Address>, slot: u64) {
        for mention in mentions {
            if let Some(cursor) = self.mentions.get_mut(&mention) {
                cursor.reached = cursor.reached.max(slot);
            }
        }
        self.forget();
    }

    /// Whether a transaction that mentions one of these addresses is still to be handed out.
    pub(super) fn lacks<'a>(
        &self,
        mentions: impl IntoIterator<Item = &'a Address>,
        slot: u64,
        signature: &Signature,
    ) -> bool {
        let wanted = mentions
            .into_iter()
            .filter_map(|mention| self.mentions.get(mention))
            .any(|cursor| slot > cursor.after && slot > cursor.reached.saturating_sub(OVERLAP));
        wanted && !self.was_handed(slot, signature)
    }

    /// Whether the transaction was handed out, as far as that is remembered.
    pub(super) fn was_handed(&self, slot: u64, signature: &Signature) -> bool {
        self.handed.get(&slot).is_some_and(|handed| handed.contains(signature))
    }

    /// The transaction was handed out, or is known not to matter.
    pub(super) fn handed(&mut self, slot: u64, signature: Signature) {
        if self.handed.entry(slot).or_default().insert(signature) {
            self.remembered += 1;
        }
        while self.remembered > REMEMBERED
            && let Some((_, oldest)) = self.handed.pop_first()
        {
            self.remembered -= oldest.len();
        }
    }

    /// A transaction that mentions these addresses found no room.
    pub(super) fn dropped<'a>(&mut self, mentions: impl IntoIterator<Item = &'a Address>, slot: u64) {
        for mention in mentions {
            if let Some(cursor) = self.mentions.get_mut(mention) {
                let from = cursor.dropped_from.get_or_insert(slot);
                *from = slot.min(*from);
            }
        }
    }

    /// Everything of the address is about to be listed, so that what found no room is found again.
    pub(super) fn list_begins(&mut self, mention: &Address) {
        if let Some(cursor) = self.mentions.get_mut(mention) {
            cursor.dropped_from = None;
        }
    }

    /// How far the address may come now that everything up to `to` was listed and handed out: short of what found no
    /// room meanwhile. `None` if that is no further than before.
    pub(super) fn may_reach(&self, mention: &Address, to: u64) -> Option<(u64, u64)> {
        let cursor = self.mentions.get(mention)?;
        let to = cursor.dropped_from.map_or(to, |from| to.min(from.saturating_sub(1)));
        (to > cursor.reached).then_some((cursor.reached + 1, to))
    }

    fn forget(&mut self) {
        let Some(lowest) = self.lowest() else { return };
        while let Some(entry) = self.handed.first_entry()
            && entry.key().saturating_add(REMEMBERED_SLOTS) < lowest
        {
            self.remembered -= entry.remove().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Address = Address::new_from_array([1; 32]);
    const TWO: Address = Address::new_from_array([2; 32]);

    fn signature(number: u8) -> Signature {
        Signature::from([number; 64])
    }

    fn begun(reached: u64) -> Cursors {
        let mut cursors = Cursors::default();
        cursors.begin(ONE, 10, reached);
        cursors
    }

    #[test]
    fn a_block_is_due_where_its_parent_was_reached_and_nowhere_else() {
        let mut cursors = begun(100);
        cursors.begin(TWO, 90, 95);
        assert_eq!(cursors.due(100, 101), [Due { mention: ONE, from: 101 }]);
        assert_eq!(cursors.due(95, 97), [Due { mention: TWO, from: 96 }]);
        assert_eq!(cursors.due(101, 102), [], "the one before it is missing");
        // The slots between a block and its parent have no block.
        assert_eq!(cursors.due(98, 103), [Due { mention: ONE, from: 101 }]);
        cursors.advance([TWO], 100);
        assert_eq!(cursors.due(100, 101).len(), 2);
        assert_eq!(cursors.due(99, 100), [], "both have it");
    }

    #[test]
    fn nothing_is_handed_out_twice_and_what_came_before_the_beginning_never() {
        let mut cursors = begun(100);
        assert!(cursors.lacks([&ONE], 101, &signature(1)));
        cursors.handed(101, signature(1));
        assert!(!cursors.lacks([&ONE], 101, &signature(1)));
        assert!(!cursors.lacks([&TWO], 101, &signature(2)), "nobody asked");
        assert!(!cursors.lacks([&ONE], 100 - OVERLAP, &signature(2)), "reached long ago");
        assert!(cursors.lacks([&ONE], 101 - OVERLAP, &signature(2)), "listed late");
        let young = begun(10);
        assert!(!young.lacks([&ONE], 10, &signature(1)), "from before the beginning");
        cursors.advance([ONE], 120);
        assert!(!cursors.lacks([&ONE], 101, &signature(1)), "still remembered");
    }

    #[test]
    fn an_address_does_not_come_past_what_found_no_room() {
        let mut cursors = begun(100);
        assert_eq!(cursors.may_reach(&ONE, 150), Some((101, 150)));
        cursors.dropped([&ONE], 120);
        cursors.dropped([&ONE], 130);
        assert_eq!(cursors.may_reach(&ONE, 150), Some((101, 119)));
        cursors.dropped([&ONE], 101);
        assert_eq!(cursors.may_reach(&ONE, 150), None);
        cursors.list_begins(&ONE);
        assert_eq!(cursors.may_reach(&ONE, 150), Some((101, 150)));
        assert_eq!(cursors.may_reach(&ONE, 100), None, "never back");
    }

    #[test]
    fn what_is_remembered_stays_within_its_bounds() {
        let mut cursors = begun(100);
        for slot in 101..400 {
            cursors.handed(slot, signature(1));
        }
        cursors.advance([ONE], 399);
        assert_eq!(cursors.remembered, usize::try_from(REMEMBERED_SLOTS + 1).unwrap());
        assert_eq!(cursors.handed.len(), cursors.remembered);
        for number in 0..REMEMBERED + 10 {
            let mut bytes = [0; 64];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            cursors.handed(500, Signature::from(bytes));
        }
        assert!(cursors.remembered <= REMEMBERED);
    }
}
