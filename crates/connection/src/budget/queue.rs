//! Requests that wait: strict priority between classes, fair shares between callers within a class, first come
//! first served within one caller's calls of one method.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::time::Instant;

use super::permit::Ticket;
use crate::request::{Caller, Class};

/// A method's number inside the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MethodId(pub(crate) u32);

/// One waiting request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) ticket: Ticket,
    pub(crate) asked_at: Instant,
    pub(crate) deadline: Option<Instant>,
}

/// Where a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) class: Class,
    pub(crate) caller: Caller,
    pub(crate) method: MethodId,
    order: u64,
}

/// All waiting requests. Every operation is logarithmic in their number; choosing one also looks at each method
/// that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    classes: BTreeMap<Class, ClassQueue>,
    places: HashMap<Ticket, Place>,
    deadlines: BTreeSet<(Instant, Ticket)>,
    arrivals: u64,
}

#[derive(Debug)]
struct ClassQueue {
    callers: BTreeMap<Caller, CallerQueue>,
    waiting: usize,
    /// Start tag of the last request served (start-time fair queueing): whoever was away starts here, so that
    /// nobody saves up.
    clock: u64,
    /// Since when the class waits without having been served.
    unserved_since: Instant,
}

#[derive(Debug, Default)]
struct CallerQueue {
    /// Start tag of this caller's next request.
    tag: u64,
    waiting: usize,
    lanes: BTreeMap<MethodId, BTreeMap<u64, Waiting>>,
}

/// Tags are integers: one unit at weight 1 is this much.
const TAG_UNIT: u64 = 1 << 16;

impl Queue {
    /// How many requests of one class and caller wait.
    pub(crate) fn waiting(&self, class: Class, caller: Caller) -> usize {
        let class = self.classes.get(&class);
        class.and_then(|class| class.callers.get(&caller)).map_or(0, |caller| caller.waiting)
    }

    /// How many requests of a class wait.
    pub(crate) fn waiting_in(&self, class: Class) -> usize {
        self.classes.get(&class).map_or(0, |class| class.waiting)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many calls of a method wait in a class: of one caller, or of all.
    pub(crate) fn ahead(&self, class: Class, caller: Option<Caller>, method: MethodId) -> usize {
        let Some(class) = self.classes.get(&class) else { return 0 };
        class
            .callers
            .iter()
            .filter(|(name, _)| caller.is_none_or(|caller| caller == **name))
            .filter_map(|(_, queue)| queue.lanes.get(&method))
            .map(BTreeMap::len)
            .sum()
    }

    pub(crate) fn push(&mut self, class: Class, caller: Caller, method: MethodId, waiting: Waiting) {
        let now = waiting.asked_at;
        let queue = self.classes.entry(class).or_insert_with(|| ClassQueue {
            callers: BTreeMap::new(),
            waiting: 0,
            clock: 0,
            unserved_since: now,
        });
        if queue.waiting == 0 {
            queue.unserved_since = now;
        }
        queue.waiting += 1;
        let of_caller = queue.callers.entry(caller).or_default();
        of_caller.waiting += 1;
        let order = self.arrivals;
        self.arrivals += 1;
        of_caller.lanes.entry(method).or_default().insert(order, waiting);
        self.places.insert(waiting.ticket, Place { class, caller, method, order });
        if let Some(deadline) = waiting.deadline {
            self.deadlines.insert((deadline, waiting.ticket));
        }
    }

    /// The request of a class whose turn it is, among those whose method is not `blocked`.
    pub(crate) fn turn(&self, class: Class, mut blocked: impl FnMut(MethodId) -> bool) -> Option<Place> {
        let queue = self.classes.get(&class).filter(|queue| queue.waiting > 0)?;
        let turns = queue.callers.iter().filter(|(_, of_caller)| of_caller.waiting > 0);
        turns
            .filter_map(|(caller, of_caller)| {
                let (order, method) = of_caller.oldest(&mut blocked)?;
                Some((of_caller.tag.max(queue.clock), Place { class, caller: *caller, method, order }))
            })
            .min_by_key(|(tag, place)| (*tag, place.order))
            .map(|(_, place)| place)
    }

    /// Takes a request out because it is granted: its caller is charged `units` at `weight`.
    pub(crate) fn serve(&mut self, place: Place, now: Instant, units: u64, weight: u32) -> Option<Waiting> {
        let waiting = self.take(place)?;
        let queue = self.classes.get_mut(&place.class)?;
        queue.unserved_since = now;
        let of_caller = queue.callers.get_mut(&place.caller)?;
        let start = of_caller.tag.max(queue.clock);
        queue.clock = start;
        of_caller.tag = start.saturating_add(units.saturating_mul(TAG_UNIT) / u64::from(weight.max(1)));
        Some(waiting)
    }

    /// Takes a request out because it is no longer wanted.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> Option<(Place, Waiting)> {
        let place = *self.places.get(&ticket)?;
        Some((place, self.take(place)?))
    }

    /// The first deadline of all.
    pub(crate) fn first_deadline(&self) -> Option<(Instant, Ticket)> {
        self.deadlines.first().copied()
    }

    /// Requests whose deadline is before `moment`, and where they wait.
    pub(crate) fn due_before(&self, moment: Instant) -> impl Iterator<Item = (Ticket, Place)> {
        let due = self.deadlines.range(..(moment, Ticket(0)));
        due.filter_map(|(_, ticket)| Some((*ticket, *self.places.get(ticket)?)))
    }

    /// Since when a class has waited without any of its requests being served; absent when none waits.
    pub(crate) fn unserved_since(&self, class: Class) -> Option<Instant> {
        self.classes.get(&class).filter(|queue| queue.waiting > 0).map(|queue| queue.unserved_since)
    }

    fn take(&mut self, place: Place) -> Option<Waiting> {
        let queue = self.classes.get_mut(&place.class)?;
        let of_caller = queue.callers.get_mut(&place.caller)?;
        let lane = of_caller.lanes.get_mut(&place.method)?;
        let waiting = lane.remove(&place.order)?;
        if lane.is_empty() {
            of_caller.lanes.remove(&place.method);
        }
        of_caller.waiting -= 1;
        queue.waiting -= 1;
        self.places.remove(&waiting.ticket);
        if let Some(deadline) = waiting.deadline {
            self.deadlines.remove(&(deadline, waiting.ticket));
        }
        Some(waiting)
    }
}

impl CallerQueue {
    fn oldest(&self, mut blocked: impl FnMut(MethodId) -> bool) -> Option<(u64, MethodId)> {
        self.lanes
            .iter()
            .filter(|(method, _)| !blocked(**method))
            .filter_map(|(method, lane)| lane.keys().next().map(|order| (*order, *method)))
            .min()
    }
}
