//! A simulated provider for tests: a [`Front`] listens on loopback, speaks JSON-RPC over HTTP and PubSub over
//! WebSocket as nodes and providers do, enforces the limits of a [`Provider`], misbehaves on request, and counts on its
//! accept loop what really arrived.
//!
//! The counts are the server's own, so that a test of "one connection" cannot be fooled by what a client believes
//! about itself. What this crate is not: it holds no chain state and simulates no cluster; replies are what the test
//! programs.

/// What one call said, and the journal of all calls.
mod call;
/// One accepted socket: its counting stream and the switches that end it.
mod connection;
/// The pair of listeners a client is pointed at.
mod front;
/// JSON-RPC over HTTP.
mod http;
/// The accept loop.
mod listener;
/// The limits a front enforces, and what it counts.
mod provider;
/// PubSub over WebSocket.
mod pubsub;
/// What a programmed responder can answer over HTTP.
mod reply;
/// The certificate a TLS front presents.
mod tls;
/// What a listener counts.
mod traffic;

pub use ::http::StatusCode;
pub use call::{Call, Journal};
pub use front::{Front, Protocol, Reserved};
pub use http::{Responder, Rpc, basics};
pub use listener::Listener;
pub use provider::{Blocked, Cause, Fullest, Meter, Provider};
pub use pubsub::{Pubsub, Subscription, Verdict, account};
pub use reply::Reply;
pub use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
pub use traffic::{Alpn, ConnectionRecord, Tally, Traffic};
