//! What executing a transaction did, as nodes show it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use solana_address::Address;
use solana_transaction_error::TransactionError;

use super::{amount::Unit, instruction};
use crate::runtime::{Loaded, Meta, TokenBalance};

/// The record beside a whole transaction, without rewards. `keys` are given if instructions are to be parsed; then the
/// loaded addresses stand among the accounts and not here.
pub(super) fn full(meta: &Meta, parsed: Option<&[Address]>, cost: u64) -> Value {
    let mut shown = short(meta);
    if let Some(fields) = shown.as_object_mut() {
        let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        add("innerInstructions", inner_instructions(meta, parsed));
        add("logMessages", json!(meta.logs));
        add("computeUnitsConsumed", json!(meta.units));
        add("costUnits", json!(cost));
        if parsed.is_none() {
            add("loadedAddresses", loaded_addresses(&meta.loaded));
        }
        if let Some(returned) = &meta.return_data {
            add("returnData", return_data(returned));
        }
    }
    shown
}

/// The record beside a transaction of which only the accounts are shown.
pub(super) fn short(meta: &Meta) -> Value {
    json!({
        "err": meta.err,
        "status": status(meta.err.as_ref()),
        "fee": meta.fee,
        "preBalances": meta.pre_balances,
        "postBalances": meta.post_balances,
        "preTokenBalances": token_balances(&meta.pre_token_balances, Unit::show_stored),
        "postTokenBalances": token_balances(&meta.post_token_balances, Unit::show_stored),
    })
}

/// An outcome as older clients read it.
pub(crate) fn status(err: Option<&TransactionError>) -> Value {
    match err {
        None => json!({"Ok": null}),
        Some(err) => json!({"Err": err}),
    }
}

/// What token accounts held; `show` shows one amount.
pub(crate) fn token_balances(balances: &[TokenBalance], show: impl Fn(Unit, u64) -> Value) -> Value {
    let shown = balances.iter().map(|balance| {
        json!({
            "accountIndex": balance.index,
            "mint": balance.mint.to_string(),
            "owner": balance.owner.to_string(),
            "programId": balance.program.to_string(),
            "uiTokenAmount": show(Unit::plain(balance.decimals), balance.amount),
        })
    });
    shown.collect()
}

/// The instructions that programs called; parsed if `keys` are given.
pub(crate) fn inner_instructions(meta: &Meta, keys: Option<&[Address]>) -> Value {
    let groups = meta.inner.iter().map(|group| {
        let instructions = group.instructions.iter().map(|inner| match keys {
            Some(keys) => parsed(keys, inner.program_index, &inner.accounts, &inner.data, inner.height),
            None => compiled(inner.program_index, &inner.accounts, &inner.data, inner.height),
        });
        json!({"index": group.index, "instructions": instructions.collect::<Vec<_>>()})
    });
    groups.collect()
}

/// An instruction with its accounts by number.
pub(super) fn compiled(program: u8, accounts: &[u8], data: &[u8], height: u32) -> Value {
    json!({
        "programIdIndex": program,
        "accounts": accounts,
        "data": bs58::encode(data).into_string(),
        "stackHeight": height,
    })
}

/// An instruction with its accounts by address.
pub(super) fn parsed(keys: &[Address], program: u8, accounts: &[u8], data: &[u8], height: u32) -> Value {
    let key = |index: &u8| keys.get(usize::from(*index)).copied().unwrap_or_default();
    let accounts: Vec<Address> = accounts.iter().map(key).collect();
    instruction::show(&key(&program), &accounts, data, height)
}

/// Addresses that lookup tables gave.
pub(crate) fn loaded_addresses(loaded: &Loaded) -> Value {
    let texts = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({"writable": texts(&loaded.writable), "readonly": texts(&loaded.readonly)})
}

/// What a program returned.
pub(crate) fn return_data((program, data): &(Address, Vec<u8>)) -> Value {
    json!({"programId": program.to_string(), "data": [STANDARD.encode(data), "base64"]})
}
