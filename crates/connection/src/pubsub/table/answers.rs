use std::sync::Arc;

use eda_events::Slot;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{ATTEMPTS, Request, State, Table, entry::Entry};
use crate::pubsub::{
    frame::{Incoming, Odd, RpcError, Verdict},
    notice::Rejection,
    queue::Put,
    subscription::Topic,
};

/// Early notifications that are kept while answers are outstanding; more would be a server that reorders
/// everything.
const EARLY: usize = 32;

/// What the socket's task has to know about a frame; everything else is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pubsub) enum Received {
    Handled,
    /// The node's newest slot.
    Slot(Slot),
    /// The node refuses to notify slots.
    NoSlots,
    /// The node refuses to notify slots for now; it is asked again then.
    SlotsLater(Instant),
    /// One upstream id stands for two topics. Only a new socket makes sure whose notifications are whose.
    DuplicateId,
}

#[derive(Deserialize)]
struct SlotInfo {
    slot: Slot,
}

// === impl Table ===

impl Table {
    /// Takes in one text frame, which reads as `incoming`.
    pub(in crate::pubsub) fn receive(
        &mut self,
        text: &str,
        incoming: Incoming<'_>,
        now: Instant,
    ) -> Received {
        match incoming {
            Incoming::Notification { upstream, result } => self.notify(upstream, result),
            Incoming::Answer { request, outcome } => match (self.requests.remove(&request), outcome) {
                (Some(Request::Subscribe(topic)), outcome) => {
                    let received = match outcome {
                        Ok(result) => self.accepted(topic, request, result, now),
                        Err(error) => self.refused(&topic, request, error, now),
                    };
                    self.forget_early();
                    received
                }
                (Some(Request::Unsubscribe(topic, upstream)), outcome) => {
                    let is_held = outcome.is_err_and(|error| self.is_worth_repeating(&error, now));
                    self.left(topic, request, upstream, is_held);
                    Received::Handled
                }
                (Some(Request::GiveBack(kind, upstream)), outcome) => {
                    if outcome.is_err_and(|error| self.is_worth_repeating(&error, now)) {
                        self.orphans.push_back((kind, upstream));
                    }
                    Received::Handled
                }
                (None, _) => self.odd(Odd::UnknownRequest, text),
            },
            Incoming::Stray(error) => {
                if error.verdict() == Verdict::RateLimited {
                    self.hold(now);
                }
                self.odd(Odd::StrayError, text)
            }
            Incoming::Odd(odd) => self.odd(odd, text),
        }
    }

    fn notify(&mut self, upstream: u64, result: &RawValue) -> Received {
        let Some(topic) = self.upstream.get(&upstream) else {
            if !self.is_asking() {
                return self.odd(Odd::UnknownSubscription, result.get());
            }
            self.early.push_back((upstream, Arc::from(result.to_owned())));
            if self.early.len() > EARLY {
                self.early.pop_front();
                return self.odd(Odd::UnknownSubscription, result.get());
            }
            return Received::Handled;
        };
        let topic = topic.clone();
        self.deliver(topic, upstream, result)
    }

    fn deliver(&mut self, topic: Topic, upstream: u64, result: &RawValue) -> Received {
        let Some(entry) = self.entries.get(&topic) else { return Received::Handled };
        self.traffic.notifications = self.traffic.notifications.saturating_add(1);
        if !matches!(entry.state, State::Live { .. }) {
            // Being given back: whoever came meanwhile is told from the next `Live` on.
            if topic.kind().is_one_shot() {
                self.upstream.remove(&upstream);
                self.ask_again(topic);
            }
            return Received::Handled;
        }
        if !entry.subscribers.is_empty() {
            let update: Arc<RawValue> = Arc::from(result.to_owned());
            for outlet in entry.subscribers.values() {
                match outlet.update(Arc::clone(&update)) {
                    Put::Queued => {}
                    Put::Superseded(count) => {
                        self.traffic.superseded = self.traffic.superseded.saturating_add(count);
                    }
                    Put::Missed => self.traffic.missed = self.traffic.missed.saturating_add(1),
                }
            }
        }
        if topic.kind().is_one_shot() {
            // The node has dropped the subscription; the streams end when their queues are read.
            self.upstream.remove(&upstream);
            self.entries.remove(&topic);
            return Received::Handled;
        }
        if topic == Topic::Slot {
            return match serde_json::from_str::<SlotInfo>(result.get()) {
                Ok(info) => Received::Slot(info.slot),
                Err(_) => self.odd(Odd::BadSlot, result.get()),
            };
        }
        Received::Handled
    }

