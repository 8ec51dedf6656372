//! Transactions that are tried out.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use super::{
    blocks::{newest_blockhash, usable},
    encode::{
        AccountEncoding, TransactionEncoding, Unit, account_value, inner_instructions, loaded_addresses,
        loaded_bytes, return_data, token_balances,
    },
    error::RpcError,
    params::{self, CommitmentConfig, RpcContextConfig},
    view::{View, in_context},
    wire::{self, Wire},
};
use crate::{
    node::Node,
    runtime::{self, Executed, Loaded},
};

/// How to try a transaction out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcSimulateTransactionConfig {
    #[serde(default)]
    sig_verify: bool,
    #[serde(default)]
    replace_recent_blockhash: bool,
    #[serde(flatten)]
    commitment: Option<CommitmentConfig>,
    encoding: Option<TransactionEncoding>,
    accounts: Option<RpcSimulateTransactionAccountsConfig>,
    min_context_slot: Option<u64>,
    #[serde(default)]
    inner_instructions: bool,
}

/// The accounts to show afterwards.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcSimulateTransactionAccountsConfig {
    encoding: Option<AccountEncoding>,
    addresses: Vec<String>,
}

/// What trying a transaction out brought.
#[derive(Debug)]
pub(super) struct Trial {
    /// Why it could not be in a block at all, or what it did.
    outcome: Result<Executed, TransactionError>,
    /// What its accounts have now, unless its signatures are wrong.
    balances: Option<Vec<u64>>,
}

pub(super) fn simulate(node: &Node, params: &Value) -> Result<Value, RpcError> {
    let (text, config): (String, Option<RpcSimulateTransactionConfig>) = params::read(params, 1, 1)?;
    let config = config.unwrap_or_default();
    let mut transaction = read(&text, config.encoding)?;
    if config.sig_verify && config.replace_recent_blockhash {
        let why = "sigVerify may not be used with replaceRecentBlockhash";
        return Err(RpcError::InvalidParams(why.to_owned()));
    }
    let forged = config.sig_verify && !is_signed(&transaction);
    let context =
        RpcContextConfig { commitment: config.commitment, min_context_slot: config.min_context_slot };
    let view = View::of(node, context)?;
    let mut replacement = Value::Null;
    if config.replace_recent_blockhash {
        replacement = newest_blockhash(&view);
        let newest = view.block().map_or(view.chain.genesis_hash(), |block| block.blockhash);
        transaction.message.set_recent_blockhash(newest);
    }
    sanitize(&transaction)?;
    let trial = Trial::of(&view, &transaction, forged, config.replace_recent_blockhash);
    let mut shown = trial.show(config.inner_instructions);
    let accounts = match &config.accounts {
        Some(wanted) => accounts_after(&view, &transaction, &trial, wanted)?,
        None => Value::Null,
    };
    let slot = view.slot;
    drop(view);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("accounts".to_owned(), accounts);
        fields.insert("replacementBlockhash".to_owned(), replacement);
    }
    Ok(in_context(slot, shown))
}

/// A transaction as a client sent it.
pub(super) fn read(
    text: &str,
    encoding: Option<TransactionEncoding>,
) -> Result<VersionedTransaction, RpcError> {
    wire::decode(text, Wire::of(encoding)?)
}

/// Whether everybody signed it who must.
pub(super) fn is_signed(transaction: &VersionedTransaction) -> bool {
    transaction.verify_and_hash_message().is_ok()
}

/// That it is put together well.
pub(super) fn sanitize(transaction: &VersionedTransaction) -> Result<(), RpcError> {
    transaction.sanitize().map_err(|_| {
        RpcError::InvalidParams(format!("invalid transaction: {}", TransactionError::SanitizeFailure))
    })
}

/// The accounts that a client wants to see, as the transaction leaves them.
fn accounts_after(
    view: &View<'_>,
    transaction: &VersionedTransaction,
    trial: &Trial,
    wanted: &RpcSimulateTransactionAccountsConfig,
) -> Result<Value, RpcError> {
    let encoding = match wanted.encoding {
        Some(AccountEncoding::Binary | AccountEncoding::Base58) => {
            return Err(RpcError::InvalidParams("base58 encoding not supported".to_owned()));
        }
        other => other.unwrap_or(AccountEncoding::Base64),
    };
    let most = match &trial.outcome {
        Ok(executed) => executed.accounts.len(),
        Err(_) => transaction.message.static_account_keys().len(),
    };
    if wanted.addresses.len() > most {
        return Err(RpcError::InvalidParams(format!("Too many accounts provided; max {most}")));
    }
    let addresses =
        wanted.addresses.iter().map(|text| params::address(text)).collect::<Result<Vec<_>, _>>()?;
    let Ok(executed) = &trial.outcome else { return Ok(json!(vec![Value::Null; addresses.len()])) };
    let after = addresses.iter().map(|address| {
        let (_, account) = executed.accounts.iter().find(|(key, _)| key == address)?;
        let exists = account.lamports > 0 && executed.meta.err.is_none();
        let account = Arc::new(account.clone());
        exists.then(|| account_value(address, &account, encoding, None, (&view.chain, view.slot)))
    });
    Ok(after.map(|shown| shown.unwrap_or_default()).collect())
}

