//! The budget as a pure state machine: what happened goes in with its time, what to do next comes out.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use eda_limits::{Limits, Rate};
use tokio::time::Instant;

use super::{
    Ask, Outcome, Refused, Ticket,
    freeze::Freeze,
    ledger::Ledger,
    methods::Methods,
    queue::{MethodId, Place, Queue, Waiting},
    window::{Mark, Window},
};
use crate::request::{Caller, Class, Method};

mod notes;
mod report;

/// Connects that may wait at a time; eda keeps a handful of connections.
const CONNECTS_WAITING: usize = 64;

/// How long a connection attempt can take to reach the provider.
const CONNECT_FLIGHT: Duration = Duration::from_secs(10);

/// Durations from config are taken no longer than this, so that no moment in time overflows.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What an exit sends: at least its price is held back of the credits.
const SEND_TRANSACTION: Method = Method::new("sendTransaction");

/// Everything the budget knows.
#[derive(Debug)]
pub(crate) struct Core {
    limits: Limits,
    weights: BTreeMap<Caller, u32>,
    used_since: Option<Instant>,
    total: Option<Window>,
    credits: Option<Window>,
    bytes: Option<Window>,
    connects: Option<Window>,
    frozen: Freeze,
    connects_frozen: Freeze,
    methods: Methods,
    queue: Queue,
    connecting: VecDeque<Ticket>,
    flights: HashMap<Ticket, Flight>,
    /// Waiting requests whose deadline falls into a freeze, and when that ends.
    hopeless: VecDeque<(Ticket, Instant)>,
    ledger: Ledger,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This request may be sent now.
    Grant(Ticket),
    /// This connection may be opened now.
    Connect(Ticket),
    /// This request may not be sent.
    Refuse(Ticket, Refused),
    /// Nothing before this moment, unless something happens.
    WaitUntil(Instant),
    /// Nothing, unless something happens.
    Idle,
}

/// A granted request.
#[derive(Clone, Copy, Debug)]
struct Flight {
    caller: Caller,
    method: MethodId,
    granted_at: Instant,
    answered: bool,
    /// Present if units are held there.
    total: Option<Mark>,
    of_method: Option<Mark>,
    /// Credits spent, and held if credits are limited.
    credits: u64,
    /// Bytes set aside.
    bytes: u64,
}

impl Core {
    pub(crate) fn new(now: Instant, limits: Limits, weights: BTreeMap<Caller, u32>) -> Self {
        let limits = Limits {
            in_flight_max: limits.in_flight_max.min(LONGEST),
            starvation_bound: limits.starvation_bound.min(LONGEST),
            ..limits
        };
        let dearest = limits.costs.values().copied().chain([limits.default_cost]).max().unwrap_or(1);
        let exit = u64::from(limits.cost(&SEND_TRANSACTION));
        let used_since = limits.assume_window_used.then_some(now);
        let window = |rate: Rate, one, dearest| {
            let mut window = Window::new(u64::from(rate.count), rate.window, one, dearest, &limits);
            if limits.assume_window_used {
                window.assume_used(now);
            }
            window
        };
        let bytes = limits.bytes.map(|rate| {
            let mut window = Window::new(rate.bytes, rate.window, 1, 1, &limits);
            if limits.assume_window_used {
                window.assume_used(now);
            }
            window
        });
        Self {
            used_since,
            total: limits.requests.map(|rate| window(rate, 1, 1)),
            credits: limits.credits.map(|rate| window(rate, exit, u64::from(dearest))),
            bytes,
            connects: limits.connects.map(|rate| window(rate, 1, 1)),
            frozen: Freeze::default(),
            connects_frozen: Freeze::default(),
            methods: Methods::default(),
            queue: Queue::default(),
            connecting: VecDeque::new(),
            flights: HashMap::new(),
            hopeless: VecDeque::new(),
            ledger: Ledger::new(now),
            limits,
            weights,
        }
    }

    /// Credits spent this month before the start.
    pub(crate) fn spent_before(&mut self, credits: u64) {
        self.ledger.spent_before(credits);
    }

    /// Takes a request into the queue, or says at once why not.
    pub(crate) fn submit(&mut self, now: Instant, ticket: Ticket, ask: &Ask) -> Result<(), Refused> {
        let Self { methods, ledger, limits, used_since, .. } = self;
        let method = methods.intern(&ask.method, limits, *used_since, |id| ledger.forget(id));
        let admitted = self.admit(now, method, ask);
        match &admitted {
            Ok(()) => {
                let waiting = Waiting { ticket, asked_at: now, deadline: ask.deadline };
                self.queue.push(ask.class, ask.caller, method, waiting);
                if let Some(state) = self.methods.get_mut(method) {
                    state.waiting += 1;
                }
            }
            Err(refused) => self.ledger.count(ask.caller, method, refused.outcome()),
        }
        admitted
    }

