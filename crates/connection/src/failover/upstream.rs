//! One endpoint as it is asked: its budget and its connections, which are open only while it is in use.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use eda_limits::Limits;
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

use super::signs::Signs;
use crate::{
    backoff::REFUSED_PAUSE,
    budget::{Budget, Refused},
    dial::Dialer,
    endpoint::Endpoint,
    gate::Gate,
    http::{CallError, Http, HttpConfig, HttpStats, Reply, UnusableUrl},
    request::{Caller, Method},
};

/// A connection that the budget has no room to let wait is asked for again after this.
const CROWDED: Duration = Duration::from_secs(1);

/// An endpoint that may be used.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What its provider allows.
    pub limits: Limits,
    /// Lower ones are preferred; among equals nobody is gone back to.
    pub priority: u32,
}

/// What all upstreams are made with.
pub(crate) struct Shared<'a> {
    pub(crate) dialer: &'a Dialer,
    pub(crate) http: &'a HttpConfig,
    /// Subscriptions on one WebSocket, where nothing is known of the provider's limit.
    pub(crate) subscriptions: usize,
    pub(crate) weights: &'a BTreeMap<Caller, u32>,
    pub(crate) tasks: &'a TaskTracker,
    pub(crate) stop: &'a CancellationToken,
}

/// An endpoint with its budget and its connections.
#[derive(Debug)]
pub(crate) struct Upstream {
    site: Site,
    subscriptions: usize,
    budget: Budget,
    http: Http,
    /// A connection of their own for heavy answers, where the plan and the operator allow two.
    bulk: Option<Http>,
    access: Access,
    signs: Signs,
}

/// Whether the provider lets us in.
#[derive(Debug, Default)]
struct Access(Mutex<Option<String>>);

// === impl Upstream ===

impl Upstream {
    /// Starts the tasks of its budget and its connections; none is opened before the first call.
    ///
    /// # Errors
    /// When HTTP cannot carry its URL.
    pub(crate) fn new(site: Site, shared: &Shared<'_>) -> Result<Self, UnusableUrl> {
        let (tasks, stop) = (shared.tasks, shared.stop);
        let budget = Budget::start(site.limits.clone(), shared.weights.clone(), tasks, stop.clone());
        let bounds = HttpConfig {
            batch_calls: usize::try_from(site.limits.batch_calls).unwrap_or(usize::MAX),
            batch_bytes: usize::try_from(site.limits.batch_bytes).unwrap_or(usize::MAX),
            ..shared.http.clone()
        };
        let gate = gate(&budget);
        let http = || {
            let (dialer, bounds, gate) = (shared.dialer.clone(), bounds.clone(), gate.clone());
            Http::new(&site.endpoint, dialer, bounds, gate, tasks, stop.clone())
        };
        let cap = site.limits.subscriptions.map(|cap| usize::try_from(cap).unwrap_or(usize::MAX));
        let subscriptions = cap.unwrap_or(shared.subscriptions);
        let bulk = (site.limits.connections > 1).then(http).transpose()?;
        let (access, signs) = (Access::default(), Signs::default());
        Ok(Self { http: http()?, bulk, budget, subscriptions, access, signs, site })
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Subscriptions that its WebSocket carries.
    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// New connections, HTTP's and the WebSocket's alike, wait for the provider's limit on them.
    pub(crate) fn gate(&self) -> Gate {
        gate(&self.budget)
    }

    /// The connection that carries a method's calls.
    pub(crate) fn line(&self, method: &Method) -> &Http {
        match &self.bulk {
            Some(bulk) if method.is_heavy() => bulk,
            Some(_) | None => &self.http,
        }
    }

    /// Closes every connection; the next call opens one again.
    pub(crate) async fn close(&self) {
        for http in self.connections() {
            http.close().await;
        }
    }

    /// Closes every connection, and opens none before [`wake`](Self::wake).
    pub(crate) async fn rest(&self) {
        for http in self.connections() {
            http.rest().await;
        }
    }

    pub(crate) async fn wake(&self) {
        for http in self.connections() {
            http.wake().await;
        }
    }

    /// What happened on the HTTP side; on both connections together where there are two.
    pub(crate) fn http_stats(&self) -> HttpStats {
        let stats = self.http.stats();
        match &self.bulk {
            Some(bulk) => stats.with(bulk.stats()),
            None => stats,
        }
    }

    /// What the provider said when it last refused the key or the address; `None` while it answers.
    pub(crate) fn refused_access(&self) -> Option<String> {
        self.access.refused()
    }

    /// What its calls met with of late.
    pub(super) fn signs(&self) -> &Signs {
        &self.signs
    }

    /// What came of a call.
    pub(crate) fn note(&self, method: &Method, answer: &Result<Reply, CallError>) {
        match answer {
            Ok(_) => {
                self.access.open();
                self.signs.answered(method);
            }
            Err(failure) => {
                self.access.judge(&self.site.endpoint, failure);
                self.signs.failed(method, failure, Instant::now());
            }
        }
    }

    fn connections(&self) -> impl Iterator<Item = &Http> {
        [Some(&self.http), self.bulk.as_ref()].into_iter().flatten()
    }
}

fn gate(budget: &Budget) -> Gate {
    let budget = budget.clone();
    Gate::new(move || {
        let budget = budget.clone();
        async move {
            while let Err(refused) = budget.connect().await {
                if refused == Refused::Closed {
                    // It has been shut down, and nothing connects any more.
                    std::future::pending::<()>().await;
                }
                sleep(CROWDED).await;
            }
        }
    })
}

// === impl Access ===

impl Access {
    fn refused(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.take().is_some() {
            warn!("the provider lets us in again");
        }
    }

    /// Says once, clearly, that the key or the address is refused; repeating it would bury everything else.
    fn judge(&self, endpoint: &Endpoint, failure: &CallError) {
        if !matches!(failure, CallError::Unauthorized { .. } | CallError::Forbidden { .. }) {
            return;
        }
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_none() {
            error!(%endpoint, "{failure}; trying again every {} s", REFUSED_PAUSE.as_secs());
        }
        *refused = Some(failure.to_string());
    }
}
