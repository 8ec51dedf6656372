//! JSON-RPC over HTTP: reads requests as a node does, asks the test's responder, and delivers what it said.

/// Puts replies into one HTTP response.
mod answer;
/// What a request asks.
mod asked;
/// Response bodies, including those that stop half way.
mod body;
/// A JSON text that is put together of parts.
mod document;
/// Gzip of texts of which some parts were compressed before.
mod gzip;

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, server::conn::auto};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_util::task::TaskTracker;

pub(crate) use self::gzip::Deflated;
use self::{answer::Answer, asked::Asked, body::ReplyBody, document::Document};
use crate::{
    call::{Call, Journal},
    connection::Connection,
    faults::Faults,
    jsonrpc::{self, Entry},
    provider::Credentials,
    reply::{Delivery, Reply},
};

/// Decides what a call is answered. It runs on the server's task and must not block.
pub type Responder = dyn Fn(&Call) -> Reply + Send + Sync;

/// The programmable HTTP side of a front.
pub struct Rpc {
    responder: RwLock<Arc<Responder>>,
    journal: Journal,
    gzip: AtomicBool,
    reversed: AtomicBool,
    faults: RwLock<Faults>,
}

/// Runs futures of the HTTP/2 protocol on the front's own tracker.
#[derive(Debug, Clone)]
pub(crate) struct Tracked(pub(crate) TaskTracker);

/// What a healthy idle node answers: `getHealth`, `getVersion`, `getGenesisHash`, `getSlot` (always 1000) and
/// `getIdentity`; any other method is unknown.
pub fn basics(call: &Call) -> Reply {
    let result = match call.method.as_str() {
        "getHealth" => json!("ok"),
        "getVersion" => json!({"solana-core": "4.2.2", "feature-set": 3_640_012_085_u32}),
        "getGenesisHash" => json!("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
        "getSlot" => json!(1000),
        "getIdentity" => json!({"identity": "11111111111111111111111111111112"}),
        _ => return Reply::method_not_found(),
    };
    Reply::Result(result)
}

// === impl Rpc ===

impl Default for Rpc {
    fn default() -> Self {
        Self {
            responder: RwLock::new(Arc::new(basics)),
            journal: Journal::default(),
            gzip: AtomicBool::new(true),
            reversed: AtomicBool::new(false),
            faults: RwLock::default(),
        }
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("calls", &self.journal.len()).finish_non_exhaustive()
    }
}

impl Rpc {
    /// Replaces the responder ([`basics`] until then).
    pub fn respond(&self, responder: impl Fn(&Call) -> Reply + Send + Sync + 'static) {
        *self.responder.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(responder);
    }

    /// Lets faults happen to requests from now on.
    pub(crate) fn afflict(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every call received.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether responses are compressed for clients that accept gzip. On until switched off.
    pub fn gzip(&self, on: bool) {
        self.gzip.store(on, Ordering::Release);
    }

    /// Whether the answers of a batch come in reverse order, which JSON-RPC allows. Off until switched on.
    pub fn reverse_batches(&self, on: bool) {
        self.reversed.store(on, Ordering::Release);
    }

    /// Serves one connection until it ends.
    pub(crate) async fn serve<S>(
        self: Arc<Self>,
        stream: S,
        connection: Arc<Connection>,
        server: auto::Builder<Tracked>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let serving = Arc::clone(&connection);
        let service = hyper::service::service_fn(move |request| {
            let (rpc, connection) = (Arc::clone(&self), Arc::clone(&serving));
            async move { Ok::<_, Infallible>(rpc.answer(request, connection).await) }
        });
        let serving = server.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let served = tokio::select! {
            served = serving.as_mut() => served,
            () = connection.draining() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, connection = connection.number(), "connection ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, connection: Arc<Connection>) -> Response<ReplyBody> {
        connection.requested(request.version());
        let (head, body) = request.into_parts();
        let asked = Asked::read(&head, body).await;
        let methods = asked.as_ref().map(Asked::methods).unwrap_or_default();
        let visit = connection.visit();
        let from = Credentials { version: head.version, uri: &head.uri, headers: &head.headers };
        if let Some(refused) = visit.refuse_request(from, &methods) {
            if visit.is_turned_away() {
                connection.drain();
            }
            return refused.map(|body| ReplyBody::whole(body.into()));
        }
        let gzip = self.gzip.load(Ordering::Acquire) && accepts_gzip(&head.headers);
        let mut response = match asked {
            Ok(Asked::Request(request)) => self.reply(request, &head, gzip, Arc::clone(&connection)).await,
            Ok(Asked::Health) => self.health(&head, &connection),
            Ok(Asked::Options) => {
                ReplyBody::respond(&[], Document::default(), gzip, Delivery::Whole, Arc::clone(&connection))
            }
            Err(unreadable) => unreadable.response(gzip, Arc::clone(&connection)),
        };
        visit.label(response.headers_mut(), &methods);
        response.map(|body| body.weighed(Arc::clone(&connection)))
    }

    /// What the responder says to each call.
    async fn reply(
        &self,
        request: jsonrpc::Request,
        head: &Parts,
        gzip: bool,
        connection: Arc<Connection>,
    ) -> Response<ReplyBody> {
        let size = request.entries.len();
        let mut calls = Vec::with_capacity(size);
        // Answers that are worded already, and the places of those that are not.
        let mut worded = Vec::with_capacity(size);
        for entry in request.entries {
            match entry {
                Entry::Call(asked) => {
                    worded.push(None);
                    calls.push(call(asked, size, head, &connection));
                }
                Entry::Notification { .. } => {}
                Entry::Refused(answer) => worded.push(Some(answer)),
            }
        }
        let responder = self.responder();
        let replies = self.faults().request(&calls, |call| responder(call));
        let mut replied = calls.into_iter().zip(replies);
        let mut answer = Answer::default();
        for words in worded {
            if let Some(words) = words {
                answer.worded(words);
            } else if let Some((call, reply)) = replied.next() {
                answer.add(&call.id, reply);
                self.journal.record(call);
            }
        }
        answer.deliver(request.batch, self.reversed.load(Ordering::Acquire), gzip, connection).await
    }

    /// One word about the node, as load balancers ask for it.
    fn health(&self, head: &Parts, connection: &Connection) -> Response<ReplyBody> {
        let asked = jsonrpc::Asked { method: "getHealth".to_owned(), params: Value::Null, id: Value::Null };
        let reply = self.responder()(&call(asked, 1, head, connection));
        let word = if matches!(reply, Reply::Result(_)) { "ok" } else { "behind" };
        Response::new(ReplyBody::whole(Bytes::from_static(word.as_bytes())))
    }

    fn responder(&self) -> Arc<Responder> {
        Arc::clone(&self.responder.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was asked, as one of `batch` entries.
fn call(asked: jsonrpc::Asked, batch: usize, head: &Parts, connection: &Connection) -> Call {
    Call {
        method: asked.method,
        params: asked.params,
        id: asked.id,
        headers: head.headers.clone(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        version: head.version,
        connection: connection.number(),
        batch,
        at: Instant::now(),
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|value| value.contains("gzip"))
}

// === impl Tracked ===

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
