//! Who wants what, what the node was asked, and what it serves: the state of all subscriptions, without I/O.
//!
//! Each wanted topic has one entry, however many subscribers it has. The socket's task pulls the frames to send
//! ([`Table::next_frame`]) and pushes what arrives ([`Table::receive`]); notices go straight into the
//! subscribers' queues, which never wait. An answer is awaited for a bounded time; one that comes later is still
//! understood, so that no upstream subscription is left behind.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;

pub(super) use self::answers::Received;
use self::entry::{Entry, State};
use super::{
    notice::{DownReason, Rejection},
    queue::Outlet,
    stats::Traffic,
    subscription::{Kind, Topic},
};
use crate::backoff::Backoff;

/// What an answer means and what follows from it.
mod answers;
/// One topic, its state and its subscribers.
mod entry;
#[cfg(test)]
mod tests;

/// How often a topic is asked for before no answer, or a refusal of unclear meaning, is the final answer.
const ATTEMPTS: u32 = 5;

/// Names one subscriber for as long as the process lives.
pub(super) type SubscriberId = u64;

/// The bounds that the table keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Upstream subscriptions on one socket, the one for slots included.
    pub(super) subscriptions: usize,
    /// How long an answer is awaited.
    pub(super) answer_within: Duration,
    /// The waits between attempts at what was refused for now: the first, and the longest.
    pub(super) retry: (Duration, Duration),
}

/// No room for one more upstream subscription.
#[derive(Debug)]
pub(super) struct OverCap {
    pub(super) cap: usize,
}

#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    entries: HashMap<Topic, Entry>,
    /// What each request was for, until it is answered or the socket ends.
    requests: HashMap<u64, Request>,
    /// The topic of each upstream id, from its acceptance until its unsubscription is answered.
    upstream: HashMap<u64, Topic>,
    asking: VecDeque<Topic>,
    leaving: VecDeque<Topic>,
    /// Upstream subscriptions that were granted after everybody had stopped waiting for them.
    orphans: VecDeque<(Kind, u64)>,
    /// Notifications that overtook the answer which names their subscription.
    early: VecDeque<(u64, Arc<RawValue>)>,
    next_request: u64,
    is_open: bool,
    /// Nothing is sent before this time, since the provider said that it is too much.
    held_until: Option<Instant>,
    hold: Backoff,
    /// No entry's time is up before this.
    alarm: Option<Instant>,
    traffic: Traffic,
}

/// What a request was for.
#[derive(Debug)]
enum Request {
    Subscribe(Topic),
    Unsubscribe(Topic, u64),
    GiveBack(Kind, u64),
}

// === impl Table ===

