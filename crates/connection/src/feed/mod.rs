//! What workers are interested in, fetched once and handed to everyone who asked.
//!
//! Workers state interests and receive facts. The feed unites the interests of all of them, follows each account,
//! each address's logs or the whole chain once, parses each transaction once, and hands the same value to all.
//! It never waits for a reader: what does not fit into a reader's queue becomes a counted gap marker there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eda_events::{
    Address, Commitment,
    mailbox::{InputStats, Latest, Mailbox},
};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, info, info_span, warn};

use crate::{
    calls::Calls,
    pubsub::{PubSub, Topic},
    vitals::Vitals,
};

mod accounts;
mod blocks;
/// What the feed hands out.
pub mod fact;
/// What a worker wants to hear of.
pub mod interest;
mod logs;
pub(crate) mod notification;
/// How the interests are met, and what that costs.
pub mod plan;
mod recent;
mod registry;
mod shared;
mod stats;
mod walk;

pub use fact::{AccountFact, AccountState, TransactionFact};
pub use interest::{Interest, LogHint, Traffic};
pub use plan::{Choice, Demand, Mode, Plan, Unaffordable};
pub use stats::FeedNumbers;

use accounts::Snapshots;
use registry::{Wanted, WatchId};
use shared::Shared;

/// The newest transaction version that eda reads; nodes refuse whole blocks that hold a newer one.
const MAX_TRANSACTION_VERSION: u8 = 1;

/// Changing from logs to blocks, blocks are read from so many slots back; what was handed out is not again.
const OVERLAP_SLOTS: u64 = 32;

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
    changed: Notify,
    plan: watch::Sender<Option<Plan>>,
}

