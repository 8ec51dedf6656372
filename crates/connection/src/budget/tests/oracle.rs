//! The budget against a provider that counts every arrival in every window, by brute force.

use std::collections::{BinaryHeap, HashMap};

use super::*;

/// Schedules tried per run; a failure prints its seed.
const SCHEDULES: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ask(usize),
    Answered(Ticket),
    Finished(Ticket),
    Lost(Ticket),
    Unused(Ticket),
    Wake,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    method: usize,
    cost: u64,
}

/// Answers of a method are of one size, no larger than what is set aside before the first one was seen.
fn answer_size(method: usize) -> u64 {
    4_000 * (method as u64 + 1)
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    method: usize,
    class: Class,
    caller: Caller,
    deadline: Option<Duration>,
    cancelled_after: Option<Duration>,
}

/// What the oracle knows about a granted request: until when it must be counted, by the hold rule.
#[derive(Clone, Copy, Debug)]
struct Held {
    method: usize,
    cost: u64,
    /// When the provider's answer proved the arrival; absent while unknown.
    arrived_by: Option<Instant>,
}

struct Schedule {
    seed: u64,
    rng: fastrand::Rng,
    limits: Limits,
    methods: Vec<Method>,
    bench: Bench,
    events: BinaryHeap<std::cmp::Reverse<(Instant, u64, Event)>>,
    order: u64,
    planned: Vec<Planned>,
    waiting: HashMap<Ticket, usize>,
    held: HashMap<Ticket, Held>,
    arrivals: Vec<Arrival>,
    /// When the bytes of an answer were counted, and of which method.
    bytes: Vec<(Instant, usize)>,
    granted: usize,
    refused: usize,
}

