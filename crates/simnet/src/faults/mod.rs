//! What goes wrong on purpose: by a `Plan` with a seed, or on command, and noted in a `Journal` when it did.
//!
//! One `Faults` belongs to one endpoint. [`Front::afflict`](crate::Front::afflict) lets it act on responses and
//! notifications; what happens to sockets, the node and the chain happens in `Faults::tick`. Which fault applies is
//! decided by a core that knows no clock: time and slots are those of the last tick.

/// Calls that start, stop and list faults.
mod control;
/// Which fault applies to what happens.
mod engine;
/// One fault: what it does, and when.
mod fault;
/// Every fault that really happened.
mod journal;
/// The names of the faults.
mod kind;
/// What a person may have meant.
mod names;
/// A seed and its faults, from a file.
mod plan;
/// When a fault happens.
mod schedule;
/// What a tick does to an endpoint.
mod turn;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use serde_json::Value;

pub use self::{
    control::BadControl,
    engine::TooMany,
    fault::{
        Answer, BadChance, Chance, Condition, Effect, Fault, Notification, Ports, Response, Start, Stroke,
    },
    journal::{Hit, Incident, Journal},
    kind::{Kind, UnknownKind},
    plan::{Plan, Problem, Problems},
};
use self::{
    engine::{Conditions, Engine},
    schedule::Moment,
};
use crate::{
    call::Call,
    front::Front,
    node::Node,
    pubsub::{Fate, Notice, Passed},
    reply::{Delivery, Reply},
};

/// The faults of one endpoint. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether there is any fault: without one, nothing that is sent costs more than this look.
    armed: AtomicBool,
    state: Mutex<State>,
    journal: Journal,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    at: Moment,
    /// What the endpoint was last told.
    told: Conditions,
}

// === impl Faults ===

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

impl Faults {
    /// No faults, until some are applied.
    pub fn none() -> Self {
        Self::with(Engine::new(0))
    }

    /// The faults of a plan, whose time begins with the endpoint's.
    pub fn new(plan: Plan) -> Self {
        let mut engine = Engine::new(plan.seed);
        for fault in plan.faults {
            // A plan holds no more than an engine takes.
            if let Err(error) = engine.add(fault, Duration::ZERO) {
                tracing::error!(%error, "a fault of the plan is left out");
            }
        }
        Self::with(engine)
    }

    fn with(engine: Engine) -> Self {
        let armed = AtomicBool::new(!engine.is_empty());
        let state = State { engine, at: Moment::default(), told: Conditions::default() };
        Self { shared: Arc::new(Shared { armed, state: Mutex::new(state), journal: Journal::default() }) }
    }

    /// Adds a fault, whose time counts from now, and returns its number.
    ///
    /// # Errors
    /// When too many are on or to come.
    pub fn apply(&self, fault: Fault) -> Result<u64, TooMany> {
        let mut state = self.state();
        let from = state.at.now;
        let id = state.engine.add(fault, from)?;
        self.arm(&state);
        Ok(id)
    }

    /// Ends one fault by its number; `false` if it is over already. What it has switched is switched back in the next
    /// tick.
    pub fn stop(&self, number: u64) -> bool {
        let mut state = self.state();
        let stopped = state.engine.stop(number);
        self.arm(&state);
        stopped
    }

    /// Ends every fault, and returns how many were on or to come. What they have switched is switched back in the next
    /// tick.
    pub fn clear(&self) -> usize {
        let mut state = self.state();
        let ended = state.engine.clear();
        self.arm(&state);
        ended
    }

    /// Every fault that really happened.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Lets time pass: `now` counts from the endpoint's start, `slot` is the newest one. To be called after each slot
    /// and every few milliseconds.
    pub fn tick(&self, now: Duration, slot: u64, node: &Node, front: &Front) {
        let at = Moment { now, slot };
        let mut state = self.state();
        state.at = at;
        let turn = state.engine.turn(at);
        let told = std::mem::replace(&mut state.told, turn.conditions);
        self.arm(&state);
        // The node and the front have locks of their own.
        drop(state);
        turn::carry_out(&turn, told, node, front, |kind, fault, hit| {
            self.shared.journal.record(kind, fault, at, hit);
        });
    }

