//! How long to wait before trying again.

use std::time::Duration;

/// A key or address that is refused will hardly be accepted a moment later.
pub(crate) const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Somewhere between half the pause and the whole of it, so that many who failed together do not come back
/// together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let jitter = u64::try_from((pause - half).as_nanos()).unwrap_or(u64::MAX);
    half.saturating_add(Duration::from_nanos(fastrand::u64(0..=jitter)))
}

/// Doubling waits with jitter: each is between half and all of `base * 2^failures`, at most `cap`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

// === impl Backoff ===

impl Backoff {
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// The wait after one more failure.
    pub(crate) fn pause(&mut self) -> Duration {
        self.fail(None, Duration::ZERO)
    }

    /// The wait after one more failure. What the server asked for is waited for at least, up to `hint_cap`.
    pub(crate) fn fail(&mut self, hint: Option<Duration>, hint_cap: Duration) -> Duration {
        let longest = self.base.saturating_mul(2u32.saturating_pow(self.failures)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let half = longest / 2;
        let jitter = u64::try_from((longest - half).as_nanos()).unwrap_or(u64::MAX);
        let jitter = Duration::from_nanos(fastrand::u64(0..=jitter));
        let hint = hint.unwrap_or_default().min(hint_cap);
        // Jitter on top of the hint too: all clients of a provider got the same one.
        if hint > half { hint.saturating_add(jitter) } else { half.saturating_add(jitter) }
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(30);
    const HINT_CAP: Duration = Duration::from_secs(300);

    #[test]
    fn waits_double_up_to_the_cap_for_ever() {
        let base = Duration::from_millis(500);
        let mut backoff = Backoff::new(base, CAP);
        let mut longest = base;
        for _ in 0..100 {
            let wait = backoff.fail(None, HINT_CAP);
            assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
            longest = (longest * 2).min(CAP);
        }
        assert_eq!(longest, CAP);
        backoff.reset();
        assert!(backoff.fail(None, HINT_CAP) <= base);
    }

    #[test]
    fn the_servers_wish_is_honoured_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(500), CAP);
        let wait = backoff.fail(Some(Duration::from_secs(10)), HINT_CAP);
        assert!(wait >= Duration::from_secs(10) && wait < Duration::from_secs(11), "{wait:?}");
        let wait = backoff.fail(Some(Duration::from_secs(u64::MAX)), HINT_CAP);
        assert!(wait >= HINT_CAP && wait < HINT_CAP + CAP, "{wait:?}");
    }
}
