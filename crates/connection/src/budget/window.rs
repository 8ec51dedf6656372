//! One limit over a rolling window, by the hold rule.
//!
//! A request holds its units from before it is sent until its answer has arrived plus the window's length, and is
//! sent only while the units held leave room. Then no window of the provider's clock ever sees more than the
//! limit: of limit + 1 arrivals within one window take the one granted last, at `g`. One of the others had been
//! released by then, so its answer came before `g - W`, so it arrived before `g - W`; the last arrived after `g`:
//! they are more than a window apart. Network jitter does not enter the argument.

use std::{collections::BTreeMap, time::Duration};

use eda_limits::Limits;
use tokio::time::Instant;

/// The state of one limit.
#[derive(Debug)]
pub(crate) struct Window {
    length: Duration,
    advertised: u64,
    kept: u64,
    reserve: u64,
    one: u64,
    dearest: u64,
    held: u64,
    foreign: u64,
    granted: u64,
    in_flight: u64,
    /// Units by the moment they are released. Bounded by the units held: every entry has at least one.
    releases: BTreeMap<Instant, Release>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Release {
    own: u64,
    foreign: u64,
}

/// What a window looked like when a request was granted, to tell later which of the provider's counts are ours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    held: u64,
    granted: u64,
}

impl Window {
    /// A window of `advertised` units, of which the margin is left alone and a share is held back; `one` is what
    /// a cheap request takes, `dearest` what the dearest one does.
    pub(crate) fn new(advertised: u64, length: Duration, one: u64, dearest: u64, limits: &Limits) -> Self {
        let mut window = Self {
            length,
            advertised: u64::MAX,
            kept: 0,
            reserve: 0,
            one,
            dearest,
            held: 0,
            foreign: 0,
            granted: 0,
            in_flight: 0,
            releases: BTreeMap::new(),
        };
        window.tighten(advertised, limits);
        window
    }

    /// Lowers the limit to `advertised` units, if that is lower.
    pub(crate) fn tighten(&mut self, advertised: u64, limits: &Limits) {
        if advertised < self.advertised {
            self.advertised = advertised;
            self.kept = limits.kept(advertised);
            self.reserve = limits.reserve(self.kept, self.one, self.dearest);
        }
    }

    /// Units that requests may hold: all that are kept, or without the share held back.
    pub(crate) fn allowed(&self, privileged: bool) -> u64 {
        if privileged { self.kept } else { self.kept - self.reserve }
    }

    /// Whether `units` more may be held now. Frees what is due first.
    pub(crate) fn fits(&mut self, now: Instant, units: u64, privileged: bool) -> bool {
        self.release_due(now);
        self.held.saturating_add(units) <= self.allowed(privileged)
    }

    /// Holds `units` for a request about to be sent, until [`release_at`](Self::release_at) or
    /// [`give_back`](Self::give_back).
    pub(crate) fn hold(&mut self, units: u64) -> Mark {
        self.held = self.held.saturating_add(units);
        self.in_flight = self.in_flight.saturating_add(units);
        self.granted = self.granted.saturating_add(units);
        Mark { held: self.held - self.foreign, granted: self.granted }
    }

    /// The request that holds `held` arrived at the provider no later than `arrived`: its units, which turned out
    /// to be `actual`, are free a window's length after that.
    pub(crate) fn release_at(&mut self, held: u64, actual: u64, arrived: Instant) {
        self.give_back(held);
        if actual > 0 {
            self.held = self.held.saturating_add(actual);
            let release = self.releases.entry(arrived + self.length).or_default();
            release.own = release.own.saturating_add(actual);
        }
    }

    /// The request that holds `held` was never sent.
    pub(crate) fn give_back(&mut self, held: u64) {
        self.in_flight = self.in_flight.saturating_sub(held);
        self.held = self.held.saturating_sub(held);
    }

    /// Counts the whole window as used by someone until a window's length after `since`.
    pub(crate) fn assume_used(&mut self, since: Instant) {
        self.hold_foreign(self.kept, since);
    }

    /// The provider says `used` units are used up; what eda cannot have used since `mark` was used by other
    /// programs on the same address, and is held for them as if it had arrived `now`.
    pub(crate) fn observe_used(&mut self, now: Instant, used: u64, mark: Mark) {
        self.release_due(now);
        let own = mark.held.saturating_add(self.granted.saturating_sub(mark.granted));
        let foreign = used.min(self.advertised).saturating_sub(own);
        self.hold_foreign(foreign.saturating_sub(self.foreign), now);
    }

    fn hold_foreign(&mut self, units: u64, since: Instant) {
        if units > 0 {
            self.foreign = self.foreign.saturating_add(units);
            self.held = self.held.saturating_add(units);
            let release = self.releases.entry(since + self.length).or_default();
            release.foreign = release.foreign.saturating_add(units);
        }
    }

    /// The earliest moment at which the last of `need` units can have been granted, if nothing else took any.
    /// Units in flight are taken to be released at `in_flight_until`.
    pub(crate) fn earliest(
        &mut self,
        now: Instant,
        need: u64,
        privileged: bool,
        in_flight_until: Instant,
    ) -> Instant {
        self.release_due(now);
        let allowed = self.allowed(privileged).max(1);
        // Whatever passes now, one more allowance follows per window.
        let windows = need.saturating_sub(1) / allowed;
        let first = need - windows * allowed;
        let wait = self.length.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX));
        let mut room = allowed.saturating_sub(self.held);
        let mut over = self.held.saturating_sub(allowed);
        let mut at = now;
        let mut in_flight = Some(self.in_flight);
        let mut free = |units: u64| {
            let covered = over.min(units);
            over -= covered;
            room = room.saturating_add(units - covered);
            room >= first
        };
        if !free(0) {
            for (when, release) in &self.releases {
                at = *when;
                if in_flight_until <= at
                    && let Some(units) = in_flight.take()
                    && free(units)
                {
                    at = in_flight_until;
                    break;
                }
                if free(release.own.saturating_add(release.foreign)) {
                    break;
                }
            }
            if let Some(units) = in_flight
                && !free(0)
            {
                free(units);
                at = in_flight_until;
            }
        }
        at.max(now).checked_add(wait).unwrap_or(at)
    }

    /// When units are released next, as far as that is known.
    pub(crate) fn next_release(&self) -> Option<Instant> {
        self.releases.first_key_value().map(|(at, _)| *at)
    }

    pub(crate) fn release_due(&mut self, now: Instant) {
        while let Some(entry) = self.releases.first_entry()
            && *entry.key() <= now
        {
            let release = entry.remove();
            self.held = self.held.saturating_sub(release.own.saturating_add(release.foreign));
            self.foreign = self.foreign.saturating_sub(release.foreign);
        }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.held == 0
    }

    pub(crate) fn describe(&self, scope: super::Scope) -> super::WindowUse {
        super::WindowUse {
            scope,
            window: self.length,
            limit: self.advertised,
            kept: self.kept,
            reserve: self.reserve,
            held: self.held,
            foreign: self.foreign,
            left: self.kept.saturating_sub(self.held),
        }
    }
}
