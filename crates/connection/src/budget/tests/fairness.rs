//! Who goes first, who is held up by what, and who is told at once.

use super::*;

#[test]
fn an_exit_goes_at_once_from_the_held_back_share_while_every_queue_is_full() {
    let limits = Limits { queue_length: 8, requests: Some("20/10s".parse().unwrap()), ..Limits::default() };
    let mut bench = Bench::new(limits);
    for class in Class::ALL {
        for caller in CALLERS {
            if class.may_use_reserve() {
                continue;
            }
            for _ in 0..8 {
                bench.submit(&ask(class, caller, &GET_SLOT)).unwrap();
            }
            let full = bench.submit(&ask(class, caller, &GET_SLOT)).unwrap_err();
            assert_eq!(full, Refused::QueueFull { waiting: 8 });
        }
    }
    // 20 less the margin of 1 are 19; 2 of them are held back.
    assert_eq!(bench.granted().len(), 17);
    let exit = bench.want(Class::Exit);
    assert_eq!(bench.granted(), [exit]);
    let confirm = bench.want(Class::Confirm);
    assert_eq!(bench.granted(), [confirm]);
    bench.want(Class::Exit);
    assert_eq!(bench.granted(), [], "the whole limit is in use");
}

#[test]
fn higher_classes_go_first_whatever_the_order_of_asking() {
    let mut bench = Bench::new(plain("7/s"));
    let mut tickets: Vec<_> = Class::ALL.into_iter().rev().map(|class| bench.want(class)).collect();
    tickets.reverse();
    assert_eq!(bench.granted(), tickets);
}

#[test]
fn callers_of_a_class_share_by_weight_and_nobody_saves_up() {
    let weights = BTreeMap::from([(CALLERS[0], 3)]);
    let mut bench = Bench::weighted(plain("40/s"), weights);
    let mut owner = BTreeMap::new();
    for _ in 0..100 {
        for caller in [CALLERS[0], CALLERS[1]] {
            owner.insert(bench.submit(&ask(Class::Detect, caller, &GET_SLOT)).unwrap(), caller);
        }
    }
    let first = bench.granted();
    assert_eq!(first.iter().filter(|ticket| owner[ticket] == CALLERS[0]).count(), 30);
    for ticket in first {
        bench.succeed(ticket);
    }
    // A third caller that asked for nothing so far gets its fair share of the next window, not more.
    for _ in 0..100 {
        owner.insert(bench.submit(&ask(Class::Detect, CALLERS[2], &GET_SLOT)).unwrap(), CALLERS[2]);
    }
    let second = bench.at(millis(1_000)).granted();
    assert_eq!(second.len(), 40);
    assert_eq!(second.iter().filter(|ticket| owner[ticket] == CALLERS[2]).count(), 8);
}

#[test]
fn calls_of_one_caller_and_method_keep_their_order() {
    let mut bench = Bench::new(plain("3/s"));
    let tickets: Vec<_> = (0..9).map(|_| bench.want(Class::Poll)).collect();
    let mut granted = Vec::new();
    for second in 0..3 {
        let now = bench.at(Duration::from_secs(second)).granted();
        for ticket in &now {
            bench.succeed(*ticket);
        }
        granted.extend(now);
    }
    assert_eq!(granted, tickets);
}

#[test]
fn a_method_at_its_limit_holds_up_nobody_else() {
    let mut bench =
        Bench::new(Limits { methods: [(GET_BLOCK, "1/10s".parse().unwrap())].into(), ..plain("9/10s") });
    for _ in 0..5 {
        bench.submit(&ask(Class::Entry, CALLERS[0], &GET_BLOCK)).unwrap();
    }
    let low = bench.submit(&ask(Class::Fill, CALLERS[0], &GET_SLOT)).unwrap();
    let granted = bench.granted();
    assert_eq!(granted.len(), 2);
    assert_eq!(granted[1], low);
}

#[test]
fn a_dear_call_is_not_overtaken_by_cheap_ones_of_lower_classes() {
    let limits = Limits {
        credits: Some("10/s".parse().unwrap()),
        costs: [(GET_BLOCK, 8)].into(),
        requests: None,
        ..plain("1/s")
    };
    let mut bench = Bench::new(limits);
    let cheap: Vec<_> = (0..6).map(|_| bench.want(Class::Detect)).collect();
    assert_eq!(bench.granted(), cheap);
    let dear = bench.submit(&ask(Class::Guard, CALLERS[0], &GET_BLOCK)).unwrap();
    bench.want(Class::Detect);
    assert_eq!(bench.granted(), [], "four credits are free, and kept for the dear call");
    for ticket in cheap {
        bench.succeed(ticket);
    }
    assert_eq!(bench.at(millis(1_000)).granted()[0], dear);
}

#[test]
fn a_call_dearer_than_its_limit_is_refused_with_the_key_to_change() {
    let limits =
        Limits { credits: Some("10/s".parse().unwrap()), costs: [(GET_BLOCK, 11)].into(), ..plain("9/s") };
    let refused = Bench::new(limits).submit(&ask(Class::Exit, CALLERS[0], &GET_BLOCK)).unwrap_err();
    assert_eq!(refused, Refused::OverLimit { key: "rpc.limits.credits", cost: 11, allowed: 10 });
    assert!(refused.to_string().contains("rpc.limits.credits"));
}

