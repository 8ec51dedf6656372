//! One WebSocket, whose equal subscriptions are shared.
//!
//! Responsible for: one socket at a time, open while somebody subscribes; one upstream subscription per topic,
//! whoever subscribes it and however often; noticing a dead or stalled socket and restoring everything on the
//! next one; telling each subscriber, in its own bounded stream, what it got and what it did not see.
//! Not responsible for: filling what was not seen, and understanding what notifications contain.
//!
//! `table` is the state of all subscriptions without I/O, `watchdog` decides about life and death without a
//! clock, `task` moves frames between them and the `socket`.

use std::{fmt, sync::Arc};

use tokio::sync::watch;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use self::{
    config::Config,
    frame::Odd,
    notice::{DownReason, Notice, Rejection},
    socket::ConnectError,
    stats::{Stats, Traffic},
    subscription::{Filter, Filters, Topic},
    watchdog::Patience,
};
use self::{
    queue::Inlet,
    shared::{Shared, Target},
    table::{Limits, SubscriberId, Table},
    task::Task,
};
use crate::{dial::Dialer, endpoint::Endpoint, gate::Gate};

/// The bounds within which the socket works.
mod config;
/// What a text frame from the server says.
mod frame;
/// What is remembered from one socket to the next.
mod life;
/// What a subscriber is told.
mod notice;
/// The bounded queue in front of each subscriber.
mod queue;
/// What the task and the handles share.
mod shared;
/// The tip of the chain and the length of a slot.
mod slots;
/// One WebSocket connection.
mod socket;
/// What can be seen from outside.
mod stats;
/// What can be subscribed.
mod subscription;
/// The state of all subscriptions.
mod table;
/// The task that owns the socket.
mod task;
#[cfg(test)]
mod tests;
/// Whether a socket is alive.
mod watchdog;

/// The largest message that a node reads from a client, in bytes; it ends the connection over a larger one
/// (`rpc_pubsub_service.rs`, Agave 3.1.8).
const MAX_CLIENT_MESSAGE: usize = 4_096;

/// One shared WebSocket. Dropping it closes the socket and ends all streams.
#[derive(Debug)]
pub struct PubSub {
    shared: Arc<Shared>,
    shutdown: DropGuard,
}

/// A subscriber's stream of notices. Dropping it gives the subscription back; the others of its topic go on.
pub struct Subscription {
    topic: Topic,
    id: SubscriberId,
    inlet: Inlet,
    shared: Arc<Shared>,
}

/// Where the socket stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody subscribes to anything, so there is no socket.
    Idle,
    /// A socket is being opened, or the next attempt is waited for.
    Connecting {
        /// Attempts and short-lived sockets in a row before this one.
        failures: u32,
        /// Why there is no socket; `None` at the first attempt.
        trouble: Option<Trouble>,
    },
    /// The socket is open.
    Live,
    /// The socket is open after a stall, and no slot has come since: either the provider is behind, or the
    /// cluster has halted. The tip asked for over HTTP tells which.
    Stalled,
    /// Closed for good.
    Closed,
}

/// Why there is no socket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The last attempt failed.
    #[error(transparent)]
    Connect(ConnectError),
    /// The last socket ended.
    #[error("the connection was lost: {}", .0.as_str())]
    Lost(DownReason),
}

/// Why a subscription was not taken on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The socket carries as many subscriptions as the provider allows.
    #[error("no room for one more subscription: the socket carries at most {cap}")]
    OverCap {
        /// The bound, from [`Config::max_subscriptions`].
        cap: usize,
    },
    /// Nodes end the connection over a request this long.
    #[error("the subscription takes {bytes} bytes, nodes read at most {MAX_CLIENT_MESSAGE}")]
    TooLong {
        /// The length of the request.
        bytes: usize,
    },
    /// [`PubSub::close`] was called, or the process is stopping.
    #[error("the WebSocket is closed for good")]
    Closed,
}

// === impl PubSub ===

