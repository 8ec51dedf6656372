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
    /// Whether the endpoint saw new slots while it was looked at; `None` if it did not answer.
    pub(super) fn moves(&self) -> Option<bool> {
        match self {
            Self::Seen(sight) => Some(sight.processed.moves()),
            Self::Failed(_) | Self::Untold(_) => None,
        }
    }
}

// === impl Tip ===

impl Tip {
    pub(super) fn moves(self) -> bool {
        self.last > self.first
    }
}
