use std::{
    collections::{HashMap, VecDeque, hash_map},
    fmt,
    hash::Hash,
};

use tokio::time::Instant;

use super::{
    InputStats, Latest, LatestPost, Queue,
    reader::{self, sealed::Waiting},
};

/// The newest state per key, in the order in which the keys that wait arrived.
///
/// Holds at most one state per key and has no other bound: the keys are what the reader asked for, so their
/// number is known to it.
#[derive(Debug)]
pub struct Newest<K, T> {
    order: VecDeque<K>,
    states: HashMap<K, (T, Instant)>,
    coalesced: u64,
}

/// A key, as this queue needs it: short when displayed, since that names a state in quarantine.
pub trait Key: Clone + Eq + Hash + fmt::Display + Send + 'static {}

impl<K: Clone + Eq + Hash + fmt::Display + Send + 'static> Key for K {}

// === impl Latest ===

impl<K: Key, T: Clone + Send + 'static> Latest<K, T> {
    /// An empty queue. `name` appears in its stats.
    pub fn new(name: impl Into<String>) -> (LatestPost<K, T>, Self) {
        let queue = Newest { order: VecDeque::new(), states: HashMap::new(), coalesced: 0 };
        reader::pair(name.into(), queue)
    }
}

// === impl LatestPost ===

impl<K: Key, T: Clone + Send + 'static> LatestPost<K, T> {
    /// The key's newest state: takes the place of the one that waits, or waits at the end. A state in hand is
    /// left alone; the newer one comes after it. Never waits; `false` if nobody will read it.
    pub fn replace(&self, key: K, state: T) -> bool {
        self.with_queue(|queue| queue.put(key, state)).is_some()
    }

    /// Forgets the key's waiting state: the reader no longer asks for it. Not counted, since nothing was lost.
    pub fn forget(&self, key: &K) {
        self.with_queue(|queue| {
            if queue.states.remove(key).is_some() {
                queue.order.retain(|waiting| waiting != key);
            }
        });
    }
}

// === impl Newest ===

impl<K: Key, T> Newest<K, T> {
    fn put(&mut self, key: K, state: T) {
        match self.states.entry(key) {
            hash_map::Entry::Occupied(mut waiting) => {
                waiting.get_mut().0 = state;
                self.coalesced = self.coalesced.saturating_add(1);
            }
            hash_map::Entry::Vacant(place) => {
                self.order.push_back(place.key().clone());
                place.insert((state, Instant::now()));
            }
        }
    }
}

impl<K: Key, T: Clone + Send + 'static> Queue for Newest<K, T> {}

impl<K: Key, T: Clone + Send + 'static> Waiting for Newest<K, T> {
    type Entry = (K, T);

    fn take(&mut self) -> Option<((K, T), Instant)> {
        let key = self.order.pop_front()?;
        let (state, since) = self.states.remove(&key)?;
        Some(((key, state), since))
    }

    fn clear(&mut self) {
        self.order = VecDeque::new();
        self.states = HashMap::new();
    }

    fn oldest(&self) -> Option<Instant> {
        self.order.front().and_then(|key| self.states.get(key)).map(|(_, since)| *since)
    }

    fn count(&self, stats: &mut InputStats) {
        stats.queued = stats.queued.saturating_add(self.states.len());
        stats.coalesced = self.coalesced;
    }

    fn is_item(_: &(K, T)) -> bool {
        true
    }

    fn describe((key, _): &(K, T)) -> String {
        key.to_string()
    }
}
