//! The bus: carries events from the workers to each other and to the sinks, within the process.
//!
//! Publishing never waits. Each subscriber has its own bounded mailbox: one that does not keep up finds a counted
//! gap in its own, and delays nobody. An event whose id was published before is a duplicate and is not carried
//! again: a worker that was restarted may be given an item it had already reported.
//!
//! Not responsible for: keeping events over the end of the process, and anything outside it.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    event::Event,
    id::EventId,
    mailbox::{InputStats, Mailbox, Post},
    primitives::Cluster,
    topic::Topic,
};

/// How many of the last ids are remembered per cluster to recognise duplicates.
pub const IDS_REMEMBERED: usize = 65_536;

/// The bus of one process. Shared by reference; all methods take `&self` and never wait.
#[derive(Debug, Default)]
pub struct Bus {
    state: Mutex<State>,
}

/// What became of an event that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was put into the mailbox of everyone who subscribed to its topic.
    New,
    /// Its id was published before: nobody receives it again.
    Duplicate,
    /// The bus was closed: nobody receives it.
    Closed,
}

/// The numbers of the bus so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusStats {
    /// Events carried, by topic; a topic without any is absent.
    pub published: BTreeMap<Topic, u64>,
    /// Events not carried because their id was published before.
    pub duplicates: u64,
    /// Events not carried because the bus was closed.
    pub after_close: u64,
    /// The subscribers that are still there.
    pub subscribers: Vec<InputStats>,
}

#[derive(Debug, Default)]
struct State {
    subscribers: Vec<Subscriber>,
    seen: HashMap<Cluster, Seen>,
    published: BTreeMap<Topic, u64>,
    duplicates: u64,
    after_close: u64,
    closed: bool,
}

#[derive(Debug)]
struct Subscriber {
    topics: HashSet<Topic>,
    post: Post<Arc<Event>>,
}

/// The last ids of one cluster.
#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<EventId>,
    order: VecDeque<EventId>,
}

