//! JSON-RPC over one HTTP connection: never more than one is open, however many call at once.
//!
//! One task, the link, owns the connection and is the only one that opens it: over HTTP/2 every call has a stream of
//! its own, over HTTP/1.1 calls travel one exchange at a time, gathered into batches. A call that is given up by its
//! caller is finished by the link all the same, so that neither the connection nor the budget's account suffers.
//!
//! What is not here: when a call may be sent (the budget gave it its permit), and repeating it (whoever holds a lease
//! asks for another permit).

/// Which calls travel together.
mod batch;
/// Reading a response body within bounds.
mod body;
/// The façade: make a call, close the connection, look at the numbers.
mod client;
/// Why a call has no result.
mod error;
/// Quoting what a server said without repeating a key.
mod excerpt;
/// One request and its response.
mod exchange;
/// What the head of a response says.
mod head;
/// Lending a connection to the protocol library and getting it back.
mod lent;
/// An open connection that speaks its protocol.
mod line;
/// The task that owns the connection.
mod link;
/// What a response means for each of its calls.
mod outcome;
/// A call that waits for its answer.
mod pending;
/// Finding out whether a cleartext server speaks HTTP/2.
mod probe;
/// The JSON-RPC envelope.
mod rpc;
/// Counting what happened.
mod stats;
/// Where requests go.
mod target;
#[cfg(test)]
mod tests;

pub use client::{Call, Http, HttpConfig, Reply};
pub use error::{CallError, RpcError, TransportError};
pub use stats::{HttpStats, Version};
pub use target::UnusableUrl;
