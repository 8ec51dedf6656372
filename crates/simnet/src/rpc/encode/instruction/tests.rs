use super::*;

/// Instructions that a validator of Agave 4.2.2 was sent, and how it showed them. The accounts have 100, 101 and so
/// on in every byte; other addresses 1 to 8.
const CAPTURED: &str = include_str!("../captured/instructions.jsonl");

fn account(number: u8) -> Address {
    Address::new_from_array([100 + number; 32])
}

fn readable(shown: &Value) -> String {
    let mut text = shown.to_string();
    for number in 0..8 {
        text = text.replace(&account(number).to_string(), &format!("account {number}"));
        let other = Address::new_from_array([number + 1; 32]);
        text = text.replace(&other.to_string(), &format!("address {}", number + 1));
    }
    text
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

#[test]
fn instructions_are_shown_as_a_validator_shows_them() {
    let mut shown = 0;
    for line in CAPTURED.lines() {
        let captured: Value = serde_json::from_str(line).unwrap();
        let program: Address = captured["program"].as_str().unwrap().parse().unwrap();
        let count = u8::try_from(captured["accounts"].as_u64().unwrap()).unwrap();
        let accounts: Vec<Address> = (0..count).map(account).collect();
        let data = bytes(captured["data"].as_str().unwrap());
        let parsed = parse(&program, &accounts, &data);
        let name = parsed.as_ref().map_or(Value::Null, |(name, _)| json!(name));
        let parsed = parsed.map_or(Value::Null, |(_, parsed)| parsed);
        assert_eq!(readable(&parsed), captured["parsed"].to_string(), "{line}");
        assert_eq!(name, captured["name"], "{line}");
        shown += 1;
    }
    assert!(shown > 200, "{shown}");
}

#[test]
fn an_instruction_that_makes_no_sense_is_shown_as_it_is() {
    let accounts = [account(0), account(1)];
    let expected = json!({
        "programId": TOKEN.to_string(),
        "accounts": [account(0).to_string(), account(1).to_string()],
        "data": bs58::encode([3, 1]).into_string(),
        "stackHeight": 2,
    });
    assert_eq!(show(&TOKEN, &accounts, &[3, 1], 2), expected);
}

#[test]
fn no_bytes_make_a_parser_panic() {
    let mut chance = fastrand::Rng::with_seed(7);
    let programs = [TOKEN, TOKEN_2022, SYSTEM, ASSOCIATED_TOKEN, LOOKUP_TABLE, VOTE, MEMO];
    let accounts: Vec<Address> = (0..8).map(account).collect();
    for _ in 0..20_000 {
        let program = chance.choice(programs).unwrap();
        let some = chance.usize(..=accounts.len());
        let mut data = vec![0; chance.usize(..80)];
        chance.fill(&mut data);
        if let (true, Some(tag)) = (chance.bool(), data.first_mut()) {
            *tag = chance.u8(20..48);
        }
        let shown = show(&program, accounts.get(..some).unwrap(), &data, 1);
        assert!(shown.is_object());
    }
}
