use http::StatusCode;
use serde_json::value::RawValue;

use super::{
    body::Body,
    client::Reply,
    error::{CallError, TransportError},
    exchange::{Exchange, Failure, Report, Whole},
    pending::Pending,
    rpc::{self, BatchAnswer},
};
use crate::budget::Answer;

/// How often a call may be taken back unsent before its caller is told.
const MAX_RETURNS: u8 = 3;

// === impl Exchange ===

impl Exchange {
    pub(super) fn hand_out(&self, whole: Whole, calls: Vec<Pending>, report: &mut Report) {
        let Whole { status, answer, body: Body { bytes, wire } } = whole;
        self.counts.change(|stats| stats.bytes = stats.bytes.saturating_add(wire));
        if calls.len() > 1 {
            self.hand_out_batch(status, &answer, &bytes, wire, calls, report);
            return;
        }
        for call in calls {
            let outcome = match self.refusal(status, &answer, &bytes) {
                Some(error) => Err(error),
                None => rpc::decode(&bytes, call.id, &self.target.scrub),
            };
            self.conclude(call, outcome, &answer, wire);
        }
    }

    fn hand_out_batch(
        &self,
        status: StatusCode,
        answer: &Answer,
        bytes: &[u8],
        wire: u64,
        calls: Vec<Pending>,
        report: &mut Report,
    ) {
        let batch = match self.refusal(status, answer, bytes) {
            Some(error) => BatchAnswer::Whole(error),
            None => rpc::decode_batch(bytes, &self.target.scrub),
        };
        let (mut answers, strays) = match batch {
            BatchAnswer::Each { answers, strays } => (answers, strays),
            BatchAnswer::Whole(error) if refuses_batches(&error) => {
                tracing::warn!(%error, "the server takes no batches; calls are sent singly from now on");
                self.counts.change(|stats| stats.batches_refused = stats.batches_refused.saturating_add(1));
                report.batch_refused = true;
                report.again = calls.into_iter().map(|call| Pending { resent: true, ..call }).collect();
                return;
            }
            BatchAnswer::Whole(error) => {
                for (call, share) in calls.into_iter().zip(shares(wire)) {
                    self.conclude(call, Err(error.clone()), answer, share);
                }
                return;
            }
        };
        let unasked = answers.keys().filter(|id| !calls.iter().any(|call| call.id == **id)).count();
        let unasked = u64::try_from(unasked).unwrap_or(u64::MAX);
        self.counts.change(|stats| {
            stats.strays = stats.strays.saturating_add(strays).saturating_add(unasked);
        });
        for (call, share) in calls.into_iter().zip(shares(wire)) {
            let outcome = answers.remove(&call.id).unwrap_or(Err(CallError::WrongId));
            self.conclude(call, outcome, answer, share);
        }
    }

    pub(super) fn hand_back(&self, failure: Failure, calls: Vec<Pending>, report: &mut Report) {
        match failure {
            Failure::NotSent(reason) => {
                let error = CallError::Transport(TransportError::NotSent { reason });
                for mut call in calls {
                    call.returns = call.returns.saturating_add(1);
                    if call.returns < MAX_RETURNS {
                        report.again.push(call);
                    } else {
                        call.unsent(error.clone(), &self.counts);
                    }
                }
            }
            Failure::Unprocessed(reason) => {
                let lost = CallError::Transport(TransportError::Lost { reason });
                self.return_all(calls, report, lost);
            }
            Failure::Error(error) => {
                for call in calls {
                    call.lost(error.clone(), &self.counts);
                }
            }
        }
    }

    /// Sends calls once more that have no effect; the others, and those that were sent twice already, get `error`.
    fn return_all(&self, calls: Vec<Pending>, report: &mut Report, error: CallError) {
        for mut call in calls {
            if call.resent || call.method.is_unsafe_to_repeat() {
                call.lost(error.clone(), &self.counts);
            } else {
                call.resent = true;
                self.counts.change(|stats| stats.resent = stats.resent.saturating_add(1));
                report.again.push(call);
            }
        }
    }

    /// A response arrived for this call.
    fn conclude(
        &self,
        mut call: Pending,
        outcome: Result<Box<RawValue>, CallError>,
        answer: &Answer,
        bytes: u64,
    ) {
        let outcome = match outcome {
            Ok(result) => Ok(Reply { result, bytes, version: self.version }),
            Err(CallError::RateLimited { retry_after, message }) => {
                call.tell(&Answer {
                    status: StatusCode::TOO_MANY_REQUESTS.as_u16(),
                    message: Some(message.clone()),
                    ..answer.clone()
                });
                Err(CallError::RateLimited { retry_after: retry_after.or(answer.retry_after), message })
            }
            Err(error) => Err(error.after_sending(&call.method)),
        };
        call.tell(answer);
        call.finish(bytes, outcome, &self.counts);
    }

    /// The error that an HTTP status stands for, unless it is a success.
    pub(super) fn refusal(&self, status: StatusCode, answer: &Answer, body: &[u8]) -> Option<CallError> {
        let scrub = &self.target.scrub;
        if status.is_success() {
            return None;
        }
        Some(match status {
            StatusCode::TOO_MANY_REQUESTS => CallError::RateLimited {
                retry_after: answer.retry_after,
                message: answer.message.clone().unwrap_or_default(),
            },
            StatusCode::UNAUTHORIZED => {
                CallError::Unauthorized { excerpt: rpc::refusal_message(body, scrub) }
            }
            StatusCode::FORBIDDEN => CallError::Forbidden { excerpt: rpc::refusal_message(body, scrub) },
            _ => rpc::decode_error(body, scrub)
                .unwrap_or_else(|| CallError::Status { code: status.as_u16(), excerpt: scrub.excerpt(body) }),
        })
    }
}

/// Whether the error that answers a whole batch means that the server takes no batches, or none of this size.
fn refuses_batches(error: &CallError) -> bool {
    match error {
        CallError::Rpc(_) | CallError::Status { code: 400 | 405 | 413 | 415 | 422, .. } => true,
        CallError::Status { .. }
        | CallError::RateLimited { .. }
        | CallError::Unauthorized { .. }
        | CallError::Forbidden { .. }
        | CallError::NotJson { .. }
        | CallError::WrongId
        | CallError::TooLarge { .. }
        | CallError::Transport(_)
        | CallError::OutcomeUnknown { .. }
        | CallError::Stalled { .. }
        | CallError::Closed => false,
    }
}

/// The bytes of one response, charged to the first of its calls: their sum is what counts.
fn shares(wire: u64) -> impl Iterator<Item = u64> {
    std::iter::once(wire).chain(std::iter::repeat(0))
}
