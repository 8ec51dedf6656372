//! The token instructions that change a supply, from the reading that a node gives of them (`jsonParsed`).
//!
//! Source: agave `transaction-status/src/parse_token.rs` and its `extension/permissioned_burn.rs`, 4.4.

use std::borrow::Cow;

use eda_events::{Address, Decimals, RawAmount};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BurnKind, TokenOperation};
use crate::json::Text;

#[derive(Deserialize)]
struct Parsed<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BurnInfo {
    account: Text<Address>,
    mint: Text<Address>,
    authority: Option<Text<Address>>,
    multisig_authority: Option<Text<Address>>,
    #[serde(default)]
    signers: Vec<Text<Address>>,
    amount: Option<Text<u64>>,
    token_amount: Option<TokenAmount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MintToInfo {
    mint: Text<Address>,
    amount: Option<Text<u64>>,
    token_amount: Option<TokenAmount>,
}

#[derive(Deserialize)]
struct TokenAmount {
    amount: Text<u64>,
    decimals: u8,
}

#[derive(Deserialize)]
struct InitializeMintInfo {
    mint: Text<Address>,
}

#[derive(Deserialize)]
struct BatchInfo<'a> {
    #[serde(borrow)]
    instructions: Vec<&'a RawValue>,
}

/// What the `parsed` value of a token program's instruction says about a supply, with the batch entry. An
/// instruction that leaves the supply alone says nothing.
pub(crate) fn read_parsed(parsed: &str) -> Result<Vec<(Option<u16>, TokenOperation)>, String> {
    let instruction: Parsed<'_> = read(Some(parsed))?;
    if instruction.kind != "batch" {
        return Ok(operation(&instruction)?.map(|operation| (None, operation)).into_iter().collect());
    }
    let batch: BatchInfo<'_> = read(instruction.info.map(RawValue::get))?;
    let mut operations = Vec::new();
    for (number, entry) in batch.instructions.into_iter().enumerate() {
        let number = u16::try_from(number).map_err(|e| format!("batch entry {number}: {e}"))?;
        let entry: Parsed<'_> = read(Some(entry.get()))?;
        operations.extend(operation(&entry)?.map(|operation| (Some(number), operation)));
    }
    Ok(operations)
}

fn operation(instruction: &Parsed<'_>) -> Result<Option<TokenOperation>, String> {
    let info = instruction.info.map(RawValue::get);
    Ok(Some(match instruction.kind.as_ref() {
        "burn" => burn(BurnKind::Burn, info)?,
        "burnChecked" => burn(BurnKind::BurnChecked, info)?,
        "permissionedBurn" => burn(BurnKind::PermissionedBurn, info)?,
        "permissionedBurnChecked" => burn(BurnKind::PermissionedBurnChecked, info)?,
        "mintTo" | "mintToChecked" => {
            let info: MintToInfo = read(info)?;
            let (amount, _) = amount(info.amount, info.token_amount)?;
            TokenOperation::MintTo { mint: info.mint.0, amount }
        }
        "initializeMint" | "initializeMint2" => {
            let info: InitializeMintInfo = read(info)?;
            TokenOperation::InitializeMint { mint: info.mint.0 }
        }
        "batch" => return Err("batch inside a batch".to_owned()),
        _ => return Ok(None),
    }))
}

fn burn(kind: BurnKind, info: Option<&str>) -> Result<TokenOperation, String> {
    let info: BurnInfo = read(info)?;
    let authority = info.authority.or(info.multisig_authority).ok_or("burn without authority")?;
    let (amount, decimals) = amount(info.amount, info.token_amount)?;
    Ok(TokenOperation::Burn {
        kind,
        account: info.account.0,
        mint: info.mint.0,
        authority: authority.0,
        signers: info.signers.into_iter().map(|signer| signer.0).collect(),
        amount,
        decimals,
    })
}

fn amount(
    plain: Option<Text<u64>>,
    checked: Option<TokenAmount>,
) -> Result<(RawAmount, Option<Decimals>), String> {
    match (plain, checked) {
        (_, Some(checked)) => Ok((RawAmount(checked.amount.0), Some(Decimals(checked.decimals)))),
        (Some(plain), None) => Ok((RawAmount(plain.0), None)),
        (None, None) => Err("no amount".to_owned()),
    }
}

fn read<'a, T: Deserialize<'a>>(text: Option<&'a str>) -> Result<T, String> {
    serde_json::from_str(text.ok_or("no info")?).map_err(|e| e.to_string())
}
