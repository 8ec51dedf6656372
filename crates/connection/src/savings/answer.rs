//! From a read of many accounts to what each asker would have been told alone.

use eda_chain::{TokenAccount, TokenProgram};
use eda_events::Address;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Outcome,
    mints::{Mints, Unit, shown},
    read::Want,
};
use crate::{
    calls::RequestError,
    feed::notification::RawAccount,
    http::{CallError, Reply, RpcError},
    node_error,
};

/// What `getMultipleAccounts` answers, as it came.
#[derive(Debug, Deserialize)]
pub(super) struct Accounts<'a> {
    #[serde(borrow)]
    context: &'a RawValue,
    /// In the order of the keys that were asked for.
    #[serde(borrow)]
    pub(super) value: Vec<&'a RawValue>,
}

/// What a read of many says to one asker.
#[derive(Debug)]
pub(super) enum Told {
    /// This.
    Answer(Outcome),
    /// Nothing before the decimals of this mint are known.
    Mint(Address),
    /// Nothing that can be relied on: the node has to be asked this very question.
    Nothing,
}

/// An account's balance alone.
#[derive(Deserialize)]
struct Lamports {
    lamports: u64,
}

/// An account's owner alone.
#[derive(Deserialize)]
struct Owner {
    owner: String,
}

// === impl Accounts ===

impl<'a> Accounts<'a> {
    /// The answer for so many keys; `None` if it is none.
    pub(super) fn read(text: &'a str, keys: usize) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|accounts| accounts.value.len() == keys)
    }

    /// What whoever wants `want` of the account at `position` is told; `carrier` is the whole answer.
    pub(super) fn tell(&self, position: usize, want: Want, carrier: &Reply, mints: &Mints) -> Told {
        let Some(account) = self.value.get(position) else { return Told::Nothing };
        let exists = account.get() != "null";
        match want {
            Want::Account(_) => self.answer(account.get(), carrier),
            Want::Balance if !exists => self.answer("0", carrier),
            Want::Balance => match serde_json::from_str::<Lamports>(account.get()) {
                Ok(account) => self.answer(&account.lamports.to_string(), carrier),
                Err(_) => Told::Nothing,
            },
            Want::TokenBalance if !exists => refused("could not find account"),
            Want::TokenBalance => self.token_balance(account, carrier, mints),
        }
    }

    fn token_balance(&self, account: &RawValue, carrier: &Reply, mints: &Mints) -> Told {
        let state = serde_json::from_str::<RawAccount>(account.get()).ok().and_then(|raw| raw.decode().ok());
        let Some(state) = state else { return Told::Nothing };
        let Some(program) = TokenProgram::from_address(&state.owner) else {
            return refused("not a Token account");
        };
        let Ok(held) = TokenAccount::decode(program, &state.data) else { return Told::Nothing };
        match mints.unit(&held.mint) {
            Some(Unit::Fixed(decimals)) => self.answer(&shown(held.amount.0, decimals).to_string(), carrier),
            Some(Unit::Moving) => Told::Nothing,
            None => Told::Mint(held.mint),
        }
    }

    /// A value with the slot that the whole was read at.
    fn answer(&self, value: &str, carrier: &Reply) -> Told {
        let text = format!(r#"{{"context":{},"value":{value}}}"#, self.context.get());
        match RawValue::from_string(text) {
            Ok(result) => Told::Answer(Ok(Reply { result, bytes: 0, version: carrier.version })),
            Err(_) => Told::Nothing,
        }
    }
}

/// What nodes say to a question about tokens that makes no sense (`rpc/src/rpc.rs`, Agave 4.2.2).
fn refused(why: &str) -> Told {
    let error =
        RpcError { code: node_error::INVALID_PARAMS, message: format!("Invalid param: {why}"), data: None };
    Told::Answer(Err(RequestError::Call(CallError::Rpc(error))))
}

/// Learns the decimals of a mint, if the account that was read is one.
pub(super) fn learn(mints: &Mints, address: Address, account: &RawValue) {
    // Most accounts are none, and some are large.
    let owner = serde_json::from_str::<Option<Owner>>(account.get()).ok().flatten();
    let owner = owner.and_then(|it| it.owner.parse().ok());
    if owner.is_some_and(|owner| TokenProgram::from_address(&owner).is_some())
        && let Ok(account) = serde_json::from_str::<RawAccount>(account.get())
        && let Ok(state) = account.decode()
    {
        mints.learn(address, &state.owner, &state.data);
    }
}
