//! What the watching task knows, for whoever asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{
    bounds::Bounds,
    health::{Change, Health, News},
    stats::{EndpointStats, Pause, Stats},
    switch::Switch,
};

/// Locked for single steps only, never while waiting.
#[derive(Debug)]
pub(crate) struct Board {
    switch: Switch,
    health: Mutex<Health>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    by_reason: BTreeMap<&'static str, u64>,
    last: Option<String>,
}

// === impl Board ===

impl Board {
    pub(crate) fn new(bounds: Bounds, switch: &Switch) -> Self {
        let priorities = switch.upstreams().iter().map(|upstream| upstream.site().priority);
        Self {
            switch: switch.clone(),
            health: Mutex::new(Health::new(bounds, priorities, Instant::now())),
            changes: Mutex::default(),
        }
    }

    /// Nothing panics under this lock; were it to happen, every observation would still be one.
    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change was made.
    pub(super) fn moved(&self, now: Instant, change: &Change, words: String) {
        self.health().moved(now, change);
        let mut changes = self.changes();
        let count = changes.by_reason.entry(change.reason.as_str()).or_default();
        *count = count.saturating_add(1);
        changes.last = Some(words);
    }

    /// Says in the log what is new.
    pub(super) fn tell(&self) {
        let news = self.health().news();
        let named = |site: usize| {
            let upstream = self.switch.upstreams().get(site);
            upstream.map(|upstream| upstream.site().endpoint.redacted()).unwrap_or_default()
        };
        for news in news {
            match news {
                News::Ill { site, why } => {
                    warn!(endpoint = named(site), why, "an endpoint that could take over is ill");
                }
                News::Well { site } => {
                    info!(endpoint = named(site), "an endpoint that was ill is well again")
                }
                News::Refused { site, why } => {
                    error!(endpoint = named(site), why, "an endpoint is never used again");
                }
                News::Paused(pause) => warn!("{pause}"),
                News::Resumed => info!("what stood still goes on"),
            }
        }
    }

    /// What stands still, for everyone as far as that is known.
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.health().paused()
    }

    pub(crate) fn stats(&self) -> Stats {
        let here = self.switch.here();
        let health = self.health();
        let (upstreams, standings) = (self.switch.upstreams(), health.standings(Instant::now()));
        let endpoints = upstreams.iter().zip(standings).map(|(upstream, standing)| EndpointStats {
            url: upstream.site().endpoint.redacted(),
            priority: upstream.site().priority,
            in_use: Arc::ptr_eq(upstream, &here),
            standing,
        });
        let (endpoints, pause) = (endpoints.collect(), health.paused());
        drop(health);
        let changes = self.changes();
        Stats { endpoints, changes: changes.by_reason.clone(), last_change: changes.last.clone(), pause }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
