//! What has become of requests so far: counts, waiting times, credits.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::{Credits, Outcome, Waits, queue::MethodId};
use crate::request::{Caller, Class, Method};

/// The name under which methods that were forgotten are counted.
const FORGOTTEN: Method = Method::new("(other)");

/// The books. Bounded by callers × methods remembered × outcomes.
#[derive(Debug)]
pub(crate) struct Ledger {
    started: Instant,
    counts: HashMap<(Caller, MethodId), BTreeMap<Outcome, u64>>,
    forgotten: BTreeMap<(Caller, Outcome), u64>,
    waits: BTreeMap<Class, Waits>,
    credits_before: u64,
    credits_since: u64,
}

impl Ledger {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            counts: HashMap::new(),
            forgotten: BTreeMap::new(),
            waits: BTreeMap::new(),
            credits_before: 0,
            credits_since: 0,
        }
    }

    pub(crate) fn count(&mut self, caller: Caller, method: MethodId, outcome: Outcome) {
        let count = self.counts.entry((caller, method)).or_default().entry(outcome).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn waited(&mut self, class: Class, waited: Duration) {
        self.waits.entry(class).or_default().add(waited);
    }

    /// Counts a method that is forgotten under a common name.
    pub(crate) fn forget(&mut self, method: MethodId) {
        let forgotten = &mut self.forgotten;
        self.counts.retain(|(caller, of), outcomes| {
            if *of != method {
                return true;
            }
            for (outcome, count) in std::mem::take(outcomes) {
                let sum = forgotten.entry((*caller, outcome)).or_default();
                *sum = sum.saturating_add(count);
            }
            false
        });
    }

    pub(crate) fn spend(&mut self, credits: u64) {
        self.credits_since = self.credits_since.saturating_add(credits);
    }

    pub(crate) fn refund(&mut self, credits: u64) {
        self.credits_since = self.credits_since.saturating_sub(credits);
    }

    /// Credits spent this month before the start.
    pub(crate) fn spent_before(&mut self, credits: u64) {
        self.credits_before = credits;
    }

    pub(crate) fn waits(&self) -> BTreeMap<Class, Waits> {
        self.waits.clone()
    }

    pub(crate) fn outcomes<'a>(
        &self,
        names: impl Iterator<Item = (MethodId, &'a Method)>,
    ) -> BTreeMap<(Caller, Method, Outcome), u64> {
        let names: HashMap<_, _> = names.collect();
        let mut outcomes: BTreeMap<_, u64> = self
            .forgotten
            .iter()
            .map(|((caller, outcome), count)| ((*caller, FORGOTTEN, *outcome), *count))
            .collect();
        for ((caller, method), counts) in &self.counts {
            let name = names.get(method).copied().cloned().unwrap_or(FORGOTTEN);
            for (outcome, count) in counts {
                let sum = outcomes.entry((*caller, name.clone(), *outcome)).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        outcomes
    }

    pub(crate) fn credits(&self, now: Instant, monthly: Option<u64>) -> Credits {
        let used = self.credits_before.saturating_add(self.credits_since);
        let elapsed = now.saturating_duration_since(self.started).as_millis();
        let left = monthly.map(|monthly| u128::from(monthly.saturating_sub(used)));
        let spent = u128::from(self.credits_since);
        let per_day = (spent * 86_400_000).checked_div(elapsed).map(saturate).unwrap_or_default();
        let ends_in = left
            .and_then(|left| (left * elapsed).checked_div(spent))
            .map(|millis| Duration::from_millis(saturate(millis)));
        Credits { used, monthly, per_day, ends_in }
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
