//! One WebSocket from upgrade to close.

use std::sync::Arc;

use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::{HeaderMap, Version};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        self, Message,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::WebSocketConfig,
    },
};

use super::{
    Pubsub, Verdict,
    outbox::{Due, Outbox, Outgoing},
};
use crate::{call::Call, connection::Connection, provider::Credentials};

/// Bytes a client's message may have (`max_message_size` in Agave's `rpc_pubsub_service.rs`).
const MAX_CLIENT_MESSAGE: usize = 4096;

/// Frames waiting for a client before it counts as too slow.
const OUTGOING_FRAMES: usize = 16_384;

/// What a socket does next.
enum Event {
    Outgoing(Box<Outgoing>),
    Late,
    Incoming(Option<Result<Message, tungstenite::Error>>),
    Due(Box<Call>, Verdict),
    Flow,
    Drain,
}

/// What the handshake said.
struct Handshake {
    headers: HeaderMap,
    path: String,
}

/// Takes the connection out of the registry however its session ends.
struct Registered<'a> {
    pubsub: &'a Pubsub,
    connection: u64,
}

impl Pubsub {
    /// Serves one connection until it ends.
    pub(crate) async fn serve<S>(self: Arc<Self>, stream: S, connection: Arc<Connection>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let Some((socket, handshake)) = self.upgrade(stream, &connection).await else { return };
        connection.upgraded();
        let (sender, outgoing) = mpsc::channel(OUTGOING_FRAMES);
        self.registry.open(Arc::clone(&connection), sender);
        let registered = Registered { pubsub: &self, connection: connection.number() };
        if let Err(error) = self.converse(socket, outgoing, &handshake, &connection).await {
            tracing::debug!(%error, connection = connection.number(), "socket ended");
        }
        drop(registered);
    }

