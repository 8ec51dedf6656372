//! Everything goes wrong at once, again and again: no burn is lost, none is reported twice.
//!
//! The process runs against a simulated cluster behind a strict provider, is killed at random moments, and meets faults
//! of every kind. At the end the events in its store are exactly the burns of the ledger; after every kill, what its
//! checkpoints claim is there.
//!
//! The long run: `EDA_TORTURE=long cargo test --test torture -- --nocapture` (about 20 minutes). A seed that failed is
//! run again with `EDA_TORTURE_SEED=<seed>`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test relies on fails the test")]
#![expect(clippy::print_stdout, reason = "a seed that is not printed cannot be run again")]

mod ledger;
mod sockets;
mod storm;

use std::{env, time::Duration};

use eda_events::WorkerName;
use eda_simnet::{
    chain::{Config, Mix},
    cluster::Simnet,
    endpoint::{Endpoint, Options},
};
use eda_test_support::process::{Eda, Launch, Output, Signal};
use tokio::time::{Instant, sleep};

use eda_limits::Limits;
use ledger::Ledger;
use sockets::Sockets;
use storm::Storm;

const EDA: &str = env!("CARGO_BIN_EXE_eda");

/// What the provider allows: little more than a lively chain and catching up take.
const REQUESTS: &str = "1500/10s";
const PER_METHOD: &str = "900/10s";
const CONNECTS: &str = "40/10s";

/// How hard it is.
struct Size {
    burns: usize,
    faults: usize,
    kills: usize,
}

const SHORT: Size = Size { burns: 800, faults: 60, kills: 4 };
const LONG: Size = Size { burns: 10_000, faults: 600, kills: 10 };

fn size() -> Size {
    if env::var("EDA_TORTURE").is_ok_and(|size| size == "long") { LONG } else { SHORT }
}

fn seed() -> u64 {
    let given = env::var("EDA_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()) * 7_919);
    println!("seed {seed}");
    seed
}

async fn cluster(seed: u64) -> Simnet {
    let mix = Mix { burns: 500, votes: 100, transfers: 100, ..Mix::default() };
    Simnet::new(Config { seed, slot_time: Duration::from_millis(150), mix, ..Config::default() })
}

async fn endpoint(cluster: &Simnet) -> std::sync::Arc<Endpoint> {
    let rate = |text: &str| text.parse().ok();
    let limits = Limits {
        requests: rate(REQUESTS),
        per_method: rate(PER_METHOD),
        connects: rate(CONNECTS),
        ..Limits::default()
    };
    cluster.endpoint(Options { limits, ..Options::default() }).await.unwrap()
}

/// A run with this configuration, in a data directory that outlives it.
fn start(urls: [&str; 2], data: &std::path::Path, watch: &str) -> Eda {
    let [url, next] = urls;
    let limits =
        format!("requests = \"{REQUESTS}\"\nper_method = \"{PER_METHOD}\"\nconnects = \"{CONNECTS}\"\n");
    let of_next = limits.trim_end().replace('\n', ", ");
    let config = format!(
        "[feed]\ncompare_every = \"5s\"\n[workers.burn-detector]\nthreshold = \"1\"\nwatch = {watch}\n[rpc]\n\
         url = \"{url}\"\nprofile = \"custom\"\nstall_timeout = \"3s\"\nconnect_timeout = \"2s\"\nendpoints = [{{ url = \
         \"{next}\", profile = \"custom\", limits = {{ {of_next} }} }}]\n[rpc.limits]\n{limits}"
    );
    Launch::of(EDA)
        .unwrap()
        .args(["run", "--data-dir", data.to_str().unwrap()])
        .file("config.toml", &config)
        .unwrap()
        .start()
        .unwrap()
}

async fn torture(watch: &str, mints: Option<Vec<String>>) {
    let (seed, size) = (seed(), size());
    let cluster = cluster(seed).await;
    let (endpoint, next) = (endpoint(&cluster).await, endpoint(&cluster).await);
    cluster.run();
    let data = tempfile::tempdir().unwrap();
    let urls = [endpoint.front().http_url(), next.front().http_url()];
    let urls = urls.each_ref().map(String::as_str);
    let ledger = Ledger::new(data.path(), mints);
    let mut storm = Storm::new(seed);
    let mut eda = start(urls, data.path(), watch);
    let sockets = Sockets::watch([endpoint.front().http_url(), endpoint.front().ws_url()]);
    sockets.of(&eda);
    ledger.until_begun(&cluster).await;

    let began = Instant::now();
    let (mut kills, mut faults) = (0, 0);
    while ledger.happened(&cluster).len() < size.burns || faults < size.faults {
        sleep(storm.pause()).await;
        storm.strike(&endpoint, faults);
        faults += 1;
        if kills < size.kills && faults >= (kills + 1) * size.faults / (size.kills + 1) {
            eda.signal(Signal::Kill).await.unwrap();
            eda.exit(Duration::from_secs(30)).await.unwrap();
            kills += 1;
            ledger.check_what_is_claimed(&cluster);
            eda = start(urls, data.path(), watch);
            sockets.of(&eda);
        }
    }
    println!(
        "{faults} faults and {kills} kills in {:?}: {:?}",
        began.elapsed(),
        endpoint.faults().journal().counts()
    );
    endpoint.faults().clear();
    let last = cluster.chain().tips().confirmed;
    ledger.until_reached(&cluster, last, || tail(&eda)).await;
    ledger.check_against(&cluster, last, || tail(&eda));

    // The endpoint goes for good, and the other one takes over.
    let gone = endpoint.faults().control("simnetFault", &serde_json::json!([{"kind": "node-restart"}]));
    assert!(matches!(gone, Some(Ok(_))), "{gone:?}");
    let last = last + 200;
    ledger.until_reached(&cluster, last, || tail(&eda)).await;
    ledger.check_against(&cluster, last, || tail(&eda));
    assert!(!next.provider().meter().requests.is_empty(), "the other endpoint was never asked");

    for meter in [endpoint.provider().meter(), next.provider().meter()] {
        assert_eq!(meter.refused(), 0, "refused by the provider itself: {meter:?}");
    }
    assert_eq!(sockets.most(), [1, 1], "sockets open at once, HTTP and WebSocket");
    eda.signal(Signal::Interrupt).await.unwrap();
    let code = eda.exit(Duration::from_secs(30)).await.unwrap().code();
    assert_eq!(code, Some(0), "{}", tail(&eda));
    cluster.stop().await;
}

fn tail(eda: &Eda) -> String {
    let mut lines = eda.output(Output::Stderr);
    lines.retain(|line| !line.contains(": burn token=") && !line.contains("creation seen"));
    lines.drain(..lines.len().saturating_sub(30));
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_burn_is_reported_once_where_whole_blocks_are_read() {
    torture("\"all\"", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_burn_of_watched_mints_is_reported_once_where_logs_are_followed() {
    let mints: Vec<String> = eda_simnet::well_known().mints.iter().map(ToString::to_string).collect();
    let watch =
        format!("[{}]", mints.iter().map(|mint| format!("\"{mint}\"")).collect::<Vec<_>>().join(", "));
    torture(&watch, Some(mints)).await;
}

const WORKER: WorkerName = WorkerName::BurnDetector;
