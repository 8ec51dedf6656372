use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use super::{Input, InputStats, Quarantined, Verdict};

/// How many quarantined entries are remembered in full; all are counted.
pub const QUARANTINE_KEPT: usize = 32;

/// How entries wait for the reader. Implemented by [`super::Fifo`] and [`super::Newest`] only.
pub trait Queue: sealed::Waiting {}

pub(super) mod sealed {
    use tokio::time::Instant;

    use crate::mailbox::InputStats;

    /// The waiting part of a queue; everything else is the same for all of them.
    pub trait Waiting: Send + 'static {
        /// What the reader receives.
        type Entry: Clone + Send;

        /// The next entry, and since when it has waited.
        fn take(&mut self) -> Option<(Self::Entry, Instant)>;

        /// Forgets everything that waits: the reader is gone for good.
        fn clear(&mut self);

        /// Since when the next entry has waited.
        fn oldest(&self) -> Option<Instant>;

        /// Adds what waits, and what never got this far, to the numbers.
        fn count(&self, stats: &mut InputStats);

        /// Whether the entry is an item, and not a marker.
        fn is_item(entry: &Self::Entry) -> bool;

        /// The entry in its own words, for the quarantine list.
        fn describe(entry: &Self::Entry) -> String;
    }
}

/// The reading end. Clones are the same reader: an item in hand is in the hand of all of them, so that a
/// supervisor can hold one while the worker's current incarnation reads through another. When the last clone is
/// dropped, nobody is left to read: what waits is forgotten, and publishers are told.
pub struct Reader<Q: Queue> {
    shared: Arc<Shared<Q>>,
}

/// The publishing end. When the last clone is dropped, or [`Writer::close`] is called, the reader drains what
/// waits and then receives `None`.
pub struct Writer<Q: Queue> {
    shared: Arc<Shared<Q>>,
}

struct Shared<Q: Queue> {
    name: String,
    state: Mutex<State<Q>>,
    /// Something was published.
    arrived: Notify,
    /// The reader took or finished something, or is gone.
    moved: Notify,
}

struct State<Q: Queue> {
    queue: Q,
    in_hand: Option<InHand<Q::Entry>>,
    delivered: u64,
    /// Items that are out of the reader's hand for good, well or ill.
    finished: u64,
    quarantined: u64,
    quarantine: VecDeque<Quarantined>,
    closed: bool,
    writers: usize,
    readers: usize,
}

struct InHand<E> {
    entry: E,
    since: Instant,
    blamed: bool,
}

pub(super) fn pair<Q: Queue>(name: String, queue: Q) -> (Writer<Q>, Reader<Q>) {
    let shared = Arc::new(Shared {
        name,
        state: Mutex::new(State {
            queue,
            in_hand: None,
            delivered: 0,
            finished: 0,
            quarantined: 0,
            quarantine: VecDeque::new(),
            closed: false,
            writers: 1,
            readers: 1,
        }),
        arrived: Notify::new(),
        moved: Notify::new(),
    });
    (Writer { shared: Arc::clone(&shared) }, Reader { shared })
}

// === impl Reader ===

impl<Q: Queue> Reader<Q> {
    /// The entry in hand if there is one, else the next one, which is then in hand. Waits while there is none;
    /// `None` when the publisher has closed the queue and everything was read.
    ///
    /// Cancel-safe: an entry taken by a call whose result was dropped is in hand, and the next call returns it.
    pub async fn next(&self) -> Option<Q::Entry> {
        loop {
            {
                let mut state = self.shared.lock();
                if let Some(entry) = state.hold_next() {
                    drop(state);
                    self.shared.moved.notify_one();
                    return Some(entry);
                }
                if state.closed {
                    return None;
                }
            }
            self.shared.arrived.notified().await;
        }
    }

    /// The reader has finished with the entry in hand. Without one in hand this does nothing.
    pub fn done(&self) {
        let mut state = self.shared.lock();
        if let Some(held) = state.in_hand.take()
            && Q::is_item(&held.entry)
        {
            state.delivered = state.delivered.saturating_add(1);
            state.finished = state.finished.saturating_add(1);
        }
        drop(state);
        self.shared.moved.notify_one();
    }

