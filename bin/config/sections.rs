//! The settings as plain structs, one per section of config.toml, with the built-in defaults.
//!
//! `Config::default()` written as JSON is at the same time the list of every key there is: an absent value stands
//! there as `null`, a table that takes any key as an empty one.

use std::path::PathBuf;

use eda_events::Commitment;
use serde::{Deserialize, Serialize};

use super::{
    limits::Limits,
    listed::Listed,
    simulated::Simnet,
    start::StartAt,
    store::Store,
    units::{Period, Size},
    url::{RpcUrl, WsUrl},
    workers::Workers,
};

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The provider.
    pub(crate) rpc: Rpc,
    /// The simulated cluster, where that is the provider.
    pub(crate) simnet: Simnet,
    /// How facts are got from it.
    pub(crate) feed: Feed,
    /// The life of the process and its workers.
    pub(crate) run: Run,
    /// What must survive the process.
    pub(crate) store: Store,
    /// Where events go.
    pub(crate) events: Events,
    /// Where log lines go.
    pub(crate) log: Log,
    /// The five workers.
    pub(crate) workers: Workers,
}

/// `[rpc]`: the provider and the connection to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rpc {
    /// URL for requests, or a short name.
    pub(crate) url: RpcUrl,
    /// URL for subscriptions; derived from `url` when absent.
    pub(crate) ws_url: Option<WsUrl>,
    /// Whose limits to keep.
    pub(crate) profile: Profile,
    /// Further endpoints, for when that one is ill.
    pub(crate) endpoints: Vec<Listed>,
    /// PEM file with further certificates to trust, for a provider behind a private authority.
    pub(crate) ca_file: Option<PathBuf>,
    /// How settled a fact must be.
    pub(crate) commitment: Commitment,
    /// Longest time to reach the provider and shake hands.
    pub(crate) connect_timeout: Period,
    /// A response of which nothing arrives for so long is given up.
    pub(crate) stall_timeout: Period,
    /// Largest response read.
    pub(crate) max_response: Size,
    /// Largest WebSocket message read.
    pub(crate) max_message: Size,
    /// Whether requests are saved where they can be.
    pub(crate) savings: bool,
    /// Room for answers that never change.
    pub(crate) cache: Size,
    /// Bounds of use that replace the profile's.
    pub(crate) limits: Limits,
}

/// `rpc.profile`: whose limits to keep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Profile {
    /// Those of the provider that the URL's host belongs to.
    #[default]
    Auto,
    /// None but those in `[rpc.limits]`.
    Custom,
    /// Those of one row in the table of profiles.
    Named(&'static eda_limits::profile::Profile),
}

/// `[feed]`: how facts are got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Feed {
    /// Which way.
    pub(crate) mode: FeedMode,
    /// How often each account is read that finds no room on the WebSocket.
    pub(crate) sweep_interval: Period,
    /// How often what was notified is compared with what the node says when it is asked.
    pub(crate) compare_every: Period,
    /// Where what no earlier run followed begins.
    pub(crate) start: StartAt,
    /// How long ago the last run may have ended for everything since then to be read.
    pub(crate) catch_up: Period,
}

/// `feed.mode`: which way transactions are got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FeedMode {
    /// The cheapest that covers what the workers ask for within the plan.
    #[default]
    Auto,
    /// Log notifications for each watched address, and the transactions they name.
    Logs,
    /// Every block, whole.
    Blocks,
}

/// `[run]`: the life of the process and its workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Run {
    /// Directory for what must survive, for the lock and the control socket.
    pub(crate) data_dir: PathBuf,
    /// Longest time from the first signal to the end.
    pub(crate) drain_deadline: Period,
    /// Time between two `WORKER_STATUS` events of one worker.
    pub(crate) status_interval: Period,
    /// A worker whose loop gives no sign for so long hangs.
    pub(crate) hang_after: Period,
    /// Restarts of one worker within `restart_window` before it is given up.
    pub(crate) restarts: u32,
    /// See `restarts`.
    pub(crate) restart_window: Period,
    /// Pause before the first restart; doubles with each further one.
    pub(crate) restart_pause: Period,
    /// Longest such pause.
    pub(crate) restart_pause_max: Period,
}

/// `[events]`: where events go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Events {
    /// File that JSON lines are appended to; `-` is stdout.
    pub(crate) file: Option<PathBuf>,
}

/// `[log]`: what is logged, and how. Always to stderr.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// What is logged.
    pub(crate) level: Level,
    /// How it is written.
    pub(crate) format: LogFormat,
}

/// `log.level`: a level, or directives such as `info,eda_connection=debug`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Level(String);

/// `log.format`: how a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

// === impl Feed ===

impl Default for Feed {
    fn default() -> Self {
        Self {
            mode: FeedMode::Auto,
            sweep_interval: Period::seconds(5),
            compare_every: Period::seconds(60),
            start: StartAt::Now,
            catch_up: Period::seconds(60 * 60),
        }
    }
}

// === impl Rpc ===

impl Default for Rpc {
    fn default() -> Self {
        Self {
            url: RpcUrl::mainnet_beta(),
            ws_url: None,
            profile: Profile::Auto,
            endpoints: Vec::new(),
            ca_file: None,
            commitment: Commitment::Confirmed,
            connect_timeout: Period::seconds(10),
            stall_timeout: Period::seconds(30),
            max_response: Size::megabytes(128),
            max_message: Size::megabytes(64),
            savings: true,
            cache: Size::megabytes(64),
            limits: Limits::default(),
        }
    }
}

// === impl Run ===

impl Default for Run {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("eda-data"),
            drain_deadline: Period::seconds(10),
            status_interval: Period::seconds(30),
            hang_after: Period::seconds(60),
            restarts: 5,
            restart_window: Period::seconds(600),
            restart_pause: Period::millis(500),
            restart_pause_max: Period::seconds(30),
        }
    }
}

// === impl Level ===

impl Level {
    /// The directives as the subscriber reads them.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl TryFrom<String> for Level {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let directives =
            || text.split(',').map(|directive| directive.rsplit('=').next().unwrap_or(directive));
        // The subscriber takes a word it does not know for the name of a module, which would silence everything.
        let is_level = |word: &str| {
            let word = word.trim().to_ascii_lowercase();
            ["off", "error", "warn", "info", "debug", "trace"].contains(&word.as_str())
        };
        if text.trim().is_empty() || !directives().all(is_level) {
            return Err(format!(
                "`{text}` is no log level: expected off, error, warn, info, debug or trace, alone or for parts, such as \"info,eda_connection=debug\""
            ));
        }
        match tracing_subscriber::EnvFilter::try_new(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("`{text}` is no log level: {error}")),
        }
    }
}

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.0
    }
}
