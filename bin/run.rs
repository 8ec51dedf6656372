//! `eda run`: from settings to the last signal.

use std::{future::ready, path::Path, process, sync::Arc, time::Duration};

use eda_connection::ConnectionManager;
use eda_events::{
    Log, Topic,
    log::QUEUE,
    sink::jsonl::{self, JsonLines},
};
use eda_store::{Keeping, Start, Store};
use eda_worker::{Exit as WorkerExit, Supervisor, Surroundings};
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    config::Settings,
    control::{self, Answer, DataDir, Request, Response},
    exit::{Exit, Failure},
    finality::Finality,
    plan,
    provider::{self, Opened},
    screen::Screen,
    store::{self, Earlier},
    summary,
    view::View,
    wiring,
};

/// Events that wait for a sink at once; the others wait in the store.
const EVENTS: usize = 1_024;

/// What is left for each of the others when somebody has used up the whole drain deadline: only who was late is to
/// be blamed for it.
const GRACE: Duration = Duration::from_secs(2);

/// The task that writes events, and the file's name and numbers for the status.
type OpenedSink = (JoinHandle<()>, (String, jsonl::Counts));

/// Everything that runs, in the order in which it is stopped.
struct Running {
    manager: Arc<ConnectionManager>,
    supervisor: Arc<Supervisor>,
    store: Store,
    keeping: Keeping,
    sink: Option<(JoinHandle<()>, String)>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The other end, if it is inside the process: it outlives everything that asks it.
    opened: Opened,
}

/// Runs until a signal, or until no worker is left.
///
/// What the provider's plan does not carry is refused, unless it is wanted `over_plan`.
pub(crate) async fn run(settings: Settings, screen: Screen, over_plan: bool) -> Result<Exit, Failure> {
    let directory = DataDir::lock(&settings.config.run.data_dir)?;
    let listener = control::listen(&directory)?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let opened = provider::open(&settings).await?;
    info!(version = env!("CARGO_PKG_VERSION"), endpoint = opened.endpoints(), "eda starts");

    let store = store::open(&settings.config)?;
    let earlier = Arc::new(Earlier(store.clone()));
    let mut connection = wiring::connection(&settings, &opened.sites, earlier, directory.just_used())?;
    // What all workers want is judged here, together.
    connection.feed.over_plan = true;
    let manager = ConnectionManager::open(connection)?;
    let auto_is_all = wiring::auto_is_all(&settings, &manager);
    let looking = plan::look(&settings, &manager, auto_is_all);
    let lease = tokio::select! {
        lease = looking => lease,
        _ = signals.next() => {
            manager.shut_down().await;
            opened.stop().await;
            return Ok(Exit::Clean);
        }
    };
    if let Err(failure) = plan::judge(&settings, &manager, auto_is_all, over_plan) {
        drop(lease);
        manager.shut_down().await;
        opened.stop().await;
        return Err(failure);
    }
    let (log, entries) = Log::new(QUEUE);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (sink, written) = open_sink(settings.config.events.file.as_deref(), &store, &tasks)?.unzip();
    let sink = sink.zip(written.as_ref().map(|(target, _)| target.clone()));
    let view =
        View::start(Arc::clone(&manager), store.clone(), written, opened.sees(), &tasks, stop.clone()).await;
    let finality = Finality { manager: Arc::clone(&manager), store: store.clone(), log: log.clone() };
    let stopping = stop.clone();
    tasks.spawn(async move { stopping.run_until_cancelled(finality.run()).await });
    let surroundings = Surroundings {
        log,
        boot: boot_number(),
        cluster: view.cluster(),
        genesis: view.genesis(),
        connection: view.shared_connection(),
        lacking: view.lacking(),
    };
    let keeping = store.keep(entries);
    let supervisor = Supervisor::start(wiring::policy(&settings.config)?, surroundings)?;
    for chosen in &settings.workers {
        if chosen.although_disabled {
            warn!(worker = %chosen.name, "disabled in the settings, runs because --workers names it");
        }
        let worker = wiring::worker(chosen.name, &settings, &manager, &store, auto_is_all)?;
        supervisor.add(worker)?;
    }
    drop(lease);
    let supervisor = Arc::new(supervisor);
    summary::start(&screen, view.clone(), &supervisor, &tasks, stop.clone());
    let answer: Answer = {
        let supervisor = Arc::clone(&supervisor);
        Arc::new(move |Request::Status| {
            let status = view.status(&supervisor.snapshot());
            ready(Response::Status(Box::new(status))).boxed()
        })
    };
    tasks.spawn(control::serve(listener, stop.clone(), answer));

    let signalled = tokio::select! {
        _ = signals.next() => true,
        () = supervisor.ended() => false,
    };
    let again = tasks.spawn(async move {
        if signals.next().await.is_some() {
            warn!("second signal: exiting at once");
            process::exit(Exit::DrainExpired.code().into());
        }
    });
    if signalled {
        info!("stopping");
    } else {
        error!("no worker is left");
    }
    let running = Running { manager, supervisor, store, keeping, sink, tasks, stop, opened };
    let drained = running.drain(settings.config.run.drain_deadline.get()).await;
    again.abort();
    if let Err(error) = directory.stopped() {
        warn!(%error, "the end cannot be noted in the data directory");
    }
    Ok(if !drained {
        Exit::DrainExpired
    } else if signalled {
        Exit::Clean
    } else {
        Exit::Failed
    })
}

