//! What workers are interested in, fetched once and handed to everyone who asked.
//!
//! Workers state interests and receive facts. The feed unites the interests of all of them, follows each account,
//! each address's logs or the whole chain once, parses each transaction once, and hands the same value to all.
//! It never waits for a reader: what does not fit into a reader's queue becomes a counted gap marker there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eda_events::{
    Address, Commitment, WorkerName,
    mailbox::{InputStats, Latest, Mailbox},
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, info, info_span, warn};

use crate::{
    calls::Calls,
    checkpoints::Checkpoints,
    pubsub::{PubSub, Topic},
    request::Class,
    vitals::Vitals,
};

mod accounts;
/// Where addresses begin.
pub mod begin;
mod behind;
mod blocks;
mod cursors;
/// What the feed hands out.
pub mod fact;
mod fetch;
mod holes;
/// What a worker wants to hear of.
pub mod interest;
mod listing;
mod logs;
mod measure;
pub(crate) mod notification;
mod pace;
/// How the interests are met, and what that costs.
pub mod plan;
mod recent;
mod registry;
mod seats;
mod shared;
mod stats;
mod sweep;
mod walk;

pub use begin::Start;
pub use fact::{AccountFact, AccountState, Fed, Proof, TransactionFact};
pub use interest::{Interest, LogHint, Traffic};
pub use measure::{Sample, Sampling};
pub use plan::{Choice, Demand, Measures, Mode, Plan, Terms, Unaffordable};
pub use stats::{CatchUp, FeedNumbers};

use accounts::Snapshots;
use logs::Fetchers;
use plan::Cost;
use registry::WatchId;
use seats::{Seating, Seats};
use shared::Shared;
use sweep::{Sweep, Swept};

/// The newest transaction version that eda reads; nodes refuse whole blocks that hold a newer one.
const MAX_TRANSACTION_VERSION: u8 = 1;

/// Settings of the feed.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// The way transactions are read.
    pub choice: Choice,
    /// How settled facts are.
    pub commitment: Commitment,
    /// How long a slot is taken to last before it has been measured.
    pub nominal_slot_time: Duration,
    /// Transactions that may wait for one watch.
    pub queue: usize,
    /// How often each account is read that finds no room on the WebSocket.
    pub sweep_interval: Duration,
    /// How far earlier runs came.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Where an address begins that no earlier run knows.
    pub start: Start,
    /// How long ago the end of an earlier run may lie for the time since then to be read.
    pub catch_up: Duration,
    /// How often what was notified of an address is compared with what the node lists, and followed accounts are read
    /// again.
    pub compare_every: Duration,
    /// Whether to follow what exceeds the provider's plan all the same. The budget keeps its limits, so what does not
    /// fit comes late.
    pub over_plan: bool,
}

/// The feed. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    config: FeedConfig,
    /// Held while a watch is judged and added, so that two cannot both take the last room.
    admission: Mutex<()>,
    /// Ends every follower.
    stop: CancellationToken,
    tracker: TaskTracker,
    changed: Notify,
    plan: watch::Sender<Option<Plan>>,
    sweep: Arc<Sweep>,
    /// Endpoints that are configured.
    endpoints: usize,
    known: Mutex<Known>,
}

/// What plans are made with beside what is followed.
#[derive(Debug, Default)]
struct Known {
    measures: Measures,
    /// What is asked for beside the feed.
    aside: Vec<Cost>,
}

/// A worker's view of what it asked for. Dropping it ends the interest.
///
/// The queues outlive the worker's incarnations: hold the watch where the worker's other lasting things are.
#[derive(Debug)]
pub struct Watch {
    /// Transactions, and how far the feed has come with them. Whoever reads too slowly gets the rest later, and has no
    /// gap.
    pub transactions: Mailbox<Fed>,
    /// The newest state of each account.
    pub accounts: Latest<Address, AccountFact>,
    _registered: Registered,
}

struct Registered {
    feed: Feed,
    id: WatchId,
}

// === impl Feed ===

