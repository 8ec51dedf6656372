//! What responses teach: limits go down, never up, and other programs on the same address are seen.

use std::{env, fs, path::Path};

use super::*;
use crate::budget::{Scope, WindowUse};

fn with_headers(headers: &[(&str, i64)]) -> Answer {
    let limits = headers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Answer { status: 200, limits, ..Answer::default() }
}

fn window(bench: &mut Bench, scope: &Scope) -> Option<WindowUse> {
    bench.core.snapshot(bench.now).windows.into_iter().find(|window| window.scope == *scope)
}

/// Sends one call and answers it with `headers`.
fn teach(bench: &mut Bench, method: &Method, headers: &[(&str, i64)]) {
    let ticket = bench.submit(&ask(Class::Exit, Caller::Shared, method)).unwrap();
    assert_eq!(bench.granted(), [ticket]);
    bench.answer(ticket, with_headers(headers));
}

#[test]
fn headers_lower_limits_and_never_raise_them() {
    let mut bench = Bench::new(Limits { pubsub_connections: Some(5), ..plain("100/10s") });
    teach(
        &mut bench,
        &GET_SLOT,
        &[("rps-limit", 50), ("method-limit", 9), ("connrate-limit", 40), ("pubsub-limit", 3)],
    );
    let higher = [("rps-limit", 200), ("method-limit", 90), ("connrate-limit", 400), ("pubsub-limit", 30)];
    teach(&mut bench, &GET_SLOT, &higher);
    teach(&mut bench, &GET_SLOT, &[("rps-limit", 0), ("method-limit", -1)]);
    assert_eq!(window(&mut bench, &Scope::Everything).unwrap().limit, 50);
    let method = window(&mut bench, &Scope::Method(GET_SLOT)).unwrap();
    assert_eq!((method.limit, method.window), (9, Duration::from_secs(10)));
    assert_eq!(window(&mut bench, &Scope::Connects).unwrap().limit, 40);
    assert_eq!(bench.core.snapshot(bench.now).pubsub_connections, Some(3));
    assert_eq!(window(&mut bench, &Scope::Method(GET_BLOCK)), None);
}

#[test]
fn what_other_programs_use_is_left_to_them() {
    let mut bench = Bench::new(plain("10/10s"));
    let (first, second) = (bench.want(Class::Poll), bench.want(Class::Poll));
    assert_eq!(bench.granted(), [first, second]);
    // The provider counts six: two of ours, four of someone else.
    bench.answer(first, with_headers(&[("rps-limit", 10), ("rps-remaining", 4)]));
    bench.answer(second, with_headers(&[("rps-limit", 10), ("rps-remaining", 4)]));
    let seen = window(&mut bench, &Scope::Everything).unwrap();
    assert_eq!((seen.held, seen.foreign, seen.left), (6, 4, 4));
    for _ in 0..9 {
        bench.want(Class::Poll);
    }
    assert_eq!(bench.granted().len(), 4);
    assert_eq!(
        bench.at(Duration::from_secs(10)).granted().len(),
        5,
        "what was seen is forgotten a window later"
    );
}

#[test]
fn our_own_use_is_not_taken_for_that_of_others() {
    let mut bench = Bench::new(plain("10/10s"));
    let sent: Vec<_> = (0..6).map(|_| bench.want(Class::Poll)).collect();
    assert_eq!(bench.granted(), sent);
    for (used, ticket) in (1..).zip(sent) {
        bench.answer(ticket, with_headers(&[("rps-limit", 10), ("rps-remaining", 10 - used)]));
    }
    assert_eq!(window(&mut bench, &Scope::Everything).unwrap().foreign, 0);
}

#[test]
fn after_an_unclean_stop_the_last_window_counts_as_used() {
    let mut bench =
        Bench::new(Limits { assume_window_used: true, per_method: "5/s".parse().ok(), ..plain("10/10s") });
    let exit = bench.want(Class::Exit);
    assert_eq!(bench.at(millis(9_999)).granted(), []);
    assert_eq!(bench.at(Duration::from_secs(10)).granted(), [exit]);
}

#[test]
fn captured_headers_of_the_public_endpoint_are_understood() {
    let Some(fixtures) = env::var_os("EDA_FIXTURES") else {
        println!("skipped: EDA_FIXTURES does not name the fixtures folder");
        return;
    };
    let mut seen = 0;
    for entry in fs::read_dir(Path::new(&fixtures).join("rpc_http")).unwrap() {
        let path = entry.unwrap().path();
        let capture: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (Some(headers), Some(method)) =
            (capture["response"]["headers"].as_object(), capture["request"]["body"]["method"].as_str())
        else {
            continue;
        };
        let pairs: Vec<_> = headers
            .iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("x-ratelimit-")?;
                Some((name, value[0].as_str()?.parse().ok()?))
            })
            .collect();
        let mut bench = Bench::new(Limits::default());
        let method = Method::named(method);
        teach(&mut bench, &method, &pairs);
        assert_eq!(window(&mut bench, &Scope::Everything).unwrap().limit, 100, "{}", path.display());
        let known = eda_limits::profile::by_name("public-mainnet-beta").unwrap().limits();
        let learned = window(&mut bench, &Scope::Method(method.clone())).unwrap().limit;
        assert_eq!(learned, u64::from(known.method(&method).unwrap().count), "{}", path.display());
        assert_eq!(window(&mut bench, &Scope::Connects).unwrap().limit, 40);
        let snapshot = bench.core.snapshot(bench.now);
        assert_eq!((snapshot.pubsub_connections, snapshot.connection_cap), (Some(5), Some(40)));
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} captures were read");
}
