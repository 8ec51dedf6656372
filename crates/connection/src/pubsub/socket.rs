//! One WebSocket: opening it, writing without blocking the reading, and what its ends mean.

use std::{
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Bytes, Error, Message,
        client::IntoClientRequest,
        error::ProtocolError,
        handshake::client::Request,
        protocol::{WebSocketConfig, frame::Utf8Bytes},
    },
};
use url::Url;

use super::{config::Config, notice::DownReason};
use crate::dial::{Connection, DialError, Dialer, Sockets};

type Stream = WebSocketStream<Connection>;

/// Why no WebSocket could be opened. Never contains the URL, which may carry a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No connection to the host.
    #[error("{0}")]
    Unreachable(String),
    /// 401 or 403.
    #[error(
        "the provider refuses the WebSocket with HTTP {status}: check the key in the WebSocket URL, the plan, \
         and whether this address is blocked"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// Any other HTTP answer than the change to WebSocket.
    #[error("the server answers HTTP {status} instead of opening a WebSocket")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// For how long the server asks not to be asked again.
        retry_after: Option<Duration>,
    },
    /// Something that is no WebSocket handshake.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(String),
    /// No end of the handshake in time.
    #[error("no WebSocket handshake within {0:?}")]
    Timeout(Duration),
}

/// What a message means to the task.
#[derive(Debug)]
pub(super) enum Heard {
    Text(Utf8Bytes),
    Binary,
    /// A ping, which the library answers.
    Ping,
    Pong,
    End(DownReason),
}

/// The writing half. A message is put in and travels while the task does other things.
#[derive(Debug)]
pub(super) struct Writer {
    sink: SplitSink<Stream, Message>,
    next: Option<Message>,
    unflushed: bool,
}

/// The reading half.
#[derive(Debug)]
pub(super) struct Reader(SplitStream<Stream>);

/// Opens a WebSocket.
pub(super) async fn connect(
    dialer: &Dialer,
    url: &Url,
    config: &Config,
    sockets: &Sockets,
) -> Result<(Writer, Reader), ConnectError> {
    let request = request(url)?;
    let connection = dialer
        .dial(url, &[b"http/1.1"], sockets)
        .await
        .map_err(|error: DialError| ConnectError::Unreachable(error.to_string()))?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(config.max_message_bytes))
        .max_frame_size(Some(config.max_message_bytes));
    let handshake = client_async_with_config(request, connection, Some(limits));
    let (stream, _) = timeout(config.handshake_within, handshake)
        .await
        .map_err(|_| ConnectError::Timeout(config.handshake_within))?
        .map_err(|error| ConnectError::of_handshake(&error))?;
    let (sink, stream) = stream.split();
    Ok((Writer { sink, next: None, unflushed: false }, Reader(stream)))
}

fn request(url: &Url) -> Result<Request, ConnectError> {
    // The texts of these errors do not repeat the URL.
    let mut request =
        url.as_str().into_client_request().map_err(|error| ConnectError::of_handshake(&error))?;
    if !url.username().is_empty() || url.password().is_some() {
        let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
        credentials.push(b':');
        credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
        let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        let mut value =
            HeaderValue::try_from(value).map_err(|error| ConnectError::Handshake(error.to_string()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    Ok(request)
}

// === impl ConnectError ===

impl ConnectError {
    fn of_handshake(error: &Error) -> Self {
        let Error::Http(response) = error else {
            return Self::Handshake(error.to_string());
        };
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Self::Refused { status: status.as_u16() };
        }
        Self::Answered { status: status.as_u16(), retry_after: retry_after(response.headers()) }
    }

    /// For how long the server asks not to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            Self::Unreachable(_) | Self::Refused { .. } | Self::Handshake(_) | Self::Timeout(_) => None,
        }
    }
}

/// `Retry-After` in seconds, the form that providers use.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

// === impl Writer ===

impl Writer {
    /// Whether there is nothing to wait for.
    pub(super) fn is_idle(&self) -> bool {
        self.next.is_none() && !self.unflushed
    }

    /// Whether the next message may be put in.
    pub(super) fn has_room(&self) -> bool {
        self.next.is_none()
    }

    /// Puts in a request.
    pub(super) fn text(&mut self, text: String) {
        self.next = Some(Message::text(text));
    }

    /// Puts in a ping.
    pub(super) fn ping(&mut self) {
        self.next = Some(Message::Ping(Bytes::new()));
    }

    /// Writes what was put in. Nothing is lost when the caller turns to something else in between.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DownReason>> {
        if self.next.is_some() {
            ready!(self.sink.poll_ready_unpin(cx)).map_err(|error| end_of(&error))?;
            if let Some(message) = self.next.take() {
                self.sink.start_send_unpin(message).map_err(|error| end_of(&error))?;
                self.unflushed = true;
            }
        }
        if self.unflushed {
            ready!(self.sink.poll_flush_unpin(cx)).map_err(|error| end_of(&error))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Says goodbye and waits for the server to do so too, for at most `within`.
    pub(super) async fn close(mut self, mut reader: Reader, within: Duration) {
        let goodbye = async {
            if self.sink.close().await.is_ok() {
                while let Some(Ok(_)) = reader.0.next().await {}
            }
        };
        if timeout(within, goodbye).await.is_err() {
            tracing::debug!("the server does not answer the goodbye");
        }
    }
}

// === impl Reader ===

impl Reader {
    /// The next message. Cancel-safe.
    pub(super) async fn next(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text),
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => Heard::Binary,
            Some(Ok(Message::Ping(_))) => Heard::Ping,
            Some(Ok(Message::Pong(_))) => Heard::Pong,
            Some(Ok(Message::Close(frame))) => {
                Heard::End(DownReason::Closed(frame.map(|frame| u16::from(frame.code))))
            }
            Some(Err(error)) => Heard::End(end_of(&error)),
            None => Heard::End(DownReason::Closed(None)),
        }
    }
}

/// What a library error says about the connection. All of them end it.
fn end_of(error: &Error) -> DownReason {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => DownReason::Closed(None),
        Error::Capacity(_) => DownReason::Oversized,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => DownReason::Broken,
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => DownReason::Protocol,
        Error::Protocol(_) | Error::Utf8(_) | Error::AttackAttempt => DownReason::Protocol,
        Error::Io(_)
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => DownReason::Broken,
    }
}
