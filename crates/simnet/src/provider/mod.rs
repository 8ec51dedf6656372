//! A strict provider: it enforces the numbers it advertises, over the windows it advertises, at its own clock.
//!
//! Limits hold for everyone who comes through the fronts it guards, as if all of them had one address and one key. A
//! window rolls: what arrived at `a` counts until `a` plus the window's length. What is refused takes no room in any
//! window, as with providers that do not forward what they refuse, and so `retry-after` is true: if nothing else is
//! let through meanwhile, the same request fits then. Each call of a batch is a request, and a batch passes as a whole
//! or not at all.
//!
//! What limits leave to chance is settled like this. Bytes are those of response bodies as they travel over HTTP, and
//! are weighed as they leave: a response that begins while there is room for one byte ends, and those after it wait
//! until the window has room again. Calls on a WebSocket are no requests. Equal subscriptions of one WebSocket are one,
//! as on a node. A plan's month has thirty days and begins with the provider.
//!
//! `Limits::margin_percent` and `reserve_percent` are the client's own caution and play no part here; neither do
//! `connections`, `batch_calls` and `batch_bytes`.

/// Who gets 403.
mod blocked;
/// Every limit with its window: the verdicts. Pure.
mod books;
/// The `x-ratelimit-*` headers.
mod labels;
/// What was counted, to be read.
mod meter;
/// Why something is refused, and in which words.
mod refusal;
/// One socket as its provider sees it: what the wire calls.
mod visit;
/// One limit over a rolling window. Pure.
mod window;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use eda_limits::Limits;
use tokio::time::Instant;

use self::books::Books;
pub use self::{
    blocked::Blocked,
    meter::{Fullest, Meter},
    refusal::Cause,
};
pub(crate) use self::{
    blocked::Credentials,
    visit::{Gate, Visit},
};

/// One account at a provider. Clones are the same account, and one account can guard several fronts.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    books: Mutex<Books>,
    blocked: RwLock<BTreeSet<Blocked>>,
}

// === impl Provider ===

impl Provider {
    /// A provider that enforces these limits, with all windows empty.
    pub fn new(limits: Limits) -> Self {
        let books = Mutex::new(Books::new(Instant::now(), limits));
        Self(Arc::new(Shared { books, blocked: RwLock::default() }))
    }

    /// Everything counted so far.
    pub fn meter(&self) -> Meter {
        self.books(|books, _| books.meter())
    }

    /// Answers 403 to somebody from now on. Connections that are open stay open.
    pub fn block(&self, who: Blocked) {
        self.0.blocked.write().unwrap_or_else(PoisonError::into_inner).insert(who);
    }

    /// Takes back [`block`](Self::block). Returns whether it had been called.
    pub fn unblock(&self, who: &Blocked) -> bool {
        self.0.blocked.write().unwrap_or_else(PoisonError::into_inner).remove(who)
    }

    fn blocks(&self, peer: IpAddr, from: Credentials<'_>) -> bool {
        let blocked = self.0.blocked.read().unwrap_or_else(PoisonError::into_inner);
        blocked.iter().any(|blocked| blocked.is(peer, from))
    }

    /// The clock is read with the books in hand, so that time never runs backwards in them.
    fn books<T>(&self, act: impl FnOnce(&mut Books, Instant) -> T) -> T {
        let mut books = self.0.books.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut books, Instant::now())
    }
}

#[cfg(test)]
mod tests;
