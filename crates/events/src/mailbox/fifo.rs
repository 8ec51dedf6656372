use std::{collections::VecDeque, fmt};

use tokio::time::Instant;

use super::{
    InputStats, Mailbox, Post, Queue,
    reader::{self, sealed::Waiting},
};

/// What the reader of a [`Mailbox`] receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<T> {
    /// The next item.
    Item(T),
    /// At this place in the order, items are missing.
    Gap {
        /// How many.
        missed: u64,
    },
}

/// What became of an item that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The reader will receive it.
    Queued,
    /// The queue is full: the reader will receive a gap marker in its place.
    Missed,
    /// The queue was closed, or its reader is gone for good.
    Closed,
}

/// Items in order, with markers where some are missing. Two markers are never neighbours, so there are at most
/// `capacity + 1` of them.
#[derive(Debug)]
pub struct Fifo<T> {
    capacity: usize,
    entries: VecDeque<(Delivery<T>, Instant)>,
    items: usize,
    missed: u64,
}

// === impl Mailbox ===

impl<T: Clone + fmt::Display + Send + 'static> Mailbox<T> {
    /// A mailbox that holds up to `capacity` waiting items, and beside them the one in hand. `name` appears in
    /// its stats; an item's `Display` is how it is named in quarantine, so it should be short.
    pub fn new(name: impl Into<String>, capacity: usize) -> (Post<T>, Self) {
        let queue = Fifo { capacity, entries: VecDeque::new(), items: 0, missed: 0 };
        reader::pair(name.into(), queue)
    }
}

// === impl Post ===

impl<T: Clone + fmt::Display + Send + 'static> Post<T> {
    /// Queues the item, or records a gap in its place when the mailbox is full. Never waits.
    pub fn post(&self, item: T) -> Posted {
        self.with_queue(|queue| queue.push(item)).unwrap_or(Posted::Closed)
    }

    /// Queues all of them or none: `false` when they do not fit, or posting is useless. More than the whole capacity
    /// fits into an empty queue. The first may instead be taken in by the last item that waits: `merge` gives back
    /// what it did not take.
    pub fn post_all(&self, items: Vec<T>, merge: impl FnOnce(&mut T, T) -> Option<T>) -> bool {
        self.with_queue(|queue| queue.push_all(items, merge)).unwrap_or(false)
    }

    /// Whether at least half of the queue is free.
    pub fn has_room(&self) -> bool {
        self.look(|queue| queue.items <= queue.capacity / 2)
    }

    /// How many more items fit now. A publisher that posts no more than this, and is the only one, leaves no gap.
    pub fn room(&self) -> usize {
        self.look(|queue| queue.capacity.saturating_sub(queue.items))
    }

    /// Records that the publisher itself lost items here, a dropped connection for example, or that it cannot
    /// prove how many: then `missed` is its lower bound, and may be 0.
    pub fn gap(&self, missed: u64) -> Posted {
        self.with_queue(|queue| queue.push_gap(missed)).map_or(Posted::Closed, |()| Posted::Missed)
    }
}

// === impl Fifo ===

impl<T> Fifo<T> {
    fn push(&mut self, item: T) -> Posted {
        if self.items >= self.capacity {
            self.push_gap(1);
            return Posted::Missed;
        }
        self.entries.push_back((Delivery::Item(item), Instant::now()));
        self.items = self.items.saturating_add(1);
        Posted::Queued
    }

    fn push_all(&mut self, items: Vec<T>, merge: impl FnOnce(&mut T, T) -> Option<T>) -> bool {
        let mut items = items.into_iter();
        let Some(first) = items.next() else { return true };
        if self.items > 0 && self.items.saturating_add(items.len()) >= self.capacity {
            return false;
        }
        let first = match self.entries.back_mut() {
            Some((Delivery::Item(last), _)) => merge(last, first),
            Some((Delivery::Gap { .. }, _)) | None => Some(first),
        };
        let now = Instant::now();
        for item in first.into_iter().chain(items) {
            self.entries.push_back((Delivery::Item(item), now));
            self.items = self.items.saturating_add(1);
        }
        true
    }

    fn push_gap(&mut self, more: u64) {
        self.missed = self.missed.saturating_add(more);
        if let Some((Delivery::Gap { missed }, _)) = self.entries.back_mut() {
            *missed = missed.saturating_add(more);
        } else {
            self.entries.push_back((Delivery::Gap { missed: more }, Instant::now()));
        }
    }
}

impl<T: Clone + fmt::Display + Send + 'static> Queue for Fifo<T> {}

impl<T: Clone + fmt::Display + Send + 'static> Waiting for Fifo<T> {
    type Entry = Delivery<T>;

    fn take(&mut self) -> Option<(Delivery<T>, Instant)> {
        let taken = self.entries.pop_front()?;
        if Self::is_item(&taken.0) {
            self.items = self.items.saturating_sub(1);
        }
        Some(taken)
    }

    fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.items = 0;
    }

    fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|(_, since)| *since)
    }

    fn count(&self, stats: &mut InputStats) {
        stats.queued = stats.queued.saturating_add(self.items);
        stats.missed = self.missed;
    }

    fn is_item(entry: &Delivery<T>) -> bool {
        match entry {
            Delivery::Item(_) => true,
            Delivery::Gap { .. } => false,
        }
    }

    fn describe(entry: &Delivery<T>) -> String {
        match entry {
            Delivery::Item(item) => item.to_string(),
            Delivery::Gap { missed } => format!("gap of {missed} missed"),
        }
    }
}
