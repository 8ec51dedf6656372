//! Decoding agrees with the ground truth of transactions and accounts recorded on mainnet, which lie in the folder
//! that `EDA_FIXTURES` names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::{
    fs,
    path::{Path as FilePath, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_chain::{
    Block, Dex, ExtensionType, Mint, TokenAccount, TokenProgram, TokenState, Transaction, burns, creations,
    may_touch, programs,
};
use eda_events::{Address, Slot};
use serde_json::{Value, json};

fn fixtures() -> Option<PathBuf> {
    let folder = std::env::var_os("EDA_FIXTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: EDA_FIXTURES is not set");
    }
    folder
}

fn read(path: &FilePath) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every `*/KIND/X.json` that has an `X.expected.json`, with both contents.
fn with_ground_truth(folder: &FilePath, kind: &str) -> Vec<(PathBuf, Value, Value)> {
    let mut found = Vec::new();
    for group in fs::read_dir(folder).unwrap() {
        let Ok(files) = fs::read_dir(group.unwrap().path().join(kind)) else { continue };
        for file in files {
            let expected = file.unwrap().path();
            let Some(stem) = expected.to_str().unwrap().strip_suffix(".expected.json") else { continue };
            let path = PathBuf::from(format!("{stem}.json"));
            found.push((path.clone(), read(&path), read(&expected)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Three fixtures are dumps of web3.js objects: what RPC spelled `instructions` and base58 is spelled
/// `compiledInstructions` and byte lists in them. Four come from a client library that calls `readonlyIndexes`
/// `readableIndexes`.
fn as_rpc_gives_it(mut transaction: Value) -> Value {
    let tables = transaction.pointer_mut("/transaction/message/addressTableLookups");
    for table in tables.and_then(Value::as_array_mut).into_iter().flatten() {
        let table = table.as_object_mut().unwrap();
        if let Some(indexes) = table.remove("readableIndexes") {
            table.insert("readonlyIndexes".to_owned(), indexes);
        }
    }
    let message = transaction.get("transaction").and_then(|inner| inner.get("message"));
    let compiled = message.and_then(|message| message.get("compiledInstructions"));
    if let Some(compiled) = compiled.and_then(Value::as_array) {
        let instructions: Vec<Value> = compiled
            .iter()
            .map(|instruction| {
                let data = instruction["data"].get("data").unwrap_or(&instruction["data"]);
                let bytes: Vec<u8> = serde_json::from_value(data.clone()).unwrap();
                json!({
                    "programIdIndex": instruction["programIdIndex"],
                    "accounts": instruction["accountKeyIndexes"],
                    "data": bs58::encode(bytes).into_string(),
                })
            })
            .collect();
        transaction["transaction"]["message"]["instructions"] = Value::Array(instructions);
    }
    transaction
}

fn decode(path: &FilePath, transaction: &Value, expected: &Value) -> Transaction {
    let text = transaction.to_string();
    let decoded = if transaction.get("slot").is_some() {
        Transaction::from_get_transaction(&text)
    } else {
        Transaction::from_block_element(&text, Slot(expected["slot"].as_u64().unwrap_or(0)), None, None)
    };
    decoded.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The burns in the form of the ground truth.
fn told(transaction: &Transaction) -> Vec<Value> {
    let camel = |kind: &str| match kind {
        "burn_checked" => "burnChecked".to_owned(),
        other => other.to_owned(),
    };
    burns(transaction)
        .iter()
        .map(|burn| {
            json!({
                "path": burn.path,
                "program": burn.program.to_string(),
                "kind": camel(burn.kind.as_str()),
                "account": burn.account.to_string(),
                "mint": burn.mint.to_string(),
                "authority": burn.authority.to_string(),
                "amount": burn.amount.to_string(),
                "mint_decimals": burn.decimals.map(|d| d.0),
                "account_owner": burn.owner.map(|o| o.to_string()),
            })
        })
        .collect()
}

fn expected_burns(expected: &Value) -> Vec<Value> {
    let keys = [
        "path",
        "program",
        "kind",
        "account",
        "mint",
        "authority",
        "amount",
        "mint_decimals",
        "account_owner",
    ];
    let burns = expected["burns"].as_array().unwrap();
    burns.iter().map(|burn| keys.iter().map(|key| (key.to_string(), burn[*key].clone())).collect()).collect()
}

#[test]
fn transactions_agree_with_their_ground_truth() {
    let Some(folder) = fixtures() else { return };
    let all = with_ground_truth(&folder, "tx");
    assert!(all.len() >= 190, "only {} transaction fixtures in {}", all.len(), folder.display());
    let mut burned = 0;
    let mut failed = 0;
    let mut created = 0;
    for (path, transaction, expected) in &all {
        let decoded = decode(path, &as_rpc_gives_it(transaction.clone()), expected);
        let name = path.display();
        assert_eq!(decoded.signature().to_string(), expected["signature"], "{name}");
        assert_eq!(json!(decoded.slot().0), expected["slot"].as_u64().unwrap_or(0), "{name}");
        if let Some(version) = expected["version"].as_str() {
            assert_eq!(decoded.version().to_string(), version, "{name}");
        }
        if let Some(version) = expected["version"].as_u64() {
            assert_eq!(decoded.version().to_string(), version.to_string(), "{name}");
        }
        let error = decoded.error().map(|e| serde_json::from_str(e).unwrap()).unwrap_or(Value::Null);
        assert_eq!(error, expected["err"], "{name}");
        assert_eq!(json!(decoded.fee()), expected["fee"], "{name}");
        let top = decoded.instructions().filter(|i| i.path().inner.is_none()).count();
        assert_eq!(json!(top), expected["instruction_count"], "{name}");
        assert_eq!(json!(decoded.instructions().len() - top), expected["inner_instruction_count"], "{name}");

        let told = told(&decoded);
        assert_eq!(told, expected_burns(expected), "{name}");
        assert_eq!(decoded.token_facts().undecodable, [], "{name}");

        let seen: Vec<Value> =
            creations(&decoded).iter().map(|c| json!([c.dex.as_str(), c.instruction, c.path])).collect();
        let wanted: Vec<Value> = expected["dex"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| {
                let name = step["instruction"].as_str().unwrap();
                name.starts_with("initialize") || name.starts_with("create")
            })
            .map(|step| json!([step["program"], step["instruction"], step["path"]]))
            .collect();
        assert_eq!(seen, wanted, "{name}");

        if let Some(logs) = decoded.logs() {
            let invoked: Vec<Address> = decoded.instructions().map(|i| *i.program()).collect();
            let precompile =
                |program: &Address| program.to_string().ends_with("SigVerify111111111111111111111111111");
            for program in invoked.iter().filter(|program| !precompile(program)) {
                // A failing transaction may end before its last top-level instructions are reached.
                if !decoded.failed() {
                    assert!(may_touch(logs, &[*program]), "{name}: {program} was invoked");
                }
            }
            if !may_touch(logs, &[programs::TOKEN, programs::TOKEN_2022]) {
                assert_eq!(told, Vec::<Value>::new(), "{name}");
            }
        }
        burned += told.len();
        failed += usize::from(decoded.failed());
        created += seen.len();
    }
    assert!(
        burned >= 12 && failed >= 20 && created >= 8,
        "{burned} burns, {failed} failed, {created} creations"
    );
}

#[test]
fn token_accounts_agree_with_their_ground_truth() {
    let Some(folder) = fixtures() else { return };
    let mut mints = 0;
    let mut accounts = 0;
    let mut extended = 0;
    for (path, account, expected) in with_ground_truth(&folder, "accounts") {
        if path.parent().unwrap().parent().unwrap().file_name().unwrap() != "mints" {
            continue;
        }
        let name = path.display();
        let data = BASE64_STANDARD.decode(account["data_base64"].as_str().unwrap()).unwrap();
        let program =
            account["owner"].as_str().and_then(|owner| TokenProgram::from_address(&owner.parse().unwrap()));
        // Some sources did not say who owns the account; what has extensions is of Token-2022.
        let program = program.unwrap_or(match data.len() {
            Mint::LENGTH | TokenAccount::LENGTH => TokenProgram::Token,
            _ => TokenProgram::Token2022,
        });
        let truth = &expected["decoded_by_script"];
        let address = |value: &Value| value.as_str().map(|text| text.parse::<Address>().unwrap());
        let extensions = match TokenState::decode(program, &data).unwrap_or_else(|e| panic!("{name}: {e}")) {
            TokenState::Mint(mint) => {
                assert_eq!(expected["kind"], "mint", "{name}");
                assert_eq!(mint.supply.to_string(), truth["supply"], "{name}");
                assert_eq!(json!(mint.decimals.0), truth["decimals"], "{name}");
                assert_eq!(mint.mint_authority, address(&truth["mint_authority"]), "{name}");
                assert_eq!(mint.freeze_authority, address(&truth["freeze_authority"]), "{name}");
                mints += 1;
                mint.extensions
            }
            TokenState::Account(account) => {
                assert_eq!(expected["kind"], "token_account", "{name}");
                assert_eq!(Some(account.mint), address(&truth["mint"]), "{name}");
                assert_eq!(Some(account.owner), address(&truth["owner"]), "{name}");
                assert_eq!(account.amount.to_string(), truth["amount"], "{name}");
                assert_eq!(json!(account.native_reserve.is_some()), truth["is_native"], "{name}");
                accounts += 1;
                account.extensions
            }
            TokenState::Multisig => panic!("{name}: a multisig"),
        };
        // The ground truth of token accounts does not list them.
        let Some(listed) = truth["extensions"].as_array() else { continue };
        let wanted: Vec<ExtensionType> = listed
            .iter()
            .map(|extension| {
                let number = u16::try_from(extension["type"].as_u64().unwrap()).unwrap();
                let kind = ExtensionType::from_number(number);
                assert_eq!(kind.name(), extension["name"].as_str(), "{name}");
                kind
            })
            .collect();
        assert_eq!(extensions, wanted, "{name}");
        extended += usize::from(!wanted.is_empty());
    }
    assert!(
        mints >= 10 && accounts >= 8 && extended >= 1,
        "{mints} mints, {accounts} token accounts, {extended} with extensions"
    );
}

#[test]
fn captured_answers_of_nodes_are_read() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("rpc_http");
    let result = |file: &str, at: &[&str]| {
        let value = read(&folder.join(file));
        at.iter().fold(value, |value, key| value[*key].clone()).to_string()
    };
    let body = ["response", "body_json", "result"];
    let block = result("getBlock__api_mainnet_beta_solana_com__ok200_1.json", &body);
    let block = Block::from_get_block(Slot(0), &block).unwrap();
    assert_eq!(block.transactions.len() + block.unreadable.len(), 0);
    assert_eq!(block.block_time, Some(1_584_368_940));
    assert_eq!(block.block_height, Some(0));

    let one = result("getTransaction__api_mainnet_beta_solana_com__ok200_2.json", &body);
    let one = Transaction::from_get_transaction(&one).unwrap();
    assert!(one.inner_instructions_recorded() && one.instructions().len() > 5);

    let base64 = result("solders_get_transaction_base64_encoding.json", &["result"]);
    let base64 = Transaction::from_get_transaction(&base64).unwrap();
    let spelled = result("solders_get_transaction_json_encoding.json", &["result"]);
    let spelled = Transaction::from_get_transaction(&spelled).unwrap();
    assert_eq!(format!("{:?}", base64), format!("{:?}", spelled), "two encodings of one transaction");
}

#[test]
fn every_exchange_of_the_fixtures_is_known_by_name_and_program() {
    let Some(folder) = fixtures() else { return };
    let mut known = 0;
    for (path, _, expected) in with_ground_truth(&folder, "tx") {
        for step in expected["dex"].as_array().unwrap() {
            let Some(dex) = Dex::from_program(&step["program_id"].as_str().unwrap().parse().unwrap()) else {
                assert!(!Dex::ALL.iter().any(|dex| dex.as_str() == step["program"]), "{}", path.display());
                continue;
            };
            assert_eq!(dex.as_str(), step["program"], "{}", path.display());
            known += 1;
        }
    }
    assert!(known > 100, "{known}");
}

#[test]
fn damaged_recordings_never_panic() {
    let Some(folder) = fixtures() else { return };
    let mut damaged = 0;
    for (path, transaction, _) in with_ground_truth(&folder, "tx") {
        let Some(text) = transaction["transaction"][0].as_str() else { continue };
        let bytes = BASE64_STANDARD.decode(text).unwrap();
        // Positions spread over the whole transaction, every byte value somewhere.
        for step in 0..24_u8 {
            let mut bytes = bytes.clone();
            let at = usize::from(step) * 53 % bytes.len();
            bytes[at] = bytes[at].wrapping_add(step.wrapping_mul(37).wrapping_add(1));
            let mut transaction = transaction.clone();
            transaction["transaction"][0] = BASE64_STANDARD.encode(&bytes).into();
            if let Ok(decoded) = Transaction::from_get_transaction(&transaction.to_string()) {
                assert!(decoded.token_facts().burns.len() < 100, "{}", path.display());
                creations(&decoded);
            }
            damaged += 1;
        }
    }
    for (_, account, _) in with_ground_truth(&folder, "accounts") {
        let data = BASE64_STANDARD.decode(account["data_base64"].as_str().unwrap()).unwrap();
        for at in (0..data.len().min(700)).step_by(3) {
            let mut changed = data.clone();
            changed[at] ^= 0xff;
            for program in [TokenProgram::Token, TokenProgram::Token2022] {
                let whole = TokenState::decode(program, &changed);
                let cut = TokenState::decode(program, &data[..at]);
                damaged += usize::from(whole.is_err()) + usize::from(cut.is_err());
            }
        }
    }
    assert!(damaged > 3_000, "{damaged}");
}
