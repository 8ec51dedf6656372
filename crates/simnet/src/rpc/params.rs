//! Parameters, read as nodes read them.
//!
//! Nodes deserialize parameters with serde and show its messages, which name the types. So the types here carry the
//! names and shapes of Agave's `rpc-client-types`, `config.rs`, and the messages are equal because they are serde's.

use std::str::FromStr;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use solana_address::{Address, error::ParseAddressError};
use solana_hash::{Hash, ParseHashError};
use solana_signature::{ParseSignatureError, Signature};

use super::{
    encode::{AccountEncoding, BlockOptions, DataSlice, Details, TransactionEncoding},
    error::RpcError,
};
use crate::chain::Commitment;

/// A commitment, where it stands among other fields. Unknown names count as none.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct CommitmentConfig {
    commitment: CommitmentLevel,
}

/// A commitment by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CommitmentLevel {
    /// [`Commitment::Processed`].
    Processed,
    /// [`Commitment::Confirmed`].
    Confirmed,
    /// [`Commitment::Finalized`].
    Finalized,
}

/// What state to look at.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcContextConfig {
    #[serde(flatten)]
    pub(crate) commitment: Option<CommitmentConfig>,
    pub(crate) min_context_slot: Option<u64>,
}

/// How to show accounts, and of what state.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcAccountInfoConfig {
    pub(crate) encoding: Option<AccountEncoding>,
    pub(crate) data_slice: Option<DataSlice>,
    #[serde(flatten)]
    pub(crate) commitment: Option<CommitmentConfig>,
    pub(crate) min_context_slot: Option<u64>,
}

/// Which accounts of a program to show, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcProgramAccountsConfig {
    pub(crate) filters: Option<Vec<RpcFilterType>>,
    #[serde(flatten)]
    pub(crate) account_config: RpcAccountInfoConfig,
    pub(crate) with_context: Option<bool>,
}

/// A condition that accounts meet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RpcFilterType {
    DataSize(u64),
    Memcmp(Memcmp),
    TokenAccountState,
}

/// Bytes that stand at an offset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Memcmp {
    pub(crate) offset: usize,
    bytes: DataType,
    encoding: Option<MemcmpEncoding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum DataType {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum MemcmpEncoding {
    Base58,
    Base64,
    Bytes,
}

/// A config, or its encoding alone, as older clients send it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum RpcEncodingConfigWrapper<T> {
    Encoding(Option<TransactionEncoding>),
    Config(Option<T>),
}

/// How to show a block.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcBlockConfig {
    encoding: Option<TransactionEncoding>,
    transaction_details: Option<Details>,
    rewards: Option<bool>,
    #[serde(flatten)]
    pub(crate) commitment: Option<CommitmentConfig>,
    max_supported_transaction_version: Option<u8>,
}

/// How to show a transaction.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcTransactionConfig {
    pub(crate) encoding: Option<TransactionEncoding>,
    #[serde(flatten)]
    pub(crate) commitment: Option<CommitmentConfig>,
    pub(crate) max_supported_transaction_version: Option<u8>,
}

// === impl CommitmentConfig ===

impl From<CommitmentLevel> for CommitmentConfig {
    fn from(commitment: CommitmentLevel) -> Self {
        Self { commitment }
    }
}

// === impl CommitmentLevel ===

impl From<CommitmentLevel> for Commitment {
    fn from(level: CommitmentLevel) -> Self {
        match level {
            CommitmentLevel::Processed => Self::Processed,
            CommitmentLevel::Confirmed => Self::Confirmed,
            CommitmentLevel::Finalized => Self::Finalized,
        }
    }
}

/// The commitment asked for; finalized unless said.
pub(crate) fn commitment(config: Option<CommitmentConfig>) -> Commitment {
    config.map_or(Commitment::Finalized, |config| config.commitment.into())
}

/// The commitment asked for, of a method that knows no processed state.
pub(crate) fn at_least_confirmed(config: Option<CommitmentConfig>) -> Result<Commitment, RpcError> {
    match commitment(config) {
        Commitment::Processed => {
            Err(RpcError::InvalidParams("Method does not support commitment below `confirmed`".to_owned()))
        }
        settled @ (Commitment::Confirmed | Commitment::Finalized) => Ok(settled),
    }
}

// === impl RpcContextConfig ===

impl From<&RpcAccountInfoConfig> for RpcContextConfig {
    fn from(config: &RpcAccountInfoConfig) -> Self {
        Self { commitment: config.commitment, min_context_slot: config.min_context_slot }
    }
}

// === impl Memcmp ===

/// Bytes that a comparison may have (`MAX_DATA_SIZE`), and characters of base58 and base64 that may encode them.
const COMPARED: usize = 128;
const COMPARED_BASE58: usize = 175;
const COMPARED_BASE64: usize = 172;

