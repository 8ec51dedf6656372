//! What is promised to those who ask, tried out against a provider of a few lines, in virtual time.

mod flights;
mod merging;
mod same;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eda_events::WorkerName;
use eda_limits::{Limits, Rate};
use serde_json::{Value, json, value::RawValue};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Config, Kind, Outcome, Savings,
    crowd::{Asker, Part},
    wire::Wire,
};
use crate::{
    budget::{Answer, Ask, Budget},
    calls::RequestError,
    http::{CallError, Reply, RpcError, Version},
    request::{Caller, Class, Method},
};

const BURNS: Caller = Caller::Worker(WorkerName::BurnDetector);
const PRICES: Caller = Caller::Worker(WorkerName::PriceAggregator);
const TRADES: Caller = Caller::Worker(WorkerName::TradingBot);

/// A request that left, and under whose name of which urgency.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    class: Class,
    method: String,
    params: Value,
    at: Duration,
}

type Script = dyn Fn(&str, &Value) -> Outcome + Send + Sync;

/// Lets requests through by a budget and answers them after a while, as `script` says.
struct Provider {
    limits: Limits,
    budget: Budget,
    delay: Duration,
    script: Box<Script>,
    sent: Mutex<Vec<Sent>>,
    began: Instant,
}

impl Wire for Provider {
    async fn make(&self, method: &Method, params: &Value, askers: Part) -> Outcome {
        let (class, mut permit) = askers
            .permit_by(|Asker { caller, class, deadline }| async move {
                let ask = Ask { caller, method: method.clone(), class, deadline };
                Ok(self.budget.acquire(ask).await?)
            })
            .await?;
        let sent =
            Sent { class, method: method.to_string(), params: params.clone(), at: self.began.elapsed() };
        self.sent.lock().unwrap().push(sent);
        sleep(self.delay).await;
        permit.answered(Answer { status: 200, ..Answer::default() });
        permit.finished(100);
        (self.script)(method.as_str(), params)
    }

    async fn alone(&self, asker: Asker, method: Method, params: Value) -> Outcome {
        let crowd = Arc::new(super::Crowd::default());
        let flight = super::crowd::FlightId(0);
        let _place = crowd.enter(flight, asker);
        self.make(&method, &params, crowd.part(vec![flight])).await
    }

    fn cost(&self, method: &Method) -> u32 {
        self.limits.cost(method)
    }
}

/// Savings in front of a provider.
struct World {
    savings: Arc<Savings<Provider>>,
    provider: Arc<Provider>,
    asking: JoinSet<()>,
}

impl World {
    /// A provider without limits that takes 50 ms.
    fn new(script: impl Fn(&str, &Value) -> Outcome + Send + Sync + 'static) -> Self {
        Self::within(Limits::default(), script)
    }

    fn within(limits: Limits, script: impl Fn(&str, &Value) -> Outcome + Send + Sync + 'static) -> Self {
        let tasks = TaskTracker::new();
        let budget = Budget::start(limits.clone(), BTreeMap::new(), &tasks, CancellationToken::new());
        let provider = Arc::new(Provider {
            limits,
            budget,
            delay: Duration::from_millis(50),
            script: Box::new(script),
            sent: Mutex::default(),
            began: Instant::now(),
        });
        let savings = Arc::new(Savings::new(Config::default(), Arc::clone(&provider)));
        Self { savings, provider, asking: JoinSet::new() }
    }

    /// Begins to ask; the answer is the task's.
    fn ask(
        &self,
        caller: Caller,
        class: Class,
        method: &'static str,
        params: Value,
        patience: Option<Duration>,
    ) -> JoinHandle<Outcome> {
        let savings = Arc::clone(&self.savings);
        let deadline = patience.map(|patience| Instant::now() + patience);
        let tasks = TaskTracker::new();
        tasks.spawn(async move { savings.call(caller, class, Method::new(method), params, deadline).await })
    }

    /// Fills the window with so many calls of another kind.
    async fn occupy(&mut self, calls: usize) {
        let before = self.sent("sendTransaction").len();
        for _ in 0..calls {
            let savings = Arc::clone(&self.savings);
            self.asking.spawn(async move {
                let slot = savings.call(BURNS, Class::Exit, Method::new("sendTransaction"), json!([]), None);
                drop(slot.await);
            });
        }
        while self.sent("sendTransaction").len() < before + calls {
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn sent(&self, method: &str) -> Vec<Sent> {
        let sent = self.provider.sent.lock().unwrap();
        sent.iter().filter(|sent| sent.method == method).cloned().collect()
    }

    /// The methods of everything that was sent, in order.
    fn methods(&self) -> Vec<String> {
        self.provider.sent.lock().unwrap().iter().map(|sent| sent.method.clone()).collect()
    }

    /// How many stand in the budget's queue.
    async fn waiting(&self, class: Class) -> usize {
        let waiting = self.provider.budget.snapshot().await.unwrap().waiting;
        waiting.get(&class).copied().unwrap_or_default()
    }

    /// Nothing is under way, and nothing is remembered of what was.
    fn is_at_rest(&self) -> bool {
        self.savings.flights.under_way() == 0 && self.savings.gather.open() == 0
    }

    fn saved(&self, kind: Kind) -> u64 {
        self.savings.saved().of(kind)
    }
}

fn ok(value: &Value) -> Outcome {
    let result = RawValue::from_string(value.to_string()).unwrap();
    Ok(Reply { result, bytes: 100, version: Version::Http2 })
}

fn error(code: i64, message: &str) -> Outcome {
    let error = RpcError { code, message: message.to_owned(), data: None };
    Err(RequestError::Call(CallError::Rpc(error)))
}

/// An outcome as a value to compare: the result, or code and message of the node's error, or the failure's kind.
fn told(outcome: &Outcome) -> Value {
    match outcome {
        Ok(reply) => serde_json::from_str(reply.result.get()).unwrap(),
        Err(error) => match error.node_error() {
            Some((code, message)) => json!({"code": code, "message": message}),
            None => json!(error.kind()),
        },
    }
}

/// So many requests in any ten seconds, without margin; a tenth is held back for exits.
fn per_ten_seconds(count: u32) -> Limits {
    Limits { requests: Some(Rate::per_seconds(count, 10)), margin_percent: 0, ..Limits::default() }
}

async fn millis(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}
