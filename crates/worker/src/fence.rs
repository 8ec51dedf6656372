use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What an incarnation says no longer counts, because its supervisor gave it up while it was busy. The item in
/// hand is not done: return this error, and the item goes to the next incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this incarnation was given up and may not speak any more")]
pub struct Fenced;

/// The number of one incarnation of a worker, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(pub(crate) u64);

/// Lets at most one incarnation of a worker speak.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    state: Mutex<State>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    speaking: Option<u64>,
}

// === impl Fence ===

impl Fence {
    /// Begins the next incarnation: from now on it alone may speak.
    pub(crate) fn begin(&self) -> Epoch {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun = state.begun.saturating_add(1);
        state.speaking = Some(state.begun);
        Epoch(state.begun)
    }

    /// Silences whoever may speak. When this returns, nothing it says comes through any more.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).speaking = None;
    }

    /// Runs `say` if this incarnation may speak. The lock is held meanwhile, which is what makes [`Fence::close`]
    /// final; so `say` must be short and must not wait.
    pub(crate) fn pass<R>(&self, epoch: Epoch, say: impl FnOnce() -> R) -> Result<R, Fenced> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.speaking == Some(epoch.0) {
            return Ok(say());
        }
        drop(state);
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Fenced)
    }

    /// How often a silenced incarnation tried to speak.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_incarnation_speaks_and_none_after_close() {
        let fence = Fence::default();
        let first = fence.begin();
        assert_eq!(fence.pass(first, || 1), Ok(1));
        let second = fence.begin();
        assert_eq!(fence.pass(first, || 1), Err(Fenced));
        assert_eq!(fence.pass(second, || 2), Ok(2));
        fence.close();
        assert_eq!(fence.pass(second, || 2), Err(Fenced));
        assert_eq!((first.0, second.0, fence.refused()), (1, 2, 2));
    }
}
