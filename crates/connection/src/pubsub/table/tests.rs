use std::{collections::BTreeSet, time::Duration};

use eda_events::{Commitment, Slot};
use futures_util::FutureExt;
use serde_json::Value;
use solana_address::Address;
use solana_signature::Signature;

use super::*;
use crate::pubsub::{
    frame::{Incoming, Odd},
    notice::Notice,
    queue::{Inlet, queue},
};

/// Random interleavings against a model of a node.
mod model;

const ANSWER: Duration = Duration::from_secs(20);
const LIMITS: Limits = Limits {
    subscriptions: 4,
    answer_within: ANSWER,
    retry: (Duration::from_secs(1), Duration::from_secs(30)),
};

fn account(byte: u8) -> Topic {
    Topic::Account { address: Address::from([byte; 32]), commitment: Commitment::Confirmed }
}

fn signature(byte: u8) -> Topic {
    Topic::Signature { signature: Signature::from([byte; 64]), commitment: Commitment::Confirmed }
}

/// A table, its clock, and what a test needs to play the node.
struct Bench {
    table: Table,
    now: Instant,
    next_subscriber: SubscriberId,
}

impl Bench {
    /// An open socket whose slot subscription was answered with id 1000.
    fn open() -> Self {
        let mut bench = Self { table: Table::new(LIMITS), now: Instant::now(), next_subscriber: 0 };
        bench.table.open();
        let (request, method, _) = bench.sent();
        assert_eq!(method, "slotSubscribe");
        bench.accept(request, 1000);
        bench
    }

    fn subscribe(&mut self, topic: &Topic) -> Result<(SubscriberId, Inlet), OverCap> {
        let (outlet, inlet) = queue(16, topic.kind().overflow());
        let id = self.next_subscriber;
        self.next_subscriber += 1;
        self.table.subscribe(id, topic.clone(), outlet).map(|()| (id, inlet))
    }

    /// The next frame: request id, method, parameters.
    fn sent(&mut self) -> (u64, String, Value) {
        let frame = self.table.next_frame(self.now).expect("a frame to send");
        let frame: Value = serde_json::from_str(&frame).unwrap();
        let method = frame["method"].as_str().unwrap().to_owned();
        (frame["id"].as_u64().unwrap(), method, frame["params"].clone())
    }

    fn is_quiet(&mut self) -> bool {
        self.table.next_frame(self.now).is_none()
    }

    fn receive(&mut self, value: &Value) -> Received {
        let text = value.to_string();
        self.table.receive(&text, Incoming::parse(&text), self.now)
    }

    fn accept(&mut self, request: u64, upstream: u64) {
        assert_eq!(self.receive(&json!({ "id": request, "result": upstream })), Received::Handled);
    }

    fn refuse(&mut self, request: u64, code: i64) -> Received {
        self.receive(&json!({ "id": request, "error": { "code": code, "message": "no" } }))
    }

    fn notify(&mut self, upstream: u64, result: u64) -> Received {
        self.receive(&json!({ "params": { "subscription": upstream, "result": result } }))
    }

    fn pass(&mut self, time: Duration) -> bool {
        self.now += time;
        self.table.expire(self.now)
    }
}

/// What is in a queue now, in short.
fn read(inlet: &mut Inlet) -> String {
    let mut seen = Vec::new();
    while let Some(Some(notice)) = inlet.next().now_or_never() {
        seen.push(match notice {
            Notice::Live { generation } => format!("live {generation}"),
            Notice::Update(update) => update.get().to_owned(),
            Notice::Missed { count } => format!("missed {count}"),
            Notice::Down { reason } => format!("down {}", reason.as_str()),
            Notice::Rejected(_) => "rejected".to_owned(),
        });
    }
    seen.join(", ")
}

fn has_ended(inlet: &mut Inlet) -> bool {
    matches!(inlet.next().now_or_never(), Some(None))
}

#[test]
fn equal_topics_are_one_upstream_subscription() {
    let mut bench = Bench::open();
    let (first, mut one) = bench.subscribe(&account(1)).unwrap();
    let (second, mut two) = bench.subscribe(&account(1)).unwrap();
    let (request, method, _) = bench.sent();
    assert_eq!(method, "accountSubscribe");
    assert!(bench.is_quiet());
    bench.accept(request, 7);
    let (third, mut three) = bench.subscribe(&account(1)).unwrap();
    bench.notify(7, 42);
    for inlet in [&mut one, &mut two, &mut three] {
        assert_eq!(read(inlet), "live 1, 42");
    }
    bench.table.leave(first, &account(1));
    assert!(has_ended(&mut one));
    bench.notify(7, 43);
    assert_eq!((read(&mut two), read(&mut three)), ("43".to_owned(), "43".to_owned()));
    assert!(bench.is_quiet());
    bench.table.leave(second, &account(1));
    bench.table.leave(third, &account(1));
    let (request, method, params) = bench.sent();
    assert_eq!((method.as_str(), params), ("accountUnsubscribe", json!([7])));
    bench.receive(&json!({ "id": request, "result": true }));
    assert!(bench.is_quiet() && bench.table.live() == 1 && !bench.table.has_subscribers());
}

