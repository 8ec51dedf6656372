//! One WebSocket from upgrade to close.

use std::sync::Arc;

use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::{HeaderMap, Version};
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
    Pubsub,
    exchange::{Exchange, Item},
    outbox::{Due, Outbox, Outgoing},
    registry::State,
};
use crate::{
    call::Call,
    connection::Connection,
    jsonrpc::{self, Asked, Entry},
    provider::Credentials,
};

/// Bytes a client's message may have (`max_message_size` in Agave's `rpc_pubsub_service.rs`).
const MAX_CLIENT_MESSAGE: usize = 4096;

/// Frames waiting for a client before it counts as too slow.
const OUTGOING_FRAMES: usize = 16_384;

/// What a socket does next.
enum Event {
    Outgoing(Box<Outgoing>),
    Late,
    Incoming(Option<Result<Message, tungstenite::Error>>),
    Due(Exchange),
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
        let mut delayed: FuturesUnordered<BoxFuture<'static, Exchange>> = FuturesUnordered::new();
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
                    Some(exchange) = delayed.next() => Event::Due(exchange),
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
                Event::Incoming(message) => {
                    let Some(message) = message.transpose()? else { return Ok(()) };
                    // The protocol layer answers pings.
                    if message.is_ping() {
                        self.pinged();
                    }
                    if !message.is_text() && !message.is_binary() {
                        continue;
                    }
                    // To a node text is text, in whatever kind of frame; with any other bytes it ends the connection.
                    let Ok(text) = message.to_text() else { return Ok(()) };
                    let Some(mut exchange) = self.read(text, handshake, connection) else { continue };
                    let delay = exchange.delay();
                    if delay.is_zero() {
                        self.conclude(exchange, connection);
                    } else {
                        delayed.push(tokio::time::sleep(delay).map(|()| exchange).boxed());
                    }
                }
                Event::Due(exchange) => self.conclude(exchange, connection),
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

    /// What a frame asks; none if it asks nothing.
    fn read(&self, text: &str, handshake: &Handshake, connection: &Connection) -> Option<Exchange> {
        connection.requested(Version::HTTP_11);
        let Some(request) = jsonrpc::Request::read(text) else {
            return Some(Exchange::new(false, vec![Item::Worded(jsonrpc::parse_error())]));
        };
        let batch = request.entries.len();
        let items = request.entries.into_iter().filter_map(|entry| match entry {
            Entry::Call(Asked { method, params, id }) => {
                let call = Call {
                    method,
                    params,
                    id,
                    headers: handshake.headers.clone(),
                    path: handshake.path.clone(),
                    version: Version::HTTP_11,
                    connection: connection.number(),
                    batch,
                    at: Instant::now(),
                };
                self.journal.record(call.clone());
                let verdict = self.verdict(&call);
                Some(Item::Call(Box::new(call), verdict))
            }
            Entry::Notification { .. } => None,
            Entry::Refused(answer) => Some(Item::Worded(answer)),
        });
        let items: Vec<_> = items.collect();
        (!items.is_empty()).then(|| Exchange::new(request.batch, items))
    }

    fn conclude(&self, exchange: Exchange, connection: &Connection) {
        let conclude = |state: &mut State| exchange.conclude(state, connection.visit());
        self.registry.converse(connection.number(), conclude);
    }
}

/// Resolves when a frame held back is due; never if there is none.
async fn late(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

// === impl Registered ===

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.pubsub.registry.close(self.connection);
    }
}
