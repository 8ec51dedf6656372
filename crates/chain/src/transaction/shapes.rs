//! The JSON shapes of a transaction as RPC gives it. Unknown fields are ignored: nodes add some with every release.
//!
//! Source: solana-transaction-status-client-types 4.x.

use std::fmt;

use eda_events::{Address, Signature};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::json::{Base58, Text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pub(super) slot: Option<u64>,
    pub(super) block_time: Option<i64>,
    pub(super) transaction_index: Option<u32>,
    pub(super) version: Option<VersionField>,
    #[serde(borrow)]
    pub(super) transaction: &'a RawValue,
    #[serde(borrow)]
    pub(super) meta: Option<Meta<'a>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum VersionField {
    Legacy,
    Number(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<'a> {
    /// Required, so that a node that leaves it out is not taken to report success.
    #[serde(borrow)]
    pub(super) err: &'a RawValue,
    pub(super) fee: u64,
    pub(super) pre_balances: Option<Vec<u64>>,
    pub(super) post_balances: Option<Vec<u64>>,
    #[serde(borrow)]
    pub(super) inner_instructions: Option<Vec<Inner<'a>>>,
    pub(super) log_messages: Option<Vec<String>>,
    pub(super) pre_token_balances: Option<Vec<Balance>>,
    pub(super) post_token_balances: Option<Vec<Balance>>,
    pub(super) loaded_addresses: Option<LoadedAddresses>,
}

#[derive(Deserialize, Default)]
pub(super) struct LoadedAddresses {
    pub(super) writable: Vec<Text<Address>>,
    pub(super) readonly: Vec<Text<Address>>,
}

#[derive(Deserialize)]
pub(super) struct Inner<'a> {
    pub(super) index: u16,
    #[serde(borrow)]
    pub(super) instructions: Vec<JsonInstruction<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Balance {
    pub(super) account_index: u8,
    pub(super) mint: Text<Address>,
    pub(super) owner: Option<Text<Address>>,
    pub(super) program_id: Option<Text<Address>>,
    pub(super) ui_token_amount: UiTokenAmount,
}

#[derive(Deserialize)]
pub(super) struct UiTokenAmount {
    pub(super) amount: Text<u64>,
    pub(super) decimals: u8,
}

/// `json` and `jsonParsed`.
#[derive(Deserialize)]
pub(super) struct JsonTransaction<'a> {
    pub(super) signatures: Vec<Text<Signature>>,
    #[serde(borrow)]
    pub(super) message: JsonMessage<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonMessage<'a> {
    pub(super) header: Option<JsonHeader>,
    pub(super) account_keys: Vec<Key>,
    #[serde(borrow)]
    pub(super) instructions: Vec<JsonInstruction<'a>>,
    pub(super) address_table_lookups: Option<Vec<JsonLookup>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonHeader {
    pub(super) num_required_signatures: u8,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonLookup {
    pub(super) writable_indexes: Vec<u8>,
    pub(super) readonly_indexes: Vec<u8>,
}

/// A key, in `jsonParsed` an object that also says whether it signed.
pub(super) struct Key {
    pub(super) address: Address,
    pub(super) signer: Option<bool>,
}

/// Indexes in `json`, addresses in `jsonParsed`, and there `parsed` instead of both for known programs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonInstruction<'a> {
    pub(super) program_id_index: Option<u8>,
    pub(super) program_id: Option<Text<Address>>,
    #[serde(default)]
    pub(super) accounts: Vec<AccountRef>,
    pub(super) data: Option<Base58>,
    #[serde(borrow)]
    pub(super) parsed: Option<&'a RawValue>,
}

#[derive(Clone, Copy)]
pub(super) enum AccountRef {
    Index(u8),
    Address(Address),
}

impl<'de> Deserialize<'de> for VersionField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = VersionField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"legacy\" or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<VersionField, E> {
                match text {
                    "legacy" => Ok(VersionField::Legacy),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<VersionField, E> {
                Ok(VersionField::Number(number))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object {
            pubkey: Text<Address>,
            signer: bool,
        }
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or an object with `pubkey` and `signer`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                Ok(Key { address: text.parse().map_err(E::custom)?, signer: None })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Key, A::Error> {
                let object = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Key { address: object.pubkey.0, signer: Some(object.signer) })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for AccountRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = AccountRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an account index or an address")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AccountRef, E> {
                text.parse().map(AccountRef::Address).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, index: u64) -> Result<AccountRef, E> {
                u8::try_from(index).map(AccountRef::Index).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
