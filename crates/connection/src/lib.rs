//! The one path to the chain: one request budget, one HTTP connection, one WebSocket and one feed, shared by
//! everyone.
//!

mod backoff;
/// Who may send what, when: the request budget.
pub mod budget;
/// Opening and counting sockets.
pub mod dial;
/// Where the provider is, and how to show it without its keys.
pub mod endpoint;
mod gate;
/// One HTTP connection, whatever the concurrency.
pub mod http;
/// The error codes of nodes that eda decides on.
pub mod node_error;
/// One WebSocket, whose equal subscriptions are shared.
pub mod pubsub;
/// Who asks, for what, how urgently: the words that budget, HTTP and PubSub share.
pub mod request;

