use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{mailbox::InputStats, primitives::WorkerName, wire::optional_text};

/// How a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// The worker.
    pub worker_name: WorkerName,
    /// How it is, in the three words that consumers know.
    pub status: Status,
    /// Its numbers.
    pub metrics: WorkerMetrics,
}

/// How a worker is, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It works, or waits for what it needs to work.
    Running,
    /// It was stopped.
    Stopped,
    /// It failed; it may be about to be restarted.
    Error,
}

/// How a worker is, in detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// It has not yet asked for its input.
    Starting,
    /// It lacks something it needs, the endpoint for example: `waitingFor` says what.
    Waiting,
    /// It works.
    Running,
    /// It failed and starts again after a pause.
    Restarting,
    /// It no longer answers and will be ended.
    Stuck,
    /// It was told to stop and has not ended yet.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It failed so often that it is not restarted.
    Failed,
}

/// A worker's numbers since the process started, through all its restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerMetrics {
    /// Items it has finished with.
    pub events_processed: u64,
    /// Its failures, and what it could not process.
    pub errors: u64,
    /// How long its current incarnation has been running, in milliseconds.
    pub uptime: u64,
    /// When it last published an event.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub last_event_at: Option<Timestamp>,
    /// How it is, in detail.
    pub state: WorkerState,
    /// What it waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// How often it was restarted.
    pub restarts: u64,
    /// Why it last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Candidates it has looked at, by kind.
    pub seen: BTreeMap<String, u64>,
    /// Events it has published.
    pub published: u64,
    /// Candidates it has refused, by rule.
    pub refused: BTreeMap<String, u64>,
    /// Items it was told it has missed.
    pub gaps: u64,
    /// Its queues.
    pub inputs: Vec<InputMetrics>,
    /// The connection it shares with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_connection: Option<SharedConnection>,
}

/// The numbers of one queue. Made from [`InputStats`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputMetrics {
    /// The queue's name.
    pub name: String,
    /// Items waiting or in hand.
    pub queued: u64,
    /// Items finished with.
    pub delivered: u64,
    /// Items that did not fit.
    pub missed: u64,
    /// States replaced by newer ones before they were read.
    pub coalesced: u64,
    /// Items that failed the worker twice.
    pub quarantined: u64,
    /// How long the oldest item has waited, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

/// The shared connection, as its manager's stats say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedConnection {
    /// Whether anybody holds it.
    pub active: bool,
    /// How many hold it.
    pub ref_count: u64,
    /// Who holds it.
    pub holders: Vec<WorkerName>,
    /// The endpoint, without its key.
    pub rpc_url: String,
    /// The HTTP side.
    pub http: Http,
    /// The WebSocket side.
    pub ws: WebSocket,
    /// The request budget.
    pub budget: Budget,
}

/// The HTTP side of the shared connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    /// The protocol spoken, `HTTP/2.0` for example; absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// TCP connections open now.
    pub open: u64,
    /// TCP connections ever opened.
    pub opened: u64,
}

/// The WebSocket side of the shared connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebSocket {
    /// Sockets open now.
    pub open: u64,
    /// Sockets ever opened.
    pub opened: u64,
    /// Subscriptions the server holds for us.
    pub subscriptions: u64,
}

/// The request budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Requests per window; absent if there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Requests that count in the current window.
    pub used: u64,
    /// Requests waiting, by class.
    pub waiting_by_class: BTreeMap<String, u64>,
}

// === impl WorkerState ===

impl WorkerState {
    /// The word as it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stuck => "stuck",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

// === impl InputMetrics ===

impl From<InputStats> for InputMetrics {
    fn from(stats: InputStats) -> Self {
        Self {
            name: stats.name,
            queued: u64::try_from(stats.queued).unwrap_or(u64::MAX),
            delivered: stats.delivered,
            missed: stats.missed,
            coalesced: stats.coalesced,
            quarantined: stats.quarantined,
            oldest_ms: stats.oldest.map(milliseconds),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