    fn accepted(&mut self, topic: Topic, request: u64, result: &RawValue, now: Instant) -> Received {
        let Ok(upstream) = result.get().parse::<u64>() else {
            self.odd(Odd::BadId, result.get());
            let error = RpcError { code: 0, message: "the subscription's id is no number".to_owned() };
            return self.refused(&topic, request, error, now);
        };
        if let Some(holder) = self.upstream.get(&upstream) {
            // The same topic: an answer that was not awaited any longer, which changes nothing.
            return if *holder == topic { Received::Handled } else { Received::DuplicateId };
        }
        let is_awaited = |entry: &&mut Entry| matches!(entry.state, State::Asked { request: asked, .. } if asked == request);
        let Some(entry) = self.entries.get_mut(&topic).filter(is_awaited) else {
            // Too late to rely on: the node may have been told to end this very id since.
            self.orphans.push_back((topic.kind(), upstream));
            return Received::Handled;
        };
        self.hold.reset();
        entry.go_live(upstream);
        if !entry.is_wanted() {
            self.leaving.push_back(topic.clone());
        }
        self.upstream.insert(upstream, topic.clone());
        self.deliver_early(&topic, upstream)
    }

    fn deliver_early(&mut self, topic: &Topic, upstream: u64) -> Received {
        let mut last = Received::Handled;
        for (early, result) in std::mem::take(&mut self.early) {
            if early == upstream {
                last = self.deliver(topic.clone(), upstream, &result);
            } else {
                self.early.push_back((early, result));
            }
        }
        last
    }

    /// When no answer is outstanding, nobody will claim the early notifications any more.
    fn forget_early(&mut self) {
        if !self.early.is_empty() && !self.is_asking() {
            for (_, result) in std::mem::take(&mut self.early) {
                self.odd(Odd::UnknownSubscription, result.get());
            }
        }
    }

    fn is_asking(&self) -> bool {
        self.requests.values().any(|request| matches!(request, Request::Subscribe(_)))
    }

    fn refused(&mut self, topic: &Topic, request: u64, error: RpcError, now: Instant) -> Received {
        let Some(entry) = self.entries.get_mut(topic) else { return Received::Handled };
        if !matches!(entry.state, State::Asked { request: asked, .. } if asked == request) {
            return Received::Handled;
        }
        if !entry.is_wanted() {
            self.entries.remove(topic);
            return Received::Handled;
        }
        let verdict = error.verdict();
        if verdict == Verdict::Doubtful {
            entry.doubts = entry.doubts.saturating_add(1);
        }
        if verdict == Verdict::Permanent || entry.doubts >= ATTEMPTS {
            let (code, message) = (error.code, error.message);
            let rejection = Rejection::Refused { method: topic.method(), code, message };
            return if self.reject(topic, &rejection) { Received::NoSlots } else { Received::Handled };
        }
        let until = now + entry.retry.pause();
        entry.state = State::Waiting { until };
        self.traffic.postponed = self.traffic.postponed.saturating_add(1);
        self.wake_at(until);
        if verdict == Verdict::RateLimited {
            self.hold(now);
        }
        if *topic == Topic::Slot {
            Received::SlotsLater(self.held_until.max(Some(until)).unwrap_or(until))
        } else {
            Received::Handled
        }
    }

    fn left(&mut self, topic: Topic, request: u64, upstream: u64, is_held: bool) {
        let is_awaited =
            |state: &State| matches!(state, State::Leaving { request: awaited, .. } if *awaited == request);
        let Some(entry) = self.entries.get_mut(&topic).filter(|entry| is_awaited(&entry.state)) else {
            if is_held {
                self.orphans.push_back((topic.kind(), upstream));
            }
            return;
        };
        if is_held {
            // Whoever came meanwhile has what they want, else it is given back again.
            entry.go_live(upstream);
            if !entry.is_wanted() {
                self.leaving.push_back(topic);
            }
            return;
        }
        self.upstream.remove(&upstream);
        self.ask_again(topic);
    }

    /// Whether an unsubscription failed for a reason that passes, so that the subscription still exists. Any
    /// other error says that there is nothing to give back.
    fn is_worth_repeating(&mut self, error: &RpcError, now: Instant) -> bool {
        match error.verdict() {
            Verdict::RateLimited | Verdict::Temporary => {
                self.hold(now);
                true
            }
            Verdict::Permanent | Verdict::Doubtful => false,
        }
    }

    /// Counts a frame that nobody expects; the first of its kind is logged.
    pub(in crate::pubsub) fn odd(&mut self, odd: Odd, text: &str) -> Received {
        let count = self.traffic.odd.entry(odd).or_default();
        *count = count.saturating_add(1);
        if *count == 1 {
            let start: String = text.chars().take(200).collect();
            tracing::warn!(kind = odd.as_str(), frame = start, "unexpected frame, ignored");
        }
        Received::Handled
    }
}
