//! What the connection has to know of earlier runs, without knowing where it is kept.

use std::fmt;

use eda_events::{Genesis, Slot, WorkerName, log::Interest};
use futures_util::future::{BoxFuture, FutureExt, ready};

/// How far workers came before, and what they could not have.
pub trait Checkpoints: fmt::Debug + Send + Sync {
    /// How far `worker` came with an interest; `None` if it never began.
    ///
    /// # Errors
    /// When it cannot be told now; it is asked again.
    fn reached(
        &self,
        genesis: &Genesis,
        worker: WorkerName,
        interest: &Interest,
    ) -> BoxFuture<'_, Result<Option<Reached>, Unreadable>>;

    /// The stretches that were given up and not read since.
    ///
    /// # Errors
    /// As above.
    fn holes(
        &self,
        genesis: &Genesis,
        worker: WorkerName,
        interest: &Interest,
    ) -> BoxFuture<'_, Result<Vec<(Slot, Slot)>, Unreadable>>;
}

/// How far an interest came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Nothing at or before this slot was asked for.
    pub begins_after: Slot,
    /// The last slot that was dealt with.
    pub to: Slot,
}

/// Checkpoints cannot be read now; why, in words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the checkpoints cannot be read: {0}")]
pub struct Unreadable(pub String);

/// There was no earlier run.
#[derive(Clone, Copy, Debug)]
pub struct NoCheckpoints;

impl Checkpoints for NoCheckpoints {
    fn reached(
        &self,
        _: &Genesis,
        _: WorkerName,
        _: &Interest,
    ) -> BoxFuture<'_, Result<Option<Reached>, Unreadable>> {
        ready(Ok(None)).boxed()
    }

    fn holes(
        &self,
        _: &Genesis,
        _: WorkerName,
        _: &Interest,
    ) -> BoxFuture<'_, Result<Vec<(Slot, Slot)>, Unreadable>> {
        ready(Ok(Vec::new())).boxed()
    }
}
