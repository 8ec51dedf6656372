//! The shared connection itself: opened by the first lease, closed by the last.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eda_events::WorkerName;
use eda_limits::Limits;
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, info_span};

use crate::{
    budget::Snapshot,
    calls::{Calls, RequestError},
    dial::{Dialer, TrustError},
    economy::{self, Spending},
    failover::{self, Board, Site, Switch, Upstream, Watcher},
    feed::{
        Demand, Feed, FeedConfig, Interest, Plan, Sample, Sampling,
        plan::{self, Cost},
    },
    http::{HttpConfig, Reply, UnusableUrl},
    lease::Lease,
    pubsub::{self, PubSub},
    request::{Caller, Class, Method},
    savings::{self, Savings},
    stats::Stats,
    vitals::{Vital, Vitals},
};

/// Having closed the connection, look so long afterwards whether it is still closed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Everything the connection needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The endpoints that may be used. At least one; among equal priorities the first is preferred at the start.
    pub sites: Vec<Site>,
    /// Workers' shares within a class; 1 where nothing is said.
    pub weights: BTreeMap<WorkerName, u32>,
    /// Certificate authorities trusted beside the public ones, DER.
    pub extra_roots: Vec<Vec<u8>>,
    /// The longest time that opening a connection may take.
    pub connect_timeout: Duration,
    /// Bounds of the HTTP side; what a site's limits say of batches goes before them.
    pub http: HttpConfig,
    /// Bounds of the WebSocket side; what a site's limits say of subscriptions goes before them.
    pub pubsub: pubsub::Config,
    /// When another endpoint is used.
    pub failover: failover::Bounds,
    /// Settings of the feed.
    pub feed: FeedConfig,
    /// How requests are saved.
    pub savings: savings::Config,
}

/// Why there can be no connection, whatever the network does.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// See [`TrustError`].
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// See [`UnusableUrl`].
    #[error(transparent)]
    Url(#[from] UnusableUrl),
    /// There is nobody to connect to.
    #[error("no endpoint is named")]
    NoEndpoint,
}

/// The one connection that all workers share: one request budget, one HTTP connection, one WebSocket, one feed.
///
/// There is no global one: whoever opens it decides who shares it.
pub struct ConnectionManager {
    calls: Arc<Calls>,
    savings: Savings,
    pubsub: Arc<PubSub>,
    feed: Feed,
    vitals: Arc<Vitals>,
    board: Arc<Board>,
    holders: Mutex<BTreeMap<WorkerName, usize>>,
    leases: watch::Sender<usize>,
    spending: watch::Receiver<Spending>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

// === impl ConnectionManager ===

impl ConnectionManager {
    /// Prepares the connection. Nothing is sent before the first lease.
    ///
    /// # Errors
    /// When the settings can never work.
    pub fn open(mut config: Config) -> Result<Arc<Self>, OpenError> {
        let dialer = Dialer::new(&config.extra_roots, config.connect_timeout)?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let weights =
            config.weights.into_iter().map(|(name, weight)| (Caller::Worker(name), weight)).collect();
        let shared = failover::Shared {
            dialer: &dialer,
            http: &config.http,
            subscriptions: config.pubsub.max_subscriptions,
            weights: &weights,
            tasks: &tracker,
            stop: &stop,
        };
        config.sites.sort_by_key(|site| site.priority);
        let endpoints = config.sites.len();
        let upstreams = config.sites.into_iter().map(|site| Upstream::new(site, &shared));
        let switch = Switch::new(upstreams.collect::<Result<_, _>>()?).ok_or(OpenError::NoEndpoint)?;
        let leases = watch::Sender::new(0);
        let first = switch.here();
        let board = Arc::new(Board::new(config.failover, &switch));
        let calls = Arc::new(Calls::new(switch, leases.subscribe()));
        let savings = Savings::new(config.savings, Arc::clone(&calls));
        let pubsub = pubsub::Config { max_subscriptions: first.subscriptions(), ..config.pubsub };
        let endpoint = &first.site().endpoint;
        let pubsub = Arc::new(PubSub::new(endpoint, dialer, pubsub, first.gate(), &tracker, &stop));
        let vitals = Arc::new(Vitals::new());
        let feed = Feed::start(
            Arc::clone(&calls),
            Arc::clone(&pubsub),
            Arc::clone(&vitals),
            config.feed,
            endpoints,
            &tracker,
            &stop,
        );
        let holders = Mutex::default();
        let (told, spending) = watch::channel(Spending::default());
        let keeping = economy::watch(Calls::clone(&calls), feed.clone(), told);
        let stopping = stop.clone();
        tracker.spawn(
            async move { stopping.run_until_cancelled(keeping).await }.instrument(info_span!("economy")),
        );
        let manager = Arc::new(Self {
            calls,
            savings,
            pubsub,
            feed,
            vitals,
            board,
            holders,
            leases,
            spending,
            tracker,
            stop,
        });
        manager.tracker.spawn(Self::keep(Keeper::of(&manager)).instrument(info_span!("connection")));
        let (watching, stop) = (manager.watcher(config.failover).run(), manager.stop.clone());
        manager.tracker.spawn(
            async move { stop.run_until_cancelled(watching).await }.instrument(info_span!("failover")),
        );
        Ok(manager)
    }

