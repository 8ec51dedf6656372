//! Transactions that landed.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use solana_signature::Signature;

use super::{
    blocks::context,
    encode::{TransactionEncoding, memos, time_at, transaction_value},
    error::RpcError,
    params::{self, CommitmentConfig, RpcContextConfig, RpcEncodingConfigWrapper, RpcTransactionConfig},
    view::{View, in_context},
};
use crate::{
    chain::{Chain, Commitment, Landed, Tips},
    node::Node,
};

/// Signatures of a page, unless fewer are asked for, and at most (`MAX_GET_CONFIRMED_SIGNATURES_FOR_ADDRESS2_LIMIT`).
const PAGE: usize = 1_000;
/// Signatures whose status may be asked for at once (`MAX_GET_SIGNATURE_STATUSES_QUERY_ITEMS`).
const STATUSES: usize = 256;
/// Slots whose statuses are at hand without a search in history (`MAX_RECENT_BLOCKHASHES`).
const RECENT: u64 = 300;

/// Which part of an address' transactions to list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcSignaturesForAddressConfig {
    before: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    #[serde(flatten)]
    commitment: Option<CommitmentConfig>,
    min_context_slot: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcSignatureStatusConfig {
    search_transaction_history: bool,
}

pub(super) fn transaction(node: &Node, params: &Value) -> Result<Value, RpcError> {
    type Wrapper = RpcEncodingConfigWrapper<RpcTransactionConfig>;
    let (signature, config): (String, Option<Wrapper>) = params::read(params, 1, 1)?;
    let signature = params::signature(&signature)?;
    let config = config.map(|config| config.config()).unwrap_or_default();
    params::at_least_confirmed(config.commitment)?;
    let view = View::of(node, context(config.commitment))?;
    let found = view.chain.history().find(&signature).filter(|landed| landed.slot <= view.slot);
    let Some(landed) = found.map(Arc::clone) else { return Ok(Value::Null) };
    let time = time_at(&view.chain, landed.slot);
    drop(view);
    let encoding = config.encoding.unwrap_or(TransactionEncoding::Json);
    let mut shown = transaction_value(&landed, encoding, config.max_supported_transaction_version, true)?;
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("slot".to_owned(), json!(landed.slot));
        fields.insert("blockTime".to_owned(), json!(time));
        fields.insert("transactionIndex".to_owned(), json!(landed.index));
    }
    Ok(shown)
}

pub(super) fn signatures_for_address(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, config): (String, Option<RpcSignaturesForAddressConfig>) = params::read(params, 1, 1)?;
    let config = config.unwrap_or_default();
    let address = params::address(&address)?;
    let before = config.before.as_deref().map(params::signature).transpose()?;
    let until = config.until.as_deref().map(params::signature).transpose()?;
    let limit = config.limit.unwrap_or(PAGE);
    if limit == 0 || limit > PAGE {
        return Err(RpcError::InvalidParams(format!("Invalid limit; max {PAGE}")));
    }
    params::at_least_confirmed(config.commitment)?;
    let context =
        RpcContextConfig { commitment: config.commitment, min_context_slot: config.min_context_slot };
    let view = View::of(node, context)?;
    let edge = |signature: Signature| match view.chain.history().find(&signature) {
        Some(landed) if landed.slot <= view.slot => Ok(place(landed)),
        Some(_) | None => Err(RpcError::NoSuchTransaction(signature)),
    };
    let (before, until) = (before.map(edge).transpose()?, until.map(edge).transpose()?);
    let page: Vec<(Arc<Landed>, i64)> = view
        .chain
        .history()
        .of(&address)
        .filter(|landed| landed.slot <= view.slot)
        .skip_while(|landed| before.is_some_and(|before| place(landed) >= before))
        .take_while(|landed| until.is_none_or(|until| place(landed) > until))
        .take(limit)
        .map(|landed| (Arc::clone(landed), time_at(&view.chain, landed.slot)))
        .collect();
    let tips = view.tips;
    drop(view);
    let shown = page.iter().map(|(landed, time)| {
        json!({
            "signature": landed.signature().to_string(),
            "slot": landed.slot,
            "transactionIndex": landed.index,
            "err": landed.meta.err,
            "memo": memos(landed),
            "blockTime": time,
            "confirmationStatus": confirmation(tips, landed.slot),
        })
    });
    Ok(shown.collect())
}

pub(super) fn signature_statuses(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (signatures, config): (Vec<String>, Option<RpcSignatureStatusConfig>) = params::read(params, 1, 1)?;
    if signatures.len() > STATUSES {
        return Err(RpcError::InvalidParams(format!("Too many inputs provided; max {STATUSES}")));
    }
    let signatures = signatures.iter().map(|text| params::signature(text)).collect::<Result<Vec<_>, _>>()?;
    let search = config.is_some_and(|config| config.search_transaction_history);
    let chain = node.chain();
    let tips = node.tips(&chain);
    let status = |signature: &Signature| {
        let landed = chain.history().find(signature)?;
        let recent = landed.slot.saturating_add(RECENT) > tips.finalized;
        (landed.slot <= tips.processed && (search || recent)).then(|| status(&chain, tips, landed))
    };
    let statuses: Vec<Option<Value>> = signatures.iter().map(status).collect();
    Ok(in_context(tips.processed, json!(statuses)))
}

fn status(chain: &Chain, tips: Tips, landed: &Landed) -> Value {
    let height = |slot: u64| chain.history().block(slot).map_or(0, |block| block.height);
    let confirmations = match level(tips, landed.slot) {
        Commitment::Processed => Some(0),
        Commitment::Confirmed => Some(height(tips.processed).saturating_sub(height(landed.slot)).max(1)),
        Commitment::Finalized => None,
    };
    let outcome = match &landed.meta.err {
        None => json!({"Ok": null}),
        Some(err) => json!({"Err": err}),
    };
    json!({
        "slot": landed.slot,
        "confirmations": confirmations,
        "err": landed.meta.err,
        "status": outcome,
        "confirmationStatus": confirmation(tips, landed.slot),
    })
}

fn level(tips: Tips, slot: u64) -> Commitment {
    if slot <= tips.finalized {
        Commitment::Finalized
    } else if slot <= tips.confirmed {
        Commitment::Confirmed
    } else {
        Commitment::Processed
    }
}

fn confirmation(tips: Tips, slot: u64) -> &'static str {
    match level(tips, slot) {
        Commitment::Processed => "processed",
        Commitment::Confirmed => "confirmed",
        Commitment::Finalized => "finalized",
    }
}

/// Where a transaction is on the chain.
fn place(landed: &Landed) -> (u64, usize) {
    (landed.slot, landed.index)
}
