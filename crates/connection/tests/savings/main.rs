//! What saving requests is worth, on the standard workload: ten minutes of five workers on a simulated chain, metered by
//! its provider, with savings and without.

/// What the five workers ask for, and when.
#[cfg(test)]
mod workload;
/// A chain with forty pools, and a connection to its provider.
#[cfg(test)]
mod world;

#[cfg(test)]
use std::{collections::BTreeMap, fmt::Write};

#[cfg(test)]
use eda_connection::savings::{Kind, Saved};
#[cfg(test)]
use eda_limits::{Limits, Method};
#[cfg(test)]
use eda_simnet::Meter;
#[cfg(test)]
use tokio::task::JoinSet;

/// Ten minutes of slots of 400 ms.
#[cfg(test)]
const SLOTS: u64 = 1_500;
#[cfg(test)]
const SEED: u64 = 7;

/// Requests and credits.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    requests: u64,
    credits: u64,
}

#[cfg(test)]
impl Cost {
    fn metered(meter: &Meter) -> Self {
        assert_eq!(meter.refused(), 0);
        Self { requests: meter.requests.values().sum(), credits: meter.credits }
    }

    fn of<'a>(counts: impl Iterator<Item = (&'a Method, u64)>, limits: &Limits) -> Self {
        counts.fold(Self::default(), |sum, (method, count)| Self {
            requests: sum.requests + count,
            credits: sum.credits + count * u64::from(limits.cost(method)),
        })
    }
}

#[cfg(test)]
fn saved(saved: &Saved, kind: Kind, limits: &Limits) -> Cost {
    let of_kind = saved.requests.iter().filter(|((_, _, of), _)| *of == kind);
    Cost::of(of_kind.map(|((_, method, _), count)| (method, *count)), limits)
}

#[cfg(test)]
fn table(without: Cost, with: Cost, saved: &Saved, limits: &Limits) -> String {
    let mut text = String::from("| | requests | credits |\n|---|---:|---:|\n");
    let share = |part: u64, whole: u64| part as f64 * 100.0 / whole as f64;
    let mut row = |what: &str, requests: String, credits: String| {
        writeln!(text, "| {what} | {requests} | {credits} |").unwrap();
    };
    row("without savings", without.requests.to_string(), without.credits.to_string());
    for (kind, what) in [
        (Kind::Shared, "an equal read was under way"),
        (Kind::Merged, "read along with others"),
        (Kind::Cached, "known for ever"),
    ] {
        let cost = self::saved(saved, kind, limits);
        row(
            what,
            format!("−{} ({:.0} %)", cost.requests, share(cost.requests, without.requests)),
            format!("−{} ({:.0} %)", cost.credits, share(cost.credits, without.credits)),
        );
    }
    let extra = Cost::of(saved.extra.iter().map(|(method, count)| (method, *count)), limits);
    row("asked for to save others", format!("+{}", extra.requests), format!("+{}", extra.credits));
    row("with savings", with.requests.to_string(), with.credits.to_string());
    let times = |without: u64, with: u64| format!("{:.1} times fewer", without as f64 / with as f64);
    row("", times(without.requests, with.requests), times(without.credits, with.credits));
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standard_workload_costs_a_third_or_less_with_savings() {
    let limits = world::limits();
    let mut runs = JoinSet::new();
    let without = runs.spawn(workload::run(SEED, SLOTS, false)).id();
    let with = runs.spawn(workload::run(SEED, SLOTS, true)).id();
    let mut ends = BTreeMap::new();
    while let Some(end) = runs.join_next_with_id().await {
        let (id, end) = end.unwrap();
        ends.insert(id, end);
    }
    let [(without, nothing), (with, saved)] = [without, with].map(|id| ends.remove(&id).unwrap());
    assert_eq!((nothing.requests, nothing.extra), (BTreeMap::new(), BTreeMap::new()));
    let (without, with) = (Cost::metered(&without), Cost::metered(&with));
    println!("seed {SEED}\n{}", table(without, with, &saved, &limits));
    for (what, without, with) in
        [("requests", without.requests, with.requests), ("credits", without.credits, with.credits)]
    {
        assert!(without >= 3 * with, "seed {SEED}: {without} {what} without savings, {with} with them");
    }
    // What is counted as saved is what is missing on the bill, but for a few calls by which the connection itself finds
    // its way.
    let in_all: u64 = saved.requests.values().sum();
    let extra: u64 = saved.extra.values().sum();
    let gap = without.requests.abs_diff(with.requests + in_all - extra);
    assert!(gap <= 10, "seed {SEED}: {gap} requests are not accounted for: {saved:?}");
}
