use std::{collections::VecDeque, sync::Arc, time::Duration};

use eda_events::{Event, Post, Topic};
use tokio::time::sleep;

use crate::{
    reader::{self, Reader},
    ring::Following,
    shared::Shared,
    sqlite::read,
    trouble::Trouble,
};

/// How many events are read from the file at once.
const READ: usize = 256;

/// The first pause after a failed attempt to read; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Posts the event log to one consumer: in order, everything of its topics, as fast as it reads.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    name: Arc<str>,
    /// Tells this reader from an earlier one of the same name.
    reader: u64,
    topics: Vec<Topic>,
    post: Post<Arc<Event>>,
    /// Everything up to here was posted, or is of other topics.
    at: u64,
    /// What was posted and is not finished with, oldest first.
    in_flight: VecDeque<u64>,
    /// How many of those posted the reader has finished with.
    finished: u64,
}

// === impl Pump ===

impl Pump {
    pub(crate) fn new(
        shared: Arc<Shared>,
        name: Arc<str>,
        (at, reader): (u64, u64),
        topics: Vec<Topic>,
        post: Post<Arc<Event>>,
    ) -> Self {
        Self { shared, name, reader, topics, post, at, in_flight: VecDeque::new(), finished: 0 }
    }

    /// Until the log has ended and the consumer has finished with all of it, or nobody reads any more.
    pub(crate) async fn run(mut self) {
        let mut head = self.shared.watch_head();
        let stop = self.shared.stop.clone();
        loop {
            let now = *head.borrow_and_update();
            let over = stop.is_cancelled() || self.post.is_abandoned();
            // Afterwards, so that nothing that is finished with by then is left out.
            if !self.note_finished() || over {
                return self.post.close();
            }
            let room = self.post.room();
            if self.at < now.sequence && room > 0 {
                tokio::select! {
                    () = self.post_some(room, now.sequence) => {}
                    () = stop.cancelled() => {}
                }
                continue;
            }
            if self.at >= now.sequence && now.is_closed() {
                break self.post.close();
            }
            tokio::select! {
                // The sender is in `shared`, so this is never an error.
                _ = head.changed() => {}
                () = self.post.moved() => {}
                () = stop.cancelled() => {}
            }
        }
        while !self.in_flight.is_empty() && !stop.is_cancelled() && !self.post.is_abandoned() {
            tokio::select! {
                () = self.post.moved() => {}
                () = stop.cancelled() => {}
            }
            self.note_finished();
        }
    }

    /// Moves the cursor to what the reader has finished with. `false` if another reader has taken over its name.
    fn note_finished(&mut self) -> bool {
        let finished = self.post.finished();
        while self.finished < finished && self.in_flight.pop_front().is_some() {
            self.finished = self.finished.saturating_add(1);
        }
        let cursor = self.in_flight.front().map_or(self.at, |first| first.saturating_sub(1));
        self.shared.cursors.advance(&self.name, self.reader, cursor)
    }

    async fn post_some(&mut self, room: usize, head: u64) {
        let in_memory = self.shared.ring().following(self.at, &self.topics, room);
        let following = match in_memory {
            Some(following) => following,
            None => self.read(room, head).await,
        };
        for (sequence, event) in following.events {
            self.post.post(event);
            self.in_flight.push_back(sequence);
        }
        self.at = following.seen_to;
        if following.unreadable > 0 {
            let mut stats = self.shared.counted();
            stats.unreadable = stats.unreadable.saturating_add(following.unreadable);
        }
    }

    /// Reads what is no longer in memory, however often that has to be tried.
    async fn read(&self, room: usize, head: u64) -> Following {
        let mut pause = FIRST_PAUSE;
        let mut failing = false;
        loop {
            let (at, topics) = (self.at, self.topics.clone());
            match self.shared.read(move |reader| following(reader, at, head, &topics, room)).await {
                Ok(following) => return following,
                Err(trouble) if !failing => {
                    tracing::error!(consumer = %self.name, %trouble, "the event log cannot be read: its consumer waits until it can");
                    failing = true;
                }
                Err(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// As [`crate::ring::Ring::following`], from the file, which has everything up to `head`.
fn following(
    reader: &Reader,
    at: u64,
    head: u64,
    topics: &[Topic],
    room: usize,
) -> Result<Following, Trouble> {
    let mut following = Following { events: Vec::new(), seen_to: at, unreadable: 0 };
    let rows = read::events_after(&reader.database().lock(), at, READ)?;
    let last = rows.len() < READ;
    for row in rows {
        if topics.iter().any(|topic| topic.as_str() == row.topic) {
            if following.events.len() == room {
                return Ok(following);
            }
            match reader::event(&row.json) {
                Ok(event) => following.events.push((row.sequence, Arc::new(event))),
                Err(trouble) => {
                    tracing::error!(sequence = row.sequence, %trouble, "an event is passed over");
                    following.unreadable = following.unreadable.saturating_add(1);
                }
            }
        }
        following.seen_to = row.sequence;
    }
    if last {
        // Beyond the last event may be sequences that are no event's.
        following.seen_to = following.seen_to.max(head);
    }
    Ok(following)
}