#[test]
fn a_topic_wanted_again_while_it_is_given_back_is_asked_for_afterwards() {
    let mut bench = Bench::open();
    let (id, _first) = bench.subscribe(&account(1)).unwrap();
    let (request, ..) = bench.sent();
    bench.accept(request, 7);
    bench.table.leave(id, &account(1));
    let (leaving, ..) = bench.sent();
    let (_, mut again) = bench.subscribe(&account(1)).unwrap();
    assert!(bench.is_quiet(), "the node would answer with id 7 and then end it");
    bench.notify(7, 1);
    assert_eq!(read(&mut again), "", "nothing is told before `Live`");
    bench.receive(&json!({ "id": leaving, "result": true }));
    let (request, method, _) = bench.sent();
    assert_eq!(method, "accountSubscribe");
    bench.accept(request, 7);
    assert_eq!(read(&mut again), "live 1");
}

#[test]
fn a_topic_left_before_the_answer_is_given_back_after_it() {
    let mut bench = Bench::open();
    let (id, _inlet) = bench.subscribe(&account(1)).unwrap();
    let (request, ..) = bench.sent();
    bench.table.leave(id, &account(1));
    assert!(bench.is_quiet());
    bench.accept(request, 7);
    let (_, method, params) = bench.sent();
    assert_eq!((method.as_str(), params), ("accountUnsubscribe", json!([7])));
}

#[test]
fn a_topic_left_before_it_was_asked_for_is_never_asked_for() {
    let mut bench = Bench::open();
    let (id, _inlet) = bench.subscribe(&account(1)).unwrap();
    bench.table.leave(id, &account(1));
    bench.table.leave(id, &account(1));
    assert!(bench.is_quiet());
}

#[test]
fn everything_is_restored_on_the_next_socket_and_told() {
    let mut bench = Bench::open();
    let mut inlets = Vec::new();
    for byte in 1..=3 {
        inlets.push(bench.subscribe(&account(byte)).unwrap().1);
        let (request, ..) = bench.sent();
        bench.accept(request, u64::from(byte));
        assert_eq!(read(inlets.last_mut().unwrap()), "live 1");
    }
    bench.table.lost(DownReason::Broken);
    assert!(bench.is_quiet(), "nothing is sent without a socket");
    bench.table.open();
    let (slot, method, _) = bench.sent();
    assert_eq!(method, "slotSubscribe");
    bench.accept(slot, 55);
    for byte in 1..=3u8 {
        let (request, _, params) = bench.sent();
        assert_eq!(params[0], json!(Address::from([byte; 32]).to_string()), "in the order of their coming");
        bench.accept(request, 60 + u64::from(byte));
    }
    for mut inlet in inlets {
        assert_eq!(read(&mut inlet), "down broken, live 2");
    }
    assert_eq!(bench.notify(1, 1), Received::Handled);
    assert_eq!(bench.table.traffic().odd[&Odd::UnknownSubscription], 1, "the old ids are forgotten");
}

#[test]
fn a_permanent_refusal_ends_its_own_streams_only() {
    let mut bench = Bench::open();
    let (_, mut good) = bench.subscribe(&account(1)).unwrap();
    let (_, mut bad) = bench.subscribe(&account(2)).unwrap();
    let (first, ..) = bench.sent();
    let (second, ..) = bench.sent();
    assert_eq!(bench.refuse(second, -32602), Received::Handled);
    bench.accept(first, 7);
    bench.notify(7, 5);
    assert_eq!(read(&mut good), "live 1, 5");
    assert_eq!(read(&mut bad), "rejected");
    assert!(has_ended(&mut bad));
    bench.pass(Duration::from_secs(3600));
    assert!(bench.is_quiet(), "it is not asked for again");
}

#[test]
fn a_refusal_for_now_is_asked_again_for_ever_with_growing_pauses() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    for _ in 0..50 {
        let (request, ..) = bench.sent();
        bench.refuse(request, -32603);
        assert!(bench.is_quiet());
        bench.pass(Duration::from_secs(31));
    }
    let (request, ..) = bench.sent();
    bench.accept(request, 7);
    assert_eq!(read(&mut inlet), "live 1");
    assert_eq!(bench.table.traffic().postponed, 50);
}

