//! What the budget says about itself.

use tokio::time::Instant;

use super::Core;
use crate::{
    budget::{Scope, Snapshot},
    request::Class,
};

impl Core {
    /// Requests waiting, requests under way, methods remembered.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        (self.queue.len(), self.flights.len(), self.methods.len())
    }

    pub(crate) fn snapshot(&mut self, now: Instant) -> Snapshot {
        let mut snapshot = Snapshot {
            waiting: Class::ALL.into_iter().map(|class| (class, self.queue.waiting_in(class))).collect(),
            waits: self.ledger.waits(),
            outcomes: self.ledger.outcomes(self.methods.names()),
            credits: self.ledger.credits(now, self.limits.monthly_credits),
            pubsub_connections: self.limits.pubsub_connections,
            connection_cap: self.limits.connection_cap,
            ..Snapshot::default()
        };
        let shared = [
            (Scope::Everything, &mut self.total),
            (Scope::Credits, &mut self.credits),
            (Scope::Bytes, &mut self.bytes),
            (Scope::Connects, &mut self.connects),
        ];
        let of_methods = self.methods.iter_mut().map(|state| (state.scope(), &mut state.window));
        for (scope, window) in shared.into_iter().chain(of_methods) {
            if let Some(window) = window {
                window.release_due(now);
                snapshot.windows.push(window.describe(scope));
            }
        }
        snapshot.frozen.extend(self.frozen.describe(Scope::Everything, now));
        snapshot.frozen.extend(self.connects_frozen.describe(Scope::Connects, now));
        let of_methods =
            self.methods.iter_mut().filter_map(|state| state.freeze.describe(state.scope(), now));
        snapshot.frozen.extend(of_methods);
        snapshot
    }
}
