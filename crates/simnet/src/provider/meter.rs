//! What a provider has counted, as one value to read.

use std::collections::BTreeMap;

use serde::Serialize;

use super::refusal::Cause;

/// Everything a provider has counted since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Meter {
    /// Calls that were let through, by method. Each call of a batch counts; a request that names no method, or cannot
    /// be read, counts under the empty name.
    pub requests: BTreeMap<String, u64>,
    /// What was refused, by cause and method: calls, each call of a refused batch; and under the empty name
    /// connections and WebSockets.
    pub refusals: BTreeMap<Cause, BTreeMap<String, u64>>,
    /// Credits of the calls that were let through.
    pub credits: u64,
    /// How close each limit came to being broken, methods apart. A limit the provider does not have is absent.
    pub fullest: BTreeMap<Cause, Fullest>,
    /// The same for each method that was called and has a limit.
    pub fullest_methods: BTreeMap<String, Fullest>,
    /// Bytes of the bodies of HTTP responses, as they travelled; what was refused is left out.
    pub bytes: u64,
    /// Sockets accepted, HTTP and WebSocket together, refused ones as well.
    pub accepts: u64,
    /// Sockets open now, refused ones as well until they are closed.
    pub open: u64,
    /// Most sockets ever open at one time.
    pub max_open: u64,
}

/// The most that ever was in a window, or held at once, beside its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Fullest {
    /// The most ever counted. Bytes alone can pass their limit: a response is weighed as it leaves.
    pub count: u64,
    /// What is allowed.
    pub limit: u64,
}

// === impl Meter ===

impl Meter {
    /// Everything refused, whatever the cause.
    pub fn refused(&self) -> u64 {
        self.refusals.values().flat_map(BTreeMap::values).sum()
    }

    /// What was refused for one cause.
    pub fn refused_for(&self, cause: Cause) -> u64 {
        self.refusals.get(&cause).map_or(0, |methods| methods.values().sum())
    }
}
