//! When a fault happens: windows of time, chances and counts. It is told the time and knows no other.

use std::time::Duration;

use fastrand::Rng;

use super::fault::{Fault, Start};

/// Now, by the clock and by the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since the endpoint started.
    pub(super) now: Duration,
    /// The newest slot.
    pub(super) slot: u64,
}

/// The timetable of one fault.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Start,
    dice: Rng,
    began: Option<Duration>,
    hits: u64,
    /// The last window in which something was hit.
    hit_in: Option<u128>,
    /// The last window, or slot, in which a stroke was tried.
    tried_in: Option<u128>,
}

// === impl Schedule ===

impl Schedule {
    /// Begins as the fault says, counted from `from`.
    pub(super) fn new(start: Start, from: Duration, dice: Rng) -> Self {
        let start = match start {
            Start::After(time) => Start::After(from.saturating_add(time)),
            Start::Slot(slot) => Start::Slot(slot),
        };
        Self { start, dice, began: None, hits: 0, hit_in: None, tried_in: None }
    }

    /// Whether an event that happens now is hit.
    pub(super) fn hits(&mut self, fault: &Fault, at: Moment) -> bool {
        let Some((window, elapsed)) = self.window(fault, at) else { return false };
        let open = match (fault.lasting, fault.every) {
            (Some(lasting), _) => elapsed < lasting,
            (None, Some(_)) => self.hit_in != Some(window),
            (None, None) => true,
        };
        let hit = open && !self.is_spent(fault) && self.roll(fault);
        if hit {
            self.hit_in = Some(window);
            self.hits = self.hits.saturating_add(1);
        }
        hit
    }

    /// Whether a stroke falls now. Whoever asks twice at one moment is told once.
    pub(super) fn strikes(&mut self, fault: &Fault, at: Moment) -> bool {
        let Some((window, _)) = self.window(fault, at) else { return false };
        let occasion = match (fault.every, fault.chance) {
            (Some(_), _) => window,
            (None, Some(_)) => u128::from(at.slot),
            (None, None) => 0,
        };
        if self.tried_in.is_some_and(|last| last >= occasion) || self.is_spent(fault) {
            return false;
        }
        self.tried_in = Some(occasion);
        let hit = self.roll(fault);
        self.hits = self.hits.saturating_add(u64::from(hit));
        hit
    }

    /// Whether no event can be hit any more.
    pub(super) fn hits_no_more(&self, fault: &Fault, at: Moment) -> bool {
        let over = match (self.began, fault.lasting, fault.every) {
            (Some(began), Some(lasting), None) => at.now >= began.saturating_add(lasting),
            (None, _, _) | (_, None, _) | (_, _, Some(_)) => false,
        };
        over || self.is_spent(fault)
    }

    /// Whether no stroke can fall any more.
    pub(super) fn strikes_no_more(&self, fault: &Fault) -> bool {
        let over = fault.every.is_none() && fault.chance.is_none() && self.tried_in.is_some();
        over || self.is_spent(fault)
    }

    fn is_spent(&self, fault: &Fault) -> bool {
        fault.count.is_some_and(|count| self.hits >= count)
    }

    /// The window it is, and the time since that opened; `None` before the start.
    fn window(&mut self, fault: &Fault, at: Moment) -> Option<(u128, Duration)> {
        let began = match (self.began, self.start) {
            (Some(began), _) => began,
            (None, Start::After(start)) => (at.now >= start).then_some(start)?,
            (None, Start::Slot(slot)) => (at.slot >= slot).then_some(at.now)?,
        };
        self.began = Some(began);
        let elapsed = at.now.saturating_sub(began);
        let Some(every) = fault.every else { return Some((0, elapsed)) };
        let window = elapsed.as_nanos().checked_div(every.as_nanos()).unwrap_or(0);
        let opened = u32::try_from(window).ok().and_then(|windows| every.checked_mul(windows));
        Some((window, elapsed.saturating_sub(opened.unwrap_or(elapsed))))
    }

    fn roll(&mut self, fault: &Fault) -> bool {
        fault.chance.is_none_or(|chance| self.dice.u32(0..1_000_000) < chance.millionths())
    }
}
