//! Builds what RPC would answer, from transactions made with the Solana crates.

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_events::{Address, Signature, Slot};
use serde_json::{Value, json};
use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::{AddressLookupTableAccount, VersionedMessage, legacy, v0, v1};
use solana_transaction::versioned::VersionedTransaction;

use crate::Transaction;

pub(crate) const SLOT: Slot = Slot(321);

/// The same address for the same number.
pub(crate) fn address(number: u16) -> Address {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Address::new_from_array(bytes)
}

pub(crate) fn instruction(program: Address, accounts: &[Address], data: &[u8]) -> Instruction {
    let accounts = accounts.iter().map(|account| AccountMeta::new(*account, false)).collect();
    Instruction { program_id: program, accounts, data: data.to_vec() }
}

/// A transaction, with what a node adds to it.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) wire: VersionedTransaction,
    pub(crate) writable: Vec<Address>,
    pub(crate) readonly: Vec<Address>,
    pub(crate) meta: Value,
}

impl Sample {
    pub(crate) fn legacy(instructions: &[Instruction]) -> Self {
        let message = legacy::Message::new(instructions, Some(&payer()));
        Self::land(VersionedMessage::Legacy(message))
    }

    /// Every account in `tabled` is looked up in a table.
    pub(crate) fn v0(instructions: &[Instruction], tabled: &[Address]) -> Self {
        let table = AddressLookupTableAccount { key: address(60_000), addresses: tabled.to_vec() };
        let message = v0::Message::try_compile(&payer(), instructions, &[table], Hash::default()).unwrap();
        let at = |indexes: &[u8]| indexes.iter().map(|i| tabled[usize::from(*i)]).collect::<Vec<_>>();
        let lookups = &message.address_table_lookups;
        let writable = lookups.iter().flat_map(|lookup| at(&lookup.writable_indexes)).collect();
        let readonly = lookups.iter().flat_map(|lookup| at(&lookup.readonly_indexes)).collect();
        Self { writable, readonly, ..Self::land(VersionedMessage::V0(message)) }
    }

    pub(crate) fn v1(instructions: &[Instruction]) -> Self {
        let config = v1::TransactionConfig { compute_unit_limit: Some(9), ..v1::TransactionConfig::empty() };
        let message = v1::Message::try_compile_with_config(&payer(), instructions, Hash::default(), config);
        Self::land(VersionedMessage::V1(message.unwrap()))
    }

    fn land(message: VersionedMessage) -> Self {
        let accounts = message.static_account_keys().len();
        let lookups = message.address_table_lookups().unwrap_or_default();
        let looked_up: usize =
            lookups.iter().map(|l| l.writable_indexes.len() + l.readonly_indexes.len()).sum();
        let balances = vec![1; accounts + looked_up];
        Self {
            wire: VersionedTransaction { signatures: vec![Signature::from([6; 64])], message },
            writable: Vec::new(),
            readonly: Vec::new(),
            meta: json!({
                "err": null, "status": {"Ok": null}, "fee": 5000, "innerInstructions": [], "logMessages": [],
                "preBalances": balances, "postBalances": balances,
                "preTokenBalances": [], "postTokenBalances": [],
            }),
        }
    }

    pub(crate) fn keys(&self) -> Vec<Address> {
        let fixed = self.wire.message.static_account_keys().iter();
        fixed.chain(&self.writable).chain(&self.readonly).copied().collect()
    }

    pub(crate) fn index(&self, wanted: Address) -> u8 {
        let index = self.keys().iter().position(|key| *key == wanted).unwrap();
        u8::try_from(index).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        wincode::serialize(&self.wire).unwrap()
    }

    /// Records invoked instructions, of accounts that the transaction already names.
    pub(crate) fn invokes(&mut self, top: u16, instructions: &[Instruction]) {
        let inner: Vec<Value> = instructions
            .iter()
            .map(|i| {
                json!({
                    "programIdIndex": self.index(i.program_id),
                    "accounts": i.accounts.iter().map(|a| self.index(a.pubkey)).collect::<Vec<_>>(),
                    "data": bs58::encode(&i.data).into_string(),
                    "stackHeight": 2,
                })
            })
            .collect();
        let groups = self.meta["innerInstructions"].as_array_mut().unwrap();
        groups.push(json!({ "index": top, "instructions": inner }));
    }

