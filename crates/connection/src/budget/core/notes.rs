//! What the budget makes of what became of a request.

use eda_limits::Limits;
use tokio::time::Instant;

use super::{Core, Flight};
use crate::budget::{
    Note, Outcome, Ticket,
    freeze::{Refusal, RefusedScope},
    observe::{HEADER_WINDOW, Observed},
    permit::Answer,
    queue::Place,
    window::Window,
};

impl Core {
    /// Takes in what became of a request.
    pub(crate) fn note(&mut self, now: Instant, note: Note) {
        match note {
            Note::Answered { ticket, at, answer } => self.answered(ticket, at, &answer),
            Note::Finished { ticket, at, bytes } => self.finished(ticket, at, bytes),
            Note::Lost { ticket, at } => self.lost(ticket, at),
            Note::Unused { ticket } => self.unused(now, ticket),
        }
    }

    fn answered(&mut self, ticket: Ticket, at: Instant, answer: &Answer) {
        let Some(flight) = self.flights.get_mut(&ticket).filter(|flight| !flight.answered) else { return };
        flight.answered = true;
        let flight = *flight;
        self.release(&flight, at);
        self.observe(&flight, at, &Observed::read(&answer.limits));
        let refusal = Refusal::of(answer);
        let outcome = if refusal.is_some() { Outcome::RateLimited } else { Outcome::Answered };
        self.ledger.count(flight.caller, flight.method, outcome);
        match refusal {
            Some(refusal) => self.refused(ticket, &flight, at, refusal),
            // A server in trouble says nothing about limits.
            None if answer.status >= 500 => self.taught_nothing(ticket, &flight, at),
            None => self.accepted(ticket, &flight, at),
        }
    }

    fn accepted(&mut self, ticket: Ticket, flight: &Flight, at: Instant) {
        self.frozen.accepted(ticket);
        self.connects_frozen.accepted_any(at);
        if let Some(state) = self.methods.get_mut(flight.method) {
            state.freeze.accepted(ticket);
        }
    }

    fn taught_nothing(&mut self, ticket: Ticket, flight: &Flight, at: Instant) {
        self.frozen.taught_nothing(ticket, at);
        if let Some(state) = self.methods.get_mut(flight.method) {
            state.freeze.taught_nothing(ticket, at);
        }
    }

    fn refused(&mut self, ticket: Ticket, flight: &Flight, at: Instant, refusal: Refusal) {
        let pause = |window: Option<&Window>, limits: &Limits| {
            limits.retry_pause.or(window.map(Window::length)).unwrap_or(HEADER_WINDOW)
        };
        let Some(state) = self.methods.get_mut(flight.method) else { return };
        let (later, freeze) = match refusal.scope {
            RefusedScope::Everything => {
                let usual = pause(self.total.as_ref(), &self.limits);
                (self.frozen.refused(ticket, at, refusal, usual), &self.frozen)
            }
            RefusedScope::Method => {
                let usual = pause(state.window.as_ref(), &self.limits);
                (state.freeze.refused(ticket, at, refusal, usual), &state.freeze)
            }
            RefusedScope::Connects => {
                // The connection that was the probe has no answer of its own: this is it.
                let usual = pause(self.connects.as_ref(), &self.limits);
                let probe = self.connects_frozen.probe().unwrap_or(ticket);
                self.connects_frozen.refused(probe, at, refusal, usual);
                (false, &self.connects_frozen)
            }
        };
        if later && let Some(until) = freeze.until() {
            let concerned =
                |place: &Place| refusal.scope == RefusedScope::Everything || place.method == flight.method;
            let hopeless = self.queue.due_before(until).filter(|(_, place)| concerned(place));
            self.hopeless.extend(hopeless.map(|(ticket, _)| (ticket, until)));
        }
        // Where this was the probe of another scope, that one is as wise as before.
        self.taught_nothing(ticket, flight, at);
    }

    /// The request arrived at the provider no later than `arrived`.
    fn release(&mut self, flight: &Flight, arrived: Instant) {
        if let (Some(window), Some(_)) = (&mut self.total, flight.total) {
            window.release_at(1, 1, arrived);
        }
        if let Some(window) = &mut self.credits {
            window.release_at(flight.credits, flight.credits, arrived);
        }
        if let Some(state) = self.methods.get_mut(flight.method)
            && let (Some(window), Some(_)) = (&mut state.window, flight.of_method)
        {
            window.release_at(1, 1, arrived);
        }
    }

