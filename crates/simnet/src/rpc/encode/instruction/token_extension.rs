//! Instructions of Token-2022's extensions.
//!
//! Layouts: Token-2022 `interface/src/extension/*/instruction.rs` (u8 tag, u8 sub tag, one record that fills the rest).
//! Metadata and groups are interfaces of their own, told by eight bytes.

use serde_json::{Value, json};
use solana_address::Address;
use solana_sha256_hasher::hash;

use super::{
    info::Info,
    token::{amount, checked, extension_types},
};
use crate::rpc::encode::{
    amount::Unit,
    extension::{account_state, base64_of, encryption_key},
    reader::{Reader, text, text_or_null},
};

/// An instruction of an extension, if it makes sense.
pub(super) fn parse(tag: u8, accounts: &[Address], data: &[u8]) -> Option<Value> {
    let mut data = Reader(data);
    let data = &mut data;
    let of = |needed, names: &[&str]| Info::of(accounts, needed, names);
    match tag {
        25 => {
            let authority = data.tagged()?;
            let info = of(1, &["mint"])?.with("newAuthority", text_or_null(authority));
            return Some(info.named("initializeMintCloseAuthority"));
        }
        29 => {
            let types = extension_types(data)?;
            let info = of(4, &["account", "payer", "systemProgram"])?.with("extensionTypes", json!(types));
            return Some(info.signed(3, "owner", "multisigOwner").named("reallocate"));
        }
        31 => return Some(of(3, &["payer", "nativeMint", "systemProgram"])?.named("createNativeMint")),
        32 => return Some(of(1, &["mint"])?.named("initializeNonTransferableMint")),
        35 => {
            let info = of(1, &["mint"])?.with("delegate", text(data.address()?));
            return Some(info.named("initializePermanentDelegate"));
        }
        _ => {}
    }
    let sub = data.u8()?;
    let parsed = match (tag, sub) {
        (26, _) => transfer_fee(sub, accounts, data)?,
        (27, 0) => {
            let info = of(1, &["mint"])?.maybe("authority", data.nonzero()?.map(text));
            info.with("autoApproveNewAccounts", data.flag()?)
                .with("auditorElGamalPubkey", encryption_key(data)?)
                .named("initializeConfidentialTransferMint")
        }
        (28, 0) => {
            let state = account_state(data.u8()?)?;
            of(1, &["mint"])?.with("accountState", state).named("initializeDefaultAccountState")
        }
        (28, 1) => {
            let state = account_state(data.u8()?)?;
            of(2, &["mint"])?
                .with("accountState", state)
                .signed(1, "freezeAuthority", "multisigFreezeAuthority")
                .named("updateDefaultAccountState")
        }
        (30, 0 | 1) => of(2, &["account"])?.signed(1, "owner", "multisigOwner").named(if sub == 0 {
            "enableRequiredMemoTransfers"
        } else {
            "disableRequiredMemoTransfers"
        }),
        (33, 0) => {
            let info = of(1, &["mint"])?.with("rateAuthority", text_or_null(data.nonzero()?));
            info.with("rate", data.i16()?).named("initializeInterestBearingConfig")
        }
        (33, 1) => of(2, &["mint"])?
            .with("newRate", data.i16()?)
            .signed(1, "rateAuthority", "multisigRateAuthority")
            .named("updateInterestBearingConfigRate"),
        (34, 0 | 1) => of(2, &["account"])?.signed(1, "owner", "multisigOwner").named(if sub == 0 {
            "enableCpiGuard"
        } else {
            "disableCpiGuard"
        }),
        (36, _) => pointer(sub, accounts, data, "programId", "TransferHook")?,
        (37, 0) => of(1, &["mint"])?
            .maybe("authority", data.nonzero()?.map(text))
            .with("withdrawWithheldAuthorityElGamalPubkey", encryption_key(data)?)
            .named("initializeConfidentialTransferFeeConfig"),
        (39, _) => pointer(sub, accounts, data, "metadataAddress", "MetadataPointer")?,
        (40, _) => pointer(sub, accounts, data, "groupAddress", "GroupPointer")?,
        (41, _) => pointer(sub, accounts, data, "memberAddress", "GroupMemberPointer")?,
        (42, 0) => of(1, &["mint"])?
            .with("supplyElGamalPubkey", base64_of(data.bytes(32)?))
            .with("decryptableSupply", base64_of(data.bytes(36)?))
            .named("initializeConfidentialMintBurnMint"),
        (43, 0) => of(1, &["mint"])?
            .with("authority", text_or_null(data.nonzero()?))
            .with("multiplier", data.f64()?.to_string())
            .named("initializeScaledUiAmountConfig"),
        (43, 1) => of(2, &["mint"])?
            .with("newMultiplier", data.f64()?.to_string())
            .with("newMultiplierTimestamp", data.i64()?)
            .signed(1, "authority", "multisigAuthority")
            .named("updateMultiplier"),
        (44, 0) => {
            of(1, &["mint"])?.with("authority", text(data.address()?)).named("initializePausableConfig")
        }
        (44, 1 | 2) => of(2, &["mint"])?.signed(1, "authority", "multisigAuthority").named(if sub == 1 {
            "pause"
        } else {
            "resume"
        }),
        (46, 0) => of(1, &["mint"])?
            .with("authority", text(data.address()?))
            .named("initializePermissionedBurnConfig"),
        (46, 1 | 2) => {
            let info = of(4, &["account", "mint", "permissionedBurnAuthority"])?;
            let info = if sub == 1 { amount(info, data)? } else { checked(info, data)? };
            info.signed(3, "authority", "multisigAuthority").named(if sub == 1 {
                "permissionedBurn"
            } else {
                "permissionedBurnChecked"
            })
        }
        _ => return None,
    };
    data.end()?;
    Some(parsed)
}

