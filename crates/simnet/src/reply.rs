//! What a programmed responder can answer over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::rendered::Rendered;

/// An answer to one call.
///
/// [`Reply::Result`], [`Reply::Rendered`], [`Reply::Error`], [`Reply::WrongId`], [`Reply::Misaddressed`] and [`Reply::Huge`] are JSON-RPC
/// answers, and in a batch each stands for its own call. The others break the response that carries them, and so the
/// whole batch.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A JSON-RPC result.
    Result(Value),
    /// A JSON-RPC result that was rendered before.
    Rendered(Rendered),
    /// A JSON-RPC error.
    Error {
        /// For example -32005.
        code: i64,
        /// Free text.
        message: String,
        /// Left out when `None`.
        data: Option<Value>,
    },
    /// A result that carries an id nobody asked with.
    WrongId(Value),
    /// The inner reply under an id nobody asked with.
    Misaddressed(Box<Reply>),
    /// A result string of this many bytes.
    Huge(usize),
    /// A plain HTTP response.
    Http {
        /// The status.
        status: StatusCode,
        /// Name and value.
        headers: Vec<(String, String)>,
        /// Sent as it is, never compressed.
        body: Bytes,
    },
    /// Headers that say more than they should: this result, with extra response headers.
    WithHeaders(Vec<(String, String)>, Box<Reply>),
    /// The inner reply after this long. A batch waits for its slowest call.
    After(Duration, Box<Reply>),
    /// No response, with the connection left open.
    Never,
    /// Response headers and half of this result, then nothing, with the connection left open.
    Stalled(Value),
    /// A complete HTTP response whose JSON is cut in half.
    Truncated(Value),
    /// Response headers and half of this result, then the connection closes.
    Dropped(Value),
    /// The inner reply, whose bytes reach the client in another way than all at once.
    Delivered(Delivery, Box<Reply>),
}

/// How the bytes of a response reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All of them.
    Whole,
    /// The first half, then nothing, with the connection left open.
    Stalled,
    /// The first half as if it were all.
    Truncated,
    /// The first half, then the connection closes.
    Dropped,
    /// The first half, then a TCP reset.
    Reset,
    /// All of them, in small pieces over this time.
    Dribbled(Duration),
}

// === impl Reply ===

impl Reply {
    /// A JSON-RPC error without data.
    pub fn error(code: i64, message: &str) -> Self {
        Self::Error { code, message: message.to_owned(), data: None }
    }

    /// What a node says to a method it does not know.
    pub fn method_not_found() -> Self {
        Self::error(-32601, "Method not found")
    }

    /// The public endpoint's 429: seconds to wait in `retry-after`, a JSON body that is not JSON-RPC, and
    /// `connection: close`, which costs an HTTP/1.1 client its connection.
    pub fn too_many_requests(retry_after_seconds: Option<u64>) -> Self {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("connection".to_owned(), "close".to_owned()),
        ];
        if let Some(seconds) = retry_after_seconds {
            headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        let body = json!({"code": 429, "message": "Too many requests for a specific RPC call"}).to_string();
        Self::Http { status: StatusCode::TOO_MANY_REQUESTS, headers, body: body.into() }
    }

    /// An HTML page, as gateways and captive portals answer.
    pub fn html(status: StatusCode) -> Self {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self::Http {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: body.into(),
        }
    }

    /// A bare status with a plain text body: 401, 403, 503.
    pub fn status(status: StatusCode) -> Self {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        Self::Http { status, headers, body: status.to_string().into() }
    }

    /// This reply, `delay` later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }

    /// This reply, whose bytes reach the client as `delivery` says.
    #[must_use]
    pub fn delivered(self, delivery: Delivery) -> Self {
        Self::Delivered(delivery, Box::new(self))
    }

    /// This reply with one more response header, such as `x-ratelimit-rps-limit`.
    #[must_use]
    pub fn with_header(self, name: &str, value: &str) -> Self {
        Self::WithHeaders(vec![(name.to_owned(), value.to_owned())], Box::new(self))
    }
}
