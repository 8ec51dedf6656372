//! What is remembered from one socket to the next.

use tokio::time::Instant;

use super::{State, Trouble};
use crate::{backoff::Backoff, dial::SETTLE};

pub(super) struct Life {
    pub(super) backoff: Backoff,
    pub(super) trouble: Option<Trouble>,
    /// The next attempt is not made before this, whoever comes and goes meanwhile.
    pub(super) not_before: Instant,
    /// No slot has come since a stall.
    pub(super) stalled: bool,
}

// === impl Life ===

impl Life {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, trouble: None, stalled: false, not_before: Instant::now() }
    }

    pub(super) fn connecting(&self) -> State {
        State::Connecting { failures: self.backoff.failures(), trouble: self.trouble.clone() }
    }

    /// What was learned of the endpoint that was left means nothing for the next one.
    pub(super) fn moved(&mut self) {
        self.backoff.reset();
        self.trouble = None;
        self.stalled = false;
        self.not_before = Instant::now() + SETTLE;
    }

    pub(super) fn open(&self) -> State {
        if self.stalled { State::Stalled } else { State::Live }
    }
}
