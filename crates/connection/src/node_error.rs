//! The error codes of Agave's JSON-RPC that eda decides on.
//!
//! Source: `solana-rpc-client-api` 4.2.2, `custom_error.rs`.

/// The parameters are not accepted; also said of more keys than are taken at once.
pub const INVALID_PARAMS: i64 = -32602;
/// Block cleaned up: the node no longer has the slot; the message names the first one it has.
pub const BLOCK_CLEANED_UP: i64 = -32001;
/// Block not available: not confirmed yet, or the slot was skipped and the node cannot tell yet.
pub const BLOCK_NOT_AVAILABLE: i64 = -32004;
/// The node is behind and says so.
pub const NODE_UNHEALTHY: i64 = -32005;
/// The slot was skipped, or is missing since a snapshot jump.
pub const SLOT_SKIPPED: i64 = -32007;
/// The slot was skipped, or is missing in long-term storage.
pub const LONG_TERM_STORAGE_SLOT_SKIPPED: i64 = -32009;
/// The node keeps no transaction history.
pub const HISTORY_NOT_AVAILABLE: i64 = -32011;
/// Long-term storage cannot be reached now.
pub const LONG_TERM_STORAGE_UNREACHABLE: i64 = -32019;
/// The block is there, and what became of its transactions is not written yet.
pub const BLOCK_STATUS_NOT_AVAILABLE_YET: i64 = -32014;
/// The answer holds a transaction of a newer version than `maxSupportedTransactionVersion`.
pub const UNSUPPORTED_TRANSACTION_VERSION: i64 = -32015;
/// The node has not reached `minContextSlot`.
pub const MIN_CONTEXT_SLOT_NOT_REACHED: i64 = -32016;
