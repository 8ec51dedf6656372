//! Reads transactions from RPC's JSON in its three encodings: `base64` (the bytes as signed), `json` (the message
//! spelled out) and `jsonParsed` (instructions of known programs replaced by the node's reading of them).

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_events::{Address, Decimals, Path, RawAmount, Signature, Slot};
use serde::Deserialize;
use serde_json::value::RawValue;
use solana_message::VersionedMessage;
use solana_transaction::versioned::VersionedTransaction;

use super::{
    Lamports, TokenBalance, Transaction, TransactionError, Version,
    assemble::{Assembly, Head, Outcome, at},
    shapes::{AccountRef, Answer, Balance, JsonInstruction, JsonTransaction, LoadedAddresses, VersionField},
};
use crate::json::Text;

/// What is said around an element of a block instead of in it.
pub(super) struct Surroundings {
    pub(super) slot: Slot,
    pub(super) block_time: Option<i64>,
    pub(super) index: Option<u32>,
}

/// Reads one answer. `around` is given for an element of a block; without it the answer itself must name its slot.
pub(super) fn read(text: &str, around: Option<Surroundings>) -> Result<Transaction, TransactionError> {
    let answer: Answer<'_> =
        serde_json::from_str(text).map_err(|e| TransactionError::malformed("json", e))?;
    if let Some(VersionField::Number(version @ 2..)) = answer.version {
        return Err(TransactionError::UnknownVersion(version));
    }
    let meta = answer.meta.ok_or(TransactionError::MissingMeta)?;
    let around = match (around, answer.slot) {
        (Some(around), _) => around,
        (None, Some(slot)) => {
            Surroundings { slot: Slot(slot), block_time: answer.block_time, index: answer.transaction_index }
        }
        (None, None) => return Err(TransactionError::malformed("slot", "missing")),
    };

    let mut assembly = if answer.transaction.get().starts_with('[') {
        from_wire(answer.transaction, meta.loaded_addresses.unwrap_or_default())?
    } else {
        from_json(answer.transaction, answer.version, meta.loaded_addresses)?
    };
    let inner_recorded = meta.inner_instructions.is_some();
    for group in meta.inner_instructions.into_iter().flatten() {
        for (index, instruction) in numbered(group.instructions)? {
            push(&mut assembly, Path::inner(group.index, index), instruction)?;
        }
    }
    let keys = assembly.key_count();
    assembly.finish(Outcome {
        around,
        error: (meta.err.get() != "null").then(|| meta.err.get().into()),
        fee: meta.fee,
        inner_recorded,
        logs: meta.log_messages.map(Vec::into_boxed_slice),
        lamports: lamports(meta.pre_balances, meta.post_balances, keys)?,
        pre_token_balances: token_balances(meta.pre_token_balances, keys, "preTokenBalances")?,
        post_token_balances: token_balances(meta.post_token_balances, keys, "postTokenBalances")?,
    })
}

/// The signature of an answer that [`read`] refuses, if at least that much can be told.
pub(crate) fn signature_of(text: &str) -> Option<Signature> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        transaction: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Signatures {
        signatures: Vec<Text<Signature>>,
    }

    let outer: Outer<'_> = serde_json::from_str(text).ok()?;
    if let Ok(spelled) = serde_json::from_str::<Signatures>(outer.transaction.get()) {
        return spelled.signatures.first().map(|signature| signature.0);
    }
    let bytes = wire_bytes(outer.transaction).ok()?;
    let first = match bytes.first()? {
        // Legacy and v0 begin with the number of signatures, in one byte.
        1..=127 => bytes.get(1..65)?,
        // v1 ends with them, and says how many after its version byte (SIMD-0385).
        129 => {
            let length = usize::from(*bytes.get(1)?).checked_mul(64)?;
            bytes.get(bytes.len().checked_sub(length)?..)?.get(..64)?
        }
        _ => return None,
    };
    Signature::try_from(first).ok()
}

