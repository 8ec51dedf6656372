//! Who wants what: the interests of all workers united, and every fact handed to everyone who asked for it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eda_events::{
    Address, Signature,
    mailbox::{InputStats, LatestPost, Post},
};

use super::{
    fact::{AccountFact, TransactionFact},
    interest::{Interest, LogHint, Traffic},
    recent::Recent,
};

/// So many delivered transactions are remembered.
const DELIVERED: usize = 65_536;

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
    /// A change of the way transactions are read must hand none out twice.
    delivered: Recent<Signature>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Handed to everyone who asked.
    Now,
    /// Handed out earlier, and not again.
    Before,
    /// Nobody asked for any of its keys.
    Unwanted,
}

#[derive(Debug)]
struct Entry {
    /// Whose it is.
    reader: String,
    accounts: BTreeSet<Address>,
    mentions: BTreeMap<Address, (Traffic, LogHint)>,
    transactions: Post<TransactionFact>,
    states: LatestPost<Address, AccountFact>,
}

/// One followed account: who wants it, and the newest fact about it.
#[derive(Debug, Default)]
struct Account {
    watches: BTreeSet<WatchId>,
    newest: Option<AccountFact>,
}

/// The union of all interests, by which the followers are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) accounts: BTreeSet<Address>,
    pub(super) selected: BTreeSet<Address>,
    pub(super) whole_chain: BTreeSet<Address>,
}

// === impl Wanted ===

impl Wanted {
    /// Adds one interest to the union.
    pub(super) fn add(&mut self, interest: &Interest) {
        match interest {
            Interest::Account(address) => {
                self.accounts.insert(*address);
            }
            Interest::Transactions { mention, traffic, .. } => self.add_mention(*mention, *traffic),
        }
    }

    fn add_mention(&mut self, mention: Address, traffic: Traffic) {
        match traffic {
            Traffic::WholeChain => {
                self.selected.remove(&mention);
                self.whole_chain.insert(mention);
            }
            Traffic::Selected if !self.whole_chain.contains(&mention) => {
                self.selected.insert(mention);
            }
            Traffic::Selected => {}
        }
    }
}

// === impl Registry ===

impl Default for Registry {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: 0,
            watches: BTreeMap::new(),
            accounts: HashMap::new(),
            mentions: HashMap::new(),
            delivered: Recent::new(DELIVERED),
        }))
    }
}

impl Registry {
    /// Adds a watch. Accounts that are followed already hand it their newest state at once.
    pub(super) fn add(
        &self,
        reader: &str,
        interests: &[Interest],
        transactions: Post<TransactionFact>,
        states: LatestPost<Address, AccountFact>,
    ) -> WatchId {
        let mut state = self.lock();
        let id = WatchId(state.next);
        state.next += 1;
        let (accounts, mentions) = (BTreeSet::new(), BTreeMap::new());
        let mut entry = Entry { reader: reader.to_owned(), accounts, mentions, transactions, states };
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
    pub(super) fn wanted(&self) -> Wanted {
        let state = self.lock();
        let accounts = state.accounts.iter().filter(|(_, account)| !account.watches.is_empty());
        let mut wanted =
            Wanted { accounts: accounts.map(|(address, _)| *address).collect(), ..Wanted::default() };
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
    pub(super) fn wants(&self, reader: &str) -> (BTreeSet<Address>, BTreeSet<Address>) {
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

    /// Hands a transaction to everyone who asked for one of its keys, unless that happened before.
    pub(super) fn transaction(&self, fact: &TransactionFact) -> Delivered {
        let mut state = self.lock();
        let takers: BTreeSet<WatchId> = fact
            .transaction
            .keys()
            .iter()
            .filter_map(|key| state.mentions.get(key))
            .flatten()
            .copied()
            .collect();
        if takers.is_empty() {
            return Delivered::Unwanted;
        }
        if !state.delivered.insert(fact.transaction.signature()) {
            return Delivered::Before;
        }
        for entry in takers.iter().filter_map(|id| state.watches.get(id)) {
            entry.transactions.post(fact.clone());
        }
        Delivered::Now
    }

    /// Tells everyone who asked for one of `mentions` (or for any transactions, where `None`) that transactions
    /// are missing here.
    pub(super) fn gap(&self, mentions: Option<&Address>, missed: u64) {
        let state = self.lock();
        for entry in state.watches.values() {
            let concerned = match mentions {
                Some(address) => entry.mentions.contains_key(address),
                None => !entry.mentions.is_empty(),
            };
            if concerned {
                entry.transactions.gap(missed);
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
