//! The one path to the chain: one request budget, one HTTP connection, one WebSocket and one feed, shared by
//! everyone.
//!
//! A [`ConnectionManager`] is opened once; each worker takes a [`Lease`] of it, states its [`feed::Interest`]s and
//! asks through it. The connection opens with the first lease and closes with the last.

mod backoff;
/// Who may send what, when: the request budget.
pub mod budget;
mod calls;
/// What is known of earlier runs.
pub mod checkpoints;
/// Opening and counting sockets.
pub mod dial;
mod economy;
/// Where the provider is, and how to show it without its keys.
pub mod endpoint;
/// Which endpoint is asked, where several are configured.
pub mod failover;
/// What workers are interested in, fetched once and handed to everyone who asked.
pub mod feed;
mod gate;
/// One HTTP connection, whatever the concurrency.
pub mod http;
mod lease;
mod manager;
/// The error codes of nodes that eda decides on.
pub mod node_error;
/// One WebSocket, whose equal subscriptions are shared.
pub mod pubsub;
/// Who asks, for what, how urgently: the words that budget, HTTP and PubSub share.
pub mod request;
/// Making fewer requests than are asked for.
pub mod savings;
mod stats;
mod vitals;

pub use calls::RequestError;
pub use economy::Spending;
pub use failover::Site;
pub use gate::Gate;
pub use lease::Lease;
pub use manager::{Config, ConnectionManager, OpenError};
pub use stats::Stats;
pub use vitals::{Identity, Vital};
