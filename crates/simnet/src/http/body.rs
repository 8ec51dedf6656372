//! Response bodies, including those that stop half way.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::{answer::set_headers, document::Document};
use crate::{connection::Connection, reply::Delivery};

/// Pieces in which a dribbling body arrives.
const PIECES: u32 = 20;

/// What follows the bytes of a body.
#[derive(Debug)]
enum Ending {
    Complete,
    Silence,
    Close(Arc<Connection>),
    Reset(Arc<Connection>),
}

/// Hands a body out piece by piece.
#[derive(Debug)]
struct Dribble {
    piece: usize,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

/// The body of a response.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    /// None is empty.
    chunks: VecDeque<Bytes>,
    dribble: Option<Dribble>,
    /// Bytes the headers promise and that were not yet sent.
    promised: usize,
    ending: Ending,
    /// Whose provider is told of the bytes.
    weighed: Option<Arc<Connection>>,
}

// === impl ReplyBody ===

impl ReplyBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::of(vec![bytes])
    }

    fn of(chunks: Vec<Bytes>) -> Self {
        Self {
            promised: chunks.iter().map(Bytes::len).sum(),
            chunks: chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect(),
            dribble: None,
            ending: Ending::Complete,
            weighed: None,
        }
    }

    /// This body, its bytes counted on `connection` as they leave.
    pub(super) fn weighed(self, connection: Arc<Connection>) -> Self {
        Self { weighed: Some(connection), ..self }
    }

    /// Bytes that reach the client as `delivery` says.
    pub(super) fn new(chunks: Vec<Bytes>, delivery: Delivery, connection: Arc<Connection>) -> Self {
        if delivery == Delivery::Whole {
            return Self::of(chunks);
        }
        let bytes = Bytes::from(chunks.concat());
        match delivery {
            Delivery::Whole => Self::whole(bytes),
            Delivery::Truncated => Self::whole(first_half(&bytes)),
            Delivery::Stalled => Self::half(&bytes, Ending::Silence),
            Delivery::Dropped => Self::half(&bytes, Ending::Close(connection)),
            Delivery::Reset => Self::half(&bytes, Ending::Reset(connection)),
            Delivery::Dribbled(over) => {
                let dribble = Dribble::new(bytes.len(), over);
                Self { dribble: Some(dribble), ..Self::whole(bytes) }
            }
        }
    }

    /// A JSON response, compressed if the client may have it so, delivered as far as `delivery` says.
    pub(super) fn respond(
        headers: &[(String, String)],
        mut json: Document,
        gzip: bool,
        mut delivery: Delivery,
        connection: Arc<Connection>,
    ) -> Response<Self> {
        if delivery == Delivery::Truncated {
            // Cut before it is compressed: the client receives a whole archive of half a document.
            json = first_half(&json.to_bytes()).into();
            delivery = Delivery::Whole;
        }
        let compressed = if gzip && !json.is_empty() { json.compressed() } else { None };
        let encoded = compressed.is_some();
        let chunks = compressed.unwrap_or_else(|| json.to_chunks());
        let mut response = Response::new(Self::new(chunks, delivery, connection));
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
        Self { promised: bytes.len(), ending, ..Self::whole(first_half(bytes)) }
    }

    /// The bytes that are due; `None` if there are no more.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(dribble) = &mut self.dribble else { return Poll::Ready(self.chunks.pop_front()) };
        let Some(chunk) = self.chunks.front_mut() else { return Poll::Ready(None) };
        ready!(dribble.next.as_mut().poll(cx));
        dribble.next.as_mut().reset(Instant::now() + dribble.pause);
        let piece = chunk.split_to(dribble.piece.min(chunk.len()));
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        Poll::Ready(Some(piece))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(bytes) = ready!(self.poll_bytes(cx)) {
            if let Some(connection) = &self.weighed {
                connection.visit().sent(bytes.len());
            }
            self.promised = self.promised.saturating_sub(bytes.len());
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &self.ending {
            Ending::Complete => return Poll::Ready(None),
            // Never woken: the response ends with its connection or its HTTP/2 stream.
            Ending::Silence => {}
            Ending::Close(connection) => connection.close(),
            Ending::Reset(connection) => connection.kill(),
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.ending, Ending::Complete) && self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.promised).unwrap_or(u64::MAX))
    }
}

// === impl Dribble ===

impl Dribble {
    /// So many bytes in `over`, the first piece after the first pause.
    fn new(bytes: usize, over: Duration) -> Self {
        let pieces = usize::try_from(PIECES).unwrap_or(usize::MAX);
        let pause = over / PIECES;
        Self { piece: bytes.div_ceil(pieces).max(1), pause, next: Box::pin(tokio::time::sleep(pause)) }
    }
}

fn first_half(bytes: &Bytes) -> Bytes {
    bytes.slice(..bytes.len() / 2)
}