// === impl Trial ===

impl Trial {
    /// Tries a transaction out on the state of a view. One that is `forged` does not get that far.
    pub(super) fn of(
        view: &View<'_>,
        transaction: &VersionedTransaction,
        forged: bool,
        any_blockhash: bool,
    ) -> Self {
        if forged {
            return Self { outcome: Err(TransactionError::SignatureFailure), balances: None };
        }
        let find = |address: &_| view.chain.accounts().at(address, view.slot);
        let message = &transaction.message;
        let balances = message
            .static_account_keys()
            .iter()
            .map(|key| find(key).map_or(0, |account| account.lamports))
            .collect();
        let outcome = view.may_land(transaction, any_blockhash).and_then(|()| {
            let environment = view.chain.environment();
            runtime::execute(transaction, &environment, find)
        });
        Self { outcome, balances: Some(balances) }
    }

    /// Why the transaction fails, if it does.
    pub(super) fn err(&self) -> Option<&TransactionError> {
        match &self.outcome {
            Ok(executed) => executed.meta.err.as_ref(),
            Err(err) => Some(err),
        }
    }

    /// As `simulateTransaction` shows it.
    fn show(&self, inner: bool) -> Value {
        let mut shown = self.show_refused();
        let Some(fields) = shown.as_object_mut() else { return shown };
        let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        match &self.outcome {
            Ok(executed) => {
                let meta = &executed.meta;
                let balance = |unit: Unit, amount| unit.show(amount, 0);
                let keys: Vec<_> = executed.accounts.iter().map(|(key, _)| *key).collect();
                add("preBalances", json!(meta.pre_balances));
                add("postBalances", json!(meta.post_balances));
                add("preTokenBalances", token_balances(&meta.pre_token_balances, balance));
                add("postTokenBalances", token_balances(&meta.post_token_balances, balance));
                add("loadedAddresses", loaded_addresses(&meta.loaded));
                if inner {
                    add("innerInstructions", inner_instructions(meta, Some(&keys)));
                }
            }
            Err(_) => {
                add("loadedAddresses", loaded_addresses(&Loaded::default()));
                if let Some(balances) = &self.balances {
                    add("preBalances", json!(balances));
                    add("postBalances", json!(balances));
                    add("preTokenBalances", json!([]));
                    add("postTokenBalances", json!([]));
                }
            }
        }
        shown
    }

    /// As `sendTransaction` shows it when it does not send.
    pub(super) fn show_refused(&self) -> Value {
        let executed = self.outcome.as_ref().ok();
        let loaded = executed.map_or(0, |executed| {
            let states = executed.accounts.iter().zip(&executed.meta.pre_balances);
            let existing =
                states.map(|((key, account), before)| (key, (*before > 0).then_some(account.data.len())));
            loaded_bytes(existing)
        });
        json!({
            "accounts": null,
            "err": self.err(),
            "fee": executed.map(|executed| executed.meta.fee),
            "innerInstructions": null,
            "loadedAccountsDataSize": loaded,
            "loadedAddresses": null,
            "logs": executed.map(|executed| executed.meta.logs.as_slice()).unwrap_or_default(),
            "postBalances": null,
            "postTokenBalances": null,
            "preBalances": null,
            "preTokenBalances": null,
            "replacementBlockhash": null,
            "returnData": executed.and_then(|executed| executed.meta.return_data.as_ref()).map(return_data),
            "unitsConsumed": executed.map_or(0, |executed| executed.meta.units),
        })
    }
}

// === impl View ===

impl View<'_> {
    /// Whether the transaction is new, and its blockhash known and not too old.
    fn may_land(
        &self,
        transaction: &VersionedTransaction,
        any_blockhash: bool,
    ) -> Result<(), TransactionError> {
        if any_blockhash {
            return Ok(());
        }
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let landed = self.chain.history().find(&signature);
        if landed.is_some_and(|landed| landed.slot <= self.slot) {
            return Err(TransactionError::AlreadyProcessed);
        }
        let hash = transaction.message.recent_blockhash();
        let known = usable(&self.chain, self.slot).any(|block| block.blockhash == *hash);
        if known { Ok(()) } else { Err(TransactionError::BlockhashNotFound) }
    }
}
