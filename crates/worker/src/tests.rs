//! Workers that fail on command, beside workers that do not.

/// A worker panics, errs, hangs, blocks: the others go on, and it loses nothing.
mod faults;
/// Started, stopped, restarted, given up.
mod life;

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use eda_events::{
    Cluster, Delivery, Event, EventId, Genesis, Input, Log, Mailbox, Post, WorkerName,
    data::{
        Budget, Data, EventRetracted, Http, SharedConnection, WebSocket, WorkerMetrics, WorkerState,
        WorkerStatus,
    },
    log::{Entries, Kept, Said},
};
use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use crate::{Backoff, Context, Failure, Policy, Supervisor, Surroundings, Worker};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// A number to count, and what goes wrong on the way.
#[derive(Clone, Debug)]
struct Item {
    number: u32,
    fault: Option<Fault>,
    /// How many more deliveries the fault strikes.
    strikes: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
enum Fault {
    Panic,
    Error,
    Hang,
    /// Blocks the thread until the sender is dropped.
    Block(Arc<Mutex<mpsc::Receiver<()>>>),
}

/// What the test can see of a worker, through all its incarnations.
#[derive(Debug, Default)]
struct Trace {
    counted: Mutex<Vec<u32>>,
    begun: AtomicUsize,
    alive: AtomicUsize,
    most_alive: AtomicUsize,
    fenced: AtomicUsize,
}

/// Counts an incarnation as alive until it is dropped.
struct Alive(Arc<Trace>);

/// Counts the items of its mailbox.
struct Counter {
    name: WorkerName,
    mailbox: Mailbox<Item>,
    trace: Arc<Trace>,
    _lease: Arc<()>,
}

/// A worker with any body.
struct Scripted<F> {
    name: WorkerName,
    body: F,
}

/// The test's end of a [`Counter`].
struct Probe {
    name: WorkerName,
    post: Post<Item>,
    trace: Arc<Trace>,
}

/// A supervisor, and the world around it.
struct Rig {
    supervisor: Supervisor,
    kept: Keeping,
    /// What all workers lack.
    lacking: Arc<Mutex<Option<String>>>,
    leases: Arc<()>,
}

/// What keeps the workers' events, when the test looks.
struct Keeping {
    entries: Mutex<Entries>,
    ids: Mutex<HashSet<EventId>>,
}

// === impl Keeping ===

impl Keeping {
    /// The events since the last call, each once.
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Ok(entry) = self.entries.lock().unwrap().try_recv() {
            if let Said::Event { event, told } = entry.said {
                let new = self.ids.lock().unwrap().insert(event.id.clone());
                told.tell(if new { Kept::New } else { Kept::Duplicate });
                if new {
                    events.push(*event);
                }
            }
        }
        events
    }
}

// === impl Item ===

impl Item {
    fn good(number: u32) -> Self {
        Self { number, fault: None, strikes: Arc::default() }
    }

    fn bad(number: u32, fault: Fault, strikes: usize) -> Self {
        Self { number, fault: Some(fault), strikes: Arc::new(AtomicUsize::new(strikes)) }
    }

