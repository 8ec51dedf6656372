//! A simulated cluster with a provider in front of it, and the truth about what happened on it.
//!
//! The [`chain`] is made from a seed; a [`Front`] serves it on two loopback ports, HTTP and PubSub, and counts
//! connections where a provider counts them, at its accept loop.

/// Who acts on the chain.
mod actors;
/// What one call said, and the journal of all calls.
mod call;
/// Slots, blocks, forks and commitments, from a seed.
pub mod chain;
/// A running cluster: a chain, its clock, and its endpoints.
pub mod cluster;
/// One accepted socket: its counting stream and the switches that end it.
mod connection;
/// A node behind a provider, on two ports.
pub mod endpoint;
/// What goes wrong on purpose, by a plan or on command.
pub mod faults;
/// The pair of listeners a client is pointed at.
mod front;
/// JSON-RPC over HTTP.
mod http;
/// Instructions of the simulated programs, as clients encode them.
pub mod instructions;
/// What JSON-RPC requests ask, and the words of their answers.
mod jsonrpc;
/// The accept loop.
mod listener;
/// One node's view of a chain.
pub mod node;
/// Tells subscribers what happened.
mod notify;
/// What the simulated programs do.
pub mod programs;
/// The limits a front enforces, and what it counts.
mod provider;
/// PubSub over WebSocket.
mod pubsub;
/// Results that are rendered once and sent again and again.
mod rendered;
/// What a programmed responder can answer over HTTP.
mod reply;
/// The JSON-RPC methods of a node.
mod rpc;
/// Executes transactions on accounts.
pub mod runtime;
/// The certificate a TLS front presents.
mod tls;
/// What a listener counts.
mod traffic;
/// What really happened.
pub mod truth;

pub use ::http::StatusCode;
pub use actors::{WellKnown, WellKnownPool, well_known};
pub use call::{Call, Journal};
pub use front::{Front, Protocol, Reserved};
pub use http::{Responder, Rpc, basics};
pub use listener::Listener;
pub use provider::{Blocked, Cause, Fullest, Meter, Provider};
pub use pubsub::{Pubsub, Subscription, Verdict, account};
pub use rendered::Rendered;
pub use reply::{Delivery, Reply};
pub use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
pub use traffic::{Alpn, ConnectionRecord, Tally, Traffic, most_open};
