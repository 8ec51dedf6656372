//! Keeping what was used last, within a bound.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// Values by key; when their weights pass the bound, those that were not used for longest go.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    most: usize,
    weight: usize,
    values: HashMap<K, Slot<V>>,
    /// By the time of their last use.
    order: BTreeMap<u64, K>,
    now: u64,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    weight: usize,
    used: u64,
}

// === impl Lru ===

impl<K: Clone + Eq + Hash, V> Lru<K, V> {
    /// Keeps values that weigh up to `most` together.
    pub(super) fn new(most: usize) -> Self {
        Self { most, weight: 0, values: HashMap::new(), order: BTreeMap::new(), now: 0 }
    }

    /// The value of a key, which counts as used now.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let slot = self.values.get_mut(key)?;
        self.now += 1;
        if let Some(key) = self.order.remove(&slot.used) {
            self.order.insert(self.now, key);
        }
        slot.used = self.now;
        Some(&slot.value)
    }

    /// Keeps a value in the place of the key's last one, if it does not alone weigh too much.
    pub(super) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.most {
            return;
        }
        while self.weight + weight > self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.remove(&oldest);
        }
        self.now += 1;
        self.weight += weight;
        self.order.insert(self.now, key.clone());
        self.values.insert(key, Slot { value, weight, used: self.now });
    }

    /// What everything weighs.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    fn remove(&mut self, key: &K) {
        if let Some(slot) = self.values.remove(key) {
            self.order.remove(&slot.used);
            self.weight -= slot.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut lru = Lru::new(3);
        for key in ["a", "b", "c"] {
            lru.insert(key, key, 1);
        }
        assert_eq!(lru.get(&"a"), Some(&"a"));
        lru.insert("d", "d", 1);
        assert_eq!(lru.get(&"b"), None);
        assert_eq!(lru.get(&"a"), Some(&"a"));
        lru.insert("heavy", "heavy", 4);
        assert_eq!(lru.get(&"heavy"), None, "it alone would weigh too much");
        assert_eq!(lru.len(), 3);
    }

    proptest! {
        #[test]
        fn the_bound_holds_whatever_is_kept(steps in proptest::collection::vec((0_u8..20, 0_usize..40, any::<bool>()), 0..300)) {
            let mut lru = Lru::new(100);
            for (key, weight, read) in steps {
                if read {
                    lru.get(&key);
                } else {
                    lru.insert(key, weight, weight);
                    prop_assert_eq!(lru.get(&key), Some(&weight));
                }
                let sum: usize = lru.values.values().map(|slot| slot.weight).sum();
                prop_assert!(lru.weight <= 100 && lru.weight == sum);
                prop_assert_eq!(lru.order.len(), lru.values.len());
            }
        }
    }
}
