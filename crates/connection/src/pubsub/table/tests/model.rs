use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A node's side of one connection: subscriptions by what was asked, ids stable over the whole node.
#[derive(Default)]
struct Node {
    ids: BTreeMap<String, u64>,
    held: BTreeMap<String, u64>,
    /// Signatures whose outcome is known: who subscribes is told at once, and the subscription is over.
    settled: BTreeSet<String>,
    inbox: VecDeque<String>,
    refuse_next: Option<i64>,
    silent_next: bool,
    /// Answers that were not given when they were due.
    withheld: Vec<String>,
    /// An answer was overdue, so that an equal second request is the client's right.
    was_late: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u8),
    Leave(usize),
    Send,
    Receive,
    Notify(u8),
    Lose,
    Refuse(i64),
    Silence,
    SpeakUp,
    Pass(u64),
}

fn topic(number: u8) -> Topic {
    match number % 5 {
        4 => signature(1),
        other => account(other),
    }
}

fn key(topic: &Topic) -> String {
    format!("{}{}", topic.method(), topic.params())
}

fn notification(upstream: u64) -> String {
    json!({ "params": { "subscription": upstream, "result": 1 } }).to_string()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any::<u8>().prop_map(Step::Subscribe),
        5 => any::<usize>().prop_map(Step::Leave),
        10 => Just(Step::Send),
        10 => Just(Step::Receive),
        4 => any::<u8>().prop_map(Step::Notify),
        1 => Just(Step::Lose),
        1 => prop_oneof![Just(-32602i64), Just(-32603), Just(429), Just(-32000)].prop_map(Step::Refuse),
        1 => Just(Step::Silence),
        1 => Just(Step::SpeakUp),
        2 => (0u64..40_000).prop_map(Step::Pass),
    ]
}

impl Node {
    fn take(&mut self, frame: &str) -> Result<(), TestCaseError> {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let (id, method) = (&frame["id"], frame["method"].as_str().unwrap());
        let silent = std::mem::take(&mut self.silent_next);
        let refused = self.refuse_next.take();
        let mut told = None;
        let answer = if let Some(code) = refused {
            if method.ends_with("Unsubscribe") && !matches!(code, -32603 | 429) {
                // What such a refusal says of an unsubscription: there is no such subscription.
                let upstream = frame["params"][0].as_u64().unwrap();
                self.held.retain(|_, held| *held != upstream);
            }
            json!({ "id": id, "error": { "code": code, "message": "refused" } })
        } else if method.ends_with("Unsubscribe") {
            let upstream = frame["params"][0].as_u64().unwrap();
            let before = self.held.len();
            self.held.retain(|_, held| *held != upstream);
            if before == self.held.len() {
                json!({ "id": id, "error": { "code": -32602, "message": "Invalid subscription id." } })
            } else {
                json!({ "id": id, "result": true })
            }
        } else {
            let key = format!("{method}{}", frame["params"]);
            let next = self.ids.len() as u64;
            let upstream = *self.ids.entry(key.clone()).or_insert(next);
            if self.settled.contains(&key) {
                told = Some(notification(upstream));
            } else {
                let twice = self.held.insert(key, upstream).is_some();
                prop_assert!(!twice || self.was_late, "two upstream subscriptions for one topic");
            }
            json!({ "id": id, "result": upstream })
        };
        if silent {
            self.withheld.push(answer.to_string());
        } else {
            self.inbox.push_back(answer.to_string());
        }
        self.inbox.extend(told);
        Ok(())
    }

    fn notify(&mut self, topic: &Topic) {
        let key = key(topic);
        let Some(upstream) = self.held.get(&key).copied() else { return };
        if topic.kind().is_one_shot() {
            self.held.remove(&key);
            self.settled.insert(key);
        }
        self.inbox.push_back(notification(upstream));
    }
}

struct World {
    bench: Bench,
    node: Node,
    streams: Vec<(SubscriberId, Topic, Inlet, Vec<String>)>,
}

