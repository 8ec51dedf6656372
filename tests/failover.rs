//! Two endpoints of one simulated cluster, and an `eda` that is connected to one of them at a time.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use eda_simnet::{
    ConnectionRecord, chain,
    cluster::Simnet,
    endpoint::{Endpoint, Options},
    most_open,
};
use eda_test_support::{
    observe::{command, events, until_events, until_status},
    process::{Eda, Launch, Output, Signal},
    sockets,
};
use serde_json::{Value, json};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(90);

async fn cluster(seed: u64) -> (Simnet, [Arc<Endpoint>; 2]) {
    let slot_time = Duration::from_millis(200);
    let cluster = Simnet::new(chain::Config { slot_time, ..chain::Config::seeded(seed) });
    let endpoints = [
        cluster.endpoint(Options::default()).await.unwrap(),
        cluster.endpoint(Options::default()).await.unwrap(),
    ];
    cluster.run();
    (cluster, endpoints)
}

fn url(endpoint: &Endpoint) -> String {
    endpoint.front().http_url()
}

fn config(first: &Endpoint, second: &Endpoint) -> String {
    format!(
        "[rpc]\nurl = \"{}\"\nendpoints = [{{ url = \"{}\" }}]\n[workers.burn-detector]\nthreshold = \"1\"\n",
        url(first),
        url(second)
    )
}

fn burn_slot(event: &Value) -> Option<u64> {
    (event["type"] == "BURN_DETECTED").then(|| event["source"]["slot"].as_u64().unwrap())
}

/// Every burn of these slots with how often it was told.
fn told(eda: &Eda, from: u64, to: u64) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for event in events(eda).unwrap() {
        if burn_slot(&event).is_some_and(|slot| (from..=to).contains(&slot)) {
            *told.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    told
}

/// Every burn that happened in these slots, once.
fn happened(cluster: &Simnet, from: u64, to: u64) -> BTreeMap<String, usize> {
    let chain = cluster.chain();
    let burns = chain.truth().between(from, to).filter(|row| row.is_burn()).map(|row| row.to_json());
    let id = |row: Value| {
        let path: Vec<String> = row["path"].as_array().unwrap().iter().map(ToString::to_string).collect();
        let entry = row["batchEntry"].as_u64().map(|entry| format!("#{entry}")).unwrap_or_default();
        format!("burn:{}:{}{entry}", row["signature"].as_str().unwrap(), path.join("."))
    };
    burns.map(|row| (id(row), 1)).collect()
}

/// Counted at both endpoints: never more than one WebSocket, and never more than one HTTP connection but for the short
/// ones over which it was only looked how the other endpoint sees the chain.
fn assert_one_of_each(endpoints: &[Arc<Endpoint>]) {
    let more_than_looks = |endpoint: &Arc<Endpoint>| -> Vec<ConnectionRecord> {
        let looks = ["getGenesisHash", "getSlot"];
        let calls = endpoint.front().rpc().journal().all();
        let more = calls.iter().filter(|call| !looks.contains(&call.method.as_str()));
        let more: BTreeSet<u64> = more.map(|call| call.connection).collect();
        let sockets = endpoint.front().http().tally().traffic().connections;
        sockets.into_iter().filter(|socket| more.contains(&socket.number)).collect()
    };
    let http: Vec<_> = endpoints.iter().flat_map(more_than_looks).collect();
    let ws: Vec<_> =
        endpoints.iter().flat_map(|one| one.front().ws().tally().traffic().connections).collect();
    assert_eq!((most_open(&http), most_open(&ws)), (1, 1), "{http:#?} {ws:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_endpoint_in_use_is_killed_every_burn_goes_on_being_reported_once() {
    let (cluster, endpoints) = cluster(21).await;
    let [first, second] = &endpoints;
    let launch = Launch::of(EDA).unwrap().args(["run", "--workers", "all", "--events", "-"]);
    let mut eda = launch.file("config.toml", &config(first, second)).unwrap().start().unwrap();
    until_events(&eda, PATIENCE, |events| events.iter().filter_map(burn_slot).count() >= 5).await.unwrap();
    let cursor = |status: &Value| status["feed"]["cursor"].as_u64();
    let began =
        until_status(EDA, eda.directory(), PATIENCE, |status| cursor(status).is_some()).await.unwrap();
    assert_eq!(began["failover"]["endpoints"][0]["in_use"], true, "{began:#}");
    let from = cursor(&began).unwrap() + 1;

    first.stop().await;
    let at_second = |status: &Value| status["failover"]["endpoints"][1]["in_use"] == true;
    let moved = until_status(EDA, eda.directory(), PATIENCE, at_second).await.unwrap();
    let until = cluster.chain().tips().processed + 20;
    until_events(&eda, PATIENCE, |events| events.iter().filter_map(burn_slot).any(|slot| slot > until))
        .await
        .unwrap();
    let to = until - 1;
    assert_eq!(told(&eda, from, to), happened(&cluster, from, to));

    let shown = url(second).trim_end_matches('/').to_owned();
    assert_eq!(moved["endpoint"], shown);
    let ended = until_status(EDA, eda.directory(), PATIENCE, at_second).await.unwrap();
    assert_eq!(ended["failover"]["changes"], json!({ "errors": 1 }), "{ended:#}");
    assert_eq!(ended["failover"]["endpoints"][0]["state"], "ill", "{ended:#}");
    let established = |endpoint: &Endpoint| {
        let ports = [endpoint.front().http().address().port(), endpoint.front().ws().address().port()];
        ports.map(|port| sockets::established(eda.pid().unwrap(), port).unwrap())
    };
    assert_eq!((established(first), established(second)), ([0, 0], [1, 1]));
    assert_one_of_each(&endpoints);

    eda.signal(Signal::Interrupt).await.unwrap();
    let log = eda.output(Output::Stderr);
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0), "{log:#?}");
    let changes = log.iter().filter(|line| line.contains("going over to another endpoint")).count();
    assert_eq!(changes, 1, "{log:#?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_looks_at_every_endpoint_and_names_one_of_another_cluster() {
    let ((ours, [first, second]), (other, [stranger, _])) = (cluster(22).await, cluster(23).await);
    let check = async |endpoints: &str| {
        let directory = tempfile::tempdir().unwrap();
        let config = format!("[rpc]\nurl = \"{}\"\nendpoints = {endpoints}\n", url(&first));
        std::fs::write(directory.path().join("config.toml"), config).unwrap();
        let ended = command(EDA, directory.path(), &["check", "--json"]).await.unwrap();
        let found: Value = serde_json::from_str(&ended.out).unwrap();
        (ended.code, found)
    };
    let (code, found) = check(&format!("[{{ url = \"{}\", priority = 3 }}]", url(&second))).await;
    assert_eq!(code, Some(0), "{found:#}");
    let other_one = &found["others"][0];
    assert_eq!(found["genesis_hash"], other_one["genesis_hash"]);
    assert_eq!((&found["websocket_live"], &other_one["websocket_live"]), (&json!(true), &json!(true)));

    let (code, found) = check(&format!("[{{ url = \"{}\" }}]", url(&stranger))).await;
    assert_eq!(code, Some(78), "{found:#}");
    let problem = found["others"][0]["problems"][0].as_str().unwrap();
    assert!(problem.contains("another cluster"), "{problem}");
    first.stop().await;
    let (code, found) = check(&format!("[{{ url = \"{}\" }}]", url(&second))).await;
    assert_eq!(code, Some(69), "{found:#}");
    assert_eq!(found["others"][0]["problems"], Value::Null, "{found:#}");
    ours.stop().await;
    other.stop().await;
}
