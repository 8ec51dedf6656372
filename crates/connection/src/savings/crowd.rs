//! Those who wait for one request.
//!
//! Each of them stands in the budget's queue by its own class and its own worker's share, and the first to be let
//! through sends for all. So nobody waits longer than it would alone, whoever asked first.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::select_all;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::Outcome;
use crate::{
    budget::Ask,
    calls::{Askers, Calls, RequestError, Right},
    http::CallError,
    request::{Caller, Class, Method},
};

/// The most urgent asks the budget alone for so long: where there is room at once, the others need not ask at all.
const ALONE_FIRST: Duration = Duration::from_millis(1);

/// Names one question that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FlightId(pub(super) u64);

/// Who wants an answer, how urgently, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(super) caller: Caller,
    pub(super) class: Class,
    pub(super) deadline: Option<Instant>,
}

/// Everyone who waits for a request, which may answer several questions.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    next: u64,
    /// A request has left.
    sent: bool,
    /// Questions that nobody may join any more.
    over: Vec<FlightId>,
    /// What went wrong last.
    trouble: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    place: u64,
    flight: FlightId,
    asker: Asker,
}

/// One asker's place in a crowd. Dropping it takes the asker out.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    deadline: Option<Instant>,
}

/// The part of a crowd that waits for certain questions: those of one request.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    crowd: Arc<Crowd>,
    flights: Vec<FlightId>,
}

/// Under which name somebody asks the budget; most urgent first.
type Voice = (Class, Caller);

// === impl Crowd ===

impl Crowd {
    /// Takes one more in, unless the question is as good as answered. What is on its way was asked before an exit's
    /// own question, so exits and confirmations, which act on what they read, wait for nothing that has left.
    pub(super) fn join(self: &Arc<Self>, flight: FlightId, asker: Asker) -> Option<Place> {
        let mut place = None;
        self.state.send_if_modified(|state| {
            let too_late = state.over.contains(&flight) || (state.sent && asker.class.may_use_reserve());
            if !too_late {
                place = Some(state.add(flight, asker));
            }
            !too_late
        });
        let number = place?;
        Some(Place { crowd: Arc::clone(self), number, deadline: asker.deadline })
    }

    /// Takes somebody in who begins a question.
    pub(super) fn enter(self: &Arc<Self>, flight: FlightId, asker: Asker) -> Place {
        let mut number = 0;
        self.state.send_modify(|state| number = state.add(flight, asker));
        Place { crowd: Arc::clone(self), number, deadline: asker.deadline }
    }

    /// Those who wait for these questions.
    pub(super) fn part(self: &Arc<Self>, flights: Vec<FlightId>) -> Part {
        Part { crowd: Arc::clone(self), flights }
    }

    /// Whether anybody waits for the question.
    pub(super) fn wants(&self, flight: FlightId) -> bool {
        self.state.borrow().waiting.iter().any(|waiting| waiting.flight == flight)
    }

