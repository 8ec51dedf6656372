use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    batch::Limits,
    body::Bounds,
    error::CallError,
    line::Opener,
    link::{Link, Order, Request},
    stats::{Counts, HttpStats, Version},
    target::{Target, UnusableUrl},
};
use crate::{
    budget::Permit,
    dial::{Dialer, Sockets},
    endpoint::Endpoint,
    gate::Gate,
    request::{Class, Method},
};

/// Orders that may wait for the link; every call holds a permit, so that the budget keeps this number small.
const ORDERS: usize = 1024;

/// The one HTTP connection to one endpoint. Cheap to clone; every clone uses the same connection, which is opened by
/// the first call.
#[derive(Clone)]
pub struct Http {
    orders: mpsc::Sender<Order>,
    target: Arc<Target>,
    sockets: Sockets,
    counts: Arc<Counts>,
}

/// Bounds of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Most calls in one batch (HTTP/1.1 only); 1 sends every call singly.
    pub batch_calls: usize,
    /// Most bytes of a batch's body. Agave takes 51,200 (`MAX_REQUEST_BODY_SIZE`).
    pub batch_bytes: usize,
    /// How long the first call of a batch waits for others.
    pub gather: Duration,
    /// A response of which nothing arrives for this long is given up; over HTTP/1.1 that costs the connection.
    pub stall: Duration,
    /// How long a connection that the server is ending may finish what is in flight.
    pub drain: Duration,
    /// Most bytes of an answer after decompression.
    pub answer_bytes: u64,
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Call {
    /// For example `getBlock`.
    pub method: Method,
    /// The parameters as JSON, an array.
    pub params: Box<RawValue>,
    /// How urgent it is.
    pub class: Class,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The result as it came, not yet parsed: a block is several megabytes, and only its reader knows what to make
    /// of it.
    pub result: Box<RawValue>,
    /// Bytes of the response's body as it travelled. Those of a batch are counted at one of its calls.
    pub bytes: u64,
    /// The protocol it came by.
    pub version: Version,
}

// === impl HttpConfig ===

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            batch_calls: 50,
            batch_bytes: 50_000,
            gather: Duration::from_millis(3),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(2),
            answer_bytes: 256 << 20,
        }
    }
}

// === impl Call ===

impl Call {
    /// A call with parameters that serialize to a JSON array.
    ///
    /// # Errors
    /// When the parameters cannot be JSON, such as a map with keys that are no text.
    pub fn new(method: Method, class: Class, params: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self { method, params: to_raw_value(params)?, class })
    }
}

// === impl Http ===

impl Http {
    /// Prepares the connection without opening it. Its task runs on `tasks` until `stop`, and then closes it.
    ///
    /// # Errors
    /// When HTTP cannot carry the endpoint's URL.
    pub fn new(
        endpoint: &Endpoint,
        dialer: Dialer,
        config: HttpConfig,
        gate: Gate,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, UnusableUrl> {
        let target = Arc::new(Target::new(endpoint.http())?);
        let (sockets, counts) = (Sockets::default(), Arc::new(Counts::default()));
        let opener = Opener {
            target: Arc::clone(&target),
            dialer,
            gate,
            sockets: sockets.clone(),
            counts: Arc::clone(&counts),
            tasks: tasks.clone(),
        };
        let batches = Limits { calls: config.batch_calls.max(1), bytes: config.batch_bytes };
        let bounds = Bounds { bytes: config.answer_bytes, stall: config.stall };
        let (orders, received) = mpsc::channel(ORDERS);
        tasks.spawn(Link::new(opener, batches, bounds, config.gather, config.drain).run(received, stop));
        Ok(Self { orders, target, sockets, counts })
    }

    /// Makes one call. Dropping the future gives up the answer, not the call: once it has been sent it is read to its
    /// end, and the budget learns what it cost.
    ///
    /// # Errors
    /// See [`CallError`]. Nothing is repeated here except a call without effect that met a connection which the
    /// server had just let go.
    pub async fn call(&self, call: Call, permit: Permit) -> Result<Reply, CallError> {
        let (reply, answer) = oneshot::channel();
        let method = call.method.clone();
        let order = Order::Call(Request { call, permit, reply });
        self.orders.send(order).await.map_err(|_| CallError::Closed)?;
        answer.await.unwrap_or_else(|_| Err(CallError::Closed.after_sending(&method)))
    }

    /// Closes the connection and returns when its socket is closed. Calls under way end with [`CallError::Closed`],
    /// or with an unknown outcome where that matters. The next call opens a new connection.
    pub async fn close(&self) {
        let (closed, done) = oneshot::channel();
        // Without a link there is no connection either.
        if self.orders.send(Order::Close(closed)).await.is_ok() {
            done.await.unwrap_or_default();
        }
    }

    /// Closes the connection as [`close`](Self::close) does, and opens none until [`wake`](Self::wake): calls made
    /// meanwhile end with [`CallError::Closed`], unsent.
    pub async fn rest(&self) {
        let (closed, done) = oneshot::channel();
        if self.orders.send(Order::Rest(closed)).await.is_ok() {
            done.await.unwrap_or_default();
        }
    }

    /// Calls made from now on may open a connection again.
    pub async fn wake(&self) {
        // Without a link, calls learn that by themselves.
        self.orders.send(Order::Wake).await.unwrap_or_default();
    }

    /// What happened so far.
    pub fn stats(&self) -> HttpStats {
        HttpStats { open: self.sockets.open(), opened: self.sockets.opened(), ..self.counts.look() }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("url", &crate::endpoint::redact(&self.target.url))
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}
