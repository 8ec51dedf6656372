//! Whether the endpoint in use is well, and which one to use if it is not. Pure: it is told what is seen and when, and
//! says what to do next.
//!
//! Nothing is decided by what the endpoint in use shows alone, because a cluster that stands still looks like an
//! endpoint that does. What is seen raises a doubt; a doubt is settled by looking at another endpoint at the same time,
//! and only one that is seen to go on is ever moved to. Without a doubt the two are compared now and then: a lag shows
//! in no other way, and an endpoint that was ill is gone back to when it has long been seen to be well.

use std::{fmt, time::Duration};

use eda_events::Slot;
use tokio::time::Instant;

use super::{
    bounds::Bounds,
    candidate::{Candidate, Held},
    stats::{Pause, Reason, Standing},
    view::{Sight, View},
};
use crate::backoff::Backoff;

/// All endpoints as they are known, and the one in use as it is seen.
#[derive(Debug)]
pub(super) struct Health {
    bounds: Bounds,
    sites: Vec<Candidate>,
    /// The one in use.
    here: usize,
    state: State,
    /// Since when the one in use is watched without a break.
    since: Instant,
    /// When it was moved to.
    arrived: Option<Instant>,
    seen: Seen,
    /// The hash of the chain's first block, as the first endpoint that answered has it.
    genesis: Option<String>,
    pause: Option<Pause>,
    news: Vec<News>,
}

/// How the endpoint in use stands.
#[derive(Debug)]
enum State {
    /// Nothing is held against it; it is compared with another as a matter of routine.
    Well { compare_at: Instant },
    /// Something is, and others are asked whether it is the endpoint.
    Doubted { since: Instant, why: Doubt, compare_at: Instant, backoff: Backoff },
}

/// What is held against the endpoint in use.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
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

/// What the endpoint in use shows by itself.
#[derive(Debug)]
struct Seen {
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

/// What calls and comparisons with itself say of the endpoint in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// It contradicts itself; what is wrong.
    pub(super) conflict: Option<String>,
    /// Calls have failed for too long; the last failure.
    pub(super) failing: Option<String>,
    /// It said lately that it is behind.
    pub(super) behind: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing before this time, unless something happens.
    WaitUntil(Instant),
    /// Look at the endpoint in use and at this other one at the same time, and tell what both see.
    Compare { with: Option<usize>, confirmations: bool },
}

/// Another endpoint is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) to: usize,
    pub(super) reason: Reason,
}

/// What somebody should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// An endpoint that is not in use is ill.
    Ill {
        site: usize,
        why: String,
    },
    /// It may be used again.
    Well {
        site: usize,
    },
    /// It is never used.
    Refused {
        site: usize,
        why: String,
    },
    Paused(Pause),
    Resumed,
}

// === impl Health ===

impl Health {
    /// Endpoints by their priorities; the first is in use.
    pub(super) fn new(bounds: Bounds, priorities: impl IntoIterator<Item = u32>, now: Instant) -> Self {
        Self {
            bounds,
            sites: priorities.into_iter().map(Candidate::new).collect(),
            here: 0,
            state: State::Well { compare_at: now + bounds.compare_pause },
            since: now,
            arrived: None,
            seen: Seen::new(now),
            genesis: None,
            pause: None,
            news: Vec::new(),
        }
    }

    // --- what is seen ---

