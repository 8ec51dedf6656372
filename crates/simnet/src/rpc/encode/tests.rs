use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use solana_address::Address;

use super::{
    account::{AccountEncoding, Snapshot},
    state,
};
use crate::{chain::Account, programs::token::Holding};

/// Accounts that a validator of Agave 4.2.2 was started with, and how it showed them.
const CAPTURED: &str = include_str!("captured/accounts.jsonl");
/// When it did.
const NOW: i64 = 1_795_755_594;

#[test]
fn accounts_are_shown_as_a_validator_shows_them() {
    let mut accounts = BTreeMap::new();
    for line in CAPTURED.lines() {
        let captured: Value = serde_json::from_str(line).unwrap();
        let address: Address = captured["address"].as_str().unwrap().parse().unwrap();
        let owner: Address = captured["owner"].as_str().unwrap().parse().unwrap();
        let data = super::from_base64(captured["data"].as_str().unwrap()).unwrap();
        accounts.insert(address, (Account::holding(data, owner), captured["shown"].clone()));
    }
    let native = Address::from_str_const("So11111111111111111111111111111111111111112");
    let mut wrapped = vec![0; 82];
    (wrapped[44], wrapped[45]) = (9, 1);
    accounts.insert(native, (Account::holding(wrapped, crate::programs::TOKEN), Value::Null));
    for (address, (account, shown)) in &accounts {
        if *address == native {
            continue;
        }
        let mint = Holding::read(account).and_then(|held| accounts.get(&held.mint)).map(|(mint, _)| mint);
        let parsed = state::parse(address, account, mint, NOW).map_or(
            Value::Null,
            |(program, parsed)| json!({"program": program, "parsed": parsed, "space": account.data.len()}),
        );
        assert_eq!(parsed, *shown, "{address}");
    }
    assert!(accounts.len() > 60);
}

#[test]
fn no_bytes_make_the_reading_of_an_account_panic() {
    let mut chance = fastrand::Rng::with_seed(11);
    let samples: Vec<(Address, Vec<u8>)> = CAPTURED
        .lines()
        .map(|line| {
            let captured: Value = serde_json::from_str(line).unwrap();
            let owner = captured["owner"].as_str().unwrap().parse().unwrap();
            (owner, super::from_base64(captured["data"].as_str().unwrap()).unwrap())
        })
        .collect();
    for _ in 0..20_000 {
        let (owner, mut data) = chance.choice(&samples).unwrap().clone();
        for _ in 0..chance.usize(..6) {
            if let Some(byte) = chance.choice(data.iter_mut()) {
                *byte = chance.u8(..);
            }
        }
        data.truncate(chance.usize(..=data.len().saturating_mul(2)));
        let account = Account::holding(data, owner);
        let mint = Account::holding(chance.choice(&samples).unwrap().1.clone(), owner);
        let shown = state::parse(&Address::default(), &account, Some(&mint), NOW);
        assert!(shown.is_none_or(|(_, shown)| shown.is_object()));
    }
}

#[test]
fn bytes_are_cut_and_encoded_as_asked() {
    let chain = crate::chain::Chain::new(crate::chain::Config::default());
    let account = Arc::new(Account::holding(b"hello".to_vec(), Address::new_from_array([33; 32])));
    let snapshot = Snapshot::of(&chain, 0, Address::default(), account);
    let slice = |offset, length| serde_json::from_value(json!({"offset": offset, "length": length})).unwrap();
    let data = |encoding, slice| snapshot.show(encoding, slice)["data"].clone();
    assert_eq!(data(AccountEncoding::Binary, None), json!("Cn8eVZg"));
    assert_eq!(data(AccountEncoding::Base58, None), json!(["Cn8eVZg", "base58"]));
    assert_eq!(data(AccountEncoding::Base64, slice(1, 3)), json!(["ZWxs", "base64"]));
    assert_eq!(data(AccountEncoding::JsonParsed, slice(1, 3)), json!(["ZWxs", "base64"]));
    assert_eq!(data(AccountEncoding::Base64, slice(190, 100)), json!(["", "base64"]));
    assert_eq!(data(AccountEncoding::Base64, slice(3, usize::MAX)), json!(["bG8=", "base64"]));
    let big = Arc::new(Account::holding(vec![0; 200], Address::default()));
    let big = Snapshot::of(&chain, 0, Address::default(), big);
    assert!(big.checked(AccountEncoding::Base58, None).is_err());
    assert!(big.checked(AccountEncoding::Base58, slice(190, 10)).is_ok());
    assert_eq!(
        big.show(AccountEncoding::Binary, None)["data"],
        json!("error: data too large for bs58 encoding")
    );
}
