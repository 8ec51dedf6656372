//! What becomes of one notification on its way to one client.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::rendered::Rendered;

/// What a notification tells, rendered once for everybody, and what faults may want to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The result as JSON text.
    pub(super) json: String,
    /// The slot it names, as context or as itself.
    slot: Option<u64>,
    /// The transaction it names.
    signature: Option<String>,
}

/// A notification that is about to be sent to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The method of the subscription, for example `logsSubscribe`.
    pub(crate) method: String,
    /// The subscription's id.
    pub(crate) subscription: u64,
    /// The connection's number on its listener.
    pub(crate) connection: u64,
    /// The slot its result names, as context or as itself.
    pub(crate) slot: Option<u64>,
    /// The transaction its result names.
    pub(crate) signature: Option<String>,
}

/// What becomes of it. Notifications of one subscription always arrive in order, as from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is sent.
    Deliver,
    /// It is lost.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent this much later, and what follows on its subscription waits behind it.
    Delay(Duration),
    /// It is sent after the next notification of another subscription.
    Overtaken {
        /// Or after this long, if there is none.
        within: Duration,
        /// The fault that wants it so.
        fault: u64,
    },
}

/// A notification that is to be passed, or was, by one of another subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) notice: Notice,
    /// The fault that wants it so.
    pub(crate) fault: u64,
}

/// A value with the slot it belongs to, as results show them.
#[derive(Serialize)]
struct InContext<T> {
    context: Context,
    value: T,
}

#[derive(Serialize)]
struct Context {
    slot: u64,
}

// === impl Told ===

impl Told {
    /// A value, and the slot it belongs to.
    pub(crate) fn at(slot: u64, value: impl Serialize) -> Self {
        let result = InContext { context: Context { slot }, value };
        Self { json: text(&result), slot: Some(slot), signature: None }
    }

    /// A block that was rendered before, or why it cannot be shown.
    pub(crate) fn block(slot: u64, shown: Option<&Rendered>, err: &Value) -> Self {
        let block = shown.map_or("null".into(), |shown| String::from_utf8_lossy(shown.json()));
        let (context, rest) = (format!(r#"{{"slot":{slot}}}"#), format!(r#""err":{err},"slot":{slot}"#));
        let json = format!(r#"{{"context":{context},"value":{{"block":{block},{rest}}}}}"#);
        Self { json, slot: Some(slot), signature: None }
    }

    /// This, about a transaction.
    pub(crate) fn of(self, signature: String) -> Self {
        Self { signature: Some(signature), ..self }
    }
}

impl From<&Value> for Told {
    fn from(result: &Value) -> Self {
        let slot = |value: &Value| value.get("slot").and_then(Value::as_u64);
        let signature = result.get("value").and_then(|value| value.get("signature")).and_then(Value::as_str);
        Self {
            json: result.to_string(),
            slot: result.get("context").and_then(slot).or_else(|| slot(result)).or_else(|| result.as_u64()),
            signature: signature.map(str::to_owned),
        }
    }
}

#[expect(clippy::expect_used, reason = "a result is numbers, texts and lists, which are always JSON")]
fn text(result: &impl Serialize) -> String {
    serde_json::to_string(result).expect("invariant: no map in a result has keys other than texts")
}

// === impl Notice ===

impl Notice {
    pub(super) fn new(method: &str, subscription: u64, connection: u64, told: &Told) -> Self {
        Self {
            method: method.to_owned(),
            subscription,
            connection,
            slot: told.slot,
            signature: told.signature.clone(),
        }
    }
}
