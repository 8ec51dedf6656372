//! Whether the endpoint in use is well, and which one to use if it is not. Pure: it is told what is seen and when, and
//! says what to do next.
//!
//! Nothing is decided by what the endpoint in use shows alone, because a cluster that stands still looks like an
//! endpoint that does. What is seen raises a doubt; a doubt is settled by looking at another endpoint at the same time,
//! and only one that is seen to go on is ever moved to. Without a doubt the two are compared now and then: a lag shows
//! in no other way, and an endpoint that was ill is gone back to when it has long been seen to be well.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    bounds::Bounds,
    candidate::{Candidate, Held},
    seen::{Doubt, Seen, Signs},
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
    seen: Seen,
    /// Since when that one is used, or watched again.
    since: Instant,
    /// There is no change before this.
    stay_until: Instant,
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

/// What a comparison showed of the other endpoint.
enum Found {
    /// Nothing that helps.
    Nothing,
    /// It sees no new slots either.
    StandsToo,
    /// It sees new ones.
    GoesOn(Sight),
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
            seen: Seen::new(bounds, now),
            since: now,
            stay_until: now,
            genesis: None,
            pause: None,
            news: Vec::new(),
        }
    }

    // --- what is seen ---

    /// The watch begins, or begins again: what happened meanwhile was not seen.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = now;
        self.seen = Seen::new(self.bounds, now);
        self.state = State::Well { compare_at: now + self.bounds.compare_pause };
        self.resume();
    }

    /// The slots are subscribed on a socket that may show another node, or cannot be subscribed.
    pub(super) fn listening(&mut self, tells_slots: bool) {
        self.seen.listening(tells_slots);
    }

    /// A slot was announced, and this is the root.
    pub(super) fn slot(&mut self, now: Instant, slot: u64, root: u64) {
        let moved = self.seen.slot(now, slot, root);
        let over = match self.pause {
            Some(Pause::Cluster { .. }) => moved.slot,
            Some(Pause::Confirmations { .. }) => moved.root,
            None => false,
        };
        if over {
            self.resume();
        }
    }

    /// What else shows of the endpoint in use.
    pub(super) fn signs(&mut self, signs: Signs) {
        self.seen.signs(signs);
    }

    /// What the comparison showed that was asked for: of the endpoint in use, and of the other. Says whether to move.
    pub(super) fn compared(
        &mut self,
        now: Instant,
        slot_time: Duration,
        own: &View,
        other: Option<(usize, View)>,
    ) -> Option<Change> {
        self.seen.looked_at(own, &mut self.genesis);
        let silent = self.seen.is_silent(now, slot_time);
        let (site, found) = match other {
            Some((site, view)) => (Some(site), self.examine(now, own, site, view)),
            None => (None, Found::Nothing),
        };
        match (self.seen.pause(own, silent), &found) {
            (None, _) => self.resume(),
            (Some(pause), Found::StandsToo) => self.pause(pause.by(2)),
            (Some(pause @ Pause::Confirmations { .. }), Found::GoesOn(other)) if other.confirms_nothing() => {
                self.pause(pause.by(2));
            }
            // Somebody goes on, so that it is not the cluster.
            (Some(_), Found::GoesOn(_)) => self.resume(),
            (Some(pause), Found::Nothing) if own.sight().is_some() => self.pause(pause),
            // The silence of one that cannot be asked means something only if another says the same.
            (Some(_), Found::Nothing) => {}
        }
        match (site, found) {
            (Some(site), Found::GoesOn(sight)) => self.weigh(now, own, silent, site, &sight),
            (_, Found::Nothing | Found::StandsToo) | (None, Found::GoesOn(_)) => None,
        }
    }

    /// The change was made.
    pub(super) fn moved(&mut self, now: Instant, change: &Change) {
        let (bounds, here, stayed) = (self.bounds, self.here, now.duration_since(self.since));
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
        self.begin(now);
        self.stay_until = now + bounds.minimum_stay;
        self.state = State::Well { compare_at: now + bounds.compare_every };
    }

    // --- what to do ---

    /// What to do now. To be asked again after everything that was told.
    pub(super) fn next(&mut self, now: Instant, slot_time: Duration) -> Step {
        self.reconsider(now, slot_time);
        let with = self.partner();
        let alone = with.is_none();
        let due = match &self.state {
            // Alone, it can only be asked whether it is the slots or the socket.
            State::Doubted { why: Doubt::Silent | Doubt::Unconfirmed, compare_at, .. } if alone => {
                Some(*compare_at)
            }
            State::Well { .. } | State::Doubted { .. } if alone => None,
            // Nothing could come of it before.
            State::Well { compare_at } | State::Doubted { compare_at, .. } => {
                Some((*compare_at).max(self.stay_until))
            }
        };
        if due.is_none_or(|due| now < due) {
            let alarm = self.seen.alarm(now, slot_time);
            let routine = now + self.bounds.compare_every;
            return Step::WaitUntil([due, alarm].into_iter().flatten().fold(routine, Instant::min));
        }
        match &mut self.state {
            State::Well { compare_at } => *compare_at = now + self.bounds.compare_every,
            State::Doubted { compare_at, backoff, .. } => *compare_at = now + backoff.pause(),
        }
        if let Some(site) = with.and_then(|site| self.sites.get_mut(site)) {
            site.asked(now);
        }
        Step::Compare { with, confirmations: self.seen.is_unconfirmed() }
    }

    /// What somebody should be told since this was asked last.
    pub(super) fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Brings the state in line with what is seen.
    fn reconsider(&mut self, now: Instant, slot_time: Duration) {
        match (self.seen.doubt(now, slot_time), &mut self.state) {
            (None, State::Well { .. }) => {}
            (None, State::Doubted { .. }) => {
                self.state = State::Well { compare_at: now + self.bounds.compare_every };
            }
            (Some(why), State::Well { .. }) => {
                let backoff = Backoff::new(self.bounds.compare_pause, self.bounds.compare_every);
                self.state = State::Doubted { since: now, why, compare_at: now, backoff };
            }
            (Some(doubt), State::Doubted { why, .. }) => *why = doubt,
        }
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

    // --- the others ---

    /// Whom to compare with: whoever was asked longest ago; in doubt, whoever is likeliest to be well and was not asked
    /// since the doubt arose.
    fn partner(&self) -> Option<usize> {
        let doubted = match &self.state {
            State::Well { .. } => None,
            State::Doubted { since, .. } => Some(*since),
        };
        let others = self.sites.iter().enumerate().filter(|(index, _)| *index != self.here);
        let ranked = others.filter_map(|(index, site)| Some((site.rank(doubted)?, index)));
        ranked.min().map(|(_, index)| index)
    }

    /// What the view of another endpoint says of it.
    fn examine(&mut self, now: Instant, own: &View, site: usize, view: View) -> Found {
        let sight = match view {
            View::Seen(sight) => sight,
            View::Failed(why) => {
                self.fell_ill(site, why, now);
                return Found::Nothing;
            }
            View::Untold(_) => return Found::Nothing,
        };
        if let Some(why) = self.genesis.as_ref().and_then(|ours| sight.of_another_cluster(ours)) {
            self.refuse(site, why);
            return Found::Nothing;
        }
        let newest = self.seen.newest(own);
        let behind = newest.map_or(0, |newest| newest.saturating_sub(sight.processed.last));
        if behind > self.bounds.lag_slots {
            self.fell_ill(site, format!("it is {behind} slots behind the endpoint in use"), now);
            Found::Nothing
        } else if sight.processed.moves() {
            Found::GoesOn(sight)
        } else if self.seen.moves(now, own) {
            // Perhaps it was only a moment late. If not, it soon is too far behind.
            Found::Nothing
        } else {
            Found::StandsToo
        }
    }

    /// The other endpoint goes on. Is it the one to use?
    fn weigh(
        &mut self,
        now: Instant,
        own: &View,
        silent: bool,
        site: usize,
        sight: &Sight,
    ) -> Option<Change> {
        let here = self.sites.get(self.here)?.priority();
        let other = self.sites.get_mut(site)?;
        if other.looked_well(now, self.bounds.healthy_for) {
            self.news.push(News::Well { site });
        }
        let reason = self.seen.dead(own, silent).or_else(|| {
            // What still serves, if badly, is only left for one that has long been seen to be well.
            let is_well = matches!(other.held(), Held::Nothing);
            let preferred = (other.priority() < here).then_some(Reason::Return);
            self.seen.ailing(now, own, silent, sight).or(preferred).filter(|_| is_well)
        });
        reason.map(|reason| Change { to: site, reason })
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

#[cfg(test)]
mod tests;
