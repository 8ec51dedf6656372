//! What the socket's task and the handles share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};
use url::Url;

use super::{State, slots::SlotClock, table::Table};
use crate::{dial::Sockets, endpoint::Endpoint, gate::Gate};

/// One lock over everything that changes. It is held for single steps only, never while waiting.
#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Something in the table has changed.
    pub(super) changed: Notify,
    pub(super) state: watch::Sender<State>,
    pub(super) sockets: Sockets,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) table: Table,
    pub(super) target: Arc<Target>,
    pub(super) clock: SlotClock,
    pub(super) next_subscriber: u64,
    pub(super) closed: bool,
    pub(super) lost: BTreeMap<&'static str, u64>,
    pub(super) failed_attempts: u64,
    pub(super) round_trip: Option<Duration>,
}

/// Where the socket leads.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    /// The URL as it may be printed.
    pub(super) shown: String,
    /// Passed before each attempt to connect.
    pub(super) gate: Gate,
}

/// Closes everything when the task ends, even by a panic.
pub(super) struct Ending(pub(super) Arc<Shared>);

// === impl Shared ===

impl Shared {
    pub(super) fn new(table: Table, target: Target) -> Self {
        let core = Core {
            table,
            target: Arc::new(target),
            clock: SlotClock::default(),
            next_subscriber: 0,
            closed: false,
            lost: BTreeMap::new(),
            failed_attempts: 0,
            round_trip: None,
        };
        Self {
            core: Mutex::new(core),
            changed: Notify::new(),
            state: watch::Sender::new(State::Idle),
            sockets: Sockets::default(),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        // The table only panics by an error in this crate; the streams it then leaves are ended by `Ending`.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn show(&self, state: State) {
        self.state.send_if_modified(|shown| {
            let differs = *shown != state;
            *shown = state;
            differs
        });
    }
}

// === impl Target ===

impl Target {
    pub(super) fn new(endpoint: &Endpoint, gate: Gate) -> Self {
        Self { url: endpoint.ws().clone(), shown: endpoint.redacted_ws(), gate }
    }
}

// === impl Ending ===

impl Drop for Ending {
    fn drop(&mut self) {
        let mut core = self.0.core();
        core.closed = true;
        core.table.clear();
        drop(core);
        self.0.show(State::Closed);
    }
}
