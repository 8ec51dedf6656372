//! What a look at an endpoint shows.

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// It answered.
    Seen(Sight),
    /// It did not, or with an error; in words.
    Failed(String),
    /// It could not be asked, or it refused for its limits: that says nothing.
    Untold(String),
}

/// What an endpoint sees of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// The hash of its chain's first block, base58.
    pub(super) genesis: String,
    pub(super) processed: Tip,
    /// Only where that was in doubt.
    pub(super) confirmed: Option<Tip>,
}

/// The newest slot at the beginning of the look and at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) first: u64,
    pub(super) last: u64,
}

// === impl View ===

impl View {
    pub(super) fn sight(&self) -> Option<&Sight> {
        match self {
            Self::Seen(sight) => Some(sight),
            Self::Failed(_) | Self::Untold(_) => None,
        }
    }

    /// Whether the endpoint saw new slots while it was looked at; `None` if it did not answer.
    pub(super) fn moves(&self) -> Option<bool> {
        self.sight().map(|sight| sight.processed.moves())
    }
}

// === impl Sight ===

impl Sight {
    /// Which other cluster than `ours` it shows, in words, if it does.
    pub(super) fn of_another_cluster(&self, ours: &str) -> Option<String> {
        let words = || format!("it serves the cluster with genesis hash {}, not {ours}", self.genesis);
        (self.genesis != ours).then(words)
    }

    /// Whether it was asked for what it confirms, and confirmed nothing new.
    pub(super) fn confirms_nothing(&self) -> bool {
        self.confirmed.is_some_and(|tip| !tip.moves())
    }
}

// === impl Tip ===

impl Tip {
    pub(super) fn moves(self) -> bool {
        self.last > self.first
    }
}