// === impl Bus ===

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries the event to everyone who subscribed to its topic, in the same order to all of them.
    pub fn publish(&self, event: Event) -> Published {
        let mut state = self.lock();
        if state.closed {
            state.after_close = state.after_close.saturating_add(1);
            return Published::Closed;
        }
        if !state.seen.entry(event.cluster.clone()).or_default().insert(&event.id) {
            state.duplicates = state.duplicates.saturating_add(1);
            return Published::Duplicate;
        }
        let topic = event.topic();
        let published = state.published.entry(topic).or_default();
        *published = published.saturating_add(1);
        let event = Arc::new(event);
        state.subscribers.retain(|subscriber| !subscriber.post.is_closed());
        for subscriber in state.subscribers.iter().filter(|subscriber| subscriber.topics.contains(&topic)) {
            subscriber.post.post(Arc::clone(&event));
        }
        Published::New
    }

    /// A mailbox for the events of these topics from now on. `reader` names it in the stats; `capacity` is how
    /// many events it holds before it gets a gap. The subscription lasts until all clones of the mailbox are
    /// dropped.
    pub fn subscribe(
        &self,
        reader: impl Into<String>,
        topics: &[Topic],
        capacity: usize,
    ) -> Mailbox<Arc<Event>> {
        let (post, mailbox) = Mailbox::new(reader, capacity);
        let mut state = self.lock();
        if !state.closed {
            state.subscribers.push(Subscriber { topics: topics.iter().copied().collect(), post });
        }
        mailbox
    }

    /// No more events: the subscribers drain their mailboxes and then receive `None`.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for subscriber in &state.subscribers {
            subscriber.post.close();
        }
    }

    /// The numbers so far.
    pub fn stats(&self) -> BusStats {
        let state = self.lock();
        BusStats {
            published: state.published.clone(),
            duplicates: state.duplicates,
            after_close: state.after_close,
            subscribers: state.subscribers.iter().map(|subscriber| subscriber.post.stats()).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl BusStats ===

impl BusStats {
    /// Events carried, of all topics.
    pub fn total(&self) -> u64 {
        self.published.values().sum()
    }
}

// === impl Seen ===

impl Seen {
    /// Remembers the id, and forgets the oldest when there are too many. `false` if it was there already.
    fn insert(&mut self, id: &EventId) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > IDS_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use jiff::Timestamp;

    use super::*;
    use crate::{data::EventRetracted, mailbox::Delivery};

    fn event(id: &str) -> Event {
        let data = EventRetracted { event_id: id.into(), reason: "fork".to_owned() };
        Event::new(id.into(), Timestamp::UNIX_EPOCH, Cluster::Simnet, None, data.into())
    }

    /// Everything that waits, as ids, with gaps as `-n`; and whether the mailbox has ended.
    fn drain(mailbox: &Mailbox<Arc<Event>>) -> (Vec<String>, bool) {
        let mut read = Vec::new();
        loop {
            match pin!(mailbox.next()).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Delivery::Item(event))) => read.push(event.id.to_string()),
                Poll::Ready(Some(Delivery::Gap { missed })) => read.push(format!("-{missed}")),
                Poll::Ready(None) => return (read, true),
                Poll::Pending => return (read, false),
            }
            mailbox.done();
        }
    }

    #[test]
    fn an_id_is_carried_once_per_cluster() {
        let bus = Bus::new();
        let mailbox = bus.subscribe("test", &[Topic::Retractions], 10);
        assert_eq!(bus.publish(event("a")), Published::New);
        assert_eq!(bus.publish(event("a")), Published::Duplicate);
        let elsewhere = Event { cluster: Cluster::Devnet, ..event("a") };
        assert_eq!(bus.publish(elsewhere), Published::New);
        assert_eq!(drain(&mailbox).0, ["a", "a"]);
        let stats = bus.stats();
        assert_eq!((stats.total(), stats.duplicates), (2, 1));
        assert_eq!(stats.published, BTreeMap::from([(Topic::Retractions, 2)]));
    }

    #[test]
    fn the_last_ids_are_remembered_and_no_more() {
        let bus = Bus::new();
        for number in 0..=IDS_REMEMBERED {
            bus.publish(event(&number.to_string()));
        }
        assert_eq!(bus.publish(event("1")), Published::Duplicate);
        assert_eq!(bus.publish(event("0")), Published::New, "the oldest was forgotten");
        let state = bus.lock();
        let seen = &state.seen[&Cluster::Simnet];
        assert_eq!((seen.ids.len(), seen.order.len()), (IDS_REMEMBERED, IDS_REMEMBERED));
    }

    #[test]
    fn a_subscriber_receives_its_topics_in_the_order_of_publishing() {
        let bus = Bus::new();
        let all = bus.subscribe("all", &Topic::ALL, 10);
        let burns = bus.subscribe("burns", &[Topic::Burn], 10);
        for id in ["a", "b", "c"] {
            bus.publish(event(id));
        }
        assert_eq!(drain(&all).0, ["a", "b", "c"]);
        assert_eq!(drain(&burns).0, Vec::<String>::new());
    }

    #[test]
    fn a_slow_subscriber_finds_a_gap_and_delays_nobody() {
        let bus = Bus::new();
        let quick = bus.subscribe("quick", &Topic::ALL, 2);
        let slow = bus.subscribe("slow", &Topic::ALL, 2);
        let mut read = Vec::new();
        for id in ["a", "b", "c", "d", "e"] {
            assert_eq!(bus.publish(event(id)), Published::New);
            read.extend(drain(&quick).0);
        }
        assert_eq!(read, ["a", "b", "c", "d", "e"]);
        assert_eq!(drain(&slow).0, ["a", "b", "-3"]);
        let missed: Vec<(String, u64)> =
            bus.stats().subscribers.into_iter().map(|stats| (stats.name, stats.missed)).collect();
        assert_eq!(missed, [("quick".to_owned(), 0), ("slow".to_owned(), 3)]);
    }

    #[test]
    fn after_close_subscribers_drain_and_end() {
        let bus = Bus::new();
        let mailbox = bus.subscribe("test", &Topic::ALL, 10);
        bus.publish(event("a"));
        bus.close();
        assert_eq!(bus.publish(event("b")), Published::Closed);
        assert_eq!(drain(&mailbox), (vec!["a".to_owned()], true));
        assert_eq!(drain(&bus.subscribe("late", &Topic::ALL, 10)), (vec![], true));
        assert_eq!(bus.stats().after_close, 1);
    }

    #[test]
    fn a_subscriber_that_went_away_is_forgotten() {
        let bus = Bus::new();
        drop(bus.subscribe("gone", &Topic::ALL, 1));
        bus.publish(event("a"));
        assert_eq!(bus.stats().subscribers, []);
    }
}
