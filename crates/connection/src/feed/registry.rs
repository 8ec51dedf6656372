//! Who wants what: the interests of all workers united, and every fact handed to everyone who asked for it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eda_chain::{Block, Transaction};
use eda_events::{
    Address, Commitment, Genesis, Signature, Slot, WorkerName,
    log::{How, Progress, Span},
    mailbox::{InputStats, LatestPost, Post},
};

use super::{
    cursors::{Cursors, Due},
    fact::{AccountFact, Fed, Proof, TransactionFact},
    holes::Hole,
    interest::{Interest, LogHint, Traffic},
    plan::Demand,
};

/// Names one watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WatchId(u64);

/// The interests of all watches.
#[derive(Debug)]
pub(super) struct Registry(Mutex<State>);

#[derive(Debug)]
struct State {
    next: u64,
    watches: BTreeMap<WatchId, Entry>,
    accounts: HashMap<Address, Account>,
    mentions: HashMap<Address, BTreeSet<WatchId>>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Handed to everyone who asked.
    Now,
    /// Handed out earlier, and not again.
    Before,
    /// Somebody who asked for it has no room; it has to be found again.
    NoRoom,
    /// Nobody asked for any of its keys.
    Unwanted,
}

/// What happened in a slot, ready to be handed out to whoever comes to it next.
#[derive(Clone, Debug)]
pub(super) struct Handout {
    pub(super) slot: u64,
    pub(super) parent: u64,
    /// `None` where it cannot be read.
    pub(super) block: Option<Arc<Block>>,
    /// How it became known; unproven where the block, or a part of it, cannot be read.
    pub(super) how: How,
}

/// Stretches of slots that cannot be had, by their last slot: the first one, and why.
pub(super) type Missing = BTreeMap<u64, (u64, String)>;

/// What is said of every fact of a chain.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) genesis: Genesis,
    pub(super) commitment: Commitment,
}

/// What became of a block.
#[derive(Debug, Default)]
pub(super) struct HandedOut {
    /// Transactions handed to at least one watch.
    pub(super) transactions: usize,
    /// The places where something is missing, for each watch that is concerned.
    pub(super) holes: Vec<Hole>,
}

#[derive(Debug)]
struct Entry {
    /// Whose it is.
    reader: WorkerName,
    accounts: BTreeSet<Address>,
    mentions: BTreeMap<Address, (Traffic, LogHint)>,
    cursors: Cursors,
    transactions: Post<Fed>,
    states: LatestPost<Address, AccountFact>,
}

/// One followed account: who wants it, and the newest fact about it.
#[derive(Debug, Default)]
struct Account {
    watches: BTreeSet<WatchId>,
    newest: Option<AccountFact>,
}

// === impl Registry ===

impl Default for Registry {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: 0,
            watches: BTreeMap::new(),
            accounts: HashMap::new(),
            mentions: HashMap::new(),
        }))
    }
}

impl Registry {
    /// Adds a watch. Accounts that are followed already hand it their newest state at once.
    pub(super) fn add(
        &self,
        reader: WorkerName,
        interests: &[Interest],
        transactions: Post<Fed>,
        states: LatestPost<Address, AccountFact>,
    ) -> WatchId {
        let mut state = self.lock();
        let id = WatchId(state.next);
        state.next += 1;
        let (accounts, mentions) = (BTreeSet::new(), BTreeMap::new());
        let cursors = Cursors::default();
        let mut entry = Entry { reader, accounts, mentions, cursors, transactions, states };
        for interest in interests {
            match interest {
                Interest::Account(address) => {
                    entry.accounts.insert(*address);
                    let account = state.accounts.entry(*address).or_default();
                    account.watches.insert(id);
                    if let Some(newest) = &account.newest {
                        entry.states.replace(*address, newest.clone());
                    }
                }
                Interest::Transactions { mention, traffic, hint } => {
                    entry.mentions.insert(*mention, (*traffic, *hint));
                    state.mentions.entry(*mention).or_default().insert(id);
                }
            }
        }
        state.watches.insert(id, entry);
        id
    }

