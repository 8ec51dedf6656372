use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eda_events::{
    Cluster, Event, EventId, Genesis, Log, WorkerName,
    data::WorkerStatus,
    log::{Entry, Said, Told},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, error, info_span};

use crate::{
    Exit, Policy, Worker,
    keeper::{Keeper, Order, Wish},
    rescue::Rescue,
    status::{ConnectionView, Lacking, Record, Standing},
};

/// Orders that wait for one keeper, which takes them at once unless the process is dying.
const ORDERS: usize = 8;

/// A keeper that has aborted its worker at the deadline says so within this time.
const ANSWER_PATIENCE: Duration = Duration::from_millis(300);

/// What a supervisor and its workers share with the rest of the process.
pub struct Surroundings {
    /// Where everything goes that workers say.
    pub log: Log,
    /// Unique to this run of the process; part of every status event's id.
    pub boot: u64,
    /// Which cluster the process is connected to, as far as it is known at the moment. Must answer at once.
    pub cluster: Arc<dyn Fn() -> Cluster + Send + Sync>,
    /// The chain itself, likewise.
    pub genesis: Arc<dyn Fn() -> Genesis + Send + Sync>,
    /// The shared connection as status events show it.
    pub connection: ConnectionView,
    /// What a worker cannot work without and does not have.
    pub lacking: Lacking,
}

/// All workers of a process. Each is led by a task of its own, so that none can delay another.
///
/// Workers run on the runtime that [`Supervisor::start`] is called in. It needs one thread more than there are
/// workers if each of them may block its thread.
///
/// When this is dropped, its workers are stopped as by [`Supervisor::stop`], but nobody waits for them.
#[derive(Debug)]
pub struct Supervisor {
    surroundings: Arc<Surroundings>,
    policy: Policy,
    posts: Mutex<BTreeMap<WorkerName, Post>>,
    keepers: TaskTracker,
    _rescue: Rescue,
}

/// A worker that is, or was, under supervision.
#[derive(Debug)]
struct Post {
    record: Arc<Record>,
    /// Closed when the worker has ended.
    orders: mpsc::Sender<Order>,
}

/// How a worker's last incarnation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The worker.
    pub worker: WorkerName,
    /// [`Exit::Stuck`] if it was still running when the deadline passed.
    pub exit: Exit,
}

/// A worker of this name is under supervision already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is running already")]
pub struct AlreadyRunning(pub WorkerName);

/// No worker of this name is under supervision: it was never started, has ended, or was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not running")]
pub struct NotRunning(pub WorkerName);

// === impl Supervisor ===

impl Supervisor {
    /// A supervisor without workers, for the current runtime.
    ///
    /// # Errors
    ///
    /// The operating system gave no thread for the task that keeps timers and sockets served while a worker
    /// blocks.
    pub fn start(policy: Policy, surroundings: Surroundings) -> io::Result<Self> {
        Ok(Self {
            surroundings: Arc::new(surroundings),
            policy,
            posts: Mutex::default(),
            keepers: TaskTracker::new(),
            _rescue: Rescue::start()?,
        })
    }

    /// Starts a worker. One that ended may be added again, as a new value; its numbers go on.
    ///
    /// # Errors
    ///
    /// A worker of this name has not ended; the value is dropped.
    pub fn add(&self, worker: Box<dyn Worker>) -> Result<(), AlreadyRunning> {
        let name = worker.name();
        let (orders, inbox) = mpsc::channel(ORDERS);
        let mut posts = self.lock();
        let record = match posts.get(&name) {
            Some(post) if !post.orders.is_closed() => return Err(AlreadyRunning(name)),
            Some(ended) => Arc::clone(&ended.record),
            None => Arc::new(Record::new(name)),
        };
        posts.insert(name, Post { record: Arc::clone(&record), orders });
        drop(posts);
        let keeper = Keeper::new(
            Arc::from(worker),
            record,
            inbox,
            self.policy.clone(),
            Arc::clone(&self.surroundings),
        );
        self.keepers.spawn(keeper.keep().instrument(info_span!("keeper", worker = %name)));
        Ok(())
    }

