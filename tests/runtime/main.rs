//! Holds the simulated runtime and its programs against a real validator: the same transactions, signed by the same
//! keys, must fail or succeed alike, print the same lines, and leave the same accounts.
//!
//! Compute units may differ, and are listed when they do.

#![expect(clippy::unwrap_used, reason = "an answer that is not as documented fails the test")]

/// What both sides are compared by.
mod record;
/// What is tried.
mod scenes;
/// The simulated side.
mod simulated;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::Duration,
};

use eda_simnet::programs::INCINERATOR;
use eda_test_support::{
    Error,
    client::{self, Client, Format},
    instructions,
    validator::{self, Validator},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use self::{record::Record, scenes::Scene, simulated::Simulated};

/// What each scene's payer has at the beginning.
const LAMPORTS: u64 = 10_000_000_000;
/// The validator that the programs are written after; others are not compared.
const VERSION: &str = "4.2";

/// Scenes that are played at one time.
const AT_ONCE: usize = 12;
/// How often a new blockhash is looked for, or a question is asked again that a busy machine left unanswered.
const PATIENCE: usize = 100;

/// What a scene found.
#[derive(Default)]
struct Findings {
    /// Everything that is not the same.
    differences: String,
    /// Compute units of programs, here and there, by step.
    units: Vec<(String, Vec<u64>, Vec<u64>)>,
    steps: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_runtime_does_what_a_validator_does() {
    for binary in validator::found() {
        let validator = Validator::start(&binary).await.unwrap();
        if !validator.version().starts_with(VERSION) {
            eprintln!("skipped: {} is not the version the programs are written after", validator.version());
            continue;
        }
        let client = validator.client().unwrap();
        let scenes = scenes::all(client.root().await.unwrap());
        fund(&client, validator.payer(), &scenes).await;
        let found: Vec<Findings> =
            stream::iter(&scenes).map(|scene| play(&client, scene)).buffered(AT_ONCE).collect().await;
        let mut differences = String::new();
        for Findings { differences: some, units, .. } in &found {
            differences.push_str(some);
            for (step, real, simulated) in units {
                eprintln!("units of {step}: {real:?} there, {simulated:?} here");
            }
        }
        let steps: usize = found.iter().map(|found| found.steps).sum();
        eprintln!("{steps} transactions in {} scenes", scenes.len());
        assert!(differences.is_empty(), "{differences}");
    }
}

async fn fund(client: &Client, payer: &Keypair, scenes: &[Scene]) {
    let mut transactions = Vec::new();
    for some in scenes.chunks(15) {
        let transfers: Vec<_> = some
            .iter()
            .map(|scene| instructions::transfer_lamports(payer.pubkey(), scene.payer.pubkey(), LAMPORTS))
            .collect();
        let blockhash = client.blockhash().await.unwrap();
        transactions.push(client::sign(&transfers, &[payer], blockhash, &Format::Legacy).unwrap());
    }
    let landed = client.land(&transactions).await.unwrap();
    assert!(landed.iter().all(|landing| landing.err.is_null()));
}

/// What the node answers; on a busy machine it may be asked in vain.
async fn ask(client: &Client, method: &str, params: Value) -> Value {
    for _ in 0..PATIENCE {
        match client.call(method, params.clone()).await {
            Err(Error::Transport(_)) => {}
            answer => return answer.unwrap(),
        }
    }
    panic!("{method} is not answered");
}

async fn sign(client: &Client, instructions: &[Instruction], signers: &[&Keypair]) -> VersionedTransaction {
    let answer = ask(client, "getLatestBlockhash", json!([{"commitment": "confirmed"}])).await;
    let blockhash = answer["value"]["blockhash"].as_str().unwrap().parse().unwrap();
    client::sign(instructions, signers, blockhash, &Format::Legacy).unwrap()
}

/// Runs a scene's transactions one after the other, there and here.
async fn play(client: &Client, scene: &Scene) -> Findings {
    let mut found = Findings::default();
    let mut simulated = Simulated::new(scene.payer.pubkey(), LAMPORTS);
    let signers: Vec<&Keypair> = std::iter::once(&scene.payer).chain(scene.keys.values()).collect();
    let mut seen = BTreeSet::new();
    for (what, instructions) in &scene.steps {
        let label = format!("{}: {what}", scene.name);
        let mut transaction = sign(client, instructions, &signers).await;
        // Two equal steps would be one transaction, if they had one blockhash.
        for _ in 0..PATIENCE {
            if seen.insert(transaction.signatures[0]) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            transaction = sign(client, instructions, &signers).await;
        }
        let mut landed = client.land(std::slice::from_ref(&transaction)).await;
        for _ in 0..PATIENCE {
            if !matches!(landed, Err(Error::Transport(_))) {
                break;
            }
            landed = client.land(std::slice::from_ref(&transaction)).await;
        }
        let Ok(mut landed) = landed else {
            writeln!(found.differences, "\n== {label}\nit does not land").unwrap();
            continue;
        };
        let landing = landed.remove(0);
        let config =
            json!({"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 1});
        let signature = transaction.signatures[0].to_string();
        let answer = ask(client, "getTransaction", json!([signature, config])).await;
        let real = Record::of_answer(&answer);
        let here = simulated.execute(&transaction, landing.slot, answer["blockTime"].as_i64().unwrap());
        found.steps += 1;
        let different = real.differences(&here);
        if !different.is_empty() {
            writeln!(found.differences, "\n== {label}\n{different}").unwrap();
        }
        if real.units != here.units {
            found.units.push((label, real.units, here.units));
        }
    }
    let mut accounts = simulated.changed();
    // At the end of every slot the real one is emptied.
    accounts.remove(&INCINERATOR);
    let addresses: Vec<String> = accounts.keys().map(ToString::to_string).collect();
    for some in addresses.chunks(100) {
        let config = json!({"encoding": "base64", "commitment": "confirmed"});
        let answer = ask(client, "getMultipleAccounts", json!([some, config])).await;
        let there: BTreeMap<&String, _> = some.iter().zip(answer["value"].as_array().unwrap()).collect();
        for (address, there) in there {
            let here = record::account(accounts.get(&address.parse().unwrap()).unwrap().as_deref());
            let there = record::account_of_answer(there);
            if here != there {
                let name = scene.name_of(address);
                writeln!(found.differences, "\n== {}: {name}\nthere {there}\nhere  {here}", scene.name)
                    .unwrap();
            }
        }
    }
    found
}
