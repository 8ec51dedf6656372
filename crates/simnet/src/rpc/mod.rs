//! The JSON-RPC methods of a simulated node, as Agave 4.2.2 answers them.

/// The shapes of accounts, transactions and blocks.
pub(crate) mod encode;
/// Errors and their texts.
pub(crate) mod error;
/// Parameters and what is wrong with them.
pub(crate) mod params;
