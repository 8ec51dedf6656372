//! Token-2022's extensions as nodes show them.
//!
//! Entries follow the account type in byte 165: type u16, length u16, data (Token-2022 `extension/mod.rs`).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::reader::{Reader, text, text_or_null};

/// Where entries begin: the base account, padded, and the account type.
const ENTRIES: usize = 166;
/// Entries of a mint whose amounts grow.
pub(super) const INTEREST_BEARING: u16 = 10;
/// Entries of a mint whose amounts are multiplied.
pub(super) const SCALED_UI_AMOUNT: u16 = 25;

/// The names of extension types in instructions, by number.
const NAMES: [&str; 29] = [
    "uninitialized",
    "transferFeeConfig",
    "transferFeeAmount",
    "mintCloseAuthority",
    "confidentialTransferMint",
    "confidentialTransferAccount",
    "defaultAccountState",
    "immutableOwner",
    "memoTransfer",
    "nonTransferable",
    "interestBearingConfig",
    "cpiGuard",
    "permanentDelegate",
    "nonTransferableAccount",
    "transferHook",
    "transferHookAccount",
    "confidentialTransferFeeConfig",
    "confidentialTransferFeeAmount",
    "metadataPointer",
    "tokenMetadata",
    "groupPointer",
    "tokenGroup",
    "groupMemberPointer",
    "tokenGroupMember",
    "confidentialMintBurn",
    "scaledUiAmount",
    "pausable",
    "pausableAccount",
    "permissionedBurn",
];

/// The name of an extension type.
pub(super) fn name(kind: u16) -> Option<&'static str> {
    NAMES.get(usize::from(kind)).copied()
}

/// The entries of an account; `None` if they cannot be read to their end or one is of an unknown type, since then a
/// node shows none of them.
pub(super) fn entries(account: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut rest = Reader(account.get(ENTRIES..).unwrap_or_default());
    let mut entries = Vec::new();
    while rest.0.len() >= 2 {
        let kind = rest.u16()?;
        if kind == 0 {
            break;
        }
        name(kind)?;
        let length = usize::from(rest.u16()?);
        entries.push((kind, rest.bytes(length)?));
    }
    Some(entries)
}

/// The entries as JSON.
pub(super) fn show_all(account: &[u8]) -> Vec<Value> {
    let entries = entries(account).unwrap_or_default();
    entries.into_iter().map(|(kind, data)| show(kind, data)).collect()
}

fn show(kind: u16, data: &[u8]) -> Value {
    let name = match kind {
        SCALED_UI_AMOUNT => "scaledUiAmountConfig",
        26 => "pausableConfig",
        28 => "permissionedBurnConfig",
        other => name(other).unwrap_or_default(),
    };
    if matches!(kind, 7 | 9 | 13 | 27) {
        return json!({"extension": name});
    }
    match state(kind, Reader(data)) {
        Some(state) => json!({"extension": name, "state": state}),
        None => json!({"extension": "unparseableExtension"}),
    }
}