    fn admit(&mut self, now: Instant, method: MethodId, ask: &Ask) -> Result<(), Refused> {
        let privileged = ask.class.may_use_reserve();
        let cost = self.methods.get(method).map_or(1, |state| state.cost);
        if let Some(window) = &self.credits
            && cost > window.allowed(privileged)
        {
            return Err(Refused::OverLimit {
                key: "rpc.limits.credits",
                cost,
                allowed: window.allowed(privileged),
            });
        }
        let waiting = self.queue.waiting(ask.class, ask.caller);
        if waiting >= self.limits.queue_length {
            return Err(Refused::QueueFull { waiting });
        }
        if let Some(deadline) = ask.deadline {
            if deadline <= now {
                return Err(Refused::Expired);
            }
            let earliest = self.earliest(now, method, ask, deadline);
            if earliest > deadline {
                return Err(Refused::DeadlineUnmeetable { earliest: earliest - now });
            }
        }
        Ok(())
    }

    /// The earliest moment at which a request can be granted, if nothing ahead of it is withdrawn.
    fn earliest(&mut self, now: Instant, method: MethodId, ask: &Ask, deadline: Instant) -> Instant {
        let privileged = ask.class.may_use_reserve();
        // Certainly ahead: the caller's own earlier calls of the method, and calls of it in higher classes, unless
        // the starvation bound may let this one pass them. The held-back share makes exits no obstacle to count.
        let mut ahead = self.queue.ahead(ask.class, Some(ask.caller), method);
        if deadline.saturating_duration_since(now) < self.limits.starvation_bound {
            let higher = Class::ALL.into_iter().filter(|class| *class < ask.class);
            ahead += higher
                .filter(|class| class.may_use_reserve() == privileged)
                .map(|class| self.queue.ahead(class, None, method))
                .sum::<usize>();
        }
        let need = u64::try_from(ahead).unwrap_or(u64::MAX).saturating_add(1);
        let mut earliest = now;
        let mut not_before = |window: Option<&mut Window>, need: u64| {
            if let Some(window) = window {
                let answered_now = now + window.length();
                earliest = earliest.max(window.earliest(now, need, privileged, answered_now));
            }
        };
        not_before(self.total.as_mut(), need);
        if let Some(state) = self.methods.get_mut(method) {
            let (cost, bytes, freeze) = (state.cost, state.expected_answer(), state.freeze.until());
            not_before(state.window.as_mut(), need);
            not_before(self.credits.as_mut(), need.saturating_mul(cost));
            if let Some(window) = &mut self.bytes {
                // Answers under way may turn out smaller than what is set aside for them.
                let bytes = bytes.min(window.allowed(privileged));
                earliest = earliest.max(window.earliest(now, bytes, privileged, now));
            }
            earliest = earliest.max(freeze.unwrap_or(now));
        }
        earliest.max(self.frozen.until().unwrap_or(now))
    }

    /// Takes a connection attempt into the queue.
    pub(crate) fn submit_connect(&mut self, ticket: Ticket) -> Result<(), Refused> {
        let waiting = self.connecting.len();
        if waiting >= CONNECTS_WAITING {
            return Err(Refused::QueueFull { waiting });
        }
        self.connecting.push_back(ticket);
        Ok(())
    }

