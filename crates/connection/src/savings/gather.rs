//! Reads of single accounts that are asked for within a few milliseconds become one `getMultipleAccounts`.
//!
//! Nobody owns a batch: the askers drive it together. Each is answered as soon as its own part is known, in the shape
//! in which its own method answers; what a merged read cannot tell for certain is asked for alone after all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eda_events::Address;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared, join, join_all},
};
use serde_json::Value;
use tokio::{
    sync::{Notify, oneshot},
    time::sleep,
};

use super::{
    Outcome,
    answer::{Accounts, Told, learn},
    crowd::{Asker, Crowd, FlightId, Place},
    mints::Mints,
    plan::{GET_MULTIPLE_ACCOUNTS, Planned, plan},
    read::{Group, Read, View, Want},
    stats::{Counts, Kind},
    wire::Wire,
};
use crate::{
    budget::Refused,
    calls::RequestError,
    http::{CallError, Reply},
    node_error,
    request::{Caller, Method},
};

/// Nodes take at most this many keys in one `getMultipleAccounts` (connection.md 2.7); some providers fewer.
const KEYS_PER_READ: usize = 100;

type Run = BoxFuture<'static, ()>;

/// The batches that still take reads in, and what it takes to make them.
#[derive(Debug)]
pub(super) struct Gather<W> {
    wire: Arc<W>,
    counts: Arc<Counts>,
    window: Duration,
    mints: Mints,
    /// Keys in one read, as far as the provider has taken them.
    most: AtomicUsize,
    open: Mutex<HashMap<Group, Open>>,
}

/// A batch that takes reads in.
#[derive(Debug)]
struct Open {
    batch: Arc<Batch>,
    run: WeakShared<Run>,
}

/// Reads that will be one.
#[derive(Debug)]
struct Batch {
    group: Group,
    crowd: Arc<Crowd>,
    /// `None` once it is being read.
    members: Mutex<Option<Vec<Member>>>,
    full: Notify,
}

/// One question in a batch.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) flight: FlightId,
    /// Who asked first, and how.
    pub(super) caller: Caller,
    pub(super) method: Method,
    params: Value,
    pub(super) address: Address,
    pub(super) want: Want,
    reply: oneshot::Sender<Outcome>,
}

/// Forgets a batch when it takes nothing in any more.
struct Entry<W> {
    gather: Arc<Gather<W>>,
    batch: Arc<Batch>,
}

// === impl Gather ===

impl<W: Wire> Gather<W> {
    /// Gathers reads for as long as `window` and sends them by `wire`.
    pub(super) fn new(wire: Arc<W>, counts: Arc<Counts>, window: Duration) -> Self {
        Self {
            wire,
            counts,
            window,
            mints: Mints::new(),
            most: AtomicUsize::new(KEYS_PER_READ),
            open: Mutex::default(),
        }
    }

    /// Takes a read in: where its asker waits, and the future that is its answer.
    pub(super) fn add(
        self: &Arc<Self>,
        read: Read,
        (method, params): (Method, Value),
        flight: FlightId,
        asker: Asker,
    ) -> (Place, Arc<Crowd>, BoxFuture<'static, Outcome>) {
        let group = Group { state: read.state, class: asker.class };
        let (reply, answer) = oneshot::channel();
        let caller = asker.caller;
        let member = Member { flight, caller, method, params, address: read.address, want: read.want, reply };
        // Let go of after the lock: if it is the last of its batch, that one's end takes the lock.
        let mut missed = None;
        let mut open = self.lock();
        let mut found = open.get(&group).and_then(|it| Some((Arc::clone(&it.batch), it.run.upgrade()?)));
        if let Some((batch, run)) = found.take() {
            let mut members = batch.members();
            if let Some(taken) = members.as_mut()
                && taken.len() < self.most.load(Ordering::Relaxed)
                && let Some(place) = batch.crowd.join(flight, asker)
            {
                taken.push(member);
                if taken.len() >= self.most.load(Ordering::Relaxed) {
                    batch.full.notify_one();
                }
                drop(members);
                return (place, Arc::clone(&batch.crowd), answered(answer, run).boxed());
            }
            drop(members);
            missed = Some(run);
        }
        let crowd = Arc::new(Crowd::default());
        let place = crowd.enter(flight, asker);
        let members = Mutex::new(Some(vec![member]));
        let batch = Arc::new(Batch { group, crowd: Arc::clone(&crowd), members, full: Notify::new() });
        let entry = Entry { gather: Arc::clone(self), batch: Arc::clone(&batch) };
        let run = entry.run().boxed().shared();
        if let Some(weak) = run.downgrade() {
            open.insert(group, Open { batch, run: weak });
        }
        drop(open);
        drop(missed);
        (place, crowd, answered(answer, run).boxed())
    }

