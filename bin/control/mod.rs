//! How other processes of the same user reach a running `eda`: the data directory's lock and its control socket.

mod client;
mod lock;
mod message;
mod server;
/// What a running process says about itself, and how a person reads it.
pub(crate) mod status;
pub(crate) mod table;

#[cfg(test)]
mod tests;

pub(crate) use client::{AskError, ask};
pub(crate) use lock::{DataDir, LockError};
pub(crate) use message::{Request, Response};
pub(crate) use server::{Answer, ListenError, listen, serve};
