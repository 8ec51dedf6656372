//! The vocabulary: what workers say to each other and to the outside.

/// Slots, amounts, clusters, worker names: the words every other crate shares.
pub mod primitives;

pub use primitives::{Cluster, Commitment, Decimals, RawAmount, Slot, WorkerName};
pub use solana_address::Address;
pub use solana_signature::Signature;