    /// The watch begins, or begins again: what happened meanwhile was not seen.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = now;
        self.seen = Seen::new(now);
        self.state = State::Well { compare_at: now + self.bounds.compare_pause };
        self.resume();
    }

    /// The slots are subscribed on a socket that may show another node, or cannot be subscribed at all.
    pub(super) fn listening(&mut self, tells_slots: bool) {
        self.seen.tells_slots = tells_slots;
        self.seen.slot = None;
        self.seen.root = None;
    }

    /// A slot was announced, and this is the root.
    pub(super) fn slot(&mut self, now: Instant, slot: u64, root: u64) {
        if self.seen.slot.is_none_or(|newest| slot > newest) {
            self.seen.slot = Some(slot);
            self.seen.moved_at = now;
            if matches!(self.pause, Some(Pause::Cluster { .. })) {
                self.resume();
            }
        }
        if self.seen.root.is_none_or(|(newest, _)| root > newest) {
            self.seen.root = Some((root, slot));
            if matches!(self.pause, Some(Pause::Confirmations { .. })) {
                self.resume();
            }
        }
    }

    /// What else shows of the endpoint in use.
    pub(super) fn signs(&mut self, signs: Signs) {
        self.seen.signs = signs;
    }

    /// What the comparison showed that was asked for: of the endpoint in use, and of the other. Says whether to move.
    pub(super) fn compared(
        &mut self,
        now: Instant,
        slot_time: Duration,
        own: &View,
        other: Option<(usize, View)>,
    ) -> Option<Change> {
        if let View::Seen(sight) = own {
            let genesis = self.genesis.get_or_insert_with(|| sight.genesis.clone());
            self.seen.elsewhere =
                (*genesis != sight.genesis).then(|| another_cluster(&sight.genesis, genesis));
        }
        let paused_too = self.pauses(now, slot_time, own);
        let mut change = None;
        let mut witnesses = 1;
        match other {
            None | Some((_, View::Untold(_))) => {}
            Some((site, View::Failed(why))) => self.fell_ill(site, why, now),
            Some((site, View::Seen(sight))) => match self.genesis.clone() {
                Some(genesis) if genesis != sight.genesis => {
                    self.refuse(site, another_cluster(&sight.genesis, &genesis));
                }
                Some(_) | None if sight.processed.moves() => {
                    change = self.weigh(now, slot_time, own, site, &sight);
                    match (&paused_too, sight.confirmed.map(|tip| tip.moves())) {
                        (Some(Pause::Confirmations { .. }), Some(false)) => witnesses = 2,
                        (Some(Pause::Confirmations { .. }), None) => {}
                        // Somebody goes on, so that it is not the cluster.
                        (_, _) => {
                            self.resume();
                            return change;
                        }
                    }
                }
                Some(_) | None => witnesses += u32::from(self.stands_too(now, own, site, &sight)),
            },
        }
        match paused_too {
            // The silence of one that cannot be asked means something only if another says the same.
            Some(pause) if witnesses > 1 || matches!(own, View::Seen(_)) => self.pause(pause.by(witnesses)),
            Some(_) => {}
            None => self.resume(),
        }
        change
    }

    /// The change was made.
    pub(super) fn moved(&mut self, now: Instant, change: &Change) {
        let stayed = now.duration_since(self.arrived.unwrap_or(self.since));
        let (bounds, here) = (self.bounds, self.here);
        if let Some(left) = self.sites.get_mut(here) {
            left.left(&change.reason, stayed, now, &bounds);
            if let Held::Refused(why) = left.held() {
                self.news.push(News::Refused { site: here, why: why.clone() });
            }
        }
        if let Some(next) = self.sites.get_mut(change.to) {
            next.taken();
        }
        self.here = change.to;
        self.arrived = Some(now);
        self.begin(now);
        self.state = State::Well { compare_at: now + bounds.compare_every };
    }

    // --- what to do ---

    /// What to do now. To be asked again after everything that was told.
    pub(super) fn next(&mut self, now: Instant, slot_time: Duration) -> Step {
        let doubt = self.doubt(now, slot_time);
        self.state = match (doubt, &mut self.state) {
            (None, State::Well { compare_at }) => State::Well { compare_at: *compare_at },
            (None, State::Doubted { .. }) => State::Well { compare_at: now + self.bounds.compare_every },
            (Some(why), State::Well { .. }) => {
                let backoff = Backoff::new(self.bounds.compare_pause, self.bounds.compare_every);
                State::Doubted { since: now, why, compare_at: now, backoff }
            }
            (Some(why), State::Doubted { since, compare_at, backoff, .. }) => {
                State::Doubted { since: *since, why, compare_at: *compare_at, backoff: *backoff }
            }
        };
        let with = self.partner();
        let due = match &mut self.state {
            // Nothing could come of it before.
            State::Well { compare_at } | State::Doubted { compare_at, .. } if with.is_some() => {
                (*compare_at).max(self.arrived.map_or(now, |arrived| arrived + self.bounds.minimum_stay))
            }
            // Alone, it can only be asked whether it is the slots or the socket.
            State::Doubted { why: Doubt::Silent | Doubt::Unconfirmed, compare_at, .. } => *compare_at,
            State::Well { .. } | State::Doubted { .. } => return Step::WaitUntil(self.alarm(now, slot_time)),
        };
        if now < due {
            return Step::WaitUntil(due.min(self.alarm(now, slot_time)));
        }
        match &mut self.state {
            State::Well { compare_at } => *compare_at = now + self.bounds.compare_every,
            State::Doubted { compare_at, backoff, .. } => *compare_at = now + backoff.pause(),
        }
        if let Some(site) = with.and_then(|site| self.sites.get_mut(site)) {
            site.asked(now);
        }
        Step::Compare { with, confirmations: self.is_unconfirmed() }
    }

    /// What somebody should be told since this was asked last.
    pub(super) fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    // --- what others may see ---

    pub(super) fn paused(&self) -> Option<Pause> {
        self.pause
    }

    /// What is held against each endpoint.
    pub(super) fn standings(&self, now: Instant) -> impl Iterator<Item = Standing> {
        self.sites.iter().enumerate().map(move |(index, site)| match &self.state {
            State::Doubted { since, why, .. } if index == self.here => {
                Standing::Ill { since: now.duration_since(*since), why: why.to_string() }
            }
            State::Well { .. } | State::Doubted { .. } => site.standing(now),
        })
    }

    // --- the endpoint in use ---

    fn doubt(&self, now: Instant, slot_time: Duration) -> Option<Doubt> {
        let Signs { failing, behind, .. } = &self.seen.signs;
        let conflict = self.conflict().map(|what| Doubt::Conflict(what.to_owned()));
        conflict
            .or_else(|| failing.clone().map(Doubt::Errors))
            .or_else(|| self.is_silent(now, slot_time).then_some(Doubt::Silent))
            .or_else(|| self.is_unconfirmed().then_some(Doubt::Unconfirmed))
            .or_else(|| behind.then_some(Doubt::Behind))
    }

    fn conflict(&self) -> Option<&str> {
        self.seen.signs.conflict.as_deref().or(self.seen.elsewhere.as_deref())
    }

    fn is_silent(&self, now: Instant, slot_time: Duration) -> bool {
        self.seen.tells_slots && now >= self.silent_at(slot_time)
    }

    fn silent_at(&self, slot_time: Duration) -> Instant {
        let slots = slot_time.saturating_mul(self.bounds.stall_slots);
        self.seen.moved_at + slots.max(self.bounds.stall_floor)
    }

    fn is_unconfirmed(&self) -> bool {
        let slots = self.seen.slot.zip(self.seen.root).map(|(slot, (_, at))| slot.saturating_sub(at));
        slots.is_some_and(|slots| slots >= self.bounds.unconfirmed_slots)
    }

    /// When there is something to doubt if nothing happens.
    fn alarm(&self, now: Instant, slot_time: Duration) -> Instant {
        let silent_at = self.silent_at(slot_time);
        if self.seen.tells_slots && silent_at > now { silent_at } else { now + self.bounds.compare_every }
    }

    /// What stands still at the endpoint in use, as itself says.
    fn pauses(&self, now: Instant, slot_time: Duration, own: &View) -> Option<Pause> {
        if self.is_silent(now, slot_time) {
            // One that cannot be asked shows its newest slot all the same, if others say they have no newer one.
            let slot = match own {
                View::Seen(sight) if sight.processed.moves() => return None,
                View::Seen(sight) => sight.processed.last,
                View::Failed(_) | View::Untold(_) => self.seen.slot?,
            };
            return Some(Pause::Cluster { slot: Slot(slot), witnesses: 1 });
        }
        match (own, self.seen.root) {
            (View::Seen(Sight { confirmed: Some(tip), .. }), Some((root, _)))
                if self.is_unconfirmed() && !tip.moves() =>
            {
                Some(Pause::Confirmations { slot: Slot(root), witnesses: 1 })
            }
            _ => None,
        }
    }

    // --- the others ---

    /// Whom to compare with: whoever was asked longest ago; in doubt, whoever is likeliest to be well and was not asked
    /// since the doubt arose.
    fn partner(&self) -> Option<usize> {
        let doubted = match &self.state {
            State::Well { .. } => None,
            State::Doubted { since, .. } => Some(*since),
        };
        let others = self.sites.iter().enumerate().filter(|(index, _)| *index != self.here);
        others.filter_map(|(index, site)| Some((site.rank(doubted)?, index))).min().map(|(_, index)| index)
    }

    /// The other endpoint goes on. Is it the one to use?
    fn weigh(
        &mut self,
        now: Instant,
        slot_time: Duration,
        own: &View,
        site: usize,
        sight: &Sight,
    ) -> Option<Change> {
        let silent = self.is_silent(now, slot_time);
        let newest = match own {
            View::Seen(own) => Some(own.processed.last),
            // What was announced last says nothing when that was long ago.
            View::Failed(_) | View::Untold(_) => self.seen.slot.filter(|_| !silent),
        };
        let behind = newest.max(self.seen.slot).map_or(0, |best| best.saturating_sub(sight.processed.last));
        if behind > self.bounds.lag_slots {
            self.fell_ill(site, format!("it is {behind} slots behind the endpoint in use"), now);
            return None;
        }
        let here = self.sites.get(self.here)?.priority();
        let healthy_for = self.bounds.healthy_for;
        let other = self.sites.get_mut(site)?;
        if other.looked_well(now, healthy_for) {
            self.news.push(News::Well { site });
        }
        let (is_well, preferred) = (matches!(other.held(), Held::Nothing), other.priority() < here);
        let lag = newest.map_or(0, |newest| sight.processed.last.saturating_sub(newest));
        let reason = self.dead(own, silent).or_else(|| {
            // What still serves in part is only left for one that has long been seen to be well.
            is_well.then(|| self.ailing(now, own, sight, lag)).flatten()
        });
        let reason = reason.or_else(|| (is_well && preferred).then_some(Reason::Return));
        reason.map(|reason| Change { to: site, reason })
    }

    /// Why nothing at all can be had of the endpoint in use.
    fn dead(&self, own: &View, silent: bool) -> Option<Reason> {
        if let Some(what) = self.conflict() {
            return Some(Reason::Conflict(what.to_owned()));
        }
        match own {
            View::Failed(why) if self.seen.signs.failing.is_some() || silent => {
                Some(Reason::Errors(why.clone()))
            }
            View::Seen(_) if silent && own.moves() == Some(false) => Some(Reason::Stalled),
            View::Seen(_) | View::Failed(_) | View::Untold(_) => None,
        }
    }

    /// Why the endpoint in use serves badly.
    fn ailing(&self, now: Instant, own: &View, other: &Sight, lag: u64) -> Option<Reason> {
        if let Some(why) = &self.seen.signs.failing {
            return Some(Reason::Errors(why.clone()));
        }
        if lag > self.bounds.lag_slots {
            return Some(Reason::Lag { slots: lag });
        }
        let quiet = now.duration_since(self.seen.moved_at);
        if self.seen.tells_slots && quiet >= self.bounds.deaf_for && own.moves() == Some(true) {
            return Some(Reason::Deaf);
        }
        let confirms = |sight: &Sight| sight.confirmed.map(|tip| tip.moves());
        match own {
            View::Seen(own) if confirms(own) == Some(false) && confirms(other) == Some(true) => {
                Some(Reason::Unconfirmed)
            }
            View::Seen(_) | View::Failed(_) | View::Untold(_) => None,
        }
    }

    /// The other endpoint sees no new slots. Does the one in use see none either, so that it may be the cluster?
    fn stands_too(&mut self, now: Instant, own: &View, site: usize, sight: &Sight) -> bool {
        let announced = now.duration_since(self.seen.moved_at) < self.bounds.compare_for;
        let newest = match own {
            View::Seen(own) => self.seen.slot.max(Some(own.processed.last)),
            View::Failed(_) | View::Untold(_) => self.seen.slot,
        };
        let behind = newest.map_or(0, |newest| newest.saturating_sub(sight.processed.last));
        if own.moves() == Some(true) || announced || behind > self.bounds.lag_slots {
            self.fell_ill(site, format!("it sees no new slots after {}", sight.processed.last), now);
            return false;
        }
        true
    }

    fn fell_ill(&mut self, site: usize, why: String, now: Instant) {
        if let Some(other) = self.sites.get_mut(site)
            && other.fell_ill(&why, now)
        {
            self.news.push(News::Ill { site, why });
        }
    }

    fn refuse(&mut self, site: usize, why: String) {
        if let Some(other) = self.sites.get_mut(site) {
            other.refuse(&why);
            self.news.push(News::Refused { site, why });
        }
    }

    fn pause(&mut self, pause: Pause) {
        // A witness that was heard once counts until something moves.
        let pause = self.pause.map_or(pause, |known| pause.by(known.witnesses()));
        if self.pause.replace(pause) != Some(pause) {
            self.news.push(News::Paused(pause));
        }
    }

    fn resume(&mut self) {
        if self.pause.take().is_some() {
            self.news.push(News::Resumed);
        }
    }
}

fn another_cluster(this: &str, ours: &str) -> String {
    format!("it serves the cluster with genesis hash {this}, not {ours}")
}

// === impl Doubt ===

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(what) => f.write_str(what),
            Self::Errors(last) => write!(f, "calls fail: {last}"),
            Self::Silent => f.write_str("no slots are announced"),
            Self::Unconfirmed => f.write_str("slots are announced and none is confirmed"),
            Self::Behind => f.write_str("it says that it is behind"),
        }
    }
}

// === impl Seen ===

impl Seen {
    fn new(now: Instant) -> Self {
        Self {
            signs: Signs::default(),
            tells_slots: true,
            slot: None,
            moved_at: now,
            root: None,
            elsewhere: None,
        }
    }
}

#[cfg(test)]
mod tests;
