//! One request on a socket, from being read to being answered.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{Verdict, registry::State};
use crate::{
    call::Call,
    jsonrpc::{error, failure, joined, success},
    provider::Visit,
    rpc::params,
};

/// What there is to subscribe to (`rpc_pubsub.rs` of Agave).
const KINDS: [&str; 9] =
    ["account", "block", "logs", "program", "root", "signature", "slot", "slotsUpdates", "vote"];

/// One request on a socket.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Whether it is answered as a batch.
    batch: bool,
    items: Vec<Item>,
}

/// What is to be answered, in this order.
#[derive(Debug)]
pub(super) enum Item {
    /// These words.
    Worded(String),
    /// As the verdict says.
    Call(Box<Call>, Verdict),
}

// === impl Exchange ===

impl Exchange {
    pub(super) fn new(batch: bool, items: Vec<Item>) -> Self {
        Self { batch, items }
    }

    /// How long the answer waits, which is for the slowest item. Afterwards it waits no more.
    pub(super) fn delay(&mut self) -> Duration {
        let delays = self.items.iter_mut().map(|item| match item {
            Item::Worded(_) => Duration::ZERO,
            Item::Call(_, verdict) => verdict.hurry(),
        });
        delays.max().unwrap_or_default()
    }

    /// Does what was asked and says so, in frames that belong on the socket before anything else.
    pub(super) fn conclude(self, state: &mut State, visit: &Visit) -> Vec<Message> {
        let mut frames = Vec::new();
        let mut answers = Vec::new();
        for item in self.items {
            match item {
                Item::Worded(answer) => answers.push(answer),
                Item::Call(call, Verdict::Node) => answers.push(as_node(&call, state, visit)),
                Item::Call(call, Verdict::Result(result)) => answers.push(success(&call.id, &result)),
                Item::Call(call, Verdict::Error { code, message, data }) => {
                    answers.push(failure(&call.id, &error(code, &message, data)));
                }
                Item::Call(_, Verdict::Text(text)) => frames.push(Message::text(text)),
                // Nothing is late any more: see `delay`.
                Item::Call(_, Verdict::Silent | Verdict::After(..)) => {}
            }
        }
        frames.extend(joined(answers, self.batch).map(Message::text));
        frames
    }
}

// === impl Verdict ===

impl Verdict {
    /// Takes the delay out of a verdict.
    fn hurry(&mut self) -> Duration {
        let mut waited = Duration::ZERO;
        while let Self::After(delay, then) = self {
            waited = waited.saturating_add(*delay);
            *self = std::mem::replace(&mut **then, Self::Silent);
        }
        waited
    }
}

fn as_node(call: &Call, state: &mut State, visit: &Visit) -> String {
    let known = |action| call.method.strip_suffix(action).is_some_and(|kind| KINDS.contains(&kind));
    if known("Unsubscribe") {
        let id: (u64,) = match params::read(&call.params, 1, 0) {
            Ok(id) => id,
            Err(refused) => {
                let (code, message, data) = refused.parts();
                return failure(&call.id, &error(code, &message, data));
            }
        };
        if state.unsubscribe(call.connection, id.0) {
            success(&call.id, &json!(true))
        } else {
            failure(&call.id, &error(-32602, "Invalid subscription id.", None))
        }
    } else if known("Subscribe") {
        match state.subscribe(call.connection, &call.method, &call.params, visit.subscription_cap()) {
            Some((id, held)) => {
                visit.subscribed(held);
                success(&call.id, &Value::from(id))
            }
            None => failure(&call.id, &visit.refuse_subscription(&call.method)),
        }
    } else {
        failure(&call.id, &error(-32601, "Method not found", None))
    }
}
