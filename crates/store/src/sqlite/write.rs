use std::collections::BTreeMap;

use eda_events::{
    Event, Genesis, Refusal, Slot, WorkerName,
    log::{How, Interest, Span},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Result, read, signed, unsigned};
use crate::{
    coverage::{Coverage, Stretch},
    subjects,
};

/// All or nothing of what is written through it, once committed. Dropped before, nothing.
#[derive(Debug)]
pub(crate) struct Transaction<'a>(rusqlite::Transaction<'a>);

/// An event that may be deleted, if it is too old or too many are there.
#[derive(Debug)]
pub(crate) struct OldEvent {
    pub(crate) sequence: u64,
    pub(crate) topic: String,
    pub(crate) at: Timestamp,
    pub(crate) json: String,
}

/// An interest as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterestRow {
    pub(crate) number: i64,
    pub(crate) begins_after: Slot,
    pub(crate) reached_to: Slot,
}

// === impl Transaction ===

impl<'a> Transaction<'a> {
    pub(crate) fn begin(connection: &'a mut Connection) -> Result<Self> {
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map(Self)
    }

    pub(crate) fn commit(self) -> Result<()> {
        self.0.commit()
    }

    /// The number of the last batch that was committed.
    pub(crate) fn last_batch(&self) -> Result<u64> {
        read::last_batch(&self.0)
    }

    pub(crate) fn number_batch(&self, batch: u64) -> Result<()> {
        self.0.prepare_cached("UPDATE batches SET last = ?1")?.execute([signed(batch)?]).map(drop)
    }

    /// The number that stands for a chain in the other tables.
    pub(crate) fn chain(&self, genesis: &Genesis) -> Result<i64> {
        let mut known = self.0.prepare_cached("SELECT chain FROM chains WHERE genesis = ?1")?;
        if let Some(chain) = known.query_row([genesis.as_str()], |row| row.get(0)).optional()? {
            return Ok(chain);
        }
        self.0.prepare_cached("INSERT INTO chains (genesis) VALUES (?1)")?.insert([genesis.as_str()])
    }

    /// Appends an event; `None` if its id was kept before.
    pub(crate) fn add_event(
        &self,
        chain: i64,
        event: &Event,
        unsettled: Option<&str>,
        json: &str,
    ) -> Result<Option<u64>> {
        let sql = "INSERT INTO events (chain, id, topic, at, slot, unsettled, json)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING sequence";
        let slot = event.source.as_ref().map(|source| signed(source.slot.0)).transpose()?;
        let at = event.timestamp.as_millisecond();
        let row = params![chain, event.id.as_str(), event.topic().as_str(), at, slot, unsettled, json];
        self.0.prepare_cached(sql)?.query_row(row, |row| row.get(0).map(unsigned)).optional()
    }

    /// Lets an event be found by what it is about.
    pub(crate) fn add_subject(&self, subject: &str, sequence: u64) -> Result<()> {
        let sql = "INSERT INTO subjects (subject, sequence) VALUES (?1, ?2)";
        self.0.prepare_cached(sql)?.execute(params![subject, signed(sequence)?]).map(drop)
    }

