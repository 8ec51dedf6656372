//! What the feed counts, and the warnings that go with it. Each kind of warning is logged when it is new, then
//! only counted.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Mutex, MutexGuard, PoisonError},
};

use eda_chain::Unreadable;
use eda_events::{Signature, Slot};
use tracing::{debug, error, warn};

use super::{cursors::OVERLAP, registry::Delivered};
use crate::{calls::RequestError, request::Method};

/// How far the way is from where an earlier run stopped to where the chain was when this one began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Where whoever is furthest behind stood.
    pub from: Slot,
    /// Where whoever is furthest behind stands.
    pub at: Slot,
    /// Where the chain stood.
    pub to: Slot,
}

/// The feed's numbers since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedNumbers {
    /// The last slot whose block was handed out, where whole blocks are read.
    pub cursor: Option<Slot>,
    /// The highest slot announced.
    pub tip: Option<Slot>,
    /// What is left of the way from an earlier run to this one; absent once it is done.
    pub catch_up: Option<CatchUp>,
    /// Blocks handed out.
    pub blocks: u64,
    /// Transactions handed to at least one watch.
    pub transactions: u64,
    /// Transactions that came again and were not handed out again.
    pub transactions_again: u64,
    /// Facts not handed out because the endpoint contradicts itself.
    pub distrusted: u64,
    /// Log notifications received.
    pub log_notifications: u64,
    /// Transactions not fetched because they failed.
    pub ruled_out_failed: u64,
    /// Transactions not fetched because their logs rule them out.
    pub ruled_out_by_logs: u64,
    /// Transactions not fetched again because they were notified for another address too.
    pub shared_fetches: u64,
    /// Answers `null` for a transaction that was notified.
    pub not_yet_there: u64,
    /// Transactions that were notified and never found.
    pub missing: u64,
    /// Account states handed out.
    pub accounts: u64,
    /// Account states that were older than what is known.
    pub accounts_stale: u64,
    /// Account states that were read again and had not changed.
    pub accounts_unchanged: u64,
    /// Accounts read as snapshots.
    pub snapshots: u64,
    /// Accounts read in sweeps, since the WebSocket has no room for them.
    pub swept: u64,
    /// The requests that took.
    pub sweeps: u64,
    /// Followed subscriptions that were interrupted.
    pub interruptions: u64,
    /// Items that did not fit into a queue.
    pub missed: u64,
    /// Slots whose content could not be proven and is still missing, added up over addresses and watches.
    pub slots_unproven: u64,
    /// Slots that had to be named as missing since the start.
    pub slots_given_up: u64,
    /// Times that the transactions of an address were listed, to close a gap or to compare.
    pub listings: u64,
    /// Transactions that a listing brought and no notification had.
    pub found_by_listing: u64,
    /// Times the confirmed chain did not follow on what was handed out.
    pub forks: u64,
    /// Transactions and blocks of a version the node would not send.
    pub unsupported_version: u64,
    /// Transactions that cannot be decoded.
    pub undecodable: u64,
    /// Notifications that are not of the expected shape, by kind.
    pub odd: BTreeMap<String, u64>,
    /// Reads that failed and were made again, by method and kind of failure.
    pub failed: BTreeMap<String, u64>,
    /// Subscriptions that are refused now, with the reason.
    pub rejected: BTreeMap<String, String>,
}

/// Where the followers count.
#[derive(Debug, Default)]
pub(super) struct FeedStats(Mutex<FeedNumbers>);

// === impl FeedStats ===

impl FeedStats {
    pub(super) fn numbers(&self) -> FeedNumbers {
        self.lock().clone()
    }

    pub(super) fn walked(&self, cursor: Slot, tip: Slot) {
        let mut numbers = self.lock();
        numbers.cursor = Some(cursor);
        numbers.tip = Some(tip);
    }

    /// Slots after `from` and up to `to` have to be read before everything is as it happens.
    pub(super) fn behind(&self, from: u64, to: u64) {
        let mut numbers = self.lock();
        let way = numbers.catch_up.map_or((from, to), |way| (from.min(way.from.0), to.max(way.to.0)));
        numbers.catch_up = Some(CatchUp { from: Slot(way.0), at: Slot(way.0), to: Slot(way.1) });
    }

    /// Everyone has come at least to this slot.
    pub(super) fn come_to(&self, slot: u64) {
        let mut numbers = self.lock();
        if let Some(way) = &mut numbers.catch_up {
            way.at = Slot(slot.max(way.at.0));
            // The last slots of an address that is listed are proven a little later.
            if way.at.0.saturating_add(OVERLAP) >= way.to.0 {
                numbers.catch_up = None;
            }
        }
    }

    /// Whole blocks are not read any more.
    pub(super) fn not_walking(&self) {
        self.lock().cursor = None;
    }

    /// The last slot whose block was handed out, while whole blocks are read.
    pub(super) fn cursor(&self) -> Option<u64> {
        self.lock().cursor.map(|slot| slot.0)
    }

    /// Transactions of a block handed out.
    pub(super) fn transactions(&self, transactions: usize) {
        self.lock().transactions += count(transactions);
    }

