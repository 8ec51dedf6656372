//! What a running process says about itself: the document behind `eda status`.
//!
//! Lengths of time are in milliseconds, as their names say. What is not known is absent, never a zero.

use std::collections::BTreeMap;

use eda_events::WorkerName;
use serde::{Deserialize, Serialize};

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// Version of the running `eda`.
    pub(crate) version: String,
    /// Its process id.
    pub(crate) pid: u32,
    /// How long it has been running.
    pub(crate) uptime_ms: u64,
    /// Which chain it is on; absent until the endpoint has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// Why the chain is not known, or why the provider is not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
    /// The URL of the endpoint in use, without its key.
    pub(crate) endpoint: String,
    /// All endpoints, and the changes between them.
    pub(crate) failover: Failover,
    /// The HTTP connection.
    pub(crate) http: Http,
    /// The WebSocket.
    pub(crate) ws: Ws,
    /// The chain's clock.
    pub(crate) slots: Slots,
    /// How facts are got.
    pub(crate) feed: Feed,
    /// The request budget.
    pub(crate) budget: Budget,
    /// Who holds a lease on the connection.
    pub(crate) leases: Vec<WorkerName>,
    /// Events published, by channel; channels without any are absent.
    pub(crate) events: BTreeMap<String, u64>,
    /// The workers, in the order they were started.
    pub(crate) workers: Vec<Worker>,
    /// What must survive the process.
    pub(crate) store: Store,
    /// Where events go.
    pub(crate) sinks: Vec<Sink>,
    /// What the provider sees of this process; absent where it cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_sees: Option<ProviderSees>,
}

/// What the simulated provider counts at its own side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProviderSees {
    /// HTTP connections open now.
    pub(crate) http_open: u64,
    /// HTTP connections accepted since the start.
    pub(crate) http_opened: u64,
    /// The most HTTP connections that were open at one time.
    pub(crate) http_max_open: u64,
    /// WebSockets open now.
    pub(crate) ws_open: u64,
    /// WebSockets accepted since the start.
    pub(crate) ws_opened: u64,
    /// The most WebSockets that were open at one time.
    pub(crate) ws_max_open: u64,
    /// Requests that arrived.
    pub(crate) requests: u64,
    /// Requests that were refused.
    pub(crate) refused: u64,
}

/// All endpoints, and the changes between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Failover {
    /// In order of preference.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Changes from one to another since the start, by reason.
    pub(crate) changes: BTreeMap<String, u64>,
    /// The last of them: from, to, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
    /// What stands still, for everyone as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pause: Option<String>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    /// Its URL, without its key.
    pub(crate) url: String,
    /// Lower ones are preferred.
    pub(crate) priority: u32,
    /// Whether it is the one that is asked.
    pub(crate) in_use: bool,
    /// `well`, `recovering`, `ill` or `refused`.
    pub(crate) state: String,
    /// For how long it has been recovering or ill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since_ms: Option<u64>,
    /// What is held against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// The HTTP connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    /// Protocol in use, `HTTP/2` for example; absent before the first connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Connections open now.
    pub(crate) open: u64,
    /// Connections opened since the start.
    pub(crate) opened: u64,
}

/// The WebSocket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ws {
    /// Sockets open now.
    pub(crate) open: u64,
    /// Sockets opened since the start.
    pub(crate) opened: u64,
    /// Subscriptions at the provider.
    pub(crate) subscriptions: u64,
}

/// The chain's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Slots {
    /// Newest slot seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tip: Option<u64>,
    /// Length of a slot as measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slot_ms: Option<u64>,
}

/// The way from an earlier run to this one, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CatchUp {
    /// Where it began.
    pub(crate) from: u64,
    /// Where it has come to.
    pub(crate) at: u64,
    /// Where it ends.
    pub(crate) to: u64,
}

/// How facts are got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Feed {
    /// The way in use; absent until one is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
    /// Why that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The last slot handed out, where whole blocks are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<u64>,
    /// What is left of the way from an earlier run to this one; absent once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up: Option<CatchUp>,
    /// Slots that had to be named as missing since the start.
    pub(crate) slots_given_up: u64,
    /// Times that the transactions of an address were listed, to close a gap or to compare.
    pub(crate) listings: u64,
    /// Transactions that a listing brought and no notification had.
    pub(crate) found_by_listing: u64,
    /// Transactions handed to a worker.
    pub(crate) transactions: u64,
    /// Account states handed to a worker.
    pub(crate) accounts: u64,
    /// Notifications that did not fit into a queue.
    pub(crate) missed: u64,
    /// Transactions that were notified and never found.
    pub(crate) missing: u64,
    /// Slots whose content could not be read and is still missing.
    pub(crate) slots_unproven: u64,
    /// Transactions that cannot be decoded.
    pub(crate) undecodable: u64,
    /// Answers refused by the node for a transaction version that this `eda` does not read.
    pub(crate) unsupported_version: u64,
    /// Subscriptions that were interrupted.
    pub(crate) interruptions: u64,
    /// Reads that failed and were made again, by method and kind of failure.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Subscriptions the provider refuses, with its reason.
    pub(crate) rejected: BTreeMap<String, String>,
}