impl Table {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            requests: HashMap::new(),
            upstream: HashMap::new(),
            asking: VecDeque::new(),
            leaving: VecDeque::new(),
            orphans: VecDeque::new(),
            early: VecDeque::new(),
            next_request: 1,
            is_open: false,
            held_until: None,
            hold: Backoff::new(limits.retry.0, limits.retry.1),
            alarm: None,
            traffic: Traffic::default(),
        }
    }

    // --- what subscribers do ---

    pub(super) fn subscribe(
        &mut self,
        subscriber: SubscriberId,
        topic: Topic,
        mut outlet: Outlet,
    ) -> Result<(), OverCap> {
        let is_new = self.entries.get(&topic).is_none_or(|entry| entry.subscribers.is_empty());
        // One place is kept for the slots, which are always subscribed.
        if is_new && topic != Topic::Slot && self.wanted() >= self.limits.subscriptions.saturating_sub(1) {
            return Err(OverCap { cap: self.limits.subscriptions });
        }
        let entry = self.entries.entry(topic.clone()).or_insert_with(|| {
            self.asking.push_back(topic);
            Entry::new(self.limits.retry)
        });
        if matches!(entry.state, State::Live { .. }) {
            outlet.live();
        }
        entry.subscribers.insert(subscriber, outlet);
        Ok(())
    }

    /// Takes a subscriber out. One that is not (or no longer) there is no error: streams end by themselves too.
    pub(super) fn leave(&mut self, subscriber: SubscriberId, topic: &Topic) {
        let Some(entry) = self.entries.get_mut(topic) else { return };
        if entry.subscribers.remove(&subscriber).is_none() || entry.is_wanted() {
            return;
        }
        match entry.state {
            State::Wanted | State::Waiting { .. } => {
                self.entries.remove(topic);
                self.asking.retain(|other| other != topic);
            }
            State::Live { .. } => {
                if !self.leaving.contains(topic) {
                    self.leaving.push_back(topic.clone());
                }
            }
            // The answer decides what is left to give back.
            State::Asked { .. } | State::Leaving { .. } => {}
        }
    }

    /// The socket carries at most so many subscriptions from the next one on. Those that are wanted beyond are kept,
    /// and not served.
    pub(super) fn carry_at_most(&mut self, subscriptions: usize) {
        self.limits.subscriptions = subscriptions;
    }

    /// Ends all streams.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether anybody is subscribed to anything.
    pub(super) fn has_subscribers(&self) -> bool {
        self.entries.values().any(|entry| !entry.subscribers.is_empty())
    }

    // --- what the socket does ---

    /// A new socket is open: everything wanted is asked for again, the slots first.
    pub(super) fn open(&mut self) {
        self.is_open = true;
        let retry = self.limits.retry;
        self.entries.entry(Topic::Slot).or_insert_with(|| Entry::new(retry)).pinned = true;
        let mut topics: Vec<(bool, Option<SubscriberId>, &Topic)> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.state, State::Wanted))
            .map(|(topic, entry)| (*topic != Topic::Slot, entry.subscribers.keys().next().copied(), topic))
            .collect();
        topics.sort_unstable_by_key(|(is_other, oldest, _)| (*is_other, *oldest));
        self.asking = topics.into_iter().map(|(_, _, topic)| topic.clone()).collect();
    }

    /// The socket has ended.
    pub(super) fn lost(&mut self, reason: DownReason) {
        self.is_open = false;
        self.requests.clear();
        self.upstream.clear();
        self.asking.clear();
        self.leaving.clear();
        self.orphans.clear();
        self.early.clear();
        self.held_until = None;
        if reason == DownReason::Moved {
            self.hold.reset();
        }
        for entry in self.entries.values_mut() {
            entry.lost(reason);
        }
        self.entries.retain(|_, entry| entry.is_wanted());
    }

    /// The next frame to send, if anything may be sent now. What is returned counts as sent.
    pub(super) fn next_frame(&mut self, now: Instant) -> Option<String> {
        if !self.is_open || self.held_until.is_some_and(|until| now < until) {
            return None;
        }
        self.held_until = None;
        self.give_back_orphan().or_else(|| self.leave_next(now)).or_else(|| self.ask_next(now))
    }

    fn give_back_orphan(&mut self) -> Option<String> {
        // Nodes give equal subscriptions one id: what is in use, or may be what an answer on its way names, must
        // not be given back.
        if self.orphans.is_empty()
            || self.entries.values().any(|entry| matches!(entry.state, State::Asked { .. }))
        {
            return None;
        }
        while let Some((kind, upstream)) = self.orphans.pop_front() {
            if self.upstream.contains_key(&upstream) {
                continue;
            }
            let request = self.register(Request::GiveBack(kind, upstream));
            return Some(frame(request, kind.unsubscribe(), &json!([upstream])));
        }
        None
    }

    fn leave_next(&mut self, now: Instant) -> Option<String> {
        while let Some(topic) = self.leaving.pop_front() {
            let until = now + self.limits.answer_within;
            let request = self.next_request;
            let Some(entry) = self.entries.get_mut(&topic) else { continue };
            let State::Live { upstream } = entry.state else { continue };
            if entry.is_wanted() {
                continue;
            }
            entry.state = State::Leaving { request, upstream, until };
            self.wake_at(until);
            let method = topic.kind().unsubscribe();
            self.register(Request::Unsubscribe(topic, upstream));
            return Some(frame(request, method, &json!([upstream])));
        }
        None
    }

    fn ask_next(&mut self, now: Instant) -> Option<String> {
        if self.entries.values().filter(|entry| entry.state.is_occupied()).count()
            >= self.limits.subscriptions
        {
            return None;
        }
        while let Some(topic) = self.asking.pop_front() {
            let until = now + self.limits.answer_within;
            let request = self.next_request;
            let Some(entry) = self.entries.get_mut(&topic) else { continue };
            if !matches!(entry.state, State::Wanted) || !entry.is_wanted() {
                continue;
            }
            entry.state = State::Asked { request, until };
            self.wake_at(until);
            let text = frame(request, topic.method(), &topic.params());
            self.register(Request::Subscribe(topic));
            return Some(text);
        }
        None
    }

    // --- time ---

    /// The next time after `now` at which there is something to do without anything else happening.
    pub(super) fn next_alarm(&self, now: Instant) -> Option<Instant> {
        [self.alarm, self.held_until].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Asks again for what was refused for now, and stops waiting for answers that are overdue. Returns whether
    /// the node turned out to have no slots to subscribe to.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        if self.alarm.is_none_or(|alarm| now < alarm) {
            return false;
        }
        self.alarm =
            self.entries.values().filter_map(|entry| entry.state.until()).filter(|at| *at > now).min();
        let due: Vec<Topic> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state.until().is_some_and(|at| at <= now))
            .map(|(topic, _)| topic.clone())
            .collect();
        let mut no_slots = false;
        for topic in due {
            no_slots |= self.overdue(topic);
        }
        no_slots
    }

    fn overdue(&mut self, topic: Topic) -> bool {
        let Some(entry) = self.entries.get_mut(&topic) else { return false };
        match entry.state {
            State::Asked { .. } => {
                entry.unanswered = entry.unanswered.saturating_add(1);
                if entry.unanswered >= ATTEMPTS {
                    let (method, times, patience) =
                        (topic.method(), entry.unanswered, self.limits.answer_within);
                    return self.reject(&topic, &Rejection::Unanswered { method, times, patience });
                }
            }
            State::Leaving { upstream, .. } => {
                self.upstream.remove(&upstream);
            }
            State::Waiting { .. } => {}
            State::Wanted | State::Live { .. } => return false,
        }
        self.ask_again(topic);
        false
    }

    // --- shared by the above and by the answers ---

    /// The topic is not subscribed upstream: it is asked for if it is wanted, else forgotten.
    fn ask_again(&mut self, topic: Topic) {
        let Some(entry) = self.entries.get_mut(&topic) else { return };
        if entry.is_wanted() {
            entry.state = State::Wanted;
            if self.is_open {
                self.asking.push_back(topic);
            }
        } else {
            self.entries.remove(&topic);
        }
    }

    /// Ends all streams of a topic. Returns whether the slots that the watchdog relies on are gone with it.
    fn reject(&mut self, topic: &Topic, rejection: &Rejection) -> bool {
        let Some(entry) = self.entries.remove(topic) else { return false };
        tracing::warn!(method = topic.method(), %rejection, "subscription rejected");
        self.traffic.rejected = self.traffic.rejected.saturating_add(1);
        for outlet in entry.subscribers.into_values() {
            outlet.reject(rejection.clone());
        }
        entry.pinned
    }

    fn hold(&mut self, now: Instant) {
        let until = now + self.hold.pause();
        self.held_until = self.held_until.max(Some(until));
    }

    fn wake_at(&mut self, at: Instant) {
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
    }

    fn register(&mut self, request: Request) -> u64 {
        let id = self.next_request;
        self.next_request = id.wrapping_add(1);
        self.requests.insert(id, request);
        id
    }

    // --- what others may see ---

    /// Topics that have subscribers.
    pub(super) fn wanted(&self) -> usize {
        self.entries
            .iter()
            .filter(|(topic, entry)| !entry.subscribers.is_empty() && **topic != Topic::Slot)
            .count()
    }

    /// Topics that the node serves now.
    pub(super) fn live(&self) -> usize {
        self.entries.values().filter(|entry| matches!(entry.state, State::Live { .. })).count()
    }

    /// Whether the node serves a topic now.
    pub(super) fn is_live(&self, topic: &Topic) -> bool {
        self.entries.get(topic).is_some_and(|entry| matches!(entry.state, State::Live { .. }))
    }

    /// Subscribers of all topics.
    pub(super) fn subscribers(&self) -> usize {
        self.entries.values().map(|entry| entry.subscribers.len()).sum()
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

/// The text of a request.
pub(super) fn frame(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}
