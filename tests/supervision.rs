//! The workers of one process: who runs, what they subscribe, what they share, and what they say of themselves.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::time::Duration;

use eda_simnet::{StatusCode, Subscription};
use eda_test_support::{
    node::{Act, MINT, Node, OTHER_MINT},
    observe::{burns, until_events, until_status, worker},
    process::{Eda, Launch, Output, Signal},
};
use serde_json::{Value, json};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(40);
const BEAT: Duration = Duration::from_millis(50);
/// Accounts of pools, for what their addresses matter here.
const POOLS: [&str; 3] = [
    "58oQChx4yWmvKdwLLZzBi4ChoCc2fqCUWBkwMihLYQo2",
    "HJPjoWUrhoCVVmUzKQdrPfjbdDYr1WqCzdjqPmvHJhqJ",
    "3ucNos4NbumPLZNWztqGHNFFgkHeRMBQAVemeeomsUxv",
];

fn run(node: &Node) -> Launch {
    Launch::of(EDA).unwrap().args(["run", "--events", "-", "--url", &node.url()])
}

async fn ends_with_0(eda: &mut Eda) {
    eda.signal(Signal::Interrupt).await.unwrap();
    let ended = eda.exit(PATIENCE).await;
    assert!(ended.as_ref().is_ok_and(|status| status.code() == Some(0)), "{ended:?} {:#?}", eda.lines());
}

fn of<'a>(subscriptions: &'a [Subscription], method: &'a str) -> impl Iterator<Item = &'a Subscription> {
    subscriptions.iter().filter(move |subscription| subscription.method == method)
}

fn mentions(subscriptions: &[Subscription], address: &str) -> bool {
    of(subscriptions, "logsSubscribe").any(|one| one.params[0]["mentions"] == json!([address]))
}

fn follows(subscriptions: &[Subscription], address: &str) -> bool {
    of(subscriptions, "accountSubscribe").any(|one| one.first() == Some(address))
}

fn state<'a>(status: &'a Value, name: &str) -> &'a str {
    worker(status, name).and_then(|worker| worker["state"].as_str()).unwrap_or_default()
}

/// The predecessor's workers waited inside their first subscription for ever and never made the second one.
#[tokio::test]
async fn every_subscription_of_every_worker_is_made_and_served() {
    let node = Node::start().await.unwrap();
    let mints = [MINT.to_string(), OTHER_MINT.to_string()];
    let config = format!(
        "[workers.burn-detector]\nwatch = {mints:?}\n[workers.liquidity-monitor]\naccounts = {POOLS:?}\n\
         [workers.market-detector]\ndexes = [\"pumpfun\", \"pumpswap\"]\n"
    );
    let mut eda = run(&node).file("config.toml", &config).unwrap().start().unwrap();
    let subscribed = node.front().pubsub().until(|subscriptions| {
        mints.iter().all(|mint| mentions(subscriptions, mint) && follows(subscriptions, mint))
            && POOLS.iter().all(|pool| follows(subscriptions, pool))
            && of(subscriptions, "logsSubscribe").count() == 4
    });
    tokio::time::timeout(PATIENCE, subscribed).await.unwrap();
    node.run(BEAT, 0);
    until_status(EDA, eda.directory(), PATIENCE, |status| state(status, "burn-detector") == "running")
        .await
        .unwrap();

    let mut burned = Vec::new();
    for (number, mint) in [MINT, OTHER_MINT, MINT, OTHER_MINT].into_iter().enumerate() {
        let amount = 2_000_000 + u64::try_from(number).unwrap();
        burned.extend(node.produce(&[Act::Burn { mint, amount }, Act::CreateCoin]));
    }
    let burned: Vec<String> =
        burned.iter().filter(|one| one.act != Act::CreateCoin).map(|one| one.signature.to_string()).collect();
    until_events(&eda, PATIENCE, |events| {
        events.iter().filter(|event| event["type"] == "BURN_DETECTED").count() >= burned.len()
    })
    .await
    .unwrap();
    let created = |status: &Value| {
        worker(status, "market-detector").is_some_and(|worker| worker["seen"]["pumpfun"] == 4)
    };
    until_status(EDA, eda.directory(), PATIENCE, created).await.unwrap();
    ends_with_0(&mut eda).await;
    let mut reported = burns(&eda).unwrap();
    reported.sort();
    let mut expected = burned;
    expected.sort();
    assert_eq!(reported, expected);
    assert_eq!(node.front().ws().tally().max_open(), 1);
    assert_eq!(node.front().http().tally().max_open(), 1);
}

