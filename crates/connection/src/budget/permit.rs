//! The right to send one request, and the duty to say what became of it.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

/// Names one request inside the budget, from the moment it is asked for.
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
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Granted,
    Answered,
    Settled,
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
        /// When its last byte arrived.
        at: Instant,
        /// Size of the response as it travelled, in bytes.
        bytes: u64,
    },
    /// The permit was dropped before the whole response had arrived: without an answer, the request may still
    /// reach the provider.
    Lost {
        /// Which request.
        ticket: Ticket,
        /// When it was given up.
        at: Instant,
    },
    /// Nothing was sent: the request is no longer wanted, waiting or granted.
    Unused {
        /// Which request.
        ticket: Ticket,
    },
}

// === impl Permit ===

impl Permit {
    pub(crate) fn new(ticket: Ticket, notes: mpsc::UnboundedSender<Note>) -> Self {
        Self { ticket, notes: Some(notes), stage: Stage::Granted }
    }

    /// A permit that no budget watches over, for probes of a local server and for tests.
    pub fn unmetered() -> Self {
        Self { ticket: Ticket(0), notes: None, stage: Stage::Granted }
    }

    /// The response's headers have arrived.
    pub fn answered(&mut self, answer: Answer) {
        self.stage = Stage::Answered;
        self.tell(Note::Answered { ticket: self.ticket, at: Instant::now(), answer });
    }

    /// The whole response has arrived; `bytes` is its size as it travelled.
    pub fn finished(mut self, bytes: u64) {
        self.stage = Stage::Settled;
        self.tell(Note::Finished { ticket: self.ticket, at: Instant::now(), bytes });
    }

    /// No byte of the request has been written to a socket, and none will be: its place is free again at once.
    pub fn unused(mut self) {
        if self.stage == Stage::Granted {
            self.stage = Stage::Settled;
            self.tell(Note::Unused { ticket: self.ticket });
        }
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
        if self.stage != Stage::Settled {
            self.tell(Note::Lost { ticket: self.ticket, at: Instant::now() });
        }
    }
}
