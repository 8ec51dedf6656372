//! The provider's books: every limit with its window, and what is let through. Pure: time is passed in.

use std::{collections::BTreeMap, time::Duration};

use eda_limits::{Limits, Method, Rate};
use tokio::time::Instant;

use super::{
    labels::{Left, Share},
    meter::{Fullest, Meter},
    refusal::{Cause, Refusal},
    window::{Fit, Window},
};

/// A month of the plan. Providers bill by the calendar, but none gives the day; the first one begins with the books.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Methods with a window and counts of their own. Names come from clients, and there is no end of them: those after
/// this many, and those of more than [`LONGEST_NAME`] bytes, share one.
const MOST_METHODS: usize = 256;
const LONGEST_NAME: usize = 64;
const OTHER_METHODS: &str = "(other)";

/// Every limit of one provider and how much of it is used.
#[derive(Debug)]
pub(super) struct Books {
    limits: Limits,
    requests: Option<Window>,
    credits: Option<Window>,
    month: Option<Month>,
    bytes: Option<Window>,
    connects: Option<Window>,
    connections: Gauge,
    pubsub: Gauge,
    subscriptions: Gauge,
    methods: BTreeMap<String, Account>,
    /// Counts that are no limit's. What limits count is put in when somebody asks.
    meter: Meter,
}

/// One method.
#[derive(Debug)]
struct Account {
    window: Option<Window>,
    cost: u64,
    served: u64,
}

/// The allowance of a month.
#[derive(Debug)]
struct Month {
    began: Instant,
    allowance: u64,
    spent: u64,
    most: u64,
}

/// Things held at once.
#[derive(Debug)]
struct Gauge {
    cap: Option<u64>,
    held: u64,
    most: u64,
}

/// Of the limits something does not fit, the one that has room last; of several, the first that was weighed.
#[derive(Debug)]
struct Worst(Refusal);

// === impl Books ===

impl Books {
    pub(super) fn new(now: Instant, limits: Limits) -> Self {
        let of = |rate: Rate| Window::new(u64::from(rate.count), rate.window);
        Self {
            requests: limits.requests.map(of),
            credits: limits.credits.map(of),
            month: limits.monthly_credits.map(|allowance| Month { began: now, allowance, spent: 0, most: 0 }),
            bytes: limits.bytes.map(|rate| Window::new(rate.bytes, rate.window)),
            connects: limits.connects.map(of),
            connections: Gauge::new(limits.connection_cap),
            pubsub: Gauge::new(limits.pubsub_connections),
            subscriptions: Gauge::new(limits.subscriptions),
            methods: BTreeMap::new(),
            meter: Meter::default(),
            limits,
        }
    }

    /// A socket was accepted. Refused, it takes no room in any limit.
    pub(super) fn connect(&mut self, now: Instant) -> Result<(), Refusal> {
        self.meter.accepts = self.meter.accepts.saturating_add(1);
        self.meter.open = self.meter.open.saturating_add(1);
        self.meter.max_open = self.meter.max_open.max(self.meter.open);
        let mut worst = Worst::default();
        worst.weigh(Cause::Connects, fit(&mut self.connects, now, 1));
        worst.weigh(Cause::Connections, self.connections.fit());
        if let Some(refusal) = worst.refusal() {
            self.refused(refusal.cause, "", 1);
            return Err(refusal);
        }
        charge(&mut self.connects, now, 1);
        self.connections.enter();
        Ok(())
    }

    /// A socket was closed that had been let through, or not.
    pub(super) fn disconnect(&mut self, admitted: bool, upgraded: bool) {
        self.meter.open = self.meter.open.saturating_sub(1);
        if admitted {
            self.connections.leave();
        }
        if upgraded {
            self.pubsub.leave();
        }
    }

    /// A connection wants to become a WebSocket.
    pub(super) fn upgrade(&mut self) -> Result<(), Refusal> {
        if self.pubsub.fit() != Fit::Now {
            return Err(self.refuse(Cause::Pubsub, &[""]));
        }
        self.pubsub.enter();
        Ok(())
    }

