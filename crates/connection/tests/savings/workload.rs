//! The workload is told slot by slot: the chain makes one, then every worker whose hour it is asks for what it needs,
//! one worker after the other, since their hours are not the same in truth. Only to what happens on the chain do they
//! react together.

use std::{collections::BTreeMap, time::Duration};

use eda_connection::{
    Lease, RequestError,
    feed::Interest,
    http::Reply,
    request::{Class, Method},
    savings::Saved,
};
use eda_events::{Address, Signature, Slot, WorkerName};
use eda_simnet::{Meter, truth::Event};
use futures_util::future::{join_all, join5};
use serde_json::{Value, json};

use crate::world::{Pool, World};

const PATIENCE: Duration = Duration::from_secs(60);

/// Every 2 s the price of each of the first pools' tokens is read from the pool and its vaults.
const PRICED: usize = 20;
const PRICE_SLOTS: u64 = 5;
/// Every 30 s the pools and their vaults are compared with what the subscriptions told.
const COMPARE_SLOTS: u64 = 75;
/// Every 10 s the trader looks how much it can spend.
const PURSE_SLOTS: u64 = 25;
/// What was told at `confirmed` is looked up once more when it must have become final.
const FINAL_SLOTS: u64 = 34;

const WALLET: Address = Address::new_from_array([9; 32]);
const METADATA: Address = Address::from_str_const("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s");

/// The leases of the five.
struct Workers {
    burns: Lease,
    markets: Lease,
    liquidity: Lease,
    prices: Lease,
    trades: Lease,
}

/// Something on the chain that workers react to.
enum Happened {
    Created(Address),
    Burned(Address),
}

/// Runs the workload for so many slots; what the provider metered, and what the connection says it saved.
pub(crate) async fn run(seed: u64, slots: u64, savings: bool) -> (Meter, Saved) {
    let world = World::start(seed, savings).await;
    let workers = Workers {
        burns: world.lease(WorkerName::BurnDetector),
        markets: world.lease(WorkerName::MarketDetector),
        liquidity: world.lease(WorkerName::LiquidityMonitor),
        prices: world.lease(WorkerName::PriceAggregator),
        trades: world.lease(WorkerName::TradingBot),
    };
    workers.burns.identity().await;
    let mints: Vec<Interest> = world.mints.iter().copied().map(Interest::Account).collect();
    let accounts = world.pools.iter().flat_map(|pool| [pool.address, pool.vaults[0], pool.vaults[1]]);
    let accounts: Vec<Interest> = accounts.map(Interest::Account).collect();
    let watches = [workers.burns.watch(&mints).unwrap(), workers.liquidity.watch(&accounts).unwrap()];
    while world.manager.stats().feed.snapshots < u64::try_from(mints.len() + accounts.len()).unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let mut reached = world.simnet.chain().tips().confirmed;
    let mut unsettled: BTreeMap<u64, Vec<(WorkerName, Signature)>> = BTreeMap::new();
    for slot in 1..=slots {
        world.simnet.advance();
        if slot % PRICE_SLOTS == 0 {
            workers.price(&world.pools[..PRICED]).await;
        }
        if slot % COMPARE_SLOTS == 2 {
            workers.compare(&world.pools).await;
        }
        if slot % PURSE_SLOTS == 3 {
            workers.look_into_the_purse().await;
        }
        let (confirmed, happened) = since(&world, reached);
        reached = confirmed;
        for (at, signature, what) in happened {
            let reacted = match what {
                Happened::Created(mint) => {
                    workers.validate(mint, at).await;
                    [WorkerName::MarketDetector, WorkerName::BurnDetector, WorkerName::TradingBot].as_slice()
                }
                Happened::Burned(mint) => {
                    workers.burned(mint, at, &world.pools).await;
                    [WorkerName::BurnDetector, WorkerName::TradingBot].as_slice()
                }
            };
            for (worker, later) in reacted.iter().zip(0..) {
                unsettled.entry(slot + FINAL_SLOTS + later).or_default().push((*worker, signature));
            }
        }
        for (worker, signature) in unsettled.remove(&slot).unwrap_or_default() {
            workers.settle(worker, signature).await;
        }
    }
    let (meter, saved) = (world.meter(), world.manager.stats().saved);
    drop((watches, workers));
    world.stop().await;
    (meter, saved)
}

/// What was confirmed after a slot: new mints, and burns of watched ones.
fn since(world: &World, reached: u64) -> (u64, Vec<(u64, Signature, Happened)>) {
    let chain = world.simnet.chain();
    let confirmed = chain.tips().confirmed;
    let rows = chain.truth().between(reached + 1, confirmed);
    let happened = rows.filter_map(|row| {
        let Event::Effect(effect, _) = &row.event else { return None };
        let told = serde_json::to_value(&effect.what).unwrap();
        let mint = || told["mint"].as_str()?.parse::<Address>().ok();
        let happened = match told["kind"].as_str()? {
            "mint_created" => Happened::Created(mint()?),
            "burn" => Happened::Burned(mint().filter(|mint| world.mints.contains(mint))?),
            _ => return None,
        };
        Some((row.slot, row.signature, happened))
    });
    (confirmed, happened.collect())
}

