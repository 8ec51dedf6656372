//! One limit over a rolling window, counted exactly as the provider advertises it.
//!
//! A unit that arrives at `a` counts until `a + length` and no longer: at that very moment its place is free. Each
//! unit enters and leaves once, so what is let in costs O(1) amortised; only a refusal searches, in O(log n), for the
//! moment at which it would fit. At most one entry is kept for each unit the limit allows.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{labels::Share, meter::Fullest};

/// A rolling window of a fixed length and what arrived in it.
#[derive(Debug)]
pub(super) struct Window {
    limit: u64,
    length: Duration,
    /// When units arrived, and how many had arrived in all by then.
    arrivals: VecDeque<(Instant, u64)>,
    arrived: u64,
    /// How many of those are no longer in the window.
    departed: u64,
    fullest: u64,
}

/// When something fits: the later, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// At once.
    Now,
    /// Not before this moment, and then if nothing else takes the room.
    At(Instant),
    /// At no moment that is known: it is larger than the limit, or waits for somebody to leave.
    Unknown,
}

// === impl Window ===

impl Window {
    pub(super) fn new(limit: u64, length: Duration) -> Self {
        Self { limit, length, arrivals: VecDeque::new(), arrived: 0, departed: 0, fullest: 0 }
    }

    /// When `units` more fit, if nothing else arrives.
    pub(super) fn fit(&mut self, now: Instant, units: u64) -> Fit {
        let used = self.used(now);
        if used.saturating_add(units) <= self.limit {
            return Fit::Now;
        }
        if units > self.limit {
            return Fit::Unknown;
        }
        // Room is made by the first arrival after which no more than `limit` units would remain.
        let must_leave = self.arrived.saturating_add(units).saturating_sub(self.limit);
        let leaver = self.arrivals.partition_point(|(_, arrived)| *arrived < must_leave);
        self.arrivals.get(leaver).map_or(Fit::Unknown, |(at, _)| Fit::At(*at + self.length))
    }

    /// Counts `units` that arrive now, whether they fit or not.
    pub(super) fn charge(&mut self, now: Instant, units: u64) {
        if units == 0 {
            return;
        }
        let used = self.used(now).saturating_add(units);
        self.fullest = self.fullest.max(used);
        self.arrived = self.arrived.saturating_add(units);
        match self.arrivals.back_mut() {
            Some((at, arrived)) if *at >= now => *arrived = self.arrived,
            _ => self.arrivals.push_back((now, self.arrived)),
        }
    }

    /// Units in the window that ends now.
    pub(super) fn used(&mut self, now: Instant) -> u64 {
        while let Some((at, arrived)) = self.arrivals.front()
            && *at + self.length <= now
        {
            self.departed = *arrived;
            self.arrivals.pop_front();
        }
        self.arrived.saturating_sub(self.departed)
    }

    /// The limit and what is left of it.
    pub(super) fn left(&mut self, now: Instant) -> Share {
        Share { limit: self.limit, remaining: self.limit.saturating_sub(self.used(now)) }
    }

    pub(super) fn fullest(&self) -> Fullest {
        Fullest { count: self.fullest, limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every arrival ever, counted anew for each question.
    struct Oracle {
        limit: u64,
        length: Duration,
        arrivals: Vec<(Instant, u64)>,
    }

    impl Oracle {
        fn used(&self, now: Instant) -> u64 {
            let inside = |(at, _): &&(Instant, u64)| *at + self.length > now;
            self.arrivals.iter().filter(inside).map(|(_, units)| units).sum()
        }

        fn fit(&self, now: Instant, units: u64) -> Fit {
            if units > self.limit {
                return if self.used(now) + units <= self.limit { Fit::Now } else { Fit::Unknown };
            }
            let departures = self.arrivals.iter().map(|(at, _)| *at + self.length).filter(|at| *at > now);
            let fits = |moment: &Instant| self.used(*moment) + units <= self.limit;
            let first = std::iter::once(now).chain(departures).filter(fits).min().unwrap();
            if first == now { Fit::Now } else { Fit::At(first) }
        }
    }

    /// Random arrivals, many of them at the same moment, at the very moment another leaves, or just before it.
    fn compare(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let limit = random.u64(1..40);
        let length = Duration::from_millis(random.u64(1..50));
        let mut window = Window::new(limit, length);
        let mut oracle = Oracle { limit, length, arrivals: Vec::new() };
        let (mut now, mut fullest) = (Instant::now(), 0);
        for step in 0..200 {
            let units = random.u64(0..=limit + 1).min(random.u64(1..=limit + 1));
            assert_eq!(window.used(now), oracle.used(now), "seed {seed}, step {step}");
            let remaining = limit.saturating_sub(oracle.used(now));
            assert_eq!(window.left(now), Share { limit, remaining }, "seed {seed}, step {step}");
            let fit = window.fit(now, units);
            assert_eq!(fit, oracle.fit(now, units), "seed {seed}, step {step}, {units} units");
            // Some windows are charged after the fact and pass their limit.
            if fit == Fit::Now || random.u8(..) < 8 {
                window.charge(now, units);
                oracle.arrivals.push((now, units));
                fullest = fullest.max(oracle.used(now));
            }
            assert!(window.arrivals.len() <= usize::try_from(window.used(now)).unwrap(), "seed {seed}");
            now = match (fit, random.u8(0..8)) {
                (Fit::At(at), 0..3) => at,
                (Fit::At(at), 3) => at - Duration::from_nanos(1),
                (_, 4..6) => now,
                _ => now + length.mul_f64(random.f64() * 0.6),
            };
        }
        assert_eq!(window.fullest(), Fullest { count: fullest, limit }, "seed {seed}");
    }

    #[test]
    fn a_window_counts_as_somebody_who_remembers_everything() {
        let base = fastrand::u64(..);
        for seed in (0..100).map(|offset| base.wrapping_add(offset)) {
            compare(seed);
        }
    }

    #[test]
    fn a_place_is_free_at_the_very_moment_its_unit_is_a_windows_length_old() {
        let start = Instant::now();
        let length = Duration::from_secs(10);
        let mut window = Window::new(2, length);
        window.charge(start, 1);
        window.charge(start + Duration::from_secs(9), 1);
        let reopens = start + length;
        let just_before = reopens - Duration::from_nanos(1);
        assert_eq!(window.fit(just_before, 1), Fit::At(reopens));
        assert_eq!(window.fit(just_before, 2), Fit::At(reopens + Duration::from_secs(9)));
        assert_eq!(window.fit(just_before, 3), Fit::Unknown);
        assert_eq!(window.fit(reopens, 1), Fit::Now);
        assert_eq!(window.fit(reopens, 2), Fit::At(reopens + Duration::from_secs(9)));
    }
}
