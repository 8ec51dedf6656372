//! What a 429 does: to everyone, until one probe comes back.

use super::*;
use crate::budget::{Frozen, Scope};

fn too_many(words: &str, retry_after: Option<u64>) -> Answer {
    Answer {
        status: 429,
        retry_after: retry_after.map(Duration::from_secs),
        message: Some(words.to_owned()),
        ..Answer::default()
    }
}

const IP: &str = "Too many requests from your IP, contact your app developer or support@rpcpool.com.";
const METHOD: &str = "Too many requests for a specific RPC call";
const CONNECTS: &str = "Connection rate limits exceeded";

/// A bench with one request refused at 0 s.
fn refused(words: &str, retry_after: Option<u64>) -> Bench {
    let mut bench = Bench::new(plain("100/10s"));
    let first = bench.want(Class::Detect);
    assert_eq!(bench.granted(), [first]);
    bench.answer(first, too_many(words, retry_after));
    bench
}

#[test]
fn a_refusal_freezes_everyone_and_one_waiting_exit_reopens() {
    let mut bench = refused(IP, Some(7));
    let others: Vec<_> = CALLERS
        .into_iter()
        .map(|caller| bench.submit(&ask(Class::Guard, caller, &GET_BLOCK)).unwrap())
        .collect();
    let exit = bench.want(Class::Exit);
    assert_eq!(bench.granted(), [], "not even an exit is sent into a freeze");
    assert_eq!(bench.at(millis(6_999)).granted(), []);
    assert_eq!(bench.step(), Step::WaitUntil(bench.start + Duration::from_secs(7)));
    assert_eq!(bench.at(Duration::from_secs(7)).granted(), [exit], "exactly one probe");
    assert_eq!(bench.at(Duration::from_secs(8)).granted(), []);
    bench.succeed(exit);
    assert_eq!(bench.granted(), others);
    assert_eq!(bench.core.snapshot(bench.now).frozen, []);
}

#[test]
fn another_refusal_doubles_the_pause_up_to_a_cap() {
    let mut bench = refused(IP, None);
    for _ in 0..20 {
        bench.want(Class::Detect);
    }
    let mut at = 10;
    for pause in [20, 40, 80, 160, 300, 300] {
        assert_eq!(bench.at(Duration::from_secs(at) - millis(1)).granted(), []);
        let probe = bench.at(Duration::from_secs(at)).granted();
        assert_eq!(probe.len(), 1, "after {at} s");
        bench.answer(probe[0], too_many(IP, None));
        at += pause;
    }
    let frozen = bench.core.snapshot(bench.now).frozen;
    let remaining = Duration::from_secs(300);
    assert_eq!(frozen, [Frozen { scope: Scope::Everything, remaining, probing: false, refusals: 7 }]);
}

#[test]
fn hints_are_kept_within_reason() {
    let mut bench = refused(IP, Some(86_400));
    let next = bench.want(Class::Exit);
    assert_eq!(bench.at(Duration::from_secs(300)).granted(), [next]);
    let mut bench = refused(IP, Some(0));
    let next = bench.want(Class::Exit);
    assert_eq!(bench.at(millis(999)).granted(), []);
    assert_eq!(bench.at(millis(1_000)).granted(), [next]);
}

#[test]
fn a_refusal_of_one_method_leaves_the_others_alone() {
    let mut bench = refused(METHOD, Some(10));
    bench.want(Class::Exit);
    let other = bench.submit(&ask(Class::Fill, CALLERS[0], &GET_BLOCK)).unwrap();
    assert_eq!(bench.granted(), [other]);
    assert_eq!(bench.core.snapshot(bench.now).frozen[0].scope, Scope::Method(GET_SLOT));
}

#[test]
fn what_was_under_way_when_the_freeze_came_neither_reopens_nor_doubles() {
    let mut bench = Bench::new(plain("100/10s"));
    let sent: Vec<_> = (0..4).map(|_| bench.want(Class::Detect)).collect();
    assert_eq!(bench.granted(), sent);
    bench.answer(sent[0], too_many(IP, Some(5)));
    bench.succeed(sent[1]);
    bench.answer(sent[2], too_many(IP, Some(2)));
    let probe = bench.want(Class::Poll);
    bench.want(Class::Poll);
    assert_eq!(bench.granted(), [], "still frozen");
    assert_eq!(bench.at(Duration::from_secs(5)).granted(), [probe]);
    bench.answer(sent[3], too_many(IP, Some(5)));
    bench.succeed(probe);
    assert_eq!(bench.granted().len(), 1);
}

