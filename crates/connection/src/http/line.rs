use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::oneshot, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    error::TransportError,
    lent::{Cut, Lent, Meter, farewell},
    probe,
    stats::{Counts, Version},
    target::Target,
};
use crate::{
    dial::{Connection, Dialer, SETTLE, Sockets},
    gate::Gate,
};

const H2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

/// HTTP/2: how often an idle or busy connection is pinged, and how long the answer may take.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/2: bytes that may be under way on one stream and on all of them. At a round trip of 100 ms a stream carries
/// 40 MB/s; a large block does not hold the others up. Fixed windows, because measuring them costs a ping for every
/// round trip of data, which some servers take for an attack.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;

type RequestBody = Full<Bytes>;

/// What opening a connection takes.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) target: Arc<Target>,
    pub(super) dialer: Dialer,
    pub(super) gate: Gate,
    pub(super) sockets: Sockets,
    pub(super) counts: Arc<Counts>,
    /// Runs what the HTTP/2 library runs beside its connection.
    pub(super) tasks: TaskTracker,
}

/// An open connection. It lives in `driver`, which has to be run, and ends when the sender is dropped and nothing is
/// in flight, when the server ends it, or when it is cut.
pub(super) struct Line {
    pub(super) version: Version,
    pub(super) sender: Sender,
    pub(super) meter: Arc<Meter>,
    /// Set once nothing more can arrive.
    pub(super) ended: CancellationToken,
    /// Resolves once the socket is closed.
    pub(super) driver: BoxFuture<'static, ()>,
}

/// Sends requests over a line.
pub(super) enum Sender {
    Http1(http1::SendRequest<RequestBody>),
    /// With the number of streams that the server allows at a time.
    Http2(http2::SendRequest<RequestBody>, Arc<AtomicUsize>),
}

/// Lets the HTTP/2 library run its tasks where they are waited for.
#[derive(Clone)]
struct Tracked(TaskTracker);

// === impl Opener ===

impl Opener {
    /// Opens a connection; `cleartext` is what is known of a server without TLS. In cleartext an unknown server is
    /// probed first, and that connection is closed before the lasting one is opened.
    pub(super) async fn open(&self, cleartext: Option<Version>, cut: &Cut) -> Result<Line, TransportError> {
        let connection = |version| async move { Ok::<_, TransportError>((version, self.dial().await?)) };
        let (version, connection) = if self.target.url.scheme() == "https" {
            let connection = self.dial().await?;
            let version = if connection.alpn() == Some(H2) { Version::Http2 } else { Version::Http11 };
            (version, connection)
        } else if let Some(version) = cleartext {
            connection(version).await?
        } else {
            let probe = self.dial().await?;
            self.counts.change(|stats| stats.probes = stats.probes.saturating_add(1));
            let http2 = probe::speaks_http2(probe).await;
            sleep(SETTLE).await;
            connection(if http2 { Version::H2c } else { Version::Http11 }).await?
        };
        let meter = Arc::new(Meter::default());
        let (lent, returned) = Lent::new(connection, cut, Arc::clone(&meter));
        let ended = CancellationToken::new();
        let goodbye = goodbye(returned, ended.clone());
        let (sender, driver) = self.speak(version, lent, goodbye).await.map_err(|error| {
            TransportError::NotSent { reason: format!("{version} could not be begun: {error}") }
        })?;
        Ok(Line { version, sender, meter, ended, driver })
    }

    async fn dial(&self) -> Result<Connection, TransportError> {
        self.gate.pass().await;
        let dialed = self.dialer.dial(&self.target.url, &[H2, HTTP11], &self.sockets).await;
        Ok(dialed.map_err(Arc::new)?)
    }

    async fn speak(
        &self,
        version: Version,
        lent: Lent,
        goodbye: impl Future<Output = ()> + Send + 'static,
    ) -> hyper::Result<(Sender, BoxFuture<'static, ()>)> {
        let io = TokioIo::new(lent);
        match version {
            Version::Http11 => {
                let (sender, connection) = http1::handshake(io).await?;
                Ok((Sender::Http1(sender), Box::pin(drive(connection, goodbye))))
            }
            Version::Http2 | Version::H2c => {
                let (sender, connection) = http2::Builder::new(Tracked(self.tasks.clone()))
                    .timer(TokioTimer::new())
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_TIMEOUT)
                    .keep_alive_while_idle(true)
                    .handshake(io)
                    .await?;
                let streams = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
                let sender = Sender::Http2(sender, Arc::clone(&streams));
                // The library tells the limit only while it holds the connection, so that it is noted as it goes.
                let mut connection = Box::pin(connection);
                let connection = poll_fn(move |cx| {
                    let ended = connection.as_mut().poll(cx);
                    streams.store(connection.current_max_send_streams(), Ordering::Release);
                    ended
                });
                Ok((sender, Box::pin(drive(connection, goodbye))))
            }
        }
    }
}

/// Runs a connection to its end.
async fn drive(
    connection: impl Future<Output = hyper::Result<()>> + Send,
    goodbye: impl Future<Output = ()> + Send,
) {
    if let Err(error) = connection.await {
        tracing::debug!(error = &error as &dyn std::error::Error, "HTTP connection ended");
    }
    goodbye.await;
}

/// Takes the socket back and closes it.
async fn goodbye(returned: oneshot::Receiver<Connection>, ended: CancellationToken) {
    let connection = returned.await;
    ended.cancel();
    if let Ok(connection) = connection {
        farewell(connection).await;
    }
}

// === impl Sender ===

impl Sender {
    /// Sends one request and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender, _) => sender.try_send_request(request).await,
        }
    }

    /// Waits until another request can be sent; an error means that this connection is of no more use.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender, _) => sender.ready().await,
        }
    }
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
