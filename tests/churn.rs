//! Memory stays where it is: through reconnects, gaps, and subscriptions that are made and dropped.
//!
//! A simulated cluster with 20 slots a second for each one of mainnet's drops its sockets about twice a second, loses
//! notifications and breaks responses, while watches come and go. The long run, an hour's worth of slots of mainnet:
//! `EDA_CHURN=long cargo test --test churn -- --nocapture` (about 6 minutes).

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{env, fs, sync::Arc, time::Duration};

use eda_connection::{
    Config, ConnectionManager, Site,
    checkpoints::NoCheckpoints,
    endpoint::Endpoint,
    failover::Bounds,
    feed::{Choice, FeedConfig, Interest, LogHint, Start, Traffic, Watch},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{Address, Commitment, WorkerName};
use eda_limits::Limits;
use eda_test_support::process::{Eda, Launch, Signal};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
const PATIENCE: Duration = Duration::from_secs(60);

const FAULTS: &str = r#"
seed = 3
[[fault]]
kind = "websocket-drop"
every = "600ms"
[[fault]]
kind = "notification-drop"
chance = "2%"
[[fault]]
kind = "http-kill"
chance = "1%"
[[fault]]
kind = "http-5xx"
chance = "1%"
"#;

async fn serve() -> (Eda, String) {
    let launch = Launch::of(EDA).unwrap().file("faults.toml", FAULTS).unwrap();
    let arguments = ["simnet", "--http", "127.0.0.1:0", "--slot-time", "20ms", "--faults", "faults.toml"];
    let server = launch.args(arguments).start().unwrap();
    let line =
        server.wait_for_line(|line| line.text.contains("serving until Ctrl-C"), PATIENCE).await.unwrap();
    let from = line.text.find("http://").unwrap();
    let url = line.text.chars().skip(from).take_while(|c| !c.is_whitespace() && *c != '"').collect();
    (server, url)
}

fn config(url: &str) -> Config {
    Config {
        sites: vec![Site {
            endpoint: Endpoint::parse(url, None).unwrap(),
            limits: Limits::default(),
            priority: 0,
        }],
        weights: [].into(),
        extra_roots: Vec::new(),
        connect_timeout: Duration::from_secs(2),
        http: HttpConfig::default(),
        pubsub: pubsub::Config {
            linger: Duration::from_millis(20),
            retry_base: Duration::from_millis(10),
            retry_cap: Duration::from_millis(50),
            ..pubsub::Config::default()
        },
        failover: Bounds::default(),
        feed: FeedConfig {
            choice: Choice::Auto,
            commitment: Commitment::Confirmed,
            nominal_slot_time: Duration::from_millis(20),
            queue: 4_096,
            sweep_interval: Duration::from_secs(1),
            checkpoints: Arc::new(NoCheckpoints),
            start: Start::Now,
            catch_up: Duration::from_secs(3_600),
            compare_every: Duration::from_secs(1),
            over_plan: false,
        },
        savings: savings::Config { kept_bytes: 1_000_000, ..savings::Config::default() },
    }
}

/// What this process holds in memory, in kilobytes (`VmRSS` of proc_pid_status(5)).
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The slope of the best straight line through the samples, times their number: how much they grow over all.
fn growth(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>() / count;
    let (middle, level) = ((count - 1.0) / 2.0, mean(&mut samples.iter().copied()));
    let at = || samples.iter().enumerate().map(|(place, sample)| (place as f64 - middle, sample - level));
    let (above, below) = at().fold((0.0, 0.0), |(a, b), (x, y)| (a + x * y, b + x * x));
    above / below * count
}

async fn read(watch: Arc<Watch>) {
    while watch.transactions.next().await.is_some() {
        watch.transactions.done();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resident_memory_shows_no_trend_through_reconnects_gaps_and_changing_subscriptions() {
    let rounds = if env::var("EDA_CHURN").is_ok_and(|size| size == "long") { 1_440 } else { 160 };
    let (mut server, url) = serve().await;
    let manager = ConnectionManager::open(config(&url)).unwrap();
    let known = eda_simnet::well_known();
    let mention = |address: Address| Interest::Transactions {
        mention: address,
        traffic: Traffic::Selected,
        hint: LogHint::ALWAYS,
    };
    let lease = manager.lease(WorkerName::BurnDetector);
    let steady = Arc::new(lease.watch(&[mention(known.mints[0])]).unwrap());
    let mut reading = JoinSet::new();
    reading.spawn(read(Arc::clone(&steady)));
    let vaults: Vec<Address> = known.pools.iter().flat_map(|pool| pool.vaults).collect();
    let began = Instant::now();
    let mut samples = Vec::new();
    for round in 0..rounds {
        let other = manager.lease(WorkerName::LiquidityMonitor);
        let interests = [
            mention(known.mints[round % known.mints.len()]),
            Interest::Account(vaults[round % vaults.len()]),
            Interest::Account(Address::new_from_array([u8::try_from(round % 251).unwrap(); 32])),
        ];
        let watch = Arc::new(other.watch(&interests).unwrap());
        let mut reader = JoinSet::new();
        reader.spawn(read(Arc::clone(&watch)));
        sleep(Duration::from_millis(250)).await;
        reader.shutdown().await;
        drop((watch, other));
        samples.push(resident() as f64);
    }
    let feed = manager.stats().feed;
    println!(
        "{rounds} rounds in {:?}: {} interruptions, {} listings, {} found by them, {} transactions",
        began.elapsed(),
        feed.interruptions,
        feed.listings,
        feed.found_by_listing,
        feed.transactions
    );
    assert!(feed.interruptions > 20 && feed.found_by_listing > 0 && feed.transactions > 0, "{feed:?}");
    let settled = &samples[samples.len() / 3..];
    let level = settled.iter().sum::<f64>() / settled.len() as f64;
    let grown = growth(settled);
    println!("{level:.0} kB resident, {:+.2} % over the last two thirds", grown / level * 100.0);
    assert!(grown < level * 0.05, "grows by {grown:.0} of {level:.0} kB: {settled:?}");

    reading.shutdown().await;
    drop((steady, lease));
    manager.shut_down().await;
    server.signal(Signal::Interrupt).await.unwrap();
    server.exit(PATIENCE).await.unwrap();
}