/// The state of one entry, by the layouts of Token-2022's `extension/*/mod.rs`.
fn state(kind: u16, mut data: Reader<'_>) -> Option<Value> {
    let data = &mut data;
    Some(match kind {
        1 => json!({
            "transferFeeConfigAuthority": text_or_null(data.nonzero()?),
            "withdrawWithheldAuthority": text_or_null(data.nonzero()?),
            "withheldAmount": data.u64()?,
            "olderTransferFee": transfer_fee(data)?,
            "newerTransferFee": transfer_fee(data)?,
        }),
        2 => json!({"withheldAmount": data.u64()?}),
        3 => json!({"closeAuthority": text_or_null(data.nonzero()?)}),
        4 => json!({
            "authority": text_or_null(data.nonzero()?),
            "autoApproveNewAccounts": data.flag()?,
            "auditorElgamalPubkey": encryption_key(data)?,
        }),
        5 => json!({
            "approved": data.flag()?,
            "elgamalPubkey": base64_of(data.bytes(32)?),
            "pendingBalanceLo": base64_of(data.bytes(64)?),
            "pendingBalanceHi": base64_of(data.bytes(64)?),
            "availableBalance": base64_of(data.bytes(64)?),
            "decryptableAvailableBalance": base64_of(data.bytes(36)?),
            "allowConfidentialCredits": data.flag()?,
            "allowNonConfidentialCredits": data.flag()?,
            "pendingBalanceCreditCounter": data.u64()?,
            "maximumPendingBalanceCreditCounter": data.u64()?,
            "expectedPendingBalanceCreditCounter": data.u64()?,
            "actualPendingBalanceCreditCounter": data.u64()?,
        }),
        6 => json!({"accountState": account_state(data.u8()?).unwrap_or("uninitialized")}),
        8 => json!({"requireIncomingTransferMemos": data.flag()?}),
        INTEREST_BEARING => json!({
            "rateAuthority": text_or_null(data.nonzero()?),
            "initializationTimestamp": data.i64()?,
            "preUpdateAverageRate": data.i16()?,
            "lastUpdateTimestamp": data.i64()?,
            "currentRate": data.i16()?,
        }),
        11 => json!({"lockCpi": data.flag()?}),
        12 => json!({"delegate": text_or_null(data.nonzero()?)}),
        14 => pointer(data, "programId")?,
        15 => json!({"transferring": data.flag()?}),
        16 => json!({
            "authority": text_or_null(data.nonzero()?),
            "withdrawWithheldAuthorityElgamalPubkey": base64_of(data.bytes(32)?),
            "harvestToMintEnabled": data.flag()?,
            "withheldAmount": base64_of(data.bytes(64)?),
        }),
        17 => json!({"withheldAmount": base64_of(data.bytes(64)?)}),
        18 => pointer(data, "metadataAddress")?,
        19 => metadata(data)?,
        20 => pointer(data, "groupAddress")?,
        21 => json!({
            "updateAuthority": text_or_null(data.nonzero()?),
            "mint": text(data.address()?),
            "size": data.u64()?,
            "maxSize": data.u64()?,
        }),
        22 => pointer(data, "memberAddress")?,
        23 => json!({
            "mint": text(data.address()?),
            "group": text(data.address()?),
            "memberNumber": data.u64()?,
        }),
        24 => json!({
            "confidentialSupply": base64_of(data.bytes(64)?),
            "decryptableSupply": base64_of(data.bytes(36)?),
            "supplyElgamalPubkey": encryption_key(data)?,
            "pendingBurn": base64_of(data.bytes(64)?),
        }),
        SCALED_UI_AMOUNT => json!({
            "authority": text_or_null(data.nonzero()?),
            "multiplier": data.f64()?.to_string(),
            "newMultiplierEffectiveTimestamp": data.i64()?,
            "newMultiplier": data.f64()?.to_string(),
        }),
        26 => json!({"authority": text_or_null(data.nonzero()?), "paused": data.flag()?}),
        28 => json!({"authority": text_or_null(data.nonzero()?)}),
        _ => return None,
    })
}

fn transfer_fee(data: &mut Reader<'_>) -> Option<Value> {
    Some(json!({
        "epoch": data.u64()?,
        "maximumFee": data.u64()?,
        "transferFeeBasisPoints": data.u16()?,
    }))
}

fn pointer(data: &mut Reader<'_>, to: &str) -> Option<Value> {
    let (authority, target) = (data.nonzero()?, data.nonzero()?);
    Some(json!({"authority": text_or_null(authority), to: text_or_null(target)}))
}

/// Token metadata (borsh): authority, mint, name, symbol, uri, and a list of pairs.
fn metadata(data: &mut Reader<'_>) -> Option<Value> {
    let (authority, mint) = (data.nonzero()?, data.address()?);
    let (name, symbol, uri) = (data.text()?, data.text()?, data.text()?);
    let mut additional = Vec::new();
    for _ in 0..data.u32()? {
        additional.push([data.text()?, data.text()?]);
    }
    Some(json!({
        "updateAuthority": text_or_null(authority),
        "mint": text(mint),
        "name": name,
        "symbol": symbol,
        "uri": uri,
        "additionalMetadata": additional,
    }))
}

/// The name of a token account's state.
pub(super) fn account_state(state: u8) -> Option<&'static str> {
    match state {
        0 => Some("uninitialized"),
        1 => Some("initialized"),
        2 => Some("frozen"),
        _ => None,
    }
}

/// A key that encrypts amounts, or null if it is all zeros.
pub(super) fn encryption_key(data: &mut Reader<'_>) -> Option<Value> {
    let key = data.bytes(32)?;
    Some(if key.iter().all(|byte| *byte == 0) { Value::Null } else { base64_of(key) })
}

/// Bytes as base64.
pub(super) fn base64_of(bytes: &[u8]) -> Value {
    Value::String(STANDARD.encode(bytes))
}
