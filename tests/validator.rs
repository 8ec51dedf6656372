//! Proves the traffic generator against the node itself, so that what `eda` reports can be held against its truth.

#![expect(clippy::unwrap_used, reason = "an answer that is not as documented fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use eda_test_support::{
    burns::{self, Burn, Kind, Place, Truth},
    client::Client,
    validator::{self, Validator},
};
use serde_json::{Value, json};

/// How a node renders a burn when it recognises one.
const BURN_TYPES: [&str; 4] = ["burn", "burnChecked", "permissionedBurn", "permissionedBurnChecked"];

/// What the node says of one burn.
#[derive(Debug, PartialEq)]
struct Rendered {
    place: Place,
    account: String,
    mint: String,
    authority: String,
    amount: u64,
}

/// What the node says of one transaction.
#[derive(Debug, Default)]
struct Reading {
    slot: u64,
    failed: bool,
    /// Every burn the node rendered, in the order of execution.
    burns: Vec<Rendered>,
    /// Instructions of a Token program that the node could not render, for example a batch on older nodes.
    unrendered: usize,
    /// Change of all balances of a mint together: what was minted less what was burned.
    change: BTreeMap<String, i128>,
}

async fn read(client: &Client, signature: &str) -> Reading {
    let config =
        json!({"encoding": "jsonParsed", "commitment": "confirmed", "maxSupportedTransactionVersion": 1});
    let answer = client.call("getTransaction", json!([signature, config])).await.unwrap();
    let mut reading = Reading {
        slot: answer["slot"].as_u64().unwrap(),
        failed: !answer["meta"]["err"].is_null(),
        ..Reading::default()
    };
    for (index, instruction) in
        answer["transaction"]["message"]["instructions"].as_array().unwrap().iter().enumerate()
    {
        let place = Place { instruction: index, inner: None, batch_entry: None };
        read_instruction(instruction, place, &mut reading);
        let called = answer["meta"]["innerInstructions"].as_array().unwrap().iter();
        for called in called.filter(|called| called["index"] == index) {
            for (inner, one) in called["instructions"].as_array().unwrap().iter().enumerate() {
                read_instruction(one, Place { inner: Some(inner), ..place }, &mut reading);
            }
        }
    }
    for (balances, sign) in [("preTokenBalances", -1), ("postTokenBalances", 1)] {
        for balance in answer["meta"][balances].as_array().unwrap() {
            let amount: i128 = balance["uiTokenAmount"]["amount"].as_str().unwrap().parse().unwrap();
            *reading.change.entry(balance["mint"].as_str().unwrap().to_owned()).or_default() += sign * amount;
        }
    }
    reading.change.retain(|_, change| *change != 0);
    reading
}

fn read_instruction(instruction: &Value, place: Place, reading: &mut Reading) {
    let parsed = if instruction["parsed"].is_object() { &instruction["parsed"] } else { instruction };
    let info = &parsed["info"];
    match parsed["type"].as_str() {
        Some(name) if BURN_TYPES.contains(&name) => {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let amount = info["amount"].as_str().or(info["tokenAmount"]["amount"].as_str());
            let authority = info.get("authority").or(info.get("multisigAuthority"));
            reading.burns.push(Rendered {
                place,
                account: text(&info["account"]),
                mint: text(&info["mint"]),
                authority: text(authority.unwrap()),
                amount: amount.unwrap().parse().unwrap(),
            });
        }
        Some("batch") => {
            for (entry, one) in info["instructions"].as_array().unwrap().iter().enumerate() {
                read_instruction(one, Place { batch_entry: Some(entry), ..place }, reading);
            }
        }
        Some(_) => {}
        None if instruction["programId"].as_str().is_some_and(|id| id.starts_with("Token")) => {
            reading.unrendered += 1;
        }
        None => {}
    }
}

fn rendered(burn: &Burn) -> Rendered {
    Rendered {
        place: burn.place,
        account: burn.account.to_string(),
        mint: burn.mint.to_string(),
        authority: burn.authority.to_string(),
        amount: burn.amount,
    }
}

