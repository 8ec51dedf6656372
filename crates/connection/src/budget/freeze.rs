//! What a provider's refusal does to the scope it names: nobody sends, then one probe, then everyone again.

use std::time::Duration;

use tokio::time::Instant;

use super::permit::{Answer, Ticket};

/// Hints of the provider and doubled pauses stay within these.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// The first pause after 401 or 403: the address or key is refused as such, which a window does not cure.
const FORBIDDEN: Duration = Duration::from_secs(30);

/// Whether one scope is open, and for whom.
#[derive(Debug, Default)]
pub(crate) struct Freeze {
    state: State,
    pause: Duration,
    refusals: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Open,
    /// Nobody before `until`; then one.
    Frozen { until: Instant },
    /// That one is under way.
    Probing { ticket: Ticket, since: Instant },
}

/// A provider's refusal, as its answer words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) scope: RefusedScope,
    hint: Option<Duration>,
    forbidden: bool,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedScope {
    Everything,
    Method,
    Connects,
}

// === impl Refusal ===

impl Refusal {
    /// What an answer refuses, if it refuses anything: 429; 401 and 403; or any error with `Retry-After`.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let forbidden = matches!(answer.status, 401 | 403);
        if !(forbidden || answer.status == 429 || (answer.status >= 500 && answer.retry_after.is_some())) {
            return None;
        }
        let words = answer.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        // The three texts of the public endpoint; words that are not known freeze everything.
        let scope = if answer.status != 429 {
            RefusedScope::Everything
        } else if words.contains("specific rpc call") {
            RefusedScope::Method
        } else if words.contains("connection rate") {
            RefusedScope::Connects
        } else {
            RefusedScope::Everything
        };
        Some(Self { scope, hint: answer.retry_after, forbidden })
    }
}

// === impl Freeze ===

impl Freeze {
    /// Whether nobody may send now. When it does not block a frozen scope, the next to go is the probe.
    pub(crate) fn blocks(&self, now: Instant) -> bool {
        match self.state {
            State::Open => false,
            State::Frozen { until } => now < until,
            State::Probing { .. } => true,
        }
    }

    /// When a probe may go, while the scope is frozen.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self.state {
            State::Open | State::Probing { .. } => None,
            State::Frozen { until } => Some(until),
        }
    }

    /// The probe under way.
    pub(crate) fn probe(&self) -> Option<Ticket> {
        match self.state {
            State::Open | State::Frozen { .. } => None,
            State::Probing { ticket, .. } => Some(ticket),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// `ticket` was let through.
    pub(crate) fn granted(&mut self, ticket: Ticket, now: Instant) {
        if let State::Frozen { .. } = self.state {
            self.state = State::Probing { ticket, since: now };
        }
    }

    /// The provider refused `ticket`. `usual` is the pause when it gave no hint. Returns whether the scope is
    /// closed until later than before.
    pub(crate) fn refused(
        &mut self,
        ticket: Ticket,
        now: Instant,
        refusal: Refusal,
        usual: Duration,
    ) -> bool {
        let hint = refusal.hint.map(|hint| hint.clamp(SHORTEST, LONGEST));
        match self.state {
            State::Open => {
                self.refusals = 1;
                let usual = if refusal.forbidden { FORBIDDEN } else { usual };
                self.pause = hint.unwrap_or(usual).clamp(SHORTEST, LONGEST);
            }
            State::Probing { ticket: probe, .. } if probe == ticket => {
                self.refusals = self.refusals.saturating_add(1);
                self.pause = self.pause.saturating_mul(2).max(hint.unwrap_or_default()).min(LONGEST);
            }
            // Sent before the scope was frozen: no news, unless it names a later time.
            State::Frozen { until } => {
                let later = hint.map_or(until, |hint| until.max(now + hint));
                self.state = State::Frozen { until: later };
                return later > until;
            }
            State::Probing { .. } => return false,
        }
        self.state = State::Frozen { until: now + self.pause };
        true
    }

    /// The provider accepted `ticket`: if that was the probe, the scope is open again.
    pub(crate) fn accepted(&mut self, ticket: Ticket) {
        if let State::Probing { ticket: probe, .. } = self.state
            && probe == ticket
        {
            *self = Self::default();
        }
    }

    /// The provider accepted something at `now`: for a scope whose probe has no answer of its own.
    pub(crate) fn accepted_any(&mut self, now: Instant) {
        if let State::Probing { since, .. } = self.state
            && since < now
        {
            *self = Self::default();
        }
    }

    /// `ticket` taught nothing: if it was the probe, the next may go after another pause.
    pub(crate) fn taught_nothing(&mut self, ticket: Ticket, now: Instant) {
        if let State::Probing { ticket: probe, .. } = self.state
            && probe == ticket
        {
            self.state = State::Frozen { until: now + self.pause };
        }
    }

    /// `ticket` was never sent: if it was the probe, another may go at once.
    pub(crate) fn unsent(&mut self, ticket: Ticket, now: Instant) {
        if let State::Probing { ticket: probe, .. } = self.state
            && probe == ticket
        {
            self.state = State::Frozen { until: now };
        }
    }

    /// A probe without an answer of its own counts as lost after a pause.
    pub(crate) fn give_up_silent_probe(&mut self, now: Instant) {
        if let State::Probing { since, .. } = self.state
            && now >= since + self.pause
        {
            self.state = State::Frozen { until: now };
        }
    }

    /// When [`give_up_silent_probe`](Self::give_up_silent_probe) has something to do.
    pub(crate) fn silent_until(&self) -> Option<Instant> {
        match self.state {
            State::Open | State::Frozen { .. } => None,
            State::Probing { since, .. } => Some(since + self.pause),
        }
    }

    pub(crate) fn describe(&self, scope: super::Scope, now: Instant) -> Option<super::Frozen> {
        let (remaining, probing) = match self.state {
            State::Open => return None,
            State::Frozen { until } => (until.saturating_duration_since(now), false),
            State::Probing { .. } => (Duration::ZERO, true),
        };
        Some(super::Frozen { scope, remaining, probing, refusals: self.refusals })
    }
}
