//! Accounts that nodes can read, as `jsonParsed` shows them.

use serde_json::{Value, json};
use solana_address::Address;

use super::{
    amount::Unit,
    extension::{self, account_state},
    reader::{Reader, text, text_or_null},
};
use crate::{
    chain::{Account, rent_exempt_minimum},
    programs::{LOADER, LOOKUP_TABLE, SYSTEM, TOKEN, TOKEN_2022, token::Mint},
};

/// Whose accounts sysvars are.
pub(super) const SYSVARS: Address = Address::from_str_const("Sysvar1111111111111111111111111111111111111");
const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");
const RENT: Address = Address::from_str_const("SysvarRent111111111111111111111111111111111");
const SLOT_HASHES: Address = Address::from_str_const("SysvarS1otHashes111111111111111111111111111");
/// Bytes of a multisig.
const MULTISIG_BYTES: usize = 355;

/// What an account holds: the program's name as nodes have it, and the contents. `mint` is the mint of a token
/// account, `now` a unix time.
pub(super) fn parse(
    address: &Address,
    account: &Account,
    mint: Option<&Account>,
    now: i64,
) -> Option<(&'static str, Value)> {
    let data = account.data.as_slice();
    match account.owner {
        TOKEN => token(account, mint, now).map(|parsed| ("spl-token", parsed)),
        TOKEN_2022 => token(account, mint, now).map(|parsed| ("spl-token-2022", parsed)),
        SYSTEM => nonce(Reader(data)).map(|parsed| ("nonce", parsed)),
        LOOKUP_TABLE => lookup_table(Reader(data)).map(|parsed| ("address-lookup-table", parsed)),
        LOADER => program(Reader(data)).map(|parsed| ("bpf-upgradeable-loader", parsed)),
        SYSVARS => sysvar(address, Reader(data)).map(|parsed| ("sysvar", parsed)),
        _ => None,
    }
}

fn token(account: &Account, mint: Option<&Account>, now: i64) -> Option<Value> {
    let data = account.data.as_slice();
    if is_holding(account) {
        let unit = Unit::of(mint?)?;
        return holding(data, unit, now);
    }
    if let Some(mint) = Mint::read(account) {
        let mut info = json!({
            "mintAuthority": text_or_null(mint.authority),
            "supply": mint.supply.to_string(),
            "decimals": mint.decimals,
            "isInitialized": true,
            "freezeAuthority": text_or_null(mint.freeze_authority),
        });
        add_extensions(&mut info, data);
        return Some(json!({"type": "mint", "info": info}));
    }
    multisig(data)
}

/// Whether it is an initialized token account.
pub(super) fn is_holding(account: &Account) -> bool {
    crate::programs::token::Holding::read(account).is_some()
}

fn holding(data: &[u8], unit: Unit, now: i64) -> Option<Value> {
    let mut fields = Reader(data);
    let (mint, owner, amount) = (fields.address()?, fields.address()?, fields.u64()?);
    let delegate = fields.padded()?;
    let state = account_state(fields.u8()?)?;
    let (native, reserve) = (fields.u32()? == 1, fields.u64()?);
    let delegated = fields.u64()?;
    let close_authority = fields.padded()?;
    let mut info = json!({
        "mint": text(mint),
        "owner": text(owner),
        "tokenAmount": unit.show(amount, now),
        "state": state,
        "isNative": native,
    });
    let shown = info.as_object_mut()?;
    if let Some(delegate) = delegate {
        shown.insert("delegate".to_owned(), text(delegate));
        shown.insert("delegatedAmount".to_owned(), unit.show(delegated, now));
    }
    if native {
        shown.insert("rentExemptReserve".to_owned(), unit.show(reserve, now));
    }
    if let Some(authority) = close_authority {
        shown.insert("closeAuthority".to_owned(), text(authority));
    }
    add_extensions(&mut info, data);
    Some(json!({"type": "account", "info": info}))
}