    /// A request with one call of each of `names` has arrived. All its calls are let through, or none is; refused
    /// calls take no room in any window. The cause is the limit that has room last.
    pub(super) fn request(&mut self, now: Instant, names: &[&str]) -> Result<(), Refusal> {
        let calls = self.by_method(names);
        let count = calls.values().sum();
        let cost = |(name, number): (&&str, &u64)| {
            self.methods.get(*name).map_or(0, |account| account.cost.saturating_mul(*number))
        };
        let credits = calls.iter().map(cost).fold(0, u64::saturating_add);
        let mut worst = Worst::default();
        worst.weigh(Cause::Requests, fit(&mut self.requests, now, count));
        worst.weigh(Cause::Credits, fit(&mut self.credits, now, credits));
        if let Some(month) = &mut self.month {
            worst.weigh(Cause::MonthlyCredits, month.fit(now, credits));
        }
        // How large a response will be is not known: it may leave while there is room for one byte.
        worst.weigh(Cause::Bytes, fit(&mut self.bytes, now, 1));
        for (name, number) in &calls {
            if let Some(account) = self.methods.get_mut(*name) {
                worst.weigh(Cause::Method, fit(&mut account.window, now, *number));
            }
        }
        if let Some(refusal) = worst.refusal() {
            for (name, number) in calls {
                self.refused(refusal.cause, name, number);
            }
            return Err(refusal);
        }
        charge(&mut self.requests, now, count);
        charge(&mut self.credits, now, credits);
        if let Some(month) = &mut self.month {
            month.charge(now, credits);
        }
        self.meter.credits = self.meter.credits.saturating_add(credits);
        for (name, number) in calls {
            let Some(account) = self.methods.get_mut(name) else { continue };
            charge(&mut account.window, now, number);
            account.served = account.served.saturating_add(number);
        }
        Ok(())
    }

    /// Bytes of a response have left.
    pub(super) fn sent(&mut self, now: Instant, bytes: u64) {
        self.meter.bytes = self.meter.bytes.saturating_add(bytes);
        charge(&mut self.bytes, now, bytes);
    }

    /// Subscriptions one WebSocket may hold.
    pub(super) fn subscription_cap(&self) -> Option<u64> {
        self.subscriptions.cap
    }

    /// A WebSocket holds this many subscriptions.
    pub(super) fn subscribed(&mut self, held: u64) {
        self.subscriptions.most = self.subscriptions.most.max(held);
    }

    /// Calls of these methods are refused for a reason that is not looked for here: what is held elsewhere, or who
    /// asks.
    pub(super) fn refuse(&mut self, cause: Cause, names: &[&str]) -> Refusal {
        for (name, number) in self.by_method(names) {
            self.refused(cause, name, number);
        }
        Refusal { cause, fit: Fit::Unknown }
    }

    /// What is left of each limit, for the headers of a response; `method` is what the request called, if that is one
    /// method.
    pub(super) fn left(&mut self, now: Instant, method: Option<&str>) -> Left {
        let window = |window: &mut Option<Window>| window.as_mut().map(|window| window.left(now));
        let method = method.map(|method| self.counted_as(method));
        let account = method.and_then(|method| self.methods.get_mut(method));
        Left {
            method: account.and_then(|account| window(&mut account.window)),
            requests: window(&mut self.requests),
            connects: window(&mut self.connects),
            connections: self.connections.left(),
            pubsub: self.pubsub.left(),
        }
    }

    pub(super) fn meter(&self) -> Meter {
        let window = |window: &Option<Window>| window.as_ref().map(Window::fullest);
        let month = self.month.as_ref().map(|month| Fullest { count: month.most, limit: month.allowance });
        let fullest = [
            (Cause::Requests, window(&self.requests)),
            (Cause::Credits, window(&self.credits)),
            (Cause::MonthlyCredits, month),
            (Cause::Bytes, window(&self.bytes)),
            (Cause::Connects, window(&self.connects)),
            (Cause::Connections, self.connections.fullest()),
            (Cause::Pubsub, self.pubsub.fullest()),
            (Cause::Subscriptions, self.subscriptions.fullest()),
        ];
        let served = || self.methods.iter().filter(|(_, account)| account.served > 0);
        let of_method =
            |(name, account): (&String, &Account)| Some((name.clone(), account.window.as_ref()?.fullest()));
        Meter {
            requests: served().map(|(name, account)| (name.clone(), account.served)).collect(),
            fullest: fullest.into_iter().filter_map(|(cause, most)| Some((cause, most?))).collect(),
            fullest_methods: served().filter_map(of_method).collect(),
            ..self.meter.clone()
        }
    }

