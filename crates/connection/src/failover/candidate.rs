//! One endpoint as it is known from looks at it and from having been used.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    bounds::Bounds,
    stats::{Reason, Standing},
};

/// The time after which an endpoint counts as well doubles so often at most.
const DOUBLINGS: u32 = 4;

#[derive(Debug)]
pub(super) struct Candidate {
    priority: u32,
    held: Held,
    /// How often it was left since it last was used for long.
    falls: u32,
    asked: Option<Instant>,
}

/// What is held against an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    /// It is ill.
    Illness {
        since: Instant,
        why: String,
    },
    /// It was, and every look at it since then was good.
    Past {
        well_since: Instant,
    },
    /// It is never used.
    Refused(String),
}

/// Whom to ask first: the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    asked: Option<Instant>,
    held: u8,
    priority: u32,
}

// === impl Candidate ===

impl Candidate {
    pub(super) fn new(priority: u32) -> Self {
        Self { priority, held: Held::Nothing, falls: 0, asked: None }
    }

    pub(super) fn priority(&self) -> u32 {
        self.priority
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// It is being looked at.
    pub(super) fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Its place among those to be asked; `None` if it is never used. In doubt, only questions since then count.
    pub(super) fn rank(&self, doubted: Option<Instant>) -> Option<Rank> {
        let held = match self.held {
            Held::Nothing => 0,
            Held::Past { .. } => 1,
            Held::Illness { .. } => 2,
            Held::Refused(_) => return None,
        };
        match doubted {
            None => Some(Rank { asked: self.asked, held: 0, priority: self.priority }),
            Some(since) => {
                let asked = self.asked.filter(|at| *at >= since);
                Some(Rank { asked, held, priority: self.priority })
            }
        }
    }

    /// A look at it was bad. Returns whether that is news.
    pub(super) fn fell_ill(&mut self, why: &str, now: Instant) -> bool {
        match &mut self.held {
            Held::Nothing | Held::Past { .. } => {
                self.held = Held::Illness { since: now, why: why.to_owned() };
                true
            }
            Held::Illness { why: known, .. } => {
                why.clone_into(known);
                false
            }
            Held::Refused(_) => false,
        }
    }

    /// A look at it was good. Returns whether nothing is held against it any more, and something was.
    pub(super) fn looked_well(&mut self, now: Instant, healthy_for: Duration) -> bool {
        match self.held {
            Held::Illness { .. } => self.held = Held::Past { well_since: now },
            Held::Past { well_since } if now.duration_since(well_since) >= self.probation(healthy_for) => {
                self.held = Held::Nothing;
                return true;
            }
            Held::Nothing | Held::Past { .. } | Held::Refused(_) => {}
        }
        false
    }

    pub(super) fn refuse(&mut self, why: &str) {
        self.held = Held::Refused(why.to_owned());
    }

    /// It is used from now on.
    pub(super) fn taken(&mut self) {
        self.held = Held::Nothing;
    }

    /// It is not used any more.
    pub(super) fn left(&mut self, reason: &Reason, stayed: Duration, now: Instant, bounds: &Bounds) {
        if stayed >= bounds.healthy_for.saturating_mul(1 << DOUBLINGS) {
            self.falls = 0;
        }
        match reason {
            Reason::Return => {}
            Reason::Conflict(why) => self.refuse(why),
            Reason::Errors(_) | Reason::Stalled | Reason::Lag { .. } | Reason::Deaf | Reason::Unconfirmed => {
                self.falls = self.falls.saturating_add(1);
                self.held = Held::Illness { since: now, why: reason.to_string() };
            }
        }
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        match &self.held {
            Held::Nothing => Standing::Well,
            Held::Illness { since, why } => {
                Standing::Ill { since: now.duration_since(*since), why: why.clone() }
            }
            Held::Past { well_since } => Standing::Recovering(now.duration_since(*well_since)),
            Held::Refused(why) => Standing::Refused { why: why.clone() },
        }
    }

    /// How long it has to be well before nothing is held against it.
    fn probation(&self, healthy_for: Duration) -> Duration {
        healthy_for.saturating_mul(1 << self.falls.saturating_sub(1).min(DOUBLINGS))
    }
}