/// Holds the truth against the node; returns the kinds of burn that the node cannot render.
async fn check(client: &Client, truth: &Truth) -> BTreeSet<Kind> {
    let mut by_transaction: BTreeMap<String, Vec<&Burn>> = BTreeMap::new();
    for burn in &truth.burns {
        by_transaction.entry(burn.signature.to_string()).or_default().push(burn);
    }
    let mut unrendered = BTreeSet::new();
    for (signature, burns) in &by_transaction {
        let reading = read(client, signature).await;
        assert!(!reading.failed, "{signature}");
        assert!(burns.iter().all(|burn| burn.slot == reading.slot), "{signature}");
        if reading.unrendered == 0 {
            let expected: Vec<Rendered> = burns.iter().map(|burn| rendered(burn)).collect();
            assert_eq!(reading.burns, expected, "{signature}");
        } else {
            unrendered.extend(burns.iter().map(|burn| burn.kind));
        }
        // Holds whatever the node can render.
        let mut change: BTreeMap<String, i128> = BTreeMap::new();
        for burn in burns {
            *change.entry(burn.mint.to_string()).or_default() -= i128::from(burn.amount);
        }
        assert_eq!(reading.change, change, "{signature}");
    }

    for failed in &truth.failed {
        let reading = read(client, &failed.signature.to_string()).await;
        assert!(reading.failed && reading.slot == failed.slot, "{}", failed.signature);
        assert!(failed.attempts > 0, "a failed transaction that holds no burn proves nothing");
        assert_eq!(reading.burns.len(), failed.attempts, "{}", failed.signature);
        assert!(reading.change.is_empty(), "{}", failed.signature);
    }
    for noise in &truth.noise {
        let reading = read(client, &noise.signature.to_string()).await;
        assert!(!reading.failed && reading.slot == noise.slot, "{}", noise.signature);
        assert!(reading.burns.is_empty() && reading.unrendered == 0, "{}", noise.signature);
        assert!(reading.change.values().all(|change| *change > 0), "{}", noise.signature);
    }
    for (mint, supply) in &truth.supplies {
        let config = json!({"commitment": "confirmed"});
        let answer = client.call("getTokenSupply", json!([mint.to_string(), config])).await.unwrap();
        assert_eq!(answer["value"]["amount"], supply.to_string(), "{mint}");
    }
    unrendered
}

#[tokio::test]
async fn the_generator_knows_every_burn_it_made() {
    for binary in validator::found() {
        let validator = Validator::start_with(&binary, &validator::MAINNET_SLOTS).await.unwrap();
        let client = validator.client().unwrap();
        let started = tokio::time::Instant::now();
        let truth = burns::generate(&client, validator.payer()).await.unwrap();
        println!(
            "{}: {} burns, {} failed, {} harmless transactions in {:?}; {:?}",
            validator.version(),
            truth.burns.len(),
            truth.failed.len(),
            truth.noise.len(),
            started.elapsed(),
            truth.support,
        );
        assert!(truth.burns.len() >= 200, "only {} burns", truth.burns.len());
        let everywhere =
            [Kind::Plain, Kind::Checked, Kind::Several, Kind::LookupTable, Kind::Multisig, Kind::Token2022];
        for kind in everywhere.into_iter().chain([Kind::Delegate, Kind::ToZero, Kind::Inner]) {
            assert!(truth.count(kind) > 0, "no {kind:?}");
        }
        let slots: Vec<(u64, usize)> =
            truth.burns.iter().map(|burn| (burn.slot, burn.transaction_index)).collect();
        assert!(slots.is_sorted());
        let support = truth.support;
        let conditional = [
            (Kind::Batch, support.batch),
            (Kind::VersionOne, support.version_one),
            (Kind::Permissioned, support.permissioned_burn),
        ];
        for (kind, supported) in conditional {
            assert_eq!(truth.count(kind) > 0, supported, "{kind:?}");
        }
        let amounts: BTreeSet<u64> = truth.burns.iter().map(|burn| burn.amount).collect();
        assert_eq!((amounts.len(), amounts.first() >= Some(&1_000_000)), (truth.burns.len(), true));
        assert!(truth.burns.iter().any(|burn| burn.kind == Kind::ToZero && burn.supply_after == 0));
        let unrendered = check(&client, &truth).await;
        assert!(
            unrendered.iter().all(|kind| matches!(kind, Kind::Batch | Kind::Permissioned)),
            "{unrendered:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_validator_is_gone() {
    for binary in validator::found().into_iter().take(1) {
        let validator = Validator::start(&binary).await.unwrap();
        let (client, pid) = (validator.client().unwrap(), validator.pid());
        client.airdrop(solana_address::Address::new_from_array([7; 32]), 1_000_000_000).await.unwrap();
        drop(validator);
        assert!(client.slot().await.is_err());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