    /// A worker's share. The connection is open while any lease exists.
    pub fn lease(self: &Arc<Self>, worker: WorkerName) -> Lease {
        *self.holders().entry(worker).or_default() += 1;
        self.leases.send_modify(|leases| *leases += 1);
        Lease::new(worker, Arc::clone(self))
    }

    /// How this demand would be met beside what is followed already, and what that costs.
    pub fn plan(&self, demand: &Demand) -> Plan {
        self.feed.plan(demand)
    }

    /// Looks at the chain and the endpoint for as long as `sampling` says; from then on, plans are made with what was
    /// seen. Waits for ever while nobody holds a lease.
    pub async fn measure(&self, interests: &[Interest], sampling: Sampling) -> Sample {
        self.feed.measure(interests, sampling).await
    }

    /// What workers and process ask for beside the feed, to be planned for.
    pub fn expect(&self, aside: Vec<Cost>) {
        self.feed.expect(aside);
    }

    /// What would fit instead, where a demand does not: settings, and other plans.
    pub fn instead(&self, demand: &Demand, subscriptions: u32) -> Vec<String> {
        plan::instead(demand, &self.feed.measures(), &self.limits(), &self.feed.terms(), subscriptions)
    }

    /// The limits of the endpoint in use.
    pub fn limits(&self) -> Limits {
        self.calls.limits()
    }

    /// The state of the budget at this moment: that of the endpoint in use.
    pub async fn budget(&self) -> Snapshot {
        // A budget that has been shut down has nothing to say any more.
        self.calls.switch().here().budget().snapshot().await.unwrap_or_default()
    }

    /// The state of everything else at this moment.
    pub fn stats(&self) -> Stats {
        Stats {
            lease_count: *self.leases.borrow(),
            holders: self.holders().keys().copied().collect(),
            url: self.calls.switch().here().site().endpoint.redacted(),
            failover: self.board.stats(),
            vital: self.vitals.state(),
            refused_access: self.calls.refused_access(),
            http: self.calls.http_stats(),
            saved: self.savings.saved(),
            pubsub: self.pubsub.stats(),
            feed: self.feed.numbers(),
            plan: self.feed.current_plan(),
            spending: *self.spending.borrow(),
            swept: self.feed.swept(),
            queues: self.feed.queues(),
        }
    }

    /// What the house itself asks, charged to nobody's share. Waits while nobody holds a lease.
    ///
    /// # Errors
    /// As [`Lease::call`].
    pub async fn call(
        &self,
        class: Class,
        method: Method,
        params: Value,
        patience: Duration,
    ) -> Result<Reply, RequestError> {
        let deadline = Some(Instant::now() + patience);
        self.savings.call(Caller::Shared, class, method, params, deadline).await
    }

    /// What is known about the endpoint, as it changes.
    pub fn vital(&self) -> Vital {
        self.vitals.state()
    }