impl World {
    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Subscribe(number) => {
                let topic = topic(number);
                if let Ok((id, inlet)) = self.bench.subscribe(&topic) {
                    self.streams.push((id, topic, inlet, Vec::new()));
                }
            }
            Step::Leave(index) if !self.streams.is_empty() => {
                let (id, topic, ..) = self.streams.remove(index % self.streams.len());
                self.bench.table.leave(id, &topic);
            }
            Step::Leave(_) => {}
            Step::Send => self.send()?,
            Step::Receive => self.receive(),
            Step::Notify(number) => self.node.notify(&topic(number)),
            Step::Lose => self.lose(),
            Step::Refuse(code) => self.node.refuse_next = Some(code),
            Step::Silence => self.node.silent_next = true,
            Step::SpeakUp => self.node.inbox.extend(self.node.withheld.drain(..)),
            Step::Pass(millis) => self.pass(Duration::from_millis(millis)),
        }
        let occupied = self.bench.table.entries.values().filter(|entry| entry.state.is_occupied()).count();
        // An answer that is overdue may come after its place was given to another topic.
        prop_assert!(occupied <= LIMITS.subscriptions || self.node.was_late);
        Ok(())
    }

    fn send(&mut self) -> Result<(), TestCaseError> {
        match self.bench.table.next_frame(self.bench.now) {
            Some(frame) => self.node.take(&frame),
            None => Ok(()),
        }
    }

    fn receive(&mut self) {
        if let Some(text) = self.node.inbox.pop_front() {
            let received = self.bench.table.receive(&text, Incoming::parse(&text), self.bench.now);
            if received == Received::DuplicateId {
                self.lose();
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let then = self.bench.now + time;
        let mut entries = self.bench.table.entries.values();
        let is_late =
            |entry: &Entry| entry.state.is_occupied() && entry.state.until().is_some_and(|at| at <= then);
        self.node.was_late |= entries.any(is_late);
        self.bench.pass(time);
    }

    fn lose(&mut self) {
        self.bench.table.lost(DownReason::Broken);
        self.node.held.clear();
        self.node.inbox.clear();
        self.node.withheld.clear();
        self.node.was_late = false;
        self.bench.table.open();
    }

    /// Everything that is under way comes to its end, with a node that does as asked.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.node.refuse_next = None;
        self.node.silent_next = false;
        self.node.inbox.extend(self.node.withheld.drain(..));
        for _ in 0..8 {
            for _ in 0..100 {
                self.send()?;
                self.receive();
            }
            self.pass(Duration::from_secs(31));
        }
        Ok(())
    }

    /// Reads all streams; forgets those that have ended.
    fn read(&mut self) {
        for (_, _, inlet, seen) in &mut self.streams {
            seen.extend(read(inlet).split(", ").filter(|item| !item.is_empty()).map(str::to_owned));
        }
        self.streams.retain_mut(|(_, _, inlet, _)| !has_ended(inlet));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn after_any_history_upstream_is_what_is_wanted(steps in prop::collection::vec(step(), 0..120)) {
        let mut bench = Bench { table: Table::new(LIMITS), now: Instant::now(), next_subscriber: 0 };
        bench.table.open();
        let mut world = World { bench, node: Node::default(), streams: Vec::new() };
        for step in steps {
            world.apply(step)?;
        }
        world.settle()?;
        world.read();
        let wanted: BTreeSet<String> = world.streams.iter().map(|(_, topic, ..)| key(topic)).collect();
        let mut held: BTreeSet<String> = world.node.held.keys().cloned().collect();
        // The slots are held as well, unless the node refused them.
        held.remove(&key(&Topic::Slot));
        prop_assert_eq!(&held, &wanted);
        prop_assert_eq!(world.bench.table.wanted(), wanted.len());
        prop_assert_eq!(world.bench.table.subscribers(), world.streams.len());
        prop_assert!(world.bench.table.requests.is_empty());
        for (_, topic, _, seen) in &world.streams {
            let last = seen.iter().rfind(|item| item.starts_with("live") || item.starts_with("down"));
            prop_assert!(last.is_some_and(|item| item.starts_with("live")), "{topic:?}: {seen:?}");
        }
        // All leave: nothing is left upstream, and no memory of it here.
        for (id, topic, ..) in std::mem::take(&mut world.streams) {
            world.bench.table.leave(id, &topic);
        }
        world.settle()?;
        world.node.held.remove(&key(&Topic::Slot));
        prop_assert!(world.node.held.is_empty(), "{:?}", world.node.held);
        let table = &world.bench.table;
        prop_assert!(table.entries.keys().all(|topic| *topic == Topic::Slot));
        prop_assert!(table.upstream.len() <= 1 && table.asking.is_empty() && table.leaving.is_empty());
        prop_assert!(table.orphans.is_empty() && table.early.is_empty());
    }
}
