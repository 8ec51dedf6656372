//! Which fault applies to what happens: seeded, without a clock and without I/O. The same events at the same moments
//! meet the same faults.

use std::time::Duration;

use super::{
    fault::{Answer, Condition, Effect, Fault, Notification, Ports, Response, Stroke},
    schedule::{Moment, Schedule},
};
use crate::chain::chance;

/// Faults that may be on or to come at one time.
const MOST: usize = 1_024;

/// All faults that are on or to come.
#[derive(Debug)]
pub(super) struct Engine {
    seed: u64,
    next: u64,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    id: u64,
    fault: Fault,
    schedule: Schedule,
    /// Events that the last hit still takes.
    burst: u64,
    /// A condition's end, while it is on.
    on: Option<Until>,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    Then(Duration),
    Stopped,
}

/// What is so at a moment, over all conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) stalled: bool,
    pub(super) refusing_http: bool,
    pub(super) refusing_ws: bool,
    pub(super) lag: u64,
    pub(super) paused: bool,
}

/// What happens at a moment, with the numbers of the faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) conditions: Conditions,
    pub(super) began: Vec<(u64, Condition)>,
    /// With the methods they concern.
    pub(super) strokes: Vec<(u64, Stroke, Vec<String>)>,
}

/// Too many faults are on or to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} faults are on or to come already: clear some")]
pub struct TooMany;

// === impl Engine ===

impl Engine {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, next: 1, running: Vec::new() }
    }

    /// Adds a fault whose time counts from `from`, and gives it a number.
    pub(super) fn add(&mut self, fault: Fault, from: Duration) -> Result<u64, TooMany> {
        if self.running.len() >= MOST {
            return Err(TooMany);
        }
        let id = self.next;
        self.next = self.next.saturating_add(1);
        // Each has dice of its own, so that one more fault does not change what the others hit.
        let dice = chance(self.seed, &format!("fault {id}"));
        let schedule = Schedule::new(fault.start, from, dice);
        self.running.push(Running { id, fault, schedule, burst: 0, on: None });
        Ok(id)
    }

    /// Ends one fault; `false` if it is not there.
    pub(super) fn stop(&mut self, id: u64) -> bool {
        let before = self.running.len();
        self.running.retain(|running| running.id != id);
        self.running.len() < before
    }

    /// Ends all of them; returns how many.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.running).len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// What happens to the response to a request that calls these methods.
    pub(super) fn response<'a>(
        &mut self,
        methods: impl Iterator<Item = &'a str> + Clone,
        at: Moment,
    ) -> Option<(u64, Response)> {
        self.running.iter_mut().find_map(|running| {
            let Effect::Response(response) = running.fault.effect else { return None };
            let concerned = methods.clone().any(|method| running.fault.concerns(method));
            (concerned && running.hits(at)).then_some((running.id, response))
        })
    }

    /// What happens to the answer of a call. `landed` is the slot of the transaction it tells of.
    pub(super) fn answer(&mut self, method: &str, landed: Option<u64>, at: Moment) -> Option<(u64, Answer)> {
        self.running.iter_mut().find_map(|running| {
            let Effect::Answer(answer) = running.fault.effect else { return None };
            let applies = match answer {
                Answer::WrongId => true,
                Answer::TransactionNull(slots) => {
                    landed.is_some_and(|landed| at.slot < landed.saturating_add(slots))
                }
            };
            (applies && running.fault.concerns(method) && running.hits(at)).then_some((running.id, answer))
        })
    }

    /// What happens to a notification of a subscription by this method.
    pub(super) fn notification(&mut self, method: &str, at: Moment) -> Option<(u64, Notification)> {
        self.running.iter_mut().find_map(|running| {
            let Effect::Notification(notification) = running.fault.effect else { return None };
            (running.fault.concerns(method) && running.hits(at)).then_some((running.id, notification))
        })
    }

    /// What the moment itself brings. Faults that are over are gone afterwards.
    pub(super) fn turn(&mut self, at: Moment) -> Turn {
        let mut turn = Turn::default();
        for running in &mut self.running {
            match running.fault.effect {
                Effect::Response(_) | Effect::Answer(_) | Effect::Notification(_) => {}
                Effect::Stroke(stroke) => {
                    if running.schedule.strikes(&running.fault, at) {
                        turn.strokes.push((running.id, stroke, running.fault.methods.clone()));
                    }
                }
                Effect::Condition(condition) => {
                    if running.begins(at) {
                        turn.began.push((running.id, condition));
                    }
                    if running.on.is_some() {
                        turn.conditions.add(condition);
                    }
                }
            }
        }
        self.running.retain(|running| !running.is_over(at));
        turn
    }
}

// === impl Running ===

impl Running {
    fn hits(&mut self, at: Moment) -> bool {
        if self.burst > 0 {
            self.burst -= 1;
            return true;
        }
        let hit = self.schedule.hits(&self.fault, at);
        if hit {
            self.burst = self.fault.effect.burst().saturating_sub(1);
        }
        hit
    }

    /// Whether a condition turns on now; one whose time is over turns off.
    fn begins(&mut self, at: Moment) -> bool {
        match self.on {
            Some(Until::Then(end)) if at.now >= end => self.on = None,
            Some(Until::Then(_) | Until::Stopped) | None => {}
        }
        let begins = self.on.is_none() && self.schedule.strikes(&self.fault, at);
        if begins {
            let end = self.fault.lasting.map(|lasting| at.now.saturating_add(lasting));
            self.on = Some(end.map_or(Until::Stopped, Until::Then));
        }
        begins
    }

    fn is_over(&self, at: Moment) -> bool {
        match self.fault.effect {
            Effect::Response(_) | Effect::Answer(_) | Effect::Notification(_) => {
                self.burst == 0 && self.schedule.hits_no_more(&self.fault, at)
            }
            Effect::Stroke(_) | Effect::Condition(_) => {
                self.on.is_none() && self.schedule.strikes_no_more(&self.fault)
            }
        }
    }
}

// === impl Conditions ===

impl Conditions {
    fn add(&mut self, condition: Condition) {
        match condition {
            Condition::WebsocketStall => self.stalled = true,
            Condition::RefuseConnections(ports) => {
                self.refusing_http |= ports != Ports::Ws;
                self.refusing_ws |= ports != Ports::Http;
            }
            Condition::EndpointLag(slots) => self.lag = self.lag.max(slots),
            Condition::ConfirmationsPause => self.paused = true,
            Condition::NodeRestart => (self.refusing_http, self.refusing_ws) = (true, true),
        }
    }
}
