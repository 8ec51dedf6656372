use super::*;
use crate::instructions;

/// What is in the data of a refusal that nothing was executed for.
fn refused(err: &str) -> Value {
    json!({
        "accounts": null,
        "err": err,
        "fee": null,
        "innerInstructions": null,
        "loadedAccountsDataSize": 0,
        "loadedAddresses": null,
        "logs": [],
        "postBalances": null,
        "postTokenBalances": null,
        "preBalances": null,
        "preTokenBalances": null,
        "replacementBlockhash": null,
        "returnData": null,
        "unitsConsumed": 0,
    })
}

fn transfer(node: &Node, lamports: u64) -> VersionedTransaction {
    let from = person(7);
    sign(node, &[instructions::transfer_lamports(from.pubkey(), place(9), lamports)], &[&from])
}

fn send(transaction: &VersionedTransaction, config: Value) -> Value {
    let mut config = config;
    config["encoding"] = json!("base64");
    json!([base64(transaction), config])
}

#[test]
fn a_transaction_that_was_sent_lands() {
    let node = funded();
    let sent = transfer(&node, 5_000_000);
    let signature = sent.signatures[0].to_string();
    let processed = json!({"preflightCommitment": "processed"});
    assert_eq!(ask(&node, "sendTransaction", send(&sent, processed.clone())), json!(signature));
    produce(&node, 2);
    let balance = |commitment: &str| {
        ask(&node, "getBalance", json!([place(9).to_string(), {"commitment": commitment}]))["value"].clone()
    };
    assert_eq!((balance("confirmed"), balance("finalized")), (json!(5_000_000), json!(0)));
    let again = refusal(&node, "sendTransaction", send(&sent, processed));
    let text = "Transaction simulation failed: This transaction has already been processed".to_owned();
    assert_eq!(again, (-32002, text, Some(refused("AlreadyProcessed"))));
    let encoded = bs58::encode(wincode::serialize(&transfer(&node, 6_000_000)).unwrap()).into_string();
    let params = json!([encoded, {"preflightCommitment": "processed"}]);
    assert!(
        ask(&node, "sendTransaction", params).is_string(),
        "base58 is read unless something else is said"
    );
}

#[test]
fn preflight_refuses_what_a_validator_refuses() {
    let node = funded();
    let confirmed = json!({"preflightCommitment": "processed"});
    let (code, message, data) =
        refusal(&node, "sendTransaction", send(&transfer(&node, 1_000_000_000_000), confirmed.clone()));
    assert_eq!(code, -32002);
    assert_eq!(
        message,
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    );
    let data = data.unwrap();
    assert_eq!(data["err"], json!({"InstructionError": [0, {"Custom": 1}]}));
    assert_eq!(
        data["logs"],
        json!([
            "Program 11111111111111111111111111111111 invoke [1]",
            "Transfer: insufficient lamports 9999995000, need 1000000000000",
            "Program 11111111111111111111111111111111 failed: custom program error: 0x1",
        ])
    );
    assert_eq!((&data["fee"], &data["unitsConsumed"]), (&json!(5000), &json!(150)));
    assert_eq!((&data["loadedAddresses"], &data["preBalances"]), (&Value::Null, &Value::Null));

    let mut forged = transfer(&node, 5_000_000);
    forged.signatures[0] = Default::default();
    let text = "Transaction simulation failed: Transaction did not pass signature verification";
    assert_eq!(
        refusal(&node, "sendTransaction", send(&forged, confirmed.clone())),
        (-32002, text.to_owned(), Some(refused("SignatureFailure")))
    );
    let unknown = "Transaction simulation failed: Blockhash not found".to_owned();
    assert_eq!(
        refusal(&node, "sendTransaction", send(&transfer(&node, 5_000_000), json!({}))),
        (-32002, unknown, Some(refused("BlockhashNotFound"))),
        "preflight looks at the finalized state unless told otherwise"
    );
    let stranger = person(8);
    let instruction = instructions::transfer_lamports(stranger.pubkey(), place(9), 1);
    let poor = sign(&node, &[instruction], &[&stranger]);
    let text =
        "Transaction simulation failed: Attempt to debit an account but found no record of a prior credit.";
    assert_eq!(
        refusal(&node, "sendTransaction", send(&poor, confirmed)),
        (-32002, text.to_owned(), Some(refused("AccountNotFound")))
    );
    produce(&node, 1);
    assert_eq!(node.chain().history().block(4).unwrap().transactions.len(), 0, "nothing of that was sent");
}

#[test]
fn without_preflight_everything_is_taken_and_only_what_is_signed_lands() {
    let node = funded();
    let skip = json!({"skipPreflight": true});
    let mut forged = transfer(&node, 5_000_000);
    forged.signatures[0] = place(3).to_bytes().repeat(2).try_into().unwrap();
    assert_eq!(
        ask(&node, "sendTransaction", send(&forged, skip.clone())),
        json!(forged.signatures[0].to_string())
    );
    let failing = transfer(&node, 1_000_000_000_000);
    let signature = ask(&node, "sendTransaction", send(&failing, skip));
    produce(&node, 2);
    let block = ask(&node, "getBlock", json!([4, {"commitment": "confirmed"}]));
    assert_eq!(block["transactions"].as_array().unwrap().len(), 1);
    let failed = &block["transactions"][0];
    assert_eq!(failed["transaction"]["signatures"], json!([signature]));
    assert_eq!(failed["meta"]["status"], json!({"Err": {"InstructionError": [0, {"Custom": 1}]}}));
}

