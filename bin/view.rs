//! What the running process shows of itself: in `WORKER_STATUS` events, and to `eda status`.

use std::{process, sync::Arc, time::Duration};

use eda_connection::{
    ConnectionManager, Spending, Stats, Vital,
    budget::{Outcome, Scope, Snapshot, WindowUse},
    failover::{self, EndpointStats, Standing},
};
use eda_events::{
    Cluster, Genesis, WorkerName,
    data::{self, SharedConnection, WorkerStatus},
    sink::jsonl,
};
use eda_store::{Store, StoreStats};
use eda_worker::{ConnectionView, Lacking};
use tokio::{
    sync::watch,
    time::{Instant, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::control::status::{self, Status};

/// How old the budget's numbers may be.
const REFRESH: Duration = Duration::from_millis(500);

/// The numbers of the connection and the sink. The budget's are fetched from its task in the background, so that
/// whoever asks is answered at once.
#[derive(Clone)]
pub(crate) struct View {
    budget: watch::Receiver<Snapshot>,
    manager: Arc<ConnectionManager>,
    store: Store,
    sink: Option<(String, jsonl::Counts)>,
    sees: Option<Sees>,
    started: Instant,
}

/// What the provider itself sees of this process.
pub(crate) type Sees = Arc<dyn Fn() -> status::ProviderSees + Send + Sync>;

// === impl View ===

impl View {
    /// A view of a connection, a store and, where there are any, of the sink and of what the provider sees.
    pub(crate) async fn start(
        manager: Arc<ConnectionManager>,
        store: Store,
        sink: Option<(String, jsonl::Counts)>,
        sees: Option<Sees>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (sender, budget) = watch::channel(manager.budget().await);
        let refreshed = Arc::clone(&manager);
        tasks.spawn(async move {
            let mut ticks = interval(REFRESH);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                sender.send_replace(refreshed.budget().await);
            }
        });
        Self { budget, manager, store, sink, sees, started: Instant::now() }
    }

    /// Which cluster the process is connected to, as far as it is known at the moment.
    pub(crate) fn cluster(&self) -> Arc<dyn Fn() -> Cluster + Send + Sync> {
        let manager = Arc::clone(&self.manager);
        Arc::new(move || match manager.vital() {
            Vital::Known(identity) => identity.cluster,
            Vital::Unknown(_) | Vital::Conflict(_) => Cluster::Unknown,
        })
    }

    /// The chain itself, likewise.
    pub(crate) fn genesis(&self) -> Arc<dyn Fn() -> Genesis + Send + Sync> {
        let manager = Arc::clone(&self.manager);
        Arc::new(move || match manager.vital() {
            Vital::Known(identity) => Genesis::from(identity.genesis_hash.as_str()),
            Vital::Unknown(_) | Vital::Conflict(_) => Genesis::unknown(),
        })
    }

    /// The shared connection as status events show it.
    pub(crate) fn shared_connection(&self) -> ConnectionView {
        let view = self.clone();
        Arc::new(move |_worker| Some(view.connection()))
    }

    /// What a worker cannot work without and does not have.
    pub(crate) fn lacking(&self) -> Lacking {
        let manager = Arc::clone(&self.manager);
        Arc::new(move |worker| manager.lacking(worker))
    }

    /// The document behind `eda status`.
    pub(crate) fn status(&self, workers: &[WorkerStatus]) -> Status {
        let (stats, snapshot) = (self.manager.stats(), self.budget.borrow());
        let (cluster, trouble) = match &stats.vital {
            Vital::Known(identity) => (Some(identity.cluster.to_string()), None),
            Vital::Unknown(why) | Vital::Conflict(why) => (None, Some(why.clone())),
        };
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: process::id(),
            uptime_ms: milliseconds(self.started.elapsed()),
            cluster,
            trouble: stats.refused_access.clone().or(trouble),
            endpoint: stats.url.clone(),
            failover: failover(&stats.failover),
            http: status::Http {
                version: stats.http.version.map(|version| version.to_string()),
                open: stats.http.open,
                opened: stats.http.opened,
            },
            ws: status::Ws {
                open: stats.pubsub.sockets_open,
                opened: stats.pubsub.sockets_opened,
                subscriptions: count(stats.pubsub.live),
            },
            slots: status::Slots {
                tip: stats.pubsub.tip.map(|slot| slot.0),
                slot_ms: stats.pubsub.slot_time.map(milliseconds),
            },
            feed: feed(&stats),
            budget: status::Budget { credits: credits(&stats.spending), ..budget(&snapshot) },
            leases: stats.holders.clone(),
            events: self
                .store
                .stats()
                .events
                .into_iter()
                .map(|(topic, count)| (topic.to_string(), count))
                .collect(),
            workers: workers.iter().map(worker).collect(),
            store: store(&self.store.stats()),
            sinks: self.sink.iter().map(sink).collect(),
            provider_sees: self.sees.as_ref().map(|sees| sees()),
        }
    }

    fn connection(&self) -> SharedConnection {
        let (stats, snapshot) = (self.manager.stats(), self.budget.borrow());
        let everything = snapshot.windows.iter().find(|window| window.scope == Scope::Everything);
        let waiting = snapshot.waiting.iter().filter(|(_, waiting)| **waiting > 0);
        SharedConnection {
            active: stats.active(),
            ref_count: count(stats.lease_count),
            holders: stats.holders.clone(),
            rpc_url: stats.url.clone(),
            http: data::Http {
                version: stats.http.version.map(|version| version.to_string()),
                open: stats.http.open,
                opened: stats.http.opened,
            },
            ws: data::WebSocket {
                open: stats.pubsub.sockets_open,
                opened: stats.pubsub.sockets_opened,
                subscriptions: count(stats.pubsub.live),
            },
            budget: data::Budget {
                limit: everything.map(|window| window.kept),
                used: everything.map_or(0, |window| window.held),
                waiting_by_class: waiting
                    .map(|(class, waiting)| (class.to_string(), count(*waiting)))
                    .collect(),
            },
        }
    }
}

