//! What calls of late say about the health of an endpoint, method by method: one that answers most methods and fails
//! the one that matters is ill as well.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    http::{CallError, TransportError},
    node_error,
    request::Method,
};

/// What nobody asked for in so long says nothing any more. Longer than the pause after a refused key.
const FRESH: Duration = Duration::from_secs(120);
/// Methods that are kept in mind; whoever calls more of them in vain has other troubles.
const METHODS: usize = 64;

/// What calls to one endpoint met with.
#[derive(Debug, Default)]
pub(super) struct Signs(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failing: BTreeMap<Method, Failing>,
    /// When the node last said that it is behind.
    behind: Option<Instant>,
}

/// The failures of a method since it was last answered.
#[derive(Debug)]
struct Failing {
    since: Instant,
    last: Instant,
    /// The last one, in words.
    why: String,
    /// The key or the address is refused, so that nobody asks again soon.
    refused: bool,
}

/// What a failure says about the endpoint.
enum Says {
    Ill {
        refused: bool,
    },
    /// It answered, whatever it said.
    Well,
    Behind,
    Nothing,
}

// === impl Signs ===

impl Signs {
    pub(super) fn answered(&self, method: &Method) {
        let mut inner = self.lock();
        if !inner.failing.is_empty() {
            inner.failing.remove(method);
        }
    }

    pub(super) fn failed(&self, method: &Method, failure: &CallError, now: Instant) {
        match says(failure) {
            Says::Ill { refused } => {
                let mut inner = self.lock();
                if inner.failing.len() >= METHODS && !inner.failing.contains_key(method) {
                    return;
                }
                // It was failing for all that time already.
                let silent = if let CallError::Stalled { after } = failure { *after } else { Duration::ZERO };
                let since = now.checked_sub(silent).unwrap_or(now);
                let fresh = |failing: &Failing| now.duration_since(failing.last) < FRESH;
                let since =
                    inner.failing.get(method).filter(|failing| fresh(failing)).map_or(since, |old| old.since);
                let failing = Failing { since, last: now, why: failure.to_string(), refused };
                inner.failing.insert(method.clone(), failing);
            }
            Says::Well => self.answered(method),
            Says::Behind => self.lock().behind = Some(now),
            Says::Nothing => {}
        }
    }

    /// Why calls of some method have failed for `bound` or longer, if they have.
    pub(super) fn failing(&self, bound: Duration, now: Instant) -> Option<String> {
        let inner = self.lock();
        let mut failing = inner.failing.iter().filter(|(_, failing)| {
            let until = if failing.refused { now } else { failing.last };
            now.duration_since(failing.last) < FRESH && until.duration_since(failing.since) >= bound
        });
        failing.next().map(|(method, failing)| format!("{method}: {}", failing.why))
    }

    /// Whether the node has said that it is behind since `moment`.
    pub(super) fn behind_since(&self, moment: Instant) -> bool {
        self.lock().behind.is_some_and(|at| at >= moment)
    }

    /// Nothing is known any more.
    pub(super) fn forget(&self) {
        *self.lock() = Inner::default();
    }

    /// Nothing panics under this lock; were it to happen, what is noted would still be true.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn says(failure: &CallError) -> Says {
    match failure {
        CallError::Unauthorized { .. } | CallError::Forbidden { .. } => Says::Ill { refused: true },
        // Other statuses are about the request.
        CallError::Status { code, .. } if *code >= 500 || matches!(code, 404 | 408 | 410) => {
            Says::Ill { refused: false }
        }
        CallError::NotJson { .. }
        | CallError::WrongId
        | CallError::Stalled { .. }
        | CallError::OutcomeUnknown { .. }
        | CallError::Transport(
            TransportError::Dial(_) | TransportError::NotSent { .. } | TransportError::Lost { .. },
        ) => Says::Ill { refused: false },
        CallError::Rpc(error) if error.code == node_error::NODE_UNHEALTHY => Says::Behind,
        // Limits are the budget's business.
        CallError::RateLimited { .. }
        | CallError::Rpc(_)
        | CallError::Status { .. }
        | CallError::TooLarge { .. } => Says::Well,
        CallError::Closed => Says::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::RpcError;

    const BOUND: Duration = Duration::from_secs(10);
    const GET_SLOT: Method = Method::new("getSlot");
    const GET_BLOCK: Method = Method::new("getBlock");

    fn lost() -> CallError {
        CallError::Transport(TransportError::Lost { reason: "reset".to_owned() })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn failures_of_a_method_that_span_the_bound_are_a_sign_though_others_are_answered() {
        let (signs, start) = (Signs::default(), Instant::now());
        for second in (0..=10).step_by(5) {
            assert_eq!(signs.failing(BOUND, start + seconds(second)), None);
            signs.failed(&GET_BLOCK, &lost(), start + seconds(second));
            signs.answered(&GET_SLOT);
        }
        let why = signs.failing(BOUND, start + seconds(10)).unwrap();
        assert!(why.starts_with("getBlock: the connection ended"), "{why}");
        signs.answered(&GET_BLOCK);
        assert_eq!(signs.failing(BOUND, start + seconds(10)), None);
    }

    #[test]
    fn a_single_failure_is_no_sign_however_long_ago_it_was() {
        let (signs, start) = (Signs::default(), Instant::now());
        signs.failed(&GET_BLOCK, &lost(), start);
        assert_eq!(signs.failing(BOUND, start + seconds(100)), None);
        signs.failed(&GET_BLOCK, &lost(), start + seconds(300));
        assert_eq!(signs.failing(BOUND, start + seconds(300)), None, "nobody asked in between");
    }

    #[test]
    fn a_refused_key_is_a_sign_although_it_is_not_tried_again_at_once() {
        let (signs, start) = (Signs::default(), Instant::now());
        signs.failed(&GET_SLOT, &CallError::Unauthorized { excerpt: String::new() }, start);
        assert_eq!(signs.failing(BOUND, start + seconds(9)), None);
        assert!(signs.failing(BOUND, start + seconds(10)).is_some());
        signs.forget();
        assert_eq!(signs.failing(BOUND, start + seconds(10)), None);
    }

    #[test]
    fn an_answer_that_stalled_was_missing_all_the_while() {
        let (signs, start) = (Signs::default(), Instant::now());
        signs.failed(&GET_SLOT, &CallError::Stalled { after: seconds(30) }, start + seconds(60));
        assert!(signs.failing(BOUND, start + seconds(60)).is_some());
    }

    #[test]
    fn limits_and_the_nodes_own_errors_are_no_illness() {
        let rpc = |code| CallError::Rpc(RpcError { code, message: String::new(), data: None });
        let limited = CallError::RateLimited { retry_after: None, message: String::new() };
        let start = Instant::now();
        for failure in [limited, rpc(-32602), CallError::TooLarge { limit: 1 }, CallError::Closed] {
            let signs = Signs::default();
            signs.failed(&GET_SLOT, &failure, start);
            signs.failed(&GET_SLOT, &failure, start + seconds(60));
            assert_eq!(signs.failing(BOUND, start + seconds(60)), None, "{failure}");
            assert!(!signs.behind_since(start));
        }
        let signs = Signs::default();
        signs.failed(&GET_SLOT, &rpc(node_error::NODE_UNHEALTHY), start);
        assert!(signs.behind_since(start) && !signs.behind_since(start + seconds(1)));
    }
}
