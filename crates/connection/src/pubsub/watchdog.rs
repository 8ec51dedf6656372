//! Whether a socket is alive, and whether the chain behind it moves. Pure: told what happens and when, it says
//! what is to be done and when to ask again.

use std::time::Duration;

use tokio::time::Instant;

use super::notice::DownReason;

/// The watchdog's patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A ping is sent this often. Some providers close sockets on which the client sends nothing for minutes.
    pub ping_every: Duration,
    /// After a ping, its pong or any other frame must arrive within this time.
    pub answer_within: Duration,
    /// The socket is stalled when no slot came for this many slot times, ...
    pub stall_slots: u32,
    /// ... but never earlier than this. The only bound until the slot time is measured.
    pub stall_floor: Duration,
}

/// Watches one socket from its opening to its end.
#[derive(Debug)]
pub(super) struct Watchdog {
    patience: Patience,
    next_ping: Instant,
    /// When the oldest ping that nothing was heard after was sent.
    unheard: Option<Instant>,
    /// When the ping was sent whose pong is awaited.
    pinged: Option<Instant>,
    slots: Slots,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing before this time.
    WaitUntil(Instant),
    Ping,
    GiveUp(DownReason),
}

#[derive(Debug)]
enum Slots {
    /// Expected, and last moved on at this time.
    Expected(Instant),
    /// The provider has no slot subscription.
    Unavailable,
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(15),
            answer_within: Duration::from_secs(10),
            stall_slots: 50,
            stall_floor: Duration::from_secs(10),
        }
    }
}

// === impl Watchdog ===

impl Watchdog {
    pub(super) fn new(mut patience: Patience, now: Instant) -> Self {
        // Pinging without a pause would be no better than not pinging.
        patience.ping_every = patience.ping_every.max(Duration::from_millis(10));
        Self {
            patience,
            next_ping: now + patience.ping_every,
            unheard: None,
            pinged: None,
            slots: Slots::Expected(now),
        }
    }

    /// Any frame arrived.
    pub(super) fn heard(&mut self) {
        self.unheard = None;
    }

    /// A pong arrived; returns the round trip time.
    pub(super) fn pong(&mut self, now: Instant) -> Option<Duration> {
        self.unheard = None;
        self.pinged.take().map(|pinged| now.duration_since(pinged))
    }

    /// A ping was handed to the socket.
    pub(super) fn pinged(&mut self, now: Instant) {
        self.next_ping = now + self.patience.ping_every;
        self.unheard.get_or_insert(now);
        self.pinged = Some(now);
    }

    /// The tip of the chain has moved on, or is not expected to before `now`.
    pub(super) fn slot(&mut self, now: Instant) {
        self.slots = Slots::Expected(now);
    }

    /// The provider refuses the slot subscription: its silence means nothing.
    pub(super) fn no_slots(&mut self) {
        self.slots = Slots::Unavailable;
    }

    pub(super) fn check(&self, slot_time: Option<Duration>, now: Instant) -> Action {
        let unresponsive = self.unheard.map(|since| since + self.patience.answer_within);
        if unresponsive.is_some_and(|deadline| now >= deadline) {
            return Action::GiveUp(DownReason::Unresponsive);
        }
        let stalled = match self.slots {
            Slots::Expected(since) => {
                let measured = slot_time.unwrap_or_default().saturating_mul(self.patience.stall_slots);
                Some(since + measured.max(self.patience.stall_floor))
            }
            Slots::Unavailable => None,
        };
        if stalled.is_some_and(|deadline| now >= deadline) {
            return Action::GiveUp(DownReason::Stalled);
        }
        if now >= self.next_ping {
            return Action::Ping;
        }
        Action::WaitUntil([unresponsive, stalled].into_iter().flatten().fold(self.next_ping, Instant::min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        ping_every: Duration::from_secs(15),
        answer_within: Duration::from_secs(10),
        stall_slots: 50,
        stall_floor: Duration::from_secs(12),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_ping_is_due_at_its_interval_however_busy_the_socket() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.no_slots();
        dog.heard();
        assert_eq!(dog.check(None, start + seconds(14)), Action::WaitUntil(start + seconds(15)));
        assert_eq!(dog.check(None, start + seconds(15)), Action::Ping);
        dog.pinged(start + seconds(15));
        assert_eq!(dog.pong(start + seconds(16)), Some(seconds(1)));
        assert_eq!(dog.pong(start + seconds(17)), None, "a pong nobody asked for measures nothing");
        assert_eq!(dog.check(None, start + seconds(17)), Action::WaitUntil(start + seconds(30)));
    }

    #[test]
    fn silence_after_a_ping_ends_the_socket() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.no_slots();
        dog.pinged(start);
        assert_eq!(dog.check(None, start + seconds(9)), Action::WaitUntil(start + seconds(10)));
        assert_eq!(dog.check(None, start + seconds(10)), Action::GiveUp(DownReason::Unresponsive));
        // A second ping without an answer to the first grants no more time.
        dog.pinged(start + seconds(9));
        assert_eq!(dog.check(None, start + seconds(10)), Action::GiveUp(DownReason::Unresponsive));
    }

    #[test]
    fn any_frame_after_a_ping_is_a_sign_of_life() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.no_slots();
        dog.pinged(start);
        dog.heard();
        assert_eq!(dog.check(None, start + seconds(14)), Action::WaitUntil(start + seconds(15)));
    }

    #[test]
    fn silent_slots_are_a_stall_although_pings_are_answered() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.slot(start + seconds(1));
        dog.pinged(start + seconds(5));
        dog.pong(start + seconds(5));
        assert_eq!(dog.check(None, start + seconds(12)), Action::WaitUntil(start + seconds(13)));
        assert_eq!(dog.check(None, start + seconds(13)), Action::GiveUp(DownReason::Stalled));
    }

    #[test]
    fn the_stall_is_measured_in_slot_times_above_the_floor() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.pinged(start + seconds(11));
        dog.heard();
        let stalled = |slot_time, at| dog.check(Some(slot_time), at) == Action::GiveUp(DownReason::Stalled);
        // 50 slots of 400 ms are 20 s; 50 slots of 200 ms are less than the floor.
        assert!(!stalled(Duration::from_millis(400), start + seconds(19)));
        assert!(stalled(Duration::from_millis(400), start + seconds(20)));
        assert!(!stalled(Duration::from_millis(200), start + seconds(11)));
        assert!(stalled(Duration::from_millis(200), start + seconds(12)));
    }

    #[test]
    fn without_a_slot_subscription_their_silence_means_nothing() {
        let start = Instant::now();
        let mut dog = Watchdog::new(PATIENCE, start);
        dog.no_slots();
        assert_eq!(dog.check(Some(seconds(1)), start + seconds(14)), Action::WaitUntil(start + seconds(15)));
    }
}