fn failover(stats: &failover::Stats) -> status::Failover {
    let endpoint = |endpoint: &EndpointStats| {
        let (state, since, why) = match &endpoint.standing {
            Standing::Well => ("well", None, None),
            Standing::Recovering(since) => ("recovering", Some(*since), None),
            Standing::Ill { since, why } => ("ill", Some(*since), Some(why.clone())),
            Standing::Refused { why } => ("refused", None, Some(why.clone())),
        };
        status::Endpoint {
            url: endpoint.url.clone(),
            priority: endpoint.priority,
            in_use: endpoint.in_use,
            state: state.to_owned(),
            since_ms: since.map(milliseconds),
            why,
        }
    };
    let changes = stats.changes.iter().map(|(reason, count)| ((*reason).to_owned(), *count));
    status::Failover {
        endpoints: stats.endpoints.iter().map(endpoint).collect(),
        changes: changes.collect(),
        last: stats.last_change.clone(),
        pause: stats.pause.map(|pause| pause.to_string()),
    }
}

fn feed(stats: &Stats) -> status::Feed {
    let numbers = &stats.feed;
    status::Feed {
        mode: stats.plan.as_ref().and_then(|plan| plan.transactions).map(|mode| mode.to_string()),
        reason: stats.plan.as_ref().map(|plan| plan.lines.join("; ")).filter(|reason| !reason.is_empty()),
        cursor: numbers.cursor.map(|slot| slot.0),
        catch_up: numbers.catch_up.map(|way| status::CatchUp {
            from: way.from.0,
            at: way.at.0,
            to: way.to.0,
        }),
        slots_given_up: numbers.slots_given_up,
        listings: numbers.listings,
        found_by_listing: numbers.found_by_listing,
        transactions: numbers.transactions,
        accounts: numbers.accounts,
        missed: numbers.missed,
        missing: numbers.missing,
        slots_unproven: numbers.slots_unproven,
        undecodable: numbers.undecodable,
        unsupported_version: numbers.unsupported_version,
        interruptions: numbers.interruptions,
        failed: numbers.failed.clone(),
        rejected: numbers.rejected.clone(),
    }
}

fn budget(snapshot: &Snapshot) -> status::Budget {
    let window = |window: &WindowUse| status::Window {
        name: format!("{} per {} s", window.scope, window.window.as_secs_f32()),
        limit: window.kept,
        used: window.held,
    };
    let waiting = snapshot.waiting.iter().filter(|(_, waiting)| **waiting > 0);
    let became = |wanted| {
        let outcomes = snapshot.outcomes.iter().filter(|((_, _, outcome), _)| *outcome == wanted);
        outcomes.map(|(_, count)| count).sum()
    };
    status::Budget {
        answered: became(Outcome::Answered),
        refused: became(Outcome::RateLimited),
        lost: became(Outcome::Lost),
        windows: snapshot.windows.iter().map(window).collect(),
        frozen: snapshot
            .frozen
            .iter()
            .map(|frozen| status::Frozen {
                scope: frozen.scope.to_string(),
                remaining_ms: milliseconds(frozen.remaining),
            })
            .collect(),
        waiting: waiting.map(|(class, waiting)| (class.to_string(), count(*waiting))).collect(),
        credits: status::Credits::default(),
    }
}

fn credits(spending: &Spending) -> status::Credits {
    let whole = |number: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
        let whole = number.round() as u64;
        whole
    };
    status::Credits {
        used: spending.used,
        per_hour: spending.per_hour.map(whole),
        planned_per_hour: spending.planned_per_hour.map(whole),
        monthly: spending.monthly,
        end_on_day: spending.ends_on_day,
        stretch: spending.stretch,
    }
}

fn worker(status: &WorkerStatus) -> status::Worker {
    let metrics = &status.metrics;
    let name: WorkerName = status.worker_name;
    status::Worker {
        name,
        state: metrics.state.as_str().to_owned(),
        uptime_ms: metrics.uptime,
        seen: metrics.seen.clone(),
        events: metrics.published,
        errors: metrics.errors,
        restarts: metrics.restarts,
        queue: metrics.inputs.iter().map(|input| input.queued).sum(),
        quarantined: metrics.inputs.iter().map(|input| input.quarantined).sum(),
        gaps: metrics.gaps,
        refusals: metrics.refused.clone(),
        last_error: metrics.last_error.clone(),
        waiting_for: metrics.waiting_for.clone(),
    }
}

fn store(stats: &StoreStats) -> status::Store {
    status::Store {
        events: stats.events_in_file,
        refusals: stats.refusals_in_file,
        duplicates: stats.duplicates,
        unkeepable: stats.unkeepable.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        bytes: stats.size,
        failing: stats.failing.clone(),
    }
}

fn sink((name, counts): &(String, jsonl::Counts)) -> status::Sink {
    let stats = counts.read();
    status::Sink {
        name: name.clone(),
        written: stats.written,
        missed: stats.missed,
        failed: stats.failed_writes,
        failing: stats.failing,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