    /// Records what a token account held before.
    pub(crate) fn held(&mut self, account: Address, mint: Address, owner: Address, decimals: u8) {
        let balance = json!({
            "accountIndex": self.index(account), "mint": mint.to_string(), "owner": owner.to_string(),
            "programId": crate::programs::TOKEN.to_string(),
            "uiTokenAmount": {"amount": "1000", "decimals": decimals, "uiAmount": 1.0, "uiAmountString": "1"},
        });
        self.meta["preTokenBalances"].as_array_mut().unwrap().push(balance);
    }

    /// The `getTransaction` result in `base64`.
    pub(crate) fn result(&self) -> Value {
        let text = |list: &[Address]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut meta = self.meta.clone();
        meta["loadedAddresses"] = json!({"writable": text(&self.writable), "readonly": text(&self.readonly)});
        let version = match &self.wire.message {
            VersionedMessage::Legacy(_) => json!("legacy"),
            VersionedMessage::V0(_) => json!(0),
            VersionedMessage::V1(_) => json!(1),
        };
        json!({
            "slot": SLOT.0, "blockTime": 1_700_000_000, "version": version, "meta": meta,
            "transaction": [BASE64_STANDARD.encode(self.bytes()), "base64"],
        })
    }

    /// The same in `json`.
    pub(crate) fn spelled(&self) -> Value {
        let message = &self.wire.message;
        let instructions: Vec<Value> = message
            .instructions()
            .iter()
            .map(|i| {
                json!({
                    "programIdIndex": i.program_id_index, "accounts": i.accounts, "stackHeight": 1,
                    "data": bs58::encode(&i.data).into_string(),
                })
            })
            .collect();
        let lookups: Vec<Value> = message
            .address_table_lookups()
            .unwrap_or_default()
            .iter()
            .map(|l| {
                json!({
                    "accountKey": l.account_key.to_string(), "writableIndexes": l.writable_indexes,
                    "readonlyIndexes": l.readonly_indexes,
                })
            })
            .collect();
        let keys: Vec<String> = message.static_account_keys().iter().map(ToString::to_string).collect();
        let signatures: Vec<String> = self.wire.signatures.iter().map(ToString::to_string).collect();
        let mut result = self.result();
        result["transaction"] = json!({
            "signatures": signatures,
            "message": {
                "header": {
                    "numRequiredSignatures": message.header().num_required_signatures,
                    "numReadonlySignedAccounts": message.header().num_readonly_signed_accounts,
                    "numReadonlyUnsignedAccounts": message.header().num_readonly_unsigned_accounts,
                },
                "accountKeys": keys, "instructions": instructions, "addressTableLookups": lookups,
                "recentBlockhash": message.recent_blockhash().to_string(),
            },
        });
        result
    }

    /// The same in `jsonParsed`, where the node has read the top-level instructions at `parsed`.
    pub(crate) fn parsed(&self, parsed: &[(usize, Value)]) -> Value {
        let mut result = self.spelled();
        let keys = self.keys();
        let fixed = self.wire.message.static_account_keys().len();
        let message = &mut result["transaction"]["message"];
        let signers = usize::from(self.wire.message.header().num_required_signatures);
        message["accountKeys"] = keys
            .iter()
            .enumerate()
            .map(|(i, key)| {
                json!({
                    "pubkey": key.to_string(), "signer": i < signers, "writable": true,
                    "source": if i < fixed { "transaction" } else { "lookupTable" },
                })
            })
            .collect();
        message.as_object_mut().unwrap().remove("header");
        let instructions = message["instructions"].as_array_mut().unwrap();
        for (i, instruction) in instructions.iter_mut().enumerate() {
            let key = |index: &Value| keys[usize::try_from(index.as_u64().unwrap()).unwrap()].to_string();
            let program = key(&instruction["programIdIndex"]);
            *instruction = match parsed.iter().find(|(at, _)| *at == i) {
                Some((_, reading)) => json!({
                    "program": "spl-token", "programId": program, "parsed": reading, "stackHeight": 1,
                }),
                None => json!({
                    "programId": program, "data": instruction["data"], "stackHeight": 1,
                    "accounts": instruction["accounts"].as_array().unwrap().iter().map(key).collect::<Vec<_>>(),
                }),
            };
        }
        result["meta"].as_object_mut().unwrap().remove("loadedAddresses");
        result
    }

    pub(crate) fn decode(&self) -> Transaction {
        decode(&self.result())
    }
}

pub(crate) fn decode(result: &Value) -> Transaction {
    Transaction::from_get_transaction(&result.to_string()).unwrap()
}

pub(crate) fn payer() -> Address {
    address(50_000)
}
