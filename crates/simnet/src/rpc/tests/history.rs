use super::*;
use crate::instructions;

#[test]
fn a_block_is_seen_at_its_commitment_and_not_before() {
    let node = node(33);
    for (commitment, slot) in [("processed", 33), ("confirmed", 32), ("finalized", 2)] {
        let at = json!([{"commitment": commitment}]);
        assert_eq!(ask(&node, "getSlot", at.clone()), json!(slot));
        assert_eq!(ask(&node, "getBlockHeight", at.clone()), json!(slot));
        let hash = ask(&node, "getLatestBlockhash", at);
        assert_eq!(hash["context"], json!({"apiVersion": "4.2.2", "slot": slot}));
        assert_eq!(hash["value"]["lastValidBlockHeight"], json!(slot + 150));
    }
    let confirmed = json!({"commitment": "confirmed"});
    assert!(ask(&node, "getBlock", json!([32, confirmed])).is_object());
    for (slot, config) in [(33, confirmed.clone()), (3, json!({"commitment": "finalized"})), (3, json!({}))] {
        let (code, ..) = refusal(&node, "getBlock", json!([slot, config]));
        assert_eq!(code, -32004);
    }
    assert_eq!(ask(&node, "getBlocks", json!([31])), json!([]));
    assert_eq!(ask(&node, "getBlocks", json!([30, confirmed])), json!([30, 31, 32]));
    assert_eq!(ask(&node, "getBlocks", json!([30, 31, confirmed])), json!([30, 31]));
    assert_eq!(ask(&node, "getBlocks", json!([5, 1])), json!([]));
    assert_eq!(ask(&node, "getBlocksWithLimit", json!([1, 2])), json!([1, 2]));
    assert_eq!(ask(&node, "getBlockTime", json!([32])), json!(1_767_225_600 + 12));
}

#[test]
fn a_slot_without_a_block_and_a_pruned_one_are_told_apart() {
    let node = node_of(Config { kept_slots: 20, ..Config::default() }, 30);
    node.chain().skip(1);
    produce(&node, 40);
    assert_eq!(
        refusal(&node, "getBlock", json!([31])),
        (-32007, "Slot 31 was skipped, or missing due to ledger jump to recent snapshot".to_owned(), None)
    );
    assert_eq!(ask(&node, "getBlock", json!([32]))["parentSlot"], json!(30));
    let first = ask(&node, "getFirstAvailableBlock", Value::Null);
    assert_eq!(first, json!(19));
    assert_eq!(
        refusal(&node, "getBlockTime", json!([5])),
        (-32001, "Block 5 cleaned up, does not exist on node. First available block: 19".to_owned(), None)
    );
}

#[test]
fn a_block_has_the_fields_that_were_asked_for() {
    let node = funded();
    let slot = ask(
        &node,
        "getSignaturesForAddress",
        json!([person(7).pubkey().to_string(), {"commitment": "confirmed"}]),
    )[0]["slot"]
        .clone();
    let block = |config: Value| {
        let mut config = config;
        config["commitment"] = json!("confirmed");
        ask(&node, "getBlock", json!([slot, config]))
    };
    let names = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let head = ["blockHeight", "blockTime", "blockhash", "parentSlot", "previousBlockhash"];
    assert_eq!(names(&block(json!({"transactionDetails": "none", "rewards": false}))), head);
    let signatures = block(json!({"transactionDetails": "signatures"}));
    assert_eq!(signatures["signatures"].as_array().unwrap().len(), 1);
    assert_eq!(signatures["rewards"][0]["rewardType"], "Fee");
    let meta = block(json!({"transactionDetails": "accounts"}))["transactions"][0]["meta"].clone();
    let short = [
        "err",
        "fee",
        "postBalances",
        "postTokenBalances",
        "preBalances",
        "preTokenBalances",
        "rewards",
        "status",
    ];
    assert_eq!(names(&meta), short);
    let full = block(json!({"rewards": false}))["transactions"][0].clone();
    assert_eq!(names(&full), ["meta", "transaction"]);
    assert_eq!(full["meta"]["rewards"], Value::Null);
    let versioned = block(json!({"maxSupportedTransactionVersion": 0, "encoding": "base64"}));
    assert_eq!(versioned["transactions"][0]["version"], "legacy");
    assert_eq!(versioned["transactions"][0]["transaction"][1], "base64");
    assert_eq!(
        block(json!({}))["transactions"],
        ask(&node, "getBlock", json!([slot, {"commitment": "confirmed", "encoding": "json"}]))["transactions"]
    );
}

