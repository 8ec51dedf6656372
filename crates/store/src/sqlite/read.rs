use std::collections::BTreeMap;

use eda_events::{
    Genesis, Refusal, Slot, WorkerName,
    log::{How, Interest, Span},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::{Result, signed, unsigned};
use crate::{
    commit::InterestKey,
    reader::{Covered, Reached},
};

/// An event as it is kept.
#[derive(Debug)]
pub(crate) struct EventRow {
    pub(crate) sequence: u64,
    pub(crate) genesis: Genesis,
    pub(crate) topic: String,
    pub(crate) json: String,
}

/// A refusal as it is kept.
#[derive(Debug)]
pub(crate) struct RefusalRow {
    pub(crate) number: i64,
    pub(crate) genesis: Genesis,
    pub(crate) refusal: Refusal,
}

/// The last sequence that was ever given out. Events that were known already have been given some, too.
pub(crate) fn head(connection: &Connection) -> Result<u64> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let head: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    Ok(head.map_or(0, unsigned))
}

/// The number of the last batch that was committed.
pub(crate) fn last_batch(connection: &Connection) -> Result<u64> {
    connection.prepare_cached("SELECT last FROM batches")?.query_row([], |row| row.get(0)).map(unsigned)
}

pub(crate) fn counts(connection: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut statement = connection.prepare_cached("SELECT what, number FROM counts")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    rows.collect()
}

pub(crate) fn cursors(connection: &Connection) -> Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached("SELECT consumer, sequence FROM cursors")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    rows.collect()
}

/// The events that follow on a sequence, of all topics.
pub(crate) fn events_after(connection: &Connection, sequence: u64, most: usize) -> Result<Vec<EventRow>> {
    let sql = "SELECT sequence, genesis, topic, json FROM events JOIN chains USING (chain)
               WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![signed(sequence)?, most], event)?;
    rows.collect()
}

/// How far each interest has come.
pub(crate) fn reached(connection: &Connection) -> Result<Vec<(InterestKey, Reached)>> {
    let sql = "SELECT genesis, worker, name, begins_after, reached_to, interest
               FROM interests JOIN chains USING (chain)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let key = (genesis(row, 0)?, worker(row, 1)?, interest(row, 2)?);
        let unproven = unproven(connection, row.get(5)?)?;
        Ok((key, Reached { begins_after: slot(row, 3)?, to: slot(row, 4)?, unproven }))
    })?;
    rows.collect()
}

/// How many slots of an interest are given up.
pub(crate) fn unproven(connection: &Connection, interest: i64) -> Result<u64> {
    let sql = "SELECT coalesce(sum(to_slot - from_slot + 1), 0) FROM spans
               WHERE interest = ?1 AND how = 'unproven'";
    connection.prepare_cached(sql)?.query_row([interest], |row| row.get(0)).map(unsigned)
}

/// The chains of which some interest is kept.
pub(crate) fn chains(connection: &Connection) -> Result<Vec<Genesis>> {
    let sql = "SELECT DISTINCT genesis FROM chains JOIN interests USING (chain) ORDER BY genesis";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok(Genesis::from(row.get::<_, String>(0)?.as_str())))?;
    rows.collect()
}

/// How slots became known, in order of worker, interest and slot; of one worker or all, given up or all.
pub(crate) fn spans(
    connection: &Connection,
    genesis: &Genesis,
    worker_name: Option<WorkerName>,
    only_holes: bool,
) -> Result<Vec<Covered>> {
    let sql = "SELECT worker, name, from_slot, to_slot, how, reason, since
               FROM spans JOIN interests USING (interest) JOIN chains USING (chain)
               WHERE genesis = ?1 AND worker = coalesce(?2, worker)";
    let sql = if only_holes { format!("{sql} AND how = 'unproven'") } else { sql.to_owned() };
    let mut statement = connection.prepare_cached(&format!("{sql} ORDER BY worker, name, from_slot"))?;
    let rows =
        statement.query_map(params![genesis.as_str(), worker_name.map(WorkerName::as_str)], |row| {
            Ok(Covered {
                worker: worker(row, 0)?,
                interest: interest(row, 1)?,
                span: span(row, 2)?,
                since: time(row, 6)?,
            })
        })?;
    rows.collect()
}

