//! Not asking for what is being asked for already, can be asked for along with something else, or is known for ever.
//!
//! A call passes three rooms on its way to the budget. An answer that never changes may be `kept`; else an equal
//! question may be under way, in `flights`; else, if it reads a single account, others may be read along with it, in
//! `gather`. Whoever asks is told what its own call would have been told, and stands in the budget's queue in its own
//! name, so that sharing holds nobody up. Reads wait two milliseconds for others; exits and confirmations do not.
//!
//! An answer that is shared was true at most one round trip before its asker asked. Who has seen a slot and wants to
//! know what came after it says so by `minContextSlot`, as it has to in front of any provider with more than one node.
//! Exits and confirmations, which act on what they read, wait for nothing that was sent before they asked.

mod answer;
mod crowd;
mod flights;
mod gather;
mod kept;
mod lru;
mod mints;
mod plan;
mod question;
mod read;
mod stats;
#[cfg(test)]
mod tests;
mod wire;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde_json::Value;
use tokio::time::Instant;

pub use stats::{Kind, Saved};

use crate::{
    calls::{Calls, RequestError},
    http::Reply,
    request::{Caller, Class, Method},
};
use crowd::{Asker, Crowd};
use flights::Flights;
use gather::Gather;
use kept::Kept;
use question::Question;
use read::Read;
use stats::Counts;
use wire::Wire;

/// What comes of a call.
type Outcome = Result<Reply, RequestError>;

/// Settings of the savings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether anything is saved at all; off to measure what it would cost.
    pub on: bool,
    /// How long the first of several reads of single accounts waits for the others.
    pub window: Duration,
    /// Bytes of immutable answers kept; 0 keeps none.
    pub kept_bytes: usize,
}

/// The calls, with less of them made.
#[derive(Debug)]
pub(crate) struct Savings<W = Calls> {
    on: bool,
    wire: Arc<W>,
    kept: Arc<Kept>,
    flights: Arc<Flights>,
    gather: Arc<Gather<W>>,
    counts: Arc<Counts>,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { on: true, window: Duration::from_millis(2), kept_bytes: 64_000_000 }
    }
}

// === impl Savings ===

impl<W: Wire> Savings<W> {
    /// Saves what it can of the calls that would go by `wire`.
    pub(crate) fn new(config: Config, wire: Arc<W>) -> Self {
        let counts = Arc::new(Counts::default());
        Self {
            on: config.on,
            kept: Arc::new(Kept::new(config.kept_bytes)),
            flights: Arc::default(),
            gather: Arc::new(Gather::new(Arc::clone(&wire), Arc::clone(&counts), config.window)),
            counts,
            wire,
        }
    }

    /// As [`Calls::call`], with fewer requests.
    pub(crate) async fn call(
        &self,
        caller: Caller,
        class: Class,
        method: Method,
        params: Value,
        deadline: Option<Instant>,
    ) -> Outcome {
        let asker = Asker { caller, class, deadline };
        let question = if self.on { Question::of(&method, &params) } else { None };
        let Some(question) = question else { return self.wire.alone(asker, method, params).await };
        if let Some(known) = self.kept.get(&question) {
            self.counts.saved(caller, &method, Kind::Cached);
            return Ok(known);
        }
        let name = method.clone();
        let passage = self.flights.board(question.clone(), asker, |flight| {
            if let Some(read) = Read::of(&method, &params) {
                return self.gather.add(read, (method, params), flight, asker);
            }
            let crowd = Arc::new(Crowd::default());
            let place = crowd.enter(flight, asker);
            let (wire, kept, part) =
                (Arc::clone(&self.wire), Arc::clone(&self.kept), crowd.part(vec![flight]));
            let work = async move {
                let outcome = wire.make(&method, &params, part).await;
                if let Ok(reply) = &outcome
                    && kept::is_immutable(&method, &params, reply.result.get())
                {
                    kept.keep(question, reply);
                }
                outcome
            };
            (place, crowd, work.boxed())
        });
        let joined = passage.joined;
        if joined {
            self.counts.saved(caller, &name, Kind::Shared);
        }
        let mut outcome = passage.answer().await;
        if joined && let Ok(reply) = &mut outcome {
            // They are counted at whoever began it.
            reply.bytes = 0;
        }
        outcome
    }

    /// What was saved so far.
    pub(crate) fn saved(&self) -> Saved {
        let (kept, kept_bytes) = self.kept.holds();
        Saved { kept, kept_bytes, ..self.counts.look() }
    }
}