impl Feed {
    /// A feed whose tasks live in `tracker` until `stop`.
    pub(crate) fn start(
        calls: Arc<Calls>,
        pubsub: Arc<PubSub>,
        vitals: Arc<Vitals>,
        config: FeedConfig,
        endpoints: usize,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (open, holes) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(calls, pubsub, vitals, &config, open));
        let (plan, _) = watch::channel(None);
        let sweep = Arc::new(Sweep::new(config.sweep_interval, Arc::clone(&shared.pace)));
        let inner = Arc::new(Inner {
            shared,
            sweep,
            config,
            admission: Mutex::default(),
            stop: stop.child_token(),
            tracker: tracker.clone(),
            changed: Notify::new(),
            plan,
            endpoints,
            known: Mutex::default(),
        });
        let stop = inner.stop.clone();
        let followers = Followers::new(Arc::clone(&inner), tracker.clone());
        tracker.spawn(holes::mend(Arc::clone(&inner.shared), holes, stop.clone()));
        tracker.spawn(
            async move { stop.run_until_cancelled(followers.run()).await }.instrument(info_span!("feed")),
        );
        Self { inner }
    }

    /// Starts to follow what `interests` say, for a worker.
    ///
    /// # Errors
    /// When the provider's plan does not carry this together with what is followed already.
    pub fn watch(&self, name: WorkerName, interests: &[Interest]) -> Result<Watch, Unaffordable> {
        let _admitted = self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = self.plan(&Demand::of(interests));
        if !self.inner.config.over_plan {
            plan.affordable()?;
        }
        let shared = &self.inner.shared;
        let (post, transactions) = Mailbox::new(format!("{name} transactions"), self.inner.config.queue);
        let (states, accounts) = Latest::new(format!("{name} accounts"));
        let id = shared.registry.add(name, interests, post, states);
        self.inner.changed.notify_one();
        let mentions = interests.iter().filter_map(Interest::mention).collect();
        let (start, catch_up) = (self.inner.config.start, self.inner.config.catch_up);
        let begin = begin::begin(Arc::clone(shared), id, name, mentions, start, catch_up);
        let stop = self.inner.stop.clone();
        self.inner.tracker.spawn(async move { stop.run_until_cancelled(begin).await });
        Ok(Watch { transactions, accounts, _registered: Registered { feed: self.clone(), id } })
    }

    /// How everything followed now and `more` would be met, and what that costs.
    pub fn plan(&self, more: &Demand) -> Plan {
        let mut demand = self.inner.shared.registry.wanted();
        demand.unite(more);
        self.inner.plan_for(demand)
    }

    /// Looks at the chain and the endpoint for a while; from then on, plans are made with what was seen.
    pub(crate) async fn measure(&self, interests: &[Interest], sampling: Sampling) -> Sample {
        let mode = self.plan(&Demand::of(interests)).transactions;
        let sample = measure::measure(&self.inner.shared, mode, interests, sampling).await;
        self.inner.known().measures = sample.measures.clone();
        sample
    }

    /// What is asked for beside the feed, to be planned for.
    pub(crate) fn expect(&self, aside: Vec<Cost>) {
        self.inner.known().aside = aside;
    }

    /// What was measured, with the slot time as it is now.
    pub(crate) fn measures(&self) -> Measures {
        let measures = self.inner.known().measures.clone();
        Measures { slot_time: self.slot_time(), ..measures }
    }

    /// The settings that plans are made with.
    pub(crate) fn terms(&self) -> Terms {
        self.inner.terms()
    }

    /// What can wait is done so many times more seldom than is planned.
    pub(crate) fn save(&self, times: u32) {
        self.inner.shared.pace.save(times);
    }

    /// The plan in force.
    pub fn current_plan(&self) -> Option<Plan> {
        self.inner.plan.borrow().clone()
    }

    /// How long a slot lasts: measured, or what the cluster is known for.
    pub(crate) fn slot_time(&self) -> Duration {
        self.inner.shared.slot_time()
    }

    /// The provider's limits are others now: everything followed is planned anew.
    pub(crate) fn plan_again(&self) {
        self.inner.changed.notify_one();
    }

    /// The subscriptions that a reader hears by. Blocks are none: they are read without the WebSocket, if need be.
    pub(crate) fn topics(&self, reader: WorkerName) -> Vec<Topic> {
        let (accounts, mentions) = self.inner.shared.registry.wants(reader);
        let plan = self.inner.plan.borrow();
        let by_logs = plan.as_ref().is_some_and(|plan| plan.transactions == Some(Mode::Logs));
        let commitment = self.inner.config.commitment;
        let accounts = accounts.into_iter().filter(|address| !self.inner.sweep.covers(address));
        let accounts = accounts.map(|address| Topic::Account { address, commitment });
        let logs = mentions.into_iter().filter(|_| by_logs);
        accounts.chain(logs.map(|address| Topic::Logs { mentions: Some(address), commitment })).collect()
    }

    /// The feed's numbers.
    pub fn numbers(&self) -> FeedNumbers {
        let shared = &self.inner.shared;
        if let Some(lowest) = shared.registry.lowest() {
            shared.stats.come_to(lowest);
        }
        shared.stats.numbers()
    }

    /// The accounts that are read in turn at the moment, since the WebSocket has no room for them.
    pub fn swept(&self) -> BTreeSet<Address> {
        self.inner.sweep.list()
    }

    /// The numbers of every watch's transaction queue.
    pub fn queues(&self) -> Vec<InputStats> {
        self.inner.shared.registry.queues()
    }

    /// No more facts will come: readers drain what waits and then see the end. Nothing is asked for any more.
    pub fn close(&self) {
        self.inner.shared.registry.close();
        self.inner.stop.cancel();
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("plan", &*self.inner.plan.borrow()).finish_non_exhaustive()
    }
}