/// A worker's view of what it asked for. Dropping it ends the interest.
///
/// The queues outlive the worker's incarnations: hold the watch where the worker's other lasting things are.
#[derive(Debug)]
pub struct Watch {
    /// Transactions, in order, with a marker wherever some are missing.
    pub transactions: Mailbox<TransactionFact>,
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
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let shared = Arc::new(Shared::new(calls, pubsub, vitals, &config));
        let (plan, _) = watch::channel(None);
        let inner = Arc::new(Inner {
            shared,
            config,
            admission: Mutex::default(),
            stop: stop.child_token(),
            changed: Notify::new(),
            plan,
        });
        let stop = inner.stop.clone();
        let followers = Followers::new(Arc::clone(&inner), tracker.clone());
        tracker.spawn(
            async move { stop.run_until_cancelled(followers.run()).await }.instrument(info_span!("feed")),
        );
        Self { inner }
    }

    /// Starts to follow what `interests` say, for a reader called `name`.
    ///
    /// # Errors
    /// When the provider's plan does not carry this together with what is followed already.
    pub fn watch(&self, name: &str, interests: &[Interest]) -> Result<Watch, Unaffordable> {
        let _admitted = self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner);
        self.plan(interests)?;
        let shared = &self.inner.shared;
        let (post, transactions) = Mailbox::new(format!("{name} transactions"), self.inner.config.queue);
        let (states, accounts) = Latest::new(format!("{name} accounts"));
        let id = shared.registry.add(name, interests, post, states);
        self.inner.changed.notify_one();
        Ok(Watch { transactions, accounts, _registered: Registered { feed: self.clone(), id } })
    }

    /// How everything followed now and `more` would be met, and what that costs.
    ///
    /// # Errors
    /// When the provider's plan does not carry it, with the arithmetic.
    pub fn plan(&self, more: &[Interest]) -> Result<Plan, Unaffordable> {
        let mut wanted = self.inner.shared.registry.wanted();
        for interest in more {
            wanted.add(interest);
        }
        self.inner.plan_for(&wanted)
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
    pub(crate) fn topics(&self, reader: &str) -> Vec<Topic> {
        let (accounts, mentions) = self.inner.shared.registry.wants(reader);
        let plan = self.inner.plan.borrow();
        let by_logs = plan.as_ref().is_some_and(|plan| plan.transactions == Some(Mode::Logs));
        let commitment = self.inner.config.commitment;
        let accounts = accounts.into_iter().map(|address| Topic::Account { address, commitment });
        let logs = mentions.into_iter().filter(|_| by_logs);
        accounts.chain(logs.map(|address| Topic::Logs { mentions: Some(address), commitment })).collect()
    }

    /// The feed's numbers.
    pub fn numbers(&self) -> FeedNumbers {
        self.inner.shared.stats.numbers()
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
    fn plan_for(&self, wanted: &Wanted) -> Result<Plan, Unaffordable> {
        plan::plan(&self.demand(wanted), &self.shared.calls.limits(), self.config.choice)
    }

    fn demand(&self, wanted: &Wanted) -> Demand {
        Demand {
            accounts: wanted.accounts.len(),
            selected: wanted.selected.len(),
            whole_chain: wanted.whole_chain.len(),
            slot_time: self.shared.slot_time(),
        }
    }
}

/// Keeps the running followers equal to what is wanted. Owned by one task.
struct Followers {
    inner: Arc<Inner>,
    tracker: TaskTracker,
    accounts: BTreeMap<Address, CancellationToken>,
    logs: BTreeMap<Address, CancellationToken>,
    blocks: Option<CancellationToken>,
    snapshots: Arc<Snapshots>,
    fetcher: tokio::sync::mpsc::Sender<logs::Wanted>,
}

impl Followers {
    fn new(inner: Arc<Inner>, tracker: TaskTracker) -> Self {
        let (snapshots, stop) = (Arc::new(Snapshots::default()), &inner.stop);
        let (fetcher, to_fetch) = logs::queue();
        let shared = &inner.shared;
        tracker.spawn(accounts::read_snapshots(Arc::clone(shared), Arc::clone(&snapshots), stop.clone()));
        tracker.spawn(logs::fetch(Arc::clone(shared), to_fetch, stop.clone()));
        Self {
            inner,
            tracker,
            accounts: BTreeMap::new(),
            logs: BTreeMap::new(),
            blocks: None,
            snapshots,
            fetcher,
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
        let mode = match self.inner.plan_for(&wanted) {
            Ok(plan) => {
                if self.inner.plan.borrow().as_ref() != Some(&plan) {
                    for line in &plan.lines {
                        info!("{line}");
                    }
                }
                let mode = plan.transactions;
                self.inner.plan.send_replace(Some(plan));
                mode
            }
            // Every watch was affordable when it was made; if the measured slot time says otherwise now, it is
            // followed all the same, as well as the budget lets it be, and the arithmetic is shown.
            Err(unaffordable) => {
                warn!(%unaffordable, "the interests cost more than planned");
                plan::mode(&self.inner.demand(&wanted), self.inner.config.choice)
            }
        };
        let transactions: BTreeSet<Address> = wanted.selected.union(&wanted.whole_chain).copied().collect();
        let by_logs = if mode == Some(Mode::Logs) && self.blocks.is_none() {
            transactions.clone()
        } else {
            BTreeSet::new()
        };
        self.adjust_accounts(&wanted.accounts);
        // Blocks, once they are read, hold every transaction that anyone else may want: the logs would be paid
        // for twice.
        self.adjust_blocks(mode == Some(Mode::Blocks), transactions.is_empty());
        self.adjust_logs(&by_logs);
    }

    fn adjust_accounts(&mut self, wanted: &BTreeSet<Address>) {
        for address in stop_unwanted(&mut self.accounts, wanted) {
            self.inner.shared.registry.unfollowed(&address);
        }
        for address in wanted {
            if !self.accounts.contains_key(address) {
                let stop = self.inner.stop.child_token();
                self.accounts.insert(*address, stop.clone());
                let shared = Arc::clone(&self.inner.shared);
                self.tracker.spawn(accounts::follow(shared, *address, Arc::clone(&self.snapshots), stop));
            }
        }
    }

    fn adjust_logs(&mut self, wanted: &BTreeSet<Address>) {
        drop(stop_unwanted(&mut self.logs, wanted));
        for address in wanted {
            if !self.logs.contains_key(address) {
                let stop = self.inner.stop.child_token();
                self.logs.insert(*address, stop.clone());
                let shared = Arc::clone(&self.inner.shared);
                self.tracker.spawn(logs::follow(shared, *address, self.fetcher.clone(), stop));
            }
        }
    }

    fn adjust_blocks(&mut self, wanted: bool, nobody_wants_transactions: bool) {
        if wanted && self.blocks.is_none() {
            let stop = self.inner.stop.child_token();
            self.blocks = Some(stop.clone());
            let shared = Arc::clone(&self.inner.shared);
            let begin = if self.logs.is_empty() {
                blocks::Begin::Newest
            } else if let Some(tip) = shared.pubsub.stats().tip {
                // What the log followers have been notified of and not yet handed out is found again in the blocks.
                blocks::Begin::After(tip.0.saturating_sub(OVERLAP_SLOTS))
            } else {
                // Nobody can say from where on blocks have to be read so that nothing is missing.
                shared.registry.gap(None, 0);
                blocks::Begin::Newest
            };
            self.tracker.spawn(blocks::follow(shared, begin, stop));
        } else if nobody_wants_transactions && let Some(stop) = self.blocks.take() {
            stop.cancel();
        }
    }
}

/// Stops what is no longer wanted, and says what that was.
fn stop_unwanted(
    running: &mut BTreeMap<Address, CancellationToken>,
    wanted: &BTreeSet<Address>,
) -> Vec<Address> {
    let stopped = running.extract_if(.., |address, _| !wanted.contains(address));
    stopped.map(|(address, stop)| (address, stop.cancel()).0).collect()
}