    /// Takes a watch away; what nobody else wants is no longer [wanted](Self::wanted).
    pub(super) fn remove(&self, id: WatchId) {
        let mut state = self.lock();
        let Some(entry) = state.watches.remove(&id) else { return };
        for address in &entry.accounts {
            // Its newest state is kept as long as it is followed: whoever asks before the follower has ended would
            // get no other.
            if let Some(account) = state.accounts.get_mut(address) {
                account.watches.remove(&id);
            }
        }
        for mention in entry.mentions.keys() {
            if let Some(watches) = state.mentions.get_mut(mention) {
                watches.remove(&id);
                if watches.is_empty() {
                    state.mentions.remove(mention);
                }
            }
        }
    }

    /// What all watches together want.
    pub(super) fn wanted(&self) -> Demand {
        let state = self.lock();
        let accounts = state.accounts.iter().filter(|(_, account)| !account.watches.is_empty());
        let mut wanted =
            Demand { accounts: accounts.map(|(address, _)| *address).collect(), ..Demand::default() };
        for (address, (traffic, _)) in state.watches.values().flat_map(|entry| &entry.mentions) {
            wanted.add_mention(*address, *traffic);
        }
        wanted
    }

    /// Whether anyone wants the account now.
    pub(super) fn follows(&self, address: &Address) -> bool {
        self.lock().accounts.get(address).is_some_and(|account| !account.watches.is_empty())
    }

    /// The account is no longer followed, so that its newest state grows old.
    pub(super) fn unfollowed(&self, address: &Address) {
        let mut state = self.lock();
        if let Some(account) = state.accounts.get_mut(address) {
            account.newest = None;
            if account.watches.is_empty() {
                state.accounts.remove(address);
            }
        }
    }

    /// The accounts a reader follows, and the addresses whose transactions it follows.
    pub(super) fn wants(&self, reader: WorkerName) -> (BTreeSet<Address>, BTreeSet<Address>) {
        let state = self.lock();
        let entries = || state.watches.values().filter(|entry| entry.reader == reader);
        (
            entries().flat_map(|entry| entry.accounts.iter().copied()).collect(),
            entries().flat_map(|entry| entry.mentions.keys().copied()).collect(),
        )
    }

    /// Whether a transaction with these logs can matter to anyone who asked for one of these addresses.
    pub(super) fn may_matter(&self, mentioned: &Address, logs: &[String]) -> bool {
        let state = self.lock();
        state.mentions.get(mentioned).into_iter().flatten().any(|id| {
            state
                .watches
                .get(id)
                .and_then(|entry| entry.mentions.get(mentioned))
                .is_some_and(|(_, hint)| hint.may_matter(logs))
        })
    }

    /// An address of a watch begins, or goes on from an earlier run. Nothing is handed out for it before. Tells the
    /// reader first where it begins, so that this is kept before anything about it.
    pub(super) fn begin(&self, genesis: &Genesis, id: WatchId, mention: Address, after: Slot, reached: Slot) {
        let mut state = self.lock();
        let Some(entry) = state.watches.get_mut(&id) else { return };
        let proof = Proof {
            genesis: genesis.clone(),
            mentions: Arc::new([mention]),
            progress: Progress::Begins { after },
        };
        entry.transactions.post(Fed::Proof(proof));
        entry.cursors.begin(mention, after.0, reached.0);
    }

    /// Slots of an address are not asked for although they are wanted: they are named as missing, and passed.
    pub(super) fn give_up(&self, genesis: &Genesis, id: WatchId, mention: Address, to: Slot, reason: &str) {
        let mut state = self.lock();
        let Some(entry) = state.watches.get_mut(&id) else { return };
        let Some(from) = entry.cursors.reached(&mention).map(|reached| reached + 1) else { return };
        let span = Span { from: Slot(from), to, how: How::Unproven(reason.to_owned()) };
        let proof = Proof {
            genesis: genesis.clone(),
            mentions: Arc::new([mention]),
            progress: Progress::Reached(span),
        };
        if entry.transactions.post_all(vec![Fed::Proof(proof)], |_, proof| Some(proof)) {
            entry.cursors.advance([mention], to.0);
        }
    }

