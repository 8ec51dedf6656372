use std::{error::Error, fmt};

use tokio::task::JoinError;

use crate::Fenced;

/// How an incarnation of a worker ended. The supervisor's decision is a `match` on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with nothing left to do. It is not started again.
    Finished,
    /// It was told to stop and did so in time.
    Cancelled,
    /// An input was closed by its publisher, so there will be no more work. It is not started again.
    InputClosed(String),
    /// It returned an error, given with its causes. It is restarted.
    Failed(String),
    /// It panicked with this message. It is restarted.
    Panicked(String),
    /// It did not end when it was told to: it made no progress, or was still running when its deadline passed.
    /// It is restarted once it has ended, unless it was to stop.
    Stuck,
}

/// Why a worker gives up the current incarnation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The named input was closed by its publisher and has been read to its end.
    #[error("input `{0}` was closed")]
    InputClosed(String),
    /// The incarnation was given up while it was busy; what it says no longer counts.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// Anything else. The worker is restarted.
    #[error("{}", causes(&**.0))]
    Other(Box<dyn Error + Send + Sync>),
}

// === impl Exit ===

impl Exit {
    /// Whether the incarnation ended as it should: no item was left in an unknown state.
    pub fn is_clean(&self) -> bool {
        match self {
            Self::Finished | Self::Cancelled | Self::InputClosed(_) => true,
            Self::Failed(_) | Self::Panicked(_) | Self::Stuck => false,
        }
    }

    /// What the task's result says when nobody told it to end. A task that was aborted is [`Exit::Stuck`].
    pub(crate) fn of(result: Result<Result<(), Failure>, JoinError>) -> Self {
        match result {
            Ok(Ok(())) => Self::Finished,
            Ok(Err(Failure::InputClosed(input))) => Self::InputClosed(input),
            Ok(Err(failure @ (Failure::Fenced(_) | Failure::Other(_)))) => Self::Failed(failure.to_string()),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => Self::Panicked(panic_message(payload.as_ref())),
                Err(_aborted) => Self::Stuck,
            },
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Cancelled => f.write_str("stopped"),
            Self::InputClosed(input) => write!(f, "input `{input}` was closed"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Stuck => f.write_str("stuck"),
        }
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

// === impl Failure ===

impl Failure {
    /// A failure for any reason that a restart may cure.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

/// The error and what caused it, on one line: the status event has room for one text only.
fn causes(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not decode block")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn a_failure_names_its_causes() {
        let cause = "x".parse::<u8>().unwrap_err();
        let exit = Exit::of(Ok(Err(Failure::new(Outer(cause)))));
        assert_eq!(exit, Exit::Failed("could not decode block: invalid digit found in string".into()));
    }

    #[tokio::test]
    async fn a_panic_keeps_its_message_whether_formatted_or_not() {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async { panic!("plain") });
        assert_eq!(Exit::of(tasks.join_next().await.unwrap()), Exit::Panicked("plain".into()));
        let slot = 7;
        tasks.spawn(async move { panic!("at slot {slot}") });
        assert_eq!(Exit::of(tasks.join_next().await.unwrap()), Exit::Panicked("at slot 7".into()));
        tasks.spawn(async { std::panic::panic_any(7_u8) });
        assert_eq!(
            Exit::of(tasks.join_next().await.unwrap()),
            Exit::Panicked("a panic without a message".into())
        );
    }
}
