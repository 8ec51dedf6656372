//! What an HTTP request asks, read as a node reads it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::body::ReplyBody;
use crate::{
    connection::Connection,
    jsonrpc::{self, Entry, Request},
    reply::Delivery,
};

/// Bytes a request body may have; larger is answered 413 (`MAX_REQUEST_BODY_SIZE` of Agave).
const MAX_REQUEST_BYTES: usize = 50 * 1024;

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// JSON-RPC.
    Request(Request),
    /// Whether the node is well, in one word, whatever the HTTP method.
    Health,
    /// What may be asked at all.
    Options,
}

/// A request that asks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    NotPost,
    NotJsonByType,
    TooLarge,
    /// Its bytes are UTF-8 up to this one.
    NotText(usize),
    NotJson,
}

// === impl Asked ===

impl Asked {
    pub(super) async fn read(head: &Parts, body: Incoming) -> Result<Self, Unreadable> {
        if head.uri.path() == "/health" {
            return Ok(Self::Health);
        }
        if head.method == Method::OPTIONS {
            return Ok(Self::Options);
        }
        if head.method != Method::POST {
            return Err(Unreadable::NotPost);
        }
        if !is_json(&head.headers) {
            return Err(Unreadable::NotJsonByType);
        }
        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
        let body = body.map_err(|_| Unreadable::TooLarge)?.to_bytes();
        let text = std::str::from_utf8(&body).map_err(|why| Unreadable::NotText(why.valid_up_to()))?;
        Request::read(text).map(Self::Request).ok_or(Unreadable::NotJson)
    }

    /// The method of each entry.
    pub(super) fn methods(&self) -> Vec<String> {
        match self {
            Self::Request(request) => request.entries.iter().map(Entry::method).map(str::to_owned).collect(),
            Self::Health | Self::Options => Vec::new(),
        }
    }
}

// === impl Unreadable ===

impl Unreadable {
    /// What a node answers.
    pub(super) fn response(self, gzip: bool, connection: Arc<Connection>) -> Response<ReplyBody> {
        let (status, text) = match self {
            Self::NotPost => (
                StatusCode::METHOD_NOT_ALLOWED,
                "Used HTTP Method is not allowed. POST or OPTIONS is required\n".to_owned(),
            ),
            Self::NotJsonByType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Supplied content type is not allowed. Content-Type: application/json is required\n"
                    .to_owned(),
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "request body size exceeds allowed maximum".to_owned())
            }
            Self::NotText(at) => {
                (StatusCode::BAD_REQUEST, format!("utf-8 encoding error at byte {at} in request body"))
            }
            Self::NotJson => {
                let answer = jsonrpc::parse_error() + "\n";
                return ReplyBody::respond(&[], answer.into(), gzip, Delivery::Whole, connection);
            }
        };
        let mut response = Response::new(ReplyBody::whole(Bytes::from(text)));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

/// Only these are JSON to a node, in letters of any case.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        ["application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"]
            .iter()
            .any(|json| value.eq_ignore_ascii_case(json))
    })
}
