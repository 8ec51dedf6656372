//! One accepted socket: a stream that uncounts itself when dropped, and the switches that end it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http::Version;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::{
    provider::Visit,
    traffic::{Alpn, Tally},
};

/// The server's handle on one accepted socket.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    tally: Arc<Tally>,
    visit: Visit,
    ended: CancellationToken,
    draining: CancellationToken,
    reset: AtomicBool,
}

/// The socket itself. Dropping it closes it and lowers the open count, whatever layer held it.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: TcpStream,
    connection: Arc<Connection>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(number: u64, tally: Arc<Tally>, visit: Visit) -> Self {
        Self {
            number,
            tally,
            visit,
            ended: CancellationToken::new(),
            draining: CancellationToken::new(),
            reset: AtomicBool::new(false),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What the provider in front makes of this socket.
    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// Ends the connection with a TCP reset: what a crashed node or a cut cable looks like.
    pub(crate) fn kill(&self) {
        self.reset.store(true, Ordering::Release);
        self.ended.cancel();
    }

    /// Ends the connection with an ordinary close, after whatever was written.
    pub(crate) fn close(&self) {
        self.ended.cancel();
    }

    /// Asks the protocol to finish what is in flight and close.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// Resolves once the connection is to end.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Resolves once the connection is to be drained.
    pub(crate) async fn draining(&self) {
        self.draining.cancelled().await;
    }

    pub(crate) fn requested(&self, version: Version) {
        self.tally.requested(self.number, version);
    }

    pub(crate) fn tls_agreed(&self, alpn: Alpn) {
        self.tally.tls_agreed(self.number, alpn);
    }

    pub(crate) fn tls_failed(&self) {
        self.tally.tls_failed();
    }

    pub(crate) fn upgraded(&self) {
        self.tally.upgraded(self.number);
    }
}

// === impl Counted ===

impl Counted {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }

    /// Whether the client opens with the HTTP/2 preface (`PRI * HTTP/2.0`). Takes nothing from the stream.
    pub(crate) async fn opens_with_http2(&self) -> io::Result<bool> {
        let mut opening = [0; 4];
        loop {
            match self.stream.peek(&mut opening).await? {
                0 => return Ok(false),
                seen if opening.iter().take(seen).ne(b"PRI ".iter().take(seen)) => return Ok(false),
                4 => return Ok(true),
                // A prefix of the preface: the next read readiness brings the rest.
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Acquire)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "socket closes without a reset");
        }
        self.connection.visit.leave();
        self.connection.tally.closed(self.connection.number);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    /// So that the parts of a response need not be copied into one.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
