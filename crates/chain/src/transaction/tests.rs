use proptest::prelude::*;
use serde_json::{Value, json};
use solana_instruction::Instruction as Built;

use super::*;
use crate::{
    block::{Block, BlockError},
    testing::{SLOT, Sample, address, decode, instruction, payer},
};

fn read(result: &Value) -> Result<Transaction, TransactionError> {
    Transaction::from_get_transaction(&result.to_string())
}

fn sample() -> Sample {
    let mut sample = Sample::legacy(&[
        instruction(address(1), &[address(2), address(3)], &[1, 2, 3]),
        instruction(address(4), &[address(2)], &[]),
    ]);
    sample.invokes(0, &[instruction(address(4), &[address(3)], &[9])]);
    sample
}

fn malformed_at(result: &Value) -> String {
    match read(result) {
        Err(TransactionError::Malformed { at, .. }) => at,
        other => panic!("{other:?}"),
    }
}

/// Programs and accounts from a small set, so that they repeat.
fn built() -> impl Strategy<Value = Vec<Built>> {
    let accounts = prop::collection::vec(1000u16..1020, 0..12);
    let data = prop::collection::vec(any::<u8>(), 0..60);
    let one = (2000u16..2004, accounts, data).prop_map(|(program, accounts, data)| {
        let accounts: Vec<_> = accounts.into_iter().map(address).collect();
        instruction(address(program), &accounts, &data)
    });
    prop::collection::vec(one, 1..8)
}

fn same(transaction: &Transaction, built: &[Built]) -> Result<(), TestCaseError> {
    prop_assert_eq!(transaction.instructions().len(), built.len());
    for (index, (told, built)) in transaction.instructions().zip(built).enumerate() {
        prop_assert_eq!(told.path(), Path::top(u16::try_from(index).unwrap()));
        prop_assert_eq!(*told.program(), built.program_id);
        let accounts: Vec<Address> = built.accounts.iter().map(|meta| meta.pubkey).collect();
        prop_assert_eq!(told.accounts().copied().collect::<Vec<_>>(), accounts);
        prop_assert_eq!(told.data(), Some(built.data.as_slice()));
    }
    prop_assert_eq!(transaction.signers(), [payer()]);
    Ok(())
}

fn base64(bytes: &[u8]) -> Value {
    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes).into()
}

proptest! {
    #[test]
    fn what_was_built_is_what_is_read(built in built(), tabled in 1000u16..1020) {
        let tabled: Vec<Address> = (1000..=tabled).map(address).collect();
        for (sample, version) in [
            (Sample::legacy(&built), Version::Legacy),
            (Sample::v0(&built, &tabled), Version::V0),
            (Sample::v1(&built), Version::V1),
        ] {
            let wire = sample.decode();
            prop_assert_eq!(wire.version(), version);
            prop_assert_eq!(wire.signature(), sample.wire.signatures[0]);
            prop_assert_eq!(wire.slot(), SLOT);
            same(&wire, &built)?;
            same(&decode(&sample.spelled()), &built)?;
            same(&decode(&sample.parsed(&[])), &built)?;
        }
    }

    #[test]
    fn mutated_wire_bytes_never_panic(built in built(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>()) {
        for sample in [Sample::legacy(&built), Sample::v0(&built, &[address(1000)]), Sample::v1(&built)] {
            let mut bytes = sample.bytes();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = with }
            let mut result = sample.result();
            result["transaction"][0] = base64(&bytes);
            if let Ok(transaction) = read(&result) {
                transaction.token_facts();
                let shown = format!("{:?}", transaction.instructions().collect::<Vec<_>>());
                prop_assert!(!shown.is_empty());
            }
            signature_of(&result.to_string());
        }
    }

    #[test]
    fn random_wire_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut result = sample().result();
        result["transaction"][0] = base64(&bytes);
        if let Ok(transaction) = read(&result) {
            transaction.token_facts();
        }
        signature_of(&result.to_string());
    }

    #[test]
    fn mutated_json_never_panics(form in 0usize..3, at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let sample = sample();
        let text = [sample.result(), sample.spelled(), sample.parsed(&[])][form].to_string();
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(transaction) = Transaction::from_get_transaction(&text)
        {
            transaction.token_facts();
        }
    }
}

