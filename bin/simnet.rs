//! The simulated cluster: inside the process, or as a server for any Solana client.

use std::{fs, io, net::SocketAddr, sync::Arc, time::Duration};

use eda_connection::{Site, endpoint};
use eda_limits::{Limits, profile};
use eda_simnet::{
    Front, Protocol,
    chain::{self, Mix},
    cluster::Simnet,
    endpoint::{Endpoint, Options},
    faults,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tracing::{info, warn};

use crate::{
    cli,
    config::Settings,
    control::status::ProviderSees,
    exit::{Exit, Failure},
};

/// The simulated cluster cannot be had as it is asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsimulated {
    /// Its ports are taken.
    #[error("cannot listen on {http} and {ws}: {reason}; name other addresses with --http and --ws")]
    Ports {
        /// For HTTP.
        http: SocketAddr,
        /// For the WebSocket.
        ws: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// No ports are free, or no certificate can be made.
    #[error("cannot serve the simulated cluster: {0}")]
    Serve(#[from] io::Error),
    /// The server would be open to other machines.
    #[error(
        "{0} is not on this machine: the simulated cluster obeys whoever reaches it; use a loopback address"
    )]
    NotLoopback(SocketAddr),
    /// The faults file is wrong.
    #[error(transparent)]
    Faults(#[from] faults::Problems),
    /// A kind of transaction that actors do not make.
    #[error("simnet.mix: {0}")]
    Mix(#[from] chain::UnknownKind),
}

/// A cluster inside the process. It ends with this value.
pub(crate) struct Inside {
    cluster: Simnet,
    endpoint: Arc<Endpoint>,
}

// === impl Inside ===

impl Inside {
    /// Starts the cluster that `[simnet]` describes, behind a provider that enforces the limits that eda keeps to.
    pub(crate) async fn start(settings: &Settings, limits: &Limits) -> Result<(Self, Site), Failure> {
        let simnet = &settings.config.simnet;
        let mut config = chain(simnet.seed, simnet.slot_time.get());
        for (kind, per_hundred) in &simnet.mix {
            config.mix.set(kind, *per_hundred).map_err(Unsimulated::from)?;
        }
        let faults =
            simnet.faults.as_deref().map(faults::Plan::read).transpose().map_err(Unsimulated::from)?;
        let cluster = Simnet::new(config);
        let options = Options { limits: limits.clone(), faults, ..Options::default() };
        let endpoint = cluster.endpoint(options).await.map_err(Unsimulated::from)?;
        let url = endpoint.front().http_url();
        let reached = endpoint::Endpoint::parse(&url, None)
            .map_err(|error| io::Error::other(format!("simnet's own URL cannot be read: {error}")))?;
        announce(&cluster);
        info!(
            "for a real cluster: eda run --url mainnet-beta, or a provider's URL in SOLANA_RPC_URL or rpc.url; \
             `eda check --url URL` says what that would cost"
        );
        cluster.run();
        let site = Site { endpoint: reached, limits: limits.clone(), priority: 0 };
        Ok((Self { cluster, endpoint }, site))
    }

    /// What its provider sees of this process.
    pub(crate) fn sees(&self) -> Arc<dyn Fn() -> ProviderSees + Send + Sync> {
        let endpoint = Arc::clone(&self.endpoint);
        Arc::new(move || sees(&endpoint))
    }

    /// Ends the cluster.
    pub(crate) async fn stop(&self) {
        let saw = sees(&self.endpoint);
        self.cluster.stop().await;
        info!(
            http_connections = saw.http_opened,
            at_once = saw.http_max_open,
            websockets = saw.ws_opened,
            requests = saw.requests,
            refused = saw.refused,
            "what the simulated provider saw"
        );
    }
}

/// `eda simnet`: serves the cluster until a signal.
pub(crate) async fn serve(args: &cli::Simnet) -> Result<Exit, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let profile = args.profile.as_deref().and_then(profile::by_name);
    let limits = profile.map(profile::Profile::limits).unwrap_or_default();
    let faults = args.faults.as_deref().map(faults::Plan::read).transpose().map_err(Unsimulated::from)?;
    let config = chain(args.seed, args.slot_time.into());
    let cluster = Simnet::new(match args.mix {
        // Then no slot goes without its block either.
        Some(Mix::NONE) => {
            chain::Config { mix: Mix::NONE, skipped_per_mille: 0, abandoned_per_mille: 0, ..config }
        }
        Some(mix) => chain::Config { mix, ..config },
        None => config,
    });
    for address in [args.http, args.ws()] {
        if !address.ip().is_loopback() {
            return Err(Unsimulated::NotLoopback(address).into());
        }
    }
    let (http, ws) = (args.http, args.ws());
    let protocol = if args.tls { Protocol::Tls } else { Protocol::H2c };
    let ports = match http.port() {
        0 => Front::reserve(protocol),
        _ => Front::reserve_at(protocol, http, ws),
    };
    let taken = |reason| Unsimulated::Ports { http, ws, reason };
    let options = Options { protocol, ports: Some(ports.map_err(taken)?), limits, faults };
    let endpoint = cluster.endpoint(options).await.map_err(taken)?;
    if let Some(path) = &args.certificate {
        fs::write(path, endpoint.front().certificate_pem())?;
    }
    announce(&cluster);
    info!(http = endpoint.front().http_url(), ws = endpoint.front().ws_url(), "serving until Ctrl-C");
    cluster.run();
    signals.next().await;
    let truth = args.truth.as_deref().map(|path| (path, truth(&cluster)));
    cluster.stop().await;
    if let Some((path, truth)) = truth {
        fs::write(path, truth)?;
    }
    info!(saw = serde_json::to_string(&sees(&endpoint)).unwrap_or_default(), "stopped");
    Ok(Exit::Clean)
}

/// Says what this is, before anything else is said.
fn announce(cluster: &Simnet) {
    let (seed, genesis) = {
        let chain = cluster.chain();
        (chain.config().seed, chain.genesis_hash())
    };
    warn!(seed, %genesis, "SIMULATED: this chain is made up, and nothing on it is real");
}

/// What happened in every kept slot, as JSON lines.
fn truth(cluster: &Simnet) -> String {
    cluster.chain().truth().rows().map(|row| format!("{}\n", row.to_json())).collect()
}

/// A chain of its own unless a seed is given; one that is given has a fixed beginning in time as well.
fn chain(seed: Option<u64>, slot_time: Duration) -> chain::Config {
    let now = Timestamp::now();
    let config = match seed {
        Some(seed) => chain::Config::seeded(seed),
        None => chain::Config {
            genesis_time: now.as_second(),
            // Nanoseconds since 1970 in 64 bits: no two runs begin in the same one.
            ..chain::Config::seeded(u64::try_from(now.as_nanosecond()).unwrap_or(u64::MAX))
        },
    };
    chain::Config { slot_time, ..config }
}

fn sees(endpoint: &Endpoint) -> ProviderSees {
    let (http, ws) = (endpoint.front().http().tally().traffic(), endpoint.front().ws().tally().traffic());
    let meter = endpoint.provider().meter();
    ProviderSees {
        http_open: http.open,
        http_opened: http.accepts,
        http_max_open: http.max_open,
        ws_open: ws.open,
        ws_opened: ws.accepts,
        ws_max_open: ws.max_open,
        requests: meter.requests.values().sum(),
        refused: meter.refused(),
    }
}
