//! The vocabulary: what workers say to each other and to the outside, and the queue it goes into.

/// Lists of addresses in settings.
pub mod addresses;
/// What events say: one type per fact, one file per family.
pub mod data;
/// An event and its envelope.
pub mod event;
/// Deterministic event ids.
pub mod id;
/// What workers say, on its way to what keeps it.
pub mod log;
/// Bounded queues between a publisher that never waits and a reader that may die and come back.
pub mod mailbox;
/// Numbers that travel as JSON numbers.
pub mod number;
/// Where in a transaction something happened.
pub mod path;
/// Slots, amounts, clusters, worker names: the words every other crate shares.
pub mod primitives;
/// Why candidates did not become events.
pub mod refusal;
/// Where events leave the process.
pub mod sink;
/// The channels events are published on.
pub mod topic;
/// How types that are not ours travel in JSON.
mod wire;

pub use addresses::{Addresses, BadAddresses};
pub use data::{Data, Kind};
pub use event::{Event, SCHEMA_VERSION, Source};
pub use id::{BurnId, EventId, PositionEnd};
pub use log::{Log, Progress};
pub use mailbox::{
    Delivery, Input, InputStats, Latest, LatestPost, Mailbox, Post, Posted, Quarantined, Verdict,
};
pub use number::{Fraction, Percent};
pub use path::Path;
pub use primitives::{Cluster, Commitment, Decimals, Genesis, RawAmount, Slot, WorkerName};
pub use refusal::Refusal;
pub use solana_address::Address;
pub use solana_signature::Signature;
pub use topic::Topic;
