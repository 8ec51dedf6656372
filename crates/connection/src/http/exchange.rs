use std::{error::Error, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    body::{self, Body, Bounds, Unread},
    error::{CallError, TransportError},
    head,
    lent::{Cut, Meter},
    line::Sender,
    pending::Pending,
    rpc,
    stats::{Counts, Version},
    target::Target,
};
use crate::budget::Answer;

/// A refusal inside a success is smaller than this, so that for a larger answer the budget need not wait for the end.
const LARGE: usize = 4096;

/// How long after the end of a connection its library may need to report what had arrived before.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The body of a refusal is read for its words only.
const REFUSAL_BYTES: u64 = 1 << 20;

/// What one request needs besides its calls.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) target: Arc<Target>,
    pub(super) counts: Arc<Counts>,
    pub(super) bounds: Bounds,
    pub(super) version: Version,
    pub(super) meter: Arc<Meter>,
    /// Set once nothing more can arrive.
    pub(super) ended: CancellationToken,
    pub(super) cut: Cut,
    /// Whether nothing else was in flight when it was sent.
    pub(super) undisturbed: bool,
}

/// What became of one request.
#[derive(Default)]
pub(super) struct Report {
    /// Calls that have to be sent again: they had certainly not been carried out.
    pub(super) again: Vec<Pending>,
    /// The server does not take batches.
    pub(super) batch_refused: bool,
    /// The connection takes no more requests.
    pub(super) finished: bool,
}

/// A response with its body.
pub(super) struct Whole {
    pub(super) status: StatusCode,
    pub(super) answer: Answer,
    pub(super) body: Body,
}

/// Nothing is heard of a request.
enum Silence {
    Stalled,
    Ended,
}

/// Why there is no response.
pub(super) enum Failure {
    /// The request never left.
    NotSent(String),
    /// The server said that it did not look at the request, or closed an idle connection while the request was on
    /// its way.
    Unprocessed(String),
    Error(CallError),
}

// === impl Exchange ===

impl Exchange {
    /// Sends the calls in one request and answers their callers. It is never cancelled: a caller that has gone away
    /// costs neither the connection nor the budget's account.
    pub(super) async fn run(&self, sender: &mut Sender, mut calls: Vec<Pending>) -> Report {
        self.counts.sent(calls.len());
        let mut report = Report::default();
        match self.carry(sender, &mut calls, &mut report).await {
            Ok(whole) => self.hand_out(whole, calls, &mut report),
            Err(failure) => self.hand_back(failure, calls, &mut report),
        }
        // Over HTTP/1.1 the connection is ready again once the body has been read, unless the server ends it.
        if !report.finished && self.version == Version::Http11 {
            report.finished = !matches!(self.heard(sender.ready()).await, Ok(Ok(())));
        }
        if report.finished && self.version == Version::Http11 {
            self.cut.cut();
        }
        if self.cut.is_on_purpose() {
            report.again.drain(..).for_each(|call| call.unsent(CallError::Closed, &self.counts));
        }
        report
    }