    /// A worker's last status.
    pub(crate) fn put_status(&self, chain: i64, worker: WorkerName, at: Timestamp, json: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO statuses (chain, worker, at, json) VALUES (?1, ?2, ?3, ?4)";
        let row = params![chain, worker.as_str(), at.as_millisecond(), json];
        self.0.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// Writes a refusal down; `false` if it is there already.
    pub(crate) fn add_refusal(&self, chain: i64, refusal: &Refusal) -> Result<bool> {
        let sql = "INSERT INTO refusals (chain, worker, subject, about, rule, seen, bound, slot, at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
        let row = params![
            chain,
            refusal.worker.as_str(),
            refusal.subject,
            subjects::about(&refusal.subject),
            refusal.rule,
            refusal.seen,
            refusal.bound,
            refusal.slot.map(|slot| signed(slot.0)).transpose()?,
            refusal.at.as_millisecond(),
        ];
        self.0.prepare_cached(sql)?.execute(row).map(|added| added > 0)
    }

    /// Counts rows that were added, or with a negative number removed.
    pub(crate) fn count(&self, what: &str, more: i64) -> Result<()> {
        let sql = "INSERT INTO counts (what, number) VALUES (?1, ?2)
                   ON CONFLICT DO UPDATE SET number = number + excluded.number";
        self.0.prepare_cached(sql)?.execute(params![what, more]).map(drop)
    }

    pub(crate) fn interest(
        &self,
        chain: i64,
        worker: WorkerName,
        interest: &Interest,
    ) -> Result<Option<InterestRow>> {
        let sql = "SELECT interest, begins_after, reached_to FROM interests
                   WHERE chain = ?1 AND worker = ?2 AND name = ?3";
        let mut statement = self.0.prepare_cached(sql)?;
        let row = statement.query_row(params![chain, worker.as_str(), interest.as_str()], |row| {
            Ok(InterestRow {
                number: row.get(0)?,
                begins_after: Slot(unsigned(row.get(1)?)),
                reached_to: Slot(unsigned(row.get(2)?)),
            })
        });
        row.optional()
    }

    pub(crate) fn add_interest(
        &self,
        chain: i64,
        worker: WorkerName,
        interest: &Interest,
        coverage: &Coverage,
    ) -> Result<i64> {
        let sql = "INSERT INTO interests (chain, worker, name, begins_after, reached_to) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.0.prepare_cached(sql)?.insert(params![
            chain,
            worker.as_str(),
            interest.as_str(),
            signed(coverage.begins_after.0)?,
            signed(coverage.reached_to.0)?,
        ])
    }

    pub(crate) fn put_reached(&self, interest: i64, to: Slot) -> Result<()> {
        let sql = "UPDATE interests SET reached_to = ?2 WHERE interest = ?1";
        self.0.prepare_cached(sql)?.execute(params![interest, signed(to.0)?]).map(drop)
    }

    /// The stretches of an interest from the one with this slot in it on, up to but without the one that begins at
    /// `before`.
    pub(crate) fn stretches(&self, interest: i64, from: Slot, before: Option<Slot>) -> Result<Vec<Stretch>> {
        let sql = "SELECT from_slot, to_slot, how, reason, since FROM spans
                   WHERE interest = ?1 AND from_slot < ?3 AND from_slot >= coalesce(
                       (SELECT max(from_slot) FROM spans WHERE interest = ?1 AND from_slot <= ?2), 0)
                   ORDER BY from_slot";
        let before = before.map_or(Ok(i64::MAX), |before| signed(before.0))?;
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params![interest, signed(from.0)?, before], |row| {
            Ok(Stretch { span: read::span(row, 0)?, since: read::time(row, 4)? })
        })?;
        rows.collect()
    }

    pub(crate) fn remove_stretch(&self, interest: i64, from: Slot) -> Result<()> {
        let sql = "DELETE FROM spans WHERE interest = ?1 AND from_slot = ?2";
        self.0.prepare_cached(sql)?.execute(params![interest, signed(from.0)?]).map(drop)
    }

    pub(crate) fn put_stretch(&self, interest: i64, stretch: &Stretch) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO spans (interest, from_slot, to_slot, how, reason, since)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Span { from, to, how } = &stretch.span;
        let reason = match how {
            How::Unproven(reason) => Some(reason),
            How::Live | How::Filled | How::Sampled => None,
        };
        let since = stretch.since.as_millisecond();
        let row = params![interest, signed(from.0)?, signed(to.0)?, how.as_str(), reason, since];
        self.0.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// How many slots of an interest are given up.
    pub(crate) fn unproven(&self, interest: i64) -> Result<u64> {
        read::unproven(&self.0, interest)
    }

    /// The event need not be looked at again. There may be none.
    pub(crate) fn settle(&self, chain: i64, sequence: u64) -> Result<()> {
        let Ok(sequence) = signed(sequence) else { return Ok(()) };
        let sql = "UPDATE events SET unsettled = NULL WHERE sequence = ?2 AND chain = ?1";
        self.0.prepare_cached(sql)?.execute(params![chain, sequence]).map(drop)
    }

    pub(crate) fn put_cursor(&self, consumer: &str, sequence: u64, at: Timestamp) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO cursors (consumer, sequence, seen_at) VALUES (?1, ?2, ?3)";
        let row = params![consumer, signed(sequence)?, at.as_millisecond()];
        self.0.prepare_cached(sql)?.execute(row).map(drop)
    }

    /// The consumers: name, cursor, and when they were last seen.
    pub(crate) fn cursors(&self) -> Result<Vec<(String, u64, Timestamp)>> {
        let mut statement = self.0.prepare_cached("SELECT consumer, sequence, seen_at FROM cursors")?;
        let rows =
            statement.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?), read::time(row, 2)?)))?;
        rows.collect()
    }

    pub(crate) fn remove_cursor(&self, consumer: &str) -> Result<()> {
        self.0.prepare_cached("DELETE FROM cursors WHERE consumer = ?1")?.execute([consumer]).map(drop)
    }

    /// The oldest events up to a sequence that need not be looked at again, statuses or all others.
    pub(crate) fn oldest_events(&self, statuses: bool, up_to: u64, most: u64) -> Result<Vec<OldEvent>> {
        let sql = if statuses {
            "SELECT sequence, topic, at, json FROM events
             WHERE topic = 'workers:status' AND sequence <= ?1 ORDER BY sequence LIMIT ?2"
        } else {
            "SELECT sequence, topic, at, json FROM events
             WHERE topic <> 'workers:status' AND unsettled IS NULL AND sequence <= ?1 ORDER BY sequence LIMIT ?2"
        };
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params![signed(up_to)?, signed(most)?], |row| {
            Ok(OldEvent {
                sequence: unsigned(row.get(0)?),
                topic: row.get(1)?,
                at: read::time(row, 2)?,
                json: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    pub(crate) fn remove_event(&self, sequence: u64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM events WHERE sequence = ?1")?
            .execute([signed(sequence)?])
            .map(drop)
    }

    pub(crate) fn remove_subject(&self, subject: &str, sequence: u64) -> Result<()> {
        let sql = "DELETE FROM subjects WHERE subject = ?1 AND sequence = ?2";
        self.0.prepare_cached(sql)?.execute(params![subject, signed(sequence)?]).map(drop)
    }

    /// The oldest refusals: their numbers, and when they were made.
    pub(crate) fn oldest_refusals(&self, most: u64) -> Result<Vec<(i64, Timestamp)>> {
        let sql = "SELECT refusal, at FROM refusals ORDER BY refusal LIMIT ?1";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([signed(most)?], |row| Ok((row.get(0)?, read::time(row, 1)?)))?;
        rows.collect()
    }

    pub(crate) fn remove_refusal(&self, number: i64) -> Result<()> {
        self.0.prepare_cached("DELETE FROM refusals WHERE refusal = ?1")?.execute([number]).map(drop)
    }

    /// Removes up to `most` stretches that are complete and began before then, but never an interest's last one.
    /// Returns how many there were.
    pub(crate) fn remove_complete_stretches(&self, before: Timestamp, most: u64) -> Result<u64> {
        let sql = "DELETE FROM spans WHERE (interest, from_slot) IN (
                       SELECT interest, from_slot FROM spans JOIN interests USING (interest)
                       WHERE since < ?1 AND how IN ('live', 'filled') AND to_slot < reached_to LIMIT ?2)";
        let removed = self.0.prepare_cached(sql)?.execute(params![before.as_millisecond(), signed(most)?])?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    /// How many rows there are of each kind.
    pub(crate) fn counts(&self) -> Result<BTreeMap<String, u64>> {
        read::counts(&self.0)
    }
}