/// The predecessor's market-detector said that it had started while it was subscribed to nothing.
#[tokio::test]
async fn without_a_websocket_nobody_who_needs_it_claims_to_work() {
    let node = Node::start().await.unwrap();
    node.front().pubsub().refuse_upgrades(Some(StatusCode::SERVICE_UNAVAILABLE));
    node.run(BEAT, 0);
    let config = format!(
        "[workers.burn-detector]\nwatch = [\"{MINT}\"]\n[workers.liquidity-monitor]\naccounts = [\"{}\"]\n\
         [workers.price-aggregator]\naccounts = [\"{}\"]\n",
        POOLS[0], POOLS[1]
    );
    let mut eda = run(&node).file("config.toml", &config).unwrap().start().unwrap();
    let needing = ["burn-detector", "market-detector", "liquidity-monitor", "price-aggregator"];
    // First none, then, when the endpoint is taken for known without the WebSocket's proof, all but the trading-bot.
    let known = |status: &Value| status["cluster"].is_string();
    let status = until_status(EDA, eda.directory(), PATIENCE, known).await.unwrap();
    for name in needing {
        let worker = worker(&status, name).unwrap();
        assert_eq!(worker["state"], "waiting", "{worker:#}");
        let why = worker["waiting_for"].as_str().unwrap();
        assert!(why.contains("WebSocket") && why.contains("503"), "{why}");
    }
    let events = eda_test_support::observe::events(&eda).unwrap();
    let claimed: Vec<_> = events
        .iter()
        .filter(|event| event["data"]["metrics"]["state"] == "running")
        .map(|event| &event["data"]["workerName"])
        .filter(|name| *name != "trading-bot")
        .collect();
    assert!(claimed.is_empty(), "{claimed:?} claimed to work");

    node.front().pubsub().refuse_upgrades(None);
    let works = |status: &Value| needing.iter().all(|name| state(status, name) == "running");
    until_status(EDA, eda.directory(), PATIENCE, works).await.unwrap();
    let burned = node.produce(&[Act::Burn { mint: MINT, amount: 3_000_000 }]);
    let signature = burned[0].signature.to_string();
    until_events(&eda, PATIENCE, |events| {
        events.iter().any(|event| event["data"]["txSignature"] == *signature)
    })
    .await
    .unwrap();
    ends_with_0(&mut eda).await;
}

/// The predecessor looked for the transaction in the wrong place of every answer, and found no burn ever. And burns
/// reach the trading-bot without a second look at the chain.
#[tokio::test]
async fn burns_in_blocks_are_reported_and_heard_by_the_trading_bot() {
    let node = Node::start().await.unwrap();
    let mut eda = run(&node).start().unwrap();
    node.run(BEAT, 0);
    until_status(EDA, eda.directory(), PATIENCE, |status| {
        status["feed"]["cursor"].as_u64().is_some_and(|cursor| cursor + 2 >= node.tip())
    })
    .await
    .unwrap();
    let small = Act::Burn { mint: MINT, amount: 999_999 };
    let burned = node.produce(&[
        Act::Burn { mint: MINT, amount: 1_000_000 },
        small,
        Act::CreateCoin,
        Act::Burn { mint: OTHER_MINT, amount: 4_000_000 },
    ]);
    let heard = |status: &Value| {
        worker(status, "trading-bot").is_some_and(|bot| {
            bot["seen"].as_object().is_some_and(|seen| seen.values().any(|count| count == 2))
        })
    };
    let status = until_status(EDA, eda.directory(), PATIENCE, heard).await.unwrap();
    assert_eq!(worker(&status, "market-detector").unwrap()["seen"]["pumpfun"], 1);
    let refused = worker(&status, "burn-detector").unwrap()["refusals"].as_object().unwrap().clone();
    assert_eq!(refused.values().filter_map(Value::as_u64).sum::<u64>(), 1, "{refused:?}");
    ends_with_0(&mut eda).await;
    let expected: Vec<String> =
        [&burned[0], &burned[3]].iter().map(|one| one.signature.to_string()).collect();
    assert_eq!(burns(&eda).unwrap(), expected);
    assert_eq!(node.front().rpc().journal().of("getTransaction").len(), 0);
}

