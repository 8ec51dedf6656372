//! One endpoint of a cluster: a node behind a provider, on two ports.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eda_limits::Limits;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    call::Call,
    chain::Step,
    faults::{Faults, Plan},
    front::{Front, Protocol, Reserved},
    node::Node,
    notify::Notifier,
    provider::Provider,
    reply::Reply,
    truth::Row,
};

/// How an endpoint is opened.
#[derive(Debug)]
pub struct Options {
    /// What its HTTP port speaks. Ports that were reserved have settled that already.
    pub protocol: Protocol,
    /// Its ports; absent: free neighbouring ones of the loopback address.
    pub ports: Option<Reserved>,
    /// The limits that its provider enforces.
    pub limits: Limits,
    /// What is to go wrong; absent: nothing, until faults are applied.
    pub faults: Option<Plan>,
}

/// Who answers calls: the node, its provider, and what goes wrong.
#[derive(Debug, Clone)]
struct Desk {
    node: Node,
    provider: Provider,
    faults: Faults,
}

/// Answers what really happened, as rows of the truth; two optional parameters: the first and the last slot.
const TRUTH: &str = "simnetTruth";
/// Answers what the provider has counted.
const METER: &str = "simnetMeter";
const INVALID_PARAMS: i64 = -32602;
/// How often faults look at the clock.
const TICK: Duration = Duration::from_millis(10);

/// An endpoint.
#[derive(Debug)]
pub struct Endpoint {
    front: Arc<Front>,
    desk: Desk,
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
        Self { protocol: Protocol::H2c, ports: None, limits: Limits::default(), faults: None }
    }
}

// === impl Endpoint ===

impl Endpoint {
    pub(crate) async fn open(node: Node, options: Options) -> io::Result<Arc<Self>> {
        let ports = match options.ports {
            Some(ports) => ports,
            None => Front::reserve(options.protocol)?,
        };
        let front = Arc::new(ports.start()?);
        let provider = Provider::new(options.limits);
        front.guard(provider.clone());
        let faults = options.faults.map_or_else(Faults::none, Faults::new);
        front.afflict(&faults);
        let desk = Desk { node: node.clone(), provider: provider.clone(), faults: faults.clone() };
        let answering = desk.clone();
        front.rpc().respond(move |call| answering.answer(call));
        front.pubsub().respond(crate::notify::judge);
        let notifier = Arc::new(Notifier::new(node.clone(), Arc::clone(&front)));
        let endpoint = Arc::new(Self {
            front,
            desk,
            notifier,
            ahead: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        endpoint.welcome();
        endpoint.let_time_pass();
        Ok(endpoint)
    }

    /// The ports: what arrived on them, and how they misbehave.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// What the node says to a call, whatever its provider would make of it.
    pub fn answer(&self, call: &Call) -> Reply {
        self.desk.answer(call)
    }

    /// The provider in front of the node.
    pub fn provider(&self) -> &Provider {
        &self.desk.provider
    }

    /// What goes wrong between the provider and the node.
    pub fn faults(&self) -> &Faults {
        &self.desk.faults
    }

    /// The node behind them.
    pub fn node(&self) -> &Node {
        &self.desk.node
    }

    /// Tells the subscribers what happened, as far as this node knows of it. [`Simnet`](crate::cluster::Simnet) does
    /// so with every slot; a benchmark may tell the same again.
    pub fn tell(&self, steps: &[Step]) {
        self.desk.node.tidy();
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.push_back(steps.to_vec());
        let lag = usize::try_from(self.desk.node.lag()).unwrap_or(usize::MAX);
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

    /// Lets the faults know what time it is.
    fn let_time_pass(&self) {
        let (front, desk, stop) = (Arc::clone(&self.front), self.desk.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let (began, mut ticks) = (Instant::now(), interval(TICK));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let slot = desk.node.chain().tips().processed;
                desk.faults.tick(began.elapsed(), slot, &desk.node, &front);
            }
        });
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

// === impl Desk ===

impl Desk {
    /// What the node says, or what is asked of the simulation itself.
    fn answer(&self, call: &Call) -> Reply {
        if let Some(done) = self.faults.control(&call.method, &call.params) {
            return done.map_or_else(|wrong| Reply::error(INVALID_PARAMS, &wrong.to_string()), Reply::Result);
        }
        match call.method.as_str() {
            TRUTH => Reply::Result(self.truth(&call.params)),
            METER => Reply::Result(json!(self.provider.meter())),
            _ => self.node.answer(call),
        }
    }

    /// What happened from one slot to another, or in every kept slot.
    fn truth(&self, params: &Value) -> Value {
        let slot = |at: usize| params.get(at).and_then(Value::as_u64);
        let chain = self.node.chain();
        let rows = chain.truth().between(slot(0).unwrap_or_default(), slot(1).unwrap_or(u64::MAX));
        rows.map(Row::to_json).collect()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests;
