//! The simulated cluster as a user meets it: the first command, the server, and what is refused.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{collections::BTreeMap, fs, time::Duration};

use eda_test_support::{
    client::Client,
    observe::{command, events, until_events, until_status, worker},
    process::{Eda, Launch, Output, Signal},
};
use serde_json::{Value, json};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(180);
/// The repository's own settings, as a fresh clone has them.
const SHIPPED: &str = include_str!("../config.toml");

fn is_burn(event: &Value) -> bool {
    event["type"] == "BURN_DETECTED"
}

fn log(eda: &Eda) -> Vec<String> {
    eda.output(Output::Stderr)
}

async fn end(mut eda: Eda) -> Vec<String> {
    eda.signal(Signal::Interrupt).await.unwrap();
    let code = eda.exit(PATIENCE).await.unwrap().code();
    assert_eq!(code, Some(0), "{:#?}", log(&eda));
    log(&eda)
}

/// A running `eda simnet`, and where it listens.
async fn serve(arguments: &[&str]) -> (Eda, String) {
    let server = Launch::of(EDA).unwrap().args(["simnet", "--http", "127.0.0.1:0"]).args(arguments);
    let server = server.start().unwrap();
    let line =
        server.wait_for_line(|line| line.text.contains("serving until Ctrl-C"), PATIENCE).await.unwrap();
    let from = line.text.find("http://").unwrap();
    let url: String = line.text.chars().skip(from).take_while(|c| !c.is_whitespace() && *c != '"').collect();
    (server, url)
}

#[tokio::test]
async fn the_first_command_needs_nothing_and_says_that_the_chain_is_made_up() {
    let launch = Launch::of(EDA).unwrap().args(["run", "--workers", "all", "--events", "-"]);
    let eda = launch.file("config.toml", SHIPPED).unwrap().start().unwrap();
    let events = until_events(&eda, PATIENCE, |events| events.iter().any(is_burn)).await.unwrap();
    let first = events.iter().find(|event| is_burn(event)).unwrap();
    assert_eq!(first["cluster"], "simnet");
    assert!(first["source"]["slot"].as_u64().unwrap() <= 25, "{first}");
    assert!(log(&eda).first().unwrap().contains("SIMULATED"), "{:#?}", log(&eda));

    let busy = |status: &Value| {
        let counted = |name| worker(status, name).is_some_and(|worker| worker["seen"] != json!({}));
        let working =
            ["burn-detector", "market-detector", "liquidity-monitor", "price-aggregator", "trading-bot"];
        working.into_iter().all(counted)
    };
    let status = until_status(EDA, eda.directory(), PATIENCE, busy).await.unwrap();
    assert_eq!(status["cluster"], "simnet");
    let sees = &status["provider_sees"];
    assert_eq!((&sees["http_max_open"], &sees["ws_max_open"]), (&json!(1), &json!(1)), "{status:#}");
    let log = end(eda).await;
    let last = log.iter().find(|line| line.contains("what the simulated provider saw")).unwrap();
    assert!(last.contains("at_once=1") && last.contains("refused=0"), "{last}");
}