    /// What a worker cannot work without and does not have at the moment, in words; `None` if it has everything.
    pub fn lacking(&self, worker: WorkerName) -> Option<String> {
        if let Some(refused) = self.calls.refused_access() {
            return Some(format!("the endpoint: {refused}"));
        }
        let socket = match &*self.pubsub.state().borrow() {
            pubsub::State::Connecting { trouble: Some(trouble), .. } => Some(trouble.to_string()),
            pubsub::State::Connecting { trouble: None, .. } => Some("it is being opened".to_owned()),
            pubsub::State::Stalled => Some("no slots come".to_owned()),
            pubsub::State::Idle | pubsub::State::Live | pubsub::State::Closed => None,
        };
        match (self.vitals.state(), socket) {
            (Vital::Conflict(why), _) => Some(why),
            (Vital::Unknown(why), None) => Some(format!("the endpoint: {why}")),
            (Vital::Unknown(why), Some(trouble)) => {
                Some(format!("the endpoint: {why}; WebSocket: {trouble}"))
            }
            (Vital::Known(_), Some(trouble)) if self.calls.http_stats().open == 0 => {
                Some(format!("the endpoint: {trouble}"))
            }
            (Vital::Known(_), trouble) => {
                let pause = self.board.paused().map(|pause| pause.to_string());
                pause.or_else(|| self.unheard(worker, trouble))
            }
        }
    }

    /// Why a worker does not hear all that it listens to.
    fn unheard(&self, worker: WorkerName, trouble: Option<String>) -> Option<String> {
        let topics = self.feed.topics(worker);
        if topics.is_empty() {
            return None;
        }
        if let Some(trouble) = trouble {
            return Some(format!("the WebSocket: {trouble}"));
        }
        let missing = self.pubsub.missing(&topics);
        (missing > 0)
            .then(|| format!("the WebSocket: {missing} of {} subscriptions are not served", topics.len()))
    }

    /// No more facts are handed out; readers drain what waits and then see the end.
    pub fn stop_intake(&self) {
        self.feed.close();
    }

    /// Closes both sockets and ends every task. Returns when nothing is left.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn watcher(&self, bounds: failover::Bounds) -> Watcher {
        Watcher {
            bounds,
            switch: self.calls.switch().clone(),
            pubsub: Arc::clone(&self.pubsub),
            vitals: Arc::clone(&self.vitals),
            feed: self.feed.clone(),
            leases: self.leases.subscribe(),
            board: Arc::clone(&self.board),
        }
    }

    pub(crate) fn savings(&self) -> &Savings {
        &self.savings
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(crate) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    pub(crate) fn give_back(&self, worker: WorkerName) {
        let mut holders = self.holders();
        if let Some(count) = holders.get_mut(&worker) {
            *count -= 1;
            if *count == 0 {
                holders.remove(&worker);
            }
        }
        drop(holders);
        self.leases.send_modify(|leases| *leases -= 1);
    }

    /// Nothing panics under this lock; were it to happen, the counts would still be whole.
    fn holders(&self) -> MutexGuard<'_, BTreeMap<WorkerName, usize>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the sockets open while there are leases and closes them when there are none.
    async fn keep(mut keeper: Keeper) {
        let stop = keeper.stop.clone();
        stop.run_until_cancelled(async {
            while keeper.leases.wait_for(|leases| *leases > 0).await.is_ok() {
                tokio::select! {
                    () = keeper.vitals.watch_over(&keeper.calls, &keeper.pubsub) => {}
                    _ = keeper.leases.wait_for(|leases| *leases == 0) => {}
                }
                keeper.close().await;
            }
        })
        .await;
    }
}

impl fmt::Debug for ConnectionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionManager")
            .field("endpoint", &self.calls.switch().here().site().endpoint)
            .field("leases", &*self.leases.borrow())
            .finish_non_exhaustive()
    }
}

/// What the keeping task works with. It does not hold the manager, which would then live for ever.
struct Keeper {
    calls: Arc<Calls>,
    pubsub: Arc<PubSub>,
    vitals: Arc<Vitals>,
    leases: watch::Receiver<usize>,
    stop: CancellationToken,
}

impl Keeper {
    fn of(manager: &ConnectionManager) -> Self {
        Self {
            calls: Arc::clone(&manager.calls),
            pubsub: Arc::clone(&manager.pubsub),
            vitals: Arc::clone(&manager.vitals),
            leases: manager.leases.subscribe(),
            stop: manager.stop.clone(),
        }
    }

    /// Closes what is open until there are leases again. The WebSocket closes by itself when its last subscriber
    /// leaves.
    async fn close(&mut self) {
        loop {
            self.calls.close().await;
            tokio::select! {
                _ = self.leases.wait_for(|leases| *leases > 0) => return,
                () = sleep(LOOK_AGAIN) => {}
            }
            // A call that was on its way when the last lease was given back opens the connection once more.
            if self.calls.http_stats().open == 0 {
                return;
            }
        }
    }
}

impl Drop for ConnectionManager {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
