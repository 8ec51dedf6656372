//! Tokens.

use serde::Deserialize;
use serde_json::{Value, json};
use solana_address::Address;

use super::{
    blocks::context,
    encode::{Unit, time_at},
    error::RpcError,
    params::{self, CommitmentConfig, RpcAccountInfoConfig, invalid},
    programs::select,
    view::{View, in_context},
};
use crate::{
    chain::Account,
    node::Node,
    programs::{
        TOKEN, TOKEN_2022,
        token::{Holding, Mint},
    },
};

/// The largest accounts of a mint that are listed (`NUM_LARGEST_ACCOUNTS`).
const LARGEST: usize = 20;

/// Token accounts of one mint, or of one Token program.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RpcTokenAccountsFilter {
    Mint(String),
    ProgramId(String),
}

pub(super) fn account_balance(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, commitment): (String, Option<CommitmentConfig>) = params::read(params, 1, 1)?;
    let address = params::address(&address)?;
    let view = View::of(node, context(commitment))?;
    let find = |address: &Address| view.chain.accounts().at(address, view.slot);
    let account = find(&address).ok_or_else(|| invalid("could not find account"))?;
    let held = Holding::read(&account).ok_or_else(|| invalid("not a Token account"))?;
    let mint = find(&held.mint).ok_or_else(|| invalid("could not find mint"))?;
    let unit = Unit::of(&mint).ok_or_else(|| invalid("Token mint could not be unpacked"))?;
    Ok(in_context(view.slot, unit.show(held.amount, time_at(&view.chain, view.slot))))
}

pub(super) fn supply(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, commitment): (String, Option<CommitmentConfig>) = params::read(params, 1, 1)?;
    let address = params::address(&address)?;
    let view = View::of(node, context(commitment))?;
    let account = view.chain.accounts().at(&address, view.slot);
    let account = account.ok_or_else(|| invalid("could not find account"))?;
    if !is_of_tokens(&account) {
        return Err(invalid("not a Token mint"));
    }
    let mint = Mint::read(&account).zip(Unit::of(&account));
    let (mint, unit) = mint.ok_or_else(|| invalid("mint could not be unpacked"))?;
    Ok(in_context(view.slot, unit.show(mint.supply, time_at(&view.chain, view.slot))))
}

pub(super) fn largest_accounts(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (address, commitment): (String, Option<CommitmentConfig>) = params::read(params, 1, 1)?;
    let mint = params::address(&address)?;
    let view = View::of(node, context(commitment))?;
    let account = view.chain.accounts().at(&mint, view.slot);
    let account = account.ok_or_else(|| invalid("could not find mint"))?;
    let unit = Unit::of(&account).ok_or_else(|| invalid("Token mint could not be unpacked"))?;
    let mut held: Vec<(u64, Address)> = view
        .chain
        .accounts()
        .all_at(view.slot)
        .filter(|(_, holder)| holder.owner == account.owner)
        .filter_map(|(address, holder)| {
            let held = Holding::read(&holder).filter(|held| held.mint == mint)?;
            Some((held.amount, *address))
        })
        .collect();
    held.sort_unstable_by(|one, other| other.cmp(one));
    held.truncate(LARGEST);
    let (slot, now) = (view.slot, time_at(&view.chain, view.slot));
    drop(view);
    let shown = held.iter().map(|(amount, address)| {
        let mut shown = unit.show(*amount, now);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("address".to_owned(), json!(address.to_string()));
        }
        shown
    });
    Ok(in_context(slot, shown.collect::<Value>()))
}

pub(super) fn accounts_by_owner(node: &Node, params: &Value) -> Result<Value, RpcError> {
    accounts_of(node, params, |held| Some(held.owner))
}

pub(super) fn accounts_by_delegate(node: &Node, params: &Value) -> Result<Value, RpcError> {
    accounts_of(node, params, |held| held.delegate)
}

/// The token accounts of whom `whose` names.
fn accounts_of(
    node: &Node,
    params: &Value,
    whose: impl Fn(&Holding) -> Option<Address>,
) -> Result<Value, RpcError> {
    type Params = (String, RpcTokenAccountsFilter, Option<RpcAccountInfoConfig>);
    let (person, filter, config): Params = params::read(params, 2, 1)?;
    let (person, config) = (params::address(&person)?, config.unwrap_or_default());
    let (program, mint) = match filter {
        RpcTokenAccountsFilter::Mint(mint) => {
            let mint = params::address(&mint)?;
            let view = View::of(node, (&config).into())?;
            let account = view.chain.accounts().at(&mint, view.slot);
            let account = account.ok_or_else(|| invalid("could not find mint"))?;
            if Mint::read(&account).is_none() {
                return Err(invalid("Token mint could not be unpacked"));
            }
            (account.owner, Some(mint))
        }
        RpcTokenAccountsFilter::ProgramId(program) => {
            let program = params::address(&program)?;
            if program != TOKEN && program != TOKEN_2022 {
                return Err(invalid("unrecognized Token program id"));
            }
            (program, None)
        }
    };
    let wanted = |_: &Address, account: &Account| {
        account.owner == program
            && Holding::read(account)
                .is_some_and(|held| whose(&held) == Some(person) && mint.is_none_or(|mint| held.mint == mint))
    };
    let (slot, shown) = select(node, &config, wanted)?;
    Ok(in_context(slot, shown))
}

fn is_of_tokens(account: &Account) -> bool {
    account.owner == TOKEN || account.owner == TOKEN_2022
}
