use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use eda_connection::{
    Config, ConnectionManager, Lease, Site,
    checkpoints::NoCheckpoints,
    endpoint::Endpoint as Urls,
    failover::{Bounds, EndpointStats, Stats},
    feed::{Choice, Fed, FeedConfig, Interest, LogHint, Mode, Start, Traffic, Watch},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{Address, Commitment, Delivery, WorkerName};
use eda_limits::Limits;
use eda_simnet::{
    ConnectionRecord, Protocol, chain,
    chain::Mix,
    cluster::Simnet,
    endpoint::{Endpoint, Options},
    faults::{Condition, Effect, Fault},
    most_open,
};
use tokio::time::{sleep, timeout};

/// Keeps a broken test from hanging; no test depends on how long anything takes.
const DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const SLOT: Duration = Duration::from_millis(25);

/// A cluster, its endpoints, and a connection to them.
pub(crate) struct World {
    pub(crate) cluster: Arc<Simnet>,
    /// In the order of their priorities.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) manager: Arc<ConnectionManager>,
    pub(crate) lease: Lease,
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("the test hangs")
}

/// Looks again and again until it is so.
pub(crate) async fn eventually(mut reached: impl FnMut() -> bool) {
    within(async {
        while !reached() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// So long nothing must happen that a broken program would do by then.
pub(crate) async fn a_while() {
    sleep(Duration::from_secs(3)).await;
}

/// A cluster that goes on, in which somebody pays somebody in every slot.
pub(crate) fn cluster(seed: u64) -> Arc<Simnet> {
    Arc::new(Simnet::new(chain::Config {
        slot_time: SLOT,
        skipped_per_mille: 0,
        abandoned_per_mille: 0,
        mix: Mix { transfers: 100, ..Mix::NONE },
        ..chain::Config::seeded(seed)
    }))
}

/// TLS, where no connection is opened only to learn the protocol.
pub(crate) async fn endpoint(cluster: &Simnet) -> Arc<Endpoint> {
    cluster.endpoint(Options { protocol: Protocol::Tls, ..Options::default() }).await.unwrap()
}

pub(crate) fn site(endpoint: &Endpoint, priority: u32) -> Site {
    let urls = Urls::parse(&endpoint.front().http_url(), None).unwrap();
    Site { endpoint: urls, limits: Limits::default(), priority }
}

pub(crate) fn config(endpoints: &[Arc<Endpoint>]) -> Config {
    let roots = endpoints.iter().map(|endpoint| endpoint.front().certificate_der().to_vec());
    Config {
        sites: (0..).zip(endpoints).map(|(priority, endpoint)| site(endpoint, priority)).collect(),
        weights: [].into(),
        extra_roots: roots.collect(),
        connect_timeout: Duration::from_secs(10),
        http: HttpConfig::default(),
        pubsub: pubsub::Config {
            retry_base: Duration::from_millis(20),
            retry_cap: Duration::from_millis(100),
            ..pubsub::Config::default()
        },
        failover: Bounds {
            errors_for: Duration::from_millis(300),
            stall_slots: 20,
            stall_floor: Duration::from_millis(700),
            deaf_for: Duration::from_secs(2),
            unconfirmed_slots: 40,
            lag_slots: 30,
            minimum_stay: Duration::from_millis(500),
            compare_every: Duration::from_millis(400),
            compare_pause: Duration::from_millis(100),
            compare_for: Duration::from_millis(250),
            answer_within: Duration::from_secs(2),
            healthy_for: Duration::from_secs(1),
        },
        feed: FeedConfig {
            choice: Choice::Always(Mode::Blocks),
            commitment: Commitment::Confirmed,
            nominal_slot_time: SLOT,
            queue: 65_536,
            sweep_interval: Duration::from_secs(10),
            checkpoints: Arc::new(NoCheckpoints),
            start: Start::Now,
            catch_up: Duration::from_secs(3_600),
            compare_every: Duration::from_secs(10),
            over_plan: false,
        },
        savings: savings::Config::default(),
    }
}

/// What a program that everybody calls does, everywhere: the whole chain.
pub(crate) fn payments() -> Interest {
    let system = Address::new_from_array([0; 32]);
    Interest::Transactions { mention: system, traffic: Traffic::WholeChain, hint: LogHint::ALWAYS }
}

/// The signatures of the next transactions, of which none is missing.
pub(crate) async fn take(watch: &Watch, count: usize) -> Vec<(u64, String)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = within(watch.transactions.next()).await.expect("the mailbox is open");
        watch.transactions.done();
        match next {
            Delivery::Item(Fed::Transaction(fact)) => {
                taken.push((fact.transaction.slot().0, fact.transaction.signature().to_string()));
            }
            Delivery::Item(Fed::Proof(proof)) if !proof.is_hole() => {}
            odd @ (Delivery::Item(_) | Delivery::Gap { .. }) => {
                panic!("{odd:?} after {} transactions", taken.len())
            }
        }
    }
    taken
}

/// Breaks something until the faults are cleared; returns when it is broken, where that shows by itself.
pub(crate) async fn break_for_good(endpoint: &Endpoint, effect: impl Into<Effect>) {
    let (effect, journal) = (effect.into(), endpoint.faults().journal());
    let before = journal.count(effect.kind());
    endpoint.faults().apply(Fault::new(effect)).unwrap();
    if matches!(effect, Effect::Condition(_)) {
        eventually(|| journal.count(effect.kind()) > before).await;
    }
}

impl World {
    /// That many endpoints of one cluster, each preferred to the next.
    pub(crate) async fn of(endpoints: usize) -> Self {
        Self::with(endpoints, |_| {}).await
    }

    pub(crate) async fn with(count: usize, adjust: impl FnOnce(&mut Config)) -> Self {
        let cluster = cluster(1);
        let mut endpoints = Vec::new();
        for _ in 0..count {
            endpoints.push(endpoint(&cluster).await);
        }
        cluster.run();
        Self::start(cluster, endpoints, adjust).await
    }

    /// Connected to the first endpoint, unless that cannot be.
    pub(crate) async fn start(
        cluster: Arc<Simnet>,
        endpoints: Vec<Arc<Endpoint>>,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config(&endpoints);
        adjust(&mut config);
        let manager = ConnectionManager::open(config).unwrap();
        let lease = manager.lease(WorkerName::BurnDetector);
        within(lease.identity()).await;
        Self { cluster, endpoints, manager, lease }
    }

    pub(crate) fn failover(&self) -> Stats {
        self.manager.stats().failover
    }

    /// Which of the endpoints is in use.
    pub(crate) fn here(&self) -> usize {
        self.failover().endpoints.iter().position(|endpoint| endpoint.in_use).unwrap()
    }

    pub(crate) fn endpoint(&self, index: usize) -> EndpointStats {
        self.failover().endpoints.swap_remove(index)
    }

    pub(crate) fn changes(&self) -> usize {
        usize::try_from(self.failover().changes.values().sum::<u64>()).unwrap()
    }

    /// Waits until that many changes were made, and the WebSocket is live again.
    pub(crate) async fn until_changed(&self, times: usize) {
        eventually(|| self.changes() == times).await;
        self.until_live().await;
    }

    pub(crate) async fn until_live(&self) {
        eventually(|| self.manager.stats().pubsub.live > 0).await;
    }

    /// Kills an endpoint: its sockets are reset, and no new ones are accepted.
    pub(crate) async fn kill(&self, index: usize) {
        let endpoint = &self.endpoints[index];
        break_for_good(endpoint, Condition::NodeRestart).await;
        // Its tasks take a moment to notice.
        for port in [endpoint.front().http(), endpoint.front().ws()] {
            within(port.tally().until(|traffic| traffic.open == 0)).await;
        }
    }

    pub(crate) fn revive(&self, index: usize) {
        self.endpoints[index].faults().clear();
    }

    /// Counted by the servers, over all endpoints: never more than one WebSocket at a time, and never more than one
    /// HTTP connection, but for those that only carried looks at an endpoint that was not in use.
    pub(crate) fn assert_one_of_each(&self) {
        self.assert_one_http();
        let ws = self.endpoints.iter().flat_map(|one| one.front().ws().tally().traffic().connections);
        let ws: Vec<_> = ws.filter(|socket| socket.upgraded).collect();
        assert_eq!(most_open(&ws), 1, "WebSockets: {ws:#?}");
    }

    /// The same of HTTP connections alone, where a server is too dead to notice that its WebSocket was closed.
    pub(crate) fn assert_one_http(&self) {
        let http: Vec<_> = self.endpoints.iter().flat_map(|one| in_use(one)).collect();
        assert_eq!(most_open(&http), 1, "HTTP connections: {http:#?}");
        for endpoint in &self.endpoints {
            assert!(endpoint.front().http().tally().max_open() <= 1, "two at one endpoint");
        }
    }

    pub(crate) async fn stop(self) {
        drop(self.lease);
        within(self.manager.shut_down()).await;
        for endpoint in &self.endpoints {
            endpoint.faults().clear();
            within(endpoint.front().http().tally().until(|traffic| traffic.open == 0)).await;
            within(endpoint.front().ws().tally().until(|traffic| traffic.open == 0)).await;
        }
        within(self.cluster.stop()).await;
    }
}

/// The HTTP connections of an endpoint over which more was asked than how it sees the chain.
fn in_use(endpoint: &Endpoint) -> Vec<ConnectionRecord> {
    let looks = ["getGenesisHash", "getSlot"];
    let calls = endpoint.front().rpc().journal().all();
    let more = calls.iter().filter(|call| !looks.contains(&call.method.as_str()));
    let more: BTreeSet<u64> = more.map(|call| call.connection).collect();
    let sockets = endpoint.front().http().tally().traffic().connections;
    sockets.into_iter().filter(|socket| more.contains(&socket.number)).collect()
}
