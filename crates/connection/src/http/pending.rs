use bytes::Bytes;
use tokio::sync::oneshot;

use super::{client::Reply, error::CallError, stats::Counts};
use crate::{
    budget::{Answer, Permit},
    request::{Class, Method},
};

/// A call that waits for its answer. It ends in one of three ways, each of which tells its caller and the budget.
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) method: Method,
    pub(super) class: Class,
    /// The call as it travels.
    pub(super) body: Bytes,
    pub(super) permit: Permit,
    pub(super) reply: oneshot::Sender<Result<Reply, CallError>>,
    /// How often it came back unsent.
    pub(super) returns: u8,
    /// Whether it has been sent before, and is sent a second and last time.
    pub(super) resent: bool,
    /// Whether the budget knows of the answer.
    pub(super) told: bool,
}

// === impl Pending ===

impl Pending {
    /// Tells the budget, once, what the answer says.
    pub(super) fn tell(&mut self, answer: &Answer) {
        if !self.told {
            self.told = true;
            self.permit.answered(answer.clone());
        }
    }

    /// The answer arrived in full.
    pub(super) fn finish(self, bytes: u64, outcome: Result<Reply, CallError>, counts: &Counts) {
        self.permit.finished(bytes);
        counts.deliver(self.reply, &self.method, outcome);
    }

    /// It was sent, and there will be no answer, or no whole one. Dropping the permit tells the budget.
    pub(super) fn lost(self, error: CallError, counts: &Counts) {
        let error = error.after_sending(&self.method);
        counts.deliver(self.reply, &self.method, Err(error));
    }

    /// It is not going to be sent, because its caller has gone away.
    pub(super) fn abandoned(self) {
        if !self.resent {
            self.permit.unused();
        }
    }

    /// It is not going to be sent. Its place is free, unless it was sent before; then dropping the permit says so.
    pub(super) fn unsent(self, error: CallError, counts: &Counts) {
        if !self.resent {
            self.permit.unused();
        }
        counts.deliver(self.reply, &self.method, Err(error));
    }
}
