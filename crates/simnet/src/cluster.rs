//! A running cluster: a chain, its clock, and the endpoints through which clients see it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chain::{Chain, Config, Step},
    endpoint::{Endpoint, Options},
    node::Node,
};

/// A simulated cluster. Dropping it ends its clock; [`Simnet::stop`] also closes its endpoints.
#[derive(Debug)]
pub struct Simnet {
    chain: Arc<Mutex<Chain>>,
    endpoints: Arc<Mutex<Vec<Arc<Endpoint>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

// === impl Simnet ===

impl Simnet {
    /// A cluster at its first block. No time passes until [`Simnet::run`] or [`Simnet::advance`].
    pub fn new(config: Config) -> Self {
        Self {
            chain: Arc::new(Mutex::new(Chain::new(config))),
            endpoints: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The chain. Held only as long as it is looked at: while it is, no block is made.
    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        lock(&self.chain)
    }

    /// Opens an endpoint on free ports or on those given. Each has its own provider, faults and lag.
    ///
    /// # Errors
    /// When the ports are taken.
    pub async fn endpoint(&self, options: Options) -> io::Result<Arc<Endpoint>> {
        let node = Node::new(Arc::clone(&self.chain));
        let endpoint = Endpoint::open(node, options).await?;
        lock(&self.endpoints).push(Arc::clone(&endpoint));
        Ok(endpoint)
    }

    /// Makes the next slot now, and tells every endpoint's subscribers.
    pub fn advance(&self) -> Vec<Step> {
        advance(&self.chain, &self.endpoints)
    }

    /// Makes a slot at every beat of the chain's slot time, until the cluster is dropped.
    pub fn run(&self) {
        let every = self.chain().config().slot_time;
        let (chain, endpoints, stop) =
            (Arc::clone(&self.chain), Arc::clone(&self.endpoints), self.stop.clone());
        self.tasks.spawn(async move {
            let mut beats = interval(every);
            // A slot that is late is late: its successors keep their distance, as on a cluster that was slow.
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(beats.tick()).await.is_some() {
                advance(&chain, &endpoints);
            }
        });
    }

    /// Ends the clock, closes every endpoint and every connection, and waits for their tasks.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let endpoints = std::mem::take(&mut *lock(&self.endpoints));
        for endpoint in endpoints {
            endpoint.stop().await;
        }
    }
}

impl Drop for Simnet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn advance(chain: &Mutex<Chain>, endpoints: &Mutex<Vec<Arc<Endpoint>>>) -> Vec<Step> {
    let steps = lock(chain).produce();
    for endpoint in lock(endpoints).iter() {
        endpoint.tell(&steps);
    }
    steps
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
