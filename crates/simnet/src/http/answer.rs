//! Puts the replies to the calls of one HTTP request into one HTTP response.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::{body::ReplyBody, document::Document};
use crate::{
    connection::Connection,
    jsonrpc,
    reply::{Delivery, Reply},
};

/// The response under construction.
#[derive(Debug)]
pub(super) struct Answer {
    envelopes: Vec<Document>,
    headers: Vec<(String, String)>,
    delay: Duration,
    delivery: Delivery,
    instead: Option<(StatusCode, Bytes)>,
    never: bool,
}

// === impl Answer ===

impl Default for Answer {
    fn default() -> Self {
        Self {
            envelopes: Vec::new(),
            headers: Vec::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
            instead: None,
            never: false,
        }
    }
}

impl Answer {
    /// Adds an answer that is worded already.
    pub(super) fn worded(&mut self, answer: String) {
        self.envelopes.push(answer.into());
    }

    /// Adds the reply to the call with this id.
    pub(super) fn add(&mut self, id: &Value, reply: Reply) {
        match reply {
            Reply::Result(result) => self.result(id, &result),
            Reply::Rendered(result) => {
                let mut envelope = Document::from(r#"{"jsonrpc":"2.0","result":"#);
                envelope.push_rendered(result);
                envelope.push(format!(r#","id":{id}}}"#));
                self.envelopes.push(envelope);
            }
            Reply::Error { code, message, data } => {
                self.worded(jsonrpc::failure(id, &jsonrpc::error(code, &message, data)));
            }
            Reply::WrongId(result) => self.result(&strange_id(), &result),
            Reply::Misaddressed(inner) => self.add(&strange_id(), *inner),
            Reply::Huge(bytes) => self.result(id, &Value::String("x".repeat(bytes))),
            Reply::Http { status, headers, body } => {
                self.headers.extend(headers);
                self.instead.get_or_insert((status, body));
            }
            Reply::WithHeaders(headers, inner) => {
                self.headers.extend(headers);
                self.add(id, *inner);
            }
            Reply::After(delay, inner) => {
                self.delay = self.delay.max(delay);
                self.add(id, *inner);
            }
            Reply::Never => self.never = true,
            Reply::Stalled(result) => self.broken(id, Reply::Result(result), Delivery::Stalled),
            Reply::Truncated(result) => self.broken(id, Reply::Result(result), Delivery::Truncated),
            Reply::Dropped(result) => self.broken(id, Reply::Result(result), Delivery::Dropped),
            Reply::Delivered(delivery, inner) => self.broken(id, *inner, delivery),
        }
    }

    fn result(&mut self, id: &Value, result: &Value) {
        self.worded(jsonrpc::success(id, result));
    }

    fn broken(&mut self, id: &Value, reply: Reply, delivery: Delivery) {
        self.add(id, reply);
        if self.delivery == Delivery::Whole {
            self.delivery = delivery;
        }
    }

    /// Waits as long as the slowest reply and builds the response.
    pub(super) async fn deliver(
        mut self,
        batch: bool,
        reversed: bool,
        gzip: bool,
        connection: Arc<Connection>,
    ) -> Response<ReplyBody> {
        if self.never {
            std::future::pending::<()>().await;
        }
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if let Some((status, body)) = self.instead {
            let mut response = Response::new(ReplyBody::new(vec![body], self.delivery, connection));
            *response.status_mut() = status;
            set_headers(&mut response, &self.headers);
            return response;
        }
        if reversed {
            self.envelopes.reverse();
        }
        // Notifications are answered with an empty body, everything else with a line.
        let mut json = match (self.envelopes.is_empty(), batch) {
            (true, _) => Document::default(),
            (false, true) => array(self.envelopes),
            (false, false) => self.envelopes.pop().unwrap_or_default(),
        };
        if !json.is_empty() {
            json.push("\n");
        }
        ReplyBody::respond(&self.headers, json, gzip, self.delivery, connection)
    }
}

fn array(elements: Vec<Document>) -> Document {
    let mut array = Document::from("[");
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            array.push(",");
        }
        array.append(element);
    }
    array.push("]");
    array
}

fn strange_id() -> Value {
    Value::from("an id nobody asked with")
}

/// Sets response headers; one that is not valid HTTP is a mistake in the test and says so in the log.
pub(super) fn set_headers(response: &mut Response<ReplyBody>, headers: &[(String, String)]) {
    for (name, value) in headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                response.headers_mut().insert(name, value);
            }
            _ => tracing::error!(name, value, "not an HTTP header"),
        }
    }
}
