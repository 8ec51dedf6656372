//! Why a candidate did not become an event or a trade. No refusal is silent: each is a row here.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    primitives::{Slot, WorkerName},
    wire::text,
};

/// A decision not to report or not to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Who decided.
    pub worker: WorkerName,
    /// What was refused: the id of the event it would have been, or of the event it answers.
    pub subject: String,
    /// The rule that refused it, from the worker's closed set.
    pub rule: Cow<'static, str>,
    /// The value the rule looked at, as a person reads it.
    pub seen: String,
    /// What it would have had to be.
    pub bound: String,
    /// The slot of the fact that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// When it was judged.
    #[serde(with = "text")]
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(worker: WorkerName, subject: &str, rule: &'static str) -> Refusal {
        Refusal {
            worker,
            subject: subject.to_owned(),
            rule: rule.into(),
            seen: "5".to_owned(),
            bound: "at least 1000000".to_owned(),
            slot: Some(Slot(7)),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_refusal_is_a_row_that_programs_can_read() {
        let row = refusal(WorkerName::BurnDetector, "a", "below-threshold");
        let json = serde_json::to_string(&row).unwrap();
        let expected = r#"{"worker":"burn-detector","subject":"a","rule":"below-threshold","seen":"5","bound":"at least 1000000","slot":7,"at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), row);
    }
}