    /// Batches that take reads in.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.lock().len()
    }

    /// Reads what was gathered.
    async fn read(&self, batch: &Batch, members: Vec<Member>) {
        let wanted = members.into_iter().filter(|member| batch.crowd.wants(member.flight)).collect();
        let cost = |method: &Method| self.wire.cost(method);
        let requests = plan(wanted, self.most.load(Ordering::Relaxed), cost);
        join_all(requests.into_iter().map(|planned| async move {
            match planned {
                Planned::Alone(member) => self.alone(batch, member).await,
                Planned::Together(view, members) => self.together(batch, view, members).await,
            }
        }))
        .await;
    }

    /// Asks one question as it was put.
    async fn alone(&self, batch: &Batch, member: Member) {
        let part = batch.crowd.part(vec![member.flight]);
        let outcome = self.wire.make(&member.method, &member.params, part).await;
        member.tell(outcome);
    }

    /// Asks several questions at once; in parts, if that is too much or one of them spoils it for the others.
    fn together<'a>(&'a self, batch: &'a Batch, view: View, members: Vec<Member>) -> BoxFuture<'a, ()> {
        async move {
            let keys = keys(members.iter().map(|member| member.address));
            let params = view.params(batch.group.state, &keys);
            let part = batch.crowd.part(members.iter().map(|member| member.flight).collect());
            let outcome = self.wire.make(&GET_MULTIPLE_ACCOUNTS, &params, part).await;
            match outcome {
                Ok(reply) => self.hand_out(batch, view, members, &keys, reply).await,
                // Their own methods may have limits of their own with room in them.
                Err(RequestError::Budget(
                    Refused::DeadlineUnmeetable { .. }
                    | Refused::QueueFull { .. }
                    | Refused::OverLimit { .. },
                )) => self.each_alone(batch, members).await,
                Err(error) if is_everyones(&error) => {
                    if matches!(error, RequestError::Call(_)) {
                        self.count_merged(&members);
                    }
                    for member in members {
                        member.tell(Err(error.clone()));
                    }
                }
                Err(error) => {
                    self.counts.extra(&GET_MULTIPLE_ACCOUNTS);
                    if error.node_error().is_some_and(|(code, _)| code == node_error::INVALID_PARAMS) {
                        // The keys are addresses: there are too many for this provider.
                        self.most.fetch_min((keys.len() / 2).max(1), Ordering::Relaxed);
                    }
                    self.in_halves(batch, view, members).await;
                }
            }
        }
        .boxed()
    }

    async fn each_alone(&self, batch: &Batch, members: Vec<Member>) {
        join_all(members.into_iter().map(|member| self.alone(batch, member))).await;
    }

    async fn in_halves(&self, batch: &Batch, view: View, mut members: Vec<Member>) {
        let others = members.split_off(members.len() / 2);
        let half = async |mut members: Vec<Member>| {
            if members.len() > 1 {
                self.together(batch, view, members).await;
            } else if let Some(member) = members.pop() {
                self.alone(batch, member).await;
            }
        };
        join(half(members), half(others)).await;
    }

    /// Tells everyone what the read says.
    async fn hand_out(
        &self,
        batch: &Batch,
        view: View,
        members: Vec<Member>,
        keys: &[Address],
        reply: Reply,
    ) {
        let Some(accounts) = Accounts::read(reply.result.get(), keys.len()) else {
            self.counts.extra(&GET_MULTIPLE_ACCOUNTS);
            self.each_alone(batch, members).await;
            return;
        };
        if view == View::WHOLE {
            for (address, account) in keys.iter().zip(&accounts.value) {
                learn(&self.mints, *address, account);
            }
        }
        self.count_merged(&members);
        let (mut by_mint, mut unclear) = (BTreeMap::<Address, Vec<Member>>::new(), Vec::new());
        // Bytes that travelled are counted at one of those for whom they did.
        let mut bytes = reply.bytes;
        for member in members {
            let Some(position) = keys.iter().position(|key| *key == member.address) else { continue };
            match accounts.tell(position, member.want, &reply, &self.mints) {
                Told::Answer(outcome) => {
                    member.tell(outcome.map(|reply| Reply { bytes: std::mem::take(&mut bytes), ..reply }))
                }
                Told::Mint(mint) => by_mint.entry(mint).or_default().push(member),
                Told::Nothing => unclear.push(member),
            }
        }
        if by_mint.is_empty() && unclear.is_empty() {
            return;
        }
        if !by_mint.is_empty() && !self.read_mints(batch, &by_mint).await {
            unclear.extend(std::mem::take(&mut by_mint).into_values().flatten());
        }
        for member in by_mint.into_values().flatten() {
            let position = keys.iter().position(|key| *key == member.address);
            match position.map(|position| accounts.tell(position, member.want, &reply, &self.mints)) {
                Some(Told::Answer(outcome)) => member.tell(outcome),
                Some(Told::Mint(_) | Told::Nothing) | None => unclear.push(member),
            }
        }
        for member in &unclear {
            self.counts.extra(&member.method);
        }
        self.each_alone(batch, unclear).await;
    }

    /// One request answered them all: the first would have made it anyway.
    fn count_merged(&self, members: &[Member]) {
        for member in members.iter().skip(1) {
            self.counts.saved(member.caller, &member.method, Kind::Merged);
        }
    }

    /// Reads mints whose decimals are needed and not known. Returns whether they could be read.
    async fn read_mints(&self, batch: &Batch, by_mint: &BTreeMap<Address, Vec<Member>>) -> bool {
        let mints: Vec<Address> = by_mint.keys().copied().collect();
        let flights = by_mint.values().flatten().map(|member| member.flight).collect();
        let params = View::WHOLE.params(batch.group.state, &mints);
        self.counts.extra(&GET_MULTIPLE_ACCOUNTS);
        let outcome = self.wire.make(&GET_MULTIPLE_ACCOUNTS, &params, batch.crowd.part(flights)).await;
        let Ok(reply) = outcome else { return false };
        let Some(accounts) = Accounts::read(reply.result.get(), mints.len()) else { return false };
        for (mint, account) in mints.iter().zip(&accounts.value) {
            learn(&self.mints, *mint, account);
        }
        true
    }

    /// Nothing panics under this lock; were it to happen, the map would still be whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<Group, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Entry ===

