//! What the endpoint in use shows by itself, and what it means beside what another one sees.

use std::{fmt, time::Duration};

use eda_events::Slot;
use tokio::time::Instant;

use super::{
    bounds::Bounds,
    stats::{Pause, Reason},
    view::{Sight, View},
};

/// What was seen of the endpoint in use since it is watched without a break.
#[derive(Debug)]
pub(super) struct Seen {
    bounds: Bounds,
    signs: Signs,
    /// Whether it tells of slots at all.
    tells_slots: bool,
    /// The newest slot announced.
    slot: Option<u64>,
    /// When that was, or when the watch began.
    moved_at: Instant,
    /// The newest root, and the slot at which it became that.
    root: Option<(u64, u64)>,
    /// It serves another cluster than before; which.
    elsewhere: Option<String>,
}

/// What calls to the endpoint in use, and comparisons of it with itself, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// It contradicts itself; what is wrong.
    pub(super) conflict: Option<String>,
    /// Calls have failed for too long; the last failure.
    pub(super) failing: Option<String>,
    /// It said lately that it is behind.
    pub(super) behind: bool,
}

/// What is held against the endpoint in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// What it says is not believed.
    Conflict(String),
    /// Calls fail.
    Errors(String),
    /// No slots are announced.
    Silent,
    /// Slots are announced, and the root does not move.
    Unconfirmed,
    /// The node says that it is behind.
    Behind,
}

/// What an announcement moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) slot: bool,
    pub(super) root: bool,
}

// === impl Seen ===

impl Seen {
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        Self {
            bounds,
            signs: Signs::default(),
            tells_slots: true,
            slot: None,
            moved_at: now,
            root: None,
            elsewhere: None,
        }
    }

    // --- what is told ---

    /// The slots are subscribed on a socket that may show another node, or cannot be subscribed.
    pub(super) fn listening(&mut self, tells_slots: bool) {
        self.tells_slots = tells_slots;
        self.slot = None;
        self.root = None;
    }

    pub(super) fn slot(&mut self, now: Instant, slot: u64, root: u64) -> Moved {
        let moved = Moved {
            slot: self.slot.is_none_or(|newest| slot > newest),
            root: self.root.is_none_or(|(newest, _)| root > newest),
        };
        if moved.slot {
            (self.slot, self.moved_at) = (Some(slot), now);
        }
        if moved.root {
            self.root = Some((root, slot));
        }
        moved
    }

    pub(super) fn signs(&mut self, signs: Signs) {
        self.signs = signs;
    }

    /// What a look at it showed; `genesis` is the cluster that it served before.
    pub(super) fn looked_at(&mut self, own: &View, genesis: &mut Option<String>) {
        if let View::Seen(sight) = own {
            let ours = genesis.get_or_insert_with(|| sight.genesis.clone());
            self.elsewhere = sight.of_another_cluster(ours);
        }
    }

    // --- what it means ---

    /// What is held against it, the worst first.
    pub(super) fn doubt(&self, now: Instant, slot_time: Duration) -> Option<Doubt> {
        if let Some(what) = self.conflict() {
            Some(Doubt::Conflict(what.to_owned()))
        } else if let Some(last) = &self.signs.failing {
            Some(Doubt::Errors(last.clone()))
        } else if self.is_silent(now, slot_time) {
            Some(Doubt::Silent)
        } else if self.is_unconfirmed() {
            Some(Doubt::Unconfirmed)
        } else {
            self.signs.behind.then_some(Doubt::Behind)
        }
    }

    /// No slot was announced for too long.
    pub(super) fn is_silent(&self, now: Instant, slot_time: Duration) -> bool {
        self.tells_slots && now >= self.silent_at(slot_time)
    }

    /// Slots are announced and the root does not move.
    pub(super) fn is_unconfirmed(&self) -> bool {
        let slots = self.slot.zip(self.root).map(|(slot, (_, at))| slot.saturating_sub(at));
        slots.is_some_and(|slots| slots >= self.bounds.unconfirmed_slots)
    }

    /// When it is silent for too long if nothing is announced; `None` if that says nothing, or is so already.
    pub(super) fn alarm(&self, now: Instant, slot_time: Duration) -> Option<Instant> {
        Some(self.silent_at(slot_time)).filter(|at| self.tells_slots && *at > now)
    }

    /// The newest slot it is known to have seen.
    pub(super) fn newest(&self, own: &View) -> Option<u64> {
        self.slot.max(own.sight().map(|sight| sight.processed.last))
    }

    /// Whether it saw new slots while it was looked at, by itself or by its announcements.
    pub(super) fn moves(&self, now: Instant, own: &View) -> bool {
        own.moves() == Some(true) || now.duration_since(self.moved_at) < self.bounds.compare_for
    }

    /// What stands still, as it says itself.
    pub(super) fn pause(&self, own: &View, silent: bool) -> Option<Pause> {
        let sight = own.sight();
        if silent {
            // One that cannot be asked has shown its newest slot before.
            let slot = sight.map_or(self.slot, |sight| Some(sight.processed.last))?;
            let pause = Pause::Cluster { slot: Slot(slot), witnesses: 1 };
            return (own.moves() != Some(true)).then_some(pause);
        }
        let (root, confirmed) = (self.root?.0, sight?.confirmed?);
        let pause = Pause::Confirmations { slot: Slot(root), witnesses: 1 };
        (self.is_unconfirmed() && !confirmed.moves()).then_some(pause)
    }

    /// Why nothing at all can be had of it, while another goes on.
    pub(super) fn dead(&self, own: &View, silent: bool) -> Option<Reason> {
        if let Some(what) = self.conflict() {
            return Some(Reason::Conflict(what.to_owned()));
        }
        match own {
            View::Failed(why) if self.signs.failing.is_some() || silent => Some(Reason::Errors(why.clone())),
            View::Seen(sight) if silent && !sight.processed.moves() => Some(Reason::Stalled),
            View::Seen(_) | View::Failed(_) | View::Untold(_) => None,
        }
    }

    /// Why it serves badly, while another goes on.
    pub(super) fn ailing(&self, now: Instant, own: &View, silent: bool, other: &Sight) -> Option<Reason> {
        if let Some(last) = &self.signs.failing {
            return Some(Reason::Errors(last.clone()));
        }
        // What was announced last says nothing when that was long ago.
        let newest = own.sight().map(|sight| sight.processed.last).or(self.slot.filter(|_| !silent));
        let slots = newest.map_or(0, |newest| other.processed.last.saturating_sub(newest));
        if slots > self.bounds.lag_slots {
            return Some(Reason::Lag { slots });
        }
        let quiet = now.duration_since(self.moved_at);
        if self.tells_slots && quiet >= self.bounds.deaf_for && own.moves() == Some(true) {
            return Some(Reason::Deaf);
        }
        let (own, other) = (own.sight()?.confirmed?, other.confirmed?);
        (!own.moves() && other.moves()).then_some(Reason::Unconfirmed)
    }

    fn conflict(&self) -> Option<&str> {
        self.signs.conflict.as_deref().or(self.elsewhere.as_deref())
    }

    fn silent_at(&self, slot_time: Duration) -> Instant {
        let slots = slot_time.saturating_mul(self.bounds.stall_slots);
        self.moved_at + slots.max(self.bounds.stall_floor)
    }
}

// === impl Doubt ===

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(what) => f.write_str(what),
            Self::Errors(last) => write!(f, "its calls fail: {last}"),
            Self::Silent => f.write_str("it announces no slots"),
            Self::Unconfirmed => f.write_str("it announces slots and confirms none"),
            Self::Behind => f.write_str("it says that it is behind"),
        }
    }
}