    async fn strike(&self) -> Result<(), Failure> {
        let Some(fault) = &self.fault else { return Ok(()) };
        if self.strikes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
        {
            return Ok(());
        }
        match fault {
            Fault::Panic => panic!("item {} is bad", self.number),
            Fault::Error => Err(Failure::new(format!("item {} is bad", self.number))),
            Fault::Hang => std::future::pending().await,
            Fault::Block(released) => {
                assert!(released.lock().unwrap().recv().is_err());
                Ok(())
            }
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {}", self.number)
    }
}

// === impl Trace ===

impl Trace {
    fn counted(&self) -> Vec<u32> {
        self.counted.lock().unwrap().clone()
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn most_alive(&self) -> usize {
        self.most_alive.load(Ordering::SeqCst)
    }

    fn enter(self: &Arc<Self>) -> Alive {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let alive = self.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_alive.fetch_max(alive, Ordering::SeqCst);
        Alive(Arc::clone(self))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

// === impl Counter ===

impl Worker for Counter {
    fn name(&self) -> WorkerName {
        self.name
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        vec![Arc::new(self.mailbox.clone())]
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        let (mailbox, trace) = (self.mailbox.clone(), Arc::clone(&self.trace));
        Box::pin(async move {
            let _alive = trace.enter();
            loop {
                let next = context.wait("items", mailbox.next());
                let delivery = match context.stopping().run_until_cancelled(next).await {
                    Some(delivery) => delivery,
                    None => match mailbox.next().now_or_never() {
                        Some(delivery) => delivery,
                        None => return Ok(()),
                    },
                };
                match delivery {
                    None => return Err(Failure::InputClosed(mailbox.name().to_owned())),
                    Some(Delivery::Gap { missed }) => context.missed(missed)?,
                    Some(Delivery::Item(item)) => {
                        item.strike().await?;
                        count(&context, &trace, &item).await?;
                    }
                }
                mailbox.done();
            }
        })
    }
}

async fn count(context: &Context, trace: &Trace, item: &Item) -> Result<(), Failure> {
    let id = EventId::from(format!("{}/{}", context.worker(), item.number).as_str());
    let data = EventRetracted { event_id: id.clone(), reason: "test".to_owned() };
    let event = Event::new(id, Timestamp::UNIX_EPOCH, Cluster::Simnet, None, data.into());
    context.publish(event).await.inspect_err(|_fenced| {
        trace.fenced.fetch_add(1, Ordering::SeqCst);
    })?;
    context.processed()?;
    trace.counted.lock().unwrap().push(item.number);
    Ok(())
}

// === impl Scripted ===

impl<F> Worker for Scripted<F>
where
    F: Fn(Context) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync + 'static,
{
    fn name(&self) -> WorkerName {
        self.name
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        Vec::new()
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        (self.body)(context)
    }
}

// === impl Probe ===

impl Probe {
    fn post(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.post.post(Item::good(number));
        }
    }

    /// Waits until the worker has counted so many items.
    async fn has_counted(&self, items: usize) {
        until(|| self.trace.counted().len() >= items).await;
    }
}

// === impl Rig ===

impl Rig {
    fn new(policy: Policy) -> Self {
        let (log, entries) = Log::new(10_000);
        let kept = Keeping { entries: Mutex::new(entries), ids: Mutex::default() };
        let leases = Arc::new(());
        let held = Arc::clone(&leases);
        let lacking = Arc::new(Mutex::new(None));
        let lacked = Arc::clone(&lacking);
        let surroundings = Surroundings {
            log,
            boot: 42,
            cluster: Arc::new(|| Cluster::Simnet),
            genesis: Arc::new(Genesis::unknown),
            // The rig and this closure hold one each.
            connection: Arc::new(move |_worker| Some(connection(Arc::strong_count(&held) - 2))),
            lacking: Arc::new(move |_worker| lacked.lock().unwrap().clone()),
        };
        Self { supervisor: Supervisor::start(policy, surroundings).unwrap(), kept, lacking, leases }
    }

    fn add(&self, name: WorkerName) -> Probe {
        let (post, mailbox) = Mailbox::new("items", 1_000);
        let trace = Arc::new(Trace::default());
        let counter = Counter { name, mailbox, trace: Arc::clone(&trace), _lease: Arc::clone(&self.leases) };
        self.supervisor.add(Box::new(counter)).unwrap();
        Probe { name, post, trace }
    }

    fn script<F>(&self, name: WorkerName, body: F)
    where
        F: Fn(Context) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync + 'static,
    {
        self.supervisor.add(Box::new(Scripted { name, body })).unwrap();
    }

    fn status(&self, name: WorkerName) -> WorkerStatus {
        self.supervisor.snapshot().into_iter().find(|status| status.worker_name == name).unwrap()
    }

    fn metrics(&self, name: WorkerName) -> WorkerMetrics {
        self.status(name).metrics
    }

    fn state(&self, name: WorkerName) -> WorkerState {
        self.metrics(name).state
    }

    /// How many leases are held now.
    fn leases(&self) -> usize {
        Arc::strong_count(&self.leases) - 2
    }

    /// The status events since the last call, with their ids.
    fn published(&self) -> Vec<(String, WorkerStatus)> {
        let mut published = Vec::new();
        for event in self.kept.events() {
            if let Data::WorkerStatus(status) = event.data {
                published.push((event.id.to_string(), status));
            }
        }
        published
    }

    /// The states that the status events since the last call showed, without repetitions.
    fn story(&self, name: WorkerName) -> Vec<WorkerState> {
        let published = self.published().into_iter();
        let mut states: Vec<WorkerState> = published
            .filter(|(_, status)| status.worker_name == name)
            .map(|(_, status)| status.metrics.state)
            .collect();
        states.dedup();
        states
    }
}

fn connection(leases: usize) -> SharedConnection {
    SharedConnection {
        active: leases > 0,
        ref_count: leases as u64,
        holders: Vec::new(),
        rpc_url: String::new(),
        http: Http::default(),
        ws: WebSocket::default(),
        budget: Budget::default(),
    }
}

/// Without jitter to speak of, and with room for many failures.
fn lenient() -> Policy {
    Policy {
        restart_budget: 100,
        backoff: Backoff::try_new(SECOND, SECOND, HOUR).unwrap(),
        ..Policy::default()
    }
}

/// For tests in which a thread is really blocked: short, but
/// not so short that a busy machine makes a healthy worker look stuck.
fn impatient() -> Policy {
    Policy {
        hang_after: Duration::from_millis(100),
        grace: Duration::from_millis(5),
        backoff: Backoff::try_new(Duration::from_millis(1), Duration::from_millis(2), HOUR).unwrap(),
        ..lenient()
    }
}

/// Waits for what must become true. Under virtual time this takes no time.
async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(SECOND * 60, wait).await.expect("did not become true within a minute");
}