    pub(super) fn block(&self) {
        self.lock().blocks += 1;
    }

    pub(super) fn delivered(&self, delivered: Delivered) {
        match delivered {
            Delivered::Now => self.lock().transactions += 1,
            Delivered::Before => self.lock().transactions_again += 1,
            Delivered::NoRoom => self.lock().missed += 1,
            Delivered::Unwanted => {}
        }
    }

    pub(super) fn distrusted(&self) {
        self.lock().distrusted += 1;
    }

    pub(super) fn log_notification(&self) {
        self.lock().log_notifications += 1;
    }

    pub(super) fn ruled_out_failed(&self) {
        self.lock().ruled_out_failed += 1;
    }

    pub(super) fn ruled_out_by_logs(&self) {
        self.lock().ruled_out_by_logs += 1;
    }

    pub(super) fn shared_fetch(&self) {
        self.lock().shared_fetches += 1;
    }

    pub(super) fn not_yet_there(&self) {
        self.lock().not_yet_there += 1;
    }

    pub(super) fn missing(&self, slot: Slot, signature: &Signature) {
        error!(%slot, %signature, "a notified transaction cannot be found");
        self.lock().missing += 1;
    }

    pub(super) fn account(&self, news: bool) {
        let mut numbers = self.lock();
        if news {
            numbers.accounts += 1;
        } else {
            numbers.accounts_stale += 1;
        }
    }

    pub(super) fn account_unchanged(&self) {
        self.lock().accounts_unchanged += 1;
    }

    pub(super) fn swept(&self, accounts: usize) {
        let mut numbers = self.lock();
        numbers.sweeps += 1;
        numbers.swept += u64::try_from(accounts).unwrap_or(u64::MAX);
    }

    pub(super) fn snapshot(&self, accounts: usize) {
        self.lock().snapshots += count(accounts);
    }

    pub(super) fn interrupted(&self) {
        self.lock().interruptions += 1;
    }

    pub(super) fn missed(&self, count: u64) {
        let mut numbers = self.lock();
        if numbers.missed == 0 {
            error!(count, "notifications did not fit into their queue and are missing");
        }
        numbers.missed += count;
    }

    pub(super) fn unproven(&self, slot: Slot, reason: &str) {
        error!(%slot, reason, "what happened in a slot cannot be read");
        self.lock().slots_given_up += 1;
    }

    /// How many slots are missing now.
    pub(super) fn holes(&self, slots: u64) {
        self.lock().slots_unproven = slots;
    }

    /// An address was listed, which brought so many transactions that nobody had.
    pub(super) fn listed(&self, found: usize) {
        let mut numbers = self.lock();
        numbers.listings += 1;
        numbers.found_by_listing += count(found);
    }

    pub(super) fn forked(&self, slot: Slot) {
        warn!(%slot, "a confirmed block does not follow on the last one");
        self.lock().forks += 1;
    }

    /// The node refuses what it calls too new a version: every such refusal hides something that happened.
    pub(super) fn unsupported_version(&self, what: &str, message: &str) {
        error!(
            what,
            message, "the chain holds a transaction version that this eda does not read; update eda"
        );
        self.lock().unsupported_version += 1;
    }

    pub(super) fn unreadable_transaction(&self, slot: Slot, unreadable: &Unreadable) {
        error!(%slot, index = unreadable.index, reason = %unreadable.error, "a transaction cannot be decoded");
        self.lock().undecodable += 1;
    }

    pub(super) fn undecodable(&self, signature: &Signature, reason: &dyn Display) {
        error!(%signature, %reason, "a transaction cannot be decoded");
        self.lock().undecodable += 1;
    }

    pub(super) fn odd_notification(&self, kind: &str, reason: &dyn Display) {
        let mut numbers = self.lock();
        let count = numbers.odd.entry(kind.to_owned()).or_default();
        if *count == 0 {
            warn!(kind, %reason, "the node sent something of an unexpected shape; more of it is only counted");
        }
        *count += 1;
    }

    /// A subscription is refused, for now.
    pub(super) fn rejected(&self, what: &str, reason: &dyn Display) {
        let reason = reason.to_string();
        let mut numbers = self.lock();
        if numbers.rejected.get(what) != Some(&reason) {
            error!(
                subscription = what,
                reason, "a subscription is refused; it is asked for again every minute"
            );
            numbers.rejected.insert(what.to_owned(), reason);
        }
    }

    /// A subscription is served, whatever was said of it before.
    pub(super) fn accepted(&self, what: &str) {
        self.lock().rejected.remove(what);
    }

    /// A read failed and is made again.
    pub(super) fn failed(&self, method: &Method, error: &RequestError) {
        let mut numbers = self.lock();
        let count = numbers.failed.entry(format!("{method}: {}", error.kind())).or_default();
        *count += 1;
        if *count == 1 {
            warn!(%method, %error, "a read failed and is made again; more failures of this kind are only counted");
        } else {
            debug!(%method, %error, "a read failed and is made again");
        }
    }

    /// Nothing panics under this lock; were it to happen, every number would still be one.
    fn lock(&self) -> MutexGuard<'_, FeedNumbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
