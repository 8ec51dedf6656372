//! How the process ends: by one signal cleanly, by a second at once, and with a name when somebody does not end.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{collections::BTreeSet, time::Duration};

use eda_simnet::{Protocol, Reply};
use eda_test_support::{
    node::{MINT, Node},
    observe::{burns, events, until_events, until_status, worker},
    process::{Eda, Launch, Output, Signal},
};
use serde_json::Value;

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(40);
const BEAT: Duration = Duration::from_millis(50);

fn launch(node: &Node) -> Launch {
    Launch::of(EDA).unwrap().args(["run", "--events", "-", "--url", &node.url()])
}

fn reported(events: &[Value]) -> usize {
    events.iter().filter(|event| event["type"] == "BURN_DETECTED").count()
}

fn says(eda: &Eda, words: &str) -> bool {
    eda.output(Output::Stderr).iter().any(|line| line.contains(words))
}

async fn stops_cleanly_by(signal: Signal) {
    let node = Node::start().await.unwrap();
    let mut eda = launch(&node).start().unwrap();
    node.run(BEAT, 5);
    until_events(&eda, PATIENCE, |events| reported(events) >= 50).await.unwrap();
    eda.signal(signal).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0), "{:#?}", eda.lines());

    // A line that is torn or glued to another is no JSON, and fails here.
    let events = events(&eda).unwrap();
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "an id stands twice");
    let burned: Vec<String> = node.burned().iter().map(ToString::to_string).collect();
    let burns = burns(&eda).unwrap();
    let first = burned.iter().position(|signature| *signature == burns[0]).unwrap();
    assert_eq!(burned[first..first + burns.len()], burns, "without a hole, in order, each once");
    let log = eda.output(Output::Stderr);
    assert!(log.iter().any(|line| line.ends_with("stopping")), "{log:#?}");
    assert!(log.last().unwrap().ends_with("stopped"), "{log:#?}");
    let last: Vec<_> = events.iter().filter(|event| event["data"]["metrics"]["state"] == "stopped").collect();
    assert_eq!(last.len(), 5, "each worker's last word is that it has stopped: {last:#?}");
    node.front().http().tally().until(|traffic| traffic.open == 0).await;
    node.front().ws().tally().until(|traffic| traffic.open == 0).await;
}

#[tokio::test]
async fn ctrl_c_under_load_drains_and_ends_with_0() {
    stops_cleanly_by(Signal::Interrupt).await;
}

#[tokio::test]
async fn sigterm_under_load_drains_and_ends_with_0() {
    stops_cleanly_by(Signal::Terminate).await;
}

/// A node that never tells a mint's supply, so that the burn-detector is never through with its queue. It speaks
/// HTTP/2, where an answer that does not come holds up no other.
async fn node_without_supplies() -> Node {
    let node = Node::speaking(Protocol::H2c).await.unwrap();
    node.misbehave(|call| {
        (call.method == "getAccountInfo" && call.params[0] == MINT.to_string()).then_some(Reply::Never)
    });
    node.run(BEAT, 5);
    node
}

/// Waits until burns have piled up behind the one in hand.
async fn until_piled_up(eda: &Eda) {
    let piled = |status: &Value| {
        worker(status, "burn-detector").is_some_and(|worker| worker["queue"].as_u64() > Some(20))
    };
    until_status(EDA, eda.directory(), PATIENCE, piled).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_not_through_in_time_is_named_and_ends_it_with_75() {
    let node = node_without_supplies().await;
    let config = "[run]\ndrain_deadline = \"1s\"\n";
    let mut eda = launch(&node).file("config.toml", config).unwrap().start().unwrap();
    until_piled_up(&eda).await;
    eda.signal(Signal::Terminate).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(75), "{:#?}", eda.lines());
    let log = eda.output(Output::Stderr);
    let named = |line: &String| {
        line.contains("still running at the drain deadline") && line.contains("burn-detector")
    };
    assert!(log.iter().any(named), "{log:#?}");
    let blamed: Vec<_> = log
        .iter()
        .filter(|line| line.contains("ERROR"))
        .filter(|line| !line.contains("burn-detector"))
        .collect();
    assert!(blamed.is_empty(), "nobody else is blamed: {blamed:#?}");
    assert!(!says(&eda, "INFO eda::run: stopped"), "{log:#?}");
    events(&eda).unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let node = node_without_supplies().await;
    let config = "[run]\ndrain_deadline = \"10m\"\n";
    let mut eda = launch(&node).file("config.toml", config).unwrap().start().unwrap();
    until_piled_up(&eda).await;
    eda.signal(Signal::Interrupt).await.unwrap();
    eda.wait_for_line(|line| line.text.ends_with("stopping"), PATIENCE).await.unwrap();
    eda.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(75));
    assert!(says(&eda, "second signal"), "{:#?}", eda.lines());
    events(&eda).unwrap();
}