    async fn carry(
        &self,
        sender: &mut Sender,
        calls: &mut [Pending],
        report: &mut Report,
    ) -> Result<Whole, Failure> {
        let request = self.target.request(self.version, envelope(calls));
        let (read, written) = (self.meter.read(), self.meter.written());
        // A connection that has been idle since its last answer may have been let go by the server.
        let reused = self.meter.answered() && self.undisturbed;
        let response = match self.heard(sender.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(mut failed)) => {
                report.finished = !is_one_stream(failed.error());
                let unsent = failed.take_message().is_some()
                    || (self.version == Version::Http11 && self.meter.written() == written);
                let untouched = reused && self.meter.read() == read;
                let reason = reason(failed.error());
                return Err(if self.cut.is_on_purpose() {
                    Failure::Error(CallError::Closed)
                } else if unsent {
                    Failure::NotSent(reason)
                } else if untouched || is_unprocessed(failed.error()) {
                    Failure::Unprocessed(reason)
                } else {
                    Failure::Error(CallError::Transport(TransportError::Lost { reason }))
                });
            }
            Err(Silence::Stalled) => {
                report.finished = self.version == Version::Http11;
                return Err(Failure::Error(self.stalled()));
            }
            Err(Silence::Ended) => {
                report.finished = true;
                let reason = "the connection is gone".to_owned();
                return Err(if self.cut.is_on_purpose() {
                    Failure::Error(CallError::Closed)
                } else if self.version == Version::Http11 && self.meter.written() == written {
                    Failure::NotSent(reason)
                } else {
                    Failure::Error(CallError::Transport(TransportError::Lost { reason }))
                });
            }
        };
        self.meter.answer();
        self.read(response, calls, report).await.map_err(Failure::Error)
    }

    /// Reads the body. The budget is told when it is clear what the answer is: a refusal's words are in its body, and
    /// some providers refuse in the body of a success.
    async fn read(
        &self,
        response: Response<Incoming>,
        calls: &mut [Pending],
        report: &mut Report,
    ) -> Result<Whole, CallError> {
        let (head, incoming) = response.into_parts();
        let mut answer = head::answer(head.status, &head.headers);
        if !answer.limits.is_empty() {
            self.counts.change(|stats| stats.limits.extend(answer.limits.iter().cloned()));
        }
        let bytes =
            if head.status.is_success() { self.bounds.bytes } else { self.bounds.bytes.min(REFUSAL_BYTES) };
        let bounds = Bounds { bytes, ..self.bounds };
        let read = body::read(&head.headers, incoming, bounds, |bytes| {
            if let [call] = &mut *calls
                && bytes > LARGE
                && head.status.is_success()
            {
                call.tell(&answer);
            }
        })
        .await;
        if head.status == StatusCode::TOO_MANY_REQUESTS {
            let body = read.as_ref().map(|body| body.bytes.as_slice()).unwrap_or_default();
            answer.message = Some(rpc::refusal_message(body, &self.target.scrub));
        }
        let unread = match read {
            Ok(body) => return Ok(Whole { status: head.status, answer, body }),
            Err(unread) => unread,
        };
        report.finished = self.version == Version::Http11;
        if let Some(error) =
            self.refusal(head.status, &answer, &[]).filter(|_| !head.status.is_server_error())
        {
            return Err(error);
        }
        Err(match unread {
            Unread::Stalled => self.stalled(),
            Unread::TooLarge => CallError::TooLarge { limit: bytes },
            Unread::Garbled => CallError::NotJson { excerpt: "broken gzip".to_owned() },
            Unread::Lost(_) if self.cut.is_on_purpose() => CallError::Closed,
            Unread::Lost(error) => CallError::Transport(TransportError::Lost { reason: reason(&error) }),
        })
    }

    /// What the library has to say, as long as it can be expected to say something. A request that is handed over in
    /// the very moment in which the connection ends is never answered by the library, with an error neither.
    async fn heard<T>(&self, work: impl Future<Output = T>) -> Result<T, Silence> {
        let gone = async {
            self.ended.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            biased;
            heard = work => Ok(heard),
            () = gone => Err(Silence::Ended),
            () = sleep(self.bounds.stall) => Err(Silence::Stalled),
        }
    }

    fn stalled(&self) -> CallError {
        CallError::Stalled { after: self.bounds.stall }
    }
}

/// One call as it is, several as a batch.
fn envelope(calls: &[Pending]) -> Bytes {
    if let [call] = calls {
        return call.body.clone();
    }
    let mut body = BytesMut::new();
    for (index, call) in calls.iter().enumerate() {
        body.put_u8(if index == 0 { b'[' } else { b',' });
        body.put_slice(&call.body);
    }
    body.put_u8(b']');
    body.freeze()
}

/// Whether the error concerns one HTTP/2 stream, not the connection.
fn is_one_stream(error: &hyper::Error) -> bool {
    http2(error).is_some_and(h2::Error::is_reset)
}

fn http2(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}

/// Whether the server says that it did not look at the request: it goes away and names an earlier stream as the last
/// one, or refuses the stream (RFC 9113, 6.8 and 8.7).
fn is_unprocessed(error: &hyper::Error) -> bool {
    let Some(error) = http2(error) else { return false };
    let goes_away = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (goes_away || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// The library's words, which name no URL.
fn reason(error: &hyper::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
