use eda_events::Path;
use serde_json::{Value, json};

use super::*;

const MINT: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const OTHER: &str = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB";
const ACCOUNT: &str = "4k9LMAcFxk2DAgFbBt48uXecjctzLTXeeAM9EZ6jhqMx";
const OWNER: &str = "9emSZvnJyAjfSfqqgv6WUJU573h4NPgjUt8kG3LQJ1Sq";
const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";

/// A transaction whose top-level instructions are burns of these amounts of these mints.
fn transaction(burns: &[(&str, u64)], err: &Value) -> Transaction {
    let burn = |(mint, amount): &(&str, u64)| {
        let mut data = vec![8];
        data.extend(amount.to_le_bytes());
        (if *mint == MINT { 2 } else { 3 }, data)
    };
    executed(&burns.iter().map(burn).collect::<Vec<_>>(), err)
}

/// A transaction of instructions to the token program, each with the index of its mint and its data.
fn executed(instructions: &[(u8, Vec<u8>)], err: &Value) -> Transaction {
    let instruction = |(mint, data): &(u8, Vec<u8>)| json!({ "programIdIndex": 4, "accounts": [1, mint, 0], "data": base58(data) });
    let answer = json!({
        "slot": 7,
        "blockTime": 1_700_000_000,
        "transaction": {
            "signatures": [Signature::default().to_string()],
            "message": {
                "header": {
                    "numRequiredSignatures": 1,
                    "numReadonlySignedAccounts": 0,
                    "numReadonlyUnsignedAccounts": 1,
                },
                "accountKeys": [OWNER, ACCOUNT, MINT, OTHER, TOKEN],
                "recentBlockhash": "11111111111111111111111111111111",
                "instructions": instructions.iter().map(instruction).collect::<Vec<_>>(),
            },
        },
        "meta": {
            "err": err,
            "fee": 5000,
            "preBalances": [1, 1, 1, 1, 1],
            "postBalances": [1, 1, 1, 1, 1],
            "innerInstructions": [],
            "logMessages": [],
            "preTokenBalances": [],
            "postTokenBalances": [],
        },
        "version": "legacy",
    });
    Transaction::from_get_transaction(&answer.to_string()).unwrap()
}

fn base58(bytes: &[u8]) -> String {
    bs58::encode(bytes).into_string()
}

fn detector(config: &Config) -> Detector {
    Detector::new(config, None)
}

fn refused(judged: &Judged) -> Option<&'static str> {
    match judged {
        Judged::Refused { rule, .. } => Some(rule.as_str()),
        Judged::Candidate(_) => None,
    }
}

#[test]
fn each_burn_of_a_transaction_is_judged_by_itself() {
    let burned = transaction(&[(MINT, 1_000_000), (MINT, 999_999), (OTHER, 5_000_000)], &Value::Null);
    let judged = detector(&Config::default()).examine(&burned);
    assert_eq!(judged.iter().map(refused).collect::<Vec<_>>(), [None, Some("below-threshold"), None]);
    let Judged::Candidate(candidate) = &judged[2] else { panic!("{judged:?}") };
    assert_eq!(candidate.id().path, Path::top(2));
    let event = detector(&Config::default()).conclude(candidate, None).unwrap();
    assert_eq!((event.amount, event.supply), (RawAmount(5_000_000), None));
    assert_eq!(event.token.to_string(), OTHER);
}

#[test]
fn a_failed_transaction_burns_nothing_and_the_refusal_says_why() {
    let err = json!({ "InstructionError": [0, { "Custom": 1 }] });
    let judged = detector(&Config::default()).examine(&transaction(&[(MINT, 5_000_000)], &err));
    let [Judged::Refused { subject, rule: Rule::TransactionFailed { error } }] = judged.as_slice() else {
        panic!("{judged:?}")
    };
    assert!(subject.starts_with("burn:") && subject.ends_with(":0"), "{subject}");
    assert!(error.contains("Custom"), "{error}");
}

#[test]
fn mints_that_are_not_watched_are_refused_by_name() {
    let watched = HashSet::from([OTHER.parse().unwrap()]);
    let detector = Detector::new(&Config::default(), Some(watched));
    let judged = detector.examine(&transaction(&[(MINT, 5_000_000), (OTHER, 5_000_000)], &Value::Null));
    assert_eq!(judged.iter().map(refused).collect::<Vec<_>>(), [Some("unknown-mint"), None]);
}

#[test]
fn a_share_of_the_supply_needs_a_known_supply() {
    let config = Config { threshold_percent: Some("10%".parse().unwrap()), ..Config::default() };
    let detector = detector(&config);
    let judged = detector.examine(&transaction(&[(MINT, 1_000_000)], &Value::Null));
    let [Judged::Candidate(candidate)] = judged.as_slice() else { panic!("{judged:?}") };
    let known = |before| Around { before: RawAmount(before), exact: true, decimals: Decimals(6) };
    assert_eq!(detector.conclude(candidate, None).unwrap_err().as_str(), "supply-unknown");
    let low = detector.conclude(candidate, Some(known(10_000_001))).unwrap_err();
    assert_eq!((low.as_str(), low.seen().as_str()), ("below-threshold-percent", "1000000 of 10000001"));
    let event = detector.conclude(candidate, Some(known(10_000_000))).unwrap();
    let supply = event.supply.unwrap();
    assert_eq!((supply.pre_supply, supply.post_supply), (RawAmount(10_000_000), RawAmount(9_000_000)));
    assert!(supply.supply_exact);
    assert_eq!(event.decimals, Some(Decimals(6)));
}

#[test]
fn what_cannot_be_read_is_refused_aloud() {
    let judged = detector(&Config::default()).examine(&executed(&[(2, vec![8, 1])], &Value::Null));
    assert_eq!(judged.iter().map(refused).collect::<Vec<_>>(), [Some("undecodable")]);
    assert_eq!(judged[0].kind(), "undecodable");
}
