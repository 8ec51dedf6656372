use super::*;
use crate::{
    chain::Account,
    programs::{TOKEN, TOKEN_2022},
};

fn option(address: Option<Address>) -> Vec<u8> {
    match address {
        Some(address) => [&[1, 0, 0, 0][..], address.as_array()].concat(),
        None => vec![0; 36],
    }
}

fn mint(supply: u64, decimals: u8) -> Vec<u8> {
    [option(Some(place(3))), supply.to_le_bytes().to_vec(), vec![decimals, 1], option(None)].concat()
}

fn holding(mint: Address, owner: Address, amount: u64, delegate: Option<Address>) -> Vec<u8> {
    let mut data = [mint.to_bytes(), owner.to_bytes()].concat();
    data.extend(amount.to_le_bytes());
    data.extend(option(delegate));
    data.push(1);
    data.extend([0; 12]);
    data.extend(500_u64.to_le_bytes());
    data.extend(option(None));
    data
}

/// Two mints, of either Token program, and three accounts of them.
fn bank() -> Node {
    let node = node(1);
    let mut chain = node.chain();
    for (address, data, program) in [
        (place(50), mint(7_000_000, 6), TOKEN),
        (place(51), mint(9, 0), TOKEN_2022),
        (place(60), holding(place(50), place(70), 5_000_000, None), TOKEN),
        (place(61), holding(place(50), place(71), 2_000_000, Some(place(72))), TOKEN),
        (place(62), holding(place(51), place(70), 9, None), TOKEN_2022),
    ] {
        chain.plant(address, Account::holding(data, program));
    }
    drop(chain);
    node
}

fn processed(config: Value) -> Value {
    let mut config = config;
    config["commitment"] = json!("processed");
    config
}

/// The addresses of those among the accounts that the bank put there; actors have others.
fn addresses(accounts: &Value) -> Vec<String> {
    let planted = [50, 51, 60, 61, 62].map(|number| place(number).to_string());
    let all = accounts.as_array().unwrap().iter().map(|account| account["pubkey"].as_str().unwrap());
    all.filter(|address| planted.iter().any(|one| one == address)).map(str::to_owned).collect()
}

#[test]
fn amounts_of_tokens_are_told() {
    let node = bank();
    let value = |method: &str, number| {
        ask(&node, method, json!([place(number).to_string(), {"commitment": "processed"}]))["value"].clone()
    };
    let amount = |amount: &str, number: f64, text: &str| json!({"amount": amount, "decimals": 6, "uiAmount": number, "uiAmountString": text});
    assert_eq!(value("getTokenAccountBalance", 60), amount("5000000", 5.0, "5"));
    assert_eq!(value("getTokenSupply", 50), amount("7000000", 7.0, "7"));
    let largest = value("getTokenLargestAccounts", 50);
    let order: Vec<&str> =
        largest.as_array().unwrap().iter().map(|account| account["address"].as_str().unwrap()).collect();
    assert_eq!(order, [place(60).to_string(), place(61).to_string()]);
    let refuse = |method: &str, number| {
        refusal(&node, method, json!([place(number).to_string(), {"commitment": "processed"}])).1
    };
    assert_eq!(refuse("getTokenAccountBalance", 50), "Invalid param: not a Token account");
    assert_eq!(refuse("getTokenAccountBalance", 99), "Invalid param: could not find account");
    assert_eq!(refuse("getTokenSupply", 60), "Invalid param: mint could not be unpacked");
    assert_eq!(refuse("getTokenLargestAccounts", 60), "Invalid param: Token mint could not be unpacked");
    assert_eq!(refuse("getTokenSupply", 99), "Invalid param: could not find account");
}

#[test]
fn token_accounts_are_found_by_owner_and_by_delegate() {
    let node = bank();
    let find = |method: &str, whose: u8, filter: Value| {
        let config = processed(json!({"encoding": "base64"}));
        ask(&node, method, json!([place(whose).to_string(), filter, config]))["value"].clone()
    };
    let by_mint = |number| json!({"mint": place(number).to_string()});
    let by_program = |program: Address| json!({"programId": program.to_string()});
    let owner = "getTokenAccountsByOwner";
    assert_eq!(addresses(&find(owner, 70, by_mint(50))), [place(60).to_string()]);
    assert_eq!(addresses(&find(owner, 70, by_mint(51))), [place(62).to_string()]);
    assert_eq!(addresses(&find(owner, 70, by_program(TOKEN))), [place(60).to_string()]);
    assert!(addresses(&find(owner, 72, by_program(TOKEN))).is_empty());
    let delegate = "getTokenAccountsByDelegate";
    assert_eq!(addresses(&find(delegate, 72, by_program(TOKEN))), [place(61).to_string()]);
    assert!(addresses(&find(delegate, 72, by_program(TOKEN_2022))).is_empty());
    let unknown = json!([place(70).to_string(), by_mint(99), processed(json!({}))]);
    assert_eq!(refusal(&node, owner, unknown).1, "Invalid param: could not find mint");
    let (code, message, _) =
        refusal(&node, owner, json!([place(70).to_string(), by_mint(50), processed(json!({}))]));
    assert_eq!(code, -32600);
    assert!(message.starts_with("Encoded binary (base 58) data should be less than 128 bytes"), "{message}");
}

