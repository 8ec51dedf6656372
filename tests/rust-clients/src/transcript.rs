//! What the steps print: one JSON line each, as the Node scripts do, so that the same comparer reads it.

use std::{collections::BTreeMap, fmt::Display};

use serde::Serialize;
use serde_json::{Value, json};

/// The names of the addresses and signatures used so far.
#[derive(Default)]
pub(crate) struct Transcript {
    names: BTreeMap<String, String>,
}

// === impl Transcript ===

impl Transcript {
    /// From now on the comparer reads `text` (an address or a signature) as `name`.
    pub(crate) fn name(&mut self, text: impl Display, name: &str) {
        self.names.insert(text.to_string(), name.to_owned());
    }

    /// Prints what came of a step.
    pub(crate) fn step<T: Serialize, E: Display>(&self, title: &str, outcome: Result<T, E>) -> Option<T> {
        let line = match &outcome {
            Ok(result) => json!({"step": title, "result": result}),
            Err(error) => json!({"step": title, "error": error.to_string()}),
        };
        println!("{line}");
        outcome.ok()
    }

    /// Prints something that is not an outcome, but follows from some.
    pub(crate) fn value(&self, title: &str, value: impl Into<Value>) {
        println!("{}", json!({"step": title, "result": value.into()}));
    }

    /// Prints the last line.
    pub(crate) fn end(self) {
        println!("{}", json!({"names": self.names}));
    }
}
