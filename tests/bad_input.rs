//! Endpoints that are not there, do not let us in, contradict themselves, or talk nonsense: what the process says of
//! it, that it goes on, and that it recovers.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use eda_simnet::{Front, Message, Protocol, Reply};
use eda_test_support::{
    node::{Act, MINT, Node},
    observe::{burns, command, events, status, until_events, until_status, worker},
    process::{Eda, Launch, Output, Signal},
};
use serde_json::{Value, json};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(40);
const BEAT: Duration = Duration::from_millis(50);
const WORKERS: [&str; 5] =
    ["burn-detector", "market-detector", "liquidity-monitor", "price-aggregator", "trading-bot"];

fn run(url: &str) -> Launch {
    Launch::of(EDA).unwrap().args(["run", "--events", "-", "--url", url])
}

fn log(eda: &Eda) -> Vec<String> {
    eda.output(Output::Stderr)
}

/// Whether the newest status event of every worker is in this state and gives a reason with these words.
fn all_are(events: &[Value], state: &str, words: &str) -> bool {
    WORKERS.iter().all(|name| {
        let newest = events.iter().rev().find(|event| event["data"]["workerName"] == *name);
        newest.is_some_and(|event| {
            let metrics = &event["data"]["metrics"];
            metrics["state"] == state && metrics["waitingFor"].as_str().unwrap_or_default().contains(words)
        })
    })
}

fn reported(events: &[Value]) -> usize {
    events.iter().filter(|event| event["type"] == "BURN_DETECTED").count()
}

async fn ends_with_0(eda: &mut Eda) {
    eda.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0), "{:#?}", eda.lines());
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_waited_for_and_used_when_it_comes() {
    let ports = Front::reserve(Protocol::Http1).unwrap();
    let url = ports.http_url().unwrap();
    let mut eda = run(&url).start().unwrap();
    until_events(&eda, PATIENCE, |events| all_are(events, "waiting", "Connection refused")).await.unwrap();
    let troubled =
        |seen: &Value| seen["trouble"].as_str().is_some_and(|why| why.contains("Connection refused"));
    let seen = until_status(EDA, eda.directory(), PATIENCE, troubled).await.unwrap();
    for name in WORKERS {
        let worker = worker(&seen, name).unwrap();
        assert_eq!(worker["state"], "waiting", "{worker}");
        assert!(worker["waiting_for"].as_str().unwrap().contains("Connection refused"), "{worker}");
    }

    let node = Node::start_on(ports).await.unwrap();
    node.run(BEAT, 1);
    until_events(&eda, PATIENCE, |events| reported(events) >= 3 && all_are(events, "running", ""))
        .await
        .unwrap();
    let seen = until_status(EDA, eda.directory(), PATIENCE, |seen| seen["ws"]["open"] == 1).await.unwrap();
    assert_eq!((&seen["trouble"], &seen["http"]["open"]), (&Value::Null, &json!(1)), "{seen:#}");
    ends_with_0(&mut eda).await;
    assert_eq!(node.front().http().tally().max_open(), 1);
}

#[tokio::test]
async fn checking_an_endpoint_that_is_not_there_ends_with_69_and_says_so() {
    let ports = Front::reserve(Protocol::Http1).unwrap();
    let home = tempfile::tempdir().unwrap();
    let url = ports.http_url().unwrap();
    let ended = command(EDA, home.path(), &["check", "--url", &url]).await.unwrap();
    assert_eq!(ended.code, Some(69), "{ended:?}");
    let problem = |line: &str| line.starts_with("problem") && line.contains("Connection refused");
    assert!(ended.out.lines().any(problem), "{}", ended.out);
}

