//! Reads of single accounts, as far as many of them can be made as one.

use eda_events::{Address, Commitment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::request::{Class, Method};

/// What `getAccountInfo`, `getBalance` or `getTokenAccountBalance` ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) address: Address,
    pub(super) want: Want,
    pub(super) state: State,
}

/// What is wanted of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Want {
    /// The account, as this shows it.
    Account(View),
    /// Its lamports.
    Balance,
    /// The tokens it holds.
    TokenBalance,
}

/// Which state of the chain is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State {
    commitment: Commitment,
    min_context_slot: Option<u64>,
}

/// Reads that can be one: of one state of the chain, and equally urgent, since a large account that somebody reads at
/// leisure must not hold up whoever is in a hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group {
    pub(super) state: State,
    pub(super) class: Class,
}

/// How accounts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct View {
    encoding: Encoding,
    slice: Option<DataSlice>,
}

/// The encodings that show an account alike whether it is read alone or with others. Base58 is none: more than 128
/// bytes of it are an error, which would be everyone's; nor is saying nothing, which means base58 of one account and
/// base64 of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Encoding {
    #[serde(rename = "base64")]
    Base64,
    #[serde(rename = "base64+zstd")]
    Base64Zstd,
    #[serde(rename = "jsonParsed")]
    JsonParsed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataSlice {
    offset: u64,
    length: u64,
}

/// The second parameter of `getAccountInfo`. What stands there and is not known here is left to the node.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccountConfig {
    encoding: Encoding,
    commitment: Option<Commitment>,
    data_slice: Option<DataSlice>,
    min_context_slot: Option<u64>,
}

/// The second parameter of `getBalance`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BalanceConfig {
    commitment: Option<Commitment>,
    min_context_slot: Option<u64>,
}

/// The second parameter of `getTokenAccountBalance`, which knows no least slot, and is an error if it is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBalanceConfig {
    commitment: Commitment,
}

// === impl Read ===

impl Read {
    /// The read that a call makes; `None` for one that has to be sent as it is, such as a mistaken one, whose error
    /// is the node's business.
    pub(super) fn of(method: &Method, params: &Value) -> Option<Self> {
        let (address, config) = match params.as_array()?.as_slice() {
            [address] => (address, &Value::Null),
            [address, config] => (address, config),
            _ => return None,
        };
        let address = address.as_str()?.parse().ok()?;
        let (want, commitment, min_context_slot) = match method.as_str() {
            "getAccountInfo" => {
                let config = AccountConfig::deserialize(config).ok()?;
                let view = View { encoding: config.encoding, slice: config.data_slice };
                (Want::Account(view), config.commitment, config.min_context_slot)
            }
            "getBalance" => {
                let config = Option::<BalanceConfig>::deserialize(config).ok()?.unwrap_or_default();
                (Want::Balance, config.commitment, config.min_context_slot)
            }
            "getTokenAccountBalance" => {
                let config = Option::<TokenBalanceConfig>::deserialize(config).ok()?;
                (Want::TokenBalance, config.map(|config| config.commitment), None)
            }
            _ => return None,
        };
        // Nodes take silence for finalized.
        let commitment = commitment.unwrap_or(Commitment::Finalized);
        Some(Self { address, want, state: State { commitment, min_context_slot } })
    }
}

// === impl View ===

impl View {
    /// Everything, as bytes.
    pub(super) const WHOLE: Self = Self { encoding: Encoding::Base64, slice: None };
    /// Everything but the data.
    pub(super) const BARE: Self =
        Self { encoding: Encoding::Base64, slice: Some(DataSlice { offset: 0, length: 0 }) };

    /// The parameters of `getMultipleAccounts` for these accounts.
    pub(super) fn params(self, state: State, addresses: &[Address]) -> Value {
        let mut config = Map::new();
        config.insert("encoding".to_owned(), json!(self.encoding));
        config.insert("commitment".to_owned(), json!(state.commitment));
        if let Some(slice) = self.slice {
            config.insert("dataSlice".to_owned(), json!(slice));
        }
        if let Some(slot) = state.min_context_slot {
            config.insert("minContextSlot".to_owned(), json!(slot));
        }
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        json!([addresses, config])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "So11111111111111111111111111111111111111112";

    fn read(method: &'static str, params: Value) -> Option<Read> {
        Read::of(&Method::new(method), &params)
    }

    #[test]
    fn equal_states_are_recognised_however_they_are_written() {
        let one = read("getBalance", json!([ADDRESS])).unwrap();
        for params in
            [json!([ADDRESS, null]), json!([ADDRESS, {}]), json!([ADDRESS, {"commitment": "finalized"}])]
        {
            assert_eq!(read("getBalance", params).unwrap(), one);
        }
        let token = read("getTokenAccountBalance", json!([ADDRESS])).unwrap();
        assert_eq!((token.state, token.want), (one.state, Want::TokenBalance));
        let account = read("getAccountInfo", json!([ADDRESS, {"encoding": "base64"}])).unwrap();
        assert_eq!((account.state, account.want), (one.state, Want::Account(View::WHOLE)));
        let later = read("getBalance", json!([ADDRESS, {"minContextSlot": 5}])).unwrap();
        assert_ne!(later.state, one.state);
    }

    #[test]
    fn what_is_not_fully_understood_is_left_as_it_is() {
        for (method, params) in [
            ("getAccountInfo", json!([ADDRESS])),
            ("getAccountInfo", json!([ADDRESS, {"commitment": "confirmed"}])),
            ("getAccountInfo", json!([ADDRESS, {"encoding": "base58"}])),
            ("getAccountInfo", json!([ADDRESS, {"encoding": "base64", "changedSinceSlot": 5}])),
            (
                "getAccountInfo",
                json!([ADDRESS, {"encoding": "base64", "dataSlice": {"offset": -1, "length": 1}}]),
            ),
            ("getAccountInfo", json!([ADDRESS, {"encoding": "base64", "commitment": "recent"}])),
            ("getAccountInfo", json!([ADDRESS, {"encoding": "base64"}, 3])),
            ("getAccountInfo", json!(["no address", {"encoding": "base64"}])),
            ("getBalance", json!([ADDRESS, "confirmed"])),
            ("getBalance", json!({"pubkey": ADDRESS})),
            ("getTokenAccountBalance", json!([ADDRESS, {"commitment": "confirmed", "minContextSlot": 5}])),
            ("getTokenAccountBalance", json!([ADDRESS, {}])),
            ("getTokenSupply", json!([ADDRESS])),
        ] {
            assert_eq!(read(method, params.clone()), None, "{method} {params}");
        }
    }

    #[test]
    fn one_read_of_many_says_what_each_would_have_said() {
        let config = json!({
            "encoding": "jsonParsed", "commitment": "confirmed", "minContextSlot": 7,
            "dataSlice": {"offset": 1, "length": 2},
        });
        let Read { address, want: Want::Account(view), state } =
            read("getAccountInfo", json!([ADDRESS, config])).unwrap()
        else {
            panic!("it asks for an account")
        };
        assert_eq!(view.params(state, &[address]), json!([[ADDRESS], config]));
        let lamports = View::BARE.params(read("getBalance", json!([ADDRESS])).unwrap().state, &[]);
        let bare = json!([[], {
            "encoding": "base64", "commitment": "finalized", "dataSlice": {"offset": 0, "length": 0},
        }]);
        assert_eq!(lamports, bare);
    }
}