impl Memcmp {
    /// The bytes to compare with.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, RpcError> {
        let invalid = |why: String| RpcError::InvalidParams(format!("Invalid param: {why}"));
        let too_large = || invalid("DataTooLarge".to_owned());
        let bytes = match (&self.bytes, self.encoding) {
            (DataType::Bytes(bytes), _) => bytes.clone(),
            (DataType::Text(text), Some(MemcmpEncoding::Base64)) => {
                if text.len() > COMPARED_BASE64 {
                    return Err(too_large());
                }
                super::encode::from_base64(text)
                    .map_err(|why| invalid(format!("Base64DecodeError({why})")))?
            }
            (DataType::Text(text), Some(MemcmpEncoding::Base58 | MemcmpEncoding::Bytes) | None) => {
                if text.len() > COMPARED_BASE58 {
                    return Err(too_large());
                }
                bs58::decode(text).into_vec().map_err(|why| invalid(format!("Base58DecodeError({why:?})")))?
            }
        };
        if bytes.len() > COMPARED { Err(too_large()) } else { Ok(bytes) }
    }
}

// === impl RpcEncodingConfigWrapper ===

impl RpcEncodingConfigWrapper<RpcBlockConfig> {
    /// The config it stands for.
    pub(crate) fn config(self) -> RpcBlockConfig {
        match self {
            Self::Encoding(encoding) => RpcBlockConfig { encoding, ..RpcBlockConfig::default() },
            Self::Config(config) => config.unwrap_or_default(),
        }
    }
}

impl RpcEncodingConfigWrapper<RpcTransactionConfig> {
    /// The config it stands for.
    pub(crate) fn config(self) -> RpcTransactionConfig {
        match self {
            Self::Encoding(encoding) => RpcTransactionConfig { encoding, ..RpcTransactionConfig::default() },
            Self::Config(config) => config.unwrap_or_default(),
        }
    }
}

// === impl RpcBlockConfig ===

impl RpcBlockConfig {
    /// What is to be shown.
    pub(crate) fn options(&self) -> BlockOptions {
        BlockOptions {
            encoding: self.encoding.unwrap_or(TransactionEncoding::Json),
            details: self.transaction_details.unwrap_or(Details::Full),
            rewards: self.rewards.unwrap_or(true),
            max_version: self.max_supported_transaction_version,
        }
    }
}

// === Reading ===

/// The parameters of a method that takes `required` and up to `optional` more; `T` is a tuple of them all.
pub(crate) fn read<T: DeserializeOwned>(
    params: &Value,
    required: usize,
    optional: usize,
) -> Result<T, RpcError> {
    let mut given = match params {
        Value::Null => Vec::new(),
        Value::Array(given) => given.clone(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err(not_params()),
        Value::Object(_) if optional == 0 => return exactly(params),
        Value::Object(_) => return Err(RpcError::InvalidParams("`params` should be an array".to_owned())),
    };
    if optional == 0 {
        return exactly(params);
    }
    let most = required.saturating_add(optional);
    if given.len() < required {
        let text = format!("`params` should have at least {required} argument(s)");
        return Err(RpcError::InvalidParams(text));
    }
    if given.len() > most {
        let text = format!("Expected from {required} to {most} parameters.");
        return Err(RpcError::WrongCount(text, format!("\"Got: {}\"", given.len())));
    }
    given.resize(most, Value::Null);
    exactly(&Value::Array(given))
}

fn exactly<T: DeserializeOwned>(params: &Value) -> Result<T, RpcError> {
    T::deserialize(params).map_err(|why| RpcError::InvalidParams(format!("Invalid params: {why}.")))
}

/// That a method without parameters got none.
pub(crate) fn none(params: &Value) -> Result<(), RpcError> {
    let given = match params {
        Value::Null => return Ok(()),
        Value::Array(given) if given.is_empty() => return Ok(()),
        Value::Array(given) => format!("Array({given:?})"),
        Value::Object(given) => format!("Map({given:?})"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err(not_params()),
    };
    Err(RpcError::WrongCount("No parameters were expected".to_owned(), given))
}

fn not_params() -> RpcError {
    RpcError::InvalidRequest("Invalid request".to_owned())
}

/// An address.
pub(crate) fn address(text: &str) -> Result<Address, RpcError> {
    Address::from_str(text).map_err(|why| {
        invalid(match why {
            ParseAddressError::WrongSize => "WrongSize",
            ParseAddressError::Invalid => "Invalid",
        })
    })
}

/// A transaction's signature.
pub(crate) fn signature(text: &str) -> Result<Signature, RpcError> {
    Signature::from_str(text).map_err(|why| {
        invalid(match why {
            ParseSignatureError::WrongSize => "WrongSize",
            ParseSignatureError::Invalid => "Invalid",
        })
    })
}

/// A blockhash, or what is wrong with it.
pub(crate) fn blockhash(text: &str) -> Result<Hash, &'static str> {
    Hash::from_str(text).map_err(|why| match why {
        ParseHashError::WrongSize => "WrongSize",
        ParseHashError::Invalid => "Invalid",
    })
}

/// That a parameter makes no sense.
pub(crate) fn invalid(why: &str) -> RpcError {
    RpcError::InvalidParams(format!("Invalid param: {why}"))
}
