//! How often something is done.

/// Times that one thing is done in one block at most; what a mix asks for beyond that does not fit into blocks.
const MOST: u64 = 1_500;

/// Turns "so often per 100 blocks" into how often in this one.
#[derive(Debug)]
pub(super) struct Pace {
    per_hundred: u64,
    /// Hundredths of a time that are due.
    due: u64,
}

// === impl Pace ===

impl Pace {
    /// The first time comes `first` blocks after the next one; what comes in every block begins with that one.
    pub(super) fn new(per_hundred: u32, first: u64) -> Self {
        let per_hundred = u64::from(per_hundred).min(MOST.saturating_mul(100));
        let before = per_hundred.saturating_mul(first.saturating_add(1));
        let due = if per_hundred > 0 { 100_u64.saturating_sub(before) } else { 0 };
        Self { per_hundred, due }
    }

    /// How often in this block.
    pub(super) fn times(&mut self) -> u64 {
        self.due = self.due.saturating_add(self.per_hundred);
        let times = self.due / 100;
        self.due %= 100;
        times
    }

    /// How often in one block at most.
    pub(super) fn most(&self) -> u64 {
        self.per_hundred.div_ceil(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_comes_early_and_the_rest_evenly() {
        for (per_hundred, first) in [(1, 0), (3, 2), (10, 4), (60, 0), (100, 0), (728, 0)] {
            let mut pace = Pace::new(per_hundred, first);
            let times: Vec<u64> = (0..1_000).map(|_| pace.times()).collect();
            let begin = u64::try_from(times.iter().position(|times| *times > 0).unwrap()).unwrap();
            assert_eq!(begin, first, "{per_hundred}");
            let sum: u64 = times.iter().sum();
            let even = u64::from(per_hundred) * 10;
            assert!(sum.abs_diff(even) <= 1, "{per_hundred}: {sum}");
            assert!(times.iter().all(|times| *times <= pace.most()));
        }
    }

    #[test]
    fn what_is_not_asked_for_never_comes_and_no_mix_is_too_much() {
        let mut never = Pace::new(0, 0);
        assert!((0..1_000).all(|_| never.times() == 0));
        let mut always = Pace::new(u32::MAX, 0);
        assert!((0..10).all(|_| always.times() == MOST));
    }
}
