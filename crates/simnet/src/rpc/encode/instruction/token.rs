//! Token and Token-2022, whose instructions nodes read alike and call `spl-token` alike.
//!
//! Layouts: SPL Token `interface/src/instruction.rs` (u8 tag, fields little endian). Bytes after the last field of an
//! instruction do not matter, except where the node reads the rest as one record.

use serde_json::{Value, json};
use solana_address::Address;

use super::{info::Info, token_extension};
use crate::rpc::encode::{
    amount::Unit,
    extension,
    reader::{Reader, text, text_or_null},
};

/// Authority types by number, and whether a mint has them.
const AUTHORITIES: [(&str, bool); 18] = [
    ("mintTokens", true),
    ("freezeAccount", true),
    ("accountOwner", false),
    ("closeAccount", false),
    ("transferFeeConfig", true),
    ("withheldWithdraw", true),
    ("closeMint", true),
    ("interestRate", true),
    ("permanentDelegate", true),
    ("confidentialTransferMint", true),
    ("transferHookProgramId", true),
    ("confidentialTransferFeeConfig", true),
    ("metadataPointer", true),
    ("groupPointer", true),
    ("groupMemberPointer", true),
    ("scaledUiAmount", true),
    ("pause", true),
    ("permissionedBurn", true),
];
const BATCH: u8 = 255;

/// An instruction, if it makes sense.
pub(super) fn parse(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let (tag, rest) = data.split_first()?;
    plain(*tag, accounts, Reader(rest))
        .or_else(|| token_extension::parse(*tag, accounts, rest))
        .or_else(|| token_extension::by_discriminator(accounts, data))
}

fn plain(tag: u8, accounts: &[Address], mut data: Reader<'_>) -> Option<Value> {
    let data = &mut data;
    let of = |needed, names: &[&str]| Info::of(accounts, needed, names);
    Some(match tag {
        0 | 20 => {
            let (decimals, authority, freeze) = (data.u8()?, data.address()?, data.tagged()?);
            let info = if tag == 0 { of(2, &["mint", "rentSysvar"])? } else { of(1, &["mint"])? };
            info.with("decimals", decimals)
                .with("mintAuthority", text(authority))
                .maybe("freezeAuthority", freeze.map(text))
                .named(if tag == 0 { "initializeMint" } else { "initializeMint2" })
        }
        1 => of(4, &["account", "mint", "owner", "rentSysvar"])?.named("initializeAccount"),
        2 | 19 => {
            let required = data.u8()?;
            let (info, first) = match tag {
                2 => (of(3, &["multisig", "rentSysvar"])?, 2),
                _ => (of(2, &["multisig"])?, 1),
            };
            let signers: Vec<Value> = accounts.iter().skip(first).copied().map(text).collect();
            info.with("signers", signers).with("m", required).named(if tag == 2 {
                "initializeMultisig"
            } else {
                "initializeMultisig2"
            })
        }
        3 => amount(of(3, &["source", "destination"])?, data)?
            .signed(2, "authority", "multisigAuthority")
            .named("transfer"),
        4 => amount(of(3, &["source", "delegate"])?, data)?
            .signed(2, "owner", "multisigOwner")
            .named("approve"),
        5 => of(2, &["source"])?.signed(1, "owner", "multisigOwner").named("revoke"),
        6 => set_authority(accounts, data)?,
        7 => amount(of(3, &["mint", "account"])?, data)?
            .signed(2, "mintAuthority", "multisigMintAuthority")
            .named("mintTo"),
        8 => amount(of(3, &["account", "mint"])?, data)?
            .signed(2, "authority", "multisigAuthority")
            .named("burn"),
        9 => of(3, &["account", "destination"])?.signed(2, "owner", "multisigOwner").named("closeAccount"),
        10 | 11 => of(3, &["account", "mint"])?
            .signed(2, "freezeAuthority", "multisigFreezeAuthority")
            .named(if tag == 10 { "freezeAccount" } else { "thawAccount" }),
        12 => checked(of(4, &["source", "mint", "destination"])?, data)?
            .signed(3, "authority", "multisigAuthority")
            .named("transferChecked"),
        13 => checked(of(4, &["source", "mint", "delegate"])?, data)?
            .signed(3, "owner", "multisigOwner")
            .named("approveChecked"),
        14 => checked(of(3, &["mint", "account"])?, data)?
            .signed(2, "mintAuthority", "multisigMintAuthority")
            .named("mintToChecked"),
        15 => checked(of(3, &["account", "mint"])?, data)?
            .signed(2, "authority", "multisigAuthority")
            .named("burnChecked"),
        16 => {
            let info = of(3, &["account", "mint"])?.with("owner", text(data.address()?));
            info.with("rentSysvar", text(*accounts.get(2)?)).named("initializeAccount2")
        }
        17 => of(1, &["account"])?.named("syncNative"),
        18 => of(2, &["account", "mint"])?.with("owner", text(data.address()?)).named("initializeAccount3"),
        21 => {
            let types = extension_types(data)?;
            let types = (!types.is_empty()).then(|| json!(types));
            of(1, &["mint"])?.maybe("extensionTypes", types).named("getAccountDataSize")
        }
        22 => of(1, &["account"])?.named("initializeImmutableOwner"),
        23 => amount(of(1, &["mint"])?, data)?.named("amountToUiAmount"),
        24 => {
            let amount = std::str::from_utf8(data.0).ok()?;
            of(1, &["mint"])?.with("uiAmount", amount).named("uiAmountToAmount")
        }
        38 => of(3, &["source", "destination"])?
            .signed(2, "authority", "multisigAuthority")
            .named("withdrawExcessLamports"),
        45 => {
            let amount = if data.flag()? { Some(json!(data.u64()?.to_string())) } else { None };
            of(3, &["source", "destination"])?
                .maybe("amount", amount)
                .signed(2, "authority", "multisigAuthority")
                .named("unwrapLamports")
        }
        BATCH => batch(accounts, *data)?,
        _ => return None,
    })
}