#[test]
fn accounts_of_a_program_are_filtered() {
    let node = bank();
    let find = |filters: Value| {
        let config = processed(json!({"encoding": "base64", "filters": filters}));
        ask(&node, "getProgramAccounts", json!([TOKEN.to_string(), config]))
    };
    let all = [50, 60, 61].map(|number| place(number).to_string());
    assert_eq!(addresses(&find(json!([]))), all, "in the order of their bytes");
    assert_eq!(addresses(&find(json!([{"dataSize": 82}]))), all[..1]);
    let of_mint = json!({"memcmp": {"offset": 0, "bytes": place(50).to_string()}});
    let of_owner = json!({"memcmp": {"offset": 32, "bytes": place(71).as_array()}});
    assert_eq!(addresses(&find(json!(["tokenAccountState", of_mint]))).len(), 2);
    assert_eq!(addresses(&find(json!([{"dataSize": 165}, of_mint, of_owner]))), [place(61).to_string()]);
    let amount = json!({"memcmp": {"offset": 64, "bytes": "QEtM", "encoding": "base64"}});
    assert_eq!(addresses(&find(json!([amount]))), [place(60).to_string()]);
    let beyond = json!({"memcmp": {"offset": usize::MAX, "bytes": "11"}});
    assert!(addresses(&find(json!([beyond]))).is_empty());
    let config = processed(
        json!({"withContext": true, "dataSlice": {"offset": 64, "length": 8}, "filters": [amount, of_mint]}),
    );
    assert_eq!(
        ask(&node, "getProgramAccounts", json!([TOKEN.to_string(), config])),
        json!({
            "context": {"apiVersion": "4.2.2", "slot": 1},
            "value": [{
                "account": {
                    "data": bs58::encode(5_000_000_u64.to_le_bytes()).into_string(),
                    "executable": false,
                    "lamports": 2_039_280,
                    "owner": TOKEN.to_string(),
                    "rentEpoch": u64::MAX,
                    "space": 165,
                },
                "pubkey": place(60).to_string(),
            }],
        })
    );
}

#[test]
fn accounts_are_answered_in_the_order_they_were_asked_for() {
    let node = bank();
    let asked = [place(60), place(99), place(50)].map(|address| address.to_string());
    let config = processed(json!({"encoding": "jsonParsed"}));
    let answered = ask(&node, "getMultipleAccounts", json!([asked, config]));
    let kinds = [0, 2].map(|at: usize| answered["value"][at]["data"]["parsed"]["type"].clone());
    assert_eq!(kinds, [json!("account"), json!("mint")]);
    assert_eq!(answered["value"][1], Value::Null);
    let alone = ask(&node, "getAccountInfo", json!([asked[0], config]));
    assert_eq!(alone["value"], answered["value"][0]);
    let plain = ask(&node, "getMultipleAccounts", json!([[asked[2]], processed(json!({}))]));
    assert_eq!(plain["value"][0]["data"][1], "base64", "several accounts are base64 unless asked for");
    let (code, ..) = refusal(&node, "getAccountInfo", json!([asked[0], processed(json!({}))]));
    assert_eq!(code, -32600, "one account is base58, and this one is too large for it");
    assert_eq!(ask(&node, "getAccountInfo", json!([asked[1]]))["value"], Value::Null);
}

#[test]
fn the_cluster_describes_itself() {
    let node = funded();
    let version = json!({"feature-set": 565_236_538, "solana-core": "4.2.2"});
    assert_eq!(ask(&node, "getVersion", Value::Null), version);
    assert!(ask(&node, "getGenesisHash", json!([])).as_str().unwrap().starts_with("Simnet"));
    assert_eq!(
        ask(&node, "getEpochInfo", json!([{"commitment": "processed"}])),
        json!({
            "absoluteSlot": 3,
            "blockHeight": 3,
            "epoch": 0,
            "slotIndex": 3,
            "slotsInEpoch": 432_000,
            "transactionCount": 1,
        })
    );
    assert_eq!(ask(&node, "getTransactionCount", json!([])), json!(0));
    assert_eq!(ask(&node, "getMinimumBalanceForRentExemption", json!([165])), json!(2_039_280));
    assert_eq!(ask(&node, "getEpochSchedule", json!([]))["slotsPerEpoch"], json!(432_000));
    let leader = ask(&node, "getSlotLeader", json!([]));
    assert_eq!(ask(&node, "getIdentity", json!([])), json!({"identity": leader}));
    assert_eq!(ask(&node, "getSlotLeaders", json!([0, 2])), json!([leader, leader]));
    assert_eq!(ask(&node, "minimumLedgerSlot", json!([])), json!(0));
    let supply = ask(&node, "getSupply", json!([{"commitment": "processed"}]));
    assert_eq!(supply["value"]["total"], supply["value"]["circulating"]);
}