// === impl Running ===

impl Running {
    /// Stops everything in the order in which facts flow: intake, workers, store, sinks, sockets. Returns whether
    /// all of it ended before the deadline; whoever did not is named in the log.
    async fn drain(self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        let end = || deadline.max(Instant::now() + GRACE);
        self.manager.stop_intake();
        let stuck = self.supervisor.stop_all(left()).await;
        let stuck: Vec<_> = stuck.iter().filter(|stopped| stopped.exit == WorkerExit::Stuck).collect();
        let mut drained = stuck.is_empty();
        self.store.finish();
        if timeout_at(end(), self.keeping.ended()).await.is_err() {
            let failing = self.store.stats().failing;
            error!(after = ?within, ?failing, "events could not be kept before the drain deadline passed; they are found again at the next start");
            drained = false;
        }
        if let Some((writing, target)) = self.sink {
            match timeout_at(end(), writing).await {
                Ok(Ok(())) => {}
                Ok(Err(failed)) => {
                    error!(target_file = target, %failed, "the task that writes the events failed");
                    drained = false;
                }
                Err(_) => {
                    error!(target_file = target, after = ?within, "events were still being written when the drain deadline passed");
                    drained = false;
                }
            }
        }
        if timeout_at(end(), self.store.close()).await.is_err() {
            error!("the store was still closing when the drain deadline passed");
            drained = false;
        }
        self.stop.cancel();
        // A stuck worker holds its lease; its sockets are closed all the same.
        if timeout_at(end(), self.manager.shut_down()).await.is_err() {
            error!("the connection was still closing when the drain deadline passed");
            drained = false;
        }
        self.tasks.close();
        if timeout_at(end(), self.opened.stop()).await.is_err() {
            error!("the simulated cluster was still closing when the drain deadline passed");
            drained = false;
        }
        for stopped in stuck {
            error!(worker = %stopped.worker, after = ?within, "still running at the drain deadline");
        }
        if drained {
            info!("stopped");
        }
        drained
    }
}

/// The sink that config or `--events` names, reading the event log from where it stopped, and its numbers.
fn open_sink(
    file: Option<&Path>,
    store: &Store,
    tasks: &TaskTracker,
) -> Result<Option<OpenedSink>, jsonl::OpenError> {
    let Some(file) = file else { return Ok(None) };
    let lines = if file == Path::new("-") { JsonLines::stdout()? } else { JsonLines::append(file)? };
    let counts = lines.counts();
    let name = if file == Path::new("-") { "stdout".to_owned() } else { file.display().to_string() };
    // The same file is the same reader, however it is named.
    let reader = file.canonicalize().map_or_else(|_| name.clone(), |path| path.display().to_string());
    let events = store.subscribe(format!("events to {reader}"), &Topic::ALL, EVENTS, Start::Newest);
    Ok(Some((tasks.spawn(lines.run(events)), (name, counts))))
}

/// A number that no earlier run of this process used, for the ids of status events.
fn boot_number() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}
