use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The rules of supervision, the same for all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// An incarnation that is busy for longer than this without a sign of progress is hung.
    pub hang_after: Duration,
    /// How long a hung or restarted incarnation may take to end by itself before it is aborted.
    pub grace: Duration,
    /// How often each worker's status is published besides on every change. Zero is taken as one millisecond.
    pub status_every: Duration,
    /// How many restarts within [`Policy::budget_window`] are tried; one failure more and the worker is given up.
    pub restart_budget: usize,
    /// The window of the restart budget.
    pub budget_window: Duration,
    /// The delays between restarts.
    pub backoff: Backoff,
}

/// Delays that double from failure to failure up to a cap. Each is drawn evenly from the upper half of its range,
/// so that workers that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    reset_after: Duration,
}

/// The delays do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBackoff {
    /// A first delay of zero never grows.
    #[error("the first delay must be longer than zero")]
    ZeroFirst,
    /// The cap must not be shorter than the first delay.
    #[error("the longest delay {cap:?} is shorter than the first {first:?}")]
    CapBelowFirst {
        /// The first delay.
        first: Duration,
        /// The longest delay.
        cap: Duration,
    },
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    RestartAfter(Duration),
    GiveUp,
}

/// The failures of one worker so far, as far as they decide about the next restart.
#[derive(Debug)]
pub(crate) struct Restarts {
    budget: usize,
    window: Duration,
    backoff: Backoff,
    random: fastrand::Rng,
    /// The failures within the window, oldest first; at most `budget` of them.
    recent: VecDeque<Instant>,
    /// Failures since the last healthy run.
    in_a_row: u32,
}

// === impl Policy ===

impl Default for Policy {
    fn default() -> Self {
        Self {
            hang_after: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            status_every: Duration::from_secs(30),
            restart_budget: 5,
            budget_window: Duration::from_secs(60),
            backoff: Backoff {
                first: Duration::from_millis(250),
                cap: Duration::from_secs(30),
                reset_after: Duration::from_secs(60),
            },
        }
    }
}

// === impl Backoff ===

impl Backoff {
    /// Delays from `first` to `cap`, starting again at `first` after a run of at least `reset_after`.
    pub fn try_new(first: Duration, cap: Duration, reset_after: Duration) -> Result<Self, BadBackoff> {
        if first.is_zero() {
            return Err(BadBackoff::ZeroFirst);
        }
        if cap < first {
            return Err(BadBackoff::CapBelowFirst { first, cap });
        }
        Ok(Self { first, cap, reset_after })
    }

    /// The delay after `failures` earlier failures in a row; `fraction` in 0..1 places it in the upper half.
    fn delay(&self, failures: u32, fraction: f64) -> Duration {
        let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        let longest = self.first.saturating_mul(factor).min(self.cap);
        let half = longest / 2;
        half.saturating_add(half.mul_f64(fraction))
    }
}

// === impl Restarts ===

impl Restarts {
    pub(crate) fn new(policy: &Policy, random: fastrand::Rng) -> Self {
        Self {
            budget: policy.restart_budget,
            window: policy.budget_window,
            backoff: policy.backoff,
            random,
            recent: VecDeque::new(),
            in_a_row: 0,
        }
    }

    /// Counts a failure at `now` of an incarnation that ran for `ran`, and decides what follows.
    pub(crate) fn failed(&mut self, now: Instant, ran: Duration) -> Decision {
        if ran >= self.backoff.reset_after {
            self.in_a_row = 0;
        }
        self.recent.retain(|failure| now.duration_since(*failure) < self.window);
        if self.recent.len() >= self.budget {
            return Decision::GiveUp;
        }
        self.recent.push_back(now);
        let delay = self.backoff.delay(self.in_a_row, self.random.f64());
        self.in_a_row = self.in_a_row.saturating_add(1);
        Decision::RestartAfter(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn restarts(budget: usize, seed: u64) -> Restarts {
        let backoff = Backoff::try_new(SECOND, SECOND * 20, SECOND * 30).unwrap();
        let policy =
            Policy { restart_budget: budget, budget_window: SECOND * 60, backoff, ..Policy::default() };
        Restarts::new(&policy, fastrand::Rng::with_seed(seed))
    }

    fn delay(decision: Decision) -> Duration {
        match decision {
            Decision::RestartAfter(delay) => delay,
            Decision::GiveUp => panic!("gave up"),
        }
    }

    #[test]
    fn delays_double_are_jittered_and_capped() {
        let now = Instant::now();
        let mut seen = std::collections::HashSet::new();
        for seed in 0..200 {
            let mut restarts = restarts(usize::MAX, seed);
            for longest in [1, 2, 4, 8, 16, 20, 20, 20] {
                let longest = SECOND * longest;
                let delay = delay(restarts.failed(now, Duration::ZERO));
                assert!(longest / 2 <= delay && delay <= longest, "seed {seed}: {delay:?} of {longest:?}");
                seen.insert(delay);
            }
        }
        assert!(seen.len() > 1_500, "{} different delays in 1,600", seen.len());
    }

    #[test]
    fn a_healthy_run_starts_the_delays_again_and_a_short_one_does_not() {
        let now = Instant::now();
        let mut restarts = restarts(usize::MAX, 7);
        for _ in 0..5 {
            restarts.failed(now, Duration::ZERO);
        }
        assert!(delay(restarts.failed(now, SECOND * 29)) >= SECOND * 10);
        assert!(delay(restarts.failed(now, SECOND * 30)) <= SECOND);
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut restarts = restarts(usize::MAX, 7);
        let now = Instant::now();
        for _ in 0..1_000 {
            assert!(delay(restarts.failed(now, Duration::ZERO)) <= SECOND * 20);
        }
    }

    #[test]
    fn the_budget_counts_failures_within_its_window_only() {
        let start = Instant::now();
        let mut spent = restarts(3, 7);
        for second in [0, 20, 40] {
            delay(spent.failed(start + SECOND * second, Duration::ZERO));
        }
        assert_eq!(spent.failed(start + SECOND * 59, Duration::ZERO), Decision::GiveUp);

        let mut slow = restarts(3, 7);
        for second in [0, 20, 40, 60, 80, 100, 120] {
            delay(slow.failed(start + SECOND * second, Duration::ZERO));
        }
    }

    #[test]
    fn delays_that_do_not_fit_together_are_refused() {
        assert_eq!(Backoff::try_new(Duration::ZERO, SECOND, SECOND), Err(BadBackoff::ZeroFirst));
        assert_eq!(
            Backoff::try_new(SECOND * 2, SECOND, SECOND),
            Err(BadBackoff::CapBelowFirst { first: SECOND * 2, cap: SECOND })
        );
    }
}