/// An extension that points from a mint to something else.
fn pointer(
    sub: u8,
    accounts: &[Address],
    data: &mut Reader<'_>,
    target: &str,
    extension: &str,
) -> Option<Value> {
    Some(match sub {
        0 => {
            let info = Info::of(accounts, 1, &["mint"])?.maybe("authority", data.nonzero()?.map(text));
            info.maybe(target, data.nonzero()?.map(text)).named(&format!("initialize{extension}"))
        }
        1 => Info::of(accounts, 2, &["mint"])?
            .maybe(target, data.nonzero()?.map(text))
            .signed(1, "authority", "multisigAuthority")
            .named(&format!("update{extension}")),
        _ => return None,
    })
}

fn transfer_fee(sub: u8, accounts: &[Address], data: &mut Reader<'_>) -> Option<Value> {
    let of = |needed, names: &[&str]| Info::of(accounts, needed, names);
    let withheld = ("withdrawWithheldAuthority", "multisigWithdrawWithheldAuthority");
    Some(match sub {
        0 => {
            let (config, withdraw) = (data.tagged()?, data.tagged()?);
            of(1, &["mint"])?
                .with("transferFeeBasisPoints", data.u16()?)
                .with("maximumFee", data.u64()?)
                .maybe("transferFeeConfigAuthority", config.map(text))
                .maybe("withdrawWithheldAuthority", withdraw.map(text))
                .named("initializeTransferFeeConfig")
        }
        1 => {
            let (amount, decimals, fee) = (data.u64()?, data.u8()?, data.u64()?);
            of(4, &["source", "mint", "destination"])?
                .with("tokenAmount", Unit::plain(decimals).show(amount, 0))
                .with("feeAmount", Unit::plain(decimals).show(fee, 0))
                .signed(3, "authority", "multisigAuthority")
                .named("transferCheckedWithFee")
        }
        2 => of(3, &["mint", "feeRecipient"])?
            .signed(2, withheld.0, withheld.1)
            .named("withdrawWithheldTokensFromMint"),
        3 => {
            let sources = usize::from(data.u8()?);
            let first = accounts.len().checked_sub(sources)?;
            let named = accounts.get(first..)?.iter().copied().map(text).collect::<Vec<_>>();
            let signers = accounts.get(3..first).unwrap_or_default();
            of(sources.saturating_add(3), &["mint", "feeRecipient"])?
                .with("sourceAccounts", named)
                .signed_among(2, signers, withheld.0, withheld.1)
                .named("withdrawWithheldTokensFromAccounts")
        }
        4 => {
            let sources: Vec<Value> = accounts.iter().skip(1).copied().map(text).collect();
            of(1, &["mint"])?.with("sourceAccounts", sources).named("harvestWithheldTokensToMint")
        }
        5 => of(2, &["mint"])?
            .with("transferFeeBasisPoints", data.u16()?)
            .with("maximumFee", data.u64()?)
            .signed(1, "transferFeeConfigAuthority", "multisigtransferFeeConfigAuthority")
            .named("setTransferFee"),
        _ => return None,
    })
}

/// An instruction of the token metadata or token group interface: eight bytes of the hash of its name, then borsh.
pub(super) fn by_discriminator(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let (discriminator, rest) = data.split_first_chunk::<8>()?;
    let mut rest = Reader(rest);
    let data = &mut rest;
    let of = |needed, names: &[&str]| Info::of(accounts, needed, names);
    let is = |name: &str| hash(name.as_bytes()).as_bytes().starts_with(discriminator);
    let parsed = if is("spl_token_metadata_interface:initialize_account") {
        of(4, &["metadata", "updateAuthority", "mint", "mintAuthority"])?
            .with("name", data.text()?)
            .with("symbol", data.text()?)
            .with("uri", data.text()?)
            .named("initializeTokenMetadata")
    } else if is("spl_token_metadata_interface:updating_field") {
        let field = match data.u8()? {
            0 => "name",
            1 => "symbol",
            2 => "uri",
            3 => data.text()?,
            _ => return None,
        };
        of(2, &["metadata", "updateAuthority"])?
            .with("field", field)
            .with("value", data.text()?)
            .named("updateTokenMetadataField")
    } else if is("spl_token_metadata_interface:remove_key_ix") {
        of(2, &["metadata", "updateAuthority"])?
            .with("idempotent", data.flag()?)
            .with("key", data.text()?)
            .named("removeTokenMetadataKey")
    } else if is("spl_token_metadata_interface:update_the_authority") {
        of(2, &["metadata", "updateAuthority"])?
            .with("newAuthority", text_or_null(data.nonzero()?))
            .named("updateTokenMetadataAuthority")
    } else if is("spl_token_group_interface:initialize_token_group") {
        of(3, &["group", "mint", "mintAuthority"])?
            .with("updateAuthority", text_or_null(data.nonzero()?))
            .with("maxSize", data.u64()?)
            .named("initializeTokenGroup")
    } else if is("spl_token_group_interface:update_group_max_size") {
        of(2, &["group", "updateAuthority"])?.with("maxSize", data.u64()?).named("updateTokenGroupMaxSize")
    } else if is("spl_token_group_interface:update_authority") {
        of(2, &["group", "updateAuthority"])?
            .with("newAuthority", text_or_null(data.nonzero()?))
            .named("updateTokenGroupAuthority")
    } else if is("spl_token_group_interface:initialize_member") {
        let names = ["member", "memberMint", "memberMintAuthority", "group", "groupUpdateAuthority"];
        of(5, &names)?.named("initializeTokenGroupMember")
    } else {
        return None;
    };
    data.end()?;
    Some(parsed)
}