#[test]
fn invoked_instructions_follow_their_invoker_in_whatever_order_the_node_lists_them() {
    let mut sample = sample();
    sample.invokes(1, &[]);
    let groups = sample.meta["innerInstructions"].as_array_mut().unwrap();
    groups.reverse();
    let paths =
        |result: &Value| decode(result).instructions().map(|i| i.path().to_string()).collect::<Vec<_>>();
    assert_eq!(paths(&sample.result()), ["0", "0.0", "1"]);
}

#[test]
fn the_outcome_is_told_and_its_absence_is_not_success() {
    let mut sample = sample();
    assert!(!sample.decode().failed());
    sample.meta["err"] = json!({"InstructionError": [0, {"Custom": 1}]});
    let failed = sample.decode();
    assert!(failed.failed());
    assert_eq!(failed.error(), Some(r#"{"InstructionError":[0,{"Custom":1}]}"#));

    sample.meta.as_object_mut().unwrap().remove("err");
    assert_eq!(malformed_at(&sample.result()), "json");
    let mut without_meta = sample.result();
    without_meta["meta"] = Value::Null;
    assert_eq!(read(&without_meta).unwrap_err(), TransactionError::MissingMeta);
}

#[test]
fn what_a_node_did_not_record_is_unknown() {
    let mut sample = sample();
    let known = sample.decode();
    assert!(known.inner_instructions_recorded());
    assert_eq!(known.logs_truncated(), Some(false));
    assert_eq!(known.lamports(0), Some(Lamports { before: 1, after: 1 }));
    assert_eq!(known.pre_token_balances(), Some([].as_slice()));
    for field in ["innerInstructions", "logMessages", "preBalances", "preTokenBalances"] {
        sample.meta[field] = Value::Null;
    }
    let unknown = sample.decode();
    assert!(!unknown.inner_instructions_recorded());
    assert_eq!(unknown.logs_truncated(), None);
    assert_eq!(unknown.lamports(0), None);
    assert_eq!(unknown.pre_token_balances(), None);
}

#[test]
fn versions_of_the_future_are_named_by_field_and_by_byte() {
    let mut by_field = sample().spelled();
    by_field["version"] = json!(2);
    assert_eq!(read(&by_field).unwrap_err(), TransactionError::UnknownVersion(2));

    let mut by_byte = sample().result();
    for bytes in [vec![0x82, 1, 0, 0], [&[1][..], &[0; 64], &[0x83, 1]].concat()] {
        by_byte["version"] = Value::Null;
        by_byte["transaction"][0] = base64(&bytes);
        let version = u64::from(*bytes.iter().find(|byte| **byte > 127).unwrap() & 0x7f);
        assert_eq!(read(&by_byte).unwrap_err(), TransactionError::UnknownVersion(version));
    }
}

#[test]
fn contradictions_are_refused_and_located() {
    let mut bad = sample().spelled();
    bad["transaction"]["message"]["instructions"][1]["accounts"][0] = json!(200);
    assert_eq!(malformed_at(&bad), "instruction 1");

    let mut bad = sample().spelled();
    bad["meta"]["innerInstructions"][0]["index"] = json!(7);
    assert_eq!(malformed_at(&bad), "instruction 7.0");

    let mut bad = sample().spelled();
    let group = bad["meta"]["innerInstructions"][0].clone();
    bad["meta"]["innerInstructions"].as_array_mut().unwrap().push(group);
    assert_eq!(malformed_at(&bad), "instruction 0.0");

    let mut bad = Sample::v0(&[instruction(address(1), &[address(2)], &[])], &[address(2)]).result();
    bad["meta"]["loadedAddresses"]["writable"] = json!([]);
    assert_eq!(malformed_at(&bad), "loadedAddresses");

    let mut bad = sample().result();
    bad["transaction"][1] = json!("base64+zstd");
    assert_eq!(malformed_at(&bad), "transaction");

    let mut bad = sample().result();
    bad["meta"]["postBalances"] = json!([1]);
    assert_eq!(malformed_at(&bad), "balances");

    let mut bad = sample().result();
    bad.as_object_mut().unwrap().remove("slot");
    assert_eq!(malformed_at(&bad), "slot");

    let mut bad = sample().spelled();
    bad["transaction"]["signatures"] = json!([]);
    assert_eq!(malformed_at(&bad), "signatures");

    let mut bad = sample().spelled();
    bad["transaction"]["message"]["header"]["numRequiredSignatures"] = json!(0);
    assert_eq!(malformed_at(&bad), "header");
}

#[test]
fn text_whose_decoding_takes_quadratic_time_is_refused_unread() {
    let mut bad = sample().spelled();
    bad["transaction"]["message"]["instructions"][0]["data"] = "z".repeat(4 << 20).into();
    assert!(matches!(read(&bad), Err(TransactionError::Malformed { .. })));

    let longest = bs58::encode([0xff; 10_240]).into_string();
    let mut good = sample().spelled();
    good["transaction"]["message"]["instructions"][0]["data"] = longest.into();
    assert_eq!(decode(&good).instructions().next().unwrap().data().map(<[u8]>::len), Some(10_240));
}

fn block(elements: &[Value]) -> Value {
    json!({
        "blockhash": solana_hash::Hash::default().to_string(),
        "previousBlockhash": solana_hash::Hash::default().to_string(),
        "parentSlot": SLOT.0 - 2, "blockTime": 1_700_000_000, "blockHeight": 300, "transactions": elements,
    })
}

fn element(sample: &Sample) -> Value {
    let mut element = sample.result();
    element.as_object_mut().unwrap().remove("slot");
    element.as_object_mut().unwrap().remove("blockTime");
    element
}

#[test]
fn one_unreadable_transaction_does_not_cost_the_block() {
    let good = sample();
    let instructions = [instruction(address(1), &[address(2)], &[])];
    let mut bad = Vec::new();
    for sample in [Sample::legacy(&instructions), Sample::v0(&instructions, &[]), Sample::v1(&instructions)] {
        let mut element = element(&sample);
        element["meta"] = Value::Null;
        bad.push(element);
    }
    let mut spelled = good.spelled();
    spelled["meta"] = Value::Null;
    let elements =
        [element(&good), bad[0].clone(), bad[1].clone(), bad[2].clone(), spelled, json!(17), element(&good)];
    let block = Block::from_get_block(SLOT, &block(&elements).to_string()).unwrap();

    let places: Vec<_> = block.transactions.iter().map(|t| t.index_in_block()).collect();
    assert_eq!(places, [Some(0), Some(6)]);
    assert!(block.transactions.iter().all(|t| t.slot() == SLOT && t.block_time() == Some(1_700_000_000)));
    let bad: Vec<_> = block.unreadable.iter().map(|bad| (bad.index, bad.signature.is_some())).collect();
    assert_eq!(bad, [(1, true), (2, true), (3, true), (4, true), (5, false)]);
    let v1 = Sample::v1(&instructions);
    assert_eq!(block.unreadable[2].signature, Some(v1.wire.signatures[0]));
    assert_eq!(block.unreadable[0].error, TransactionError::MissingMeta);
}

#[test]
fn a_block_without_transactions_is_not_an_empty_block() {
    let mut block = block(&[]);
    assert!(Block::from_get_block(SLOT, &block.to_string()).unwrap().transactions.is_empty());
    block.as_object_mut().unwrap().remove("transactions");
    assert_eq!(Block::from_get_block(SLOT, &block.to_string()).unwrap_err(), BlockError::NoTransactions);
    assert!(matches!(Block::from_get_block(SLOT, "<html>"), Err(BlockError::Malformed(_))));
}