#[tokio::test]
async fn the_workers_named_run_even_if_disabled_and_no_others() {
    let node = Node::start().await.unwrap();
    node.run(BEAT, 0);
    let config = "[workers.trading-bot]\nenabled = false\n[workers.burn-detector]\nenabled = false\n";
    let mut eda = run(&node)
        .args(["--workers", "trading-bot,market-detector"])
        .file("config.toml", config)
        .unwrap()
        .start()
        .unwrap();
    let status =
        until_status(EDA, eda.directory(), PATIENCE, |status| state(status, "trading-bot") == "running")
            .await
            .unwrap();
    let names: Vec<_> = status["workers"].as_array().unwrap().iter().map(|worker| &worker["name"]).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().any(|name| *name == "market-detector"), "{names:?}");
    ends_with_0(&mut eda).await;
    let said: Vec<_> =
        eda.output(Output::Stderr).into_iter().filter(|line| line.contains("disabled")).collect();
    assert!(said.len() == 1 && said[0].contains("trading-bot"), "{said:?}");
}

#[tokio::test]
async fn all_means_those_that_are_enabled() {
    let node = Node::start().await.unwrap();
    let config = "[workers.trading-bot]\nenabled = false\n[workers.burn-detector]\nenabled = false\n";
    let mut eda = run(&node).args(["--workers", "all"]).file("config.toml", config).unwrap().start().unwrap();
    let status = until_status(EDA, eda.directory(), PATIENCE, |status| {
        status["workers"].as_array().is_some_and(|all| !all.is_empty())
    })
    .await
    .unwrap();
    let mut names: Vec<_> =
        status["workers"].as_array().unwrap().iter().filter_map(|worker| worker["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["liquidity-monitor", "market-detector", "price-aggregator"]);
    ends_with_0(&mut eda).await;
}

#[tokio::test]
async fn two_workers_that_follow_one_account_share_one_subscription() {
    let node = Node::start().await.unwrap();
    let accounts = format!("accounts = [\"{MINT}\"]\n");
    let config = format!(
        "[workers.liquidity-monitor]\n{accounts}[workers.price-aggregator]\n{accounts}[workers.market-detector]\ndexes = []\n[workers.burn-detector]\nwatch = [\"{MINT}\"]\n"
    );
    let mut eda = run(&node).file("config.toml", &config).unwrap().start().unwrap();
    node.run(BEAT, 1);
    let both = |status: &Value| {
        ["liquidity-monitor", "price-aggregator"].iter().all(|name| {
            worker(status, name)
                .is_some_and(|worker| worker["seen"].as_object().is_some_and(|seen| !seen.is_empty()))
        })
    };
    until_status(EDA, eda.directory(), PATIENCE, both).await.unwrap();
    let mint = MINT.to_string();
    let calls = node.front().pubsub().journal().of("accountSubscribe");
    let of_mint = calls.iter().filter(|call| call.params[0] == *mint).count();
    assert_eq!(of_mint, 1, "{calls:#?}");
    ends_with_0(&mut eda).await;
    assert_eq!(node.front().ws().tally().max_open(), 1);
}
