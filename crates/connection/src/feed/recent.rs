//! Remembering what was seen lately, within a bound.

use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
};

/// The last so many distinct values.
#[derive(Debug)]
pub(super) struct Recent<T> {
    capacity: usize,
    order: VecDeque<T>,
    seen: HashSet<T>,
}

impl<T: Copy + Eq + Hash> Recent<T> {
    /// Remembers up to `capacity` values; at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), order: VecDeque::new(), seen: HashSet::new() }
    }

    /// Whether the value is remembered.
    pub(super) fn contains(&self, value: &T) -> bool {
        self.seen.contains(value)
    }

    /// Remembers a value. Returns whether it was new.
    pub(super) fn insert(&mut self, value: T) -> bool {
        if !self.seen.insert(value) {
            return false;
        }
        if self.order.len() == self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_values_are_remembered() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1));
        assert!(!recent.insert(1));
        assert!(recent.insert(2));
        assert!(recent.insert(3));
        assert!(recent.insert(1), "forgotten");
        assert!(!recent.insert(3));
        assert_eq!((recent.order.len(), recent.seen.len()), (2, 2));
    }
}
