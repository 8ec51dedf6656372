//! Single accounts.

use serde_json::{Value, json};

use super::{
    encode::{AccountEncoding, Snapshot},
    error::RpcError,
    params::{self, RpcAccountInfoConfig, RpcContextConfig},
    view::{View, in_context},
};
use crate::node::Node;

/// Accounts that may be asked for at once (`MAX_MULTIPLE_ACCOUNTS`).
const MOST_ACCOUNTS: usize = 100;

pub(super) fn account_info(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, config): (String, Option<RpcAccountInfoConfig>) = params::read(params, 1, 1)?;
    let (address, config) = (params::address(&address)?, config.unwrap_or_default());
    let encoding = config.encoding.unwrap_or(AccountEncoding::Binary);
    let view = View::of(node, (&config).into())?;
    let (slot, found) = (view.slot, Snapshot::find(&view.chain, view.slot, &address));
    drop(view);
    let shown = found.map(|account| account.checked(encoding, config.data_slice)).transpose()?;
    Ok(in_context(slot, json!(shown)))
}

pub(super) fn multiple_accounts(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (addresses, config): (Vec<String>, Option<RpcAccountInfoConfig>) = params::read(params, 1, 1)?;
    if addresses.len() > MOST_ACCOUNTS {
        return Err(RpcError::InvalidParams(format!("Too many inputs provided; max {MOST_ACCOUNTS}")));
    }
    let addresses = addresses.iter().map(|text| params::address(text)).collect::<Result<Vec<_>, _>>()?;
    let config = config.unwrap_or_default();
    let encoding = config.encoding.unwrap_or(AccountEncoding::Base64);
    let view = View::of(node, (&config).into())?;
    let slot = view.slot;
    let found: Vec<Option<Snapshot>> =
        addresses.iter().map(|address| Snapshot::find(&view.chain, slot, address)).collect();
    drop(view);
    let shown = found.iter().map(|account| {
        account.as_ref().map(|account| account.checked(encoding, config.data_slice)).transpose()
    });
    Ok(in_context(slot, json!(shown.collect::<Result<Vec<_>, _>>()?)))
}

pub(super) fn balance(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, config): (String, Option<RpcContextConfig>) = params::read(params, 1, 1)?;
    let address = params::address(&address)?;
    let view = View::of(node, config.unwrap_or_default())?;
    let account = view.chain.accounts().at(&address, view.slot);
    Ok(in_context(view.slot, account.map_or(0, |account| account.lamports)))
}
