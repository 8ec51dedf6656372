use std::time::Duration;

/// When an endpoint is left for another, and when it is gone back to. Slots are counted in the measured slot time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Calls of a method fail for so long without one that is answered. Refusals for a limit are no failures.
    pub errors_for: Duration,
    /// No slot is announced for so many slot times, ...
    pub stall_slots: u32,
    /// ... and for at least so long.
    pub stall_floor: Duration,
    /// No slot is announced for so long although the endpoint itself sees new ones.
    pub deaf_for: Duration,
    /// So many slots are announced while the root stays where it is.
    pub unconfirmed_slots: u64,
    /// Another endpoint is ahead by more slots than this.
    pub lag_slots: u64,
    /// After a change there is no other one for so long.
    pub minimum_stay: Duration,
    /// The endpoint in use is compared with another this often while nothing is held against it, ...
    pub compare_every: Duration,
    /// ... and after this pause, which doubles up to that, when something is.
    pub compare_pause: Duration,
    /// So long is looked whether new slots appear.
    pub compare_for: Duration,
    /// An answer that is not there by then is none.
    pub answer_within: Duration,
    /// An endpoint that was ill counts as well when every look at it has been good for so long. Doubles, up to 16 times
    /// of it, with each time that the endpoint had to be left; having been used for as long makes it forgotten.
    pub healthy_for: Duration,
}

// === impl Bounds ===

impl Default for Bounds {
    fn default() -> Self {
        Self {
            errors_for: Duration::from_secs(10),
            // Beyond the watchdog's patience: a new socket may be all that it takes.
            stall_slots: 75,
            stall_floor: Duration::from_secs(15),
            deaf_for: Duration::from_secs(45),
            unconfirmed_slots: 150,
            // A third of a blockhash's life.
            lag_slots: 50,
            minimum_stay: Duration::from_secs(30),
            compare_every: Duration::from_secs(60),
            compare_pause: Duration::from_secs(2),
            // Longer than the turn of a leader who makes no blocks.
            compare_for: Duration::from_secs(2),
            answer_within: Duration::from_secs(5),
            healthy_for: Duration::from_secs(300),
        }
    }
}
