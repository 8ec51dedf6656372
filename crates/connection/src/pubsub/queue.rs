//! The bounded queue between the socket's task and one subscriber. Putting something in never waits.
//!
//! Only updates take room. What happens between two updates (missed ones, the connection going and coming back)
//! is kept as the *edge* in front of the later one, where it is summed up; so a reader that stands still costs
//! at most its capacity in updates and edges, whatever happens meanwhile.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::{
    notice::{DownReason, Notice, Rejection},
    subscription::Overflow,
};

/// The end that the table holds. Dropping it ends the stream after what is still queued.
#[derive(Debug)]
pub(super) struct Outlet {
    queue: Arc<Queue>,
    overflow: Overflow,
    capacity: usize,
    generation: u64,
}

/// The end that the subscriber holds.
#[derive(Debug)]
pub(super) struct Inlet(Arc<Queue>);

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Queued,
    /// So many older states were dropped in favour of this one.
    Superseded(u64),
    Missed,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    updates: VecDeque<(Edge, Arc<RawValue>)>,
    tail: Edge,
    rejected: Option<Rejection>,
    ended: bool,
}

/// What happened between two updates, in the order in which it is told. It says how to get from the subscriber's
/// view before it (live or not) to the one after it.
#[derive(Debug, Default)]
struct Edge {
    missed: u64,
    down: Option<DownReason>,
    live: Option<u64>,
}

/// A queue that holds up to `capacity` updates (at least one).
pub(super) fn queue(capacity: usize, overflow: Overflow) -> (Outlet, Inlet) {
    let queue = Arc::new(Queue { waiting: Mutex::default(), changed: Notify::new() });
    let outlet = Outlet { queue: Arc::clone(&queue), overflow, capacity: capacity.max(1), generation: 0 };
    (outlet, Inlet(queue))
}

// === impl Outlet ===

impl Outlet {
    /// The subscription is live (again).
    pub(super) fn live(&mut self) {
        self.generation = self.generation.saturating_add(1);
        self.queue.lock().tail.live = Some(self.generation);
        self.queue.changed.notify_one();
    }

    /// The subscription, live until now, is interrupted.
    pub(super) fn down(&self, reason: DownReason) {
        let mut waiting = self.queue.lock();
        waiting.tail.go_down(reason);
        drop(waiting);
        self.queue.changed.notify_one();
    }

    pub(super) fn update(&self, update: Arc<RawValue>) -> Put {
        let mut waiting = self.queue.lock();
        let mut put = Put::Queued;
        if waiting.updates.len() >= self.capacity {
            match self.overflow {
                Overflow::KeepNewest => put = Put::Superseded(waiting.clear_updates()),
                Overflow::CountMissed => {
                    waiting.tail.missed = waiting.tail.missed.saturating_add(1);
                    return Put::Missed;
                }
            }
        }
        let edge = std::mem::take(&mut waiting.tail);
        waiting.updates.push_back((edge, update));
        drop(waiting);
        self.queue.changed.notify_one();
        put
    }

    /// Ends the stream with a rejection.
    pub(super) fn reject(self, rejection: Rejection) {
        self.queue.lock().rejected = Some(rejection);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.queue.lock().ended = true;
        self.queue.changed.notify_one();
    }
}

// === impl Inlet ===

impl Inlet {
    /// The next notice; `None` when the stream has ended. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Notice> {
        loop {
            // Made before the look at the queue, so that a change between the two is not slept through.
            let changed = self.0.changed.notified();
            {
                let mut waiting = self.0.lock();
                if let Some(notice) = waiting.take() {
                    return Some(notice);
                }
                if waiting.ended {
                    return None;
                }
            }
            changed.await;
        }
    }
}

// === impl Queue ===

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change of the queue is complete before anything could panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Waiting ===

impl Waiting {
    fn take(&mut self) -> Option<Notice> {
        let edge = self.updates.front_mut().map_or(&mut self.tail, |(edge, _)| edge);
        if let Some(notice) = edge.take() {
            return Some(notice);
        }
        if let Some((_, update)) = self.updates.pop_front() {
            return Some(Notice::Update(update));
        }
        self.rejected.take().map(Notice::Rejected)
    }

    /// Drops the updates but nothing of what happened between them; returns their number.
    fn clear_updates(&mut self) -> u64 {
        let mut all = Edge::default();
        let mut dropped = 0u64;
        for (edge, _) in self.updates.drain(..) {
            all.append(edge);
            dropped = dropped.saturating_add(1);
        }
        all.append(std::mem::take(&mut self.tail));
        self.tail = all;
        dropped
    }
}

// === impl Edge ===

impl Edge {
    fn take(&mut self) -> Option<Notice> {
        if self.missed > 0 {
            return Some(Notice::Missed { count: std::mem::take(&mut self.missed) });
        }
        if let Some(reason) = self.down.take() {
            return Some(Notice::Down { reason });
        }
        self.live.take().map(|generation| Notice::Live { generation })
    }

    fn go_down(&mut self, reason: DownReason) {
        // A `Live` that was not read yet is taken back; a `Down` in front of it then still stands. Without one
        // the subscriber was not live before this edge, and is not told that it is not live now.
        if self.live.take().is_none() || self.down.is_some() {
            self.down = Some(reason);
        }
    }

    fn append(&mut self, later: Self) {
        self.missed = self.missed.saturating_add(later.missed);
        if let Some(reason) = later.down {
            self.go_down(reason);
        }
        if later.live.is_some() {
            self.live = later.live;
        }
    }
}

#[cfg(test)]
mod tests;