/// The request budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Budget {
    /// Requests answered by the provider since the start.
    pub(crate) answered: u64,
    /// Requests that the provider refused for its limits.
    pub(crate) refused: u64,
    /// Requests that were sent and never answered.
    pub(crate) lost: u64,
    /// Every rolling window.
    pub(crate) windows: Vec<Window>,
    /// What the provider has refused for a while.
    pub(crate) frozen: Vec<Frozen>,
    /// Requests waiting, by class; classes without any are absent.
    pub(crate) waiting: BTreeMap<String, u64>,
    /// Credits spent, and how long the rest lasts.
    pub(crate) credits: Credits,
}

/// Credits spent, and how long the rest lasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Credits {
    /// Used since the start, or since the month's beginning if that is later.
    pub(crate) used: u64,
    /// An hour, going by the last one; absent until there is enough to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_hour: Option<u64>,
    /// An hour, as planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) planned_per_hour: Option<u64>,
    /// What the provider's plan includes per month; absent where it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monthly: Option<u64>,
    /// The day, counted from the start, on which they end at this rate; absent where they last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_on_day: Option<u64>,
    /// How many times longer than planned comparing and sweeping are put off to save some.
    pub(crate) stretch: u32,
}

/// One rolling window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Window {
    /// What it bounds, with its length: `requests/10s`.
    pub(crate) name: String,
    /// Units that fit.
    pub(crate) limit: u64,
    /// Units in use.
    pub(crate) used: u64,
}

/// Something the provider has refused for a while.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Frozen {
    /// What is frozen, `getBlock` for example.
    pub(crate) scope: String,
    /// How much longer.
    pub(crate) remaining_ms: u64,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Worker {
    /// Which one.
    pub(crate) name: WorkerName,
    /// `running`, `waiting`, `restarting`, `failed`, `stopped`.
    pub(crate) state: String,
    /// How long this incarnation has been running.
    #[serde(default)]
    pub(crate) uptime_ms: u64,
    /// What it has looked at since the start of the process, by kind.
    #[serde(default)]
    pub(crate) seen: BTreeMap<String, u64>,
    /// Events published since the start of the process.
    #[serde(default)]
    pub(crate) events: u64,
    /// Errors since the start of the process.
    #[serde(default)]
    pub(crate) errors: u64,
    /// Restarts since the start of the process.
    #[serde(default)]
    pub(crate) restarts: u64,
    /// Items waiting for it.
    #[serde(default)]
    pub(crate) queue: u64,
    /// Items that failed it twice and were set aside.
    #[serde(default)]
    pub(crate) quarantined: u64,
    /// Items it was told it has missed.
    #[serde(default)]
    pub(crate) gaps: u64,
    /// Candidates that became no event, by the rule that said no.
    #[serde(default)]
    pub(crate) refusals: BTreeMap<String, u64>,
    /// The newest error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// What it cannot go on without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_for: Option<String>,
}

/// One place that events go to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sink {
    /// Which one: a file's name, `stdout`.
    pub(crate) name: String,
    /// Events written.
    pub(crate) written: u64,
    /// Events that did not fit its queue.
    pub(crate) missed: u64,
    /// Attempts to write that failed and were repeated.
    pub(crate) failed: u64,
    /// Why the event in hand could not be written yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failing: Option<String>,
}

/// What must survive the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Events in the file, of this and earlier runs.
    pub(crate) events: u64,
    /// Refusals in the file.
    pub(crate) refusals: u64,
    /// Events of this run that had been kept before.
    pub(crate) duplicates: u64,
    /// Entries that cannot be kept because of what they are, by reason.
    pub(crate) unkeepable: BTreeMap<String, u64>,
    /// How large the file is, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// Why nothing can be written now, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failing: Option<String>,
}

// === impl CatchUp ===

impl CatchUp {
    /// How much of it is done, in percent.
    pub(crate) fn percent(self) -> u64 {
        let (done, whole) = (self.at.saturating_sub(self.from), self.to.saturating_sub(self.from));
        done.saturating_mul(100).checked_div(whole).unwrap_or(100).min(100)
    }
}
