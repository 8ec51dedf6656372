//! What a plan foresees is what the provider meters: within 5 % of requests and credits, over a simulated hour, for
//! three profiles.
//!
//! The hour is one of virtual time: the chain, its provider with its limits, the connection, the burn-detector, its
//! supply reads and the second look at what is final all run by one paused clock, which goes on whenever nobody has
//! anything to do. So that the test takes a minute, a slot lasts 0.9 s in it, and the hour has 4,000. With slots of
//! 400 ms and 9,000 of them: `EDA_FORECAST=long cargo test --test forecast` (some minutes).

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]
#![expect(clippy::print_stdout, reason = "numbers that are not printed cannot be judged")]

#[path = "../../bin/aside.rs"]
mod aside;
#[path = "../../bin/finality.rs"]
mod finality;
mod world;

use std::{collections::BTreeMap, time::Duration};

use eda_connection::feed::{Mode, Plan, Sampling};
use eda_limits::{Limits, profile};
use eda_simnet::{Meter, chain::Mix, well_known};
use tokio::time::sleep;

use world::{Setting, World};

const HOUR: Duration = Duration::from_secs(3_600);
const SEED: u64 = 7;

fn limits(name: &str) -> Limits {
    profile::by_name(name).unwrap().limits()
}

/// Of an hour, what was foreseen and what was metered, by method.
fn table(plan: &Plan, before: &Meter, after: &Meter) -> String {
    let mut rows: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    for cost in &plan.costs {
        rows.entry(cost.method.to_string()).or_default().0 += cost.requests(HOUR);
    }
    for (method, count) in &after.requests {
        let before = before.requests.get(method).copied().unwrap_or_default();
        rows.entry(method.clone()).or_default().1 += count - before;
    }
    let rows =
        rows.iter().map(|(method, (planned, metered))| format!("{method:<28}{planned:>10.1}{metered:>8}"));
    rows.collect::<Vec<_>>().join("\n")
}

async fn tells_the_truth(setting: Setting, sampling: Sampling, mode: Mode) {
    let limits = setting.limits.clone();
    let world = World::start(SEED, setting).await;
    let plan = world.plan(sampling).await;
    assert_eq!((plan.transactions, &plan.over), (Some(mode), &Vec::new()));
    // What the look at the endpoint has used is free again.
    sleep(Duration::from_secs(60)).await;

    let before = world.meter();
    let working = world.work();
    sleep(HOUR).await;
    let after = world.meter();
    working.stop().await;

    let requests = after.requests.values().sum::<u64>() - before.requests.values().sum::<u64>();
    let credits = after.credits - before.credits;
    println!("seed {SEED}, {mode}\n{}", table(&plan, &before, &after));
    assert_eq!(after.refused(), 0, "{after:?}");
    for (what, planned, metered) in
        [("requests", plan.requests(HOUR), requests), ("credits", plan.credits(HOUR, &limits), credits)]
    {
        let off = planned / metered as f64 - 1.0;
        println!("{what}: {planned:.0} planned, {metered} metered: {:+.1} %", off * 100.0);
        assert!(off.abs() <= 0.05, "seed {SEED}: {planned:.0} {what} planned, {metered} metered");
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_the_whole_chain_at_the_simulated_provider() {
    let setting = Setting { limits: limits("simnet"), mix: Mix::default(), mints: None, pools: 0 };
    let within = Duration::from_secs(300);
    let sampling = Sampling { within, addresses: 0, transactions: 0, blocks: 250 };
    tells_the_truth(setting, sampling, Mode::Blocks).await;
}

#[tokio::test(start_paused = true)]
async fn of_watched_mints_and_swept_pools_at_a_plan_with_credits() {
    let limits = Limits { subscriptions: Some(12), ..limits("helius-business") };
    let setting = Setting { limits, mix: Mix::default(), mints: Some(well_known().mints), pools: 4 };
    let within = Duration::from_secs(300);
    let sampling = Sampling { within, addresses: 8, transactions: 200, blocks: 0 };
    tells_the_truth(setting, sampling, Mode::Logs).await;
}

#[tokio::test(start_paused = true)]
async fn of_watched_mints_at_the_public_endpoint() {
    let mints = well_known().mints[..3].to_vec();
    // The plan carries one transaction in ten seconds, and of them hardly any may be a burn: each costs six questions
    // until it is final, and a sample of so few transactions says little of how many there are.
    let few = Mix { token_transfers: 2, mints: 1, swaps: 1, failures: 1, ..Mix::default() };
    let mix = Mix { burns: 0, votes: 0, transfers: 0, ..few };
    let setting = Setting { limits: limits("public-mainnet-beta"), mix, mints: Some(mints), pools: 1 };
    let within = Duration::from_secs(900);
    let sampling = Sampling { within, addresses: 8, transactions: 80, blocks: 0 };
    tells_the_truth(setting, sampling, Mode::Logs).await;
}
