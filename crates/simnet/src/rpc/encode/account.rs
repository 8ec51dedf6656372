//! Accounts as nodes show them.

use std::sync::Arc;

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use solana_address::Address;

use super::{state, zstd};
use crate::{
    chain::{Account, Chain},
    programs::{NATIVE_LOADER, token::Holding},
    rpc::error::RpcError,
};

/// Bytes that may be shown as base58 (`MAX_BASE58_BYTES`).
const MOST_BASE58: usize = 128;

/// How an account's data are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AccountEncoding {
    /// Base58 alone, without its name.
    Binary,
    /// Base58.
    Base58,
    /// Base64.
    Base64,
    /// As the contents of a known program, else base64.
    JsonParsed,
    /// Base64 of a Zstandard frame.
    #[serde(rename = "base64+zstd")]
    Base64Zstd,
}

/// The part of the data to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct DataSlice {
    offset: usize,
    length: usize,
}

/// An account, with what it takes to show it when the chain is no longer at hand.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Whose state it is.
    pub(crate) address: Address,
    /// The state.
    pub(crate) account: Arc<Account>,
    mint: Option<Arc<Account>>,
    now: i64,
}

/// An account's state as notifications show it, in the world as it was at the end of a slot.
pub(crate) fn account_value(
    address: &Address,
    account: &Arc<Account>,
    encoding: AccountEncoding,
    slice: Option<DataSlice>,
    (chain, slot): (&Chain, u64),
) -> Value {
    Snapshot::of(chain, slot, *address, Arc::clone(account)).show(encoding, slice)
}

// === impl Snapshot ===

impl Snapshot {
    /// This state of an account, in the world as it was at the end of `slot`.
    pub(crate) fn of(chain: &Chain, slot: u64, address: Address, account: Arc<Account>) -> Self {
        let mint = Holding::read(&account).and_then(|held| chain.accounts().at(&held.mint, slot));
        Self { address, account, mint, now: time_at(chain, slot) }
    }

    /// An account's state at the end of `slot`, if it existed.
    pub(crate) fn find(chain: &Chain, slot: u64, address: &Address) -> Option<Self> {
        let account = chain.accounts().at(address, slot)?;
        Some(Self::of(chain, slot, *address, account))
    }

    /// As methods show it: too many bytes for base58 are an error.
    pub(crate) fn checked(
        &self,
        encoding: AccountEncoding,
        slice: Option<DataSlice>,
    ) -> Result<Value, RpcError> {
        let base58 = matches!(encoding, AccountEncoding::Binary | AccountEncoding::Base58);
        if base58 && cut(&self.account.data, slice).len() > MOST_BASE58 {
            return Err(RpcError::InvalidRequest(
                "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding."
                    .to_owned(),
            ));
        }
        Ok(self.show(encoding, slice))
    }

    /// As notifications show it.
    pub(crate) fn show(&self, encoding: AccountEncoding, slice: Option<DataSlice>) -> Value {
        let account = &self.account;
        json!({
            "lamports": account.lamports,
            "data": self.data(encoding, slice),
            "owner": account.owner.to_string(),
            "executable": account.executable,
            "rentEpoch": rent_epoch(account),
            "space": account.data.len(),
        })
    }

    fn data(&self, encoding: AccountEncoding, slice: Option<DataSlice>) -> Value {
        let bytes = cut(&self.account.data, slice);
        match encoding {
            AccountEncoding::Binary => Value::String(base58(bytes)),
            AccountEncoding::Base58 => json!([base58(bytes), "base58"]),
            AccountEncoding::Base64 => json!([STANDARD.encode(bytes), "base64"]),
            AccountEncoding::Base64Zstd => json!([STANDARD.encode(zstd::frame(bytes)), "base64+zstd"]),
            AccountEncoding::JsonParsed => {
                let mint = self.mint.as_deref();
                match state::parse(&self.address, &self.account, mint, self.now) {
                    Some((program, parsed)) => {
                        json!({"program": program, "parsed": parsed, "space": self.account.data.len()})
                    }
                    None => json!([STANDARD.encode(bytes), "base64"]),
                }
            }
        }
    }
}

/// The epoch in which an account would owe rent: never, but for those that nodes made themselves, before rent ended.
fn rent_epoch(account: &Account) -> u64 {
    if account.owner == NATIVE_LOADER || account.owner == state::SYSVARS { 0 } else { u64::MAX }
}

/// Unix time of a slot's block.
pub(crate) fn time_at(chain: &Chain, slot: u64) -> i64 {
    let block = chain.history().blocks().range(..=slot).next_back();
    block.map_or(chain.config().genesis_time, |(_, block)| block.time)
}

fn cut(data: &[u8], slice: Option<DataSlice>) -> &[u8] {
    let Some(DataSlice { offset, length }) = slice else { return data };
    let rest = data.get(offset..).unwrap_or_default();
    rest.get(..length).unwrap_or(rest)
}

fn base58(bytes: &[u8]) -> String {
    if bytes.len() > MOST_BASE58 {
        "error: data too large for bs58 encoding".to_owned()
    } else {
        bs58::encode(bytes).into_string()
    }
}

/// The bytes of a base64 text, or what is wrong with it in the words of a node.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|why| match why {
        DecodeError::InvalidByte(offset, byte) => format!("InvalidByte({offset}, {byte})"),
        DecodeError::InvalidLength(length) => format!("InvalidLength({length})"),
        DecodeError::InvalidLastSymbol { offset, symbol, .. } => {
            format!("InvalidLastSymbol({offset}, {symbol})")
        }
        DecodeError::InvalidPadding => "InvalidPadding".to_owned(),
    })
}
