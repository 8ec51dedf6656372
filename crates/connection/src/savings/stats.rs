//! What was saved, counted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::request::{Caller, Method};

/// Callers and methods counted by name; names may come from outside.
const NAMED: usize = 1_024;
/// The name under which the others are counted.
const OTHER: Method = Method::new("(other)");

/// How a question was answered without a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An equal one was under way.
    Shared,
    /// It was read along with others.
    Merged,
    /// Its answer never changes, and was known.
    Cached,
}

/// What was saved since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Requests saved, by who would have made them, by what they would have asked, and by how they were saved.
    pub requests: BTreeMap<(Caller, Method, Kind), u64>,
    /// Requests that saving itself made, by method: mints read for their decimals, reads that were too much at once and
    /// were made again in parts. They belong off the sum of the others.
    pub extra: BTreeMap<Method, u64>,
    /// Immutable answers kept now.
    pub kept: usize,
    /// The bytes that they take.
    pub kept_bytes: usize,
}

/// Where savings are counted.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Saved>);

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Merged, Self::Cached];

    /// The label in metrics, status and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Merged => "merged",
            Self::Cached => "cached",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Saved ===

impl Saved {
    /// Requests saved in one way, by everyone.
    pub fn of(&self, kind: Kind) -> u64 {
        self.requests.iter().filter(|((_, _, of), _)| *of == kind).map(|(_, count)| count).sum()
    }
}

// === impl Counts ===

impl Counts {
    pub(super) fn saved(&self, caller: Caller, method: &Method, kind: Kind) {
        let mut saved = self.lock();
        let mut key = (caller, method.clone(), kind);
        if saved.requests.len() >= NAMED && !saved.requests.contains_key(&key) {
            key.1 = OTHER;
        }
        *saved.requests.entry(key).or_default() += 1;
    }

    pub(super) fn extra(&self, method: &Method) {
        *self.lock().extra.entry(method.clone()).or_default() += 1;
    }

    pub(super) fn look(&self) -> Saved {
        self.lock().clone()
    }

    /// Nothing panics under this lock; were it to happen, every number would still be one.
    fn lock(&self) -> MutexGuard<'_, Saved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use eda_events::WorkerName;

    use super::*;

    #[test]
    fn every_saving_is_counted_by_who_what_and_how() {
        let counts = Counts::default();
        let (one, other) = (Caller::Worker(WorkerName::BurnDetector), Caller::Worker(WorkerName::TradingBot));
        let (account, balance) = (Method::new("getAccountInfo"), Method::new("getBalance"));
        counts.saved(one, &account, Kind::Shared);
        counts.saved(one, &account, Kind::Shared);
        counts.saved(one, &balance, Kind::Merged);
        counts.saved(other, &account, Kind::Shared);
        counts.extra(&account);
        let saved = counts.look();
        assert_eq!(saved.requests[&(one, account.clone(), Kind::Shared)], 2);
        assert_eq!(Kind::ALL.map(|kind| saved.of(kind)), [3, 1, 0]);
        assert_eq!(saved.extra, BTreeMap::from([(account, 1)]));
    }

    #[test]
    fn names_from_outside_do_not_fill_the_memory() {
        let counts = Counts::default();
        for number in 0..2 * NAMED {
            counts.saved(Caller::Shared, &Method::named(format!("get{number}")), Kind::Shared);
        }
        let saved = counts.look();
        assert_eq!(saved.requests.len(), NAMED + 1);
        assert_eq!(saved.of(Kind::Shared), u64::try_from(2 * NAMED).unwrap());
    }
}
