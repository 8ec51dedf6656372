use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How much longer than set the intervals are of what can wait: comparing with listings, reading accounts again,
/// sweeping. As the plan has it, and once more where the month's credits would not last.
#[derive(Debug)]
pub(super) struct Pace {
    planned: AtomicU32,
    saving: AtomicU32,
}

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self { planned: AtomicU32::new(1), saving: AtomicU32::new(1) }
    }
}

impl Pace {
    /// So many times as long from now on, since the plan carries no more.
    pub(super) fn plan(&self, times: u32) {
        self.planned.store(times.max(1), Ordering::Relaxed);
    }

    /// Beyond that, so many times as long from now on, since credits have to be saved.
    pub(super) fn save(&self, times: u32) {
        self.saving.store(times.max(1), Ordering::Relaxed);
    }

    /// An interval as it is now.
    pub(super) fn of(&self, interval: Duration) -> Duration {
        let [planned, saving] = [&self.planned, &self.saving].map(|times| times.load(Ordering::Relaxed));
        interval.saturating_mul(planned.saturating_mul(saving))
    }
}