    /// The calls of each method, under the names they are counted by. Each of those has an account afterwards.
    fn by_method<'a>(&mut self, names: &[&'a str]) -> BTreeMap<&'a str, u64> {
        let mut calls = BTreeMap::new();
        for name in names {
            let name = self.counted_as(name);
            let number: &mut u64 = calls.entry(name).or_default();
            *number = number.saturating_add(1);
        }
        calls
    }

    fn counted_as<'a>(&mut self, name: &'a str) -> &'a str {
        let known = self.methods.contains_key(name);
        let name = if known || (self.methods.len() < MOST_METHODS && name.len() <= LONGEST_NAME) {
            name
        } else {
            OTHER_METHODS
        };
        if !self.methods.contains_key(name) {
            let method = Method::named(name);
            let window =
                self.limits.method(&method).map(|rate| Window::new(u64::from(rate.count), rate.window));
            let cost = u64::from(self.limits.cost(&method));
            self.methods.insert(name.to_owned(), Account { window, cost, served: 0 });
        }
        name
    }

    fn refused(&mut self, cause: Cause, method: &str, number: u64) {
        let count = self.meter.refusals.entry(cause).or_default().entry(method.to_owned()).or_default();
        *count = count.saturating_add(number);
    }
}

// === impl Month ===

impl Month {
    fn turn(&mut self, now: Instant) {
        while self.began + MONTH <= now {
            self.began += MONTH;
            self.spent = 0;
        }
    }

    fn fit(&mut self, now: Instant, credits: u64) -> Fit {
        self.turn(now);
        if self.spent.saturating_add(credits) <= self.allowance {
            Fit::Now
        } else if credits > self.allowance {
            Fit::Unknown
        } else {
            Fit::At(self.began + MONTH)
        }
    }

    fn charge(&mut self, now: Instant, credits: u64) {
        self.turn(now);
        self.spent = self.spent.saturating_add(credits);
        self.most = self.most.max(self.spent);
    }
}

// === impl Gauge ===

impl Gauge {
    fn new(cap: Option<u32>) -> Self {
        Self { cap: cap.map(u64::from), held: 0, most: 0 }
    }

    fn fit(&self) -> Fit {
        if self.cap.is_none_or(|cap| self.held < cap) { Fit::Now } else { Fit::Unknown }
    }

    fn enter(&mut self) {
        self.held = self.held.saturating_add(1);
        self.most = self.most.max(self.held);
    }

    fn leave(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    fn left(&self) -> Option<Share> {
        let limit = self.cap?;
        Some(Share { limit, remaining: limit.saturating_sub(self.held) })
    }

    fn fullest(&self) -> Option<Fullest> {
        Some(Fullest { count: self.most, limit: self.cap? })
    }
}

// === impl Worst ===

impl Default for Worst {
    fn default() -> Self {
        Self(Refusal { cause: Cause::Requests, fit: Fit::Now })
    }
}

impl Worst {
    fn weigh(&mut self, cause: Cause, fit: Fit) {
        if fit > self.0.fit {
            self.0 = Refusal { cause, fit };
        }
    }

    fn refusal(self) -> Option<Refusal> {
        (self.0.fit != Fit::Now).then_some(self.0)
    }
}

fn fit(window: &mut Option<Window>, now: Instant, units: u64) -> Fit {
    window.as_mut().map_or(Fit::Now, |window| window.fit(now, units))
}

fn charge(window: &mut Option<Window>, now: Instant, units: u64) {
    if let Some(window) = window {
        window.charge(now, units);
    }
}