    /// The slot after which the next block is wanted: the lowest that any address has reached. `None` while nobody
    /// has begun.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.lock().watches.values().filter_map(|entry| entry.cursors.lowest()).min()
    }

    /// As [`lowest`](Self::lowest), of those that lie before `slot` and have room.
    pub(super) fn lowest_behind(&self, slot: u64) -> Option<u64> {
        let state = self.lock();
        let ready = state.watches.values().filter(|entry| entry.transactions.has_room());
        ready.filter_map(|entry| entry.cursors.lowest()).filter(|reached| *reached < slot).min()
    }

    /// How far an address was reached for the watch that is furthest behind; `None` while it has not begun.
    pub(super) fn reached(&self, mention: &Address) -> Option<u64> {
        let state = self.lock();
        let watches = state.mentions.get(mention)?.iter().filter_map(|id| state.watches.get(id));
        watches.filter_map(|entry| entry.cursors.reached(mention)).min()
    }

    /// Whether an earlier run followed the address for some watch, or nobody can tell yet.
    pub(super) fn goes_on(&self, mention: &Address) -> bool {
        let state = self.lock();
        let mut watches =
            state.mentions.get(mention).into_iter().flatten().filter_map(|id| state.watches.get(id));
        watches.any(|entry| entry.cursors.goes_on(mention))
    }

    /// Hands a block to every watch whose next one it is. A watch without room for all of it gets none of it, and
    /// stays where it is.
    pub(super) fn block(&self, origin: &Origin, block: &Handout) -> HandedOut {
        let mut state = self.lock();
        let State { watches, mentions, .. } = &mut *state;
        let mut due: BTreeMap<WatchId, (Vec<Due>, Vec<Fed>)> = watches
            .iter()
            .map(|(id, entry)| (*id, (entry.cursors.due(block.parent, block.slot), Vec::new())))
            .filter(|(_, (due, _))| !due.is_empty())
            .collect();
        let mut out = HandedOut::default();
        if due.is_empty() {
            return out;
        }
        for transaction in block.block.iter().flat_map(|block| &block.transactions) {
            let mut taken = false;
            for id in takers(mentions, transaction) {
                let (Some((due, fed)), Some(entry)) = (due.get_mut(&id), watches.get(&id)) else { continue };
                let concerned = due.iter().any(|due| transaction.keys().contains(&due.mention));
                if concerned && !entry.cursors.was_handed(block.slot, &transaction.signature()) {
                    taken = true;
                    fed.push(Fed::Transaction(origin.fact(transaction, &block.how, true)));
                }
            }
            out.transactions += usize::from(taken);
        }
        for (id, (due, mut fed)) in due {
            let Some(entry) = watches.get_mut(&id) else { continue };
            let mut from: BTreeMap<u64, Vec<Address>> = BTreeMap::new();
            for due in &due {
                from.entry(due.from).or_default().push(due.mention);
            }
            for (from, mentions) in &from {
                let span = Span { from: Slot(*from), to: Slot(block.slot), how: block.how.clone() };
                fed.push(Fed::Proof(origin.proof(mentions, Progress::Reached(span))));
            }
            if !entry.transactions.post_all(fed, absorb) {
                continue;
            }
            entry.cursors.advance(due.iter().map(|due| due.mention), block.slot);
            if matches!(block.how, How::Unproven(_)) {
                let hole = |due: Due| Hole::new(id, due.mention, due.from, block.slot);
                out.holes.extend(due.into_iter().map(hole));
            }
        }
        out
    }

    /// What was handed out before may not have happened.
    pub(super) fn forked(&self) {
        let state = self.lock();
        for entry in state.watches.values().filter(|entry| !entry.mentions.is_empty()) {
            entry.transactions.post(Fed::Forked);
        }
    }

    /// Hands a transaction that was notified or listed to everyone who asked for one of its keys, unless that happened
    /// before.
    pub(super) fn transaction(
        &self,
        origin: &Origin,
        transaction: &Arc<Transaction>,
        how: &How,
    ) -> Delivered {
        let mut state = self.lock();
        let State { watches, mentions, .. } = &mut *state;
        let (slot, signature) = (transaction.slot().0, transaction.signature());
        let mut delivered = Delivered::Unwanted;
        for id in takers(mentions, transaction) {
            let Some(entry) = watches.get_mut(&id) else { continue };
            if !entry.cursors.lacks(transaction.keys(), slot, &signature) {
                if delivered == Delivered::Unwanted {
                    delivered = Delivered::Before;
                }
                continue;
            }
            let fed = vec![Fed::Transaction(origin.fact(transaction, how, false))];
            if entry.transactions.post_all(fed, |_, fed| Some(fed)) {
                entry.cursors.handed(slot, signature);
                if delivered != Delivered::NoRoom {
                    delivered = Delivered::Now;
                }
            } else {
                entry.cursors.dropped(transaction.keys(), slot);
                delivered = Delivered::NoRoom;
            }
        }
        delivered
    }

    /// Whether a transaction that mentions the address is still to be handed to somebody.
    pub(super) fn lacks(&self, mention: &Address, slot: u64, signature: &Signature) -> bool {
        let state = self.lock();
        let mut watches =
            state.mentions.get(mention).into_iter().flatten().filter_map(|id| state.watches.get(id));
        watches.any(|entry| entry.cursors.lacks([mention], slot, signature))
    }

    /// The transaction is known not to matter to whoever asked for the address.
    pub(super) fn ruled_out(&self, mention: &Address, slot: u64, signature: Signature) {
        self.each_of(mention, |_, entry| {
            if entry.cursors.lacks([mention], slot, &signature) {
                entry.cursors.handed(slot, signature);
            }
        });
    }

    /// Everything about the address is about to be listed.
    pub(super) fn list_begins(&self, mention: &Address) {
        self.each_of(mention, |_, entry| entry.cursors.list_begins(mention));
    }

    /// Everything about the address up to `to` was handed out, except what happened in the slots that are `missing`.
    /// Returns what that leaves open.
    pub(super) fn listed(
        &self,
        origin: &Origin,
        mention: &Address,
        to: u64,
        how: &How,
        missing: &Missing,
    ) -> Vec<Hole> {
        let mut holes = Vec::new();
        self.each_of(mention, |id, entry| {
            let Some((from, to)) = entry.cursors.may_reach(mention, to) else { return };
            let mut fed = Vec::new();
            let mut say = |from: u64, to: u64, how: How| {
                if from <= to {
                    let span = Span { from: Slot(from), to: Slot(to), how };
                    fed.push(Fed::Proof(origin.proof(&[*mention], Progress::Reached(span))));
                }
            };
            let mut next = from;
            let mut open = Vec::new();
            for (slot, (first, reason)) in missing.range(from..=to) {
                let first = (*first).max(next);
                say(next, first.saturating_sub(1), how.clone());
                say(first, *slot, How::Unproven(reason.clone()));
                open.push(Hole::new(id, *mention, first, *slot));
                next = slot + 1;
            }
            say(next, to, how.clone());
            if entry.transactions.post_all(fed, absorb) {
                entry.cursors.advance([*mention], to);
                holes.extend(open);
            }
        });
        holes
    }

    /// What was missing has been read after all. Returns whether the watch has taken it; one that is gone has.
    pub(super) fn mended(&self, origin: &Origin, hole: &Hole, transactions: &[Arc<Transaction>]) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.watches.get_mut(&hole.watch) else { return true };
        let wanted = transactions.iter().filter(|transaction| {
            transaction.keys().contains(&hole.mention)
                && !entry.cursors.was_handed(transaction.slot().0, &transaction.signature())
        });
        let mut fed: Vec<Fed> = wanted
            .map(|transaction| Fed::Transaction(origin.fact(transaction, &How::Filled, false)))
            .collect();
        let span = Span { from: Slot(hole.from), to: Slot(hole.to), how: How::Filled };
        fed.push(Fed::Proof(origin.proof(&[hole.mention], Progress::Mended(span))));
        entry.transactions.post_all(fed, |_, fed| Some(fed))
    }

    fn each_of(&self, mention: &Address, mut act: impl FnMut(WatchId, &mut Entry)) {
        let mut state = self.lock();
        let State { watches, mentions, .. } = &mut *state;
        for id in mentions.get(mention).into_iter().flatten() {
            if let Some(entry) = watches.get_mut(id) {
                act(*id, entry);
            }
        }
    }

    /// Hands an account's state to everyone who asked for it, unless something newer is known. Returns whether
    /// it was news.
    pub(super) fn account(&self, fact: AccountFact) -> bool {
        let mut state = self.lock();
        let State { accounts, watches, .. } = &mut *state;
        let Some(account) = accounts.get_mut(&fact.address) else { return false };
        if account.newest.as_ref().is_some_and(|newest| is_stale(&fact, newest)) {
            return false;
        }
        account.newest = Some(fact.clone());
        for entry in account.watches.iter().filter_map(|id| watches.get(id)) {
            entry.states.replace(fact.address, fact.clone());
        }
        !account.watches.is_empty()
    }

    /// Whether an account was only read again and is as it was told before, which is news to nobody. From then on what was
    /// different before that slot is old.
    pub(super) fn unchanged(&self, fact: &AccountFact) -> bool {
        let mut state = self.lock();
        let newest = state.accounts.get_mut(&fact.address).and_then(|account| account.newest.as_mut());
        let Some(newest) = newest else { return false };
        let unchanged = fact.snapshot && fact.slot >= newest.slot && same_content(fact, newest);
        if unchanged {
            newest.slot = fact.slot;
        }
        unchanged
    }

    /// The numbers of every transaction queue.
    pub(super) fn queues(&self) -> Vec<InputStats> {
        self.lock().watches.values().map(|entry| entry.transactions.stats()).collect()
    }

    /// No more facts will come: readers drain what waits.
    pub(super) fn close(&self) {
        let state = self.lock();
        for entry in state.watches.values() {
            entry.transactions.close();
            entry.states.close();
        }
    }

    /// Nothing panics under this lock; were it to happen, every map would still be whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watches that asked for one of a transaction's keys.
