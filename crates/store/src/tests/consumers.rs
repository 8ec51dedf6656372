use std::{sync::Arc, time::Duration};

use eda_events::{Delivery, Event, Input, Log, Mailbox, Topic, Verdict};
use proptest::prelude::*;

use super::{Home, ids, read, speak_to};
use crate::{Settings, Start, Store, testing::*};

fn cursor(store: &Store, name: &str) -> Option<u64> {
    let consumers = store.stats().consumers;
    consumers.iter().find(|consumer| consumer.name == name).map(|consumer| consumer.cursor)
}

async fn say_all(log: &Log, numbers: std::ops::Range<u64>) {
    for number in numbers {
        mention(log, burn(number)).await;
    }
}

async fn rest(mailbox: &Mailbox<Arc<Event>>) -> Vec<String> {
    let mut rest = Vec::new();
    while let Some(delivery) = mailbox.next().await {
        match delivery {
            Delivery::Item(event) => rest.push(event.id.to_string()),
            Delivery::Gap { missed } => panic!("a gap of {missed}"),
        }
        mailbox.done();
    }
    rest
}

#[tokio::test]
async fn a_consumer_goes_on_after_what_it_has_finished_with() {
    let home = Home::new();
    let store = home.open();
    let (log, keeping) = speak_to(&store);
    let mailbox = store.subscribe("file", &Topic::ALL, 4, Start::Newest);
    say_all(&log, 0..10).await;
    assert_eq!(read(&mailbox, 3).await, ids(0..3));
    assert!(matches!(mailbox.next().await, Some(Delivery::Item(_))), "in hand when the process ends");
    drop(log);
    keeping.ended().await.unwrap();
    store.close().await;

    let store = home.open();
    assert_eq!(cursor(&store, "file"), Some(3));
    let mailbox = store.subscribe("file", &Topic::ALL, 4, Start::Newest);
    assert_eq!(read(&mailbox, 7).await, ids(3..10));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_delays_nobody_and_misses_nothing() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, keeping) = speak_to(&store);
    let slow = store.subscribe("slow", &[Topic::Burn], 2, Start::Oldest);
    let quick = store.subscribe("quick", &[Topic::Burn], 100, Start::Oldest);
    // More than the ring in memory holds: the slow one has to be served from the file.
    let said = async {
        say_all(&log, 0..5_000).await;
        drop(log);
    };
    let (quick, ()) = tokio::join!(rest(&quick), said);
    assert_eq!(quick, ids(0..5_000));
    keeping.ended().await.unwrap();
    assert_eq!(rest(&slow).await, ids(0..5_000));
    store.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_ends_when_the_log_has_ended_and_the_cursor_is_past_other_topics() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, keeping) = speak_to(&store);
    let mailbox = store.subscribe("burns", &[Topic::Burn], 4, Start::Oldest);
    say_all(&log, 0..2).await;
    mention(&log, price(1)).await;
    drop(log);
    assert_eq!(rest(&mailbox).await, ids(0..2));
    keeping.ended().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(cursor(&store, "burns"), Some(3), "what does not concern it holds nothing up");
}

#[tokio::test(start_paused = true)]
async fn a_new_consumer_begins_where_it_asks_to_and_keeps_its_place_from_then_on() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, _keeping) = speak_to(&store);
    say(&log, burn(0)).await;
    let newest = store.subscribe("newest", &Topic::ALL, 4, Start::Newest);
    let oldest = store.subscribe("oldest", &Topic::ALL, 4, Start::Oldest);
    say(&log, burn(1)).await;
    assert_eq!(read(&newest, 1).await, ids(1..2));
    assert_eq!(read(&oldest, 2).await, ids(0..2));
    // Gone before it has read anything: it still has its place.
    drop(store.subscribe("gone", &Topic::ALL, 4, Start::Newest));
    say(&log, burn(2)).await;
    let back = store.subscribe("gone", &Topic::ALL, 4, Start::Newest);
    assert_eq!(read(&back, 1).await, ids(2..3));
    // Unless it does not want what happened while it was away.
    drop(back);
    say(&log, burn(3)).await;
    let back = store.subscribe("gone", &Topic::ALL, 4, Start::Now);
    say(&log, burn(4)).await;
    assert_eq!(read(&back, 1).await, ids(4..5));
}