    /// What to do now. To be asked again after every [`Step`] but the last two.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        if let Some((ticket, refused)) = self.next_refused(now) {
            return Step::Refuse(ticket, refused);
        }
        if let Some(ticket) = self.next_connect(now) {
            return Step::Connect(ticket);
        }
        if self.queue.len() > 0
            && !self.frozen.blocks(now)
            && let Some(ticket) = self.next_grant(now)
        {
            return Step::Grant(ticket);
        }
        self.wake(now).map_or(Step::Idle, Step::WaitUntil)
    }

    fn next_refused(&mut self, now: Instant) -> Option<(Ticket, Refused)> {
        while let Some((ticket, until)) = self.hopeless.pop_front() {
            let earliest = until.saturating_duration_since(now);
            if self.withdraw(ticket, Outcome::DeadlineUnmeetable) {
                return Some((ticket, Refused::DeadlineUnmeetable { earliest }));
            }
        }
        let (deadline, ticket) = self.queue.first_deadline()?;
        (deadline <= now && self.withdraw(ticket, Outcome::Expired)).then_some((ticket, Refused::Expired))
    }

    fn next_connect(&mut self, now: Instant) -> Option<Ticket> {
        self.connects_frozen.give_up_silent_probe(now);
        let ticket = *self.connecting.front()?;
        if self.connects_frozen.blocks(now) {
            return None;
        }
        if let Some(window) = &mut self.connects {
            if !window.fits(now, 1, true) {
                return None;
            }
            window.hold(1);
            window.release_at(1, 1, now + CONNECT_FLIGHT);
        }
        self.connects_frozen.granted(ticket, now);
        self.connecting.pop_front();
        Some(ticket)
    }

    fn next_grant(&mut self, now: Instant) -> Option<Ticket> {
        let (privileged, others) = Class::ALL.split_at(2);
        let overdue = self.overdue(now);
        for class in privileged.iter().chain(&overdue).chain(others).copied() {
            let methods = &mut self.methods;
            let reserve = class.may_use_reserve();
            if let Some(place) = self.queue.turn(class, |method| methods.blocks(method, now, reserve)) {
                // What finds no room in a limit that all share is not overtaken by lower or cheaper requests:
                // they would keep it out for ever.
                return if self.has_room(now, place) { self.grant(now, place) } else { None };
            }
        }
        None
    }

    /// Classes that have waited for the starvation bound without being served, longest first.
    fn overdue(&self, now: Instant) -> Vec<Class> {
        let mut overdue: Vec<_> = Class::ALL
            .into_iter()
            .filter(|class| !class.may_use_reserve())
            .filter_map(|class| Some((self.queue.unserved_since(class)?, class)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= self.limits.starvation_bound)
            .collect();
        overdue.sort();
        overdue.into_iter().map(|(_, class)| class).collect()
    }

    fn has_room(&mut self, now: Instant, place: Place) -> bool {
        let privileged = place.class.may_use_reserve();
        let (cost, bytes) = self.units(place.method, privileged);
        let fits = |window: &mut Option<Window>, units| {
            window.as_mut().is_none_or(|w| w.fits(now, units, privileged))
        };
        fits(&mut self.total, 1) && fits(&mut self.credits, cost) && fits(&mut self.bytes, bytes)
    }

    /// Credits and bytes of one call. No answer is expected to be larger than what the limit could ever carry.
    fn units(&self, method: MethodId, privileged: bool) -> (u64, u64) {
        let state = self.methods.get(method);
        let bytes = match (&self.bytes, state) {
            (Some(window), Some(state)) => state.expected_answer().min(window.allowed(privileged)),
            (None, _) | (_, None) => 0,
        };
        (state.map_or(1, |state| state.cost), bytes)
    }

    fn grant(&mut self, now: Instant, place: Place) -> Option<Ticket> {
        let (credits, bytes) = self.units(place.method, place.class.may_use_reserve());
        let weight = self.weights.get(&place.caller).copied().unwrap_or(1);
        let charged = if self.credits.is_some() { credits.max(1) } else { 1 };
        let waiting = self.queue.serve(place, now, charged, weight)?;
        let state = self.methods.get_mut(place.method)?;
        state.waiting = state.waiting.saturating_sub(1);
        state.in_flight += 1;
        state.freeze.granted(waiting.ticket, now);
        self.frozen.granted(waiting.ticket, now);
        if let Some(window) = &mut self.credits {
            window.hold(credits);
        }
        if let Some(window) = &mut self.bytes {
            window.hold(bytes);
        }
        let flight = Flight {
            caller: place.caller,
            method: place.method,
            granted_at: now,
            answered: false,
            total: self.total.as_mut().map(|window| window.hold(1)),
            of_method: state.window.as_mut().map(|window| window.hold(1)),
            credits,
            bytes,
        };
        self.flights.insert(waiting.ticket, flight);
        self.ledger.spend(credits);
        self.ledger.waited(place.class, now.saturating_duration_since(waiting.asked_at));
        Some(waiting.ticket)
    }

    fn withdraw(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let Some((place, _)) = self.queue.withdraw(ticket) else { return false };
        if let Some(state) = self.methods.get_mut(place.method) {
            state.waiting = state.waiting.saturating_sub(1);
        }
        self.ledger.count(place.caller, place.method, outcome);
        true
    }

    /// The next moment at which [`next`](Self::next) may have something to do.
    fn wake(&mut self, now: Instant) -> Option<Instant> {
        let mut moments: Vec<Instant> = Vec::new();
        if !self.connecting.is_empty() {
            moments.extend(self.connects.as_ref().and_then(Window::next_release));
            moments.extend(self.connects_frozen.until());
            moments.extend(self.connects_frozen.silent_until());
        }
        if self.queue.len() > 0 {
            moments.extend(self.queue.first_deadline().map(|(at, _)| at));
            moments.extend(self.frozen.until());
            for window in [&mut self.total, &mut self.credits, &mut self.bytes].into_iter().flatten() {
                window.release_due(now);
                moments.extend(window.next_release());
            }
            for state in self.methods.iter_mut().filter(|state| state.waiting > 0) {
                moments.extend(state.freeze.until());
                if let Some(window) = &mut state.window {
                    window.release_due(now);
                    moments.extend(window.next_release());
                }
            }
            let bound = self.limits.starvation_bound;
            moments.extend(
                Class::ALL.into_iter().filter_map(|class| Some(self.queue.unserved_since(class)? + bound)),
            );
        }
        moments.into_iter().filter(|at| *at > now).min()
    }
}
