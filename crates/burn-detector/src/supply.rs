//! What is known of each mint's supply: anchored by a read, carried forward by every mint and burn seen since.
//!
//! A transaction does not say what a supply is. A read says it for the end of one slot; from then on every
//! transaction that changes it is seen, so the supply stays known exactly until something is missed.
//!
//! A read proves nothing about later slots unless every change after its slot is still to come: one that is older
//! than what was told already, or that came when nobody knows what was told, is not carried forward.

use std::collections::{HashMap, VecDeque};

use eda_chain::{SupplyDelta, token::SupplyChange};
use eda_events::{Address, Decimals, RawAmount, Slot};

/// So many mints are remembered; the one that was first read the longest ago is forgotten first. It costs one read
/// to learn it again.
const REMEMBERED: usize = 65_536;

/// The supplies of the mints that matter.
#[derive(Debug, Default)]
pub(crate) struct SupplyBook {
    mints: HashMap<Address, Anchor>,
    order: VecDeque<Address>,
    /// The slot of the latest change that was told. Every change after it is still to be told. `None` at the start
    /// and after a gap: changes may be missing up to the next one that is told.
    told_to: Option<Slot>,
}

/// What is known of one mint: a supply that was true at the end of a slot, and everything since.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    read: Reading,
    /// The supply now, after every transaction carried forward.
    supply: RawAmount,
    /// The slot of the last transaction carried forward.
    carried_to: Slot,
    /// A later reading, which waits for the transactions up to its slot: a followed account is notified before its
    /// transactions are, and anchoring there at once would leave every one of them without its proof.
    newer: Option<Reading>,
}

/// A mint's state at the end of a slot.
#[derive(Clone, Copy, Debug)]
struct Reading {
    slot: Slot,
    supply: RawAmount,
    decimals: Decimals,
}

/// A mint's supply after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The supply after the whole transaction.
    pub(crate) after: RawAmount,
    /// Whether it is proven, or only read nearby.
    pub(crate) exact: bool,
    pub(crate) decimals: Decimals,
}

// === impl SupplyBook ===

impl SupplyBook {
    /// The mint account was read, or notified, at the end of `slot`.
    pub(crate) fn anchor(&mut self, mint: Address, slot: Slot, supply: RawAmount, decimals: Decimals) {
        let reading = Reading { slot, supply, decimals };
        match self.mints.get_mut(&mint) {
            // Changes between that slot and now were told before, or never will be.
            _ if self.told_to.is_none_or(|told| slot < told) => {}
            Some(anchor) => anchor.read_again(reading),
            None => {
                if self.order.len() >= REMEMBERED
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.mints.remove(&oldest);
                }
                self.order.push_back(mint);
                self.mints.insert(mint, Anchor::at(reading));
            }
        }
    }

    /// A transaction of `slot` changed a supply. Must be told of every one that did, in order; returns what is
    /// known of the supply after it, `None` if nothing is.
    pub(crate) fn apply(&mut self, slot: Slot, delta: &SupplyDelta) -> Option<Known> {
        self.told_to = self.told_to.max(Some(slot));
        if delta.steps.iter().any(|step| step.change == SupplyChange::Initialized) {
            // Another mint at the same address, maybe with other decimals.
            self.forget(&delta.mint);
            return None;
        }
        let known = self.mints.get_mut(&delta.mint)?.apply(slot, delta);
        if known.is_none() {
            self.forget(&delta.mint);
        }
        known
    }

    /// Transactions are missing: nothing carried forward is proven any more.
    pub(crate) fn missed(&mut self) {
        self.mints.clear();
        self.order.clear();
        self.told_to = None;
    }

    /// The mint does not exist any more.
    pub(crate) fn forget(&mut self, mint: &Address) {
        if self.mints.remove(mint).is_some() {
            self.order.retain(|known| known != mint);
        }
    }
}

// === impl Anchor ===

impl Anchor {
    fn at(read: Reading) -> Self {
        Self { read, supply: read.supply, carried_to: read.slot, newer: None }
    }

    /// An older view than the one carried forward says nothing new.
    fn read_again(&mut self, reading: Reading) {
        let newest = self.newer.map_or(self.read.slot, |newer| newer.slot);
        if reading.slot > newest && reading.slot >= self.carried_to {
            self.newer = Some(reading);
        }
    }

    /// `None` when the change is impossible: then what was carried forward is not true, so something was missed.
    fn apply(&mut self, slot: Slot, delta: &SupplyDelta) -> Option<Known> {
        if let Some(newer) = self.newer.filter(|newer| newer.slot < slot) {
            *self = Self::at(newer);
        }
        let decimals = self.read.decimals;
        if slot <= self.read.slot {
            // The read came later and holds this change already, and perhaps others.
            return Some(Known { after: self.read.supply, exact: false, decimals });
        }
        self.supply = delta.after(self.supply)?;
        self.carried_to = slot;
        Some(Known { after: self.supply, exact: true, decimals })
    }
}

#[cfg(test)]
mod tests {
    use eda_chain::{Place, token::SupplyStep};
    use eda_events::Path;

    use super::*;

    const MINT: Address = Address::new_from_array([7; 32]);
    const SIX: Decimals = Decimals(6);