    /// Stops a worker for good: it may finish the item in hand and drain what it wants to until `within` has
    /// passed, and is aborted then. Resolves when the worker value was dropped, or with [`Exit::Stuck`] when the
    /// worker could not even be aborted; then it is dropped when it ends.
    ///
    /// # Errors
    ///
    /// There is no such worker, or it ended by itself meanwhile.
    pub async fn stop(&self, worker: WorkerName, within: Duration) -> Result<Exit, NotRunning> {
        self.order(worker, Wish::Stop(Instant::now() + within)).await
    }

    /// Ends the current incarnation and begins another one at once, whatever the restart budget says. Resolves
    /// with how the old one ended when the new one has begun; or with [`Exit::Stuck`] when the old one does not
    /// end, in which case the new one begins when it does.
    ///
    /// # Errors
    ///
    /// There is no such worker, or it ended by itself meanwhile.
    pub async fn restart(&self, worker: WorkerName) -> Result<Exit, NotRunning> {
        self.order(worker, Wish::Restart).await
    }

    /// Stops every worker as [`Supervisor::stop`] does, all at the same time, and says how each that was running
    /// ended. Those that were still running when `within` had passed are [`Exit::Stuck`], and are logged by name.
    pub async fn stop_all(&self, within: Duration) -> Vec<Stopped> {
        let until = Instant::now() + within;
        let running: Vec<WorkerName> = self.lock().keys().copied().collect();
        let ends = running.into_iter().map(async |worker| {
            let exit = self.order(worker, Wish::Stop(until)).await.ok()?;
            Some(Stopped { worker, exit })
        });
        let stopped: Vec<Stopped> = join_all(ends).await.into_iter().flatten().collect();
        for Stopped { worker, exit } in &stopped {
            if *exit == Exit::Stuck {
                error!(%worker, "worker was still running when the deadline passed");
            }
        }
        stopped
    }

    /// Resolves when no worker is left: each was stopped, ended by itself, or was given up.
    pub async fn ended(&self) {
        self.keepers.close();
        self.keepers.wait().await;
    }

    /// How each worker is, those that have ended included, in the order of their names.
    pub fn snapshot(&self) -> Vec<WorkerStatus> {
        let records: Vec<Arc<Record>> = self.lock().values().map(|post| Arc::clone(&post.record)).collect();
        records.iter().map(|record| self.surroundings.status(record)).collect()
    }

    async fn order(&self, worker: WorkerName, what: Wish) -> Result<Exit, NotRunning> {
        let orders = self.lock().get(&worker).map(|post| post.orders.clone()).ok_or(NotRunning(worker))?;
        let (reply, answer) = oneshot::channel();
        orders.send(Order { what, reply }).await.map_err(|_ended| NotRunning(worker))?;
        let answered = async { answer.await.map_err(|_ended| NotRunning(worker)) };
        match what {
            Wish::Restart => answered.await,
            // Whoever stops has a deadline to keep, even if a worker's own `drop` holds up its keeper.
            Wish::Stop(until) => {
                timeout_at(until + ANSWER_PATIENCE, answered).await.unwrap_or(Ok(Exit::Stuck))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerName, Post>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Surroundings ===

impl Surroundings {
    pub(crate) fn status(&self, record: &Record) -> WorkerStatus {
        let worker = record.worker();
        record.status((self.connection)(worker), (self.lacking)(worker))
    }

    /// Where a worker stands at the moment.
    pub(crate) fn standing(&self, record: &Record) -> Standing {
        record.standing((self.lacking)(record.worker()))
    }

    /// Publishes how a worker is. Where there is no room for it, the next announcement says it.
    pub(crate) fn announce(&self, record: &Record) {
        let status = self.status(record);
        let id = EventId::status(record.worker(), self.boot, record.next_announcement());
        let event = Event::new(id, Timestamp::now(), (self.cluster)(), None, status.into());
        if let Some(room) = self.log.room_now() {
            let said = Said::Event { event: Box::new(event), told: Told::nobody() };
            room.say(Entry { genesis: (self.genesis)(), said });
        } else {
            debug!(worker = %record.worker(), "no room for a status in the event log");
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("boot", &self.boot).finish_non_exhaustive()
    }
}
