//! What an HTTP request asks, read as a node reads it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::body::ReplyBody;
use crate::{connection::Connection, reply::Delivery};

/// Bytes a request body may have; larger is answered 413 (`MAX_REQUEST_BODY_SIZE` of Agave).
const MAX_REQUEST_BYTES: usize = 50 * 1024;

/// The calls of one request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) calls: Vec<Value>,
    /// Whether they came as a batch, be it of one.
    pub(super) batch: bool,
}

/// A request that asks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    NotPost,
    NotJsonByType,
    TooLarge,
    NotJson,
}

// === impl Asked ===

impl Asked {
    pub(super) async fn read(head: &Parts, body: Incoming) -> Result<Self, Unreadable> {
        if head.method != Method::POST {
            return Err(Unreadable::NotPost);
        }
        if !is_json(&head.headers) {
            return Err(Unreadable::NotJsonByType);
        }
        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
        let body = body.map_err(|_| Unreadable::TooLarge)?.to_bytes();
        match serde_json::from_slice(&body) {
            Ok(Value::Array(calls)) => Ok(Self { calls, batch: true }),
            Ok(call) => Ok(Self { calls: vec![call], batch: false }),
            Err(_) => Err(Unreadable::NotJson),
        }
    }

    /// The method of each call.
    pub(super) fn methods(&self) -> Vec<String> {
        self.calls.iter().map(|call| method(call).to_owned()).collect()
    }
}

/// The method of a call; empty if it names none.
pub(super) fn method(call: &Value) -> &str {
    call.get("method").and_then(Value::as_str).unwrap_or_default()
}

// === impl Unreadable ===

impl Unreadable {
    /// What a node answers.
    pub(super) fn response(self, gzip: bool, connection: Arc<Connection>) -> Response<ReplyBody> {
        let (status, body) = match self {
            Self::NotPost => (
                StatusCode::METHOD_NOT_ALLOWED,
                "Used HTTP Method is not allowed. POST or OPTIONS is required",
            ),
            Self::NotJsonByType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Supplied content type is not allowed. Content-Type: application/json is required",
            ),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request body exceeds size limit"),
            Self::NotJson => {
                let error = json!({"code": -32700, "message": "Parse error"});
                let answer = json!({"jsonrpc": "2.0", "error": error, "id": null}).to_string();
                return ReplyBody::respond(&[], answer.into(), gzip, Delivery::Whole, connection);
            }
        };
        let mut response = Response::new(ReplyBody::whole(Bytes::from_static(body.as_bytes())));
        *response.status_mut() = status;
        response
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/json"))
}