#[test]
fn what_is_put_together_wrongly_is_refused() {
    let node = funded();
    let mut broken = transfer(&node, 5_000_000);
    let VersionedMessage::Legacy(message) = &mut broken.message else { panic!("it is legacy") };
    message.instructions[0].accounts[0] = 99;
    let text = "invalid transaction: Transaction failed to sanitize accounts offsets correctly".to_owned();
    for method in ["sendTransaction", "simulateTransaction"] {
        assert_eq!(refusal(&node, method, send(&broken, json!({}))), (-32602, text.clone(), None));
    }
}

#[test]
fn a_node_that_is_far_behind_sends_nothing() {
    let node = funded();
    produce(&node, 200);
    let sent = transfer(&node, 5_000_000);
    node.fall_behind(150);
    let (code, ..) = refusal(&node, "sendTransaction", send(&sent, json!({})));
    assert_eq!(code, -32005);
}

/// What a validator of Agave 4.2.2 showed of such a transfer, but for addresses.
#[test]
fn a_simulation_shows_what_a_validator_shows() {
    let node = funded();
    let simulate = |transaction: &VersionedTransaction, config: Value| {
        let mut config = config;
        config["commitment"] = json!("processed");
        ask(&node, "simulateTransaction", send(transaction, config))["value"].clone()
    };
    let sent = transfer(&node, 1_000_000);
    let shown = simulate(&sent, json!({}));
    assert_eq!(
        shown,
        json!({
            "accounts": null,
            "err": null,
            "fee": 5000,
            "innerInstructions": null,
            "loadedAccountsDataSize": 149,
            "loadedAddresses": {"readonly": [], "writable": []},
            "logs": [
                "Program 11111111111111111111111111111111 invoke [1]",
                "Program 11111111111111111111111111111111 success",
            ],
            "postBalances": [9_998_995_000_u64, 1_000_000, 1],
            "postTokenBalances": [],
            "preBalances": [10_000_000_000_u64, 0, 1],
            "preTokenBalances": [],
            "replacementBlockhash": null,
            "returnData": null,
            "unitsConsumed": 150,
        })
    );
    let to = place(9).to_string();
    let wanted = json!({"accounts": {"addresses": [to, person(9).pubkey().to_string()]}});
    let accounts = simulate(&sent, wanted)["accounts"].clone();
    assert_eq!(accounts[0]["lamports"], json!(1_000_000));
    assert_eq!((&accounts[0]["data"], &accounts[1]), (&json!(["", "base64"]), &Value::Null));
    assert_eq!(simulate(&sent, json!({"innerInstructions": true}))["innerInstructions"], json!([]));

    let mut forged = sent.clone();
    forged.signatures[0] = Default::default();
    assert_eq!(simulate(&forged, json!({}))["err"], Value::Null, "signatures are not looked at unless asked");
    let refused = simulate(&forged, json!({"sigVerify": true}));
    assert_eq!((&refused["err"], &refused["preBalances"]), (&json!("SignatureFailure"), &Value::Null));

    let mut late = sent.clone();
    late.message.set_recent_blockhash(Default::default());
    let refused = simulate(&late, json!({}));
    assert_eq!(refused["err"], json!("BlockhashNotFound"));
    assert_eq!(refused["loadedAddresses"], json!({"readonly": [], "writable": []}));
    assert_eq!(refused["preBalances"], refused["postBalances"]);
    let replaced = simulate(&late, json!({"replaceRecentBlockhash": true}));
    assert_eq!(replaced["err"], Value::Null);
    assert_eq!(replaced["replacementBlockhash"]["lastValidBlockHeight"], json!(153));

    let refuse = |config: Value| refusal(&node, "simulateTransaction", send(&sent, config)).1;
    assert_eq!(
        refuse(json!({"sigVerify": true, "replaceRecentBlockhash": true})),
        "sigVerify may not be used with replaceRecentBlockhash"
    );
    let with = |accounts: Value| refuse(json!({"commitment": "processed", "accounts": accounts}));
    assert_eq!(with(json!({"addresses": [to], "encoding": "base58"})), "base58 encoding not supported");
    assert_eq!(with(json!({"addresses": [to, to, to, to]})), "Too many accounts provided; max 3");
    assert_eq!(with(json!({"addresses": ["x"]})), "Invalid param: WrongSize");
}

#[test]
fn fees_are_told_before_and_after() {
    let node = funded();
    let from = person(7);
    let price = Instruction {
        program_id: crate::programs::COMPUTE_BUDGET,
        accounts: Vec::new(),
        data: [&[3][..], &1_000_u64.to_le_bytes()].concat(),
    };
    let instructions = [price, instructions::transfer_lamports(from.pubkey(), place(9), 5_000_000)];
    let sent = sign(&node, &instructions, &[&from]);
    let message = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(sent.message.serialize())
    };
    let fee = |commitment: &str| {
        ask(&node, "getFeeForMessage", json!([message, {"commitment": commitment}]))["value"].clone()
    };
    assert_eq!(fee("processed"), json!(5_006), "6,000 units at 1,000 micro-lamports");
    assert_eq!(fee("finalized"), Value::Null, "the blockhash is not known there");
    let signature = node.chain().submit(sent).unwrap().to_string();
    produce(&node, 2);
    let config = json!({"commitment": "confirmed"});
    assert_eq!(ask(&node, "getTransaction", json!([signature, config]))["meta"]["fee"], json!(5_006));
    let fees = |params: Value| ask(&node, "getRecentPrioritizationFees", params);
    let paid = json!({"slot": 4, "prioritizationFee": 1_000});
    assert_eq!(fees(json!([[from.pubkey().to_string()]]))[1], paid);
    assert_eq!(fees(json!([]))[1], paid);
    assert_eq!(fees(json!([])).as_array().unwrap().len(), 2, "blocks that nobody paid in are left out");
}
