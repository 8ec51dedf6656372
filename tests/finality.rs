//! What was reported when it was confirmed and is not part of the final chain is taken back, and nothing else is.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use eda_simnet::{Call, Reply, chain::Config, cluster::Simnet, endpoint::Options};
use eda_test_support::{
    observe::until_events,
    process::{Launch, Signal},
};
use serde_json::{Value, json};

const EDA: &str = env!("CARGO_BIN_EXE_eda");
const PATIENCE: Duration = Duration::from_secs(60);

/// As a node answers that knows nothing of one transaction any more, whose block another one replaced.
fn without(gone: &str, call: &Call, reply: Reply) -> Reply {
    match (call.method.as_str(), reply) {
        ("getSignatureStatuses", Reply::Result(mut result)) => {
            let asked = call.params[0].as_array().unwrap();
            for (place, _) in asked.iter().enumerate().filter(|(_, one)| **one == gone) {
                result["value"][place] = Value::Null;
            }
            Reply::Result(result)
        }
        ("getBlock", _) if call.params[1]["transactionDetails"] == "signatures" => {
            Reply::Result(json!({ "signatures": [] }))
        }
        (_, reply) => reply,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_transaction_is_not_on_the_final_chain_is_taken_back_and_no_other() {
    let cluster = Simnet::new(Config { slot_time: Duration::from_millis(100), ..Config::seeded(5) });
    let endpoint = cluster.endpoint(Options::default()).await.unwrap();
    let gone = Arc::new(Mutex::new(String::new()));
    let (node, hidden) = (endpoint.node().clone(), Arc::clone(&gone));
    endpoint.front().rpc().respond(move |call| {
        let gone = hidden.lock().unwrap().clone();
        without(&gone, call, node.answer(call))
    });
    cluster.run();
    let config = "[workers.burn-detector]\nthreshold = \"1\"\nwatch = \"all\"\n";
    let launch =
        Launch::of(EDA).unwrap().args(["run", "--events", "-", "--url", &endpoint.front().http_url()]);
    let mut eda = launch.file("config.toml", config).unwrap().start().unwrap();
    let is_burn = |event: &&Value| event["type"] == "BURN_DETECTED";
    let events =
        until_events(&eda, PATIENCE, |events| events.iter().any(|event| is_burn(&event))).await.unwrap();
    let signature = events.iter().find(is_burn).unwrap()["source"]["signature"].as_str().unwrap().to_owned();
    gone.lock().unwrap().clone_from(&signature);

    let retracted = |event: &&Value| event["type"] == "EVENT_RETRACTED";
    let of_it = |events: &[Value]| -> BTreeSet<String> {
        let burns = events.iter().filter(is_burn).filter(|event| event["source"]["signature"] == *signature);
        burns.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let taken_back = |events: &[Value]| -> BTreeSet<String> {
        let back = events.iter().filter(retracted);
        back.map(|event| event["data"]["eventId"].as_str().unwrap().to_owned()).collect()
    };
    until_events(&eda, PATIENCE, |events| {
        !taken_back(events).is_empty() && taken_back(events) == of_it(events)
    })
    .await
    .unwrap();
    // Others have become final meanwhile, and stand.
    let tip = cluster.chain().tips().finalized;
    let events = until_events(&eda, PATIENCE, |events| {
        events.iter().filter(is_burn).any(|event| event["source"]["slot"].as_u64() > Some(tip + 60))
    })
    .await
    .unwrap();
    assert_eq!(taken_back(&events), of_it(&events));
    let back = events.iter().find(retracted).unwrap();
    assert_eq!(back["id"], json!(format!("retracted:{}", back["data"]["eventId"].as_str().unwrap())));

    eda.signal(Signal::Interrupt).await.unwrap();
    assert_eq!(eda.exit(PATIENCE).await.unwrap().code(), Some(0));
    cluster.stop().await;
}
