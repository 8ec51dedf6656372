//! The main promise on real validators: burns made by a real client come out as `BURN_DETECTED`, each exactly once
//! and nothing else, while all workers share one HTTP connection and one WebSocket.
//!
//! Three `eda` processes watch the same traffic: one reports every burn from whole blocks, one refuses most of them by
//! its thresholds, one follows two mints by their accounts and logs.

#![expect(clippy::unwrap_used, reason = "an answer that is not as documented fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use eda_test_support::{
    burns::{Burn, Kind, Stage, Truth},
    instructions::{TOKEN, TOKEN_2022},
    process::{Eda, Launch, Output, Signal},
    sockets,
    validator::{self, Validator},
};
use serde_json::{Value, json};
use solana_address::Address;
use tokio::time::{Instant, sleep};

/// For anything that is to happen soon. Debug builds of three processes share the machine with the validator.
const PATIENCE: Duration = Duration::from_secs(60);
const WORKERS: [&str; 5] =
    ["burn-detector", "liquidity-monitor", "market-detector", "price-aggregator", "trading-bot"];
/// In the middle of the amounts that the traffic burns.
const THRESHOLD: u64 = 1_000_150;

/// A running `eda` and the ports of the validator it is connected to.
struct Observer {
    name: &'static str,
    eda: Eda,
    rpc_port: u16,
}

/// What is left of an observer after a clean end.
struct Report {
    name: &'static str,
    /// Every line of the events file.
    events: Vec<Value>,
    /// The status document just before the end.
    status: Value,
}

/// What an event says of a burn, without the supply.
#[derive(Debug, PartialEq)]
struct Told {
    id: String,
    slot: u64,
    path: Value,
    batch_entry: Option<u64>,
    signature: String,
    token: String,
    amount: String,
    account: String,
    burner: String,
    program: String,
    kind: String,
    cause: String,
}

// === impl Observer ===

impl Observer {
    fn start(name: &'static str, validator: &Validator, settings: &str) -> Self {
        let config = format!("[run]\nstatus_interval = \"1s\"\n{settings}");
        let launch = Launch::of(env!("CARGO_BIN_EXE_eda")).unwrap().file("config.toml", &config).unwrap();
        let url = validator.http_url();
        let launch = launch.args(["run", "--workers", "all", "--url", &url, "--events", "events.jsonl"]);
        Self { name, eda: launch.start().unwrap(), rpc_port: validator.rpc_port() }
    }