#[tokio::test]
async fn a_minute_behind_a_strict_provider_reports_every_burn_of_the_ledger_and_is_never_refused() {
    let (server, url) = serve(&["--profile", "simnet", "--seed", "11", "--truth", "truth.jsonl"]).await;
    let config = "[workers.burn-detector]\nthreshold = \"1\"\n";
    let launch =
        Launch::of(EDA).unwrap().args(["run", "--profile", "simnet", "--events", "-", "--url", &url]);
    let eda = launch.file("config.toml", config).unwrap().start().unwrap();
    let proven = |status: &Value| status["feed"]["cursor"].as_u64();
    let began =
        until_status(EDA, eda.directory(), PATIENCE, |status| proven(status).is_some()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ended =
        until_status(EDA, eda.directory(), PATIENCE, |status| proven(status).is_some()).await.unwrap();
    let (began, ended) = (proven(&began).unwrap() + 1, proven(&ended).unwrap());
    assert!(ended > began + 100, "{began} to {ended}");
    until_events(&eda, PATIENCE, |events| {
        events.iter().any(|event| is_burn(event) && event["source"]["slot"].as_u64() > Some(ended))
    })
    .await
    .unwrap();
    let reported = events(&eda).unwrap();
    end(eda).await;
    let directory = server.directory().to_owned();
    let log = end_and(server, || fs::read_to_string(directory.join("truth.jsonl")).unwrap()).await;

    // Both by id, so that one which stands twice is seen.
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    let within = |event: &&Value| (began..=ended).contains(&event["source"]["slot"].as_u64().unwrap());
    for event in reported.iter().filter(|event| is_burn(event)).filter(within) {
        *told.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let (lines, truth) = log;
    let mut happened: BTreeMap<String, u64> = BTreeMap::new();
    for row in truth.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if row["kind"] == "burn" && (began..=ended).contains(&row["slot"].as_u64().unwrap()) {
            let path: Vec<String> = row["path"].as_array().unwrap().iter().map(ToString::to_string).collect();
            let entry = row["batchEntry"].as_u64().map(|entry| format!("#{entry}")).unwrap_or_default();
            let id = format!("burn:{}:{}{entry}", row["signature"].as_str().unwrap(), path.join("."));
            happened.insert(id, 1);
        }
    }
    assert!(happened.len() > 50, "{happened:?}");
    assert_eq!(told, happened);
    let saw = lines.iter().find(|line| line.contains("http_max_open")).unwrap();
    for fact in ["\\\"refused\\\":0", "\\\"http_max_open\\\":1", "\\\"ws_max_open\\\":1"] {
        assert!(saw.contains(fact) || saw.contains(&fact.replace('\\', "")), "{fact}: {saw}");
    }
}

async fn end_and<T>(server: Eda, read: impl FnOnce() -> T) -> (Vec<String>, T) {
    let mut server = server;
    server.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(server.exit(PATIENCE).await.unwrap().code(), Some(0), "{:#?}", log(&server));
    let lines = log(&server);
    (lines, read())
}

#[tokio::test]
async fn behind_the_public_limits_the_whole_chain_is_refused_and_watched_accounts_go_on() {
    let known = eda_simnet::well_known();
    let mints: Vec<String> = known.mints.iter().take(2).map(|mint| format!("\"{mint}\"")).collect();
    let vaults: Vec<String> =
        known.pools.iter().flat_map(|pool| pool.vaults).map(|vault| format!("\"{vault}\"")).collect();
    let accounts = format!("accounts = [{}]", vaults.join(", "));
    let config = |watch: &str| {
        format!(
            "[rpc]\nurl = \"simnet\"\nprofile = \"public-mainnet-beta\"\n[workers.burn-detector]\nwatch = {watch}\n\
             [workers.liquidity-monitor]\n{accounts}\n[workers.price-aggregator]\n{accounts}\n"
        )
    };
    let run = |watch: &str| {
        let launch = Launch::of(EDA).unwrap().args(["run", "--events", "-"]);
        launch.file("config.toml", &config(watch)).unwrap().start().unwrap()
    };
    // Asked for by name it ends the run, left open it is told, and the rest goes on.
    let mut refused = run("\"all\"");
    assert_eq!(refused.exit(PATIENCE).await.unwrap().code(), Some(78));
    let arithmetic = "getBlock calls per 10 s, and the limit of getBlock leaves";
    assert!(log(&refused).iter().any(|line| line.contains(arithmetic)), "{:#?}", log(&refused));
    let left_open = run("\"auto\"");
    left_open.wait_for_line(|line| line.text.contains(arithmetic), PATIENCE).await.unwrap();
    let working = |status: &Value| {
        ["liquidity-monitor", "price-aggregator"]
            .into_iter()
            .all(|name| worker(status, name).is_some_and(|worker| worker["seen"] != json!({})))
    };
    until_status(EDA, left_open.directory(), PATIENCE, working).await.unwrap();
    let log_of_it = end(left_open).await;
    assert!(log_of_it.iter().any(|line| line.contains("refused=0")), "{log_of_it:#?}");

    let watching = run(&format!("[{}]", mints.join(", ")));
    until_events(&watching, PATIENCE, |events| events.iter().any(is_burn)).await.unwrap();
    let log = end(watching).await;
    assert!(log.iter().any(|line| line.contains("refused=0")), "{log:#?}");
}

#[tokio::test]
async fn the_same_seed_is_the_same_chain_and_none_is_one_of_its_own() {
    let genesis = async |arguments: &[&str]| {
        let (server, url) = serve(arguments).await;
        let hash = Client::new(&url).unwrap().call("getGenesisHash", json!([])).await.unwrap();
        end(server).await;
        hash.as_str().unwrap().to_owned()
    };
    let (one, same, other) =
        (genesis(&["--seed", "5"]).await, genesis(&["--seed", "5"]).await, genesis(&[]).await);
    assert!(one.starts_with("Simnet") && other.starts_with("Simnet"));
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert_ne!(other, genesis(&[]).await);
}

#[tokio::test]
async fn what_cannot_be_is_said_with_what_would_be_right() {
    let (server, url) = serve(&[]).await;
    let taken = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let directory = tempfile::tempdir().unwrap();
    let ask = async |arguments: &[&str]| command(EDA, directory.path(), arguments).await.unwrap();

    let ended = ask(&["simnet", "--http", &taken]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains(&taken) && ended.err.contains("--http"), "{}", ended.err);
    let ended = ask(&["simnet", "--http", "192.0.2.1:8899"]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    assert!(ended.err.contains("loopback"), "{}", ended.err);
    let ended = ask(&["simnet", "--profile", "helius-fre"]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("helius-free"), "{}", ended.err);

    let ended = ask(&["simnet", "--mix", "burn=3"]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("`burn`") && ended.err.contains("burns"), "{}", ended.err);

    fs::write(directory.path().join("faults.toml"), "[[fault]]\nkind = \"http-kil\"\nat = \"1s\"\n").unwrap();
    let ended = ask(&["simnet", "--faults", "faults.toml"]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    assert!(ended.err.contains("faults.toml") && ended.err.contains("http-kill"), "{}", ended.err);
    fs::write(
        directory.path().join("config.toml"),
        "[rpc]\nurl = \"simnet\"\n[simnet]\nmix = { burn = 3 }\n",
    )
    .unwrap();
    let ended = ask(&["run"]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    assert!(ended.err.contains("`burn`") && ended.err.contains("burns"), "{}", ended.err);
    let ended = ask(&["check", "--url", "simnet", "--ws-url", "ws://127.0.0.1:1"]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    assert!(ended.err.contains("brings its own WebSocket"), "{}", ended.err);
    end(server).await;
}
