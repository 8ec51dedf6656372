//! Response bodies, including those that stop half way.

use std::{
    convert::Infallible,
    io::Write,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, Response, header};
use hyper::body::{Body, Frame, SizeHint};

use super::answer::{Delivery, set_headers};
use crate::connection::Connection;

/// What follows the bytes of a body.
#[derive(Debug)]
enum Ending {
    Complete,
    Silence,
    Close(Arc<Connection>),
}

/// A body of at most one chunk.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    chunk: Option<Bytes>,
    /// Bytes the headers promise.
    promised: usize,
    ending: Ending,
    /// Whose provider is told of the bytes.
    weighed: Option<Arc<Connection>>,
}

// === impl ReplyBody ===

impl ReplyBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { promised: bytes.len(), chunk: Some(bytes), ending: Ending::Complete, weighed: None }
    }

    /// This body, its bytes counted on `connection` as they leave.
    pub(super) fn weighed(self, connection: Arc<Connection>) -> Self {
        Self { weighed: Some(connection), ..self }
    }

    /// A JSON response, compressed if the client may have it so, delivered as far as `delivery` says.
    pub(super) fn respond(
        headers: &[(String, String)],
        mut json: Bytes,
        gzip: bool,
        delivery: Delivery,
        connection: Arc<Connection>,
    ) -> Response<Self> {
        if delivery == Delivery::Truncated {
            json.truncate(json.len() / 2);
        }
        let compressed = if gzip { compress(&json) } else { None };
        let encoded = compressed.is_some();
        let bytes = compressed.unwrap_or(json);
        let body = match delivery {
            Delivery::Whole | Delivery::Truncated => Self::whole(bytes),
            Delivery::Stalled => Self::half(&bytes, Ending::Silence),
            Delivery::Dropped => Self::half(&bytes, Ending::Close(connection)),
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if encoded {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        set_headers(&mut response, headers);
        response
    }

    fn half(bytes: &Bytes, ending: Ending) -> Self {
        Self { chunk: Some(bytes.slice(..bytes.len() / 2)), promised: bytes.len(), ending, weighed: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(chunk) = self.chunk.take() {
            if let Some(connection) = &self.weighed {
                connection.visit().sent(chunk.len());
            }
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &self.ending {
            Ending::Complete => Poll::Ready(None),
            // Never woken: the response ends with its connection or its HTTP/2 stream.
            Ending::Silence => Poll::Pending,
            Ending::Close(connection) => {
                connection.close();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.ending, Ending::Complete) && self.chunk.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let sent = if self.chunk.is_some() { 0 } else { self.promised };
        SizeHint::with_exact(u64::try_from(self.promised.saturating_sub(sent)).unwrap_or(u64::MAX))
    }
}

/// `None` if compression failed, in which case the plain bytes are as good.
fn compress(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