    /// The name given when the queue was made.
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<Q: Queue> Input for Reader<Q> {
    fn blame(&self, reason: &str) -> Verdict {
        let mut state = self.shared.lock();
        let Some(mut held) = state.in_hand.take() else {
            return Verdict::Nothing;
        };
        if !held.blamed {
            held.blamed = true;
            state.in_hand = Some(held);
            return Verdict::WillRedeliver;
        }
        let item = Q::describe(&held.entry);
        state.quarantined = state.quarantined.saturating_add(1);
        if Q::is_item(&held.entry) {
            state.finished = state.finished.saturating_add(1);
        }
        if state.quarantine.len() == QUARANTINE_KEPT {
            state.quarantine.pop_front();
        }
        state.quarantine.push_back(Quarantined { item: item.clone(), reason: reason.to_owned() });
        drop(state);
        self.shared.moved.notify_one();
        Verdict::Quarantined { item }
    }

    fn stats(&self) -> InputStats {
        self.shared.stats()
    }

    fn quarantine(&self) -> Vec<Quarantined> {
        self.shared.lock().quarantine.iter().cloned().collect()
    }
}

impl<Q: Queue> Clone for Reader<Q> {
    fn clone(&self) -> Self {
        let mut state = self.shared.lock();
        state.readers = state.readers.saturating_add(1);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<Q: Queue> Drop for Reader<Q> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.readers = state.readers.saturating_sub(1);
        if state.readers == 0 {
            state.in_hand = None;
            state.queue.clear();
            drop(state);
            self.shared.moved.notify_one();
        }
    }
}

impl<Q: Queue> fmt::Debug for Reader<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("stats", &self.shared.stats()).finish_non_exhaustive()
    }
}

// === impl Writer ===

impl<Q: Queue> Writer<Q> {
    /// No more will come: the reader drains what waits and then receives `None`. What is posted afterwards, by
    /// this or another clone, is refused.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_one();
    }

    /// Whether posting is useless: the queue was closed, or its reader is gone for good.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_shut()
    }

    /// Whether the reader is gone for good. What it has not finished will not be.
    pub fn is_abandoned(&self) -> bool {
        self.shared.lock().readers == 0
    }

    /// How many items are out of the reader's hand for good: finished with, or in quarantine. Items leave in the
    /// order in which they were published.
    pub fn finished(&self) -> u64 {
        self.shared.lock().finished
    }

    /// Waits until the reader has taken or finished something, or is gone, since this was last awaited. For one
    /// publisher that keeps pace with its reader: of several who wait, one is woken.
    pub async fn moved(&self) {
        self.shared.moved.notified().await;
    }

    /// The numbers of the queue, as its reader's supervisor sees them.
    pub fn stats(&self) -> InputStats {
        self.shared.stats()
    }

    /// Looks at what waits.
    pub(super) fn look<R>(&self, see: impl FnOnce(&Q) -> R) -> R {
        see(&self.shared.lock().queue)
    }

    /// Changes what waits and wakes the reader; `None` if posting is useless.
    pub(super) fn with_queue<R>(&self, change: impl FnOnce(&mut Q) -> R) -> Option<R> {
        let mut state = self.shared.lock();
        if state.is_shut() {
            return None;
        }
        let result = change(&mut state.queue);
        drop(state);
        self.shared.arrived.notify_one();
        Some(result)
    }
}

impl<Q: Queue> Clone for Writer<Q> {
    fn clone(&self) -> Self {
        let mut state = self.shared.lock();
        state.writers = state.writers.saturating_add(1);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<Q: Queue> Drop for Writer<Q> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.writers = state.writers.saturating_sub(1);
        let last = state.writers == 0;
        drop(state);
        if last {
            self.close();
        }
    }
}

impl<Q: Queue> fmt::Debug for Writer<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("stats", &self.shared.stats()).finish_non_exhaustive()
    }
}

// === impl Shared, State ===

impl<Q: Queue> Shared<Q> {
    /// A thread that panicked under the lock (in the clone or the description of an entry) leaves each field
    /// whole, so the queue goes on.
    fn lock(&self) -> MutexGuard<'_, State<Q>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stats(&self) -> InputStats {
        let state = self.lock();
        let held = state.in_hand.as_ref();
        let mut stats = InputStats {
            name: self.name.clone(),
            queued: usize::from(held.is_some_and(|held| Q::is_item(&held.entry))),
            delivered: state.delivered,
            quarantined: state.quarantined,
            oldest: held.map(|held| held.since).or_else(|| state.queue.oldest()).map(|since| since.elapsed()),
            ..InputStats::default()
        };
        state.queue.count(&mut stats);
        stats
    }
}

impl<Q: Queue> State<Q> {
    fn hold_next(&mut self) -> Option<Q::Entry> {
        if self.in_hand.is_none() {
            let (entry, since) = self.queue.take()?;
            self.in_hand = Some(InHand { entry, since, blamed: false });
        }
        self.in_hand.as_ref().map(|held| held.entry.clone())
    }

    fn is_shut(&self) -> bool {
        self.closed || self.readers == 0
    }
}