#[test]
fn a_refusal_of_unclear_meaning_is_final_after_a_few_attempts() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    for _ in 0..ATTEMPTS {
        let (request, ..) = bench.sent();
        bench.refuse(request, -32000);
        bench.pass(Duration::from_secs(31));
    }
    assert_eq!(read(&mut inlet), "rejected");
    assert!(bench.is_quiet());
}

#[test]
fn a_rate_limit_holds_everything_back_for_a_while() {
    let mut bench = Bench::open();
    let _one = bench.subscribe(&account(1)).unwrap();
    let _two = bench.subscribe(&account(2)).unwrap();
    let (request, ..) = bench.sent();
    bench.refuse(request, 429);
    assert!(bench.is_quiet());
    let alarm = bench.table.next_alarm(bench.now).unwrap();
    assert!(alarm > bench.now && alarm <= bench.now + Duration::from_secs(1));
    bench.pass(Duration::from_secs(2));
    bench.sent();
    bench.sent();
    // The same in an error that names no request.
    let _three = bench.subscribe(&account(3)).unwrap();
    bench.receive(&json!({ "error": { "code": 429, "message": "Too many requests" }, "id": null }));
    assert!(bench.is_quiet());
    assert_eq!(bench.table.traffic().odd[&Odd::StrayError], 1);
    bench.pass(Duration::from_secs(31));
    assert!(!bench.is_quiet());
}

#[test]
fn a_rate_limited_unsubscription_is_repeated() {
    let mut bench = Bench::open();
    let (id, _inlet) = bench.subscribe(&account(1)).unwrap();
    let (request, ..) = bench.sent();
    bench.accept(request, 7);
    bench.table.leave(id, &account(1));
    let (request, ..) = bench.sent();
    bench.refuse(request, 429);
    assert!(bench.is_quiet());
    bench.pass(Duration::from_secs(2));
    let (request, method, params) = bench.sent();
    assert_eq!((method.as_str(), params), ("accountUnsubscribe", json!([7])));
    bench.refuse(request, -32602);
    assert!(bench.is_quiet(), "the node knows of no such subscription: nothing is left to give back");
    assert_eq!(bench.table.live(), 1);
}

#[test]
fn an_unanswered_request_is_repeated_and_a_late_answer_leaves_nothing_behind() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    let (first, ..) = bench.sent();
    bench.pass(ANSWER - Duration::from_millis(1));
    assert!(bench.is_quiet());
    bench.pass(Duration::from_millis(1));
    let (second, ..) = bench.sent();
    // A node gives equal subscriptions one id, so the second answer changes nothing.
    bench.accept(first, 7);
    bench.accept(second, 7);
    assert_eq!(read(&mut inlet), "live 1");
    assert!(bench.is_quiet());
    // A provider that gives it another one has the surplus given back.
    let (_, mut inlet) = bench.subscribe(&account(2)).unwrap();
    let (first, ..) = bench.sent();
    bench.pass(ANSWER);
    let (second, ..) = bench.sent();
    bench.accept(second, 8);
    bench.accept(first, 9);
    assert_eq!(read(&mut inlet), "live 1");
    let (_, method, params) = bench.sent();
    assert_eq!((method.as_str(), params), ("accountUnsubscribe", json!([9])));
    assert!(bench.is_quiet());
}

#[test]
fn what_is_never_answered_is_an_error_to_its_caller() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    let mut requests = Vec::new();
    for _ in 0..ATTEMPTS {
        requests.push(bench.sent().0);
        assert!(!bench.pass(ANSWER));
    }
    assert_eq!(read(&mut inlet), "rejected");
    assert!(bench.is_quiet());
    bench.accept(requests[0], 7);
    let (_, method, _) = bench.sent();
    assert_eq!(method, "accountUnsubscribe", "an answer after the end is given back");
}

#[test]
fn slots_that_are_refused_are_reported_so_that_their_silence_means_nothing() {
    let mut bench = Bench { table: Table::new(LIMITS), now: Instant::now(), next_subscriber: 0 };
    bench.table.open();
    let (request, ..) = bench.sent();
    let later = bench.refuse(request, -32603);
    assert!(matches!(later, Received::SlotsLater(until) if until > bench.now));
    bench.pass(Duration::from_secs(2));
    let (request, ..) = bench.sent();
    assert_eq!(bench.refuse(request, -32601), Received::NoSlots);
    let mut bench = Bench { table: Table::new(LIMITS), now: Instant::now(), next_subscriber: 0 };
    bench.table.open();
    for attempt in 1..=ATTEMPTS {
        bench.sent();
        assert_eq!(bench.pass(ANSWER), attempt == ATTEMPTS);
    }
}