fn random_rate(rng: &mut fastrand::Rng, most: u32) -> Rate {
    let window = Duration::from_millis(rng.u64(50..3_000));
    Rate { count: rng.u32(1..=most), window }
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let methods: Vec<Method> =
            (0..rng.usize(1..=4)).map(|n| Method::named(format!("method{n}"))).collect();
        let mut limits = Limits {
            margin_percent: rng.choice([0, 5, 30]).unwrap(),
            reserve_percent: rng.choice([0, 10, 50]).unwrap(),
            in_flight_max: millis(rng.u64(1..400)),
            starvation_bound: Duration::from_secs(3_600),
            assume_window_used: rng.u8(0..10) == 0,
            ..Limits::default()
        };
        limits.requests = rng.bool().then(|| random_rate(&mut rng, 20));
        limits.per_method = rng.bool().then(|| random_rate(&mut rng, 10));
        for method in &methods {
            if rng.u8(0..3) == 0 {
                limits.methods.insert(method.clone(), random_rate(&mut rng, 5));
            }
            limits.costs.insert(method.clone(), rng.u32(1..=10));
        }
        limits.credits = rng.bool().then(|| random_rate(&mut rng, 90));
        if let Some(credits) = &mut limits.credits {
            credits.count += 20;
        }
        limits.bytes = (rng.u8(0..4) == 0)
            .then(|| format!("{}KB/{}ms", rng.u32(40..200), rng.u32(50..2_000)).parse().unwrap());
        let bench = Bench::new(limits.clone());
        let mut schedule = Self {
            seed,
            rng,
            limits,
            methods,
            bench,
            events: BinaryHeap::new(),
            order: 0,
            planned: Vec::new(),
            waiting: HashMap::new(),
            held: HashMap::new(),
            arrivals: Vec::new(),
            bytes: Vec::new(),
            granted: 0,
            refused: 0,
        };
        schedule.plan();
        schedule
    }

    fn plan(&mut self) {
        let mut at = self.bench.start;
        for index in 0..self.rng.usize(5..60) {
            if self.rng.u8(0..4) == 0 {
                at += millis(self.rng.u64(0..800));
            }
            let rng = &mut self.rng;
            self.planned.push(Planned {
                method: rng.usize(0..self.methods.len()),
                class: rng.choice(Class::ALL).unwrap(),
                caller: rng.choice(CALLERS).unwrap(),
                deadline: (rng.u8(0..4) == 0).then(|| millis(rng.u64(0..2_000))),
                cancelled_after: (rng.u8(0..8) == 0).then(|| millis(rng.u64(0..1_000))),
            });
            self.schedule(at, Event::Ask(index));
        }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.order += 1;
        self.events.push(std::cmp::Reverse((at, self.order, event)));
    }

    fn run(&mut self) {
        let mut next_wake = None;
        while let Some(std::cmp::Reverse((at, _, event))) = self.events.pop() {
            self.bench.now = at;
            self.happen(event);
            while self.events.peek().is_some_and(|next| next.0.0 == at) {
                if let Some(std::cmp::Reverse((_, _, event))) = self.events.pop() {
                    self.happen(event);
                }
            }
            let wake = self.proceed();
            if let Some(wake) = wake {
                assert!(wake > at, "seed {}: a wake-up in the past", self.seed);
                if next_wake != Some(wake) {
                    self.schedule(wake, Event::Wake);
                    next_wake = Some(wake);
                }
            }
        }
        assert!(self.waiting.is_empty(), "seed {}: {} requests wait for ever", self.seed, self.waiting.len());
    }

    fn happen(&mut self, event: Event) {
        let now = self.bench.now;
        match event {
            Event::Ask(index) => {
                let planned = self.planned[index];
                let ask = Ask {
                    caller: planned.caller,
                    method: self.methods[planned.method].clone(),
                    class: planned.class,
                    deadline: planned.deadline.map(|after| now + after),
                };
                match self.bench.submit(&ask) {
                    Ok(ticket) => {
                        self.waiting.insert(ticket, index);
                        if let Some(after) = planned.cancelled_after {
                            self.schedule(now + after, Event::Unused(ticket));
                        }
                    }
                    Err(_) => self.refused += 1,
                }
            }
            Event::Answered(ticket) => {
                self.bench.answer(ticket, Answer { status: 200, ..Answer::default() });
                if let Some(held) = self.held.get_mut(&ticket) {
                    held.arrived_by = Some(now);
                }
            }
            Event::Finished(ticket) => {
                let bytes = self.held.get(&ticket).map_or(0, |held| answer_size(held.method));
                self.bench.core.note(now, Note::Finished { ticket, at: now, bytes });
            }
            Event::Lost(ticket) => self.bench.core.note(now, Note::Lost { ticket, at: now }),
            // A waiting request is cancelled; one already on its way is not.
            Event::Unused(ticket) => {
                if self.waiting.remove(&ticket).is_some() {
                    self.bench.core.note(now, Note::Unused { ticket });
                }
            }
            Event::Wake => {}
        }
    }

    fn proceed(&mut self) -> Option<Instant> {
        let now = self.bench.now;
        loop {
            match self.bench.step() {
                Step::Grant(ticket) => self.send(ticket),
                Step::Refuse(ticket, _) => {
                    self.refused += 1;
                    assert!(self.waiting.remove(&ticket).is_some(), "seed {}: refused twice", self.seed);
                }
                Step::Connect(_) => panic!("nobody asked to connect"),
                Step::WaitUntil(at) => {
                    self.nothing_could_go(now);
                    return Some(at);
                }
                Step::Idle => {
                    self.nothing_could_go(now);
                    return None;
                }
            }
        }
    }

    /// Sends a granted request: it arrives at any moment between its grant and its answer.
    fn send(&mut self, ticket: Ticket) {
        let now = self.bench.now;
        let index =
            self.waiting.remove(&ticket).unwrap_or_else(|| panic!("seed {}: granted twice", self.seed));
        let method = self.planned[index].method;
        let cost = u64::from(self.limits.cost(&self.methods[method]));
        self.granted += 1;
        if self.rng.u8(0..20) == 0 {
            // Given back unsent: it never arrives, and its place is free at once.
            self.bench.core.note(now, Note::Unused { ticket });
            return;
        }
        let lost = self.rng.u8(0..10) == 0;
        let longest = self.limits.in_flight_max.as_nanos().try_into().unwrap();
        let latency = Duration::from_nanos(self.rng.u64(0..=longest));
        let fraction = match self.rng.u8(0..4) {
            0 => 0,
            1 => longest,
            _ => self.rng.u64(0..=longest),
        };
        let flight = if lost { self.limits.in_flight_max } else { latency };
        let arrives = now + Duration::from_nanos(fraction).min(flight);
        self.arrivals.push(Arrival { at: arrives, method, cost });
        let arrived_by = lost.then(|| now + self.limits.in_flight_max.max(latency));
        self.held.insert(ticket, Held { method, cost, arrived_by });
        self.schedule(now + latency, if lost { Event::Lost(ticket) } else { Event::Answered(ticket) });
        if !lost {
            let body = millis(self.rng.u64(0..200));
            self.bytes.push((
                arrives.max(now + latency) + self.rng.choice([Duration::ZERO, body]).unwrap(),
                method,
            ));
            self.schedule(now + latency + body, Event::Finished(ticket));
        }
    }

    /// The oracle's own bookkeeping: units of one limit that the hold rule counts at `now`.
    fn counted(&self, now: Instant, rate: Rate, units: impl Fn(&Held) -> u64) -> u64 {
        let held = self.held.values();
        let used = held
            .filter(|held| held.arrived_by.is_none_or(|by| by + rate.window > now))
            .map(units)
            .sum::<u64>();
        if self.limits.assume_window_used && now < self.bench.start + rate.window {
            return u64::MAX;
        }
        used
    }

    fn room(
        &self,
        now: Instant,
        rate: Option<Rate>,
        privileged: bool,
        dearest: u64,
        units: impl Fn(&Held) -> u64,
    ) -> u64 {
        let Some(rate) = rate else { return u64::MAX };
        let kept = self.limits.kept(u64::from(rate.count));
        let reserve = if privileged { 0 } else { self.limits.reserve(kept, 1, dearest) };
        (kept - reserve).saturating_sub(self.counted(now, rate, units))
    }

    /// The budget rests: no waiting request could have been sent by the rules. Bytes are left out, since what is
    /// set aside for them is a guess by design.
    fn nothing_could_go(&mut self, now: Instant) {
        if self.limits.bytes.is_some() || !self.seed.is_multiple_of(4) {
            return;
        }
        let longest = millis(3_000);
        self.held.retain(|_, held| held.arrived_by.is_none_or(|by| by + longest > now));
        let dearest = self.limits.costs.values().copied().max().map_or(1, u64::from);
        for class in Class::ALL {
            let privileged = class.may_use_reserve();
            let total = self.room(now, self.limits.requests, privileged, 1, |_| 1);
            let credits = self.room(now, self.limits.credits, privileged, dearest, |held| held.cost);
            let mut candidates = 0;
            let mut blocked = 0;
            for index in self.waiting.values() {
                let planned = self.planned[*index];
                if planned.class != class {
                    continue;
                }
                let name = &self.methods[planned.method];
                let of_method = |held: &Held| u64::from(held.method == planned.method);
                if self.room(now, self.limits.method(name), privileged, 1, of_method) == 0 {
                    continue;
                }
                candidates += 1;
                blocked += usize::from(total == 0 || credits < u64::from(self.limits.cost(name)));
            }
            if candidates > 0 {
                assert!(blocked > 0, "seed {}: {candidates} {class} requests could go, none does", self.seed);
                // Not overtaken by lower classes.
                return;
            }
        }
    }

    /// Counts every window that ends at an arrival.
    fn check(&mut self) {
        self.arrivals.sort_by_key(|arrival| arrival.at);
        let (limits, seed) = (&self.limits, self.seed);
        let check = |what: &str, rate: Option<Rate>, units: &dyn Fn(&Arrival) -> u64| {
            let Some(rate) = rate else { return };
            let kept = limits.kept(u64::from(rate.count));
            for (last, arrival) in self.arrivals.iter().enumerate() {
                let window = self.arrivals[..=last].iter().rev();
                let used: u64 =
                    window.take_while(|other| other.at + rate.window > arrival.at).map(units).sum();
                assert!(used <= kept, "seed {seed}: {used} of {kept} {what} in one window");
            }
        };
        check("requests", limits.requests, &|_| 1);
        check("credits", limits.credits, &|arrival| arrival.cost);
        for (index, method) in self.methods.iter().enumerate() {
            check("calls of a method", limits.method(method), &|arrival| u64::from(arrival.method == index));
        }
        if let Some(rate) = self.limits.bytes {
            self.bytes.sort();
            let kept = self.limits.kept(rate.bytes);
            for (last, (at, _)) in self.bytes.iter().enumerate() {
                let window =
                    self.bytes[..=last].iter().rev().take_while(|(other, _)| *other + rate.window > *at);
                let used: u64 = window.map(|(_, method)| answer_size(*method)).sum();
                assert!(used <= kept, "seed {}: {used} of {kept} bytes in one window", self.seed);
            }
        }
    }
}