impl PubSub {
    /// Starts the task that owns the socket, in `tasks`; it connects when the first subscriber comes, and ends
    /// with `shutdown`. `gate` is passed before each attempt to connect.
    pub fn new(
        endpoint: &Endpoint,
        dialer: Dialer,
        config: Config,
        gate: Gate,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Self {
        let limits = Limits {
            subscriptions: config.max_subscriptions,
            answer_within: config.answer_within,
            retry: (config.retry_base, config.retry_cap),
        };
        let shared = Arc::new(Shared::new(Table::new(limits), Target::new(endpoint, gate)));
        let shutdown = shutdown.child_token();
        let task = Task { shared: Arc::clone(&shared), dialer, config, shutdown: shutdown.clone() };
        tasks.spawn(task.run());
        Self { shared, shutdown: shutdown.drop_guard() }
    }

    /// Closes the socket, and opens the next one at another endpoint, whose socket carries at most
    /// `max_subscriptions`. Subscribers see it as any interruption.
    pub fn move_to(&self, endpoint: &Endpoint, gate: Gate, max_subscriptions: usize) {
        let mut core = self.shared.core();
        core.target = Arc::new(Target::new(endpoint, gate));
        core.table.carry_at_most(max_subscriptions);
        drop(core);
        self.shared.changed.notify_one();
    }

    /// Registers a subscriber whose queue holds up to `capacity` updates. The stream begins with
    /// [`Notice::Live`] when the node has accepted the topic, or ends with [`Notice::Rejected`] if it does not;
    /// it does not wait for the socket.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe(&self, topic: Topic, capacity: usize) -> Result<Subscription, SubscribeError> {
        let bytes = table::frame(u64::MAX, topic.method(), &topic.params()).len();
        if bytes > MAX_CLIENT_MESSAGE {
            return Err(SubscribeError::TooLong { bytes });
        }
        let (outlet, inlet) = queue::queue(capacity, topic.kind().overflow());
        let mut core = self.shared.core();
        if core.closed {
            return Err(SubscribeError::Closed);
        }
        let id = core.next_subscriber;
        core.next_subscriber = id.wrapping_add(1);
        core.table
            .subscribe(id, topic.clone(), outlet)
            .map_err(|table::OverCap { cap }| SubscribeError::OverCap { cap })?;
        drop(core);
        self.shared.changed.notify_one();
        Ok(Subscription { topic, id, inlet, shared: Arc::clone(&self.shared) })
    }

    /// Where the socket stands, and each change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// How many of these topics the node does not serve at the moment.
    pub(crate) fn missing(&self, topics: &[Topic]) -> usize {
        let core = self.shared.core();
        topics.iter().filter(|topic| !core.table.is_live(topic)).count()
    }

    /// Everything that is counted, as of now.
    pub fn stats(&self) -> Stats {
        let core = self.shared.core();
        Stats {
            sockets_open: self.shared.sockets.open(),
            sockets_opened: self.shared.sockets.opened(),
            wanted: core.table.wanted(),
            live: core.table.live(),
            subscribers: core.table.subscribers(),
            traffic: core.table.traffic().clone(),
            lost: core.lost.clone(),
            failed_attempts: core.failed_attempts,
            round_trip: core.round_trip,
            tip: core.clock.tip(),
            slot_time: core.clock.slot_time(),
        }
    }

    /// Closes the socket and ends all streams; returns when that is done. Cancel-safe, and may be repeated.
    pub async fn close(&self) {
        self.shutdown.token().cancel();
        let mut state = self.shared.state.subscribe();
        // The sender lives in `shared`, so the wait cannot fail.
        if state.wait_for(|state| *state == State::Closed).await.is_err() {
            tracing::debug!("the WebSocket task was gone already");
        }
    }
}

// === impl Subscription ===

impl Subscription {
    /// The next notice; `None` when the subscription is over: after a rejection, after the one notification of a
    /// signature, and when the socket is closed for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        self.inlet.next().await
    }

    /// What is subscribed.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.topic)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.core().table.leave(self.id, &self.topic);
        self.shared.changed.notify_one();
    }
}
