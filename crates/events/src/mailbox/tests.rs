use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use proptest::prelude::*;

use super::*;

/// What one poll of `next` gives: `Pending` is an empty mailbox.
fn poll_next<Q: Queue>(reader: &Reader<Q>) -> Poll<Option<Q::Entry>> {
    pin!(reader.next()).poll(&mut Context::from_waker(Waker::noop()))
}

fn ready<Q: Queue>(reader: &Reader<Q>) -> Q::Entry {
    match poll_next(reader) {
        Poll::Ready(Some(entry)) => entry,
        Poll::Ready(None) => panic!("the queue has ended"),
        Poll::Pending => panic!("the queue is empty"),
    }
}

#[test]
fn a_gap_stands_where_the_missing_items_would_have_been() {
    let (post, mailbox) = Mailbox::new("test", 2);
    assert_eq!(post.post(1), Posted::Queued);
    assert_eq!(post.post(2), Posted::Queued);
    assert_eq!(post.post(3), Posted::Missed);
    assert_eq!(post.post(4), Posted::Missed);
    assert_eq!(ready(&mailbox), Delivery::Item(1));
    mailbox.done();
    assert_eq!(post.post(5), Posted::Queued);
    for expected in [Delivery::Item(2), Delivery::Gap { missed: 2 }, Delivery::Item(5)] {
        assert_eq!(ready(&mailbox), expected);
        mailbox.done();
    }
    assert!(poll_next(&mailbox).is_pending());
    assert_eq!((mailbox.stats().delivered, mailbox.stats().missed), (3, 2));
}

#[test]
fn a_reader_dropped_without_blame_leaves_its_item_to_the_next() {
    let (post, mailbox) = Mailbox::new("test", 2);
    post.post("a");
    let first = mailbox.clone();
    assert_eq!(ready(&first), Delivery::Item("a"));
    drop(first);
    for _ in 0..5 {
        assert_eq!(ready(&mailbox.clone()), Delivery::Item("a"));
    }
    assert_eq!(mailbox.stats().quarantined, 0);
}

#[test]
fn an_item_blamed_twice_is_quarantined_with_its_reason() {
    let (post, mailbox) = Mailbox::new("test", 4);
    post.post("poison");
    post.post("good");
    assert_eq!(mailbox.blame("died idle"), Verdict::Nothing);
    assert_eq!(ready(&mailbox), Delivery::Item("poison"));
    assert_eq!(mailbox.blame("panicked"), Verdict::WillRedeliver);
    assert_eq!(ready(&mailbox), Delivery::Item("poison"));
    assert_eq!(mailbox.blame("panicked again"), Verdict::Quarantined { item: "poison".to_owned() });
    assert_eq!(ready(&mailbox), Delivery::Item("good"));
    let kept = Quarantined { item: "poison".to_owned(), reason: "panicked again".to_owned() };
    assert_eq!(mailbox.quarantine(), [kept]);
    assert_eq!((mailbox.stats().quarantined, mailbox.stats().queued), (1, 1));
}

#[test]
fn blame_belongs_to_one_item_and_is_not_inherited() {
    let (post, mailbox) = Mailbox::new("test", 4);
    post.post(1);
    post.post(2);
    ready(&mailbox);
    mailbox.blame("panicked");
    ready(&mailbox);
    mailbox.done();
    assert_eq!(ready(&mailbox), Delivery::Item(2));
    assert_eq!(mailbox.blame("panicked"), Verdict::WillRedeliver);
}

#[test]
fn a_gap_in_hand_survives_its_reader() {
    let (post, mailbox) = Mailbox::<u8>::new("test", 1);
    post.gap(7);
    assert_eq!(ready(&mailbox), Delivery::Gap { missed: 7 });
    assert_eq!(mailbox.blame("panicked"), Verdict::WillRedeliver);
    assert_eq!(ready(&mailbox), Delivery::Gap { missed: 7 });
    assert_eq!(mailbox.blame("panicked"), Verdict::Quarantined { item: "gap of 7 missed".to_owned() });
}

#[test]
fn only_the_last_quarantined_entries_are_kept_but_all_are_counted() {
    let (post, mailbox) = Mailbox::new("test", 1);
    for item in 0..QUARANTINE_KEPT + 3 {
        post.post(item);
        ready(&mailbox);
        mailbox.blame("first");
        mailbox.blame("second");
    }
    assert_eq!(mailbox.quarantine().len(), QUARANTINE_KEPT);
    assert_eq!(mailbox.quarantine()[0].item, "3");
    assert_eq!(mailbox.stats().quarantined, (QUARANTINE_KEPT + 3) as u64);
}

