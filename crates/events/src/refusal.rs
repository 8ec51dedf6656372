//! Why a candidate did not become an event or a trade. No refusal is silent: each is a row here.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    primitives::{Slot, WorkerName},
    wire::text,
};

/// A decision not to report or not to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Who decided.
    pub worker: WorkerName,
    /// What was refused: the id of the event it would have been, or of the event it answers.
    pub subject: String,
    /// The rule that refused it, from the worker's closed set.
    pub rule: Cow<'static, str>,
    /// The value the rule looked at, as a person reads it.
    pub seen: String,
    /// What it would have had to be.
    pub bound: String,
    /// The slot of the fact that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// When it was judged.
    #[serde(with = "text")]
    pub at: Timestamp,
}

/// The refusals of this process: the last ones in full, and how many each rule has ever made.
#[derive(Debug)]
pub struct Ledger {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: VecDeque<Refusal>,
    counts: BTreeMap<WorkerName, BTreeMap<Cow<'static, str>, u64>>,
}

// === impl Ledger ===

impl Ledger {
    /// A ledger that remembers the last `capacity` refusals in full.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// Writes a refusal down. The oldest one makes room and stays counted.
    pub fn record(&self, refusal: Refusal) {
        let mut state = self.lock();
        let count = state.counts.entry(refusal.worker).or_default().entry(refusal.rule.clone()).or_default();
        *count = count.saturating_add(1);
        state.last.push_back(refusal);
        if state.last.len() > self.capacity {
            state.last.pop_front();
        }
    }

    /// The refusals of this subject that are remembered, oldest first.
    pub fn about(&self, subject: &str) -> Vec<Refusal> {
        self.lock().last.iter().filter(|refusal| refusal.subject == subject).cloned().collect()
    }

    /// All refusals that are remembered, oldest first.
    pub fn last(&self) -> Vec<Refusal> {
        self.lock().last.iter().cloned().collect()
    }

    /// How many candidates the worker has refused since the process started, by rule.
    pub fn counts(&self, worker: WorkerName) -> BTreeMap<String, u64> {
        let state = self.lock();
        let counts = state.counts.get(&worker).into_iter().flatten();
        counts.map(|(rule, count)| (rule.to_string(), *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(worker: WorkerName, subject: &str, rule: &'static str) -> Refusal {
        Refusal {
            worker,
            subject: subject.to_owned(),
            rule: rule.into(),
            seen: "5".to_owned(),
            bound: "at least 1000000".to_owned(),
            slot: Some(Slot(7)),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_forgotten_stays_counted() {
        let ledger = Ledger::new(2);
        for subject in ["a", "b", "c"] {
            ledger.record(refusal(WorkerName::BurnDetector, subject, "below-threshold"));
        }
        ledger.record(refusal(WorkerName::TradingBot, "c", "too-many-positions"));
        let subjects: Vec<String> = ledger.last().into_iter().map(|refusal| refusal.subject).collect();
        assert_eq!(subjects, ["c", "c"]);
        assert_eq!(ledger.about("c").len(), 2);
        assert_eq!(ledger.about("a"), []);
        let counts = ledger.counts(WorkerName::BurnDetector);
        assert_eq!(counts, BTreeMap::from([("below-threshold".to_owned(), 3)]));
        assert_eq!(ledger.counts(WorkerName::PriceAggregator), BTreeMap::new());
    }

    #[test]
    fn a_refusal_is_a_row_that_programs_can_read() {
        let row = refusal(WorkerName::BurnDetector, "a", "below-threshold");
        let json = serde_json::to_string(&row).unwrap();
        let expected = r#"{"worker":"burn-detector","subject":"a","rule":"below-threshold","seen":"5","bound":"at least 1000000","slot":7,"at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), row);
    }
}
