use std::{sync::Arc, time::Duration};

use eda_connection::{
    Config, ConnectionManager, Lease, Site,
    checkpoints::NoCheckpoints,
    endpoint::Endpoint,
    failover::Bounds,
    feed::{Choice, FeedConfig, Start},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{Address, Commitment, WorkerName};
use eda_limits::{Limits, profile};
use eda_simnet::{
    Meter, Protocol,
    chain::{Account, Config as ChainConfig},
    cluster::Simnet,
    endpoint::{Endpoint as Served, Options},
    programs::{TOKEN, raydium_cpmm},
    well_known,
};

/// Pools that are followed, and mints that are watched.
const POOLS: usize = 40;
const MINTS: usize = 50;

/// A pool as its followers know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub(crate) address: Address,
    pub(crate) mints: [Address; 2],
    pub(crate) vaults: [Address; 2],
}

/// A chain whose time passes by hand.
pub(crate) struct World {
    pub(crate) simnet: Simnet,
    pub(crate) mints: Vec<Address>,
    pub(crate) pools: Vec<Pool>,
}

/// One connection to the chain, by a provider of its own.
pub(crate) struct Link {
    pub(crate) manager: Arc<ConnectionManager>,
    served: Arc<Served>,
}

/// The prices of a plan, and none of its limits: nobody waits, so that a minute passes as fast as it can be asked for.
pub(crate) fn limits() -> Limits {
    let plan = profile::by_name("helius-developer").unwrap().limits();
    Limits { costs: plan.costs, default_cost: plan.default_cost, ..Limits::default() }
}

/// An address that nothing else uses.
fn address(kind: u8, number: usize) -> Address {
    let mut bytes = [kind; 32];
    bytes[..2].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
    Address::new_from_array(bytes)
}

fn mint() -> Account {
    let mut data = vec![0; 82];
    (data[44], data[45]) = (6, 1);
    Account::holding(data, TOKEN)
}

fn holding(mint: Address) -> Account {
    let mut data = vec![0; 165];
    data[..32].copy_from_slice(mint.as_ref());
    data[64..72].copy_from_slice(&1_000_000_000_u64.to_le_bytes());
    data[108] = 1;
    Account::holding(data, TOKEN)
}

// === impl World ===

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let town = well_known();
        let mut mints = town.mints;
        let mut pools: Vec<Pool> = town
            .pools
            .iter()
            .map(|pool| Pool { address: pool.address, mints: pool.mints, vaults: pool.vaults })
            .collect();
        let mut genesis = Vec::new();
        for number in mints.len()..MINTS {
            mints.push(address(1, number));
            genesis.push((address(1, number), mint()));
        }
        for number in pools.len()..POOLS {
            let pool = Pool {
                address: address(2, number),
                mints: [mints[number], mints[number + 1]],
                vaults: [address(3, number), address(4, number)],
            };
            // As long as the state of a Raydium CPMM pool.
            genesis.push((pool.address, Account::holding(vec![1; 637], raydium_cpmm::ADDRESS)));
            genesis.extend([0, 1].map(|side| (pool.vaults[side], holding(pool.mints[side]))));
            pools.push(pool);
        }
        Self { simnet: Simnet::new(ChainConfig { genesis, ..ChainConfig::seeded(seed) }), mints, pools }
    }

    pub(crate) async fn link(&self, on: bool) -> Link {
        let options = Options { protocol: Protocol::H2c, limits: limits(), ..Options::default() };
        let served = self.simnet.endpoint(options).await.unwrap();
        let endpoint = Endpoint::parse(&served.front().http_url(), Some(&served.front().ws_url())).unwrap();
        let config = Config {
            sites: vec![Site { endpoint, limits: limits(), priority: 0 }],
            failover: Bounds::default(),
            weights: [].into(),
            extra_roots: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            http: HttpConfig::default(),
            pubsub: pubsub::Config { max_subscriptions: 1_000, ..pubsub::Config::default() },
            feed: FeedConfig {
                choice: Choice::Auto,
                commitment: Commitment::Confirmed,
                nominal_slot_time: Duration::from_millis(400),
                queue: 1_024,
                sweep_interval: Duration::from_secs(5),
                checkpoints: Arc::new(NoCheckpoints),
                start: Start::Now,
                catch_up: Duration::from_secs(3_600),
                compare_every: Duration::from_secs(3_600),
                over_plan: false,
            },
            savings: savings::Config { on, ..savings::Config::default() },
        };
        Link { manager: ConnectionManager::open(config).unwrap(), served }
    }
}

// === impl Link ===

impl Link {
    pub(crate) fn lease(&self, worker: WorkerName) -> Lease {
        self.manager.lease(worker)
    }

    pub(crate) fn meter(&self) -> Meter {
        self.served.provider().meter()
    }
}