// === impl Workers ===

impl Workers {
    /// The price aggregator's round.
    async fn price(&self, pools: &[Pool]) {
        join_all(pools.iter().map(|pool| read_pool(&self.prices, pool))).await;
    }

    /// The liquidity monitor's round.
    async fn compare(&self, pools: &[Pool]) {
        join_all(pools.iter().map(|pool| read_pool(&self.liquidity, pool))).await;
    }

    /// The trader's round.
    async fn look_into_the_purse(&self) {
        let params = json!([WALLET.to_string(), {"commitment": "confirmed"}]);
        ask(&self.trades, Class::Poll, "getBalance", params).await;
    }

    /// A mint came into being: all five learn its decimals, and two of them decide whether it is worth anything.
    async fn validate(&self, mint: Address, slot: u64) {
        let look = |lease| account(lease, Class::Detect, mint, slot);
        let detective = judge(&self.burns, Class::Detect, mint, slot);
        let trader = judge(&self.trades, Class::Entry, mint, slot);
        join5(look(&self.markets), detective, look(&self.liquidity), look(&self.prices), trader).await;
    }

    /// A watched mint was burned: the detector reads the supply, and then the trader decides.
    async fn burned(&self, mint: Address, slot: u64, pools: &[Pool]) {
        account(&self.burns, Class::Detect, mint, slot).await;
        let vaults = pools.iter().find(|pool| pool.mints.contains(&mint)).map(|pool| pool.vaults);
        let quote = join_all(vaults.into_iter().flatten().map(|it| tokens(&self.trades, Class::Entry, it)));
        tokio::join!(account(&self.trades, Class::Entry, mint, slot), quote);
    }

    /// A worker that acted on a transaction looks whether it has become final.
    async fn settle(&self, worker: WorkerName, signature: Signature) {
        let lease = match worker {
            WorkerName::BurnDetector => &self.burns,
            WorkerName::MarketDetector => &self.markets,
            WorkerName::LiquidityMonitor => &self.liquidity,
            WorkerName::PriceAggregator => &self.prices,
            WorkerName::TradingBot => &self.trades,
        };
        let params = json!([signature.to_string(), {
            "commitment": "finalized", "encoding": "base64", "maxSupportedTransactionVersion": 1,
        }]);
        let found = ask(lease, Class::Detect, "getTransaction", params).await;
        assert_ne!(found, Value::Null, "it was confirmed");
    }
}

/// Mint, metadata, the largest holders, and the accounts in which they hold.
async fn judge(lease: &Lease, class: Class, mint: Address, slot: u64) {
    let seeds = [b"metadata".as_slice(), METADATA.as_ref(), mint.as_ref()];
    let (metadata, _) = Address::find_program_address(&seeds, &METADATA);
    let largest =
        ask(lease, class, "getTokenLargestAccounts", json!([mint.to_string(), {"commitment": "confirmed"}]));
    let (_, _, largest) =
        tokio::join!(account(lease, class, mint, slot), account(lease, class, metadata, slot), largest);
    let holders = largest["value"].as_array().unwrap().iter();
    let holders = holders.map(|holder| holder["address"].as_str().unwrap().parse().unwrap());
    join_all(holders.map(|holder: Address| account(lease, class, holder, slot))).await;
}

async fn read_pool(lease: &Lease, pool: &Pool) {
    let params = json!([pool.address.to_string(), {"encoding": "base64", "commitment": "confirmed"}]);
    let state = ask(lease, Class::Poll, "getAccountInfo", params);
    let vaults = join_all(pool.vaults.map(|vault| tokens(lease, Class::Poll, vault)));
    tokio::join!(state, vaults);
}

async fn tokens(lease: &Lease, class: Class, vault: Address) {
    let params = json!([vault.to_string(), {"commitment": "confirmed"}]);
    let balance = ask(lease, class, "getTokenAccountBalance", params).await;
    assert!(balance["value"]["amount"].is_string(), "{balance}");
}

async fn account(lease: &Lease, class: Class, address: Address, slot: u64) {
    lease.account(class, address, Slot(slot), PATIENCE).await.unwrap();
}

async fn ask(lease: &Lease, class: Class, method: &'static str, params: Value) -> Value {
    let answer: Result<Reply, RequestError> = lease.call(class, Method::new(method), params, PATIENCE).await;
    serde_json::from_str(answer.unwrap().result.get()).unwrap()
}
