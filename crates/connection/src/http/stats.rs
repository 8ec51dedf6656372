use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{client::Reply, error::CallError};
use crate::request::Method;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1, over TLS or not.
    Http11,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/2 in cleartext.
    H2c,
}

/// What happened on the HTTP side since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpStats {
    /// The protocol of the connection that was opened last; `None` before the first.
    pub version: Option<Version>,
    /// Connections open now: every one that was opened, probes included, until its socket is closed. One more for the
    /// moments in which an endpoint that is not in use is looked at.
    pub open: u64,
    /// Connections ever opened, probes included.
    pub opened: u64,
    /// How many of those were opened only to learn which protocol a cleartext server speaks.
    pub probes: u64,
    /// Calls sent; one that had to be sent again counts again.
    pub calls: u64,
    /// HTTP requests sent; a batch is one.
    pub requests: u64,
    /// HTTP requests that carried more than one call.
    pub batches: u64,
    /// Calls sent again because the first time they certainly had not been carried out.
    pub resent: u64,
    /// Batches that the server refused as such; after the first one calls are sent singly.
    pub batches_refused: u64,
    /// Responses inside batches that belonged to no call, or to one already answered.
    pub strays: u64,
    /// Calls that were given up by their caller before they were sent.
    pub abandoned: u64,
    /// Bytes of response bodies as they travelled.
    pub bytes: u64,
    /// Calls that ended in an error, by [`kind`](super::CallError::kind).
    pub errors: BTreeMap<&'static str, u64>,
    /// The `x-ratelimit-*` headers seen last, without that prefix.
    pub limits: BTreeMap<String, i64>,
}

/// The counts of one [`Http`](super::Http); open and opened come from its sockets.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HttpStats>);

// === impl HttpStats ===

impl HttpStats {
    /// The numbers of two connections together; version and limits are those of the first that knows them.
    #[must_use]
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.version = self.version.or(other.version);
        for (mine, theirs) in [
            (&mut self.open, other.open),
            (&mut self.opened, other.opened),
            (&mut self.probes, other.probes),
            (&mut self.calls, other.calls),
            (&mut self.requests, other.requests),
            (&mut self.batches, other.batches),
            (&mut self.resent, other.resent),
            (&mut self.batches_refused, other.batches_refused),
            (&mut self.strays, other.strays),
            (&mut self.abandoned, other.abandoned),
            (&mut self.bytes, other.bytes),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (kind, count) in other.errors {
            let sum = self.errors.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        for (header, value) in other.limits {
            self.limits.entry(header).or_insert(value);
        }
        self
    }
}

// === impl Version ===

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::H2c => "HTTP/2 cleartext",
        })
    }
}

// === impl Counts ===

impl Counts {
    pub(super) fn look(&self) -> HttpStats {
        self.lock().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut HttpStats)) {
        change(&mut self.lock());
    }

    pub(super) fn sent(&self, calls: usize) {
        self.change(|stats| {
            stats.requests = stats.requests.saturating_add(1);
            stats.calls = stats.calls.saturating_add(u64::try_from(calls).unwrap_or(u64::MAX));
            stats.batches = stats.batches.saturating_add(u64::from(calls > 1));
        });
    }

    /// Hands the outcome of a call to its caller, who may have gone away.
    pub(super) fn deliver(
        &self,
        reply: oneshot::Sender<Result<Reply, CallError>>,
        method: &Method,
        outcome: Result<Reply, CallError>,
    ) {
        if let Err(error) = &outcome {
            self.failed(method, error);
        }
        drop(reply.send(outcome));
    }

    fn failed(&self, method: &Method, error: &CallError) {
        let first = {
            let mut stats = self.lock();
            let count = stats.errors.entry(error.kind()).or_default();
            *count = count.saturating_add(1);
            *count == 1
        };
        // The node's own errors and closing are what their callers expect.
        if first && !matches!(error, CallError::Rpc(_) | CallError::Closed) {
            tracing::warn!(%method, %error, "call failed; further errors of this kind are counted only");
        } else {
            tracing::debug!(%method, %error, "call failed");
        }
    }

    /// A panic elsewhere leaves the numbers usable.
    fn lock(&self) -> MutexGuard<'_, HttpStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
