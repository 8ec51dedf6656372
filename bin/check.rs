//! `eda check`: is each endpoint there, what is it, and what does it allow?

use std::{sync::Arc, time::Duration};

use eda_connection::{
    ConnectionManager, OpenError, Site, Stats, Vital, checkpoints::NoCheckpoints, feed::Demand,
};
use eda_events::WorkerName;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    config::Settings,
    exit::{Exit, Failure},
    provider, wiring,
};

/// So long may the endpoint take to say which cluster it serves.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long are slots watched, once the endpoint is there, to measure how long they last.
const WATCH: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was found of an endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    endpoint: String,
    websocket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    genesis_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    websocket_live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot_ms: Option<u64>,
    limits: Vec<Limit>,
    /// `x-ratelimit-*` as the provider sent them last.
    limits_seen: std::collections::BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plan: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    /// The same of the endpoints that take its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Limit {
    what: String,
    window_ms: u64,
    allowed: u64,
    kept: u64,
}

/// Probes the endpoints that the settings name, one after the other.
pub(crate) async fn check(settings: &Settings) -> Result<(Found, Exit), Failure> {
    let opened = provider::open(settings).await?;
    let mut found: Vec<(Found, Exit)> = Vec::new();
    for site in &opened.sites {
        let (mut of_this, mut exit) = check_one(settings, site).await?;
        let cluster = found.iter().find_map(|(one, _)| one.genesis_hash.as_ref());
        if let (Some(first), Some(this)) = (cluster, &of_this.genesis_hash)
            && first != this
        {
            of_this.problems.push(format!(
                "another cluster than that of genesis hash {first}: eda run would never go over to it"
            ));
            exit = Exit::BadConfig;
        }
        found.push((of_this, exit));
    }
    opened.stop().await;
    // Whether everything is well, or else what is wrong with the first that is not.
    let exit = found.iter().map(|(_, exit)| *exit).find(|exit| *exit != Exit::Clean).unwrap_or(Exit::Clean);
    let mut found = found.into_iter().map(|(found, _)| found);
    let first = found.next().ok_or(OpenError::NoEndpoint)?;
    Ok((Found { others: found.collect(), ..first }, exit))
}

async fn check_one(settings: &Settings, site: &Site) -> Result<(Found, Exit), Failure> {
    let manager = ConnectionManager::open(wiring::connection(
        settings,
        std::slice::from_ref(site),
        Arc::new(NoCheckpoints),
        false,
    )?)?;
    // The lease opens the connection; any worker's name will do, since nothing is asked in it.
    let lease = manager.lease(WorkerName::BurnDetector);
    let stats = observe(&manager).await;
    let budget = manager.budget().await;
    let auto_is_all = wiring::auto_is_all(settings, &manager);
    let plan = manager.plan(&Demand::of(&wiring::interests(settings, auto_is_all))).affordable();
    drop(lease);
    manager.shut_down().await;

    let mut problems: Vec<String> = stats.refused_access.clone().into_iter().collect();
    let identity = match &stats.vital {
        Vital::Known(identity) => Some(identity),
        Vital::Unknown(why) | Vital::Conflict(why) => {
            if problems.is_empty() {
                problems.push(why.clone());
            }
            None
        }
    };
    let live = stats.pubsub.tip.is_some();
    if identity.is_some() && !live {
        problems.push("the WebSocket sends no slots; see rpc.ws_url".to_owned());
    }
    let usable = problems.is_empty();
    let plan = plan.map(|plan| plan.lines).unwrap_or_else(|unaffordable| {
        problems.push(unaffordable.to_string());
        Vec::new()
    });
    let window = |window: &eda_connection::budget::WindowUse| Limit {
        what: window.scope.to_string(),
        window_ms: u64::try_from(window.window.as_millis()).unwrap_or(u64::MAX),
        allowed: window.limit,
        kept: window.kept,
    };
    let exit = match (usable, problems.is_empty()) {
        (false, _) => Exit::Unavailable,
        (true, false) => Exit::BadConfig,
        (true, true) => Exit::Clean,
    };
    let found = Found {
        endpoint: site.endpoint.redacted(),
        websocket: site.endpoint.redacted_ws(),
        cluster: identity.map(|identity| identity.cluster.to_string()),
        genesis_hash: identity.map(|identity| identity.genesis_hash.clone()),
        version: identity.map(|identity| identity.version.clone()),
        http: stats.http.version.map(|version| version.to_string()),
        websocket_live: live,
        slot: stats.pubsub.tip.map(|slot| slot.0),
        slot_ms: stats.pubsub.slot_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        limits: budget.windows.iter().map(window).collect(),
        limits_seen: stats.http.limits.clone(),
        plan,
        problems,
        others: Vec::new(),
    };
    Ok((found, exit))
}

/// Waits until everything is known that can be, or patience is over.
pub(crate) async fn observe(manager: &Arc<ConnectionManager>) -> Stats {
    let started = Instant::now();
    let mut known_since = None;
    loop {
        let stats = manager.stats();
        match &stats.vital {
            Vital::Conflict(_) => return stats,
            Vital::Known(_) => {
                let since: Instant = *known_since.get_or_insert_with(Instant::now);
                if stats.pubsub.slot_time.is_some() || since.elapsed() >= WATCH {
                    return stats;
                }
            }
            Vital::Unknown(_) if stats.refused_access.is_some() || started.elapsed() >= PATIENCE => {
                return stats;
            }
            Vital::Unknown(_) => {}
        }
        sleep(LOOK_EVERY).await;
    }
}

// === impl Found ===

impl Found {
    /// A few lines on each endpoint for a person.
    pub(crate) fn to_text(&self) -> String {
        let mut lines = vec![("endpoint", self.endpoint.clone()), ("websocket", self.websocket.clone())];
        let unknown = || "unknown".to_owned();
        lines.push(("cluster", self.cluster.clone().unwrap_or_else(unknown)));
        if let Some(hash) = &self.genesis_hash {
            lines.push(("genesis", hash.clone()));
        }
        lines.push(("version", self.version.clone().unwrap_or_else(unknown)));
        lines.push(("http", self.http.clone().unwrap_or_else(|| "not connected".to_owned())));
        let slots = match (self.slot, self.slot_ms) {
            (Some(slot), Some(ms)) => format!("{slot}, {ms} ms each"),
            (Some(slot), None) => slot.to_string(),
            (None, _) => "none seen".to_owned(),
        };
        lines.push(("slot", slots));
        for limit in &self.limits {
            let Limit { what, window_ms, allowed, kept } = limit;
            lines.push(("limit", format!("{what}: {allowed} per {window_ms} ms, of which eda uses {kept}")));
        }
        for (header, value) in &self.limits_seen {
            lines.push(("seen", format!("x-ratelimit-{header}: {value}")));
        }
        lines.extend(self.plan.iter().map(|line| ("plan", line.clone())));
        lines.extend(self.problems.iter().map(|problem| ("problem", problem.clone())));
        let lines = lines.iter().map(|(name, words)| format!("{name:<10}{words}\n"));
        lines.chain(self.others.iter().map(|other| format!("\n{}", other.to_text()))).collect()
    }
}
