//! What the budget knows about each method: its window, its freeze, its price, the size of its answers.

use std::collections::BTreeMap;

use eda_limits::Limits;
use tokio::time::Instant;

use super::{Scope, freeze::Freeze, queue::MethodId, window::Window};
use crate::request::Method;

/// Methods remembered at most, apart from those in use: names may come from outside.
const REMEMBERED: usize = 512;

/// Sizes assumed for an answer before one was seen, in bytes as they travel: a gzipped block is about 1.2 MB.
const HEAVY_ANSWER: u64 = 2_000_000;
const LIGHT_ANSWER: u64 = 16_000;

/// All methods that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    ids: BTreeMap<Method, MethodId>,
    states: BTreeMap<MethodId, MethodState>,
    next: u32,
}

/// One method.
#[derive(Debug)]
pub(crate) struct MethodState {
    pub(crate) name: Method,
    pub(crate) window: Option<Window>,
    pub(crate) freeze: Freeze,
    /// Credits per call.
    pub(crate) cost: u64,
    pub(crate) waiting: usize,
    pub(crate) in_flight: usize,
    largest_answer: Option<u64>,
}

// === impl Methods ===

impl Methods {
    /// The method's number. Forgets idle methods when there are too many, and passes their numbers to `forgotten`.
    pub(crate) fn intern(
        &mut self,
        name: &Method,
        limits: &Limits,
        used_since: Option<Instant>,
        forgotten: impl FnMut(MethodId),
    ) -> MethodId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        if self.states.len() >= REMEMBERED {
            self.forget_idle(forgotten);
        }
        let id = MethodId(self.next);
        self.next = self.next.wrapping_add(1);
        let window = limits.method(name).map(|rate| {
            let mut window = Window::new(u64::from(rate.count), rate.window, 1, 1, limits);
            if let Some(since) = used_since {
                window.assume_used(since);
            }
            window
        });
        let state = MethodState {
            name: name.clone(),
            window,
            freeze: Freeze::default(),
            cost: u64::from(limits.cost(name)),
            waiting: 0,
            in_flight: 0,
            largest_answer: None,
        };
        self.ids.insert(name.clone(), id);
        self.states.insert(id, state);
        id
    }

    pub(crate) fn get(&self, id: MethodId) -> Option<&MethodState> {
        self.states.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: MethodId) -> Option<&mut MethodState> {
        self.states.get_mut(&id)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut MethodState> {
        self.states.values_mut()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (MethodId, &Method)> {
        self.states.iter().map(|(id, state)| (*id, &state.name))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether a method's own limit or freeze keeps it from being sent now.
    pub(crate) fn blocks(&mut self, id: MethodId, now: Instant, privileged: bool) -> bool {
        self.states.get_mut(&id).is_some_and(|state| {
            state.freeze.blocks(now)
                || state.window.as_mut().is_some_and(|window| !window.fits(now, 1, privileged))
        })
    }

    fn forget_idle(&mut self, mut forgotten: impl FnMut(MethodId)) {
        self.states.retain(|id, state| {
            let keep = state.waiting > 0
                || state.in_flight > 0
                || !state.freeze.is_open()
                || state.window.as_ref().is_some_and(|window| !window.is_idle());
            if !keep {
                self.ids.remove(&state.name);
                forgotten(*id);
            }
            keep
        });
    }
}

// === impl MethodState ===

impl MethodState {
    /// Bytes to set aside for one answer: the largest seen, else an assumption.
    pub(crate) fn expected_answer(&self) -> u64 {
        let assumed = if self.name.is_heavy() { HEAVY_ANSWER } else { LIGHT_ANSWER };
        self.largest_answer.unwrap_or(assumed)
    }

    pub(crate) fn saw_answer(&mut self, bytes: u64) {
        self.largest_answer = Some(self.largest_answer.unwrap_or(0).max(bytes));
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::Method(self.name.clone())
    }
}
