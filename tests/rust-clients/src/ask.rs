//! What is asked for, and how.

use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_pubkey::Pubkey;
use solana_rpc_client_api::{
    config::{RpcAccountInfoConfig, RpcBlockConfig, RpcProgramAccountsConfig, RpcTransactionConfig},
    filter::{Memcmp, RpcFilterType},
};
use solana_transaction_status_client_types::{TransactionDetails, UiTransactionEncoding};

use crate::cast::TOKEN_ACCOUNT_SIZE;

/// The commitment of all steps.
pub(crate) const CONFIRMED: CommitmentConfig = CommitmentConfig::confirmed();

/// Accounts as base64.
pub(crate) fn base64() -> RpcAccountInfoConfig {
    RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CONFIRMED),
        ..Default::default()
    }
}

/// Accounts as the node renders them.
pub(crate) fn json_parsed() -> RpcAccountInfoConfig {
    RpcAccountInfoConfig { encoding: Some(UiAccountEncoding::JsonParsed), ..base64() }
}

/// The token accounts of this mint.
pub(crate) fn of_mint(mint: &Pubkey, account_config: RpcAccountInfoConfig) -> RpcProgramAccountsConfig {
    let filters = vec![
        RpcFilterType::DataSize(TOKEN_ACCOUNT_SIZE as u64),
        RpcFilterType::Memcmp(Memcmp::new_base58_encoded(0, &mint.to_bytes())),
    ];
    RpcProgramAccountsConfig { filters: Some(filters), account_config, ..Default::default() }
}

/// A transaction, up to this version.
pub(crate) fn transaction(encoding: UiTransactionEncoding, version: Option<u8>) -> RpcTransactionConfig {
    RpcTransactionConfig {
        encoding: Some(encoding),
        commitment: Some(CONFIRMED),
        max_supported_transaction_version: version,
    }
}

/// A block with transactions of all versions, without rewards.
pub(crate) fn block(details: TransactionDetails, encoding: UiTransactionEncoding) -> RpcBlockConfig {
    RpcBlockConfig {
        encoding: Some(encoding),
        transaction_details: Some(details),
        rewards: Some(false),
        commitment: Some(CONFIRMED),
        max_supported_transaction_version: Some(1),
    }
}