#[tokio::test(start_paused = true)]
async fn one_reads_under_a_name_and_the_last_to_come_takes_over() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, _keeping) = speak_to(&store);
    say_all(&log, 0..4).await;
    let first = store.subscribe("sink", &Topic::ALL, 2, Start::Oldest);
    assert_eq!(read(&first, 1).await, ids(0..1));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let second = store.subscribe("sink", &Topic::ALL, 2, Start::Oldest);
    assert_eq!(read(&second, 1).await, ids(1..2), "after what the first has finished with");
    assert!(rest(&first).await.len() <= 2, "it drains what it was given, and ends");
    assert_eq!(read(&second, 2).await, ids(2..4), "what the first does no longer counts");
}

#[tokio::test(start_paused = true)]
async fn what_is_set_aside_as_poison_does_not_come_again() {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, _keeping) = speak_to(&store);
    say_all(&log, 0..3).await;
    let mailbox = store.subscribe("sink", &Topic::ALL, 2, Start::Oldest);
    assert_eq!(read(&mailbox, 1).await, ids(0..1));
    for verdict in [Verdict::WillRedeliver, Verdict::Quarantined { item: burn(1).id.to_string() }] {
        mailbox.next().await;
        assert_eq!(mailbox.blame("panicked"), verdict);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(mailbox);
    let mailbox = store.subscribe("sink", &Topic::ALL, 2, Start::Oldest);
    assert_eq!(read(&mailbox, 1).await, ids(2..3));
}

#[tokio::test]
async fn a_consumer_comes_to_the_end_though_the_last_sequences_are_no_events() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    for _ in 0..3 {
        say(&log, burn(0)).await;
    }
    store.close().await;

    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    let mailbox = store.subscribe("sink", &Topic::ALL, 4, Start::Oldest);
    drop(log);
    assert_eq!(rest(&mailbox).await, ids(0..1));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_counted_and_passed_over() {
    let home = Home::new();
    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    for number in 0..3 {
        say(&log, burn(number)).await;
    }
    store.close().await;
    let other = rusqlite::Connection::open(home.file()).unwrap();
    other.execute("UPDATE events SET json = '{}' WHERE sequence = 2", []).unwrap();
    drop(other);

    let store = home.open();
    let (log, _keeping) = speak_to(&store);
    let mailbox = store.subscribe("sink", &Topic::ALL, 4, Start::Oldest);
    drop(log);
    assert_eq!(rest(&mailbox).await, ids([0, 2]));
    assert_eq!(store.stats().unreadable, 1);
    let error = store.why(burn(1).id.as_str()).await.unwrap_err().to_string();
    assert!(error.starts_with("an event in it cannot be read"), "{error}");
}

#[derive(Clone, Debug)]
enum Step {
    /// A burn, or with an odd number a price, which the consumer does not want. Some come twice.
    Say(u64),
    /// Finishes with up to so many, if so many are there.
    Read(usize),
    /// The consumer ends with one event in its hand, and another begins.
    Replace(usize),
    /// Everything else that can happen happens first.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0_u64..60).prop_map(Step::Say),
        4 => (0_usize..6).prop_map(Step::Read),
        1 => (1_usize..6).prop_map(Step::Replace),
        2 => Just(Step::Settle),
    ]
}

async fn consume(steps: Vec<Step>) {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, keeping) = speak_to(&store);
    let mut mailbox = store.subscribe("sink", &[Topic::Burn], 3, Start::Oldest);
    let mut said: Vec<u64> = Vec::new();
    // How many it has finished with.
    let mut at = 0;
    let moment = Duration::from_millis(1);
    for step in steps {
        match step {
            Step::Say(number) if number % 2 == 0 => {
                mention(&log, burn(number)).await;
                if !said.contains(&number) {
                    said.push(number);
                }
            }
            Step::Say(number) => mention(&log, price(number)).await,
            Step::Read(most) => {
                for _ in 0..most {
                    let Ok(next) = tokio::time::timeout(moment, mailbox.next()).await else { break };
                    let Some(Delivery::Item(event)) = next else { panic!("{next:?}") };
                    assert_eq!(event.id, burn(said[at]).id, "in order, without a gap");
                    mailbox.done();
                    at += 1;
                }
            }
            Step::Replace(capacity) => {
                tokio::time::timeout(moment, mailbox.next()).await.ok();
                tokio::time::sleep(moment).await;
                mailbox = store.subscribe("sink", &[Topic::Burn], capacity, Start::Oldest);
            }
            Step::Settle => tokio::time::sleep(moment).await,
        }
    }
    drop(log);
    keeping.ended().await.unwrap();
    assert_eq!(rest(&mailbox).await, ids(said[at..].iter().copied()));
    tokio::time::sleep(moment).await;
    assert_eq!(cursor(&store, "sink"), Some(store.stats().sequence));
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_consumer_reads_everything_in_order_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(consume(steps));
    }
}
