//! `eda why`: everything that was decided about a signature, a mint, a pool or an event's id, and by which rule.

use eda_events::Cluster;
use eda_store::{Decision, Store, What};
use serde::Serialize;
use serde_json::Value;

use crate::{config::Config, exit::Failure, store};

/// What was found, oldest first.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    about: String,
    decisions: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    at: String,
    cluster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<u64>,
    id: String,
    #[serde(flatten)]
    what: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Outcome {
    /// This was said.
    Event { event: Box<Value> },
    /// Nothing was said, by this rule.
    Refused { rule: String, seen: String, bound: String },
}

/// Looks it up in the store, whether an eda runs or not.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub(crate) fn why(config: &Config, about: &str) -> Result<Answer, Failure> {
    let reader = Store::read(&store::path(config))?;
    let decisions = reader.why(about)?.into_iter().map(Row::from).collect();
    Ok(Answer { about: about.to_owned(), decisions })
}

// === impl Answer ===

impl Answer {
    /// A few lines for a person.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        if self.decisions.is_empty() {
            return format!(
                "nothing is known about {}: no worker has seen it, or it is older than store.events_age and \
                 store.refusals_age; `eda coverage` tells which slots were read\n",
                self.about
            );
        }
        for row in &self.decisions {
            let worker = row.worker.as_deref().unwrap_or("eda");
            let slot = row.slot.map(|slot| format!(" slot {slot}")).unwrap_or_default();
            text += &match &row.what {
                Outcome::Event { event } => {
                    let kind = event["type"].as_str().unwrap_or("event");
                    let filled = if event["source"]["filled"] == true { ", filled" } else { "" };
                    format!("{} {worker}{slot}: {kind}{filled} {}\n    {}\n", row.at, row.id, event["data"])
                }
                Outcome::Refused { rule, seen, bound } => {
                    format!(
                        "{} {worker}{slot}: refused by {rule}: saw {seen}, wanted {bound}; {}\n",
                        row.at, row.id
                    )
                }
            };
        }
        text
    }
}

impl From<Decision> for Row {
    fn from(decision: Decision) -> Self {
        Self {
            at: decision.at.to_string(),
            cluster: Cluster::from_genesis(decision.genesis.as_str()).to_string(),
            worker: decision.worker.map(|worker| worker.to_string()),
            slot: decision.slot.map(|slot| slot.0),
            id: decision.id,
            what: match decision.what {
                What::Said(event) => Outcome::Event { event: Box::new(serde_json::json!(*event)) },
                What::Refused { rule, seen, bound } => Outcome::Refused { rule, seen, bound },
            },
        }
    }
}