    async fn upgrade<S>(&self, stream: S, connection: &Connection) -> Option<(WebSocketStream<S>, Handshake)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let mut handshake = Handshake { headers: HeaderMap::new(), path: String::new() };
        let refusal = self.refusal();
        #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
        let callback = |request: &Request, mut response: Response| {
            handshake.headers = request.headers().clone();
            handshake.path = request.uri().to_string();
            if let Some(status) = refusal {
                let mut refused = ErrorResponse::new(Some(status.to_string()));
                *refused.status_mut() = status;
                return Err(refused);
            }
            let (version, uri, headers) = (request.version(), request.uri(), request.headers());
            if let Some(refused) = connection.visit().refuse_upgrade(Credentials { version, uri, headers }) {
                return Err(refused.map(Some));
            }
            connection.visit().label(response.headers_mut(), &[]);
            Ok(response)
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_CLIENT_MESSAGE))
            .max_frame_size(Some(MAX_CLIENT_MESSAGE));
        match accept_hdr_async_with_config(stream, callback, Some(config)).await {
            Ok(socket) => Some((socket, handshake)),
            Err(error) => {
                tracing::debug!(%error, "no upgrade");
                None
            }
        }
    }

    async fn converse<S>(
        &self,
        mut socket: WebSocketStream<S>,
        mut outgoing: mpsc::Receiver<Outgoing>,
        handshake: &Handshake,
        connection: &Connection,
    ) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let mut flowing = self.flow.subscribe();
        let mut outbox = Outbox::default();
        let mut delayed: FuturesUnordered<BoxFuture<'static, (Box<Call>, Verdict)>> = FuturesUnordered::new();
        let mut draining = false;
        loop {
            let flow = *flowing.borrow_and_update();
            let writes = flow.writes();
            // Every branch is cancel safe: the socket keeps partial frames, the queues and the delays keep their items.
            let other = async {
                tokio::select! {
                    Some(frame) = outgoing.recv(), if writes => Event::Outgoing(Box::new(frame)),
                    () = late(outbox.next_due()), if writes => Event::Late,
                    incoming = socket.next(), if flow.reads() => Event::Incoming(incoming),
                    Some((call, verdict)) = delayed.next() => Event::Due(call, verdict),
                    () = connection.draining(), if writes && !draining => Event::Drain,
                    else => std::future::pending().await,
                }
            };
            // A stall comes before what was queued after it.
            let event = tokio::select! {
                biased;
                Ok(()) = flowing.changed() => Event::Flow,
                event = other => event,
            };
            match event {
                Event::Outgoing(frame) => {
                    self.write(&mut socket, outbox.pass(*frame, Instant::now())).await?;
                    if outbox.len() > OUTGOING_FRAMES {
                        connection.kill();
                    }
                    // Frames that follow at once share a write with this one.
                    if outgoing.is_empty() {
                        socket.flush().await?;
                    }
                }
                Event::Late => {
                    self.write(&mut socket, outbox.due(Instant::now())).await?;
                    socket.flush().await?;
                }
                Event::Incoming(None) => return Ok(()),
                Event::Incoming(Some(message)) => {
                    if let Some(call) = self.read(message?, handshake, connection) {
                        self.journal.record(call.clone());
                        let verdict = self.verdict(&call);
                        self.settle(Box::new(call), verdict, connection, &delayed);
                    }
                }
                Event::Due(call, verdict) => self.settle(call, verdict, connection, &delayed),
                Event::Flow => {}
                Event::Drain => {
                    draining = true;
                    socket.send(Message::Close(None)).await?;
                }
            }
        }
    }

    /// Gives frames to the socket, which sends them when they are many, when one of them closes it, or when it is
    /// flushed.
    async fn write<S>(&self, socket: &mut WebSocketStream<S>, due: Due) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        for frame in due.frames {
            if frame.is_close() {
                socket.send(frame).await?;
            } else {
                socket.feed(frame).await?;
            }
        }
        if !due.overtaken.is_empty() {
            let faults = self.faults();
            due.overtaken.iter().for_each(|passed| faults.overtaken(passed));
        }
        Ok(())
    }

    /// The call a message carries, if it carries one.
    fn read(&self, message: Message, handshake: &Handshake, connection: &Connection) -> Option<Call> {
        if message.is_ping() {
            self.pinged();
        }
        // Pings are answered by the protocol layer; a node ignores binary frames.
        let text = message.is_text().then(|| message.into_text().ok()).flatten()?;
        connection.requested(Version::HTTP_11);
        let Ok(mut call) = serde_json::from_str::<Value>(&text) else {
            let error = json!({"code": -32700, "message": "Parse error"});
            self.registry.send(connection.number(), failure(&Value::Null, &error));
            return None;
        };
        Some(Call {
            method: call.get("method").and_then(Value::as_str).unwrap_or_default().to_owned(),
            params: call.get_mut("params").map(Value::take).unwrap_or_default(),
            id: call.get_mut("id").map(Value::take).unwrap_or_default(),
            headers: handshake.headers.clone(),
            path: handshake.path.clone(),
            version: Version::HTTP_11,
            connection: connection.number(),
            batch: 1,
            at: Instant::now(),
        })
    }

    fn settle(
        &self,
        call: Box<Call>,
        verdict: Verdict,
        connection: &Connection,
        delayed: &FuturesUnordered<BoxFuture<'static, (Box<Call>, Verdict)>>,
    ) {
        match verdict {
            Verdict::Node => self.as_node(&call, connection),
            Verdict::Error { code, message } => {
                self.registry
                    .send(call.connection, failure(&call.id, &json!({"code": code, "message": message})));
            }
            Verdict::Silent => {}
            Verdict::Text(text) => self.registry.send(call.connection, Message::text(text)),
            Verdict::After(delay, then) => {
                delayed.push(tokio::time::sleep(delay).map(move |()| (call, *then)).boxed());
            }
        }
    }

    fn as_node(&self, call: &Call, connection: &Connection) {
        let visit = connection.visit();
        if call.method.ends_with("Unsubscribe") {
            let id = call.params.get(0).and_then(Value::as_u64);
            let held = id.is_some_and(|id| self.registry.unsubscribe(call.connection, id));
            let answer = if held {
                success(&call.id, &json!(true))
            } else {
                failure(&call.id, &json!({"code": -32602, "message": "Invalid subscription id."}))
            };
            self.registry.send(call.connection, answer);
        } else if call.method.ends_with("Subscribe") {
            let reply = |subscription| success(&call.id, &json!(subscription));
            let cap = visit.subscription_cap();
            match self.registry.subscribe(call.connection, &call.method, &call.params, cap, reply) {
                Some(held) => visit.subscribed(held),
                None => {
                    let error = visit.refuse_subscription(&call.method);
                    self.registry.send(call.connection, failure(&call.id, &error));
                }
            }
        } else {
            let error = json!({"code": -32601, "message": "Method not found"});
            self.registry.send(call.connection, failure(&call.id, &error));
        }
    }
}

/// Resolves when a frame held back is due; never if there is none.
async fn late(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn success(id: &Value, result: &Value) -> Message {
    Message::text(format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#))
}

fn failure(id: &Value, error: &Value) -> Message {
    Message::text(format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#))
}

// === impl Registered ===

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.pubsub.registry.close(self.connection);
    }
}