    fn finished(&mut self, ticket: Ticket, at: Instant, bytes: u64) {
        if self.flights.get(&ticket).is_some_and(|flight| !flight.answered) {
            self.answered(ticket, at, &Answer::default());
        }
        let Some(flight) = self.land(ticket) else { return };
        if let Some(window) = &mut self.bytes {
            window.release_at(flight.bytes, bytes, at);
        }
        if let Some(state) = self.methods.get_mut(flight.method) {
            state.saw_answer(bytes);
        }
    }

    fn lost(&mut self, ticket: Ticket, at: Instant) {
        let Some(flight) = self.land(ticket) else { return };
        let mut arrived = at;
        if !flight.answered {
            arrived = at.max(flight.granted_at + self.limits.in_flight_max);
            self.release(&flight, arrived);
            self.taught_nothing(ticket, &flight, at);
            self.ledger.count(flight.caller, flight.method, Outcome::Lost);
        }
        if let Some(window) = &mut self.bytes {
            window.release_at(flight.bytes, flight.bytes, arrived);
        }
    }

    fn unused(&mut self, now: Instant, ticket: Ticket) {
        if self.withdraw(ticket, Outcome::Cancelled) {
            return;
        }
        self.connecting.retain(|waiting| *waiting != ticket);
        if self.flights.get(&ticket).is_none_or(|flight| flight.answered) {
            return;
        }
        let Some(flight) = self.land(ticket) else { return };
        if let (Some(window), Some(_)) = (&mut self.total, flight.total) {
            window.give_back(1);
        }
        if let Some(window) = &mut self.credits {
            window.give_back(flight.credits);
        }
        if let Some(window) = &mut self.bytes {
            window.give_back(flight.bytes);
        }
        self.frozen.unsent(ticket, now);
        if let Some(state) = self.methods.get_mut(flight.method) {
            state.freeze.unsent(ticket, now);
            if let (Some(window), Some(_)) = (&mut state.window, flight.of_method) {
                window.give_back(1);
            }
        }
        self.ledger.refund(flight.credits);
        self.ledger.count(flight.caller, flight.method, Outcome::Unused);
    }

    fn land(&mut self, ticket: Ticket) -> Option<Flight> {
        let flight = self.flights.remove(&ticket)?;
        if let Some(state) = self.methods.get_mut(flight.method) {
            state.in_flight = state.in_flight.saturating_sub(1);
        }
        Some(flight)
    }

    /// Lowers limits to what a response said. Nothing a response says can raise one.
    fn observe(&mut self, flight: &Flight, at: Instant, seen: &Observed) {
        let limits = &self.limits;
        learn(&mut self.total, seen.total.limit, limits);
        // What remains of the endpoint's limit is everyone's use of it, not only this address's.
        learn(&mut self.total, seen.endpoint.limit, limits);
        if let (Some(window), Some(used)) = (&mut self.total, seen.total.used()) {
            window.observe_used(at, used, flight.total.unwrap_or_default());
        }
        if let Some(state) = self.methods.get_mut(flight.method) {
            learn(&mut state.window, seen.method.limit, limits);
            if let (Some(window), Some(used)) = (&mut state.window, seen.method.used()) {
                window.observe_used(at, used, flight.of_method.unwrap_or_default());
            }
        }
        learn(&mut self.connects, seen.connects.limit, limits);
        let lower = |known: &mut Option<u32>, seen: Option<u64>| {
            if let Some(seen) = seen.map(|seen| u32::try_from(seen).unwrap_or(u32::MAX)) {
                *known = Some(known.map_or(seen, |known| known.min(seen)));
            }
        };
        lower(&mut self.limits.connection_cap, seen.connections.limit);
        lower(&mut self.limits.pubsub_connections, seen.pubsub.limit);
    }
}

/// Lowers a window to a limit just learned; a scope that had none gets the window the headers count in.
fn learn(window: &mut Option<Window>, advertised: Option<u64>, limits: &Limits) {
    if let Some(advertised) = advertised {
        window
            .get_or_insert_with(|| Window::new(advertised, HEADER_WINDOW, 1, 1, limits))
            .tighten(advertised, limits);
    }
}
