//! Where events and state go, when that place is missing, taken, full or closed.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use eda_test_support::{
    node::Node,
    observe::{command, status, until_status},
    process::{Eda, Launch, Output, Signal},
};
use serde_json::Value;

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(40);
const BEAT: Duration = Duration::from_millis(50);

fn errors(eda: &Eda) -> Vec<String> {
    eda.output(Output::Stderr).into_iter().filter(|line| line.contains(" ERROR ")).collect()
}

fn burns_published(status: &Value) -> u64 {
    let workers = status["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
    workers.iter().filter_map(|worker| worker["events"].as_u64()).sum()
}

/// Writing fails for ever: it is told once and repeated, the workers go on, and the end names who could not end.
async fn goes_on_without(mut eda: Eda, node: &Node, target: &str) {
    node.run(BEAT, 2);
    let failing = |status: &Value| {
        burns_published(status) >= 20
            && status["sinks"][0]["failed"].as_u64() >= Some(2)
            && status["sinks"][0]["failing"].is_string()
    };
    let status = until_status(EDA, eda.directory(), PATIENCE, failing).await.unwrap();
    assert_eq!(status["sinks"][0]["written"], 0, "{status:#}");
    eda.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(75), "{:#?}", eda.lines());
    let errors = errors(&eda);
    assert_eq!(
        errors.iter().filter(|line| line.contains("failed to write an event")).count(),
        1,
        "{errors:#?}"
    );
    let last = errors.iter().filter(|line| line.contains("still being written"));
    assert!(
        errors.len() == 2 && last.clone().count() == 1 && last.clone().all(|line| line.contains(target)),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn a_full_disk_stops_nobody_and_is_named_at_the_end() {
    let node = Node::start().await.unwrap();
    let config = "[run]\ndrain_deadline = \"1s\"\n";
    let launch = Launch::of(EDA).unwrap().args(["run", "--events", "/dev/full", "--url", &node.url()]);
    goes_on_without(launch.file("config.toml", config).unwrap().start().unwrap(), &node, "/dev/full").await;
}

#[tokio::test]
async fn a_reader_that_went_away_stops_nobody_and_is_named_at_the_end() {
    let node = Node::start().await.unwrap();
    let config = "[run]\ndrain_deadline = \"1s\"\n";
    // The shell's own stdout is the pipe whose reader has gone.
    let script = format!(
        "{{ sleep 1; exec \"$EDA\" run --events - --url {}; }} | true; exit ${{PIPESTATUS[0]}}",
        node.url()
    );
    let launch = Launch::of("/bin/bash").unwrap().args(["-c", &script]).env("EDA", EDA);
    let mut shell = launch.file("config.toml", config).unwrap().start().unwrap();
    node.run(BEAT, 2);
    let failing = |status: &Value| burns_published(status) >= 20 && status["sinks"][0]["failing"].is_string();
    let seen = until_status(EDA, shell.directory(), PATIENCE, failing).await.unwrap();
    let pid = seen["pid"].to_string();
    assert!(tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(shell.exit(PATIENCE).await.unwrap().code(), Some(75), "{:#?}", shell.lines());
    assert!(
        errors(&shell).iter().any(|line| line.contains("still being written") && line.contains("stdout")),
        "{:#?}",
        shell.lines()
    );
}

#[tokio::test]
async fn an_events_file_in_no_directory_ends_it_before_it_begins() {
    let home = tempfile::tempdir().unwrap();
    let run = ["run", "--events", "nowhere/events.jsonl", "--url", "http://127.0.0.1:9"];
    let ended = command(EDA, home.path(), &run).await.unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    let last = ended.err.lines().last().unwrap();
    assert!(
        last.starts_with("error: ") && last.contains("nowhere/events.jsonl") && last.contains("No such file"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn events_are_appended_behind_a_torn_line() {
    let node = Node::start().await.unwrap();
    node.run(BEAT, 2);
    let launch = Launch::of(EDA).unwrap().args(["run", "--events", "events.jsonl", "--url", &node.url()]);
    let mut eda = launch.file("events.jsonl", "{\"type\":\"BURN_DE").unwrap().start().unwrap();
    until_status(EDA, eda.directory(), PATIENCE, |status| burns_published(status) >= 5).await.unwrap();
    eda.signal(Signal::Terminate).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0));
    let written = fs::read_to_string(eda.directory().join("events.jsonl")).unwrap();
    let (torn, whole) = written.split_once('\n').unwrap();
    assert_eq!(torn, "{\"type\":\"BURN_DE");
    let burns =
        whole.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap()["type"] == "BURN_DETECTED");
    assert!(burns.count() >= 5 && whole.ends_with('\n'));
    assert_eq!(eda.output(Output::Stdout), [""; 0]);
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_process_at_a_time() {
    let node = Node::start().await.unwrap();
    node.run(BEAT, 0);
    let arguments = ["run", "--url", &node.url()].map(str::to_owned);
    let mut first = Launch::of(EDA).unwrap().args(&arguments).start().unwrap();
    until_status(EDA, first.directory(), PATIENCE, |status| status["cluster"].is_string()).await.unwrap();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let second = command(EDA, first.directory(), &arguments).await.unwrap();
    assert_eq!(second.code, Some(1), "{second:?}");
    let words = format!("in use by another eda, process {}", first.pid().unwrap());
    assert!(second.err.contains(&words), "{second:?}");
    assert!(status(EDA, first.directory()).await.unwrap().is_some(), "the first one still answers");

    // A process that was killed leaves lock file and socket behind; they are in nobody's way.
    first.signal(Signal::Kill).await.unwrap();
    first.exit(PATIENCE).await.unwrap();
    assert!(status(EDA, first.directory()).await.unwrap().is_none());
    let data = first.directory().join("eda-data").display().to_string();
    let mut third = Launch::of(EDA).unwrap().args(arguments).args(["--data-dir", &data]).start().unwrap();
    until_status(EDA, first.directory(), PATIENCE, |status| status["cluster"].is_string()).await.unwrap();
    third.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(third.exit(PATIENCE).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let run = ["run", "--url", "http://127.0.0.1:9", "--data-dir"];
    let ended = command(EDA, home.path(), &[&run[..], &["file"]].concat()).await.unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("the data directory file cannot be used"), "{ended:?}");

    let locked = home.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    // Whoever may write everywhere finds nothing to complain of.
    if fs::write(locked.join("probe"), "").is_ok() {
        println!("skipped: this user may write to read-only directories");
        return;
    }
    let ended = command(EDA, home.path(), &[&run[..], &["locked"]].concat()).await.unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("the data directory locked cannot be used: Permission denied"), "{ended:?}");
}