// === impl Registered ===

impl Drop for Registered {
    fn drop(&mut self) {
        self.feed.inner.shared.registry.remove(self.id);
        self.feed.inner.changed.notify_one();
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.id)
    }
}

// === impl Inner ===

impl Inner {
    fn plan_for(&self, mut demand: Demand) -> Plan {
        let measures = {
            let known = self.known();
            demand.aside.extend(known.aside.iter().cloned());
            demand.aside.extend(plan::looks(self.endpoints));
            Measures { slot_time: self.shared.slot_time(), ..known.measures.clone() }
        };
        plan::plan(&demand, &measures, &self.shared.calls.limits(), &self.terms())
    }

    fn terms(&self) -> Terms {
        Terms {
            choice: self.config.choice,
            sweep_interval: self.config.sweep_interval,
            compare_every: self.config.compare_every,
        }
    }

    /// Nothing panics under this lock; were it to happen, both parts would still be whole.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the running followers equal to what is wanted. Owned by one task.
struct Followers {
    inner: Arc<Inner>,
    tracker: TaskTracker,
    accounts: BTreeMap<Address, CancellationToken>,
    seats: Seats,
    swept: BTreeMap<Address, Swept>,
    logs: BTreeMap<Address, CancellationToken>,
    blocks: Option<CancellationToken>,
    snapshots: Arc<Snapshots>,
    fetchers: Fetchers,
}

impl Followers {
    fn new(inner: Arc<Inner>, tracker: TaskTracker) -> Self {
        let (snapshots, stop) = (Arc::new(Snapshots::default()), &inner.stop);
        let (live, live_wanted) = mpsc::unbounded_channel();
        let (fill, fill_wanted) = mpsc::unbounded_channel();
        let shared = &inner.shared;
        tracker.spawn(accounts::read_snapshots(Arc::clone(shared), Arc::clone(&snapshots), stop.clone()));
        tracker.spawn(sweep::run(Arc::clone(shared), Arc::clone(&inner.sweep), stop.clone()));
        let (sweep, again) = (Arc::clone(&inner.sweep), Arc::clone(&snapshots));
        tracker.spawn(accounts::read_again(Arc::clone(shared), again, sweep, stop.clone()));
        tracker.spawn(fetch::fetch(Arc::clone(shared), Class::Detect, live_wanted, stop.clone()));
        tracker.spawn(fetch::fetch(Arc::clone(shared), Class::Fill, fill_wanted, stop.clone()));
        Self {
            inner,
            tracker,
            accounts: BTreeMap::new(),
            seats: Seats::default(),
            swept: BTreeMap::new(),
            logs: BTreeMap::new(),
            blocks: None,
            snapshots,
            fetchers: Fetchers { live, fill },
        }
    }

