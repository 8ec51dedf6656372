use std::{num::NonZeroU32, time::Duration};

use super::watchdog::Patience;

/// The bounds within which the socket works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Upstream subscriptions on the socket, the one for slots included. What does not fit is refused with
    /// [`super::SubscribeError::OverCap`]. 100 is the lowest of the known providers' limits.
    pub max_subscriptions: usize,
    /// Frames sent per second, so that restoring many subscriptions does not look like an attack.
    pub frames_per_second: NonZeroU32,
    /// The largest message that is read, in bytes. A larger one costs the connection.
    pub max_message_bytes: usize,
    /// When the socket counts as dead or stalled.
    pub patience: Patience,
    /// How long the answer to a subscription is awaited before it is asked for again.
    pub answer_within: Duration,
    /// The longest time that the WebSocket handshake may take once the connection is open.
    pub handshake_within: Duration,
    /// The wait before the first attempt to connect again; it doubles with each failure, with jitter.
    pub retry_base: Duration,
    /// The longest such wait.
    pub retry_cap: Duration,
    /// The wait after 401 and 403, which only somebody else can put right.
    pub refused_retry: Duration,
    /// How long the socket stays open after its last subscriber has left.
    pub linger: Duration,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            max_subscriptions: 100,
            frames_per_second: NonZeroU32::MIN.saturating_add(39),
            max_message_bytes: 64 << 20,
            patience: Patience::default(),
            answer_within: Duration::from_secs(20),
            handshake_within: Duration::from_secs(10),
            retry_base: Duration::from_millis(500),
            retry_cap: Duration::from_secs(30),
            refused_retry: Duration::from_secs(60),
            linger: Duration::from_secs(1),
        }
    }
}