#[test]
fn a_lost_probe_is_followed_by_another_after_a_pause_and_an_unsent_one_at_once() {
    let mut bench = refused(IP, Some(5));
    for _ in 0..4 {
        bench.want(Class::Poll);
    }
    let probe = bench.at(Duration::from_secs(5)).granted();
    assert_eq!(probe.len(), 1);
    bench.core.note(bench.now, Note::Unused { ticket: probe[0] });
    let probe = bench.granted();
    assert_eq!(probe.len(), 1);
    bench.at(Duration::from_secs(6));
    bench.core.note(bench.now, Note::Lost { ticket: probe[0], at: bench.now });
    assert_eq!(bench.at(millis(10_999)).granted(), []);
    let probe = bench.at(Duration::from_secs(11)).granted();
    assert_eq!(probe.len(), 1);
    bench.at(Duration::from_secs(12)).answer(probe[0], Answer { status: 502, ..Answer::default() });
    assert_eq!(bench.granted(), [], "a server in trouble says nothing about limits");
    assert_eq!(bench.at(Duration::from_secs(17)).granted().len(), 1);
}

#[test]
fn requests_whose_deadline_falls_into_the_freeze_are_told_at_once() {
    let mut bench = Bench::new(plain("1/s"));
    let first = bench.want(Class::Detect);
    assert_eq!(bench.granted(), [first]);
    let within = |bench: &Bench, secs| Ask {
        deadline: Some(bench.now + Duration::from_secs(secs)),
        ..ask(Class::Guard, CALLERS[0], &GET_SLOT)
    };
    let short = within(&bench, 4);
    let short = bench.submit(&short).unwrap();
    let long = within(&bench, 8);
    let long = bench.submit(&long).unwrap();
    bench.answer(first, too_many(IP, Some(5)));
    let earliest = Duration::from_secs(5);
    assert_eq!(bench.step(), Step::Refuse(short, Refused::DeadlineUnmeetable { earliest }));
    let another = within(&bench, 4);
    assert_eq!(bench.submit(&another).unwrap_err(), Refused::DeadlineUnmeetable { earliest });
    assert_eq!(bench.at(earliest).granted(), [long]);
}

#[test]
fn a_blocked_address_or_key_is_retried_slowly() {
    for status in [401, 403] {
        let mut bench = Bench::new(plain("100/10s"));
        let first = bench.want(Class::Detect);
        assert_eq!(bench.granted(), [first]);
        bench.answer(first, Answer { status, ..Answer::default() });
        let next = bench.want(Class::Exit);
        assert_eq!(bench.at(millis(29_999)).granted(), []);
        assert_eq!(bench.at(Duration::from_secs(30)).granted(), [next]);
    }
}

#[test]
fn a_refused_connection_rate_freezes_connects_only() {
    let mut bench = refused(CONNECTS, Some(10));
    let request = bench.want(Class::Detect);
    bench.core.submit_connect(Ticket(1_001)).unwrap();
    bench.core.submit_connect(Ticket(1_002)).unwrap();
    assert_eq!(bench.granted(), [request]);
    assert_eq!(bench.at(Duration::from_secs(10)).step(), Step::Connect(Ticket(1_001)));
    assert_ne!(bench.step(), Step::Connect(Ticket(1_002)), "one probe at a time");
    bench.at(Duration::from_secs(11)).succeed(request);
    assert_eq!(bench.step(), Step::Connect(Ticket(1_002)));
}

#[test]
fn connects_keep_their_own_rate() {
    let mut bench = Bench::new(Limits { connects: Some("2/10s".parse().unwrap()), ..plain("9/s") });
    for n in 1..=3 {
        bench.core.submit_connect(Ticket(n)).unwrap();
    }
    assert_eq!(bench.step(), Step::Connect(Ticket(1)));
    assert_eq!(bench.step(), Step::Connect(Ticket(2)));
    let Step::WaitUntil(at) = bench.step() else { panic!("a third connect within the window") };
    assert!(at - bench.start >= Duration::from_secs(10));
    bench.now = at;
    assert_eq!(bench.step(), Step::Connect(Ticket(3)));
    for n in 0..64 {
        bench.core.submit_connect(Ticket(100 + n)).unwrap();
    }
    assert_eq!(bench.core.submit_connect(Ticket(9)).unwrap_err(), Refused::QueueFull { waiting: 64 });
}
