use eda_events::{
    Progress, Slot,
    log::{How, Span},
};
use jiff::Timestamp;

/// How far a worker has come with an interest: no slot lies in two stretches, and every slot from the one after
/// `begins_after` to `reached_to` lies in one, unless it was complete and is so long ago that it was forgotten.
///
/// Only the stretches that matter to what is taken need be here, and always the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) begins_after: Slot,
    pub(crate) reached_to: Slot,
    /// In order. No two neighbours are known in the same way.
    pub(crate) stretches: Vec<Stretch>,
}

/// Slots whose content became known in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) span: Span,
    /// When the first of it was said.
    pub(crate) since: Timestamp,
}

/// Progress that cannot be: believing it would pass slots that nobody has looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It was never said where the interest begins.
    #[error("nobody has said where it begins")]
    NotBegun,
    /// It began somewhere else.
    #[error("it begins after slot {said}, but began after slot {kept}")]
    BeginsAgain {
        /// Where it begins, as it is kept.
        kept: Slot,
        /// Where it begins, as was said now.
        said: Slot,
    },
    /// The last slot comes before the first.
    #[error("the slots from {from} to {to} are none")]
    Empty {
        /// The first.
        from: Slot,
        /// The last.
        to: Slot,
    },
    /// The slots do not follow on what was reached.
    #[error("slot {from} does not follow on slot {reached_to}, which was reached")]
    NotNext {
        /// The last slot that was reached.
        reached_to: Slot,
        /// The first slot of what was said to be reached now.
        from: Slot,
    },
    /// Slots to be mended were not given up.
    #[error("the slots from {from} to {to} were not all given up")]
    NotGivenUp {
        /// The first.
        from: Slot,
        /// The last.
        to: Slot,
    },
}

// === impl Coverage ===

impl Coverage {
    /// An interest that begins after this slot.
    pub(crate) fn begin(after: Slot) -> Self {
        Self { begins_after: after, reached_to: after, stretches: Vec::new() }
    }

    /// Takes progress, or leaves everything as it is and says why it cannot.
    pub(crate) fn take(&mut self, progress: &Progress, now: Timestamp) -> Result<(), Broken> {
        match progress {
            Progress::Begins { after } if *after == self.begins_after => Ok(()),
            Progress::Begins { after } => Err(Broken::BeginsAgain { kept: self.begins_after, said: *after }),
            Progress::Reached(span) => self.reach(span, now),
            Progress::Mended(span) => self.mend(span, now),
        }
    }

    /// The first slot from which the stretches must be here to take this progress: those that it changes, and the
    /// neighbour that it may be joined with.
    pub(crate) fn needed_from(progress: &Progress) -> Option<Slot> {
        match progress {
            Progress::Begins { .. } => None,
            Progress::Reached(span) | Progress::Mended(span) => Some(Slot(span.from.0.saturating_sub(1))),
        }
    }

    fn reach(&mut self, span: &Span, now: Timestamp) -> Result<(), Broken> {
        not_empty(span)?;
        if self.reached_to.0.checked_add(1) != Some(span.from.0) {
            return Err(Broken::NotNext { reached_to: self.reached_to, from: span.from });
        }
        self.reached_to = span.to;
        match self.stretches.last_mut() {
            Some(last) if last.span.how == span.how => last.span.to = span.to,
            Some(_) | None => self.stretches.push(Stretch { span: span.clone(), since: now }),
        }
        Ok(())
    }

    fn mend(&mut self, span: &Span, now: Timestamp) -> Result<(), Broken> {
        not_empty(span)?;
        let touched = |stretch: &Stretch| stretch.span.from <= span.to && span.from <= stretch.span.to;
        let first = self.stretches.iter().position(touched);
        let hit: Vec<&Stretch> = self.stretches.iter().filter(|stretch| touched(stretch)).collect();
        let (Some(first), [left, ..], [.., right]) = (first, &hit[..], &hit[..]) else {
            return Err(Broken::NotGivenUp { from: span.from, to: span.to });
        };
        let given_up = hit.iter().all(|stretch| matches!(stretch.span.how, How::Unproven(_)));
        if !given_up || left.span.from > span.from || right.span.to < span.to {
            return Err(Broken::NotGivenUp { from: span.from, to: span.to });
        }
        let before = (left.span.from < span.from).then(|| Stretch {
            span: Span { to: Slot(span.from.0.saturating_sub(1)), ..left.span.clone() },
            since: left.since,
        });
        let after = (right.span.to > span.to).then(|| Stretch {
            span: Span { from: Slot(span.to.0.saturating_add(1)), ..right.span.clone() },
            since: right.since,
        });
        let mended = Stretch { span: span.clone(), since: now };
        let count = hit.len();
        let new = before.into_iter().chain([mended]).chain(after);
        self.stretches.splice(first..first.saturating_add(count), new);
        self.stretches.dedup_by(|next, kept| {
            let same =
                kept.span.how == next.span.how && kept.span.to.0.checked_add(1) == Some(next.span.from.0);
            if same {
                kept.span.to = next.span.to;
                kept.since = kept.since.min(next.since);
            }
            same
        });
        Ok(())
    }
}

fn not_empty(span: &Span) -> Result<(), Broken> {
    if span.from <= span.to { Ok(()) } else { Err(Broken::Empty { from: span.from, to: span.to }) }
}

impl Broken {
    /// The label in stats.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotBegun => "not-begun",
            Self::BeginsAgain { .. } => "begins-again",
            Self::Empty { .. } => "empty",
            Self::NotNext { .. } => "not-next",
            Self::NotGivenUp { .. } => "not-given-up",
        }
    }
}
