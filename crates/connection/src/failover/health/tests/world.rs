use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::{
    super::view::{Sight, Tip, View},
    *,
};

const SLOT: Duration = Duration::from_millis(400);
const TICK: Duration = Duration::from_millis(200);
/// Blocks between the newest confirmed slot and the root.
const ROOT: u64 = 32;

/// One endpoint of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) up: bool,
    pub(super) lag: u64,
    /// It sees nothing after this slot.
    frozen: Option<u64>,
    pub(super) deaf: bool,
    pub(super) limited: bool,
    pub(super) conflict: bool,
    pub(super) says_behind: bool,
    pub(super) fails_in_part: bool,
    pub(super) confirms: bool,
    pub(super) genesis: &'static str,
    failing_since: Option<Instant>,
    /// The newest slot that it calls confirmed.
    confirmed: u64,
}

/// A change that was made, and what speaks against it.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) at: Instant,
    pub(super) to: usize,
    pub(super) reason: &'static str,
    pub(super) rash: Option<String>,
}

/// What happens to one endpoint or to all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    One(usize, Turn),
    Halt,
    GoOn,
    StopConfirming,
    Confirm,
    /// Everything is well at once.
    Well,
}

/// What happens to one endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Dies,
    Rises,
    Lags(u64),
    Freezes,
    Thaws,
    GoesDeaf,
    Hears,
    IsLimited,
    IsFree,
    ChangesCluster,
    FailsInPart,
}

/// A cluster with the endpoints through which it is seen, and the decisions that follow.
pub(super) struct World {
    pub(super) health: Health,
    pub(super) halted: bool,
    pub(super) confirming: bool,
    pub(super) moves: Vec<Move>,
    pub(super) compared: usize,
    nodes: Vec<Node>,
    priorities: Vec<u32>,
    news: Vec<News>,
    now: Instant,
    slot: u64,
    next_slot: Instant,
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn events() -> impl Strategy<Value = Event> {
    let turns = prop_oneof![
        Just(Turn::Dies),
        Just(Turn::Rises),
        (0..120_u64).prop_map(Turn::Lags),
        Just(Turn::Freezes),
        Just(Turn::Thaws),
        Just(Turn::GoesDeaf),
        Just(Turn::Hears),
        Just(Turn::IsLimited),
        Just(Turn::IsFree),
        Just(Turn::ChangesCluster),
        Just(Turn::FailsInPart),
    ];
    let all = [Event::Halt, Event::GoOn, Event::StopConfirming, Event::Confirm, Event::Well];
    prop_oneof![
        2 => (0..4_usize, turns).prop_map(|(node, turn)| Event::One(node, turn)),
        1 => prop::sample::select(all.to_vec()),
    ]
}

// === impl World ===

impl World {
    pub(super) fn new(priorities: impl IntoIterator<Item = u32>) -> Self {
        let mut priorities: Vec<u32> = priorities.into_iter().collect();
        priorities.sort_unstable();
        let now = Instant::now();
        let mut health = Health::new(Bounds::default(), priorities.iter().copied(), now);
        health.begin(now);
        Self {
            health,
            halted: false,
            confirming: true,
            moves: Vec::new(),
            compared: 0,
            nodes: vec![Node::new(); priorities.len()],
            priorities,
            news: Vec::new(),
            now,
            slot: 1_000,
            next_slot: now,
        }
    }

