//! Transactions as nodes show them.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use solana_address::Address;
use solana_message::VersionedMessage;
use solana_transaction::versioned::TransactionVersion;

use super::{cost, instruction, meta};
use crate::{chain::Landed, rpc::error::RpcError};

/// How a transaction is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TransactionEncoding {
    /// Base58 alone, without its name.
    Binary,
    /// Base64.
    Base64,
    /// Base58.
    Base58,
    /// Its fields.
    Json,
    /// Its fields, and those of instructions of known programs.
    JsonParsed,
}

/// Which accounts of a transaction may be written, by index.
struct Writable<'a>(&'a Landed);

// === impl TransactionEncoding ===

impl TransactionEncoding {
    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Base64 => "base64",
            Self::Base58 => "base58",
            Self::Json => "json",
            Self::JsonParsed => "jsonParsed",
        }
    }
}

/// A transaction with its record and, if the client knows versions, its version. Rewards are an empty list or null.
pub(crate) fn transaction_value(
    landed: &Landed,
    encoding: TransactionEncoding,
    max_version: Option<u8>,
    rewards: bool,
) -> Result<Value, RpcError> {
    let version = version(landed, max_version)?;
    let keys: Vec<Address> = landed.keys().copied().collect();
    let parsed = (encoding == TransactionEncoding::JsonParsed).then_some(keys.as_slice());
    let transaction = match encoding {
        TransactionEncoding::Binary => Value::String(bs58::encode(&landed.bytes).into_string()),
        TransactionEncoding::Base58 => json!([bs58::encode(&landed.bytes).into_string(), "base58"]),
        TransactionEncoding::Base64 => json!([STANDARD.encode(&landed.bytes), "base64"]),
        TransactionEncoding::Json | TransactionEncoding::JsonParsed => {
            json!({"signatures": signatures(landed), "message": message(landed, &keys, parsed.is_some())})
        }
    };
    let cost = cost::units(landed, Writable(landed).count(keys.len()));
    let mut meta = meta::full(&landed.meta, parsed, cost);
    if let Some(fields) = meta.as_object_mut() {
        fields.insert("rewards".to_owned(), if rewards { json!([]) } else { Value::Null });
    }
    Ok(with_version(json!({"transaction": transaction, "meta": meta}), version))
}

/// A transaction of which only the accounts are shown, and what became of their balances.
pub(super) fn accounts_value(
    landed: &Landed,
    max_version: Option<u8>,
    rewards: bool,
) -> Result<Value, RpcError> {
    let version = version(landed, max_version)?;
    let keys: Vec<Address> = landed.keys().copied().collect();
    let transaction = json!({"signatures": signatures(landed), "accountKeys": account_keys(landed, &keys)});
    let mut meta = meta::short(&landed.meta);
    if let (true, Some(fields)) = (rewards, meta.as_object_mut()) {
        fields.insert("rewards".to_owned(), json!([]));
    }
    Ok(with_version(json!({"transaction": transaction, "meta": meta}), version))
}

/// The version to be shown; an error if the client would not understand it.
fn version(landed: &Landed, max_version: Option<u8>) -> Result<Option<Value>, RpcError> {
    match (landed.wire.version(), max_version) {
        (TransactionVersion::Legacy(_), None) => Ok(None),
        (TransactionVersion::Legacy(_), Some(_)) => Ok(Some(json!("legacy"))),
        (TransactionVersion::Number(version), Some(max)) if version <= max => Ok(Some(json!(version))),
        (TransactionVersion::Number(version), _) => Err(RpcError::UnsupportedVersion(version)),
    }
}

fn with_version(mut shown: Value, version: Option<Value>) -> Value {
    if let (Some(version), Some(fields)) = (version, shown.as_object_mut()) {
        fields.insert("version".to_owned(), version);
    }
    shown
}

fn signatures(landed: &Landed) -> Vec<String> {
    landed.wire.signatures.iter().map(ToString::to_string).collect()
}

fn message(landed: &Landed, keys: &[Address], parsed: bool) -> Value {
    let message = &landed.wire.message;
    let instructions = message.instructions().iter().map(|instruction| {
        let (program, accounts) = (instruction.program_id_index, instruction.accounts.as_slice());
        if parsed {
            meta::parsed(keys, program, accounts, &instruction.data, 1)
        } else {
            meta::compiled(program, accounts, &instruction.data, 1)
        }
    });
    let mut shown = json!({
        "recentBlockhash": message.recent_blockhash().to_string(),
        "instructions": instructions.collect::<Vec<_>>(),
    });
    let Some(fields) = shown.as_object_mut() else { return shown };
    if parsed {
        fields.insert("accountKeys".to_owned(), account_keys(landed, keys));
    } else {
        let fixed: Vec<String> = message.static_account_keys().iter().map(ToString::to_string).collect();
        let header = message.header();
        let header = json!({
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        });
        fields.insert("accountKeys".to_owned(), json!(fixed));
        fields.insert("header".to_owned(), header);
    }
    match message {
        VersionedMessage::Legacy(_) => {}
        VersionedMessage::V0(_) => {
            let lookups = message.address_table_lookups().unwrap_or_default().iter().map(|lookup| {
                json!({
                    "accountKey": lookup.account_key.to_string(),
                    "writableIndexes": lookup.writable_indexes,
                    "readonlyIndexes": lookup.readonly_indexes,
                })
            });
            fields.insert("addressTableLookups".to_owned(), lookups.collect());
        }
        VersionedMessage::V1(message) => {
            let config = &message.config;
            let config = json!({
                "priorityFee": config.priority_fee,
                "computeUnitLimit": config.compute_unit_limit,
                "loadedAccountsDataSizeLimit": config.loaded_accounts_data_size_limit,
                "heapSize": config.heap_size,
            });
            fields.insert("transactionConfig".to_owned(), config);
        }
    }
    shown
}

fn account_keys(landed: &Landed, keys: &[Address]) -> Value {
    let message = &landed.wire.message;
    let fixed = message.static_account_keys().len();
    let writable = Writable(landed);
    let shown = keys.iter().enumerate().map(|(index, key)| {
        json!({
            "pubkey": key.to_string(),
            "writable": writable.is(index),
            "signer": index < fixed && message.is_signer(index),
            "source": if index < fixed { "transaction" } else { "lookupTable" },
        })
    });
    shown.collect()
}

// === impl Writable ===

impl Writable<'_> {
    fn is(&self, index: usize) -> bool {
        let message = &self.0.wire.message;
        match index.checked_sub(message.static_account_keys().len()) {
            None => message.is_maybe_writable_with_reserved_addresses(index, None::<&HashSet<Address>>),
            Some(loaded) => loaded < self.0.meta.loaded.writable.len(),
        }
    }

    fn count(&self, keys: usize) -> usize {
        (0..keys).filter(|index| self.is(*index)).count()
    }
}

/// The memos of a transaction's own instructions, each with its length, as lists of signatures show them.
pub(crate) fn memos(landed: &Landed) -> Option<String> {
    let keys: Vec<&Address> = landed.keys().collect();
    let memos = landed.wire.message.instructions().iter().filter_map(|instruction| {
        let program = keys.get(usize::from(instruction.program_id_index))?;
        let memo = instruction::memo(program, &instruction.data)?;
        Some(format!("[{}] {memo}", memo.len()))
    });
    let memos: Vec<String> = memos.collect();
    (!memos.is_empty()).then(|| memos.join("; "))
}
