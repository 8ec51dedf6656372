//! What waits to be written to one socket: some at once, some later, some behind another.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::fate::Passed;

/// One frame for a socket.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) frame: Message,
    /// The subscription it notifies; `None` for an answer or an odd frame, which waits for nothing.
    pub(super) subscription: Option<u64>,
    pub(super) pace: Pace,
}

/// When a notification is to be written.
#[derive(Debug, Clone)]
pub(super) enum Pace {
    Now,
    After(Duration),
    /// After one of another subscription, or after this long.
    Overtaken(Duration, Box<Passed>),
}

/// Frames held back, in the order in which they are due.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    held: BTreeMap<(Instant, u64), Held>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    frame: Message,
    subscription: u64,
    /// Set while it waits for one of another subscription to pass it.
    behind: Option<Box<Passed>>,
}

/// What is to be written now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) frames: Vec<Message>,
    /// Those among them that another subscription's frame has passed.
    pub(super) overtaken: Vec<Passed>,
}

// === impl Outgoing ===

impl Outgoing {
    /// An answer or an odd frame.
    pub(super) fn plain(frame: Message) -> Self {
        Self { frame, subscription: None, pace: Pace::Now }
    }
}

// === impl Outbox ===

impl Outbox {
    /// Frames held back.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// When the next of them is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes those that are due.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        while let Some(first) = self.held.first_entry()
            && first.key().0 <= now
        {
            due.frames.push(first.remove().frame);
        }
        due
    }

    /// Takes a frame, and says what is to be written now.
    pub(super) fn pass(&mut self, outgoing: Outgoing, now: Instant) -> Due {
        let Outgoing { frame, subscription, pace } = outgoing;
        let Some(subscription) = subscription else {
            return Due { frames: vec![frame], overtaken: Vec::new() };
        };
        let mut due =
            Due { frames: self.release(|held| held.subscription == subscription), ..Due::default() };
        if let Some(behind) = self.last_of(subscription) {
            let at = match pace {
                Pace::Now | Pace::Overtaken(..) => behind,
                Pace::After(delay) => behind.max(now + delay),
            };
            self.hold(at, frame, subscription, None);
            return due;
        }
        match pace {
            Pace::Now => {
                due.frames.push(frame);
                due.overtaken = self.behind();
                due.frames.extend(self.release(|_| true));
            }
            Pace::After(delay) => self.hold(now + delay, frame, subscription, None),
            Pace::Overtaken(within, passed) => self.hold(now + within, frame, subscription, Some(passed)),
        }
        due
    }

    /// When the last frame held back of a subscription is due.
    fn last_of(&self, subscription: u64) -> Option<Instant> {
        let mut latest_first = self.held.iter().rev();
        latest_first.find(|(_, held)| held.subscription == subscription).map(|((due, _), _)| *due)
    }

    fn hold(&mut self, due: Instant, frame: Message, subscription: u64, behind: Option<Box<Passed>>) {
        self.held.insert((due, self.next), Held { frame, subscription, behind });
        self.next = self.next.wrapping_add(1);
    }

    /// Those that wait to be passed.
    fn behind(&self) -> Vec<Passed> {
        self.held.values().filter_map(|held| held.behind.as_deref().cloned()).collect()
    }

    /// Takes those that wait to be passed and that `which` names.
    fn release(&mut self, which: impl Fn(&Held) -> bool) -> Vec<Message> {
        let released = self.held.extract_if(.., |_, held| held.behind.is_some() && which(held));
        released.map(|(_, held)| held.frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fate::Notice, *};

    const MS: Duration = Duration::from_millis(1);

    fn passed(subscription: u64) -> Passed {
        let method = "slotSubscribe".to_owned();
        let notice = Notice { method, subscription, connection: 1, slot: None, signature: None };
        Passed { notice, fault: 3 }
    }

    fn of(subscription: u64, text: &'static str, pace: Pace) -> Outgoing {
        Outgoing { frame: Message::text(text), subscription: Some(subscription), pace }
    }

    fn texts(due: &Due) -> Vec<&str> {
        due.frames.iter().map(|frame| frame.to_text().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_frame_is_due_later_and_its_subscription_waits_behind_it() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        assert_eq!(texts(&outbox.pass(of(1, "a", Pace::After(5 * MS)), now)), [""; 0]);
        assert_eq!(texts(&outbox.pass(of(1, "b", Pace::Now), now)), [""; 0]);
        assert_eq!(texts(&outbox.pass(of(1, "c", Pace::After(MS)), now)), [""; 0]);
        assert_eq!(texts(&outbox.pass(of(2, "other", Pace::Now), now)), ["other"]);
        assert_eq!(texts(&outbox.pass(Outgoing::plain(Message::text("answer")), now)), ["answer"]);
        assert_eq!(outbox.next_due(), Some(now + 5 * MS));
        assert_eq!(texts(&outbox.due(now + 4 * MS)), [""; 0]);
        assert_eq!(texts(&outbox.due(now + 5 * MS)), ["a", "b", "c"]);
        assert_eq!((outbox.len(), outbox.next_due()), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn only_another_subscription_overtakes() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let overtaken = |id| Pace::Overtaken(5 * MS, Box::new(passed(id)));
        outbox.pass(of(1, "a", overtaken(1)), now);
        let same = outbox.pass(of(1, "b", Pace::Now), now);
        assert_eq!((texts(&same), same.overtaken.len()), (vec!["a", "b"], 0));

        outbox.pass(of(1, "c", overtaken(1)), now);
        outbox.pass(of(2, "x", overtaken(2)), now);
        let other = outbox.pass(of(3, "d", Pace::Now), now);
        assert_eq!((texts(&other), &other.overtaken), (vec!["d", "c", "x"], &vec![passed(1), passed(2)]));

        outbox.pass(of(1, "e", overtaken(1)), now);
        let late = outbox.due(now + 5 * MS);
        assert_eq!((texts(&late), late.overtaken.len(), outbox.len()), (vec!["e"], 0, 0));
    }
}
