use std::{env, sync::Arc, time::Duration};

use eda_burn_detector::{BurnDetector, Config as BurnConfig, Detector, Watch};
use eda_connection::{
    Config, ConnectionManager, Lease, Site, Vital,
    checkpoints::NoCheckpoints,
    endpoint::Endpoint,
    failover::Bounds,
    feed::{self, Choice, Demand, FeedConfig, Interest, Plan, Sampling, Start},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{Address, Cluster, Commitment, Genesis, Log, RawAmount, WorkerName, log::QUEUE};
use eda_limits::Limits;
use eda_simnet::{
    Meter, Protocol,
    chain::{Config as ChainConfig, Mix},
    cluster::Simnet,
    endpoint::{Endpoint as Served, Options},
    well_known,
};
use eda_store::{Keeping, Settings, Store};
use eda_worker::{Policy, Supervisor, Surroundings};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{aside, finality::Finality};

/// A chain that has some history already has so many slots.
const PAST: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// What is followed, and where.
pub(crate) struct Setting {
    pub(crate) limits: Limits,
    pub(crate) mix: Mix,
    /// The mints whose burns are looked for; `None` is every mint.
    pub(crate) mints: Option<Vec<Address>>,
    /// So many pools are followed by their accounts.
    pub(crate) pools: usize,
}

/// A chain, its provider, and what is to be followed.
pub(crate) struct World {
    simnet: Simnet,
    served: Arc<Served>,
    config: Config,
    burns: BurnConfig,
    pools: Vec<Interest>,
}

/// The burn-detector at work, and what else a process does.
pub(crate) struct Working {
    manager: Arc<ConnectionManager>,
    supervisor: Supervisor,
    store: Store,
    keeping: Keeping,
    looking: JoinSet<()>,
    _pools: (Lease, feed::Watch),
    _directory: TempDir,
}

fn slot_time() -> Duration {
    let long = env::var("EDA_FORECAST").is_ok_and(|size| size == "long");
    Duration::from_millis(if long { 400 } else { 900 })
}

/// In memory where that can be had: the store works in real time, and virtual time passes while it is waited for.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

// === impl World ===

impl World {
    pub(crate) async fn start(seed: u64, setting: Setting) -> Self {
        let Setting { limits, mix, mints, pools } = setting;
        let simnet = Simnet::new(ChainConfig { mix, slot_time: slot_time(), ..ChainConfig::seeded(seed) });
        let options = Options { protocol: Protocol::H2c, limits: limits.clone(), ..Options::default() };
        let served = simnet.endpoint(options).await.unwrap();
        let endpoint = Endpoint::parse(&served.front().http_url(), Some(&served.front().ws_url())).unwrap();
        let subscriptions = limits.subscriptions.map_or(1_000, |cap| usize::try_from(cap).unwrap());
        for _ in 0..PAST {
            simnet.advance();
        }
        simnet.run();
        let pools = well_known().pools.into_iter().take(pools);
        let pools =
            pools.flat_map(|pool| [pool.address, pool.vaults[0], pool.vaults[1]]).map(Interest::Account);
        let watch = mints.map_or(Watch::All, Watch::Mints);
        let config = Config {
            sites: vec![Site { endpoint, limits, priority: 0 }],
            failover: Bounds::default(),
            weights: [].into(),
            extra_roots: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            http: HttpConfig::default(),
            pubsub: pubsub::Config { max_subscriptions: subscriptions, ..pubsub::Config::default() },
            feed: FeedConfig {
                choice: Choice::Auto,
                commitment: Commitment::Confirmed,
                nominal_slot_time: slot_time(),
                queue: 16_384,
                sweep_interval: Duration::from_secs(5),
                checkpoints: Arc::new(NoCheckpoints),
                start: Start::Now,
                catch_up: Duration::from_secs(3_600),
                compare_every: Duration::from_secs(60),
                over_plan: false,
            },
            savings: savings::Config::default(),
        };
        let burns = BurnConfig { watch, threshold: RawAmount(1), ..BurnConfig::default() };
        Self { simnet, served, config, burns, pools: pools.collect() }
    }

    /// What `eda plan` does: looks at the endpoint, and plans with what it saw.
    pub(crate) async fn plan(&self, sampling: Sampling) -> Plan {
        let manager = ConnectionManager::open(self.config.clone()).unwrap();
        let lease = manager.lease(WorkerName::BurnDetector);
        lease.identity().await;
        let interests = [BurnDetector::interests(&self.burns, true), self.pools.clone()].concat();
        let sample = manager.measure(&interests, sampling).await;
        println!(
            "{} blocks, {} transactions; {:?}",
            sample.blocks.len(),
            sample.transactions.len(),
            sample.measures
        );
        let detector = Detector::new(&self.burns, self.burns.watched(true));
        manager.expect(aside::costs(&detector, &sample));
        let plan = manager.plan(&Demand::of(&interests));
        drop(lease);
        manager.shut_down().await;
        plan
    }

    /// What `eda run` does.
    pub(crate) fn work(&self) -> Working {
        let manager = ConnectionManager::open(self.config.clone()).unwrap();
        let directory = directory();
        let store = Store::open(&directory.path().join("eda.db"), Settings::default()).unwrap();
        let (log, entries) = Log::new(QUEUE);
        let keeping = store.keep(entries);
        let finality = Finality { manager: Arc::clone(&manager), store: store.clone(), log: log.clone() };
        let asked = Arc::clone(&manager);
        let surroundings = Surroundings {
            log,
            boot: 1,
            cluster: Arc::new(|| Cluster::Unknown),
            genesis: Arc::new(move || match asked.vital() {
                Vital::Known(identity) => Genesis::from(identity.genesis_hash.as_str()),
                Vital::Unknown(_) | Vital::Conflict(_) => Genesis::unknown(),
            }),
            connection: Arc::new(|_| None),
            lacking: Arc::new(|_| None),
        };
        let supervisor = Supervisor::start(Policy::default(), surroundings).unwrap();
        let lease = manager.lease(WorkerName::BurnDetector);
        supervisor.add(Box::new(BurnDetector::new(self.burns.clone(), lease, true).unwrap())).unwrap();
        let lease = manager.lease(WorkerName::LiquidityMonitor);
        let watch = lease.watch(&self.pools).unwrap();
        let mut looking = JoinSet::new();
        looking.spawn(finality.run());
        Working {
            manager,
            supervisor,
            store,
            keeping,
            looking,
            _pools: (lease, watch),
            _directory: directory,
        }
    }

    /// What the provider has counted.
    pub(crate) fn meter(&self) -> Meter {
        self.served.provider().meter()
    }

    pub(crate) async fn stop(self) {
        self.simnet.stop().await;
    }
}

// === impl Working ===

impl Working {
    pub(crate) async fn stop(mut self) {
        self.looking.shutdown().await;
        self.manager.stop_intake();
        self.supervisor.stop_all(PATIENCE).await;
        self.store.finish();
        self.keeping.ended().await.unwrap();
        self.store.close().await;
        self.manager.shut_down().await;
    }
}