    /// Waits until somebody is among them who must not be kept waiting.
    pub(super) async fn hurried(&self) {
        let mut state = self.state.subscribe();
        let hurried = |state: &State| state.waiting.iter().any(|it| it.asker.class.may_use_reserve());
        // The sender lives in `self`.
        if state.wait_for(hurried).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

// === impl State ===

impl State {
    fn add(&mut self, flight: FlightId, asker: Asker) -> u64 {
        let place = self.next;
        self.next += 1;
        self.waiting.push(Waiting { place, flight, asker });
        place
    }

    /// Under which names the questions are asked for, each with the moment until which that makes sense.
    fn voices(&self, flights: &[FlightId]) -> BTreeMap<Voice, Option<Instant>> {
        let mut voices = BTreeMap::new();
        for waiting in self.waiting.iter().filter(|waiting| flights.contains(&waiting.flight)) {
            let Asker { caller, class, deadline } = waiting.asker;
            let until = voices.entry((class, caller)).or_insert(deadline);
            *until = until.zip(deadline).map(|(one, other)| one.max(other));
        }
        voices
    }
}

// === impl Place ===

impl Place {
    /// Waits for the answer, no longer than this asker wants to.
    pub(super) async fn wait(&self, answer: impl Future<Output = Outcome>) -> Outcome {
        let Some(deadline) = self.deadline else { return answer.await };
        timeout_at(deadline, answer).await.unwrap_or_else(|_| {
            let trouble = self.crowd.state.borrow().trouble.clone();
            Err(RequestError::Deadline(
                trouble.unwrap_or_else(|| "the answer did not come in time".to_owned()),
            ))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.state.send_modify(|state| state.waiting.retain(|waiting| waiting.place != self.number));
    }
}

// === impl Part ===

impl Part {
    /// The first permit that `acquire` gets for any of them.
    ///
    /// # Errors
    /// The last refusal, when all of them are refused.
    pub(super) async fn permit_by<T, F>(
        &self,
        acquire: impl Fn(Asker) -> F,
    ) -> Result<(Class, T), RequestError>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let mut state = self.crowd.state.subscribe();
        let mut asking: Vec<(Voice, Option<Instant>, Pin<Box<F>>)> = Vec::new();
        let mut refused: BTreeMap<Voice, Option<Instant>> = BTreeMap::new();
        let mut refusal = None;
        let mut alone = Box::pin(sleep(ALONE_FIRST));
        let mut everyone = false;
        loop {
            let voices = state.borrow_and_update().voices(&self.flights);
            asking.retain(|(voice, ..)| voices.contains_key(voice));
            let worth_asking = voices
                .into_iter()
                .filter(|(voice, until)| refused.get(voice).is_none_or(|refused| is_later(*until, *refused)));
            for ((class, caller), deadline) in worth_asking.take(if everyone { usize::MAX } else { 1 }) {
                if !asking.iter().any(|(voice, ..)| *voice == (class, caller)) {
                    let asked = Box::pin(acquire(Asker { caller, class, deadline }));
                    asking.push(((class, caller), deadline, asked));
                }
            }
            if asking.is_empty()
                && let Some(refusal) = refusal.take()
            {
                return Err(refusal);
            }
            let granted = async {
                if asking.is_empty() {
                    std::future::pending::<()>().await;
                }
                select_all(asking.iter_mut().map(|(.., asked)| asked)).await
            };
            let (answer, index) = tokio::select! {
                biased;
                (answer, index, _) = granted => (answer, index),
                changed = state.changed() => match changed {
                    Ok(()) => continue,
                    // The sender lives in the crowd.
                    Err(_) => std::future::pending().await,
                },
                () = &mut alone, if !everyone => {
                    everyone = true;
                    continue;
                }
            };
            let (voice, until, _) = asking.swap_remove(index);
            match answer {
                Ok(permit) => {
                    self.crowd.state.send_if_modified(|state| {
                        state.sent = true;
                        false
                    });
                    return Ok((voice.0, permit));
                }
                Err(error) => {
                    refused.insert(voice, until);
                    refusal = Some(error);
                }
            }
        }
    }
}

impl Askers for Part {
    async fn permit(&self, calls: &Calls, method: &Method) -> Result<(Class, Right), RequestError> {
        self.permit_by(|Asker { caller, class, deadline }| {
            calls.permit(Ask { caller, method: method.clone(), class, deadline })
        })
        .await
    }

    /// Each of them stops listening by itself; when all have, the call is dropped.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn will_wait(&self, pause: Duration, failure: &CallError) -> bool {
        let then = Instant::now() + pause;
        let mut somebody = false;
        self.crowd.state.send_if_modified(|state| {
            somebody =
                state.voices(&self.flights).values().any(|until| until.is_none_or(|until| then < until));
            if somebody {
                state.trouble = Some(failure.to_string());
            } else {
                state.over.extend(&self.flights);
            }
            false
        });
        somebody
    }
}

/// Whether one deadline is later than another; having none is latest.
fn is_later(one: Option<Instant>, other: Option<Instant>) -> bool {
    other.is_some_and(|other| one.is_none_or(|one| one > other))
}
