//! A call from permit to answer: asks the budget, sends, and repeats what may be repeated.

use std::{sync::Arc, time::Duration};

use eda_limits::Limits;
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    backoff::{Backoff, REFUSED_PAUSE, jittered},
    budget::{Ask, Permit, Refused},
    failover::{Switch, Upstream},
    http::{Call, CallError, HttpStats, Reply, TransportError},
    node_error,
    request::{Caller, Class, Method},
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// One refusal may be a slip of the provider; a key that is refused again and again is asked with less and less often.
const REFUSED_AT_FIRST: Duration = Duration::from_secs(2);
/// How long a call of the connection itself may take before its asker hears that it failed, and decides anew.
const SHARED_PATIENCE: Duration = Duration::from_secs(60);

/// Everyone's way to ask the provider.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    switch: Switch,
    /// Leases out now: without any, nothing is sent, or a late call would open the connection again.
    leases: watch::Receiver<usize>,
}

/// The right to send a call once, and to whom.
#[derive(Debug)]
pub(crate) struct Right {
    upstream: Arc<Upstream>,
    permit: Permit,
}

/// Those who wait for the answer to one call: they ask the budget, and say how long an answer is of use.
pub(crate) trait Askers {
    /// The right to send the call once, and how urgent it is.
    fn permit(
        &self,
        calls: &Calls,
        method: &Method,
    ) -> impl Future<Output = Result<(Class, Right), RequestError>> + Send;

    /// The moment at which the answer to what was sent is given up; absent: they stop listening by themselves.
    fn deadline(&self) -> Option<Instant>;

    /// The call failed and would be repeated after `pause`. Whether anybody still wants the answer then.
    fn will_wait(&self, pause: Duration, failure: &CallError) -> bool;
}

