//! Equal questions that are asked at the same time are one request.
//!
//! Nobody owns a flight: whoever waits for it drives it, so it goes on when the asker that began it gives up, and ends
//! when the last one does. What comes of it, an error too, goes to those who wait, and is then forgotten.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};

use super::{
    Outcome,
    crowd::{Asker, Crowd, FlightId, Place},
    question::Question,
};

type Answer = Shared<BoxFuture<'static, Outcome>>;

/// The questions that are under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Under>);

#[derive(Debug, Default)]
struct Under {
    way: HashMap<Question, Flight>,
    next: u64,
}

/// A question under way.
struct Flight {
    id: FlightId,
    crowd: Arc<Crowd>,
    answer: WeakShared<BoxFuture<'static, Outcome>>,
}

/// One asker's share in a flight.
#[derive(Debug)]
pub(super) struct Passage {
    place: Place,
    answer: Answer,
    /// Whether somebody else had begun it.
    pub(super) joined: bool,
}

/// Forgets a flight when it is over.
struct Entry {
    flights: Arc<Flights>,
    question: Question,
    id: FlightId,
}

// === impl Flights ===

impl Flights {
    /// Joins the flight of an equal question, or begins one: `begin` says where to wait, and what there is to do.
    pub(super) fn board(
        self: &Arc<Self>,
        question: Question,
        asker: Asker,
        begin: impl FnOnce(FlightId) -> (Place, Arc<Crowd>, BoxFuture<'static, Outcome>),
    ) -> Passage {
        // Let go of after the lock: if it is the last of its flight, that one's end takes the lock.
        let mut missed = None;
        let mut under = self.lock();
        if let Some(flight) = under.way.get(&question)
            && let Some(answer) = flight.answer.upgrade()
        {
            match flight.crowd.join(flight.id, asker) {
                Some(place) => return Passage { place, answer, joined: true },
                None => missed = Some(answer),
            }
        }
        let id = FlightId(under.next);
        under.next += 1;
        let (place, crowd, work) = begin(id);
        let entry = Entry { flights: Arc::clone(self), question: question.clone(), id };
        let flown = async move {
            let outcome = work.await;
            drop(entry);
            outcome
        };
        let answer = flown.boxed().shared();
        if let Some(weak) = answer.downgrade() {
            under.way.insert(question, Flight { id, crowd, answer: weak });
        }
        drop(under);
        drop(missed);
        Passage { place, answer, joined: false }
    }

    /// Questions under way.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.lock().way.len()
    }

    /// Nothing panics under this lock; were it to happen, the map would still be whole.
    fn lock(&self) -> MutexGuard<'_, Under> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut under = self.flights.lock();
        // A more urgent asker may have begun another flight of the question meanwhile.
        if under.way.get(&self.question).is_some_and(|flight| flight.id == self.id) {
            under.way.remove(&self.question);
        }
    }
}

// === impl Passage ===

impl Passage {
    /// The answer, if it comes before the asker's deadline.
    pub(super) async fn answer(self) -> Outcome {
        let Self { place, answer, .. } = self;
        place.wait(answer).await
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("id", &self.id).finish_non_exhaustive()
    }
}