fn wire_bytes(transaction: &RawValue) -> Result<Vec<u8>, TransactionError> {
    let (text, encoding): (Cow<'_, str>, Cow<'_, str>) =
        serde_json::from_str(transaction.get()).map_err(|e| TransactionError::malformed("transaction", e))?;
    if encoding != "base64" {
        return Err(TransactionError::malformed(
            "transaction",
            format_args!("unexpected encoding {encoding:?}"),
        ));
    }
    BASE64_STANDARD.decode(text.as_bytes()).map_err(|e| TransactionError::malformed("transaction base64", e))
}

fn from_wire(transaction: &RawValue, loaded: LoadedAddresses) -> Result<Assembly, TransactionError> {
    let bytes = wire_bytes(transaction)?;
    let wire: VersionedTransaction =
        wincode::deserialize_exact(&bytes).map_err(|error| match unknown_version(&bytes) {
            Some(version) => TransactionError::UnknownVersion(version.into()),
            None => TransactionError::malformed("transaction bytes", error),
        })?;
    let signature = wire.signatures.first().copied();
    let lookups = wire.message.address_table_lookups().unwrap_or_default();
    let writable = lookups.iter().map(|lookup| lookup.writable_indexes.len()).sum();
    let readonly = lookups.iter().map(|lookup| lookup.readonly_indexes.len()).sum();
    let signers = wire.message.header().num_required_signatures;
    let (version, static_keys, instructions) = match wire.message {
        VersionedMessage::Legacy(message) => (Version::Legacy, message.account_keys, message.instructions),
        VersionedMessage::V0(message) => (Version::V0, message.account_keys, message.instructions),
        VersionedMessage::V1(message) => (Version::V1, message.account_keys, message.instructions),
    };
    let keys = resolve(static_keys, writable, readonly, loaded)?;
    let mut assembly = Assembly::new(Head { signature, version, keys, signers })?;
    for (index, instruction) in numbered(instructions)? {
        assembly.push(
            Path::top(index),
            instruction.program_id_index,
            &instruction.accounts,
            &instruction.data,
        )?;
    }
    Ok(assembly)
}

/// The version that wire bytes claim, when it is none of the known ones. The version byte has its top bit set; up
/// to v0 it follows the signatures, from v1 on it comes first.
fn unknown_version(bytes: &[u8]) -> Option<u8> {
    let version = match *bytes.first()? {
        count @ 0..=127 => *bytes.get(usize::from(count) * 64 + 1)?,
        version => version,
    };
    (version >= 130).then_some(version & 0x7f)
}

fn resolve(
    mut keys: Vec<Address>,
    writable: usize,
    readonly: usize,
    loaded: LoadedAddresses,
) -> Result<Vec<Address>, TransactionError> {
    if (loaded.writable.len(), loaded.readonly.len()) != (writable, readonly) {
        return Err(TransactionError::malformed(
            "loadedAddresses",
            format_args!(
                "{} writable and {} readonly, where the message looks up {writable} and {readonly}",
                loaded.writable.len(),
                loaded.readonly.len()
            ),
        ));
    }
    keys.extend(loaded.writable.into_iter().chain(loaded.readonly).map(|address| address.0));
    Ok(keys)
}

