//! The name of a JSON-RPC method, and what is known of it by name alone.

use std::{borrow::Cow, fmt};

/// The name of a JSON-RPC method, such as `getBlock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(Cow<'static, str>);

// === impl Method ===

impl Method {
    /// A method known at compile time.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A method named by someone else, for example in config.toml.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether sending the same call twice may have an effect twice. Such a call is never repeated when its
    /// outcome is unknown.
    pub fn is_unsafe_to_repeat(&self) -> bool {
        matches!(self.as_str(), "sendTransaction" | "requestAirdrop" | "sendBundle")
    }

    /// Whether the answer may be large or slow, so that only one such call travels at a time where calls share
    /// an HTTP/1.1 connection.
    pub fn is_heavy(&self) -> bool {
        matches!(
            self.as_str(),
            "getBlock" | "getProgramAccounts" | "getTokenLargestAccounts" | "getTokenAccountsByOwner"
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
