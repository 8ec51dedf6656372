//! JSON-RPC: requests read as strictly as nodes read them, and the words they are answered with.
//!
//! What passes is what passes `jsonrpc-core` 18, which Agave 4.2.2 uses over HTTP and PubSub alike.

use serde::Deserialize;
use serde_json::{Value, json};

/// What one HTTP body or one WebSocket frame asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) entries: Vec<Entry>,
    /// Whether they came as a batch, be it of one.
    pub(crate) batch: bool,
}

/// One entry of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// Is answered as its method says.
    Call(Asked),
    /// Has no id, and so no answer. Every method of a node is to be called, so nothing happens either.
    Notification {
        /// The method it names.
        method: String,
    },
    /// Is no proper call. This is its answer.
    Refused(String),
}

/// A proper call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// An array, an object, or null.
    pub(crate) params: Value,
    /// A number from zero on, a text, or null.
    pub(crate) id: Value,
}

/// The forms of an entry, of which the first that fits counts. Which members may be missing, doubled or unknown
/// follows from that.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Call(CallForm),
    Notification(NotificationForm),
    Invalid {
        #[serde(default)]
        id: Id,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallForm {
    jsonrpc: Option<Version>,
    method: String,
    #[serde(default)]
    params: Params,
    id: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationForm {
    #[expect(dead_code, reason = "is read for its form only: nothing is answered, whatever the version")]
    jsonrpc: Option<Version>,
    method: String,
    #[expect(dead_code, reason = "is read for its form only")]
    #[serde(default)]
    params: Params,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Single(Form),
    Batch(Vec<Form>),
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Version;

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Params {
    #[default]
    None,
    Array(Vec<Value>),
    Object(serde_json::Map<String, Value>),
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Id {
    #[default]
    Null,
    Number(u64),
    Text(String),
}

/// A result under the id it was asked with.
pub(crate) fn success(id: &Value, result: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
}

/// An error (see [`error`]) under the id that was asked with.
pub(crate) fn failure(id: &Value, error: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#)
}

/// The error object of an answer.
pub(crate) fn error(code: i64, message: &str, data: Option<Value>) -> Value {
    let mut error = json!({"code": code, "message": message});
    if let (Some(data), Some(members)) = (data, error.as_object_mut()) {
        members.insert("data".to_owned(), data);
    }
    error
}

/// The answer to what cannot be read at all.
pub(crate) fn parse_error() -> String {
    failure(&Value::Null, &error(-32700, "Parse error", None))
}

/// One text of many answers; none if there is nothing to say.
pub(crate) fn joined(mut answers: Vec<String>, batch: bool) -> Option<String> {
    match (batch, answers.is_empty()) {
        (_, true) => None,
        (true, false) => Some(format!("[{}]", answers.join(","))),
        (false, false) => answers.pop(),
    }
}

// === impl Request ===

impl Request {
    /// Reads a text; none if it is to be answered with [`parse_error`].
    pub(crate) fn read(text: &str) -> Option<Self> {
        let body = serde_json::from_str(text).ok()?;
        Some(match body {
            Body::Single(form) => Self { entries: vec![form.into()], batch: false },
            Body::Batch(forms) => Self { entries: forms.into_iter().map(Entry::from).collect(), batch: true },
        })
    }
}

// === impl Entry ===

impl Entry {
    /// The method; empty if it names none properly.
    pub(crate) fn method(&self) -> &str {
        match self {
            Self::Call(Asked { method, .. }) | Self::Notification { method } => method,
            Self::Refused(_) => "",
        }
    }
}

impl From<Form> for Entry {
    fn from(form: Form) -> Self {
        match form {
            Form::Call(CallForm { jsonrpc: Some(Version), method, params, id }) => {
                Self::Call(Asked { method, params: params.into(), id: id.into() })
            }
            Form::Call(CallForm { jsonrpc: None, id, .. }) => {
                // An answer has the version that the call had.
                let (error, id) =
                    (error(-32600, "Unsupported JSON-RPC protocol version", None), Value::from(id));
                Self::Refused(format!(r#"{{"error":{error},"id":{id}}}"#))
            }
            Form::Notification(NotificationForm { method, .. }) => Self::Notification { method },
            Form::Invalid { id } => {
                Self::Refused(failure(&id.into(), &error(-32600, "Invalid request", None)))
            }
        }
    }
}

// === impl Version ===

impl TryFrom<String> for Version {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "2.0" { Ok(Self) } else { Err("invalid version") }
    }
}

// === impl Params ===

impl From<Params> for Value {
    fn from(params: Params) -> Self {
        match params {
            Params::None => Self::Null,
            Params::Array(params) => Self::Array(params),
            Params::Object(params) => Self::Object(params),
        }
    }
}

// === impl Id ===

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        match id {
            Id::Null => Self::Null,
            Id::Number(id) => Self::from(id),
            Id::Text(id) => Self::String(id),
        }
    }
}

#[cfg(test)]
mod tests;