    /// `None` while the process does not answer yet.
    async fn status(&self) -> Option<Value> {
        let text = self.eda.ask(&["status", "--json"]).await.ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    async fn wait_until(&self, what: &str, reached: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status().await;
            match status {
                Some(status) if reached(&status) => return status,
                status if Instant::now() > deadline => panic!(
                    "{}: gave up waiting for {what}: {status:#?}\n{}",
                    self.name,
                    self.eda.output(Output::Stderr).join("\n")
                ),
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Counted by the system, whatever the process says.
    fn assert_one_connection_each(&self) {
        let pid = self.eda.pid().unwrap();
        let to = |port| sockets::established(pid, port).unwrap();
        assert_eq!((to(self.rpc_port), to(self.rpc_port + 1)), (1, 1), "{}: HTTP, WebSocket", self.name);
    }

    async fn interrupt(mut self) -> Report {
        let status = self.status().await.unwrap();
        self.eda.signal(Signal::Interrupt).await.unwrap();
        let exit = self.eda.exit(PATIENCE).await.unwrap();
        let log = self.eda.output(Output::Stderr);
        assert_eq!(exit.code(), Some(0), "{}:\n{}", self.name, log.join("\n"));
        let alarms: Vec<_> =
            log.iter().filter(|line| line.contains("ERROR") || line.contains("WARN")).collect();
        assert!(alarms.is_empty(), "{}: {alarms:#?}", self.name);
        let text = std::fs::read_to_string(self.eda.directory().join("events.jsonl")).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Report { name: self.name, events, status }
    }
}

fn worker<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["workers"].as_array().unwrap().iter().find(|worker| worker["name"] == name).unwrap()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

// === impl Report ===

impl Report {
    fn burns(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(|event| event["type"] == "BURN_DETECTED")
    }

    /// Exactly these burns, in this order.
    fn assert_tells(&self, expected: &[&Burn]) {
        self.assert_tells_in_any_order(expected);
        let told: Vec<&str> = self.burns().map(|event| event["id"].as_str().unwrap()).collect();
        let expected: Vec<String> = expected.iter().map(|burn| id(burn)).collect();
        assert_eq!(told, expected, "{}", self.name);
    }

    /// Exactly these burns, each once.
    fn assert_tells_in_any_order(&self, expected: &[&Burn]) {
        let by_id = |told: Told| (told.id.clone(), told);
        let mut told: BTreeMap<_, _> = self.burns().map(Told::read).map(by_id).collect();
        assert_eq!(told.len(), self.burns().count(), "{}: something was told twice", self.name);
        let mut missing = Vec::new();
        for (id, expected) in expected.iter().map(|burn| by_id(Told::of(burn))) {
            match told.remove(&id) {
                Some(told) => assert_eq!(told, expected, "{}", self.name),
                None => missing.push(expected),
            }
        }
        assert!(missing.is_empty() && told.is_empty(), "{}: {missing:#?} {told:#?}", self.name);
    }

    /// Every supply told fits the burn, and is the true one where it claims to be exact. Returns how many burns came
    /// with a supply, and how many of those with an exact one.
    fn assert_supplies(&self, truth: &Truth) -> (usize, usize) {
        let by_id: BTreeMap<String, &Burn> = truth.burns.iter().map(|burn| (id(burn), burn)).collect();
        let (mut known, mut exact) = (0, 0);
        for event in self.burns() {
            let (data, burn) = (&event["data"], by_id[event["id"].as_str().unwrap()]);
            if let Some(decimals) = data.get("decimals") {
                assert_eq!(decimals, burn.decimals, "{event}");
            }
            let fields = ["preSupply", "postSupply", "percentage", "supplyExact"];
            let present = fields.iter().filter(|field| data.get(field).is_some()).count();
            if present == 0 {
                continue;
            }
            assert_eq!(present, fields.len(), "{event}");
            let supply = |field: &str| data[field].as_str().unwrap().parse::<u64>().unwrap();
            let (before, after) = (supply("preSupply"), supply("postSupply"));
            assert_eq!(before.checked_sub(after), Some(burn.amount), "{event}");
            let share = 100.0 * burn.amount as f64 / before as f64;
            let told = data["percentage"].as_f64().unwrap();
            assert!((told - share).abs() <= share * 1e-12, "{event}");
            known += 1;
            if data["supplyExact"] == true {
                exact += 1;
                assert_eq!((before, after), (burn.supply_before, burn.supply_after), "{event}");
            }
        }
        (known, exact)
    }

    /// What must be true of every event, whichever it is.
    fn assert_envelopes(&self, genesis: &str) {
        let ids: BTreeSet<&str> = self.events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), self.events.len(), "{}: an id came twice", self.name);
        for event in &self.events {
            assert!(!holds_null(event), "{event}");
            assert_eq!(event["schemaVersion"], 1, "{event}");
            assert!(["BURN_DETECTED", "WORKER_STATUS"].contains(&event["type"].as_str().unwrap()), "{event}");
        }
        for event in self.burns() {
            assert_eq!(event["cluster"], genesis, "{event}");
            let source = &event["source"];
            assert_eq!((&source["commitment"], &source["filled"]), (&json!("confirmed"), &json!(false)));
            assert_eq!(source["signature"], event["data"]["txSignature"], "{event}");
            assert!(source["blockTime"].is_i64(), "{event}");
        }
    }

    /// While it ran, each of these workers, and no other, said that all of them share one connection each way.
    fn assert_shared_by(&self, workers: &[&str], genesis: &str) {
        let statuses = self.events.iter().filter(|event| event["type"] == "WORKER_STATUS");
        let mut sharing = BTreeSet::new();
        for event in statuses {
            let name = event["data"]["workerName"].as_str().unwrap();
            assert!(workers.contains(&name), "{event}");
            let shared = &event["data"]["metrics"]["sharedConnection"];
            let (http, ws) = (count(&shared["http"]["open"]), count(&shared["ws"]["open"]));
            assert!(http <= 1 && ws <= 1, "{event}");
            let holders: BTreeSet<&str> =
                shared["holders"].as_array().unwrap().iter().map(|holder| holder.as_str().unwrap()).collect();
            let all = shared["refCount"] == workers.len()
                && holders.into_iter().eq(workers.iter().copied())
                && shared["active"] == true;
            let running = event["data"]["status"] == "RUNNING" && event["cluster"] == genesis;
            if all && running && (http, ws) == (1, 1) {
                sharing.insert(name);
            }
        }
        assert!(sharing.into_iter().eq(workers.iter().copied()), "{}", self.name);
    }

    /// Nothing was lost, refused by the node, or had to be done again.
    fn assert_untroubled(&self) {
        let feed = &self.status["feed"];
        for trouble in
            ["missed", "missing", "slots_unproven", "undecodable", "unsupported_version", "interruptions"]
        {
            assert_eq!(feed[trouble], 0, "{}: {trouble}", self.name);
        }
        assert_eq!(feed["rejected"], json!({}), "{}", self.name);
        for connection in ["http", "ws"] {
            assert_eq!(self.status[connection]["open"], 1, "{}: {connection}", self.name);
        }
        for worker in self.status["workers"].as_array().unwrap() {
            for trouble in ["errors", "restarts", "quarantined", "gaps"] {
                assert_eq!(worker[trouble], 0, "{}: {trouble} of {}", self.name, worker["name"]);
            }
        }
    }

    /// What the burn-detector counted: refused by each of these rules so often, by no other, and the rest told.
    fn assert_counts(&self, told: usize, refused: &[(&str, usize)]) {
        let detector = worker(&self.status, "burn-detector");
        let refused: BTreeMap<_, _> = refused.iter().copied().filter(|(_, count)| *count > 0).collect();
        assert_eq!(detector["refusals"], json!(refused), "{}", self.name);
        assert_eq!(detector["events"], told, "{}", self.name);
        assert_eq!(
            detector["seen"],
            json!({"burn": told + refused.values().sum::<usize>()}),
            "{}",
            self.name
        );
    }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(holds_null),
        Value::Object(fields) => fields.values().any(holds_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

// === impl Told ===

impl Told {
    /// What must be told.
    fn of(burn: &Burn) -> Self {
        let kind = match (burn.kind == Kind::Permissioned, burn.checked) {
            (false, false) => "burn",
            (false, true) => "burn_checked",
            (true, false) => "permissioned_burn",
            (true, true) => "permissioned_burn_checked",
        };
        let place = burn.place;
        Self {
            id: id(burn),
            slot: burn.slot,
            path: place.inner.map_or(json!([place.instruction]), |inner| json!([place.instruction, inner])),
            batch_entry: place.batch_entry.map(|entry| u64::try_from(entry).unwrap()),
            signature: burn.signature.to_string(),
            token: burn.mint.to_string(),
            amount: burn.amount.to_string(),
            account: burn.account.to_string(),
            burner: burn.authority.to_string(),
            program: burn.program.to_string(),
            kind: kind.to_owned(),
            cause: if place.inner.is_some() { "unknown" } else { "holder" }.to_owned(),
        }
    }

    /// What was told.
    fn read(event: &Value) -> Self {
        let (source, data) = (&event["source"], &event["data"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&event["id"]),
            slot: count(&source["slot"]),
            path: source["path"].clone(),
            batch_entry: source.get("batchEntry").map(count),
            signature: text(&data["txSignature"]),
            token: text(&data["token"]),
            amount: text(&data["amount"]),
            account: text(&data["account"]),
            burner: text(&data["burner"]),
            program: text(&data["program"]),
            kind: text(&data["kind"]),
            cause: text(&data["cause"]),
        }
    }
}

fn id(burn: &Burn) -> String {
    let inner = burn.place.inner.map(|inner| format!(".{inner}")).unwrap_or_default();
    let entry = burn.place.batch_entry.map(|entry| format!("#{entry}")).unwrap_or_default();
    format!("burn:{}:{}{inner}{entry}", burn.signature, burn.place.instruction)
}

fn reads_blocks(status: &Value) -> bool {
    let all_run = status["workers"].as_array().unwrap().iter().all(|worker| worker["state"] == "running");
    all_run && status["feed"]["cursor"].is_u64() && status["ws"]["open"] == 1
}

/// Two accounts, two logs, the slots; and both accounts' first states.
fn follows_two_mints(status: &Value) -> bool {
    status["ws"]["subscriptions"] == 5 && status["feed"]["accounts"].as_u64() >= Some(2)
}

/// Nothing of what happened up to this slot is still to be worked on.
fn is_done_with(slot: u64) -> impl Fn(&Value) -> bool {
    move |status| {
        status["feed"]["cursor"].as_u64() >= Some(slot) && worker(status, "burn-detector")["queue"] == 0
    }
}

/// One validator, one generation, three observers. Returns what it was like, in one line.
async fn every_promise(binary: &Path) -> String {
    let began = Instant::now();
    let validator = Validator::start_with(binary, &validator::MAINNET_SLOTS).await.unwrap();
    let client = validator.client().unwrap();
    let genesis = client.call("getGenesisHash", json!([])).await.unwrap();
    let genesis = genesis.as_str().unwrap();
    let started = began.elapsed();

    let all = Observer::start("all", &validator, "");
    let strict =
        format!("[workers.burn-detector]\nthreshold = \"{THRESHOLD}\"\nthreshold_percent = \"50%\"\n");
    let strict = Observer::start("strict", &validator, &strict);
    let stage = Stage::set(&client, validator.payer()).await.unwrap();
    let watched = [TOKEN, TOKEN_2022].map(|program| *stage.mints(program).first().unwrap());
    let mints = Observer::start("mints", &validator, &watching(watched));
    all.wait_until("blocks", reads_blocks).await;
    strict.wait_until("blocks", reads_blocks).await;
    mints.wait_until("subscriptions", follows_two_mints).await;

    let played = Instant::now();
    let mut playing = Box::pin(stage.play(&client));
    let truth = loop {
        tokio::select! {
            truth = &mut playing => break truth.unwrap(),
            () = sleep(Duration::from_millis(100)) => {}
        }
        for observer in [&all, &strict, &mints] {
            observer.assert_one_connection_each();
        }
    };
    let played = played.elapsed();
    assert!(truth.burns.len() >= 200, "only {} burns", truth.burns.len());
    let of_watched: Vec<&Burn> = truth.burns.iter().filter(|burn| watched.contains(&burn.mint)).collect();
    let last = truth.burns.last().unwrap().slot;
    all.wait_until("the last burn's slot", is_done_with(last)).await;
    strict.wait_until("the last burn's slot", is_done_with(last)).await;
    let wanted = of_watched.len();
    let told = |status: &Value| worker(status, "burn-detector")["events"].as_u64() >= Some(wanted as u64);
    let status = mints.wait_until("the last burn", told).await;
    // Time for what must not come.
    let tip = count(&status["slots"]["tip"]) + 4;
    mints.wait_until("a few more slots", |status| status["slots"]["tip"].as_u64() >= Some(tip)).await;

    let (all, strict, mints) = (all.interrupt().await, strict.interrupt().await, mints.interrupt().await);
    for report in [&all, &strict, &mints] {
        report.assert_envelopes(genesis);
        report.assert_untroubled();
    }
    let attempts = truth.failed.iter().map(|failed| failed.attempts).sum();
    let supplies = check_all(&all, &truth, attempts, genesis);
    check_strict(&strict, &truth, attempts);
    let supplies_of_mints = check_mints(&mints, &truth, &watched, &of_watched, genesis);
    format!(
        "{}: {} burns in {} slots, {} of watched mints; supplies known and exact: all {supplies:?}, mints \
         {supplies_of_mints:?}; validator up after {started:?}, traffic {played:?}, together {:?}",
        validator.version(),
        truth.burns.len(),
        truth.burns.iter().map(|burn| burn.slot).collect::<BTreeSet<_>>().len(),
        of_watched.len(),
        began.elapsed(),
    )
}

fn watching(mints: [Address; 2]) -> String {
    let [one, other] = mints;
    format!(
        "[workers.market-detector]\nenabled = false\n[workers.burn-detector]\nwatch = [\"{one}\", \"{other}\"]\n"
    )
}

fn check_all(report: &Report, truth: &Truth, attempts: usize, genesis: &str) -> (usize, usize) {
    assert_eq!(report.status["feed"]["mode"], "blocks");
    report.assert_shared_by(&WORKERS, genesis);
    report.assert_tells(&truth.burns.iter().collect::<Vec<_>>());
    report.assert_counts(truth.burns.len(), &[("transaction-failed", attempts)]);
    let supplies = report.assert_supplies(truth);
    assert!(supplies.1 > 0, "no exact supply");
    supplies
}

fn check_strict(report: &Report, truth: &Truth, attempts: usize) {
    let (enough, small): (Vec<_>, Vec<_>) = truth.burns.iter().partition(|burn| burn.amount >= THRESHOLD);
    let (wanted, minor): (Vec<_>, Vec<_>) =
        enough.into_iter().partition(|burn| burn.amount >= burn.supply_before.div_ceil(2));
    assert!(![wanted.len(), small.len(), minor.len()].contains(&0));
    report.assert_tells(&wanted);
    let refused = [
        ("transaction-failed", attempts),
        ("below-threshold", small.len()),
        ("below-threshold-percent", minor.len()),
    ];
    report.assert_counts(wanted.len(), &refused);
    assert_eq!(report.assert_supplies(truth).0, wanted.len());
}

fn check_mints(
    report: &Report,
    truth: &Truth,
    watched: &[Address],
    expected: &[&Burn],
    genesis: &str,
) -> (usize, usize) {
    assert_eq!(report.status["feed"]["mode"], "logs");
    let workers: Vec<&str> = WORKERS.into_iter().filter(|name| *name != "market-detector").collect();
    report.assert_shared_by(&workers, genesis);
    // A node promises no order inside a slot for what it notifies by logs, and none between two subscriptions.
    report.assert_tells_in_any_order(expected);
    for mint in watched.iter().map(Address::to_string) {
        let of_mint = report.burns().filter(|event| event["data"]["token"] == mint.as_str());
        assert!(of_mint.map(|event| count(&event["source"]["slot"])).is_sorted(), "{mint}");
    }
    // Burns of other mints in the same transactions; failed ones are not even fetched.
    let beside = |burn: &&Burn| {
        !watched.contains(&burn.mint) && expected.iter().any(|one| one.signature == burn.signature)
    };
    report.assert_counts(expected.len(), &[("unknown-mint", truth.burns.iter().filter(beside).count())]);
    let supplies = report.assert_supplies(truth);
    // Always known, since the mints' accounts are followed; never proven, since the order inside a slot is not known.
    assert_eq!(supplies, (expected.len(), 0));
    supplies
}

#[tokio::test]
async fn every_burn_is_reported_exactly_once_over_one_shared_connection() {
    for binary in validator::found() {
        println!("{}", every_promise(&binary).await);
    }
}
