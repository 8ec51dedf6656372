//! One or more of a kind.

use fastrand::Rng;

/// A list that is never empty, so that chance can always pick from it.
#[derive(Debug)]
pub(super) struct Several<T> {
    first: T,
    others: Vec<T>,
}

// === impl Several ===

impl<T> Several<T> {
    pub(super) fn new(first: T, others: impl IntoIterator<Item = T>) -> Self {
        Self { first, others: others.into_iter().collect() }
    }

    pub(super) fn first(&self) -> &T {
        &self.first
    }

    pub(super) fn len(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// All, the first at first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one at a position; beyond the last it begins again.
    pub(super) fn at(&self, position: usize) -> &T {
        let position = position.checked_rem(self.len()).unwrap_or_default();
        position.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }

    /// Any one.
    pub(super) fn pick(&self, chance: &mut Rng) -> &T {
        self.at(chance.usize(..self.len()))
    }

    /// Any one of the first so many.
    pub(super) fn pick_among(&self, first: usize, chance: &mut Rng) -> &T {
        self.at(chance.usize(..first.clamp(1, self.len())))
    }
}