#[test]
fn no_window_is_ever_exceeded_and_nothing_waits_without_need() {
    let (mut granted, mut refused) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut schedule = Schedule::new(seed);
        schedule.run();
        schedule.check();
        granted += schedule.granted;
        refused += schedule.refused;
    }
    // The schedules are of use only if they press against the limits.
    assert!(granted > 100_000 && refused > 10_000, "{granted} granted, {refused} refused");
}

/// The most that can be sent within `horizon` under the hold rule, when every answer takes `latency`.
fn best(usable: u64, window: Duration, latency: Duration, horizon: Duration) -> u64 {
    let (mut sent, mut at) = (0, Duration::ZERO);
    while at <= horizon {
        sent += usable;
        at += latency + window;
    }
    sent
}

#[test]
fn saturated_use_is_what_the_hold_rule_allows() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let methods: Vec<Method> =
            (0..rng.usize(1..=4)).map(|n| Method::named(format!("method{n}"))).collect();
        let requests = random_rate(&mut rng, 60);
        // One window for both limits: with two, no closed formula says what the best is. That nothing rests
        // without need is checked for any windows by the schedules above.
        let per_method = rng.bool().then(|| Rate { count: rng.u32(1..30), ..requests });
        let limits = Limits { requests: Some(requests), per_method, ..Limits::default() };
        let latency = millis(rng.u64(1..200));
        let horizon = Duration::from_secs(20);
        let usable = |rate: Rate| {
            let kept = limits.kept(u64::from(rate.count));
            best(kept - limits.reserve(kept, 1, 1), rate.window, latency, horizon)
        };
        let of_methods = limits.per_method.map_or(u64::MAX, |rate| usable(rate) * methods.len() as u64);
        let most = usable(limits.requests.unwrap()).min(of_methods);

        let mut bench = Bench::new(limits);
        let mut under_way = BinaryHeap::new();
        let mut sent = 0;
        for method in methods.iter().cycle().take(200) {
            bench.submit(&ask(Class::Detect, rng.choice(CALLERS).unwrap(), method)).unwrap();
        }
        while bench.now - bench.start <= horizon {
            let wake = match bench.step() {
                Step::Grant(ticket) => {
                    sent += 1;
                    under_way.push(std::cmp::Reverse((bench.now + latency, ticket)));
                    let method = rng.choice(&methods).unwrap().clone();
                    // Every method stays backlogged.
                    for method in methods.iter().chain([&method]) {
                        drop(bench.submit(&ask(Class::Detect, rng.choice(CALLERS).unwrap(), method)));
                    }
                    continue;
                }
                Step::WaitUntil(at) => Some(at),
                Step::Idle => None,
                step @ (Step::Refuse(..) | Step::Connect(_)) => panic!("seed {seed}: unexpected {step:?}"),
            };
            let answered = under_way.peek().map(|next| next.0.0);
            bench.now = [wake, answered].into_iter().flatten().min().unwrap();
            while under_way.peek().is_some_and(|next| next.0.0 <= bench.now) {
                let ticket = under_way.pop().unwrap().0.1;
                bench.succeed(ticket);
            }
        }
        assert!(sent * 100 >= most * 99, "seed {seed}: {sent} sent of {most} possible");
    }
}