/// A transfer as a validator of Agave 4.2.2 showed it, but for addresses and times.
#[test]
fn a_transfer_is_shown_as_a_validator_shows_it() {
    let node = funded();
    let (from, to) = (person(7), place(9));
    let sent = sign(&node, &[instructions::transfer_lamports(from.pubkey(), to, 5_000_000)], &[&from]);
    let signature = node.chain().submit(sent.clone()).unwrap().to_string();
    produce(&node, 2);
    let shown = |config: Value| {
        let mut config = config;
        config["commitment"] = json!("confirmed");
        ask(&node, "getTransaction", json!([signature, config]))
    };
    let meta = json!({
        "computeUnitsConsumed": 150,
        "costUnits": 1481,
        "err": null,
        "fee": 5000,
        "innerInstructions": [],
        "loadedAddresses": {"readonly": [], "writable": []},
        "logMessages": [
            "Program 11111111111111111111111111111111 invoke [1]",
            "Program 11111111111111111111111111111111 success",
        ],
        "postBalances": [9_994_995_000_u64, 5_000_000, 1],
        "postTokenBalances": [],
        "preBalances": [10_000_000_000_u64, 0, 1],
        "preTokenBalances": [],
        "rewards": [],
        "status": {"Ok": null},
    });
    let keys = [from.pubkey().to_string(), to.to_string(), crate::programs::SYSTEM.to_string()];
    let message = json!({
        "accountKeys": keys,
        "header": {
            "numReadonlySignedAccounts": 0,
            "numReadonlyUnsignedAccounts": 1,
            "numRequiredSignatures": 1,
        },
        "instructions": [{
            "accounts": [0, 1],
            "data": "3Bxs4BcPoFZBeRb5",
            "programIdIndex": 2,
            "stackHeight": 1,
        }],
        "recentBlockhash": sent.message.recent_blockhash().to_string(),
    });
    let plain = shown(json!({}));
    assert_eq!(
        plain,
        json!({
            "blockTime": plain["blockTime"],
            "meta": meta,
            "slot": 4,
            "transaction": {"message": message, "signatures": [signature]},
            "transactionIndex": 0,
        })
    );
    let parsed = shown(json!({"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0}));
    assert_eq!(parsed["version"], "legacy");
    assert_eq!(parsed["meta"].get("loadedAddresses"), None);
    let key = |key: &str, signer, writable| json!({"pubkey": key, "signer": signer, "source": "transaction", "writable": writable});
    assert_eq!(
        parsed["transaction"]["message"],
        json!({
            "accountKeys": [key(&keys[0], true, true), key(&keys[1], false, true), key(&keys[2], false, false)],
            "instructions": [{
                "parsed": {
                    "info": {"destination": keys[1], "lamports": 5_000_000, "source": keys[0]},
                    "type": "transfer",
                },
                "program": "system",
                "programId": keys[2],
                "stackHeight": 1,
            }],
            "recentBlockhash": sent.message.recent_blockhash().to_string(),
        })
    );
    assert_eq!(shown(json!({"encoding": "base64"}))["transaction"], json!([base64(&sent), "base64"]));
    let encoded = bs58::encode(wincode::serialize(&sent).unwrap()).into_string();
    assert_eq!(shown(json!({"encoding": "binary"}))["transaction"], json!(encoded));
    assert_eq!(ask(&node, "getTransaction", json!([signature])), Value::Null, "it is not finalized");
}

#[test]
fn a_version_that_the_client_does_not_know_is_refused() {
    let node = funded();
    let from = person(7);
    let hash = node.chain().environment().blockhash;
    let instruction = instructions::transfer_lamports(from.pubkey(), place(9), 5_000_000);
    let message =
        solana_message::v0::Message::try_compile(&from.pubkey(), &[instruction], &[], hash).unwrap();
    let sent = VersionedTransaction::try_new(VersionedMessage::V0(message), &[&from]).unwrap();
    let signature = node.chain().submit(sent).unwrap().to_string();
    produce(&node, 2);
    let text = "Transaction version (0) is not supported by the requesting client. Please try the request again \
                with the following configuration parameter: \"maxSupportedTransactionVersion\": 0";
    for (method, first) in [("getTransaction", json!(signature)), ("getBlock", json!(4))] {
        let plain = json!([first, {"commitment": "confirmed"}]);
        assert_eq!(refusal(&node, method, plain), (-32015, text.to_owned(), None));
        let shown = ask(
            &node,
            method,
            json!([first, {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}]),
        );
        let shown = if method == "getBlock" { &shown["transactions"][0] } else { &shown };
        assert_eq!(shown["version"], json!(0));
        assert_eq!(shown["transaction"]["message"]["addressTableLookups"], json!([]));
    }
    let signatures = json!([4, {"commitment": "confirmed", "transactionDetails": "signatures"}]);
    assert_eq!(ask(&node, "getBlock", signatures)["signatures"], json!([signature]));
}

#[test]
fn signatures_come_newest_first_and_in_pages() {
    let node = funded();
    let from = person(7);
    let mut sent = Vec::new();
    for slot in 0..3_u64 {
        for amount in 0..3_u64 {
            let lamports = 1_000_000 + slot * 10 + amount;
            let transfer = instructions::transfer_lamports(from.pubkey(), place(9), lamports);
            let transaction = sign(&node, &[transfer], &[&from]);
            sent.push(node.chain().submit(transaction).unwrap().to_string());
        }
        produce(&node, 1);
    }
    produce(&node, 1);
    sent.reverse();
    let list = |config: Value| -> Vec<String> {
        let mut config = config;
        config["commitment"] = json!("confirmed");
        let rows = ask(&node, "getSignaturesForAddress", json!([place(9).to_string(), config]));
        rows.as_array().unwrap().iter().map(|row| row["signature"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(json!({})), sent);
    assert_eq!(list(json!({"limit": 4})), sent[..4]);
    assert_eq!(list(json!({"before": sent[3], "limit": 2})), sent[4..6]);
    assert_eq!(list(json!({"until": sent[4]})), sent[..4]);
    assert_eq!(list(json!({"before": sent[1], "until": sent[4]})), sent[2..4]);
    let rows = ask(
        &node,
        "getSignaturesForAddress",
        json!([place(9).to_string(), {"commitment": "confirmed", "limit": 1}]),
    );
    assert_eq!(
        rows,
        json!([{
            "blockTime": rows[0]["blockTime"],
            "confirmationStatus": "confirmed",
            "err": null,
            "memo": null,
            "signature": sent[0],
            "slot": 6,
            "transactionIndex": 2,
        }])
    );
    assert_eq!(ask(&node, "getSignaturesForAddress", json!([place(9).to_string()])), json!([]));
    let statuses = ask(&node, "getSignatureStatuses", json!([[sent[0], sent[8], "1".repeat(64)]]));
    assert_eq!(statuses["context"]["slot"], json!(7));
    let status = |slot, confirmations| {
        json!({
            "confirmationStatus": "confirmed",
            "confirmations": confirmations,
            "err": null,
            "slot": slot,
            "status": {"Ok": null},
        })
    };
    assert_eq!(statuses["value"], json!([status(6, 1), status(4, 3), null]));
}

#[test]
fn old_statuses_are_found_in_history_alone() {
    let node = funded();
    let signature = node.chain().airdrop(place(9), 1_000_000).unwrap().to_string();
    produce(&node, 1);
    let processed = ask(&node, "getSignatureStatuses", json!([[signature]]));
    assert_eq!(processed["value"][0]["confirmationStatus"], "processed");
    assert_eq!(processed["value"][0]["confirmations"], json!(0));
    produce(&node, 400);
    assert_eq!(ask(&node, "getSignatureStatuses", json!([[signature]]))["value"], json!([null]));
    let searched =
        ask(&node, "getSignatureStatuses", json!([[signature], {"searchTransactionHistory": true}]));
    assert_eq!(searched["value"][0]["confirmationStatus"], "finalized");
    assert_eq!(searched["value"][0]["confirmations"], Value::Null);
}

#[test]
fn a_blockhash_is_valid_for_as_long_as_it_can_be_used() {
    let node = node(40);
    let hash = ask(&node, "getLatestBlockhash", json!([{"commitment": "confirmed"}]))["value"].clone();
    let valid = |commitment: &str| {
        let params = json!([hash["blockhash"], {"commitment": commitment}]);
        ask(&node, "isBlockhashValid", params)["value"].clone()
    };
    assert_eq!((valid("confirmed"), valid("finalized")), (json!(true), json!(false)));
    produce(&node, 149);
    assert_eq!((valid("processed"), valid("confirmed")), (json!(false), json!(true)));
    produce(&node, 1);
    assert_eq!(valid("confirmed"), json!(false));
}
