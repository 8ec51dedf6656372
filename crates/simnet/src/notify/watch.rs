//! What a subscription wants, read from its parameters with the node's own complaints.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;
use solana_address::Address;
use solana_signature::Signature;

use crate::{
    chain::Commitment,
    rpc::{
        encode::{AccountEncoding, BlockOptions},
        error::RpcError,
        params::{self, CommitmentConfig, RpcAccountInfoConfig, RpcBlockConfig, RpcProgramAccountsConfig},
        programs::Filter,
    },
};

/// Filters of one subscription at most (`MAX_GET_PROGRAM_ACCOUNT_FILTERS`).
const MOST_FILTERS: usize = 4;

/// What a subscription wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Watch {
    /// Every slot.
    Slot,
    /// Every finalized slot.
    Root,
    /// One account.
    Account { address: Address, encoding: AccountEncoding, commitment: Commitment },
    /// A program's accounts.
    Program { program: Address, filters: Vec<Filter>, encoding: AccountEncoding, commitment: Commitment },
    /// What transactions print.
    Logs { mentions: Mentions, commitment: Commitment },
    /// How one transaction ends.
    Signature { signature: Signature, commitment: Commitment },
    /// Whole blocks.
    Block { mentions: Option<Address>, options: BlockOptions, commitment: Commitment },
}

/// Whose transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mentions {
    /// Everybody's.
    Everything,
    /// Everybody's but the validators' votes.
    ButVotes,
    /// Those that name an address.
    Address(Address),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum LogsFilter {
    All,
    AllWithVotes,
    Mentions(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum BlockFilter {
    All,
    MentionsAccountOrProgram(String),
}

/// That a transaction arrived is told by no validator that makes its own blocks, whatever
/// `enableReceivedNotification` says.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct SignatureConfig {
    #[serde(flatten)]
    commitment: Option<CommitmentConfig>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct LogsConfig {
    #[serde(flatten)]
    commitment: Option<CommitmentConfig>,
}

// === impl Watch ===

impl Watch {
    /// Reads a subscription.
    ///
    /// # Errors
    /// As a node would refuse it.
    pub(super) fn read(method: &str, given: &Value) -> Result<Self, RpcError> {
        match method {
            "slotSubscribe" => params::none(given).map(|()| Self::Slot),
            "rootSubscribe" => params::none(given).map(|()| Self::Root),
            "accountSubscribe" => {
                let (address, config): (String, Option<RpcAccountInfoConfig>) = params::read(given, 1, 1)?;
                let config = config.unwrap_or_default();
                Ok(Self::Account {
                    address: address_of(&address, "Invalid pubkey provided")?,
                    encoding: config.encoding.unwrap_or(AccountEncoding::Binary),
                    commitment: params::commitment(config.commitment),
                })
            }
            "programSubscribe" => {
                let (program, config): (String, Option<RpcProgramAccountsConfig>) =
                    params::read(given, 1, 1)?;
                let config = config.unwrap_or_default();
                let filters = config.filters.unwrap_or_default();
                if filters.len() > MOST_FILTERS {
                    let text = format!("Invalid params: Too many filters provided; max {MOST_FILTERS}");
                    return Err(RpcError::InvalidParams(text));
                }
                let program = address_of(&program, "Invalid pubkey provided")?;
                Ok(Self::Program {
                    program,
                    filters: Filter::all(&program, &filters)?,
                    encoding: config.account_config.encoding.unwrap_or(AccountEncoding::Binary),
                    commitment: params::commitment(config.account_config.commitment),
                })
            }
            "logsSubscribe" => {
                let (filter, config): (LogsFilter, Option<LogsConfig>) = params::read(given, 1, 1)?;
                let mentions = match filter {
                    LogsFilter::All => Mentions::ButVotes,
                    LogsFilter::AllWithVotes => Mentions::Everything,
                    LogsFilter::Mentions(addresses) => {
                        let [address] = addresses.as_slice() else {
                            return Err(refused("Only 1 address supported"));
                        };
                        Mentions::Address(address_of(address, "Invalid mentions provided")?)
                    }
                };
                let commitment = params::commitment(config.unwrap_or_default().commitment);
                Ok(Self::Logs { mentions, commitment })
            }
            "signatureSubscribe" => {
                let (signature, config): (String, Option<SignatureConfig>) = params::read(given, 1, 1)?;
                let config = config.unwrap_or_default();
                Ok(Self::Signature {
                    signature: Signature::from_str(&signature)
                        .map_err(|_| refused("Invalid signature provided"))?,
                    commitment: params::commitment(config.commitment),
                })
            }
            "blockSubscribe" => {
                let (filter, config): (BlockFilter, Option<RpcBlockConfig>) = params::read(given, 1, 1)?;
                let config = config.unwrap_or_default();
                let mentions = match filter {
                    BlockFilter::All => None,
                    BlockFilter::MentionsAccountOrProgram(address) => {
                        Some(address_of(&address, "Invalid pubkey provided")?)
                    }
                };
                let commitment = params::at_least_confirmed(config.commitment)?;
                Ok(Self::Block { mentions, options: config.options(), commitment })
            }
            _ => Err(RpcError::MethodNotFound),
        }
    }

    pub(super) fn is_signature(&self) -> bool {
        matches!(self, Self::Signature { .. })
    }
}

fn address_of(text: &str, why: &str) -> Result<Address, RpcError> {
    Address::from_str(text).map_err(|_| refused(why))
}

fn refused(why: &str) -> RpcError {
    RpcError::InvalidParams(format!("Invalid Request: {why}"))
}
