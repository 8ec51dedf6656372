use serde::{Deserialize, Serialize};

use crate::id::EventId;

/// A fact reported at `confirmed` whose block did not survive, and whose transaction did not land again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRetracted {
    /// The event that is taken back.
    pub event_id: EventId,
    /// Why.
    pub reason: String,
}
