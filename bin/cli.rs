//! The command line, as a person types it. What the values mean is decided by `config`.

#[cfg(feature = "simnet")]
use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(feature = "simnet")]
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use eda_events::WorkerName;
#[cfg(feature = "simnet")]
use eda_limits::profile;
#[cfg(feature = "simnet")]
use eda_simnet::chain::Mix;

#[cfg(feature = "simnet")]
use crate::config::{Level, Log};
use crate::{config::Flags, exit::Exit};

/// Five Solana workers over one shared connection and one request budget.
#[derive(Debug, Parser)]
#[command(name = "eda", version, about, long_about = None, after_help = after_help(), max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run workers until Ctrl-C or SIGTERM
    Run(Run),
    /// Probe the endpoint: versions, WebSocket, slot time, limits
    Check(Check),
    /// Tell what running will cost at the endpoint, and whether its plan carries that
    Plan(Plan),
    /// Look at the settings
    Config {
        /// What to do with them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask the running eda how it is
    Status(Status),
    /// Tell what was decided about a signature, a mint, an address or an event, and by which rule
    Why(Why),
    /// Tell which slots each worker has had, and how
    Coverage(Coverage),
    /// Serve a simulated cluster to any Solana client, until Ctrl-C
    #[cfg(feature = "simnet")]
    Simnet(Simnet),
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting in effect and where it comes from
    Show(Show),
}

/// `eda run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Workers to run: `all` for every enabled one, or names separated by commas
    #[arg(long, value_name = "all|NAME,…", default_value = "all")]
    pub(crate) workers: String,
    /// File that events are appended to as JSON lines; `-` is stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) events: Option<String>,
    /// Run although the provider's plan does not carry it: what does not fit comes late, or the credits end early
    #[arg(long)]
    pub(crate) over_plan: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
    /// Which provider.
    #[command(flatten)]
    pub(crate) endpoint: Endpoint,
}

/// `eda check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
    /// Which provider.
    #[command(flatten)]
    pub(crate) endpoint: Endpoint,
}

/// `eda plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Workers to plan for: `all` for every enabled one, or names separated by commas
    #[arg(long, value_name = "all|NAME,…", default_value = "all")]
    workers: String,
    /// How long to look at the endpoint; the longer, the closer the numbers
    #[arg(long = "for", value_name = "TIME", default_value = "20s")]
    pub(crate) within: humantime::Duration,
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    source: Source,
    /// Which provider.
    #[command(flatten)]
    endpoint: Endpoint,
}

/// `eda config show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
    /// Which provider.
    #[command(flatten)]
    pub(crate) endpoint: Endpoint,
}

/// `eda status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
}

/// `eda why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A signature, a mint, a pool, another address, or an event's id
    #[arg(value_name = "SIGNATURE|ADDRESS|ID")]
    pub(crate) about: String,
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
}

/// `eda coverage`.
#[derive(Debug, Args)]
pub(crate) struct Coverage {
    /// Only of this worker
    #[arg(long, value_name = "NAME")]
    pub(crate) worker: Option<WorkerName>,
    /// Read a sample of what is covered from this endpoint too, and name what is missing here
    #[arg(long, value_name = "URL|NAME")]
    pub(crate) against: Option<String>,
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the settings come from.
    #[command(flatten)]
    pub(crate) source: Source,
}

/// `eda simnet`. It is a server of its own, so it takes nothing from config.toml.
#[cfg(feature = "simnet")]
#[derive(Debug, Args)]
pub(crate) struct Simnet {
    /// Address for JSON-RPC over HTTP; port 0 takes a free pair
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8899")]
    pub(crate) http: SocketAddr,
    /// Address for PubSub [default: that of --http, port + 1]
    #[arg(long, value_name = "ADDR")]
    ws: Option<SocketAddr>,
    /// Enforce the limits of this plan, such as public-mainnet-beta or helius-free [default: none]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(profile::names()))]
    pub(crate) profile: Option<String>,
    /// File with the faults to have (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Make the chain of this seed [default: a chain of its own each time]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Time between slots
    #[arg(long, value_name = "TIME", default_value = "400ms")]
    pub(crate) slot_time: humantime::Duration,
    /// What happens by itself: `none`, or transactions per 100 slots of the kinds whose number is to differ
    #[arg(long, value_name = "none|KIND=N,…", value_parser = mix)]
    pub(crate) mix: Option<Mix>,
    /// Speak TLS with a certificate made for this run
    #[arg(long)]
    pub(crate) tls: bool,
    /// File to write that certificate to (PEM), for clients to trust
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) certificate: Option<PathBuf>,
    /// File to write what really happened to at the end (JSON lines)
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: Option<PathBuf>,
    /// What to log: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    log: Level,
}

