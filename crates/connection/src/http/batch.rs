use std::collections::{BTreeMap, VecDeque};

use crate::request::{Class, Method};

/// How much may travel in one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Calls.
    pub(super) calls: usize,
    /// Bytes of the request body.
    pub(super) bytes: usize,
}

/// How a call travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Before everything else, by itself.
    Urgent,
    /// By itself: its answer is large, or it must not share the fate of others.
    Alone,
    /// Together with others.
    Shared,
}

/// Calls waiting for the connection: urgent ones in order of arrival, the others by class and then by arrival.
///
/// The two other lanes are served by class, but neither is passed over twice in a row, so that a stream of small
/// calls cannot keep a large one waiting for ever, nor the other way round.
#[derive(Debug)]
pub(super) struct Queue<T> {
    urgent: VecDeque<T>,
    alone: BTreeMap<Key, (usize, T)>,
    shared: BTreeMap<Key, (usize, T)>,
    shared_bytes: usize,
    /// The lane that had waiting calls and was not chosen last time.
    passed_over: Option<Lane>,
    next: u64,
}

/// Class, then arrival.
type Key = (Class, u64);

// === impl Lane ===

impl Lane {
    pub(super) fn of(method: &Method, class: Class) -> Self {
        if class == Class::Exit {
            Self::Urgent
        } else if method.is_heavy() || method.is_unsafe_to_repeat() {
            Self::Alone
        } else {
            Self::Shared
        }
    }
}