    fn delta(changes: &[SupplyChange]) -> SupplyDelta {
        let place = Place { path: Path::top(0), batch_entry: None };
        let steps = changes.iter().map(|change| SupplyStep { place, change: *change }).collect();
        SupplyDelta { mint: MINT, steps }
    }

    fn burn(amount: u64) -> SupplyDelta {
        delta(&[SupplyChange::Burned(RawAmount(amount))])
    }

    /// A book that was told of everything up to `slot`, and of nothing about [`MINT`].
    fn told_to(slot: u64) -> SupplyBook {
        let mut book = SupplyBook::default();
        let other = SupplyDelta { mint: Address::new_from_array([8; 32]), ..burn(1) };
        assert_eq!(book.apply(Slot(slot), &other), None);
        book
    }

    #[test]
    fn a_supply_is_exact_from_its_anchor_on() {
        let mut book = SupplyBook::default();
        assert_eq!(book.apply(Slot(9), &burn(1)), None, "never read");
        book.anchor(MINT, Slot(10), RawAmount(1_000), SIX);
        let known = book.apply(Slot(10), &burn(1)).unwrap();
        assert!(!known.exact, "the read may hold more than this transaction");
        assert_eq!(known.after, RawAmount(1_000));
        let known = book.apply(Slot(11), &burn(100)).unwrap();
        assert_eq!((known.after, known.exact), (RawAmount(900), true));
        let minted = delta(&[SupplyChange::Minted(RawAmount(50)), SupplyChange::Burned(RawAmount(950))]);
        assert_eq!(book.apply(Slot(11), &minted).unwrap().after, RawAmount(0));
    }

    #[test]
    fn an_account_notified_before_its_transactions_leaves_them_their_proof() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(1_000), SIX);
        // The ends of two slots, ahead of what happened in them.
        book.anchor(MINT, Slot(12), RawAmount(970), SIX);
        book.anchor(MINT, Slot(13), RawAmount(966), SIX);
        let mut burned = |slot, amount| book.apply(Slot(slot), &burn(amount)).unwrap();
        for (slot, amount, after) in [(12, 10, 990), (12, 20, 970), (13, 4, 966)] {
            assert_eq!(burned(slot, amount), Known { after: RawAmount(after), exact: true, decimals: SIX });
        }
    }

    #[test]
    fn a_later_read_is_believed_once_its_slot_has_passed() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(1_000), SIX);
        book.anchor(MINT, Slot(12), RawAmount(500), SIX);
        book.anchor(MINT, Slot(11), RawAmount(700), SIX);
        let known = book.apply(Slot(13), &burn(1)).unwrap();
        assert_eq!((known.after, known.exact), (RawAmount(499), true));
    }

    #[test]
    fn an_impossible_change_ends_the_proof_instead_of_inventing_a_supply() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(10), SIX);
        assert_eq!(book.apply(Slot(11), &burn(11)), None);
        assert_eq!(book.apply(Slot(12), &burn(1)), None);
    }

    #[test]
    fn a_gap_ends_every_proof_and_what_was_read_before_its_end_begins_none() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(10), SIX);
        book.missed();
        assert_eq!(book.apply(Slot(11), &burn(1)), None);
        book.missed();
        book.anchor(MINT, Slot(12), RawAmount(9), SIX);
        assert_eq!(book.apply(Slot(14), &burn(1)), None, "slot 13 may be missing");
        book.anchor(MINT, Slot(14), RawAmount(8), SIX);
        assert!(book.apply(Slot(15), &burn(1)).unwrap().exact);
    }

    #[test]
    fn a_read_that_is_older_than_what_was_told_begins_no_proof() {
        let mut book = SupplyBook::default();
        book.anchor(MINT, Slot(3), RawAmount(100), SIX);
        assert_eq!(
            book.apply(Slot(10), &burn(1)),
            None,
            "what came between the read and the start is not known"
        );
        book.anchor(MINT, Slot(9), RawAmount(100), SIX);
        assert_eq!(book.apply(Slot(11), &burn(1)), None, "the burn of slot 10 is not in it");
    }

    #[test]
    fn a_mint_that_is_created_again_is_another_mint() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(5), SIX);
        assert!(book.apply(Slot(11), &burn(5)).unwrap().exact);
        let created = delta(&[SupplyChange::Initialized, SupplyChange::Minted(RawAmount(7))]);
        assert_eq!(book.apply(Slot(12), &created), None);
        assert_eq!(book.apply(Slot(13), &burn(1)), None, "its decimals are not known");
    }

    #[test]
    fn an_older_read_does_not_overwrite_what_was_carried_forward() {
        let mut book = told_to(1);
        book.anchor(MINT, Slot(10), RawAmount(100), SIX);
        book.apply(Slot(12), &burn(1));
        book.anchor(MINT, Slot(9), RawAmount(500), SIX);
        assert_eq!(book.apply(Slot(13), &burn(1)).unwrap().after, RawAmount(98));
    }

    #[test]
    fn the_book_stays_within_its_bound() {
        let mut book = told_to(1);
        for number in 0..REMEMBERED + 10 {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            book.anchor(Address::new_from_array(bytes), Slot(1), RawAmount(1), SIX);
        }
        assert_eq!((book.mints.len(), book.order.len()), (REMEMBERED, REMEMBERED));
    }
}