/// Where the settings come from, and those that every command has.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Settings file [default: ./config.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Directory for the lock and the control socket [default: eda-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// What to log: off, error, warn, info, debug, trace, or `info,eda_connection=debug` [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// How to write log lines: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

/// Which provider. Naming a URL replaces WebSocket URL and profile of file and environment as well.
#[derive(Debug, Args)]
pub(crate) struct Endpoint {
    /// Provider: a URL, or mainnet-beta, testnet, devnet, localhost, simnet [default: mainnet-beta]
    #[arg(long, short = 'u', value_name = "URL|NAME")]
    pub(crate) url: Option<String>,
    /// WebSocket URL [default: derived from the URL]
    #[arg(long, value_name = "URL")]
    pub(crate) ws_url: Option<String>,
    /// Whose limits to keep: auto, custom, or a provider's plan such as helius-free [default: auto]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

// === impl Coverage ===

impl Coverage {
    /// What it sets: the other endpoint takes the place of the one in the settings.
    pub(crate) fn flags(&self) -> Flags {
        let against =
            self.against.clone().map(|url| Endpoint { url: Some(url), ws_url: None, profile: None });
        flags(&self.source, against.as_ref())
    }
}

// === impl Plan ===

impl Plan {
    /// What it sets.
    pub(crate) fn flags(&self) -> Flags {
        Flags { workers: Some(self.workers.clone()), ..flags(&self.source, Some(&self.endpoint)) }
    }
}

// === impl Run ===

impl Run {
    /// What it sets.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = flags(&self.source, Some(&self.endpoint));
        flags.workers = Some(self.workers.clone());
        flags.set.extend(self.events.clone().map(|text| ("--events", ["events", "file"], text)));
        flags
    }
}

// === impl Simnet ===

#[cfg(feature = "simnet")]
impl Simnet {
    /// The address for PubSub.
    pub(crate) fn ws(&self) -> SocketAddr {
        let mut next = self.http;
        next.set_port(self.http.port().checked_add(1).unwrap_or_default());
        self.ws.unwrap_or(next)
    }

    /// How it logs.
    pub(crate) fn log(&self) -> Log {
        Log { level: self.log.clone(), ..Log::default() }
    }
}

#[cfg(feature = "simnet")]
fn mix(text: &str) -> Result<Mix, String> {
    if text == "none" {
        return Ok(Mix::NONE);
    }
    let mut mix = Mix::default();
    for part in text.split(',') {
        let (kind, number) = part.split_once('=').ok_or_else(|| format!("`{part}` is not KIND=N"))?;
        let number = number.trim().parse().map_err(|_| format!("`{number}` is no number of transactions"))?;
        mix.set(kind.trim(), number).map_err(|unknown| unknown.to_string())?;
    }
    Ok(mix)
}

#[cfg(feature = "simnet")]
fn level(text: &str) -> Result<Level, String> {
    Level::try_from(text.to_owned())
}

/// What the flags that commands share set.
pub(crate) fn flags(source: &Source, endpoint: Option<&Endpoint>) -> Flags {
    let shared = [
        ("--data-dir", ["run", "data_dir"], &source.data_dir),
        ("--log", ["log", "level"], &source.log),
        ("--log-format", ["log", "format"], &source.log_format),
    ];
    let endpoint = endpoint.into_iter().flat_map(|endpoint| {
        [
            ("--url", ["rpc", "url"], &endpoint.url),
            ("--ws-url", ["rpc", "ws_url"], &endpoint.ws_url),
            ("--profile", ["rpc", "profile"], &endpoint.profile),
        ]
    });
    let set = shared
        .into_iter()
        .chain(endpoint)
        .filter_map(|(flag, key, text)| text.clone().map(|text| (flag, key, text)))
        .collect();
    Flags { file: source.config.clone(), workers: None, set }
}

fn after_help() -> String {
    let codes: Vec<_> =
        Exit::ALL.into_iter().map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning())).collect();
    format!(
        "Settings: flags go before environment (SOLANA_RPC_URL, SOLANA_WS_URL, EDA__SECTION__KEY), that before \
         config.toml.\n\nExit codes:\n{}",
        codes.join("\n")
    )
}
