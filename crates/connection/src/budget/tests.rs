//! What the budget promises, tried out.

mod fairness;
mod frozen;
mod learned;
mod oracle;
mod shared;

use std::{collections::BTreeMap, time::Duration};

use eda_events::WorkerName;
use eda_limits::{Limits, Rate};
use tokio::time::Instant;

use super::{
    Answer, Ask, Note, Refused, Ticket,
    core::{Core, Step},
};
use crate::request::{Caller, Class, Method};

/// A core with its own clock, driven by hand.
struct Bench {
    core: Core,
    start: Instant,
    now: Instant,
    next_ticket: u64,
}

const CALLERS: [Caller; 6] = [
    Caller::Worker(WorkerName::BurnDetector),
    Caller::Worker(WorkerName::MarketDetector),
    Caller::Worker(WorkerName::LiquidityMonitor),
    Caller::Worker(WorkerName::PriceAggregator),
    Caller::Worker(WorkerName::TradingBot),
    Caller::Shared,
];

const GET_BLOCK: Method = Method::new("getBlock");
const GET_SLOT: Method = Method::new("getSlot");

/// `requests` and nothing else: no margin, no held-back share.
fn plain(requests: &str) -> Limits {
    Limits {
        requests: Some(requests.parse().unwrap()),
        margin_percent: 0,
        reserve_percent: 0,
        ..Limits::default()
    }
}

fn ask(class: Class, caller: Caller, method: &Method) -> Ask {
    Ask { caller, method: method.clone(), class, deadline: None }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self::weighted(limits, BTreeMap::new())
    }

    fn weighted(limits: Limits, weights: BTreeMap<Caller, u32>) -> Self {
        let start = Instant::now();
        Self { core: Core::new(start, limits, weights), start, now: start, next_ticket: 1 }
    }

    fn at(&mut self, at: Duration) -> &mut Self {
        self.now = self.start + at;
        self
    }

    fn submit(&mut self, ask: &Ask) -> Result<Ticket, Refused> {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.core.submit(self.now, ticket, ask).map(|()| ticket)
    }

    /// Asks for a shared `getSlot` of a class.
    fn want(&mut self, class: Class) -> Ticket {
        self.submit(&ask(class, Caller::Shared, &GET_SLOT)).unwrap()
    }

    /// Everything that can be granted now, in order.
    fn granted(&mut self) -> Vec<Ticket> {
        std::iter::from_fn(|| match self.core.next(self.now) {
            Step::Grant(ticket) => Some(ticket),
            Step::WaitUntil(_) | Step::Idle => None,
            step @ (Step::Connect(_) | Step::Refuse(..)) => panic!("unexpected {step:?}"),
        })
        .collect()
    }

    fn step(&mut self) -> Step {
        self.core.next(self.now)
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.core.note(self.now, Note::Answered { ticket, at: self.now, answer });
    }

    fn succeed(&mut self, ticket: Ticket) {
        self.answer(ticket, Answer { status: 200, ..Answer::default() });
        self.core.note(self.now, Note::Finished { ticket, at: self.now, bytes: 100 });
    }
}
