//! What whole-process tests stand on: validators as users run them, a client built of the official crates, a traffic
//! generator that knows the truth about every burn it made, and the `eda` process itself.
//!
//! It is a library and not a `tests/support.rs` module, so that a test may use part of it without the rest being
//! reported as dead code.

/// The traffic generator and its ground truth.
pub mod burns;
/// A network that breaks when the test says so.
pub mod cable;
/// JSON-RPC, signing, sending and confirming.
pub mod client;
/// A node that is scripted by the test.
pub mod node;
/// What an `eda` says of itself.
pub mod observe;
/// The `eda` process under test.
pub mod process;
/// An on-chain program that makes inner instructions.
pub mod relay;
/// The TCP connections of a process, as the system counts them.
pub mod sockets;
/// Real validators on free ports.
pub mod validator;

pub use eda_simnet::instructions;

/// What can go wrong in the scaffolding itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node answered a call with a JSON-RPC error.
    #[error("{method}: error {code}: {message} {data}")]
    Rpc {
        /// The method called.
        method: String,
        /// The error's code.
        code: i64,
        /// The error's message.
        message: String,
        /// The error's data, or null.
        data: serde_json::Value,
    },
    /// The node answered something that is not what the method is documented to answer.
    #[error("{method}: unexpected answer {answer}")]
    Answer {
        /// The method called.
        method: String,
        /// What came.
        answer: String,
    },
    /// The node could not be reached.
    #[error("no answer from the node")]
    Transport(#[from] reqwest::Error),
    /// A process or a file.
    #[error("process or file")]
    Io(#[from] std::io::Error),
    /// A transaction could not be built or signed, or did something other than planned.
    #[error("transaction: {0}")]
    Transaction(String),
    /// Something did not happen in time.
    #[error("gave up waiting for {0}")]
    Timeout(String),
    /// The validator process ended by itself.
    #[error("the validator ended: {0}")]
    Validator(String),
}

/// The result of everything here.
pub type Fallible<T> = Result<T, Error>;
