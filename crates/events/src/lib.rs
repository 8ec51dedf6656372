//! The vocabulary: what workers say to each other and to the outside.

/// Bounded queues between a publisher that never waits and a reader that may die and come back.
pub mod mailbox;
/// Slots, amounts, clusters, worker names: the words every other crate shares.
pub mod primitives;

pub use mailbox::{
    Delivery, Input, InputStats, Latest, LatestPost, Mailbox, Post, Posted, Quarantined, Verdict,
};
pub use primitives::{Cluster, Commitment, Decimals, RawAmount, Slot, WorkerName};
pub use solana_address::Address;
pub use solana_signature::Signature;
