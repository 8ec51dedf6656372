use std::{collections::BTreeMap, time::Duration};

use eda_events::{Event, Topic};
use jiff::Timestamp;

use crate::{
    commit::REFUSALS,
    cursors::Cursors,
    sqlite::{self, Database, Transaction},
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tidied {
    pub(crate) events: u64,
    pub(crate) refusals: u64,
    /// Consumers that have not read for so long that nothing waits for them any more.
    pub(crate) forgotten: Vec<String>,
    /// Whether there may be more that is old enough.
    pub(crate) more: bool,
}

/// Deletes a slice of each kind, in one transaction. `cursors` are those of this process.
pub(crate) fn tidy(
    database: &Database,
    retention: &Retention,
    cursors: &Cursors,
    now: Timestamp,
) -> Result<Tidied, Trouble> {
    let mut connection = database.lock();
    let transaction = Transaction::begin(&mut connection)?;
    let tidying = Tidying { counts: transaction.counts()?, transaction: &transaction, now };
    let (passed, forgotten) = tidying.passed(cursors, retention.events.age)?;
    let Retention { events, refusals, statuses } = retention;
    let statuses = tidying.events(true, Bound { age: *statuses, rows: u64::MAX }, passed)?;
    let events = tidying.events(false, *events, passed)?;
    let refusals = tidying.refusals(*refusals)?;
    let spans = transaction.remove_complete_stretches(tidying.before(retention.events.age), SLICE)?;
    transaction.commit()?;
    Ok(Tidied {
        events: statuses.saturating_add(events),
        refusals,
        forgotten,
        more: [statuses, events, refusals, spans].into_iter().any(|deleted| deleted >= SLICE),
    })
}

/// A slice on its way.
struct Tidying<'a> {
    transaction: &'a Transaction<'a>,
    /// How many rows there are of each kind.
    counts: BTreeMap<String, u64>,
    now: Timestamp,
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

// === impl Tidying ===

impl Tidying<'_> {
    /// Up to which sequence every consumer has read, now and after the next start. Forgets those that this process
    /// does not serve and that were not seen for `age`.
    fn passed(&self, cursors: &Cursors, age: Duration) -> sqlite::Result<(u64, Vec<String>)> {
        let here: BTreeMap<_, _> = cursors.all().into_iter().filter(|(_, cursor)| cursor.is_read()).collect();
        let mut passed: Vec<u64> = here.values().map(|cursor| cursor.sequence).collect();
        let mut forgotten = Vec::new();
        for (consumer, sequence, seen_at) in self.transaction.cursors()? {
            if here.contains_key(&*consumer) || seen_at >= self.before(age) {
                passed.push(sequence);
            } else {
                self.transaction.remove_cursor(&consumer)?;
                forgotten.push(consumer);
            }
        }
        let everything = i64::MAX.unsigned_abs();
        Ok((passed.into_iter().min().unwrap_or(everything), forgotten))
    }

    /// Statuses, or all other events.
    fn events(&self, statuses: bool, bound: Bound, passed: u64) -> sqlite::Result<u64> {
        let status = Topic::Status.as_str();
        let counted =
            self.counts.iter().filter(|(what, _)| *what != REFUSALS && (*what == status) == statuses);
        let there = counted.map(|(_, count)| count).sum();
        let old = self.transaction.oldest_events(statuses, passed, SLICE)?;
        let mut deleted = 0_u64;
        for event in self.out_of_bound(old, bound, there, |event| event.at) {
            // One that cannot be read leaves its subjects behind, which lead nowhere.
            if let Ok(read) = serde_json::from_str::<Event>(&event.json) {
                for subject in subjects::of(&read) {
                    self.transaction.remove_subject(&subject, event.sequence)?;
                }
            }
            self.transaction.remove_event(event.sequence)?;
            self.transaction.count(&event.topic, -1)?;
            deleted = deleted.saturating_add(1);
        }
        Ok(deleted)
    }

    fn refusals(&self, bound: Bound) -> sqlite::Result<u64> {
        let there = self.counts.get(REFUSALS).copied().unwrap_or_default();
        let old = self.transaction.oldest_refusals(SLICE)?;
        let mut deleted = 0_u64;
        for (number, _) in self.out_of_bound(old, bound, there, |(_, at)| *at) {
            self.transaction.remove_refusal(number)?;
            self.transaction.count(REFUSALS, -1)?;
            deleted = deleted.saturating_add(1);
        }
        Ok(deleted)
    }

    /// Of the oldest rows those that are too old, or too many with all that are there.
    fn out_of_bound<T>(
        &self,
        oldest: Vec<T>,
        bound: Bound,
        there: u64,
        at: impl Fn(&T) -> Timestamp,
    ) -> impl Iterator<Item = T> {
        let too_many = there.saturating_sub(bound.rows);
        let before = self.before(bound.age);
        let numbered = (0_u64..).zip(oldest);
        let out = numbered.take_while(move |(index, row)| *index < too_many || at(row) < before);
        out.map(|(_, row)| row)
    }

    fn before(&self, age: Duration) -> Timestamp {
        self.now.saturating_sub(age).unwrap_or(Timestamp::MIN)
    }
}