    async fn run(mut self) {
        loop {
            self.inner.changed.notified().await;
            self.adjust();
        }
    }

    fn adjust(&mut self) {
        let wanted = self.inner.shared.registry.wanted();
        let plan = self.inner.plan_for(wanted.clone());
        let mode = plan.transactions;
        self.inner.shared.pace.plan(plan.stretch);
        let room = plan::room(&wanted, mode, &self.inner.shared.calls.limits());
        self.inner.plan.send_if_modified(|current| {
            if current.as_ref() == Some(&plan) {
                return false;
            }
            for line in &plan.lines {
                info!("{line}");
            }
            // Every watch fitted when it was made, or was wanted all the same. If what is measured says otherwise now,
            // it is followed as well as the budget lets it be.
            if !plan.over.is_empty() {
                warn!(reasons = plan.over.join("; "), "this costs more than the provider's plan carries");
            }
            *current = Some(plan);
            true
        });
        let transactions: BTreeSet<Address> = wanted.selected.union(&wanted.whole_chain).copied().collect();
        let by_logs = if mode == Some(Mode::Logs) && self.blocks.is_none() {
            transactions.clone()
        } else {
            BTreeSet::new()
        };
        self.adjust_accounts(&wanted.accounts, room);
        // Blocks, once they are read, hold every transaction that anyone else may want: the logs would be paid
        // for twice.
        self.adjust_blocks(mode == Some(Mode::Blocks), transactions.is_empty());
        self.adjust_logs(&by_logs);
    }

    fn adjust_accounts(&mut self, wanted: &BTreeSet<Address>, room: usize) {
        let Seating { gone, unseated, seated, standing } = self.seats.seat(wanted, room);
        for address in gone.iter().chain(&unseated) {
            if let Some(stop) = self.accounts.remove(address) {
                stop.cancel();
            }
        }
        for address in &gone {
            self.swept.remove(address);
            self.inner.shared.registry.unfollowed(address);
        }
        for address in unseated.into_iter().chain(standing) {
            self.swept.insert(address, self.inner.sweep.cover(address));
        }
        for address in seated {
            let (stop, swept) = (self.inner.stop.child_token(), self.swept.remove(&address));
            self.accounts.insert(address, stop.clone());
            let (shared, sweep) = (Arc::clone(&self.inner.shared), Arc::clone(&self.inner.sweep));
            let snapshots = Arc::clone(&self.snapshots);
            self.tracker.spawn(accounts::follow(shared, address, snapshots, sweep, swept, stop));
        }
    }

    fn adjust_logs(&mut self, wanted: &BTreeSet<Address>) {
        for (_, stop) in self.logs.extract_if(.., |address, _| !wanted.contains(address)) {
            stop.cancel();
        }
        for address in wanted {
            if !self.logs.contains_key(address) {
                let stop = self.inner.stop.child_token();
                self.logs.insert(*address, stop.clone());
                let shared = Arc::clone(&self.inner.shared);
                self.tracker.spawn(logs::follow(shared, *address, self.fetchers.clone(), stop));
            }
        }
    }

    fn adjust_blocks(&mut self, wanted: bool, nobody_wants_transactions: bool) {
        if wanted && self.blocks.is_none() {
            let stop = self.inner.stop.child_token();
            self.blocks = Some(stop.clone());
            let shared = Arc::clone(&self.inner.shared);
            self.tracker.spawn(blocks::follow(shared, stop));
        } else if nobody_wants_transactions && let Some(stop) = self.blocks.take() {
            stop.cancel();
        }
    }
}
