//! A worker's share in the connection.

use std::{fmt, sync::Arc, time::Duration};

use eda_events::{Address, Commitment, Slot, WorkerName};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    backoff::jittered,
    calls::RequestError,
    feed::{
        AccountFact, Interest, Unaffordable, Watch,
        notification::{RawAccount, WithSlot},
    },
    http::Reply,
    manager::ConnectionManager,
    node_error,
    request::{Caller, Class, Method},
    vitals::Identity,
};

/// A node that is behind is asked again after about this long.
const BEHIND_PAUSE: Duration = Duration::from_millis(200);

const GET_ACCOUNT_INFO: Method = Method::new("getAccountInfo");

/// A worker's tagged handle to the shared connection. The connection is open while any lease exists; dropping the
/// last one closes both sockets.
///
/// A worker keeps its lease through restarts: it belongs to what outlives an incarnation.
pub struct Lease {
    worker: WorkerName,
    manager: Arc<ConnectionManager>,
}

// === impl Lease ===

impl Lease {
    pub(crate) fn new(worker: WorkerName, manager: Arc<ConnectionManager>) -> Self {
        Self { worker, manager }
    }

    /// Whose lease this is.
    pub fn worker(&self) -> WorkerName {
        self.worker
    }

    /// Asks the node, charged to this worker: waits for the budget, and repeats what may be repeated until there
    /// is an answer or `patience` is over. What is being read for somebody already is not read again, and single
    /// accounts are read together; see [`savings`](crate::savings).
    ///
    /// # Errors
    /// See [`RequestError`]; an error of the node is not repeated.
    pub async fn call(
        &self,
        class: Class,
        method: Method,
        params: Value,
        patience: Duration,
    ) -> Result<Reply, RequestError> {
        let deadline = Some(Instant::now() + patience);
        self.manager.savings().call(Caller::Worker(self.worker), class, method, params, deadline).await
    }

    /// Reads an account as it was at `not_before` or later.
    ///
    /// # Errors
    /// See [`RequestError`]; a node that has not reached the slot is asked again until `patience` is over.
    pub async fn account(
        &self,
        class: Class,
        address: Address,
        not_before: Slot,
        patience: Duration,
    ) -> Result<AccountFact, RequestError> {
        let until = Instant::now() + patience;
        let params = json!([address.to_string(), {
            "encoding": "base64",
            "commitment": Commitment::Confirmed,
            "minContextSlot": not_before,
        }]);
        let reply = loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.call(class, GET_ACCOUNT_INFO, params.clone(), left).await {
                Err(error) if is_behind(&error) && Instant::now() + BEHIND_PAUSE < until => {
                    sleep(jittered(BEHIND_PAUSE)).await;
                }
                answer => break answer?,
            }
        };
        let unexpected = |reason: &dyn fmt::Display| RequestError::unexpected(&GET_ACCOUNT_INFO, reason);
        let read: WithSlot<Option<RawAccount>> =
            serde_json::from_str(reply.result.get()).map_err(|error| unexpected(&error))?;
        let slot = read.slot();
        let state = read.value.map(RawAccount::decode).transpose().map_err(|error| unexpected(&error))?;
        Ok(AccountFact { address, slot, state, snapshot: true })
    }

    /// Starts to follow what `interests` say.
    ///
    /// # Errors
    /// When the provider's plan does not carry it, with the arithmetic.
    pub fn watch(&self, interests: &[Interest]) -> Result<Watch, Unaffordable> {
        self.manager.feed().watch(self.worker, interests)
    }

    /// Which cluster this is. Waits until the endpoint has been reached and its two sides are known to serve the
    /// same chain, or cannot be told apart.
    pub async fn identity(&self) -> Identity {
        self.manager.vitals().identity().await
    }
}

fn is_behind(error: &RequestError) -> bool {
    let behind = [node_error::MIN_CONTEXT_SLOT_NOT_REACHED, node_error::NODE_UNHEALTHY];
    error.node_error().is_some_and(|(code, _)| behind.contains(&code))
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.manager.give_back(self.worker);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("worker", &self.worker).finish_non_exhaustive()
    }
}
