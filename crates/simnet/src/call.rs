//! What one call said, and the journal of all calls.

use http::{HeaderMap, Version};
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

/// One JSON-RPC call as it arrived, over HTTP or over a WebSocket.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The parameters; null if absent.
    pub params: Value,
    /// The id exactly as sent.
    pub id: Value,
    /// Headers of the HTTP request, or of the WebSocket handshake.
    pub headers: HeaderMap,
    /// Path and query of the HTTP request, or of the WebSocket handshake.
    pub path: String,
    /// HTTP version it arrived with.
    pub version: Version,
    /// The connection's number on its listener, from 1.
    pub connection: u64,
    /// Entries of its request: 1 unless it was in a batch.
    pub batch: usize,
    /// When the whole request had been read.
    pub at: Instant,
}

/// Every call in arrival order. What a node refuses before it looks for the method is none, and neither is what has
/// no id.
#[derive(Debug, Default)]
pub struct Journal {
    calls: watch::Sender<Vec<Call>>,
}

// === impl Journal ===

impl Journal {
    /// All calls so far.
    pub fn all(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Calls of one method so far.
    pub fn of(&self, method: &str) -> Vec<Call> {
        self.calls.borrow().iter().filter(|call| call.method == method).cloned().collect()
    }

    /// The number of calls so far.
    pub fn len(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Whether nothing has been called.
    pub fn is_empty(&self) -> bool {
        self.calls.borrow().is_empty()
    }

    /// Forgets what was recorded, so that a test can look at its next phase alone.
    pub fn clear(&self) {
        self.calls.send_modify(Vec::clear);
    }

    /// Waits until the calls satisfy `reached`. It has no deadline of its own: the test has one.
    pub async fn until(&self, mut reached: impl FnMut(&[Call]) -> bool) -> Vec<Call> {
        let mut watching = self.calls.subscribe();
        let calls = watching.wait_for(|calls| reached(calls)).await.map(|calls| calls.clone());
        calls.unwrap_or_else(|_| self.all())
    }

    pub(crate) fn record(&self, call: Call) {
        self.calls.send_modify(|calls| calls.push(call));
    }
}