fn from_json(
    transaction: &RawValue,
    version: Option<VersionField>,
    loaded: Option<LoadedAddresses>,
) -> Result<Assembly, TransactionError> {
    let JsonTransaction { signatures, message } =
        serde_json::from_str(transaction.get()).map_err(|e| TransactionError::malformed("transaction", e))?;
    let lookups = message.address_table_lookups.unwrap_or_default();
    let version = match version {
        Some(VersionField::Number(1)) => Version::V1,
        Some(VersionField::Number(_)) => Version::V0,
        Some(VersionField::Legacy) => Version::Legacy,
        // Nodes leave it out when the request did not allow versions.
        None if lookups.is_empty() => Version::Legacy,
        None => Version::V0,
    };
    let flagged = message.account_keys.iter().filter(|key| key.signer == Some(true)).count();
    let spelled_out = message.account_keys.first().is_some_and(|key| key.signer.is_some());
    let keys: Vec<Address> = message.account_keys.iter().map(|key| key.address).collect();
    // `jsonParsed` lists the looked-up keys with the others.
    let keys = if spelled_out {
        keys
    } else {
        let writable = lookups.iter().map(|lookup| lookup.writable_indexes.len()).sum();
        let readonly = lookups.iter().map(|lookup| lookup.readonly_indexes.len()).sum();
        resolve(keys, writable, readonly, loaded.unwrap_or_default())?
    };
    let signers = match message.header {
        Some(header) => header.num_required_signatures,
        None => u8::try_from(flagged).map_err(|e| TransactionError::malformed("signers", e))?,
    };
    let signature = signatures.first().map(|signature| signature.0);
    let mut assembly = Assembly::new(Head { signature, version, keys, signers })?;
    for (index, instruction) in numbered(message.instructions)? {
        push(&mut assembly, Path::top(index), instruction)?;
    }
    Ok(assembly)
}

/// Numbers instructions as paths do.
fn numbered<T>(list: Vec<T>) -> Result<impl Iterator<Item = (u16, T)>, TransactionError> {
    if list.len() > usize::from(u16::MAX) {
        return Err(TransactionError::malformed("instructions", format_args!("{} are too many", list.len())));
    }
    Ok((0..=u16::MAX).zip(list))
}

fn push(assembly: &mut Assembly, path: Path, from: JsonInstruction<'_>) -> Result<(), TransactionError> {
    let program = match (from.program_id_index, from.program_id) {
        (Some(index), _) => index,
        (None, Some(address)) => assembly.index_of(path, &address.0)?,
        (None, None) => return Err(TransactionError::malformed(at(path), "names no program")),
    };
    if let Some(parsed) = from.parsed {
        return assembly.push_parsed(path, program, parsed);
    }
    let accounts = from
        .accounts
        .iter()
        .map(|account| match account {
            AccountRef::Index(index) => Ok(*index),
            AccountRef::Address(address) => assembly.index_of(path, address),
        })
        .collect::<Result<Vec<u8>, _>>()?;
    let data = from.data.ok_or_else(|| TransactionError::malformed(at(path), "has no data"))?;
    assembly.push(path, program, &accounts, &data.0)
}

fn token_balances(
    balances: Option<Vec<Balance>>,
    keys: usize,
    at: &str,
) -> Result<Option<Box<[TokenBalance]>>, TransactionError> {
    let Some(balances) = balances else { return Ok(None) };
    let read = |balance: Balance| {
        if usize::from(balance.account_index) >= keys {
            return Err(TransactionError::malformed(
                at,
                format_args!("no account {}", balance.account_index),
            ));
        }
        Ok(TokenBalance {
            account: balance.account_index,
            mint: balance.mint.0,
            owner: balance.owner.map(|owner| owner.0),
            program: balance.program_id.map(|program| program.0),
            amount: RawAmount(balance.ui_token_amount.amount.0),
            decimals: Decimals(balance.ui_token_amount.decimals),
        })
    };
    balances.into_iter().map(read).collect::<Result<Box<[_]>, _>>().map(Some)
}

fn lamports(
    before: Option<Vec<u64>>,
    after: Option<Vec<u64>>,
    keys: usize,
) -> Result<Option<Box<[Lamports]>>, TransactionError> {
    let Some((before, after)) = before.zip(after) else { return Ok(None) };
    if (before.len(), after.len()) != (keys, keys) {
        let what = format!("{} before and {} after, for {keys} accounts", before.len(), after.len());
        return Err(TransactionError::malformed("balances", what));
    }
    Ok(Some(before.into_iter().zip(after).map(|(before, after)| Lamports { before, after }).collect()))
}
