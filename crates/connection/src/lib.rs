//! The one path to the chain: one request budget, one HTTP connection, one WebSocket, shared by everyone.

/// Who may send what, when: the request budget.
pub mod budget;
/// Opening and counting sockets.
pub mod dial;
/// Where the provider is, and how to show it without its keys.
pub mod endpoint;
/// What workers are interested in, fetched once and handed to everyone who asked.
pub mod feed;
/// One HTTP connection, whatever the concurrency.
pub mod http;
/// One WebSocket, whose equal subscriptions are shared.
pub mod pubsub;
/// Who asks, for what, how urgently: the words that budget, HTTP and PubSub share.
pub mod request;
