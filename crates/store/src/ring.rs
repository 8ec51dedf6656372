use std::{collections::VecDeque, sync::Arc};

use eda_events::{Event, Topic};

/// How many of the last events are in memory.
const CAPACITY: usize = 4_096;

/// The last events in order of their sequence, so that a consumer that keeps up costs no read.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Every event after this sequence is here.
    floor: u64,
    events: VecDeque<(u64, Arc<Event>)>,
}

/// Events that follow on a sequence.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) events: Vec<(u64, Arc<Event>)>,
    /// Everything up to here was looked at.
    pub(crate) seen_to: u64,
    /// Events among them that cannot be read, and are passed over.
    pub(crate) unreadable: u64,
}

// === impl Ring ===

impl Ring {
    /// Nothing of what was kept up to this sequence is in memory.
    pub(crate) fn after(floor: u64) -> Self {
        Self { floor, events: VecDeque::new() }
    }

    /// Adds an event, which comes after all others.
    pub(crate) fn push(&mut self, sequence: u64, event: Arc<Event>) {
        self.events.push_back((sequence, event));
        if self.events.len() > CAPACITY
            && let Some((forgotten, _)) = self.events.pop_front()
        {
            self.floor = forgotten;
        }
    }

    /// Up to `most` events of these topics that come after the sequence; `None` if some of them are no longer here.
    pub(crate) fn following(&self, sequence: u64, topics: &[Topic], most: usize) -> Option<Following> {
        if sequence < self.floor {
            return None;
        }
        let first = self.events.partition_point(|(at, _)| *at <= sequence);
        let mut following = Following { events: Vec::new(), seen_to: sequence, unreadable: 0 };
        for (at, event) in self.events.range(first..) {
            if topics.contains(&event.topic()) {
                if following.events.len() == most {
                    break;
                }
                following.events.push((*at, Arc::clone(event)));
            }
            following.seen_to = *at;
        }
        Some(following)
    }
}
