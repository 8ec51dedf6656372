//! One endpoint of a cluster: a node behind a provider, on two ports.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chain::Step,
    front::{Front, Protocol},
    node::Node,
    notify::Notifier,
    rpc,
};

/// How an endpoint is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// What its HTTP port speaks.
    pub protocol: Protocol,
    /// The HTTP and the WebSocket address; absent: free neighbouring ports of the loopback address.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
}

/// An endpoint.
#[derive(Debug)]
pub struct Endpoint {
    front: Arc<Front>,
    node: Node,
    notifier: Arc<Notifier>,
    /// What happened and this node does not know of yet, by slots, oldest first.
    ahead: Mutex<VecDeque<Vec<Step>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

// === impl Options ===

impl Default for Options {
    /// HTTP/1.1 and h2c on free ports.
    fn default() -> Self {
        Self { protocol: Protocol::H2c, addresses: None }
    }
}

// === impl Endpoint ===

impl Endpoint {
    pub(crate) async fn open(node: Node, options: Options) -> io::Result<Arc<Self>> {
        let ports = match options.addresses {
            Some((http, ws)) => Front::reserve_at(options.protocol, http, ws)?,
            None => Front::reserve(options.protocol)?,
        };
        let front = Arc::new(ports.start()?);
        let answering = node.clone();
        front.rpc().respond(move |call| rpc::answer(&answering, call));
        front.pubsub().respond(crate::notify::judge);
        let notifier = Arc::new(Notifier::new(node.clone(), Arc::clone(&front)));
        let endpoint = Arc::new(Self {
            front,
            node,
            notifier,
            ahead: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        endpoint.welcome();
        Ok(endpoint)
    }

    /// The ports: what arrived on them, and how they misbehave.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// The node behind them.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Tells the subscribers what happened, as far as this node knows of it.
    pub(crate) fn tell(&self, steps: &[Step]) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.push_back(steps.to_vec());
        let lag = usize::try_from(self.node.lag()).unwrap_or(usize::MAX);
        while ahead.len() > lag {
            for step in ahead.pop_front().into_iter().flatten() {
                self.notifier.tell(&step);
            }
        }
    }

    /// Closes both ports and every connection, and waits for the tasks.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.front.stop().await;
    }

    /// Looks after subscriptions that may have their answer at once.
    fn welcome(&self) {
        let (front, notifier, stop) =
            (Arc::clone(&self.front), Arc::clone(&self.notifier), self.stop.clone());
        self.tasks.spawn(async move {
            let mut changes = front.pubsub().changes();
            while stop.run_until_cancelled(changes.next()).await == Some(true) {
                notifier.welcome();
            }
        });
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