impl<W: Wire> Entry<W> {
    async fn run(self) {
        let batch = Arc::clone(&self.batch);
        tokio::select! {
            () = sleep(self.gather.window) => {}
            () = batch.full.notified() => {}
            () = batch.crowd.hurried() => {}
        }
        let members = batch.members().take();
        let gather = Arc::clone(&self.gather);
        drop(self);
        gather.read(&batch, members.unwrap_or_default()).await;
    }
}

impl<W> Drop for Entry<W> {
    fn drop(&mut self) {
        let mut open = self.gather.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Another batch may have begun when this one was full.
        if open.get(&self.batch.group).is_some_and(|open| Arc::ptr_eq(&open.batch, &self.batch)) {
            open.remove(&self.batch.group);
        }
    }
}

// === impl Batch ===

impl Batch {
    /// Nothing panics under this lock; were it to happen, the list would still be whole.
    fn members(&self) -> MutexGuard<'_, Option<Vec<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Member ===

impl Member {
    /// Whoever has stopped waiting is told nothing.
    fn tell(self, outcome: Outcome) {
        drop(self.reply.send(outcome));
    }
}

/// The answer to one question of a batch, which is driven meanwhile.
async fn answered(mut answer: oneshot::Receiver<Outcome>, run: Shared<Run>) -> Outcome {
    let told = tokio::select! {
        biased;
        told = &mut answer => told.ok(),
        () = run => answer.try_recv().ok(),
    };
    // Every member is told something before its batch ends, unless nobody waited for it.
    told.unwrap_or(Err(RequestError::Call(CallError::Closed)))
}

/// Each address once, in the order of the first mention.
fn keys(addresses: impl Iterator<Item = Address>) -> Vec<Address> {
    let mut keys = Vec::new();
    for address in addresses {
        if !keys.contains(&address) {
            keys.push(address);
        }
    }
    keys
}

/// Whether each of the questions would have met the same failure alone: the endpoint is to blame, and not what was
/// asked or how much.
fn is_everyones(error: &RequestError) -> bool {
    match error {
        RequestError::Budget(_) | RequestError::Deadline(_) | RequestError::Parameters { .. } => true,
        RequestError::Call(CallError::Rpc(error)) => {
            [node_error::MIN_CONTEXT_SLOT_NOT_REACHED, node_error::NODE_UNHEALTHY].contains(&error.code)
        }
        RequestError::Call(CallError::TooLarge { .. } | CallError::Status { .. })
        | RequestError::Unexpected { .. } => false,
        RequestError::Call(_) => true,
    }
}
