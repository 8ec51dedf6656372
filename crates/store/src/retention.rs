use std::time::Duration;

use eda_events::{Event, Topic};
use jiff::Timestamp;

use crate::{
    commit::REFUSALS,
    sqlite::{Database, Transaction},
    subjects,
    trouble::Trouble,
};

/// What is kept for how long. Whatever a consumer has not passed, and whatever still has to be looked at once its slot
/// is final, stays longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events, other than statuses.
    pub events: Bound,
    /// Refusals.
    pub refusals: Bound,
    /// Statuses of workers in the event log. The last one of each worker stays for ever.
    pub statuses: Duration,
}

/// By age and by number, whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How old the oldest may become.
    pub age: Duration,
    /// How many there may be.
    pub rows: u64,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after the start what is too old is first looked for, so that the start itself is not slowed down.
pub(crate) const FIRST: Duration = Duration::from_secs(5);

/// How often it is looked for.
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// The pause between two slices, in which others can write.
pub(crate) const SOON: Duration = Duration::from_millis(100);

/// How much of each kind is deleted at once, so that nobody waits long.
const SLICE: u64 = 500;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tidied {
    pub(crate) events: u64,
    pub(crate) refusals: u64,
    /// Whether there may be more that is old enough.
    pub(crate) more: bool,
}

// === impl Retention ===

impl Default for Retention {
    fn default() -> Self {
        Self {
            events: Bound { age: DAY * 30, rows: 1_000_000 },
            refusals: Bound { age: DAY * 7, rows: 1_000_000 },
            statuses: DAY,
        }
    }
}

/// Deletes a slice of each kind, in one transaction.
pub(crate) fn tidy(database: &Database, retention: &Retention, now: Timestamp) -> Result<Tidied, Trouble> {
    let mut connection = database.lock();
    let transaction = Transaction::begin(&mut connection)?;
    let mut tidied = Tidied::default();
    let until = |age: Duration| now.saturating_sub(age).unwrap_or(Timestamp::MIN);

    for consumer in transaction.forget_cursors(until(retention.events.age))? {
        tracing::warn!(%consumer, "a consumer has not read for so long that it is forgotten");
    }
    let counts = transaction.counts()?;
    let count = |what: &str| counts.get(what).copied().unwrap_or_default();
    let statuses = count(Topic::Status.as_str());
    let events = counts.iter().filter(|(what, _)| *what != REFUSALS).map(|(_, count)| count).sum::<u64>();
    let too_many = events.saturating_sub(statuses).saturating_sub(retention.events.rows);
    let old = transaction.oldest_events(false, SLICE)?;
    let old = oldest(old, too_many, until(retention.events.age), |event| event.at);
    let old_statuses = transaction.oldest_events(true, SLICE)?;
    let old_statuses = oldest(old_statuses, 0, until(retention.statuses), |event| event.at);
    for event in old.iter().chain(&old_statuses) {
        // One that cannot be read leaves its subjects behind, which lead nowhere.
        if let Ok(read) = serde_json::from_str::<Event>(&event.json) {
            for subject in subjects::of(&read) {
                transaction.remove_subject(&subject, event.sequence)?;
            }
        }
        transaction.remove_event(event.sequence)?;
        transaction.count(&event.topic, -1)?;
        tidied.events = tidied.events.saturating_add(1);
    }

    let too_many = count(REFUSALS).saturating_sub(retention.refusals.rows);
    let refusals = transaction.oldest_refusals(SLICE)?;
    let refusals = oldest(refusals, too_many, until(retention.refusals.age), |(_, at)| *at);
    for (number, _) in &refusals {
        transaction.remove_refusal(*number)?;
        transaction.count(REFUSALS, -1)?;
        tidied.refusals = tidied.refusals.saturating_add(1);
    }

    let spans = transaction.remove_complete_stretches(until(retention.events.age), SLICE)?;
    let full = |count: usize| u64::try_from(count).is_ok_and(|count| count >= SLICE);
    tidied.more = [old.len(), old_statuses.len(), refusals.len(), spans].into_iter().any(full);
    transaction.commit()?;
    Ok(tidied)
}

/// The rows, oldest first, as far as they are too many or too old.
fn oldest<T>(rows: Vec<T>, too_many: u64, until: Timestamp, at: impl Fn(&T) -> Timestamp) -> Vec<T> {
    let numbered = (0_u64..).zip(rows);
    numbered.take_while(|(index, row)| *index < too_many || at(row) < until).map(|(_, row)| row).collect()
}