/// The provider refuses key, plan or address: told once, asked seldom, and no longer once it lets us in.
async fn is_refused(status_code: u16, words: &'static str) {
    let node = Node::start().await.unwrap();
    let answer = Reply::status(status_code.try_into().unwrap());
    node.misbehave(move |_| Some(answer.clone()));
    node.front().pubsub().refuse_upgrades(Some(status_code.try_into().unwrap()));
    let mut eda = run(&node.url()).start().unwrap();
    until_events(&eda, PATIENCE, |events| all_are(events, "waiting", words)).await.unwrap();
    let ended = command(EDA, eda.directory(), &["check", "--url", &node.url()]).await.unwrap();
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(
        ended.out.lines().any(|line| line.starts_with("problem") && line.contains(words)),
        "{}",
        ended.out
    );
    node.front().rpc().journal().clear();
    // Long enough for a client in a hurry to ask again and again.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(node.front().rpc().journal().len() <= 2, "{:#?}", node.front().rpc().journal().all());
    let errors: Vec<_> = log(&eda).into_iter().filter(|line| line.contains(" ERROR ")).collect();
    assert!(errors.len() == 1 && errors.iter().all(|line| line.contains(words)), "{errors:#?}");
    let seen = status(EDA, eda.directory()).await.unwrap().unwrap();
    assert!(seen["trouble"].as_str().unwrap().contains(words), "{seen:#}");
    ends_with_0(&mut eda).await;
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_told_once_and_tried_seldom() {
    is_refused(401, "does not accept the API key").await;
}

#[tokio::test]
async fn a_plan_or_address_that_is_refused_is_told_once_and_tried_seldom() {
    is_refused(403, "refuses this key, plan or IP address").await;
}

#[tokio::test]
async fn urls_of_two_clusters_are_told_and_nothing_of_either_is_reported() {
    let (one, other) = (Node::start().await.unwrap(), Node::of_cluster(2).await.unwrap());
    one.run(BEAT, 1);
    other.run(BEAT, 1);
    let ws = other.front().ws_url();
    let mut eda = run(&one.url()).args(["--ws-url", &ws]).start().unwrap();
    let words = "serve different clusters";
    until_events(&eda, PATIENCE, |events| all_are(events, "waiting", words)).await.unwrap();
    let checked =
        command(EDA, eda.directory(), &["check", "--url", &one.url(), "--ws-url", &ws]).await.unwrap();
    assert_eq!(checked.code, Some(69), "{checked:?}");
    assert!(
        checked.out.lines().any(|line| line.starts_with("problem") && line.contains(words)),
        "{}",
        checked.out
    );
    let seen = status(EDA, eda.directory()).await.unwrap().unwrap();
    assert!(seen["trouble"].as_str().unwrap().contains(words), "{seen:#}");
    let told: Vec<_> = log(&eda).into_iter().filter(|line| line.contains(words)).collect();
    assert!(told.len() == 1 && told[0].contains(" ERROR "), "{told:#?}");
    ends_with_0(&mut eda).await;
    assert_eq!(burns(&eda).unwrap(), [""; 0]);
}

/// A server that answers in every wrong way, one after the other and in the middle of work.
#[tokio::test]
async fn nonsense_is_told_once_a_kind_and_costs_no_burn() {
    let node = Node::start().await.unwrap();
    let config =
        "[rpc]\nmax_message = \"64KB\"\nmax_response = \"1MB\"\n[rpc.limits]\nretry_pause = \"200ms\"\n";
    let mut eda =
        run(&node.url()).args(["--log", "warn"]).file("config.toml", config).unwrap().start().unwrap();
    node.run(BEAT, 1);
    until_events(&eda, PATIENCE, |events| reported(events) >= 3).await.unwrap();

    let asked = AtomicUsize::new(0);
    node.misbehave(move |call| {
        let wrong = match (asked.fetch_add(1, Ordering::Relaxed) % 9, call.method.as_str()) {
            (0, _) => Reply::html(http_status(200)),
            (1, _) => Reply::html(http_status(502)),
            (2, _) => Reply::Truncated(json!({"parentSlot": 5, "transactions": []})),
            (3, _) => Reply::WrongId(json!(7)),
            (4, _) => Reply::error(-32603, "Internal error"),
            (5, _) => Reply::Dropped(json!([1, 2, 3, 4, 5])),
            (6, _) => Reply::too_many_requests(None),
            // Half the time it behaves, so that both are mixed.
            _ => return None,
        };
        Some(wrong)
    });
    let pubsub = node.front().pubsub();
    for text in [
        "<html>not found</html>",
        r#"{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"slo"#,
        r#"{"jsonrpc":"2.0","result":77,"id":123456789}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"odd"}}"#,
        r#"{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"slot":"x"},"subscription":0}}"#,
        r#"{"jsonrpc":"2.0","method":"newNotification","params":{"result":1,"subscription":987654}}"#,
        r#"{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"slot":9,"parent":8,"root":1,"new":{}},"subscription":987654}}"#,
        "null",
        "[]",
    ] {
        for _ in 0..5 {
            pubsub.broadcast(&Message::text(text));
        }
    }
    pubsub.broadcast(&Message::binary(vec![0; 64]));
    let sockets = node.front().ws().tally().accepts();
    node.front().rpc().journal().clear();
    node.front().rpc().journal().until(|calls| calls.len() >= 20).await;
    assert_eq!(node.front().ws().tally().accepts(), sockets, "odd frames cost no socket: {:#?}", log(&eda));
    // This one does cost the socket, and no more.
    pubsub.broadcast(&Message::text("x".repeat(100_000)));
    node.front().ws().tally().until(|traffic| traffic.accepts > sockets).await;
    node.behave();

    let marker = node.produce(&[Act::Burn { mint: MINT, amount: 5_555_555 }]);
    let last = marker[0].signature.to_string();
    until_events(&eda, PATIENCE, |events| events.iter().any(|event| event["data"]["txSignature"] == *last))
        .await
        .unwrap();
    ends_with_0(&mut eda).await;
    let burned: Vec<String> = node.burned().iter().map(ToString::to_string).collect();
    let burns = burns(&eda).unwrap();
    let first = burned.iter().position(|signature| *signature == burns[0]).unwrap();
    assert_eq!(
        burned[first..first + burns.len()],
        burns,
        "each once, in order, none missing: {:#?}",
        log(&eda)
    );

    let mut kinds = BTreeSet::new();
    for line in log(&eda).iter().filter(|line| line.contains("further errors of this kind")) {
        let kind = line.split(" error=").nth(1).unwrap().chars().take(24).collect::<String>();
        assert!(kinds.insert(kind), "told twice: {:#?}", log(&eda));
    }
    assert!(kinds.len() >= 4, "{kinds:?}");
    assert!(log(&eda).len() < 120, "a log that nobody can read: {:#?}", log(&eda));
}

fn http_status(code: u16) -> eda_simnet::StatusCode {
    code.try_into().unwrap()
}

const SECRET: &str = "SECRETKEY";

#[tokio::test]
async fn a_key_in_the_url_is_printed_nowhere_whatever_goes_wrong() {
    let node = Node::start().await.unwrap();
    // A server that repeats the key, as some do in their refusals.
    node.misbehave(|call| {
        (call.method == "getBlocks"
            || call.method == "getVersion" && call.id.as_u64().is_some_and(|id| id < 4))
        .then(|| Reply::error(-32000, &format!("no such key: {}", call.path)))
    });
    let url = format!("{}{SECRET}/?api-key={SECRET}", node.url());
    let ws = format!("{}{SECRET}?api-key={SECRET}", node.front().ws_url());
    let mut eda = run(&url).args(["--ws-url", &ws, "--log", "trace"]).start().unwrap();
    node.run(BEAT, 1);
    until_events(&eda, PATIENCE, |events| reported(events) >= 3).await.unwrap();
    let mut shown = Vec::new();
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["config", "show", "--url", &url],
        &["check", "--url", &url, "--ws-url", &ws],
        &["check", "--json", "--url", &url, "--ws-url", "ws://127.0.0.1:9/SECRETKEY"],
    ] {
        let ended = command(EDA, eda.directory(), arguments).await.unwrap();
        shown.extend([ended.out, ended.err]);
    }
    node.misbehave(|call| {
        Some(Reply::Http {
            status: http_status(403),
            headers: Vec::new(),
            body: format!("forbidden: {}", call.path).into(),
        })
    });
    node.front().http().kill_connections();
    node.front().ws().kill_connections();
    node.front().pubsub().refuse_upgrades(Some(http_status(403)));
    until_events(&eda, PATIENCE, |events| all_are(events, "waiting", "refuses this key")).await.unwrap();
    shown.push(command(EDA, eda.directory(), &["status", "--json"]).await.unwrap().out);
    ends_with_0(&mut eda).await;
    shown.extend(eda.lines().into_iter().map(|line| line.text));
    let leaks: Vec<_> = shown.iter().filter(|text| text.contains(SECRET)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(
        node.front().rpc().journal().all().iter().any(|call| call.path.contains(SECRET)),
        "the key was in use"
    );
    assert!(
        events(&eda)
            .unwrap()
            .iter()
            .any(|event| event["data"]["metrics"]["sharedConnection"]["rpcUrl"].is_string())
    );
}
