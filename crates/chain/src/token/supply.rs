//! Supplies inside one transaction. A transaction does not say what a mint's supply is, only how it changes; with the
//! supply after it known, every step in it can be told.

use std::collections::HashMap;

use eda_events::{Address, RawAmount};

use crate::{place::Place, transaction::Transaction};

/// How one mint's supply changed in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplyDelta {
    /// The token.
    pub mint: Address,
    /// Its changes, in execution order.
    pub steps: Vec<SupplyStep>,
}

/// One change of a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupplyStep {
    /// The instruction that made it.
    pub place: Place,
    /// The change.
    pub change: SupplyChange,
}

/// What happened to a supply, in the mint's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupplyChange {
    /// The mint was created: its supply is zero.
    Initialized,
    /// Tokens were created.
    Minted(RawAmount),
    /// Tokens were destroyed.
    Burned(RawAmount),
}

/// A supply just before and just after one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupplyAround {
    /// Before.
    pub before: RawAmount,
    /// After.
    pub after: RawAmount,
}

/// How each mint's supply changed, in the order in which the mints first appear, whether the transaction failed or
/// not.
pub fn supply_deltas(transaction: &Transaction) -> &[SupplyDelta] {
    &transaction.token_facts().supply
}

pub(super) fn by_mint(steps: Vec<(Address, SupplyStep)>) -> Vec<SupplyDelta> {
    let mut deltas: Vec<SupplyDelta> = Vec::new();
    let mut seen: HashMap<Address, usize> = HashMap::new();
    for (mint, step) in steps {
        let at = *seen.entry(mint).or_insert_with(|| {
            deltas.push(SupplyDelta { mint, steps: Vec::new() });
            deltas.len() - 1
        });
        deltas[at].steps.push(step);
    }
    deltas
}

// === impl SupplyDelta ===

impl SupplyDelta {
    /// Units destroyed in total.
    pub fn burned(&self) -> u128 {
        self.steps.iter().map(|step| step.change.burned()).sum()
    }

    /// Units created in total.
    pub fn minted(&self) -> u128 {
        self.steps.iter().map(|step| step.change.minted()).sum()
    }

    /// The supply before the whole transaction, given the one after it. None when the two cannot both be true (the
    /// figure is of another moment), or when the mint was created in between.
    pub fn before(&self, after: RawAmount) -> Option<RawAmount> {
        self.steps.iter().rev().try_fold(after, |supply, step| step.change.undo(supply))
    }

    /// The supply after the whole transaction, given the one before it. None when the two cannot both be true.
    pub fn after(&self, before: RawAmount) -> Option<RawAmount> {
        self.steps.iter().try_fold(before, |supply, step| step.change.apply(supply))
    }

    /// The supply around the step at `place`, given the one after the whole transaction. None when there is no such
    /// step, or when the figure cannot be true.
    pub fn around(&self, place: Place, after: RawAmount) -> Option<SupplyAround> {
        let at = self.steps.iter().position(|step| step.place == place)?;
        let (upto, later) = self.steps.split_at_checked(at + 1)?;
        let after = later.iter().rev().try_fold(after, |supply, step| step.change.undo(supply))?;
        let before = upto.last()?.change.undo(after)?;
        Some(SupplyAround { before, after })
    }
}

// === impl SupplyChange ===

impl SupplyChange {
    fn burned(self) -> u128 {
        match self {
            Self::Initialized | Self::Minted(_) => 0,
            Self::Burned(amount) => amount.0.into(),
        }
    }

    fn minted(self) -> u128 {
        match self {
            Self::Initialized | Self::Burned(_) => 0,
            Self::Minted(amount) => amount.0.into(),
        }
    }

    fn apply(self, supply: RawAmount) -> Option<RawAmount> {
        match self {
            Self::Initialized => Some(RawAmount(0)),
            Self::Minted(amount) => supply.0.checked_add(amount.0).map(RawAmount),
            Self::Burned(amount) => supply.0.checked_sub(amount.0).map(RawAmount),
        }
    }

    /// The supply before the change. Creation has none.
    fn undo(self, supply: RawAmount) -> Option<RawAmount> {
        match self {
            Self::Initialized => None,
            Self::Minted(amount) => supply.0.checked_sub(amount.0).map(RawAmount),
            Self::Burned(amount) => supply.0.checked_add(amount.0).map(RawAmount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eda_events::Path;

    fn delta(changes: &[SupplyChange]) -> SupplyDelta {
        let steps =
            (0..).zip(changes).map(|(i, change)| SupplyStep { place: at(i), change: *change }).collect();
        SupplyDelta { mint: Address::default(), steps }
    }

    fn at(index: u16) -> Place {
        Place { path: Path::top(index), batch_entry: None }
    }

    #[test]
    fn each_burn_is_placed_between_the_mints_and_burns_around_it() {
        let delta = delta(&[
            SupplyChange::Burned(RawAmount(10)),
            SupplyChange::Minted(RawAmount(5)),
            SupplyChange::Burned(RawAmount(20)),
        ]);
        let around = |place| delta.around(place, RawAmount(75)).map(|s| (s.before.0, s.after.0));
        assert_eq!(around(at(0)), Some((100, 90)));
        assert_eq!(around(at(1)), Some((90, 95)));
        assert_eq!(around(at(2)), Some((95, 75)));
        assert_eq!(around(at(3)), None);
        assert_eq!(delta.before(RawAmount(75)), Some(RawAmount(100)));
        assert_eq!(delta.after(RawAmount(100)), Some(RawAmount(75)));
        assert_eq!((delta.burned(), delta.minted()), (30, 5));
    }

    #[test]
    fn an_impossible_supply_is_refused_instead_of_wrapping() {
        let minted = delta(&[SupplyChange::Minted(RawAmount(5))]);
        assert_eq!(minted.before(RawAmount(4)), None);
        let burned = delta(&[SupplyChange::Burned(RawAmount(1))]);
        assert_eq!(burned.before(RawAmount(u64::MAX)), None);
        assert_eq!(burned.after(RawAmount(0)), None);
    }

    #[test]
    fn a_mint_created_in_the_transaction_starts_at_zero() {
        let delta = delta(&[
            SupplyChange::Initialized,
            SupplyChange::Minted(RawAmount(9)),
            SupplyChange::Burned(RawAmount(4)),
        ]);
        assert_eq!(delta.before(RawAmount(5)), None);
        assert_eq!(
            delta.around(at(2), RawAmount(5)),
            Some(SupplyAround { before: RawAmount(9), after: RawAmount(5) })
        );
    }
}
