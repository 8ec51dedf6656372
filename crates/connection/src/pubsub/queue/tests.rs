use std::time::Duration;

use proptest::prelude::*;
use tokio::time::timeout;

use super::*;

fn update(number: u64) -> Arc<RawValue> {
    Arc::from(RawValue::from_string(number.to_string()).unwrap())
}

/// What a reader sees, in short.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Live(u64),
    Update(u64),
    Missed(u64),
    Down(DownReason),
    Rejected,
}

fn short(notice: Notice) -> Seen {
    match notice {
        Notice::Live { generation } => Seen::Live(generation),
        Notice::Update(update) => Seen::Update(update.get().parse().unwrap()),
        Notice::Missed { count } => Seen::Missed(count),
        Notice::Down { reason } => Seen::Down(reason),
        Notice::Rejected(_) => Seen::Rejected,
    }
}

fn read_all(inlet: &Inlet) -> Vec<Seen> {
    std::iter::from_fn(|| inlet.0.lock().take().map(short)).collect()
}

fn rejection() -> Rejection {
    Rejection::Unanswered { method: "accountSubscribe", times: 1, patience: Duration::from_secs(1) }
}

#[test]
fn notices_come_in_order() {
    let (mut outlet, inlet) = queue(8, Overflow::CountMissed);
    outlet.live();
    assert_eq!(outlet.update(update(1)), Put::Queued);
    outlet.down(DownReason::Stalled);
    outlet.live();
    outlet.update(update(2));
    outlet.reject(rejection());
    assert_eq!(
        read_all(&inlet),
        [
            Seen::Live(1),
            Seen::Update(1),
            Seen::Down(DownReason::Stalled),
            Seen::Live(2),
            Seen::Update(2),
            Seen::Rejected
        ]
    );
}

#[test]
fn what_does_not_fit_is_counted_where_it_is_missing() {
    let (mut outlet, mut inlet) = queue(2, Overflow::CountMissed);
    outlet.live();
    for number in 0..5 {
        outlet.update(update(number));
    }
    assert_eq!(read_all(&inlet), [Seen::Live(1), Seen::Update(0), Seen::Update(1), Seen::Missed(3)]);
    for number in 5..8 {
        outlet.update(update(number));
    }
    assert_eq!(short(inlet.0.lock().take().unwrap()), Seen::Update(5));
    outlet.update(update(8));
    assert_eq!(read_all(&inlet), [Seen::Update(6), Seen::Missed(1), Seen::Update(8)]);
    drop(outlet);
    assert!(futures_util::FutureExt::now_or_never(inlet.next()).unwrap().is_none());
}

#[test]
fn of_states_only_the_newest_is_kept_when_the_queue_is_full() {
    let (mut outlet, inlet) = queue(3, Overflow::KeepNewest);
    outlet.live();
    outlet.update(update(1));
    outlet.down(DownReason::Broken);
    outlet.live();
    outlet.update(update(2));
    outlet.update(update(3));
    assert_eq!(outlet.update(update(4)), Put::Superseded(3));
    // The reader was not told of the first `Live`, so the interruption after it is no news either.
    assert_eq!(read_all(&inlet), [Seen::Live(2), Seen::Update(4)]);
}

#[test]
fn an_interruption_is_told_even_when_the_updates_around_it_are_superseded() {
    let (mut outlet, mut inlet) = queue(1, Overflow::KeepNewest);
    outlet.live();
    assert_eq!(short(inlet.0.lock().take().unwrap()), Seen::Live(1));
    outlet.update(update(1));
    outlet.down(DownReason::Broken);
    outlet.live();
    outlet.update(update(2));
    outlet.down(DownReason::Stalled);
    outlet.live();
    outlet.update(update(3));
    assert_eq!(read_all(&inlet), [Seen::Down(DownReason::Stalled), Seen::Live(3), Seen::Update(3)]);
    assert!(futures_util::FutureExt::now_or_never(inlet.next()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_reader_is_woken_and_a_cancelled_one_loses_nothing() {
    let (mut outlet, mut inlet) = queue(4, Overflow::CountMissed);
    assert!(timeout(Duration::from_secs(1), inlet.next()).await.is_err());
    let reader = async { (inlet.next().await.map(short), inlet.next().await.map(short), inlet.next().await) };
    let writer = async {
        tokio::task::yield_now().await;
        outlet.live();
        tokio::task::yield_now().await;
        outlet.update(update(7));
        tokio::task::yield_now().await;
        drop(outlet);
    };
    let (seen, ()) = tokio::join!(reader, writer);
    assert_eq!((seen.0, seen.1), (Some(Seen::Live(1)), Some(Seen::Update(7))));
    assert!(seen.2.is_none());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Toggle,
    Update,
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![2 => Just(Step::Toggle), 5 => Just(Step::Update), 4 => Just(Step::Read)]
}

proptest! {
    /// Whatever happens: live and down alternate, no update is told while down, nothing is lost uncounted, and
    /// the memory stays within the capacity.
    #[test]
    fn a_stream_is_always_well_formed(
        steps in prop::collection::vec(step(), 0..200),
        capacity in 1usize..5,
        newest in any::<bool>(),
    ) {
        let overflow = if newest { Overflow::KeepNewest } else { Overflow::CountMissed };
        let (mut outlet, inlet) = queue(capacity, overflow);
        let (mut is_live, mut sent, mut superseded) = (false, 0u64, 0u64);
        let mut seen = Vec::new();
        for step in steps {
            match step {
                Step::Toggle if is_live => { outlet.down(DownReason::Broken); is_live = false; }
                Step::Toggle => { outlet.live(); is_live = true; }
                Step::Update if is_live => {
                    sent += 1;
                    if let Put::Superseded(count) = outlet.update(update(sent)) { superseded += count; }
                }
                Step::Update => {}
                Step::Read => seen.extend(inlet.0.lock().take().map(short)),
            }
            prop_assert!(inlet.0.lock().updates.len() <= capacity);
        }
        seen.extend(read_all(&inlet));
        let (mut told_live, mut told, mut missed, mut newest_told) = (false, 0u64, 0u64, 0u64);
        for item in seen {
            match item {
                Seen::Live(_) => { prop_assert!(!told_live); told_live = true; }
                Seen::Down(_) => { prop_assert!(told_live); told_live = false; }
                Seen::Update(number) => {
                    prop_assert!(told_live);
                    prop_assert!(number > newest_told);
                    newest_told = number;
                    told += 1;
                }
                Seen::Missed(count) => missed += count,
                Seen::Rejected => prop_assert!(false),
            }
        }
        prop_assert_eq!(told_live, is_live);
        prop_assert_eq!(told + missed + superseded, sent);
        if newest { prop_assert_eq!(newest_told, sent); prop_assert_eq!(missed, 0); }
    }
}