fn set_authority(accounts: &[Address], data: &mut Reader<'_>) -> Option<Value> {
    let (kind, of_mint) = *AUTHORITIES.get(usize::from(data.u8()?))?;
    let to = data.tagged()?;
    let named = Info::of(accounts, 2, &[if of_mint { "mint" } else { "account" }])?
        .with("authorityType", kind)
        .with("newAuthority", text_or_null(to))
        .signed(1, "authority", "multisigAuthority")
        .named("setAuthority");
    Some(named)
}

/// Batch: per entry its number of accounts u8, the length of its data u8, and the data; the accounts stand one after
/// another (`pinocchio/program/src/processor/batch.rs`).
fn batch(mut accounts: &[Address], mut data: Reader<'_>) -> Option<Value> {
    let mut entries = Vec::new();
    while !data.0.is_empty() {
        let (count, length) = (data.u8()?, data.u8()?);
        let entry = data.bytes(usize::from(length))?;
        let (own, others) = accounts.split_at_checked(usize::from(count))?;
        accounts = others;
        if entry.first() == Some(&BATCH) {
            return None;
        }
        entries.push(parse(own, entry)?);
    }
    Some(json!({"type": "batch", "info": {"instructions": entries}}))
}

/// An amount in the smallest unit.
pub(super) fn amount<'a>(info: Info<'a>, data: &mut Reader<'_>) -> Option<Info<'a>> {
    Some(info.with("amount", data.u64()?.to_string()))
}

/// An amount and the decimals it was meant in.
pub(super) fn checked<'a>(info: Info<'a>, data: &mut Reader<'_>) -> Option<Info<'a>> {
    let (amount, decimals) = (data.u64()?, data.u8()?);
    Some(info.with("tokenAmount", Unit::plain(decimals).show(amount, 0)))
}

/// The names of the extension types that fill the rest of the data.
pub(super) fn extension_types(data: &mut Reader<'_>) -> Option<Vec<&'static str>> {
    let (kinds, rest) = data.0.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    kinds.iter().map(|kind| extension::name(u16::from_le_bytes(*kind))).collect()
}
