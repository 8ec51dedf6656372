//! What providers allow, as numbers a person can write down: the words that the budget, which keeps to them, and the
//! simulated provider, which enforces them, have in common.
//!
//! No I/O, no clock. How a limit is kept is the budget's business, how it is enforced the provider's.

/// Limits of one endpoint, and the texts for rates.
mod limits;
/// Names of JSON-RPC methods.
mod method;
/// What providers are known to allow: one table, as data.
pub mod profile;

pub use limits::{BadRate, ByteRate, Limits, Rate};
pub use method::Method;