#[test]
fn slots_reach_the_watchdog_and_their_subscribers() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&Topic::Slot).unwrap();
    assert!(bench.is_quiet(), "the watchdog's subscription is shared");
    let frame =
        json!({ "params": { "subscription": 1000, "result": { "slot": 9, "parent": 8, "root": 1 } } });
    assert_eq!(bench.receive(&frame), Received::Slot(Slot(9)));
    assert_eq!(read(&mut inlet), "live 1, {\"parent\":8,\"root\":1,\"slot\":9}");
    assert_eq!(bench.notify(1000, 5), Received::Handled);
    assert_eq!(bench.table.traffic().odd[&Odd::BadSlot], 1);
}

#[test]
fn a_signature_is_told_once_and_its_stream_ends() {
    let mut bench = Bench::open();
    let (id, mut inlet) = bench.subscribe(&signature(1)).unwrap();
    let (request, ..) = bench.sent();
    // The notification overtakes the answer.
    assert_eq!(bench.notify(7, 1), Received::Handled);
    bench.accept(request, 7);
    assert_eq!(read(&mut inlet), "live 1, 1");
    assert!(has_ended(&mut inlet));
    bench.table.leave(id, &signature(1));
    assert!(bench.is_quiet(), "the node has dropped it already");
    assert!(bench.table.traffic().odd.is_empty());
}

#[test]
fn one_id_for_two_topics_costs_the_socket() {
    let mut bench = Bench::open();
    let _one = bench.subscribe(&account(1)).unwrap();
    let _two = bench.subscribe(&account(2)).unwrap();
    let (first, ..) = bench.sent();
    let (second, ..) = bench.sent();
    bench.accept(first, 7);
    assert_eq!(bench.receive(&json!({ "id": second, "result": 7 })), Received::DuplicateId);
}

#[test]
fn more_topics_than_the_socket_carries_are_refused_and_the_bound_holds_upstream() {
    let mut bench = Bench::open();
    let subscribers: Vec<_> = (1..=3).map(|byte| bench.subscribe(&account(byte)).unwrap()).collect();
    assert_eq!(bench.subscribe(&account(4)).unwrap_err().cap, 4);
    let _shared = bench.subscribe(&account(3)).unwrap();
    for byte in 1..=3 {
        let (request, ..) = bench.sent();
        bench.accept(request, byte);
    }
    bench.table.leave(subscribers[0].0, &account(1));
    let _fourth = bench.subscribe(&account(4)).unwrap();
    let (leaving, method, _) = bench.sent();
    assert_eq!(method, "accountUnsubscribe");
    assert!(bench.is_quiet(), "the place is free only when the node says so");
    bench.receive(&json!({ "id": leaving, "result": true }));
    assert_eq!(bench.sent().1, "accountSubscribe");
}

#[test]
fn strange_answers_are_counted_and_change_nothing() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    let (request, ..) = bench.sent();
    bench.accept(request, 7);
    for (frame, odd) in [
        (json!({ "id": 999, "result": 7 }), Odd::UnknownRequest),
        (json!({ "id": request, "result": 8 }), Odd::UnknownRequest),
        (json!({ "params": { "subscription": 12345, "result": 1 } }), Odd::UnknownSubscription),
        (json!({ "hello": "world" }), Odd::Shapeless),
    ] {
        let before = bench.table.traffic().odd.get(&odd).copied().unwrap_or_default();
        assert_eq!(bench.receive(&frame), Received::Handled);
        assert_eq!(bench.table.traffic().odd[&odd], before + 1, "{frame}");
    }
    bench.notify(7, 3);
    assert_eq!(read(&mut inlet), "live 1, 3");
}

#[test]
fn an_id_that_is_none_counts_as_a_doubtful_refusal() {
    let mut bench = Bench::open();
    let (_, mut inlet) = bench.subscribe(&account(1)).unwrap();
    let (request, ..) = bench.sent();
    bench.receive(&json!({ "id": request, "result": "0x7" }));
    assert_eq!(bench.table.traffic().odd[&Odd::BadId], 1);
    bench.pass(Duration::from_secs(2));
    let (request, ..) = bench.sent();
    bench.accept(request, 7);
    assert_eq!(read(&mut inlet), "live 1");
}