#[test]
fn the_newest_state_per_key_is_read_in_order_of_first_arrival() {
    let (post, latest) = Latest::new("test");
    for (key, state) in [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("b", 2), ("a", 3)] {
        assert!(post.replace(key, state));
    }
    post.forget(&"c");
    assert_eq!(ready(&latest), ("a", 3));
    post.replace("a", 4);
    assert_eq!(ready(&latest), ("a", 3), "a state in hand is not replaced");
    assert_eq!(latest.blame("panicked"), Verdict::WillRedeliver);
    assert_eq!(ready(&latest), ("a", 3));
    latest.done();
    assert_eq!(ready(&latest), ("b", 2));
    latest.done();
    assert_eq!(ready(&latest), ("a", 4));
    latest.done();
    assert!(poll_next(&latest).is_pending());
    assert_eq!((latest.stats().delivered, latest.stats().coalesced), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_reader_is_woken_by_an_item_and_by_the_end() {
    let (post, mailbox) = Mailbox::new("test", 2);
    let publisher = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        post.post(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(post);
    };
    let reader = async {
        assert_eq!(mailbox.next().await, Some(Delivery::Item(1)));
        mailbox.done();
        assert_eq!(mailbox.next().await, None);
        assert_eq!(mailbox.next().await, None, "the end stays the end");
    };
    tokio::join!(publisher, reader);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_keeps_pace_leaves_no_gap_and_learns_what_is_finished() {
    let (post, mailbox) = Mailbox::new("test", 2);
    let publisher = async {
        let mut posted = 0;
        while posted < 10 {
            while posted < 10 && post.room() > 0 {
                assert_eq!(post.post(posted), Posted::Queued);
                posted += 1;
            }
            post.moved().await;
        }
        post.close();
        while post.finished() < 10 {
            post.moved().await;
        }
    };
    let reader = async {
        for item in 0..9 {
            assert_eq!(mailbox.next().await, Some(Delivery::Item(item)));
            mailbox.done();
        }
        assert_eq!(mailbox.next().await, Some(Delivery::Item(9)));
        assert_eq!(post.finished(), 9, "in hand is not finished");
        mailbox.blame("panicked");
        assert_eq!(mailbox.next().await, Some(Delivery::Item(9)));
        assert_eq!(post.finished(), 9);
        mailbox.blame("panicked again");
    };
    tokio::join!(publisher, reader);
    assert!(!post.is_abandoned());
    drop(mailbox);
    post.moved().await;
    assert!(post.is_abandoned());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_loses_nothing() {
    let (post, mailbox) = Mailbox::new("test", 2);
    let waited = tokio::time::timeout(Duration::from_secs(1), mailbox.next()).await;
    assert!(waited.is_err());
    post.post(1);
    {
        let mut call = pin!(mailbox.next());
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    assert_eq!(mailbox.next().await, Some(Delivery::Item(1)));
}

#[test]
fn a_closed_mailbox_is_drained_and_takes_no_more() {
    let (post, mailbox) = Mailbox::new("test", 2);
    post.post(1);
    post.close();
    assert_eq!(post.clone().post(2), Posted::Closed);
    assert_eq!(ready(&mailbox), Delivery::Item(1));
    mailbox.done();
    assert_eq!(poll_next(&mailbox), Poll::Ready(None));
}

#[test]
fn when_the_last_reader_is_gone_the_publisher_is_told_and_nothing_is_kept() {
    let (post, mailbox) = Mailbox::new("test", 2);
    let item = Arc::new("item");
    post.post(Arc::clone(&item));
    let input: Arc<dyn Input> = Arc::new(mailbox.clone());
    drop(mailbox);
    assert!(!post.is_closed(), "the supervisor still holds it");
    drop(input);
    assert!(post.is_closed());
    assert_eq!(Arc::strong_count(&item), 1);
    assert_eq!(post.post(Arc::clone(&item)), Posted::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_entry_is_as_old_as_its_wait() {
    let (post, mailbox) = Mailbox::new("test", 2);
    assert_eq!(mailbox.stats().oldest, None);
    post.post(1);
    tokio::time::advance(Duration::from_secs(3)).await;
    post.post(2);
    assert_eq!(mailbox.stats().oldest, Some(Duration::from_secs(3)));
    ready(&mailbox);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(mailbox.stats().oldest, Some(Duration::from_secs(4)), "in hand is not done");
    mailbox.done();
    assert_eq!(mailbox.stats().oldest, Some(Duration::from_secs(1)));
}

/// What can happen to a mailbox.
#[derive(Clone, Copy, Debug)]
enum Step {
    Post,
    Gap(u64),
    Next,
    Done,
    Blame,
    /// The reader ends without blame and another takes its place.
    Replace,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Post),
        1 => (0_u64..4).prop_map(Step::Gap),
        4 => Just(Step::Next),
        3 => Just(Step::Done),
        2 => Just(Step::Blame),
        1 => Just(Step::Replace),
    ]
}

/// The mailbox as its documentation describes it.
#[derive(Default)]
struct Model {
    waiting: VecDeque<Delivery<u64>>,
    held: Option<(Delivery<u64>, bool)>,
    posted: u64,
    lost_by_publisher: u64,
    seen: Vec<Delivery<u64>>,
    poisoned: Vec<Delivery<u64>>,
}

impl Model {
    fn gap(&mut self, more: u64) {
        match self.waiting.back_mut() {
            Some(Delivery::Gap { missed }) => *missed += more,
            Some(Delivery::Item(_)) | None => self.waiting.push_back(Delivery::Gap { missed: more }),
        }
    }

    fn post(&mut self, capacity: usize) -> Posted {
        let item = self.posted;
        self.posted += 1;
        let items = self.waiting.iter().filter(|entry| matches!(entry, Delivery::Item(_))).count();
        if items < capacity {
            self.waiting.push_back(Delivery::Item(item));
            Posted::Queued
        } else {
            self.gap(1);
            Posted::Missed
        }
    }

    fn next(&mut self) -> Option<Delivery<u64>> {
        if self.held.is_none() {
            self.held = self.waiting.pop_front().map(|entry| (entry, false));
        }
        self.held.as_ref().map(|(entry, _)| entry.clone())
    }

    fn done(&mut self) {
        self.seen.extend(self.held.take().map(|(entry, _)| entry));
    }

    fn blame(&mut self) -> Verdict {
        match self.held.take() {
            None => Verdict::Nothing,
            Some((entry, false)) => {
                self.held = Some((entry, true));
                Verdict::WillRedeliver
            }
            Some((entry, true)) => {
                let item = match &entry {
                    Delivery::Item(item) => item.to_string(),
                    Delivery::Gap { missed } => format!("gap of {missed} missed"),
                };
                self.poisoned.push(entry);
                Verdict::Quarantined { item }
            }
        }
    }
}

fn items(entries: &[Delivery<u64>]) -> Vec<u64> {
    entries
        .iter()
        .filter_map(|entry| if let Delivery::Item(item) = entry { Some(*item) } else { None })
        .collect()
}

fn missed(entries: &[Delivery<u64>]) -> u64 {
    entries.iter().map(|entry| if let Delivery::Gap { missed } = entry { *missed } else { 0 }).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the publisher, the reader and the supervisor do: the reader sees what the model says, in order,
    /// and each item is seen, in quarantine, or told missing; none of them twice.
    #[test]
    fn nothing_is_lost_but_what_gaps_and_quarantine_count(
        capacity in 0_usize..5,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let (post, mut mailbox) = Mailbox::new("test", capacity);
        let mut model = Model::default();
        let drain = [Step::Next, Step::Done].into_iter().cycle().take(2 * steps.len());
        for step in steps.into_iter().chain(drain) {
            match step {
                Step::Post => prop_assert_eq!(post.post(model.posted), model.post(capacity)),
                Step::Gap(more) => {
                    post.gap(more);
                    model.gap(more);
                    model.lost_by_publisher += more;
                }
                Step::Next => {
                    let expected = model.next().map_or(Poll::Pending, |entry| Poll::Ready(Some(entry)));
                    prop_assert_eq!(poll_next(&mailbox), expected);
                }
                Step::Done => {
                    mailbox.done();
                    model.done();
                }
                Step::Blame => prop_assert_eq!(mailbox.blame("test"), model.blame()),
                Step::Replace => mailbox = mailbox.clone(),
            }
            let stats = mailbox.stats();
            let accounted = stats.delivered + stats.missed + stats.queued as u64 + items(&model.poisoned).len() as u64;
            prop_assert_eq!(accounted, model.posted + model.lost_by_publisher);
            prop_assert_eq!(stats.quarantined, model.poisoned.len() as u64);
        }
        let stats = mailbox.stats();
        let (seen, poisoned) = (items(&model.seen), items(&model.poisoned));
        prop_assert_eq!(stats.queued, 0);
        prop_assert!(seen.is_sorted_by(|one, next| one < next), "order kept, none twice");
        prop_assert!(poisoned.iter().all(|item| !seen.contains(item)), "poison is not seen as done");
        let told = missed(&model.seen) + missed(&model.poisoned);
        prop_assert_eq!(told, stats.missed, "what is missing was told");
        prop_assert_eq!((seen.len() + poisoned.len()) as u64 + told, model.posted + model.lost_by_publisher);
    }
}
