use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    sync::oneshot,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::dial::Connection;

/// How long the other side may take to close its half.
const FAREWELL: Duration = Duration::from_millis(500);

/// Ends a connection from this side.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    token: CancellationToken,
    on_purpose: Arc<AtomicBool>,
}

/// What passed through a connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    read: AtomicU64,
    written: AtomicU64,
    answered: AtomicBool,
}

/// A connection in the hands of the protocol library. It can be cut, its bytes are counted, and it comes back when
/// the library drops it, because only its owner can say goodbye properly.
pub(super) struct Lent {
    connection: Option<Connection>,
    back: Option<oneshot::Sender<Connection>>,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    meter: Arc<Meter>,
}

// === impl Cut ===

impl Cut {
    /// Breaks the connection because it is of no more use.
    pub(super) fn cut(&self) {
        self.token.cancel();
    }

    /// Breaks the connection because its owner wants it closed.
    pub(super) fn close(&self) {
        self.on_purpose.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub(super) fn is_on_purpose(&self) -> bool {
        self.on_purpose.load(Ordering::Acquire)
    }

    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

// === impl Meter ===

impl Meter {
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The head of a response arrived: the server speaks the protocol.
    pub(super) fn answer(&self) {
        self.answered.store(true, Ordering::Release);
    }

    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }
}

// === impl Lent ===

impl Lent {
    pub(super) fn new(
        connection: Connection,
        cut: &Cut,
        meter: Arc<Meter>,
    ) -> (Self, oneshot::Receiver<Connection>) {
        let (back, returned) = oneshot::channel();
        let lent = Self {
            connection: Some(connection),
            back: Some(back),
            cut: cut.token.clone(),
            cancelled: Box::pin(cut.token.clone().cancelled_owned()),
            meter,
        };
        (lent, returned)
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut Connection>> {
        let cut = self.cut.is_cancelled() || self.cancelled.as_mut().poll(cx).is_ready();
        match &mut self.connection {
            Some(connection) if !cut => Ok(Pin::new(connection)),
            Some(_) | None => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed by this side")),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(connection), Some(back)) = (self.connection.take(), self.back.take()) {
            // Nobody waiting means that the owner's task is gone; the connection is then closed here.
            drop(back.send(connection));
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.poll_connection(cx)?.poll_read(cx, buf))?;
        let count = buf.filled().len().saturating_sub(before);
        self.meter.read.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::AcqRel);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_connection(cx)?.poll_write(cx, data))?;
        self.meter.written.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::AcqRel);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_connection(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_connection(cx)?.poll_shutdown(cx)
    }
}

/// Closes a connection so that the other side has let go of it, too, before another one is opened: says goodbye and
/// waits for its goodbye, for a bounded time.
pub(super) async fn farewell(mut connection: Connection) {
    let goodbye = async {
        // An error means that the connection is broken, which is as good as closed.
        if connection.shutdown().await.is_err() {
            return;
        }
        let mut unread = vec![0; 16 * 1024];
        while let Ok(1..) = connection.read(&mut unread).await {}
    };
    if timeout(FAREWELL, goodbye).await.is_err() {
        tracing::debug!("the server did not close its side of the connection");
    }
}