/// Events whose transaction has to be looked at again, with slot and signature, in order of slot.
pub(crate) fn unsettled(
    connection: &Connection,
    genesis: &Genesis,
    up_to: Slot,
    most: usize,
) -> Result<Vec<(EventRow, Slot, String)>> {
    let sql = "SELECT sequence, genesis, topic, json, slot, unsettled FROM events JOIN chains USING (chain)
               WHERE genesis = ?1 AND slot <= ?2 AND unsettled IS NOT NULL ORDER BY slot, sequence LIMIT ?3";
    let up_to = i64::try_from(up_to.0).unwrap_or(i64::MAX);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![genesis.as_str(), up_to, most], |row| {
        Ok((event(row)?, slot(row, 4)?, row.get(5)?))
    })?;
    rows.collect()
}

/// The newest events with this id or this subject.
pub(crate) fn events_about(connection: &Connection, text: &str, most: usize) -> Result<Vec<EventRow>> {
    let sql = "SELECT sequence, genesis, topic, json FROM events JOIN chains USING (chain)
               WHERE sequence IN (SELECT sequence FROM events WHERE id = ?1
                                  UNION SELECT sequence FROM subjects WHERE subject = ?1)
               ORDER BY sequence DESC LIMIT ?2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![text, most], event)?;
    rows.collect()
}

/// The newest refusals of this subject, or about what this names.
pub(crate) fn refusals_about(connection: &Connection, text: &str, most: usize) -> Result<Vec<RefusalRow>> {
    let sql = "SELECT genesis, worker, subject, rule, seen, bound, slot, at, refusal
               FROM refusals JOIN chains USING (chain)
               WHERE refusal IN (SELECT refusal FROM refusals WHERE subject = ?1
                                 UNION SELECT refusal FROM refusals WHERE about = ?1)
               ORDER BY refusal DESC LIMIT ?2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![text, most], |row| {
        let refusal = Refusal {
            worker: worker(row, 1)?,
            subject: row.get(2)?,
            rule: row.get::<_, String>(3)?.into(),
            seen: row.get(4)?,
            bound: row.get(5)?,
            slot: row.get::<_, Option<i64>>(6)?.map(|slot| Slot(unsigned(slot))),
            at: time(row, 7)?,
        };
        Ok(RefusalRow { number: row.get(8)?, genesis: genesis(row, 0)?, refusal })
    })?;
    rows.collect()
}

/// The last status of each worker, as JSON.
pub(crate) fn statuses(connection: &Connection, genesis: &Genesis) -> Result<Vec<String>> {
    let sql = "SELECT json FROM statuses JOIN chains USING (chain) WHERE genesis = ?1 ORDER BY worker";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([genesis.as_str()], |row| row.get(0))?;
    rows.collect()
}

// === columns ===

fn event(row: &Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        sequence: unsigned(row.get(0)?),
        genesis: genesis(row, 1)?,
        topic: row.get(2)?,
        json: row.get(3)?,
    })
}

fn genesis(row: &Row<'_>, column: usize) -> Result<Genesis> {
    row.get::<_, String>(column).map(|hash| Genesis::from(hash.as_str()))
}

fn interest(row: &Row<'_>, column: usize) -> Result<Interest> {
    row.get::<_, String>(column).map(Interest::named)
}

fn slot(row: &Row<'_>, column: usize) -> Result<Slot> {
    row.get(column).map(|slot| Slot(unsigned(slot)))
}

fn worker(row: &Row<'_>, column: usize) -> Result<WorkerName> {
    let name: String = row.get(column)?;
    name.parse().map_err(|unknown| nonsense(column, Type::Text, unknown))
}

pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    let at: i64 = row.get(column)?;
    Timestamp::from_millisecond(at).map_err(|error| nonsense(column, Type::Integer, error))
}

/// From the columns of first slot, last slot, how, and why.
pub(crate) fn span(row: &Row<'_>, column: usize) -> Result<Span> {
    let (from, to) = (slot(row, column)?, slot(row, column.saturating_add(1))?);
    let (how, reason) = (column.saturating_add(2), column.saturating_add(3));
    let known: String = row.get(how)?;
    let how = match known.as_str() {
        "live" => How::Live,
        "filled" => How::Filled,
        "sampled" => How::Sampled,
        "unproven" => How::Unproven(row.get::<_, Option<String>>(reason)?.unwrap_or_default()),
        _ => return Err(nonsense(how, Type::Text, UnknownHow(known))),
    };
    Ok(Span { from, to, how })
}

/// A word for how slots became known that this eda does not know.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no way in which slots become known")]
struct UnknownHow(String);

fn nonsense(
    column: usize,
    of: Type,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, of, Box::new(error))
}