#[test]
fn no_class_starves_beyond_the_bound() {
    let bound = Duration::from_secs(30);
    let mut bench = Bench::new(Limits { starvation_bound: bound, ..plain("10/s") });
    let mut class_of = BTreeMap::new();
    let mut last = BTreeMap::from([(Class::Fill, Duration::ZERO), (Class::Poll, Duration::ZERO)]);
    let mut counts = BTreeMap::<Class, u32>::new();
    for _ in 0..50 {
        for class in [Class::Fill, Class::Poll] {
            class_of.insert(bench.want(class), class);
        }
    }
    for tick in 0..3_000_u64 {
        let at = millis(tick * 100);
        bench.at(at);
        // Ever more work of a higher class than the limit lets through.
        for _ in 0..2 {
            if let Ok(ticket) = bench.submit(&ask(Class::Guard, Caller::Shared, &GET_SLOT)) {
                class_of.insert(ticket, Class::Guard);
            }
        }
        for ticket in bench.granted() {
            let class = class_of[&ticket];
            // The first window has room for everyone.
            *counts.entry(class).or_default() += u32::from(at >= Duration::from_secs(1));
            if let Some(last) = last.get_mut(&class) {
                assert!(at - *last <= bound + Duration::from_secs(1), "{class} waited {:?}", at - *last);
                *last = at;
            }
            bench.succeed(ticket);
        }
    }
    // 300 s, one per class and bound; and not one more, or priorities would be turned around.
    assert!((9..=10).contains(&counts[&Class::Fill]), "{counts:?}");
    assert!((9..=10).contains(&counts[&Class::Poll]), "{counts:?}");
    assert!(counts[&Class::Guard] > 2_900, "{counts:?}");
}

#[test]
fn an_exit_goes_before_an_overdue_class() {
    let mut bench = Bench::new(plain("1/s"));
    let fill = bench.want(Class::Fill);
    bench.at(Duration::from_secs(100));
    let exit = bench.want(Class::Exit);
    assert_eq!(bench.granted(), [exit]);
    bench.succeed(exit);
    bench.want(Class::Guard);
    assert_eq!(bench.at(Duration::from_secs(101)).granted(), [fill]);
}

#[test]
fn a_deadline_that_cannot_be_met_is_refused_at_once() {
    let mut bench = Bench::new(plain("2/10s"));
    let until = |bench: &Bench, secs| Ask {
        deadline: Some(bench.now + Duration::from_secs(secs)),
        ..ask(Class::Guard, CALLERS[0], &GET_SLOT)
    };
    for _ in 0..2 {
        bench.want(Class::Guard);
    }
    for ticket in bench.granted() {
        bench.at(millis(500)).succeed(ticket);
    }
    bench.at(Duration::from_secs(4));
    let soon = until(&bench, 6);
    assert_eq!(bench.submit(&soon).unwrap_err(), Refused::DeadlineUnmeetable { earliest: millis(6_500) });
    // Two fit at 10.5 s; a third only a window later.
    for _ in 0..2 {
        let met = until(&bench, 7);
        bench.submit(&met).unwrap();
    }
    let third = until(&bench, 15);
    assert_eq!(bench.submit(&third).unwrap_err(), Refused::DeadlineUnmeetable { earliest: millis(16_500) });
    assert_eq!(bench.at(millis(10_500)).granted().len(), 2);
    let past = Ask { deadline: Some(bench.now), ..ask(Class::Exit, CALLERS[0], &GET_SLOT) };
    assert_eq!(bench.submit(&past).unwrap_err(), Refused::Expired);
}

#[test]
fn a_deadline_that_passes_while_waiting_is_answered_when_it_does() {
    let mut bench = Bench::new(plain("1/s"));
    bench.want(Class::Guard);
    bench.granted();
    let deadline = bench.now + Duration::from_secs(2);
    let waiting =
        bench.submit(&Ask { deadline: Some(deadline), ..ask(Class::Fill, CALLERS[0], &GET_SLOT) }).unwrap();
    assert_eq!(bench.step(), Step::WaitUntil(deadline), "nothing is known of the call under way");
    assert_eq!(bench.at(Duration::from_secs(2)).step(), Step::Refuse(waiting, Refused::Expired));
    assert_eq!(bench.step(), Step::Idle);
}

#[test]
fn memory_stays_bounded_whatever_is_asked() {
    let mut bench = Bench::new(Limits { queue_length: 10, ..plain("50/s") });
    for n in 0..20_000_u64 {
        bench.at(millis(n));
        let class = Class::ALL[usize::try_from(n % 7).unwrap()];
        let method = Method::named(format!("made-up-{n}"));
        drop(bench.submit(&ask(class, CALLERS[usize::try_from(n % 6).unwrap()], &method)));
        for ticket in bench.granted() {
            bench.succeed(ticket);
        }
    }
    let (waiting, flights, methods) = bench.core.sizes();
    assert!(waiting <= 10 * 7 * 6, "{waiting} wait");
    assert_eq!(flights, 0);
    assert!(methods <= 512 + waiting + 50, "{methods} methods are remembered");
    let snapshot = bench.core.snapshot(bench.now);
    assert!(snapshot.outcomes.len() < 10_000);
    let counted: u64 = snapshot.outcomes.values().sum();
    assert_eq!(counted + u64::try_from(waiting).unwrap(), 20_000, "nobody is forgotten in the counts");
}

#[test]
fn credits_are_counted_and_forecast() {
    let limits = Limits { monthly_credits: Some(1_000), costs: [(GET_BLOCK, 10)].into(), ..plain("50/s") };
    let mut bench = Bench::new(limits);
    bench.core.spent_before(800);
    for _ in 0..10 {
        let ticket = bench.submit(&ask(Class::Detect, CALLERS[0], &GET_BLOCK)).unwrap();
        assert_eq!(bench.granted(), [ticket]);
        bench.succeed(ticket);
    }
    let end = bench.start + Duration::from_secs(60);
    let credits = bench.core.snapshot(end).credits;
    assert_eq!((credits.used, credits.per_day), (900, 144_000));
    assert_eq!(credits.ends_in, Some(Duration::from_secs(60)));
}
