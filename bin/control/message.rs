//! What travels over the control socket: one JSON document a line, an answer for each question.

use serde::{Deserialize, Serialize};

use super::status::Status;

/// What may be asked: `{"command":"status"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How are you?
    Status,
}

/// What is answered: `{"status":{…}}` or `{"error":"…"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Response {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// The question could not be answered, and why.
    Error(String),
}
