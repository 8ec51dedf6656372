//! What an `eda` says of itself: its events on stdout, its status, and how a short command ended.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    Error, Fallible,
    process::{Eda, Output},
};

/// How often something is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// Every event on stdout so far, in order.
///
/// # Errors
/// When a line is no JSON.
pub fn events(eda: &Eda) -> Fallible<Vec<Value>> {
    let lines = eda.output(Output::Stdout);
    let parse = |line: &String| {
        let broken = |error: serde_json::Error| Error::Answer {
            method: "--events -".to_owned(),
            answer: format!("{error}: {line}"),
        };
        serde_json::from_str(line).map_err(broken)
    };
    lines.iter().map(parse).collect()
}

/// The signatures of every reported burn so far, in order.
///
/// # Errors
/// When a line is no JSON.
pub fn burns(eda: &Eda) -> Fallible<Vec<String>> {
    let events = events(eda)?;
    let burns = events.iter().filter(|event| event["type"] == "BURN_DETECTED");
    Ok(burns.filter_map(|event| event["data"]["txSignature"].as_str()).map(str::to_owned).collect())
}

/// Waits until the events satisfy `reached`.
///
/// # Errors
/// When they do not within `patience`, with what the process has said last.
pub async fn until_events(
    eda: &Eda,
    patience: Duration,
    reached: impl Fn(&[Value]) -> bool,
) -> Fallible<Vec<Value>> {
    let deadline = Instant::now() + patience;
    loop {
        let events = events(eda)?;
        if reached(&events) {
            return Ok(events);
        }
        if Instant::now() >= deadline {
            let lines = eda.lines();
            let last: Vec<&str> = lines.iter().rev().take(20).rev().map(|line| line.text.as_str()).collect();
            return Err(Error::Timeout(format!("events; the last lines are:\n{}", last.join("\n"))));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// `eda status --json` of the process that runs in `directory` with the default data directory; `None` while it does
/// not answer.
///
/// # Errors
/// When the binary cannot be run, or answers what is no JSON.
pub async fn status(binary: &str, directory: &Path) -> Fallible<Option<Value>> {
    let ended = command(binary, directory, &["status", "--json"]).await?;
    if ended.code != Some(0) {
        return Ok(None);
    }
    let broken = |error: serde_json::Error| Error::Answer {
        method: "eda status".to_owned(),
        answer: error.to_string(),
    };
    serde_json::from_str(&ended.out).map(Some).map_err(broken)
}

/// Waits until the status satisfies `reached`.
///
/// # Errors
/// When it does not within `patience`, with the last one.
pub async fn until_status(
    binary: &str,
    directory: &Path,
    patience: Duration,
    reached: impl Fn(&Value) -> bool,
) -> Fallible<Value> {
    let deadline = Instant::now() + patience;
    loop {
        let status = status(binary, directory).await?;
        if let Some(status) = status.as_ref().filter(|status| reached(status)) {
            return Ok(status.clone());
        }
        if Instant::now() >= deadline {
            let last = status.unwrap_or_default();
            return Err(Error::Timeout(format!("a status; the last is {last:#}")));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Runs a command to its end, with nothing in its environment.
///
/// # Errors
/// When it cannot be run.
pub async fn command(binary: &str, directory: &Path, arguments: &[&str]) -> Fallible<Ended> {
    let mut command = Command::new(binary);
    command.args(arguments).env_clear().current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

/// What the status says of one worker.
pub fn worker<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    status["workers"].as_array()?.iter().find(|worker| worker["name"] == name)
}
