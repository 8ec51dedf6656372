//! The right to send one request, and the duty to say what became of it.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

/// Names one granted request inside the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The right to send one request now. Its place in every window is held until a window's length after the
/// response's headers have arrived; a permit dropped without an answer is held for the longest time the request
/// could still be under way.
#[derive(Debug)]
#[must_use = "a permit that is dropped unused still occupies its place in the window"]
pub struct Permit {
    ticket: Ticket,
    notes: Option<mpsc::UnboundedSender<Note>>,
    answered: bool,
}

/// What the head of a response said: everything the budget learns from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; a JSON-RPC error with code 429 inside a 200 counts as 429.
    pub status: u16,
    /// `Retry-After`, if it was given.
    pub retry_after: Option<Duration>,
    /// `x-ratelimit-*` headers as (name without the prefix, value), lower case.
    pub limits: Vec<(String, i64)>,
    /// The provider's words, which name the scope of a refusal ("specific RPC call", "from your IP").
    pub message: Option<String>,
}

/// What a permit tells the budget's owner task.
#[derive(Debug)]
pub enum Note {
    /// The response's headers arrived: the release clock starts.
    Answered {
        /// Which request.
        ticket: Ticket,
        /// When the headers arrived.
        at: Instant,
        /// What they said.
        answer: Answer,
    },
    /// The whole response arrived.
    Finished {
        /// Which request.
        ticket: Ticket,
        /// Size of the response as it travelled, in bytes.
        bytes: u64,
    },
    /// The permit was dropped without an answer: the request may still reach the provider.
    Lost {
        /// Which request.
        ticket: Ticket,
        /// When it was given up.
        at: Instant,
    },
}

// === impl Permit ===

impl Permit {
    pub(crate) fn new(ticket: Ticket, notes: mpsc::UnboundedSender<Note>) -> Self {
        Self { ticket, notes: Some(notes), answered: false }
    }

    /// A permit that no budget watches over, for probes of a local server and for tests.
    pub fn unmetered() -> Self {
        Self { ticket: Ticket(0), notes: None, answered: false }
    }

    /// The response's headers have arrived.
    pub fn answered(&mut self, answer: Answer) {
        self.answered = true;
        self.tell(Note::Answered { ticket: self.ticket, at: Instant::now(), answer });
    }

    /// The whole response has arrived; `bytes` is its size as it travelled.
    pub fn finished(self, bytes: u64) {
        self.tell(Note::Finished { ticket: self.ticket, bytes });
    }

    // The owner task outlives its permits except at shutdown, when nobody counts any more.
    fn tell(&self, note: Note) {
        if let Some(notes) = &self.notes {
            drop(notes.send(note));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.answered {
            self.tell(Note::Lost { ticket: self.ticket, at: Instant::now() });
        }
    }
}