/// A caller that shares its call with nobody.
#[derive(Debug)]
struct Alone {
    caller: Caller,
    class: Class,
    deadline: Option<Instant>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RequestError {
    /// The budget did not let it go.
    #[error(transparent)]
    Budget(#[from] Refused),
    /// It went, and this came of it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The deadline passed before an answer came.
    #[error("no answer before the deadline; the last failure was: {0}")]
    Deadline(String),
    /// The node's answer is not of the shape its method promises.
    #[error("the answer to {method} is not what it should be: {reason}")]
    Unexpected {
        /// What was asked.
        method: Method,
        /// What is wrong with it.
        reason: String,
    },
    /// The parameters are no JSON.
    #[error("the parameters of {method} cannot be sent: {reason}")]
    Parameters {
        /// What was to be asked.
        method: Method,
        /// What is wrong with them.
        reason: String,
    },
}

// === impl Calls ===

impl Calls {
    pub(crate) fn new(switch: Switch, leases: watch::Receiver<usize>) -> Self {
        Self { switch, leases }
    }

    /// A call that the connection makes for everyone.
    pub(crate) async fn shared(
        &self,
        class: Class,
        method: Method,
        params: Value,
    ) -> Result<Reply, RequestError> {
        let deadline = Instant::now() + SHARED_PATIENCE;
        self.call(Caller::Shared, class, method, params, Some(deadline)).await
    }

    /// Asks until there is an answer, the failure is one that repeating cannot mend, or the deadline passes.
    /// A call that is unsafe to repeat is sent once. When another endpoint takes over, it is asked instead.
    pub(crate) async fn call(
        &self,
        caller: Caller,
        class: Class,
        method: Method,
        params: Value,
        deadline: Option<Instant>,
    ) -> Result<Reply, RequestError> {
        self.call_for(&Alone { caller, class, deadline }, method, &params).await
    }

    /// The same for all of `askers` at once.
    pub(crate) async fn call_for(
        &self,
        askers: &impl Askers,
        method: Method,
        params: &Value,
    ) -> Result<Reply, RequestError> {
        let mut call = Call::new(method.clone(), Class::Fill, params).map_err(|error| {
            RequestError::Parameters { method: method.clone(), reason: error.to_string() }
        })?;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut refusals = Backoff::new(REFUSED_AT_FIRST, REFUSED_PAUSE);
        loop {
            let right;
            (call.class, right) = askers.permit(self, &method).await?;
            let Right { upstream, permit } = right;
            let answer = upstream.line(&method).call(call.clone(), permit);
            let answer = within(askers.deadline(), Some(&method), answer).await?;
            upstream.note(&method, &answer);
            let failure = match answer {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let moved = !self.switch.is_at(&upstream);
            let pause = match after(&failure, &method) {
                // It was taken back before it was sent.
                Then::GiveUp if moved && matches!(failure, CallError::Closed) => Duration::ZERO,
                Then::GiveUp => return Err(failure.into()),
                // What failed at one endpoint says nothing about the next.
                Then::AskBudget | Then::Pause | Then::LongPause if moved => Duration::ZERO,
                // The budget has frozen what the refusal names; the next permit comes when it thaws. If that is
                // something else, such as new connections, the pause keeps this call from running on.
                Then::AskBudget => jittered(FIRST_PAUSE),
                Then::Pause => backoff.pause(),
                Then::LongPause => refusals.pause(),
            };
            if moved {
                backoff.reset();
            }
            if !askers.will_wait(pause, &failure) {
                return Err(RequestError::Deadline(failure.to_string()));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.switch.left(&upstream) => {}
            }
        }
    }

    /// The right to send to the endpoint in use, as long as somebody holds a lease.
    pub(crate) async fn permit(&self, ask: Ask) -> Result<Right, RequestError> {
        loop {
            let mut leases = self.leases.clone();
            within(ask.deadline, None, leases.wait_for(|leases| *leases > 0))
                .await?
                .map_err(|_| Refused::Closed)?;
            let upstream = within(ask.deadline, None, self.switch.settled()).await?;
            let permit = tokio::select! {
                permit = upstream.budget().acquire(ask.clone()) => permit?,
                // The place in the queue is given back; the next budget is asked.
                () = self.switch.left(&upstream) => continue,
            };
            if *leases.borrow() > 0 {
                return Ok(Right { upstream, permit });
            }
            permit.unused();
        }
    }

    /// What the provider said when it last refused the key or the address; `None` while it answers.
    pub(crate) fn refused_access(&self) -> Option<String> {
        self.switch.here().refused_access()
    }

    /// What the provider in use allows.
    pub(crate) fn limits(&self) -> Limits {
        self.switch.here().site().limits.clone()
    }

    pub(crate) fn switch(&self) -> &Switch {
        &self.switch
    }

    /// What happened on the HTTP side.
    pub(crate) fn http_stats(&self) -> HttpStats {
        self.switch.http_stats()
    }

    /// Closes every connection; the next call opens one again.
    pub(crate) async fn close(&self) {
        self.switch.here().close().await;
    }
}

/// What to do about a failed call.
enum Then {
    GiveUp,
    AskBudget,
    Pause,
    LongPause,
}

fn after(failure: &CallError, method: &Method) -> Then {
    match failure {
        // Neither reached the node, so even a transaction may be sent again.
        CallError::RateLimited { .. } => Then::AskBudget,
        CallError::Transport(TransportError::Dial(_) | TransportError::NotSent { .. }) => Then::Pause,
        CallError::Transport(TransportError::Lost { .. })
        | CallError::NotJson { .. }
        | CallError::WrongId
        | CallError::Stalled { .. }
        | CallError::Closed
            if !method.is_unsafe_to_repeat() =>
        {
            Then::Pause
        }
        // 408: the server did not wait for the request.
        CallError::Status { code, .. } if (*code >= 500 || *code == 408) && !method.is_unsafe_to_repeat() => {
            Then::Pause
        }
        CallError::Unauthorized { .. } | CallError::Forbidden { .. } => Then::LongPause,
        CallError::Transport(TransportError::Lost { .. })
        | CallError::NotJson { .. }
        | CallError::WrongId
        | CallError::Stalled { .. }
        | CallError::Status { .. }
        | CallError::Rpc(_)
        | CallError::TooLarge { .. }
        | CallError::OutcomeUnknown { .. }
        | CallError::Closed => Then::GiveUp,
    }
}

/// `sent` is the call that is under way, if one is: its outcome may be unknown when the deadline passes.
async fn within<T>(
    deadline: Option<Instant>,
    sent: Option<&Method>,
    answer: impl Future<Output = T>,
) -> Result<T, RequestError> {
    let Some(deadline) = deadline else { return Ok(answer.await) };
    timeout_at(deadline, answer).await.map_err(|_| {
        let cause = "the answer did not come in time".to_owned();
        match sent {
            Some(method) if method.is_unsafe_to_repeat() => {
                CallError::OutcomeUnknown { method: method.clone(), cause }.into()
            }
            Some(_) | None => RequestError::Deadline(cause),
        }
    })
}

// === impl Alone ===

impl Askers for Alone {
    async fn permit(&self, calls: &Calls, method: &Method) -> Result<(Class, Right), RequestError> {
        let Self { caller, class, deadline } = *self;
        let right = calls.permit(Ask { caller, method: method.clone(), class, deadline }).await?;
        Ok((class, right))
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn will_wait(&self, pause: Duration, _failure: &CallError) -> bool {
        self.deadline.is_none_or(|deadline| Instant::now() + pause < deadline)
    }
}

// === impl RequestError ===

impl RequestError {
    pub(crate) fn unexpected(method: &Method, reason: &dyn std::fmt::Display) -> Self {
        Self::Unexpected { method: method.clone(), reason: reason.to_string() }
    }

    /// The label by which failures are counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Budget(_) => "budget",
            Self::Call(error) => error.kind(),
            Self::Deadline(_) => "deadline",
            Self::Unexpected { .. } => "unexpected",
            Self::Parameters { .. } => "parameters",
        }
    }

    /// Whether less has to be asked for at once: the answer or the question is larger than somebody allows.
    pub(crate) fn is_too_much(&self) -> bool {
        match self {
            Self::Call(CallError::TooLarge { .. } | CallError::Status { code: 413, .. }) => true,
            Self::Call(_) | Self::Budget(_) | Self::Deadline(_) => {
                self.node_error().is_some_and(|(code, _)| code == node_error::INVALID_PARAMS)
            }
            Self::Unexpected { .. } | Self::Parameters { .. } => false,
        }
    }

    /// The node's own error, if that is what it is.
    pub fn node_error(&self) -> Option<(i64, &str)> {
        match self {
            Self::Call(CallError::Rpc(error)) => Some((error.code, error.message.as_str())),
            Self::Call(_)
            | Self::Budget(_)
            | Self::Deadline(_)
            | Self::Unexpected { .. }
            | Self::Parameters { .. } => None,
        }
    }
}
