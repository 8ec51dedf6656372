//! Settings turned into what the rooms of the house ask for.

use std::{fs, path::Path, sync::Arc, time::Duration};

use eda_burn_detector::{BurnDetector, Detector, Watch};
use eda_connection::{
    self as connection, ConnectionManager, Site,
    checkpoints::Checkpoints,
    failover::Bounds,
    feed::{Choice, Demand, FeedConfig, Interest, Mode, Sample, Start, Unaffordable, plan::Cost},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{Slot, WorkerName};
use eda_liquidity_monitor::LiquidityMonitor;
use eda_market_detector::MarketDetector;
use eda_price_aggregator::PriceAggregator;
use eda_store::Store;
use eda_trading_bot::TradingBot;
use eda_worker::{Backoff, BadBackoff, Policy, Worker};
use tracing::warn;

use crate::aside;
use crate::config::{Config, FeedMode, Provider, Settings, StartAt};

/// A slot of a local validator lasts 400 ms; mainnet's 200 ms since 2026-10 (SIMD-0525). Only until it is measured.
const LOCAL_SLOT: Duration = Duration::from_millis(400);
const PUBLIC_SLOT: Duration = Duration::from_millis(200);
/// Transactions that may wait for one worker. A whole block of mainnet has about 1,500.
const QUEUE: usize = 16_384;
/// Events that wait for one worker at once; the others wait in the store.
const EVENTS: usize = 4_096;
/// Where nothing is known of the provider's cap; the lowest of those known (connection.md 2.1).
pub(crate) const SUBSCRIPTIONS: u32 = 100;

/// The certificate file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use rpc.ca_file {path}: {reason}")]
pub(crate) struct BadCertificates {
    path: String,
    reason: String,
}

/// What the shared connection needs to know.
pub(crate) fn connection(
    settings: &Settings,
    sites: &[Site],
    checkpoints: Arc<dyn Checkpoints>,
    just_used: bool,
) -> Result<connection::Config, BadCertificates> {
    let rpc = &settings.config.rpc;
    let local = settings.provider.is_own_cluster();
    let extra_roots = rpc.ca_file.as_deref().map(certificates).transpose()?.unwrap_or_default();
    let mut sites = sites.to_vec();
    for Site { endpoint, limits, .. } in &mut sites {
        // A provider inside the process remembers nothing of the last one.
        limits.assume_window_used = just_used && !matches!(settings.provider, Provider::Simnet(_));
        // The feed plans with the same number that the socket keeps.
        let unknown = if endpoint.is_loopback() { u32::MAX } else { SUBSCRIPTIONS };
        limits.subscriptions.get_or_insert(unknown);
    }
    let weights = WorkerName::ALL.map(|name| (name, settings.config.workers.weight(name).get()));
    Ok(connection::Config {
        sites,
        weights: weights.into(),
        extra_roots,
        connect_timeout: rpc.connect_timeout.get(),
        http: HttpConfig {
            stall: rpc.stall_timeout.get(),
            answer_bytes: u64::try_from(rpc.max_response.bytes()).unwrap_or(u64::MAX),
            ..HttpConfig::default()
        },
        pubsub: pubsub::Config { max_message_bytes: rpc.max_message.bytes(), ..pubsub::Config::default() },
        failover: Bounds::default(),
        feed: FeedConfig {
            choice: match settings.config.feed.mode {
                FeedMode::Auto => Choice::Auto,
                FeedMode::Logs => Choice::Always(Mode::Logs),
                FeedMode::Blocks => Choice::Always(Mode::Blocks),
            },
            commitment: rpc.commitment,
            nominal_slot_time: if local { LOCAL_SLOT } else { PUBLIC_SLOT },
            queue: QUEUE,
            sweep_interval: settings.config.feed.sweep_interval.get(),
            checkpoints,
            start: match settings.config.feed.start {
                StartAt::Now => Start::Now,
                StartAt::After(slot) => Start::After(Slot(slot)),
            },
            catch_up: settings.config.feed.catch_up.get(),
            compare_every: settings.config.feed.compare_every.get(),
            over_plan: false,
        },
        savings: savings::Config {
            on: rpc.savings,
            kept_bytes: rpc.cache.bytes(),
            ..savings::Config::default()
        },
    })
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, BadCertificates> {
    let bad = |reason: String| BadCertificates { path: path.display().to_string(), reason };
    let pem = fs::read(path).map_err(|error| bad(error.to_string()))?;
    let certificates = connection::dial::certificates(&pem).map_err(|error| bad(error.to_string()))?;
    if certificates.is_empty() { Err(bad("it holds no certificate".to_owned())) } else { Ok(certificates) }
}

/// How workers are restarted and given up.
pub(crate) fn policy(config: &Config) -> Result<Policy, BadBackoff> {
    let run = &config.run;
    let window = run.restart_window.get();
    Ok(Policy {
        hang_after: run.hang_after.get(),
        status_every: run.status_interval.get(),
        restart_budget: usize::try_from(run.restarts).unwrap_or(usize::MAX),
        budget_window: window,
        backoff: Backoff::try_new(run.restart_pause.get(), run.restart_pause_max.get(), window)?,
        ..Policy::default()
    })
}

/// Whether `watch = "auto"` means every mint: on a cluster of one's own, if the provider's plan carries that.
pub(crate) fn auto_is_all(settings: &Settings, manager: &ConnectionManager) -> bool {
    let auto = settings.config.workers.burn_detector.settings.watch == Watch::Auto;
    if !settings.provider.is_own_cluster() {
        return false;
    }
    let everything = manager.plan(&Demand::of(&interests(settings, true)));
    match everything.affordable() {
        Err(unaffordable) if auto => {
            warn!(
                "not every mint is watched: {unaffordable}; name mints in workers.burn-detector.watch, or a larger \
                 plan in rpc.profile"
            );
            false
        }
        Ok(_) | Err(_) => true,
    }
}

/// What the chosen workers together will ask the feed for.
pub(crate) fn interests(settings: &Settings, auto_is_all: bool) -> Vec<Interest> {
    interests_by_worker(settings, auto_is_all).into_iter().flat_map(|(_, interests)| interests).collect()
}

/// What each of the chosen workers will ask the feed for.
pub(crate) fn interests_by_worker(
    settings: &Settings,
    auto_is_all: bool,
) -> Vec<(WorkerName, Vec<Interest>)> {
    let workers = &settings.config.workers;
    let of = |name| match name {
        WorkerName::BurnDetector => BurnDetector::interests(&workers.burn_detector.settings, auto_is_all),
        WorkerName::MarketDetector => MarketDetector::interests(&workers.market_detector.settings),
        WorkerName::LiquidityMonitor => LiquidityMonitor::interests(&workers.liquidity_monitor.settings),
        WorkerName::PriceAggregator => PriceAggregator::interests(&workers.price_aggregator.settings),
        WorkerName::TradingBot => Vec::new(),
    };
    settings.workers.iter().map(|chosen| (chosen.name, of(chosen.name))).collect()
}

/// What will be asked for beside the feed, judged by a sample of the chain.
pub(crate) fn aside(settings: &Settings, auto_is_all: bool, sample: &Sample) -> Vec<Cost> {
    let burns = &settings.config.workers.burn_detector.settings;
    if settings.workers.iter().all(|chosen| chosen.name != WorkerName::BurnDetector) {
        return Vec::new();
    }
    aside::costs(&Detector::new(burns, burns.watched(auto_is_all)), sample)
}

/// A worker with its lease.
pub(crate) fn worker(
    name: WorkerName,
    settings: &Settings,
    manager: &Arc<ConnectionManager>,
    store: &Store,
    auto_is_all: bool,
) -> Result<Box<dyn Worker>, Unaffordable> {
    let workers = &settings.config.workers;
    let lease = manager.lease(name);
    Ok(match name {
        WorkerName::BurnDetector => {
            Box::new(BurnDetector::new(workers.burn_detector.settings.clone(), lease, auto_is_all)?)
        }
        WorkerName::MarketDetector => {
            Box::new(MarketDetector::new(&workers.market_detector.settings, lease)?)
        }
        WorkerName::LiquidityMonitor => {
            Box::new(LiquidityMonitor::new(&workers.liquidity_monitor.settings, lease)?)
        }
        WorkerName::PriceAggregator => {
            Box::new(PriceAggregator::new(&workers.price_aggregator.settings, lease)?)
        }
        WorkerName::TradingBot => {
            // What happened while it was away is too old to act on.
            let events = store.subscribe("trading-bot", TradingBot::TOPICS, EVENTS, eda_store::Start::Now);
            Box::new(TradingBot::new(lease, events))
        }
    })
}