    /// Whether anything could happen to what is sent.
    pub(crate) fn are_armed(&self) -> bool {
        self.shared.armed.load(Ordering::Acquire)
    }

    /// The replies to the calls of one HTTP request, of which `answer` makes those that the node gets to see.
    pub(crate) fn request(&self, calls: &[Call], mut answer: impl FnMut(&Call) -> Reply) -> Vec<Reply> {
        // Whoever asks to end the faults, or what really happened, is not to suffer from them.
        if !self.are_armed() || calls.iter().any(|call| control::is_control(&call.method)) {
            return calls.iter().map(answer).collect();
        }
        let hit = {
            let mut state = self.state();
            let at = state.at;
            state.engine.response(calls.iter().map(|call| call.method.as_str()), at)
        };
        // One response meets one fault, so that every incident in the journal is one that a client can tell.
        let Some((fault, response)) = hit else {
            return calls.iter().map(|call| self.answered(call, answer(call))).collect();
        };
        let methods = calls.iter().map(|call| call.method.clone()).collect();
        let connection = calls.first().map_or(0, |call| call.connection);
        self.record(Effect::from(response).kind(), fault, Hit::Request { methods, connection });
        calls.iter().map(|call| disturbed(response, || answer(call))).collect()
    }

    /// What becomes of a notification.
    pub(crate) fn notification(&self, notice: &Notice) -> Fate {
        let hit = {
            let mut state = self.state();
            let at = state.at;
            state.engine.notification(&notice.method, at)
        };
        let Some((fault, notification)) = hit else { return Fate::Deliver };
        let fate = match notification {
            Notification::Drop => Fate::Drop,
            Notification::Duplicate => Fate::Duplicate,
            Notification::Delay(by) => Fate::Delay(by),
            // It has happened only once another has passed.
            Notification::Reorder(within) => return Fate::Overtaken { within, fault },
        };
        self.record(Effect::from(notification).kind(), fault, notice.into());
        fate
    }

    /// Notes that a notification was passed by one of another subscription.
    pub(crate) fn overtaken(&self, passed: &Passed) {
        self.record(Kind::NotificationReorder, passed.fault, (&passed.notice).into());
    }

    /// The answer of one call that the node has given.
    fn answered(&self, call: &Call, reply: Reply) -> Reply {
        let landed = if let Reply::Result(found) = &reply
            && call.method == "getTransaction"
        {
            found.get("slot").and_then(Value::as_u64)
        } else {
            None
        };
        let hit = {
            let mut state = self.state();
            let at = state.at;
            state.engine.answer(&call.method, landed, at)
        };
        let Some((fault, answer)) = hit else { return reply };
        let hit = Hit::Call { method: call.method.clone(), id: call.id.clone(), connection: call.connection };
        self.record(Effect::from(answer).kind(), fault, hit);
        match answer {
            Answer::WrongId => Reply::Misaddressed(Box::new(reply)),
            Answer::TransactionNull(_) => Reply::Result(Value::Null),
        }
    }

    fn record(&self, kind: Kind, fault: u64, hit: Hit) {
        let at = self.state().at;
        self.shared.journal.record(kind, fault, at, hit);
    }

    fn arm(&self, state: &State) {
        self.shared.armed.store(!state.engine.is_empty(), Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reply to a call whose response is hit. Where another answer takes its place, the node never sees the call.
fn disturbed(response: Response, answer: impl FnOnce() -> Reply) -> Reply {
    match response {
        Response::Kill => answer().delivered(Delivery::Reset),
        Response::Slow(over) => answer().delivered(Delivery::Dribbled(over)),
        Response::Stall => answer().delivered(Delivery::Stalled),
        Response::Truncated => answer().delivered(Delivery::Truncated),
        Response::Delay(by) => answer().after(by),
        Response::Silence => {
            // The node has done what it was asked, and nobody hears of it.
            drop(answer());
            Reply::Never
        }
        Response::ServerError(status, _) => Reply::status(status),
        Response::TooManyRequests(retry_after, _) => Reply::too_many_requests(retry_after),
        Response::Forbidden(_) => Reply::status(StatusCode::FORBIDDEN),
        Response::Html(status) => Reply::html(status),
    }
}

#[cfg(test)]
mod tests;
