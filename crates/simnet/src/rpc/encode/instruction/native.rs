//! System, Associated Token Account and Address Lookup Table.

use serde_json::Value;
use solana_address::Address;

use super::info::Info;
use crate::rpc::encode::reader::{Reader, text};

/// System (`solana-system-interface`, bincode: u32 tag, fields little endian, texts behind u64 lengths).
pub(super) fn system(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let mut data = Reader(data);
    let data = &mut data;
    let of = |needed, names: &[&str]| Info::of(accounts, needed, names);
    Some(match data.u32()? {
        0 => of(2, &["source", "newAccount"])?
            .with("lamports", data.u64()?)
            .with("space", data.u64()?)
            .with("owner", text(data.address()?))
            .named("createAccount"),
        1 => of(1, &["account"])?.with("owner", text(data.address()?)).named("assign"),
        2 => of(2, &["source", "destination"])?.with("lamports", data.u64()?).named("transfer"),
        3 => of(2, &["source", "newAccount"])?
            .with("base", text(data.address()?))
            .with("seed", data.long_text()?)
            .with("lamports", data.u64()?)
            .with("space", data.u64()?)
            .with("owner", text(data.address()?))
            .named("createAccountWithSeed"),
        4 => of(3, &["nonceAccount", "recentBlockhashesSysvar", "nonceAuthority"])?.named("advanceNonce"),
        5 => of(
            5,
            &["nonceAccount", "destination", "recentBlockhashesSysvar", "rentSysvar", "nonceAuthority"],
        )?
        .with("lamports", data.u64()?)
        .named("withdrawFromNonce"),
        6 => of(3, &["nonceAccount", "recentBlockhashesSysvar", "rentSysvar"])?
            .with("nonceAuthority", text(data.address()?))
            .named("initializeNonce"),
        7 => of(2, &["nonceAccount", "nonceAuthority"])?
            .with("newAuthorized", text(data.address()?))
            .named("authorizeNonce"),
        8 => of(1, &["account"])?.with("space", data.u64()?).named("allocate"),
        9 => of(2, &["account"])?
            .with("base", text(data.address()?))
            .with("seed", data.long_text()?)
            .with("space", data.u64()?)
            .with("owner", text(data.address()?))
            .named("allocateWithSeed"),
        10 => of(2, &["account"])?
            .with("base", text(data.address()?))
            .with("seed", data.long_text()?)
            .with("owner", text(data.address()?))
            .named("assignWithSeed"),
        11 => of(3, &["source", "sourceBase", "destination"])?
            .with("lamports", data.u64()?)
            .with("sourceSeed", data.long_text()?)
            .with("sourceOwner", text(data.address()?))
            .named("transferWithSeed"),
        12 => of(1, &["nonceAccount"])?.named("upgradeNonce"),
        13 => {
            let (lamports, space, owner) = (data.u64()?, data.u64()?, data.address()?);
            let info = match lamports {
                0 => of(1, &["newAccount"])?,
                paid => of(2, &["newAccount", "source"])?.with("lamports", paid),
            };
            info.with("space", space).with("owner", text(owner)).named("createAccountAllowPrefund")
        }
        _ => return None,
    })
}

/// Associated Token Account (borsh: u8 tag, or no data at all).
pub(super) fn associated_token(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let create = ["source", "account", "wallet", "mint", "systemProgram", "tokenProgram"];
    let kind = match data {
        [] | [0] => "create",
        [1] => "createIdempotent",
        [2] => {
            let names = [
                "nestedSource",
                "nestedMint",
                "destination",
                "nestedOwner",
                "ownerMint",
                "wallet",
                "tokenProgram",
            ];
            return Some(Info::of(accounts, 7, &names)?.named("recoverNested"));
        }
        _ => return None,
    };
    Some(Info::of(accounts, 6, &create)?.named(kind))
}

/// Address Lookup Table (`solana-address-lookup-table-interface`, bincode).
pub(super) fn lookup_table(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let mut data = Reader(data);
    let table = ["lookupTableAccount", "lookupTableAuthority"];
    Some(match data.u32()? {
        0 => {
            let (slot, bump) = (data.u64()?, data.u8()?);
            let names = ["lookupTableAccount", "lookupTableAuthority", "payerAccount", "systemProgram"];
            Info::of(accounts, 4, &names)?
                .with("recentSlot", slot)
                .with("bumpSeed", bump)
                .named("createLookupTable")
        }
        1 => Info::of(accounts, 2, &table)?.named("freezeLookupTable"),
        2 => {
            let mut addresses = Vec::new();
            for _ in 0..data.u64()? {
                addresses.push(text(data.address()?));
            }
            let paid = ["lookupTableAccount", "lookupTableAuthority", "payerAccount", "systemProgram"];
            let names = if accounts.len() >= paid.len() { &paid[..] } else { &table[..] };
            Info::of(accounts, 2, names)?.with("newAddresses", addresses).named("extendLookupTable")
        }
        3 => Info::of(accounts, 2, &table)?.named("deactivateLookupTable"),
        4 => Info::of(accounts, 3, &["lookupTableAccount", "lookupTableAuthority", "recipient"])?
            .named("closeLookupTable"),
        _ => return None,
    })
}