fn add_extensions(info: &mut Value, data: &[u8]) {
    let extensions = extension::show_all(data);
    if let (false, Some(fields)) = (extensions.is_empty(), info.as_object_mut()) {
        fields.insert("extensions".to_owned(), Value::Array(extensions));
    }
}

/// A multisig: required u8, members u8, initialized u8, eleven addresses.
fn multisig(data: &[u8]) -> Option<Value> {
    if data.len() != MULTISIG_BYTES {
        return None;
    }
    let mut fields = Reader(data);
    let (required, members, initialized) = (fields.u8()?, fields.u8()?, fields.flag()?);
    if !initialized {
        return None;
    }
    let mut signers = Vec::new();
    while let Some(signer) = fields.nonzero() {
        signers.extend(signer.map(text));
    }
    let info = json!({
        "numRequiredSigners": required,
        "numValidSigners": members,
        "isInitialized": true,
        "signers": signers,
    });
    Some(json!({"type": "multisig", "info": info}))
}

/// A nonce (`solana-nonce`): version u32, state u32, authority, blockhash, lamports per signature u64.
fn nonce(mut data: Reader<'_>) -> Option<Value> {
    if data.u32()? > 1 || data.u32()? != 1 {
        return None;
    }
    let info = json!({
        "authority": text(data.address()?),
        "blockhash": text(data.address()?),
        "feeCalculator": {"lamportsPerSignature": data.u64()?.to_string()},
    });
    Some(json!({"type": "initialized", "info": info}))
}

/// A lookup table; its layout stands in [`crate::programs::lookup_table`].
fn lookup_table(mut data: Reader<'_>) -> Option<Value> {
    match data.u32()? {
        0 => return Some(json!({"type": "uninitialized"})),
        1 => {}
        _ => return None,
    }
    let (deactivated, extended, start) = (data.u64()?, data.u64()?, data.u8()?);
    let (tag, authority) = (data.u8()?, data.address()?);
    data.bytes(2)?;
    let (addresses, rest) = data.0.as_chunks::<32>();
    if !rest.is_empty() {
        return None;
    }
    let addresses: Vec<Value> =
        addresses.iter().map(|address| text(Address::new_from_array(*address))).collect();
    let mut info = json!({
        "deactivationSlot": deactivated.to_string(),
        "lastExtendedSlot": extended.to_string(),
        "lastExtendedSlotStartIndex": start,
        "addresses": addresses,
    });
    if let (1, Some(fields)) = (tag, info.as_object_mut()) {
        fields.insert("authority".to_owned(), text(authority));
    }
    Some(json!({"type": "lookupTable", "info": info}))
}

/// A deployed program (`solana-loader-v3-interface`): tag 2 u32, the address of its code.
fn program(mut data: Reader<'_>) -> Option<Value> {
    if data.u32()? != 2 {
        return None;
    }
    let info = json!({"programData": text(data.address()?)});
    Some(json!({"type": "program", "info": info}))
}

fn sysvar(address: &Address, mut data: Reader<'_>) -> Option<Value> {
    match *address {
        CLOCK => {
            let info = json!({
                "slot": data.u64()?,
                "epochStartTimestamp": data.i64()?,
                "epoch": data.u64()?,
                "leaderScheduleEpoch": data.u64()?,
                "unixTimestamp": data.i64()?,
            });
            Some(json!({"type": "clock", "info": info}))
        }
        RENT => {
            let per_byte = rent_exempt_minimum(1).saturating_sub(rent_exempt_minimum(0));
            Some(json!({"type": "rent", "info": {"lamportsPerByte": per_byte.to_string()}}))
        }
        SLOT_HASHES => {
            let mut hashes = Vec::new();
            for _ in 0..data.u64()? {
                let (slot, hash) = (data.u64()?, data.address()?);
                hashes.push(json!({"slot": slot, "hash": text(hash)}));
            }
            Some(json!({"type": "slotHashes", "info": hashes}))
        }
        _ => None,
    }
}
