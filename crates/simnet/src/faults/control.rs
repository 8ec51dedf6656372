//! Calls that start, stop and list faults while an endpoint runs. While connections are refused none of them arrives,
//! so what refuses them is best given an end.

use serde_json::{Value, json};

use super::{Faults, plan::Plan};

/// Starts faults: each parameter is one, an object with the keys that `[[fault]]` has in a plan. Answers their numbers.
const START: &str = "simnetFault";
/// Ends the faults of these numbers, or all if there are none. Answers how many numbers were still on or to come.
const CLEAR: &str = "simnetClear";
/// Answers how often each kind has happened, and the incidents from the number that is the parameter, or all.
const JOURNAL: &str = "simnetJournal";

/// Why a control call was not carried out. In JSON-RPC it is -32602, `Invalid params`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadControl(String);

/// Whether it asks something of the simulation itself: faults, truth or counts. No cluster has such methods.
pub(super) fn is_control(method: &str) -> bool {
    method.starts_with("simnet")
}

impl Faults {
    /// Carries a control call out; `None` if it is none.
    ///
    /// # Errors
    /// When the parameters make no sense.
    pub fn control(&self, method: &str, params: &Value) -> Option<Result<Value, BadControl>> {
        match method {
            START => Some(self.start(params)),
            CLEAR => Some(self.end(params)),
            JOURNAL => Some(self.list(params)),
            _ => None,
        }
    }

    fn start(&self, params: &Value) -> Result<Value, BadControl> {
        let params = list(params)?;
        if params.is_empty() {
            return Err(BadControl(
                "expected at least one fault, such as {\"kind\": \"websocket-drop\"}".into(),
            ));
        }
        // All of them are understood before the first one starts.
        let mut faults = Vec::with_capacity(params.len());
        for (position, value) in params.iter().enumerate() {
            let source = format!("fault {}", position.saturating_add(1));
            faults.push(Plan::fault(value, &source).map_err(|problems| BadControl(problems.to_string()))?);
        }
        let mut numbers = Vec::with_capacity(faults.len());
        for fault in faults {
            numbers.push(self.apply(fault).map_err(|error| BadControl(error.to_string()))?);
        }
        Ok(json!(numbers))
    }

    fn end(&self, params: &Value) -> Result<Value, BadControl> {
        let params = list(params)?;
        if params.is_empty() {
            return Ok(json!(self.clear()));
        }
        let numbers: Option<Vec<u64>> = params.iter().map(Value::as_u64).collect();
        let numbers = numbers.ok_or_else(|| BadControl("expected numbers of faults".into()))?;
        Ok(json!(numbers.into_iter().filter(|number| self.stop(*number)).count()))
    }

    fn list(&self, params: &Value) -> Result<Value, BadControl> {
        let from = match list(params)? {
            [] => 0,
            [from] => from.as_u64().ok_or_else(|| BadControl("expected the number of an incident".into()))?,
            [_, _, ..] => return Err(BadControl("expected at most one parameter".into())),
        };
        let counts: serde_json::Map<String, Value> = self
            .journal()
            .counts()
            .into_iter()
            .map(|(kind, count)| (kind.to_string(), json!(count)))
            .collect();
        Ok(json!({"counts": counts, "incidents": self.journal().from(from)}))
    }
}

/// Absent parameters are none.
fn list(params: &Value) -> Result<&[Value], BadControl> {
    match params {
        Value::Null => Ok(&[]),
        Value::Array(params) => Ok(params),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(BadControl("expected the parameters as a list".into()))
        }
    }
}
