//! JSON-RPC over HTTP: reads requests as a node does, asks the test's responder, and delivers what it said.

/// Puts replies into one HTTP response.
mod answer;
/// Response bodies, including those that stop half way.
mod body;

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, server::conn::auto};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use self::{
    answer::{Answer, Delivery},
    body::ReplyBody,
};
use crate::{
    call::{Call, Journal},
    connection::Connection,
    reply::Reply,
};

/// Bytes a request body may have; larger is answered 413 (`MAX_REQUEST_BODY_SIZE` of Agave).
const MAX_REQUEST_BYTES: usize = 50 * 1024;

/// Decides what a call is answered. It runs on the server's task and must not block.
pub type Responder = dyn Fn(&Call) -> Reply + Send + Sync;

/// The programmable HTTP side of a front.
pub struct Rpc {
    responder: RwLock<Arc<Responder>>,
    journal: Journal,
    gzip: AtomicBool,
    reversed: AtomicBool,
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
        if head.method != Method::POST {
            return plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "Used HTTP Method is not allowed. POST or OPTIONS is required",
            );
        }
        if !is_json(&head.headers) {
            return plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Supplied content type is not allowed. Content-Type: application/json is required",
            );
        }
        let body = match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "Request body exceeds size limit"),
        };
        let gzip = self.gzip.load(Ordering::Acquire) && accepts_gzip(&head.headers);
        let (asked, batch) = match serde_json::from_slice(&body) {
            Ok(Value::Array(calls)) => (calls, true),
            Ok(call) => (vec![call], false),
            Err(_) => {
                let error = json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null});
                return ReplyBody::respond(&[], error.to_string().into(), gzip, Delivery::Whole, connection);
            }
        };
        let size = asked.len();
        let at = Instant::now();
        let responder = Arc::clone(&self.responder.read().unwrap_or_else(PoisonError::into_inner));
        let mut answer = Answer::default();
        for mut call in asked {
            let call = Call {
                method: call.get("method").and_then(Value::as_str).unwrap_or_default().to_owned(),
                params: call.get_mut("params").map(Value::take).unwrap_or_default(),
                id: call.get_mut("id").map(Value::take).unwrap_or_default(),
                headers: head.headers.clone(),
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                version: head.version,
                connection: connection.number(),
                batch: size,
                at,
            };
            let reply = responder(&call);
            answer.add(&call.id, reply);
            self.journal.record(call);
        }
        answer.deliver(batch, self.reversed.load(Ordering::Acquire), gzip, connection).await
    }
}

fn plain(status: StatusCode, body: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/json"))
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