    pub(super) fn node(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn here(&self) -> usize {
        self.health.here
    }

    pub(super) fn priority(&self, index: usize) -> u32 {
        self.priorities[index]
    }

    /// From now on an endpoint sees nothing new.
    pub(super) fn freeze(&mut self, index: usize) {
        self.nodes[index].frozen = Some(self.slot);
    }

    /// The changes so far: where to, and why.
    pub(super) fn changes(&self) -> Vec<(usize, &'static str)> {
        self.moves.iter().map(|change| (change.to, change.reason)).collect()
    }

    pub(super) fn told(&self, which: impl Fn(&News) -> bool) -> usize {
        self.news.iter().filter(|news| which(news)).count()
    }

    pub(super) fn happen(&mut self, event: Event) {
        let (count, slot) = (self.nodes.len(), self.slot);
        match event {
            Event::One(index, turn) => self.nodes[index % count].turn(turn, slot),
            Event::Halt => self.halted = true,
            Event::GoOn => self.halted = false,
            Event::StopConfirming => self.confirming = false,
            Event::Confirm => self.confirming = true,
            Event::Well => {
                (self.halted, self.confirming) = (false, true);
                for node in &mut self.nodes {
                    *node = Node { genesis: node.genesis, confirmed: node.confirmed, ..Node::new() };
                }
            }
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.show_signs();
            match self.health.next(self.now, SLOT) {
                Step::WaitUntil(at) => {
                    assert!(at > self.now, "nothing to wait for");
                    self.pass(at.min(self.now + TICK).min(end));
                }
                Step::Compare { with, confirmations } => self.compare(with, confirmations),
            }
            self.news.extend(self.health.news());
        }
    }

    fn compare(&mut self, with: Option<usize>, confirmations: bool) {
        self.compared += 1;
        let here = self.here();
        let refused = with.is_some_and(|with| matches!(self.health.sites[with].held(), Held::Refused(_)));
        assert!(!refused, "one that is refused is not even looked at");
        let first: Vec<_> = (0..self.nodes.len()).map(|index| self.tips(index)).collect();
        self.pass(self.now + Bounds::default().compare_for);
        let view = |index: usize| {
            let (node, first, last) = (&self.nodes[index], first[index], self.tips(index));
            if node.limited {
                View::Untold("429".to_owned())
            } else if !node.up {
                View::Failed("refused".to_owned())
            } else {
                let confirmed = Tip { first: first.1, last: last.1 };
                View::Seen(Sight {
                    genesis: node.genesis.to_owned(),
                    processed: Tip { first: first.0, last: last.0 },
                    confirmed: confirmations.then_some(confirmed),
                })
            }
        };
        let (own, other) = (view(here), with.map(|with| (with, view(with))));
        let Some(change) = self.health.compared(self.now, SLOT, &own, other) else { return };
        let rash = self.rash(change.to);
        self.health.moved(self.now, &change);
        self.moves.push(Move { at: self.now, to: change.to, reason: change.reason.as_str(), rash });
    }

    /// What speaks against moving there now.
    fn rash(&self, to: usize) -> Option<String> {
        let (ours, to) = (self.health.genesis.as_deref(), &self.nodes[to]);
        let why = if self.halted {
            "the cluster stands still"
        } else if ours.is_some_and(|ours| ours != to.genesis) {
            "another cluster"
        } else if !to.up || to.limited {
            "it does not answer"
        } else if to.frozen.is_some() {
            "it stands still"
        } else {
            return None;
        };
        Some(format!("{why}: {to:?}"))
    }

    /// Lets the cluster go on until then, and the endpoint in use tell of it.
    fn pass(&mut self, until: Instant) {
        while self.next_slot <= until {
            self.now = self.next_slot;
            self.next_slot += SLOT;
            if !self.halted {
                self.slot += 1;
            }
            for node in &mut self.nodes {
                if self.confirming && !self.halted && node.confirms && node.frozen.is_none() {
                    node.confirmed = self.slot - 2;
                }
            }
            let here = self.here();
            let (processed, confirmed) = self.tips(here);
            if self.nodes[here].up && !self.nodes[here].deaf {
                self.health.slot(self.now, processed, confirmed - ROOT);
            }
        }
        self.now = until;
    }

    /// The newest slot that an endpoint sees, and the newest that it calls confirmed.
    fn tips(&self, index: usize) -> (u64, u64) {
        let node = &self.nodes[index];
        let newest = node.frozen.unwrap_or(self.slot) - node.lag;
        (newest, newest.min(node.confirmed))
    }

    fn show_signs(&mut self) {
        let (here, now) = (self.here(), self.now);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            // Only who is asked can fail.
            let failing = index == here && (!node.up || node.fails_in_part);
            node.failing_since = failing.then(|| node.failing_since.unwrap_or(now));
        }
        let node = &self.nodes[here];
        let long = |since| now.duration_since(since) >= Bounds::default().errors_for;
        self.health.signs(Signs {
            conflict: node.conflict.then(|| "two clusters".to_owned()),
            failing: node.failing_since.filter(|since| long(*since)).map(|_| "refused".to_owned()),
            behind: node.says_behind,
        });
    }
}

// === impl Node ===

impl Node {
    fn turn(&mut self, turn: Turn, slot: u64) {
        match turn {
            Turn::Dies => self.up = false,
            Turn::Rises => self.up = true,
            Turn::Lags(lag) => self.lag = lag,
            Turn::Freezes => self.frozen = Some(slot),
            Turn::Thaws => self.frozen = None,
            Turn::GoesDeaf => self.deaf = true,
            Turn::Hears => self.deaf = false,
            Turn::IsLimited => self.limited = true,
            Turn::IsFree => self.limited = false,
            Turn::ChangesCluster => self.genesis = "other",
            Turn::FailsInPart => self.fails_in_part = true,
        }
    }

    fn new() -> Self {
        Self {
            up: true,
            lag: 0,
            frozen: None,
            deaf: false,
            limited: false,
            conflict: false,
            says_behind: false,
            fails_in_part: false,
            confirms: true,
            genesis: "ours",
            failing_since: None,
            confirmed: 900,
        }
    }
}