// === impl Queue ===

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            urgent: VecDeque::new(),
            alone: BTreeMap::new(),
            shared: BTreeMap::new(),
            shared_bytes: 0,
            passed_over: None,
            next: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Adds a call whose body has `bytes` bytes.
    pub(super) fn push(&mut self, lane: Lane, class: Class, bytes: usize, call: T) {
        let key = (class, self.next);
        self.next = self.next.saturating_add(1);
        match lane {
            Lane::Urgent => self.urgent.push_back(call),
            Lane::Alone => drop(self.alone.insert(key, (bytes, call))),
            Lane::Shared => {
                self.shared_bytes = self.shared_bytes.saturating_add(framed(bytes));
                self.shared.insert(key, (bytes, call));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len().saturating_add(self.alone.len()).saturating_add(self.shared.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether more calls would make a fuller request: nothing waits that travels by itself, and there is room.
    pub(super) fn may_gather(&self, limits: Limits) -> bool {
        self.urgent.is_empty()
            && self.alone.is_empty()
            && self.shared.len() < limits.calls
            && self.shared_bytes < limits.bytes
    }

    /// What the next request carries; empty if nothing waits.
    pub(super) fn next_group(&mut self, limits: Limits) -> Vec<T> {
        if let Some(call) = self.urgent.pop_front() {
            return vec![call];
        }
        let lane = match (self.shared.first_key_value(), self.alone.first_key_value()) {
            (None, None) => return Vec::new(),
            (Some(_), None) => Lane::Shared,
            (None, Some(_)) => Lane::Alone,
            (Some((shared, _)), Some((alone, _))) => {
                let by_class = if shared < alone { Lane::Shared } else { Lane::Alone };
                self.passed_over.unwrap_or(by_class)
            }
        };
        if lane == Lane::Alone {
            self.passed_over = (!self.shared.is_empty()).then_some(Lane::Shared);
            return self.alone.pop_first().map(|(_, (_, call))| call).into_iter().collect();
        }
        self.passed_over = (!self.alone.is_empty()).then_some(Lane::Alone);
        self.take_shared(limits)
    }

    /// Everything that waits, in no particular order.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let Self { urgent, alone, shared, .. } = std::mem::take(self);
        let rest = alone.into_values().chain(shared.into_values()).map(|(_, call)| call);
        urgent.into_iter().chain(rest).collect()
    }

    /// At least one call, however large: refusing it is the server's business.
    fn take_shared(&mut self, limits: Limits) -> Vec<T> {
        let mut group = Vec::new();
        // The brackets around a batch.
        let mut bytes = 2_usize;
        while let Some(entry) = self.shared.first_entry() {
            let size = framed(entry.get().0);
            let full = group.len() >= limits.calls || bytes.saturating_add(size) > limits.bytes;
            if full && !group.is_empty() {
                break;
            }
            bytes = bytes.saturating_add(size);
            self.shared_bytes = self.shared_bytes.saturating_sub(size);
            group.push(entry.remove().1);
        }
        group
    }
}

/// With the comma that separates it from the next one.
fn framed(bytes: usize) -> usize {
    bytes.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { calls: 3, bytes: 100 };

    fn queue(calls: &[(&'static str, Class, usize)]) -> Queue<&'static str> {
        let mut queue = Queue::default();
        for (method, class, bytes) in calls {
            queue.push(Lane::of(&Method::new(method), *class), *class, *bytes, *method);
        }
        queue
    }

    fn groups(mut queue: Queue<&'static str>) -> Vec<Vec<&'static str>> {
        std::iter::from_fn(|| Some(queue.next_group(LIMITS)).filter(|group| !group.is_empty())).collect()
    }

    #[test]
    fn an_exit_goes_first_and_alone() {
        let queue = queue(&[
            ("getSlot", Class::Guard, 10),
            ("getBlock", Class::Guard, 10),
            ("getLatestBlockhash", Class::Exit, 10),
            ("sendTransaction", Class::Exit, 10),
        ]);
        assert!(!queue.may_gather(LIMITS));
        let expected =
            [vec!["getLatestBlockhash"], vec!["sendTransaction"], vec!["getSlot"], vec!["getBlock"]];
        assert_eq!(groups(queue), expected);
    }

    #[test]
    fn a_batch_ends_at_its_bounds_and_holds_the_higher_classes_first() {
        let calls: Vec<_> = ["a", "b", "c", "d"].map(|name| (name, Class::Poll, 10)).into();
        let mut first = queue(&calls);
        first.push(Lane::Shared, Class::Confirm, 10, "e");
        assert_eq!(groups(first), [vec!["e", "a", "b"], vec!["c", "d"]]);
        let large = queue(&[("a", Class::Poll, 60), ("b", Class::Poll, 60), ("c", Class::Poll, 500)]);
        assert_eq!(groups(large), [["a"], ["b"], ["c"]]);
    }

    #[test]
    fn a_send_shares_its_fate_with_no_other_call() {
        let calls = [
            ("getSlot", Class::Entry, 10),
            ("sendTransaction", Class::Entry, 10),
            ("getFees", Class::Entry, 10),
        ];
        assert_eq!(groups(queue(&calls)), [vec!["getSlot", "getFees"], vec!["sendTransaction"]]);
    }

    #[test]
    fn neither_lane_is_passed_over_twice() {
        let mut queue = queue(&[("getBlock", Class::Fill, 10), ("getBlock", Class::Fill, 10)]);
        let mut served = Vec::new();
        for _ in 0..4 {
            queue.push(Lane::Shared, Class::Guard, 10, "getSlot");
            served.extend(queue.next_group(LIMITS));
        }
        assert_eq!(served, ["getSlot", "getBlock", "getSlot", "getSlot", "getBlock"]);
    }

    proptest! {
        #[test]
        fn every_call_travels_once_within_the_bounds(calls in proptest::collection::vec((0_usize..3, 0_usize..7, 1_usize..120), 0..60)) {
            let mut queue = Queue::default();
            for (index, (lane, class, bytes)) in calls.iter().enumerate() {
                let lane = [Lane::Urgent, Lane::Alone, Lane::Shared][*lane];
                queue.push(lane, Class::ALL[*class], *bytes, (index, lane, *bytes));
            }
            let mut seen = Vec::new();
            loop {
                let group = queue.next_group(LIMITS);
                if group.is_empty() {
                    break;
                }
                let bytes: usize = 2 + group.iter().map(|(_, _, bytes)| bytes + 1).sum::<usize>();
                prop_assert!(group.len() <= LIMITS.calls && (bytes <= LIMITS.bytes || group.len() == 1));
                prop_assert!(group.len() == 1 || group.iter().all(|(_, lane, _)| *lane == Lane::Shared));
                seen.extend(group.into_iter().map(|(index, _, _)| index));
            }
            prop_assert!(queue.is_empty() && queue.shared_bytes == 0);
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..calls.len()).collect::<Vec<_>>());
        }
    }
}