fn takers(mentions: &HashMap<Address, BTreeSet<WatchId>>, transaction: &Transaction) -> BTreeSet<WatchId> {
    transaction.keys().iter().filter_map(|key| mentions.get(key)).flatten().copied().collect()
}

/// Progress that follows on progress is one.
fn absorb(last: &mut Fed, next: Fed) -> Option<Fed> {
    match (last, next) {
        (Fed::Proof(last), Fed::Proof(next)) => last.absorb(next).map(Fed::Proof),
        (_, next) => Some(next),
    }
}

// === impl Origin ===

impl Origin {
    fn fact(&self, transaction: &Arc<Transaction>, how: &How, ordered: bool) -> TransactionFact {
        TransactionFact {
            transaction: Arc::clone(transaction),
            commitment: self.commitment,
            ordered,
            filled: matches!(how, How::Filled),
        }
    }

    fn proof(&self, mentions: &[Address], progress: Progress) -> Proof {
        Proof { genesis: self.genesis.clone(), mentions: mentions.into(), progress }
    }
}

/// A fact is stale when it is older, or when it repeats a known state of the same slot (a snapshot beside a
/// notification). Two notifications of one slot both count, in their order: the later one is the later state.
fn is_stale(fact: &AccountFact, newest: &AccountFact) -> bool {
    fact.slot < newest.slot || (fact.slot == newest.slot && (fact.snapshot || same_content(fact, newest)))
}

fn same_content(one: &AccountFact, other: &AccountFact) -> bool {
    match (&one.state, &other.state) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests;
