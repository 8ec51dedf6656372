use std::time::Duration;

use eda_limits::{ByteRate, Limits, Method, Rate, profile};
use http::{StatusCode, Version};
use serde_json::json;
use tokio::time::Instant;

use super::{TEN, of_method, per_ten};
use crate::provider::{Books, Cause, Fullest, refusal::Refusal, window::Fit};

/// Books and a clock that counts milliseconds from their beginning.
struct Bench {
    books: Books,
    start: Instant,
}

/// Why, and when it would fit.
type Refused = (Cause, Option<u64>);

impl Bench {
    fn new(limits: Limits) -> Self {
        let start = Instant::now();
        Self { books: Books::new(start, limits), start }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn said(&self, said: Result<(), Refusal>) -> Result<(), Refused> {
        said.map_err(|refusal| {
            let millis = |at: Instant| u64::try_from((at - self.start).as_millis()).unwrap();
            let fits = match refusal.fit {
                Fit::Now => panic!("refused what fits"),
                Fit::At(at) => Some(millis(at)),
                Fit::Unknown => None,
            };
            (refusal.cause, fits)
        })
    }

    fn ask(&mut self, millis: u64, names: &[&str]) -> Result<(), Refused> {
        let said = self.books.request(self.at(millis), names);
        self.said(said)
    }

    fn connect(&mut self, millis: u64) -> Result<(), Refused> {
        let said = self.books.connect(self.at(millis));
        self.said(said)
    }

    fn fullest(&self, cause: Cause) -> Fullest {
        self.books.meter().fullest[&cause]
    }
}

#[test]
fn requests_of_all_methods_share_one_window() {
    let mut bench = Bench::new(Limits { requests: per_ten(3), ..Limits::default() });
    assert_eq!(bench.ask(0, &["getSlot"]), Ok(()));
    assert_eq!(bench.ask(4_000, &["getBlock"]), Ok(()));
    assert_eq!(bench.ask(4_000, &["getHealth"]), Ok(()));
    for millis in [4_000, TEN - 1] {
        assert_eq!(bench.ask(millis, &["getSlot"]), Err((Cause::Requests, Some(TEN))));
    }
    assert_eq!(bench.ask(TEN, &["getSlot"]), Ok(()));
    assert_eq!(bench.ask(TEN, &["getSlot"]), Err((Cause::Requests, Some(TEN + 4_000))));
    let meter = bench.books.meter();
    assert_eq!(meter.requests, [("getBlock", 1), ("getHealth", 1), ("getSlot", 2)].map(owned).into());
    assert_eq!(meter.refusals, [(Cause::Requests, [("getSlot", 3)].map(owned).into())].into());
    assert_eq!((meter.refused(), meter.refused_for(Cause::Method)), (3, 0));
    assert_eq!(bench.fullest(Cause::Requests), Fullest { count: 3, limit: 3 });
}

#[test]
fn a_method_has_its_own_window_or_else_the_one_of_every_method() {
    let mut bench = Bench::new(Limits { per_method: per_ten(2), ..of_method("getBlock", 1) });
    assert_eq!(bench.ask(0, &["getBlock"]), Ok(()));
    assert_eq!(bench.ask(1, &["getBlock"]), Err((Cause::Method, Some(TEN))));
    for name in ["getSlot", "getHealth", ""] {
        assert_eq!(bench.ask(5, &[name]), Ok(()));
        assert_eq!(bench.ask(6, &[name]), Ok(()));
        assert_eq!(bench.ask(7, &[name]), Err((Cause::Method, Some(TEN + 5))));
    }
    assert_eq!(bench.ask(TEN - 1, &["getBlock"]), Err((Cause::Method, Some(TEN))));
    assert_eq!(bench.ask(TEN, &["getBlock"]), Ok(()));
    let meter = bench.books.meter();
    assert_eq!(
        meter.refusals[&Cause::Method],
        [("", 1), ("getBlock", 2), ("getHealth", 1), ("getSlot", 1)].map(owned).into()
    );
    assert_eq!(meter.fullest_methods["getBlock"], Fullest { count: 1, limit: 1 });
    assert_eq!(meter.fullest_methods["getSlot"], Fullest { count: 2, limit: 2 });
}

#[test]
fn credits_are_spent_by_the_table() {
    let costs = [(Method::new("getBlock"), 10)].into();
    let mut bench = Bench::new(Limits { credits: per_ten(25), costs, default_cost: 2, ..Limits::default() });
    assert_eq!(bench.ask(0, &["getBlock"]), Ok(()));
    assert_eq!(bench.ask(1_000, &["getBlock"]), Ok(()));
    assert_eq!(bench.ask(2_000, &["getBlock"]), Err((Cause::Credits, Some(TEN))));
    assert_eq!(bench.ask(2_000, &["getSlot"]), Ok(()));
    assert_eq!(bench.ask(2_000, &["getSlot"]), Ok(()));
    assert_eq!(bench.ask(2_000, &["getSlot"]), Err((Cause::Credits, Some(TEN))));
    assert_eq!(bench.ask(TEN - 1, &["getBlock"]), Err((Cause::Credits, Some(TEN))));
    assert_eq!(bench.ask(TEN, &["getBlock"]), Ok(()));
    assert_eq!(bench.books.meter().credits, 34);
    assert_eq!(bench.fullest(Cause::Credits), Fullest { count: 24, limit: 25 });
}

#[test]
fn the_months_credits_come_back_with_the_next_month() {
    let month = 30 * 24 * 60 * 60 * 1_000;
    let costs = [(Method::new("getBlock"), 10)].into();
    let mut bench = Bench::new(Limits { monthly_credits: Some(21), costs, ..Limits::default() });
    assert_eq!(bench.ask(5, &["getBlock", "getBlock"]), Ok(()));
    assert_eq!(bench.ask(6, &["getBlock"]), Err((Cause::MonthlyCredits, Some(month))));
    assert_eq!(bench.ask(7, &["getSlot"]), Ok(()));
    assert_eq!(bench.ask(month - 1, &["getSlot"]), Err((Cause::MonthlyCredits, Some(month))));
    assert_eq!(bench.ask(month, &["getBlock"]), Ok(()));
    assert_eq!(bench.ask(month, &["getBlock"; 3]), Err((Cause::MonthlyCredits, None)));
    assert_eq!(bench.ask(5 * month - 1, &["getBlock", "getBlock"]), Ok(()));
    assert_eq!(bench.ask(5 * month - 1, &["getBlock"]), Err((Cause::MonthlyCredits, Some(5 * month))));
    assert_eq!(bench.books.meter().credits, 51);
    assert_eq!(bench.fullest(Cause::MonthlyCredits), Fullest { count: 21, limit: 21 });
}

#[test]
fn bytes_are_weighed_as_they_leave_and_shut_the_door_when_there_is_room_for_none() {
    let bytes = Some(ByteRate { bytes: 1_000, window: Duration::from_secs(10) });
    let mut bench = Bench::new(Limits { bytes, ..Limits::default() });
    assert_eq!(bench.ask(0, &["getBlock"]), Ok(()));
    bench.books.sent(bench.at(100), 999);
    assert_eq!(bench.ask(200, &["getBlock"]), Ok(()));
    bench.books.sent(bench.at(300), 700);
    // 1,699 in the window: the first 999 have to leave.
    for millis in [300, TEN + 99] {
        assert_eq!(bench.ask(millis, &["getSlot"]), Err((Cause::Bytes, Some(TEN + 100))));
    }
    assert_eq!(bench.ask(TEN + 100, &["getSlot"]), Ok(()));
    bench.books.sent(bench.at(TEN + 100), 300);
    assert_eq!(bench.ask(TEN + 100, &["getSlot"]), Err((Cause::Bytes, Some(TEN + 300))));
    assert_eq!(bench.books.meter().bytes, 1_999);
    assert_eq!(bench.fullest(Cause::Bytes), Fullest { count: 1_699, limit: 1_000 });
}

#[test]
fn new_connections_have_a_window() {
    let mut bench = Bench::new(Limits { connects: per_ten(2), ..Limits::default() });
    assert_eq!((bench.connect(0), bench.connect(1_000)), (Ok(()), Ok(())));
    bench.books.disconnect(true, false);
    for millis in [2_000, TEN - 1] {
        assert_eq!(bench.connect(millis), Err((Cause::Connects, Some(TEN))));
        bench.books.disconnect(false, false);
    }
    assert_eq!(bench.connect(TEN), Ok(()));
    assert_eq!(bench.connect(TEN), Err((Cause::Connects, Some(TEN + 1_000))));
    let meter = bench.books.meter();
    assert_eq!((meter.accepts, meter.open, meter.max_open), (6, 3, 3));
    assert_eq!(meter.refusals, [(Cause::Connects, [("", 3)].map(owned).into())].into());
    assert_eq!(bench.fullest(Cause::Connects), Fullest { count: 2, limit: 2 });
}

#[test]
fn open_connections_are_capped_and_refused_ones_take_no_place() {
    let mut bench = Bench::new(Limits { connection_cap: Some(2), ..Limits::default() });
    assert_eq!((bench.connect(0), bench.connect(0)), (Ok(()), Ok(())));
    assert_eq!(bench.connect(1), Err((Cause::Connections, None)));
    bench.books.disconnect(true, false);
    // The refused one is still open.
    assert_eq!((bench.connect(2), bench.books.meter().open), (Ok(()), 3));
    bench.books.disconnect(false, false);
    assert_eq!(bench.connect(3), Err((Cause::Connections, None)));
    assert_eq!(bench.fullest(Cause::Connections), Fullest { count: 2, limit: 2 });
}

#[test]
fn open_websockets_are_capped() {
    let mut bench = Bench::new(Limits { pubsub_connections: Some(1), ..Limits::default() });
    assert_eq!((bench.connect(0), bench.connect(0)), (Ok(()), Ok(())));
    assert_eq!(bench.books.upgrade().map_err(|refusal| refusal.cause), Ok(()));
    assert_eq!(bench.books.upgrade().map_err(|refusal| refusal.cause), Err(Cause::Pubsub));
    bench.books.disconnect(true, false);
    assert_eq!(bench.books.upgrade().map_err(|refusal| refusal.cause), Err(Cause::Pubsub));
    bench.books.disconnect(true, true);
    assert_eq!(bench.books.upgrade().map_err(|refusal| refusal.cause), Ok(()));
    assert_eq!(bench.books.meter().refusals, [(Cause::Pubsub, [("", 2)].map(owned).into())].into());
    assert_eq!(bench.fullest(Cause::Pubsub), Fullest { count: 1, limit: 1 });
}

#[test]
fn every_call_of_a_batch_counts_and_a_batch_passes_whole_or_not_at_all() {
    let mut bench = Bench::new(Limits { requests: per_ten(5), ..of_method("getBlock", 2) });
    assert_eq!(bench.ask(0, &["getBlock", "getSlot"]), Ok(()));
    assert_eq!(bench.ask(1, &["getSlot", "getBlock", "getBlock"]), Err((Cause::Method, Some(TEN))));
    // Nothing of the refused batch took room.
    assert_eq!(bench.ask(2, &["getSlot", "getBlock", "getSlot"]), Ok(()));
    assert_eq!(bench.ask(3, &["getSlot"]), Err((Cause::Requests, Some(TEN))));
    assert_eq!(bench.ask(3, &["getSlot"; 3]), Err((Cause::Requests, Some(TEN + 2))));
    // No moment is right for more than the limit.
    assert_eq!(bench.ask(3, &["getSlot"; 6]), Err((Cause::Requests, None)));
    assert_eq!(bench.ask(50_000, &["getBlock"; 3]), Err((Cause::Method, None)));
    assert_eq!(bench.ask(50_000, &["getSlot"; 5]), Ok(()));
    let meter = bench.books.meter();
    assert_eq!(meter.requests, [("getBlock", 2), ("getSlot", 8)].map(owned).into());
    assert_eq!(meter.refusals[&Cause::Method], [("getBlock", 5), ("getSlot", 1)].map(owned).into());
    assert_eq!(meter.refusals[&Cause::Requests], [("getSlot", 10)].map(owned).into());
}

#[test]
fn of_several_limits_the_one_that_has_room_last_is_named() {
    let methods = [(Method::new("getBlock"), Rate::per_seconds(1, 60))].into();
    let limits = Limits { requests: per_ten(2), methods, ..Limits::default() };
    let mut bench = Bench::new(limits);
    assert_eq!(bench.ask(0, &["getSlot", "getBlock"]), Ok(()));
    assert_eq!(bench.ask(1, &["getSlot"]), Err((Cause::Requests, Some(TEN))));
    assert_eq!(bench.ask(1, &["getBlock"]), Err((Cause::Method, Some(60_000))));
    assert_eq!(bench.ask(TEN, &["getBlock"]), Err((Cause::Method, Some(60_000))));
    assert_eq!(bench.ask(60_000, &["getBlock"]), Ok(()));
}

#[test]
fn a_storm_of_refused_requests_moves_no_window() {
    let mut bench = Bench::new(Limits { requests: per_ten(1), ..Limits::default() });
    assert_eq!(bench.ask(0, &["getSlot"]), Ok(()));
    for millis in 0..TEN {
        assert_eq!(bench.ask(millis, &["getSlot"]), Err((Cause::Requests, Some(TEN))));
    }
    assert_eq!(bench.ask(TEN, &["getSlot"]), Ok(()));
}

/// Bunched: everything at the beginning of each window; spread: evenly over it. Exactly the limit in either case.
#[test]
fn a_client_that_stays_exactly_at_each_limit_is_never_refused() {
    let bytes = Some(ByteRate { bytes: 4_000, window: Duration::from_secs(10) });
    let costs = [(Method::new("getBlock"), 10)].into();
    let cases = [
        Limits { requests: per_ten(8), ..Limits::default() },
        Limits { per_method: per_ten(4), ..Limits::default() },
        Limits { per_method: per_ten(1), ..of_method("getBlock", 4) },
        Limits { credits: per_ten(44), costs, ..Limits::default() },
        Limits { bytes, ..Limits::default() },
        Limits {
            connects: per_ten(4),
            connection_cap: Some(2),
            pubsub_connections: Some(1),
            ..Limits::default()
        },
    ];
    for (spread, limits) in
        [0, TEN / 4].into_iter().flat_map(|spread| cases.iter().map(move |limits| (spread, limits)))
    {
        let mut bench = Bench::new(limits.clone());
        let names: &[&str] = if limits.methods.is_empty() { &["getBlock", "getSlot"] } else { &["getBlock"] };
        for step in 0..40 {
            let millis = (step / 4) * TEN + (step % 4) * spread;
            for name in names {
                assert_eq!(bench.ask(millis, &[name]), Ok(()), "{limits:?} at {millis}");
            }
            bench.books.sent(bench.at(millis), 1_000);
            assert_eq!(bench.connect(millis), Ok(()), "{limits:?} at {millis}");
            assert!(bench.books.upgrade().is_ok());
            bench.books.disconnect(true, true);
        }
        let meter = bench.books.meter();
        assert_eq!(meter.refused(), 0);
        for (cause, fullest) in meter.fullest.into_iter().filter(|(cause, _)| *cause != Cause::Connections) {
            assert_eq!(fullest.count, fullest.limit, "{cause:?}");
        }
    }
}

/// What was let through, counted anew for every question.
#[derive(Default)]
struct Remembered {
    requests: Vec<(u64, &'static str)>,
}

impl Remembered {
    fn fits(&self, limits: &Limits, millis: u64, names: &[&'static str]) -> bool {
        let inside = |rate: Rate| {
            let length = u64::try_from(rate.window.as_millis()).unwrap();
            let later =
                self.requests.iter().filter(move |(at, _)| at + length > millis).map(|(_, name)| *name);
            later.chain(names.iter().copied())
        };
        let within = |rate: Rate, used: u64| used <= u64::from(rate.count);
        let cost = |name| u64::from(limits.cost(&Method::new(name)));
        let count = |names: &mut dyn Iterator<Item = &'static str>| u64::try_from(names.count()).unwrap();
        limits.requests.is_none_or(|rate| within(rate, count(&mut inside(rate))))
            && limits.credits.is_none_or(|rate| within(rate, inside(rate).map(cost).sum()))
            && names.iter().all(|name| {
                let rate = limits.method(&Method::new(name));
                rate.is_none_or(|rate| within(rate, count(&mut inside(rate).filter(|other| other == name))))
            })
    }
}

fn compare(seed: u64) {
    const NAMES: [&str; 4] = ["getBlock", "getSlot", "getHealth", "getTransaction"];
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rate =
        |most| Rate { count: random.u32(1..most), window: Duration::from_millis(random.u64(1..300)) };
    let limits = Limits {
        requests: Some(rate(20)),
        per_method: Some(rate(12)),
        methods: [(Method::new("getBlock"), rate(5))].into(),
        credits: Some(rate(80)),
        costs: [(Method::new("getTransaction"), 10)].into(),
        ..Limits::default()
    };
    let mut bench = Bench::new(limits.clone());
    let mut oracle = Remembered::default();
    let mut millis = 0;
    for _ in 0..300 {
        let batch = if random.u8(..) < 40 { random.usize(2..8) } else { 1 };
        let names: Vec<_> = (0..batch).map(|_| NAMES[random.usize(..NAMES.len())]).collect();
        let said = bench.ask(millis, &names);
        assert_eq!(
            said.is_ok(),
            oracle.fits(&limits, millis, &names),
            "seed {seed} at {millis}: {names:?} {said:?}"
        );
        match said {
            Ok(()) => oracle.requests.extend(names.iter().map(|name| (millis, *name))),
            Err((_, Some(fits))) => {
                assert!(!oracle.fits(&limits, fits - 1, &names), "seed {seed}: {names:?} fit before {fits}");
                assert!(oracle.fits(&limits, fits, &names), "seed {seed}: {names:?} do not fit at {fits}");
                if random.bool() {
                    millis = fits;
                }
            }
            Err((_, None)) => {
                assert!(
                    !oracle.fits(&limits, millis + 1_000_000, &names),
                    "seed {seed}: {names:?} fit at some time"
                );
            }
        }
        millis += random.u64(0..20);
    }
}

#[test]
fn verdicts_are_those_of_somebody_who_remembers_everything() {
    let base = fastrand::u64(..);
    for seed in (0..200).map(|offset| base.wrapping_add(offset)) {
        compare(seed);
    }
}

#[test]
fn names_that_clients_make_up_take_no_more_than_their_share_of_memory() {
    let mut bench = Bench::new(Limits { per_method: per_ten(2), ..Limits::default() });
    assert_eq!(bench.ask(0, &["getSlot"]), Ok(()));
    let long = "x".repeat(10_000);
    let made_up = (0..1_000).map(|number| format!("made{number}")).chain([long]);
    let refused = made_up.filter(|name| bench.ask(1, &[name]).is_err()).count();
    assert!(refused > 700, "the names without an account of their own share one: {refused} refused");
    assert_eq!(bench.ask(2, &["getSlot"]), Ok(()));
    let meter = bench.books.meter();
    assert!(meter.requests.len() <= 257 && meter.requests.keys().all(|name| name.len() <= 64));
    assert_eq!(meter.requests.values().sum::<u64>() + meter.refused(), 1_003);
}

#[test]
fn a_refusal_says_how_many_seconds_are_left_rounded_up() {
    let start = Instant::now();
    let wait = |millis| {
        let fit = Fit::At(start + Duration::from_millis(millis));
        let response = Refusal { cause: Cause::Requests, fit }.response(start, Version::HTTP_2);
        response.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!([1, 999, 1_000, 1_001, TEN].map(wait), [1, 1, 1, 2, 10]);

    let unknown = Refusal { cause: Cause::Connections, fit: Fit::Unknown }.response(start, Version::HTTP_11);
    assert_eq!(unknown.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!unknown.headers().contains_key("retry-after"));
    assert_eq!(unknown.headers()["connection"], "close");
    assert_eq!(unknown.body(), r#"{"code":429,"message":"Connection rate limits exceeded"}"#);

    let blocked = Refusal { cause: Cause::Blocked, fit: Fit::Unknown }.response(start, Version::HTTP_11);
    assert_eq!(blocked.status(), StatusCode::FORBIDDEN);
    assert!(!blocked.headers().contains_key("connection"));
}

#[test]
fn every_profile_can_be_enforced_and_read() {
    for name in profile::names() {
        let mut bench = Bench::new(profile::by_name(name).unwrap().limits());
        assert_eq!((bench.connect(0), bench.ask(0, &["getBlock"])), (Ok(()), Ok(())), "{name}");
        let meter = serde_json::to_value(bench.books.meter()).unwrap();
        assert_eq!(meter["requests"], json!({"getBlock": 1}), "{name}");
    }
    let mut bench = Bench::new(profile::by_name("public-mainnet-beta").unwrap().limits());
    for asked in 0..6 {
        assert_eq!(bench.ask(0, &["getBlock"]).is_ok(), asked < 5);
    }
    let meter = serde_json::to_value(bench.books.meter()).unwrap();
    assert_eq!(meter["refusals"], json!({"method": {"getBlock": 1}}));
    assert_eq!(meter["fullest"]["requests"], json!({"count": 5, "limit": 100}));
    assert_eq!(meter["fullest_methods"]["getBlock"], json!({"count": 5, "limit": 5}));
}

fn owned((name, number): (&str, u64)) -> (String, u64) {
    (name.to_owned(), number)
}
