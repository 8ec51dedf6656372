//! The tip of the chain and the length of a slot, as one socket's slot notifications show them.

use std::time::Duration;

use eda_events::Slot;
use tokio::time::Instant;

/// A sample of the slot time spans at least this many slots, so that notifications that arrive in bursts, and
/// skipped slots, do not distort it.
const SAMPLE_SLOTS: u64 = 4;
/// How much one sample weighs: 1/8 lets the measure follow a change of the cluster within a minute.
const SMOOTHING: u32 = 8;
/// Samples beyond this are an interruption of the chain, not the length of a slot.
const LONGEST_SLOT: Duration = Duration::from_secs(2);

/// Measures slots. A new socket may be behind another one, so the tip is that of the present socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SlotClock {
    tip: Option<Slot>,
    anchor: Option<(Slot, Instant)>,
    slot_time: Option<Duration>,
}

// === impl SlotClock ===

impl SlotClock {
    /// A slot notification arrived; returns whether the tip has moved on.
    pub(super) fn notified(&mut self, slot: Slot, now: Instant) -> bool {
        let Some((from, since)) = self.anchor else {
            self.anchor = Some((slot, now));
            self.tip = Some(slot);
            return true;
        };
        if self.tip.is_some_and(|tip| slot <= tip) {
            return false;
        }
        self.tip = Some(slot);
        let slots = slot.0.saturating_sub(from.0);
        if slots >= SAMPLE_SLOTS {
            self.anchor = Some((slot, now));
            let sample = now.duration_since(since) / u32::try_from(slots).unwrap_or(u32::MAX);
            if !sample.is_zero() && sample <= LONGEST_SLOT {
                self.slot_time = Some(match self.slot_time {
                    Some(old) => (old * (SMOOTHING - 1) + sample) / SMOOTHING,
                    None => sample,
                });
            }
        }
        true
    }

    /// Another socket begins: what it says is not compared with what the last one said.
    pub(super) fn restart(&mut self) {
        self.anchor = None;
    }

    /// The newest slot notified.
    pub(super) fn tip(&self) -> Option<Slot> {
        self.tip
    }

    /// The measured length of a slot; `None` until enough slots were seen.
    pub(super) fn slot_time(&self) -> Option<Duration> {
        self.slot_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds slots that take `millis` each, telling only those that `keep` says, from `first` on.
    fn run(
        clock: &mut SlotClock,
        start: Instant,
        first: u64,
        count: u64,
        millis: u64,
        keep: fn(u64) -> bool,
    ) {
        for slot in (first..first + count).filter(|slot| keep(*slot)) {
            clock.notified(Slot(slot), start + Duration::from_millis((slot - first) * millis));
        }
    }

    fn close_to(measured: Option<Duration>, millis: u128) -> bool {
        let measured = measured.unwrap().as_millis();
        measured * 100 >= millis * 95 && measured * 100 <= millis * 105
    }

    #[test]
    fn slot_time_is_unknown_until_measured() {
        let mut clock = SlotClock::default();
        assert_eq!((clock.tip(), clock.slot_time()), (None, None));
        clock.notified(Slot(7), Instant::now());
        assert_eq!((clock.tip(), clock.slot_time()), (Some(Slot(7)), None));
    }

    #[test]
    fn slot_time_is_measured_whatever_the_cluster_and_its_skipped_slots() {
        for millis in [200, 250, 400] {
            let mut clock = SlotClock::default();
            run(&mut clock, Instant::now(), 1000, 200, millis, |slot| slot % 7 != 0 && slot % 5 != 0);
            assert!(close_to(clock.slot_time(), u128::from(millis)), "{millis}: {clock:?}");
        }
    }

    #[test]
    fn slot_time_follows_a_change_of_the_cluster() {
        let mut clock = SlotClock::default();
        let start = Instant::now();
        run(&mut clock, start, 0, 100, 400, |_| true);
        run(&mut clock, start + Duration::from_secs(40), 100, 200, 200, |_| true);
        assert!(close_to(clock.slot_time(), 200), "{clock:?}");
    }

    #[test]
    fn bursts_and_pauses_are_not_the_length_of_a_slot() {
        let mut clock = SlotClock::default();
        let start = Instant::now();
        run(&mut clock, start, 0, 100, 400, |_| true);
        let measured = clock.slot_time();
        // A halt of a minute, then a burst without any distance.
        let later = start + Duration::from_secs(100);
        run(&mut clock, later, 100, 8, 0, |_| true);
        assert!(close_to(clock.slot_time(), measured.unwrap().as_millis()), "{clock:?}");
        clock.restart();
        clock.notified(Slot(5_000), later + Duration::from_secs(1));
        assert_eq!(clock.slot_time(), measured);
    }

    #[test]
    fn only_a_later_slot_moves_the_tip() {
        let mut clock = SlotClock::default();
        let now = Instant::now();
        assert!(clock.notified(Slot(10), now));
        assert!(!clock.notified(Slot(10), now));
        assert!(!clock.notified(Slot(9), now));
        assert!(clock.notified(Slot(11), now));
        clock.restart();
        assert!(clock.notified(Slot(3), now), "a validator that was set up anew begins lower");
        assert_eq!(clock.tip(), Some(Slot(3)));
    }
}
