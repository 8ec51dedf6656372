//! The one path to the chain: one request budget, one HTTP connection, one WebSocket, shared by everyone.

/// Who may send what, when: the request budget.
pub mod budget;
/// One HTTP connection, whatever the concurrency.
pub mod http;
/// One WebSocket, whose equal subscriptions are shared.
pub mod pubsub;
/// Who asks, for what, how urgently: the words that budget, HTTP and PubSub share.
pub mod request;
