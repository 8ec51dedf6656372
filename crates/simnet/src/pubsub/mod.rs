//! PubSub over WebSocket: subscriptions as nodes keep them, notifications on command, and every way to misbehave.

/// One request, from being read to being answered.
mod exchange;
/// What becomes of one notification.
mod fate;
/// What waits to be written to one socket.
mod outbox;
/// Who is subscribed to what.
mod registry;
/// One WebSocket from upgrade to close.
mod session;

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use self::registry::Registry;
pub use self::registry::Subscription;
pub(crate) use self::{
    fate::{Fate, Notice, Passed, Told},
    registry::Changes,
};
use crate::{
    call::{Call, Journal},
    faults::Faults,
};

/// What becomes of one call.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// What a node does: subscribe, unsubscribe, or say that the method is unknown.
    Node,
    /// A JSON-RPC result.
    Result(Value),
    /// A JSON-RPC error.
    Error {
        /// For example -32602.
        code: i64,
        /// Free text.
        message: String,
        /// Left out when `None`.
        data: Option<Value>,
    },
    /// No answer at all.
    Silent,
    /// This text frame and nothing else; in a batch, before the answers to the rest.
    Text(String),
    /// The inner verdict after this long; other calls on the socket go on meanwhile. A batch waits for its slowest call.
    After(Duration, Box<Verdict>),
}

type Judge = dyn Fn(&Call) -> Verdict + Send + Sync;

/// The programmable WebSocket side of a front.
///
/// As on Agave, equal subscriptions get one id over the whole server, as long as somebody holds them, and are one entry
/// per connection: the first
/// unsubscribe removes it, the second is told `Invalid subscription id.` Ids count from 0. A message of more than
/// 4,096 bytes from the client ends its connection, and so does a client that reads too slowly.
pub struct Pubsub {
    judge: RwLock<Arc<Judge>>,
    journal: Journal,
    registry: Registry,
    pings: AtomicU64,
    flow: watch::Sender<Flow>,
    refusal: RwLock<Option<StatusCode>>,
    faults: RwLock<Faults>,
}

/// Which ways bytes go on every socket.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    half_open: bool,
    stalled: bool,
}

/// An account as `accountSubscribe` with base64 encoding renders it.
pub fn account(lamports: u64, owner: &str, data: &[u8]) -> Value {
    json!({
        "lamports": lamports,
        "data": [STANDARD.encode(data), "base64"],
        "owner": owner,
        "executable": false,
        "rentEpoch": u64::MAX,
        "space": data.len(),
    })
}

// === impl Verdict ===

impl Verdict {
    /// A JSON-RPC error without data.
    pub fn error(code: i64, message: &str) -> Self {
        Self::Error { code, message: message.to_owned(), data: None }
    }

    /// This verdict, `delay` later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}

// === impl Flow ===

impl Flow {
    fn reads(self) -> bool {
        !self.half_open && !self.stalled
    }

    fn writes(self) -> bool {
        !self.stalled
    }
}

// === impl Pubsub ===

impl Default for Pubsub {
    fn default() -> Self {
        Self {
            judge: RwLock::new(Arc::new(|_: &Call| Verdict::Node)),
            journal: Journal::default(),
            registry: Registry::default(),
            pings: AtomicU64::new(0),
            flow: watch::Sender::default(),
            refusal: RwLock::new(None),
            faults: RwLock::default(),
        }
    }
}

impl fmt::Debug for Pubsub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pubsub")
            .field("subscriptions", &self.subscriptions())
            .field("calls", &self.journal.len())
            .finish_non_exhaustive()
    }
}

impl Pubsub {
    /// Decides what becomes of each call ([`Verdict::Node`] until then).
    pub fn respond(&self, judge: impl Fn(&Call) -> Verdict + Send + Sync + 'static) {
        *self.judge.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(judge);
    }

    /// Every call received.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Answers every handshake with this status instead of 101; `None` accepts again.
    pub fn refuse_upgrades(&self, status: Option<StatusCode>) {
        *self.refusal.write().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// While `true` nothing is read from any socket, so that pings stay unanswered though the sockets are open.
    pub fn half_open(&self, on: bool) {
        self.flow.send_modify(|flow| flow.half_open = on);
    }

    /// While `true` nothing is read from any socket and nothing is written to it, though all of them stay open.
    /// Notifications wait meanwhile, and end the connection if they become too many.
    pub fn stall(&self, on: bool) {
        self.flow.send_modify(|flow| flow.stalled = on);
    }

    /// Pings received so far.
    pub fn pings(&self) -> u64 {
        self.pings.load(Ordering::Acquire)
    }

    /// The live subscriptions by id.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.registry.subscriptions()
    }

    /// Every coming and going of connections and subscriptions from now on.
    pub(crate) fn changes(&self) -> Changes {
        self.registry.changes()
    }

    /// Ends a subscription without a word.
    pub(crate) fn end(&self, subscription: u64) {
        self.registry.forget(|candidate| candidate.id == subscription);
    }

    /// Waits until the live subscriptions satisfy `reached`. It has no deadline of its own: the test has one.
    pub async fn until(&self, reached: impl FnMut(&[Subscription]) -> bool) -> Vec<Subscription> {
        self.registry.until(reached).await
    }

    /// Waits for a subscription by method and first parameter (the address of an `accountSubscribe`).
    pub async fn subscribed(&self, method: &str, first: Option<&str>) -> Subscription {
        let matches = |subscription: &Subscription| {
            subscription.method == method && first.is_none_or(|first| subscription.first() == Some(first))
        };
        loop {
            let subscriptions = self.until(|subscriptions| subscriptions.iter().any(matches)).await;
            if let Some(subscription) = subscriptions.into_iter().find(matches) {
                return subscription;
            }
        }
    }

    /// Sends `result` to every connection that holds this subscription; returns how many.
    pub fn notify(&self, subscription: u64, result: &Value) -> usize {
        self.send(|candidate| candidate.id == subscription, result)
    }

    /// A slot to every `slotSubscribe`; returns how many frames were sent.
    pub fn notify_slot(&self, slot: u64, parent: u64, root: u64) -> usize {
        let result = json!({"slot": slot, "parent": parent, "root": root});
        self.send(|candidate| candidate.method == "slotSubscribe", &result)
    }

    /// A root to every `rootSubscribe`; returns how many frames were sent.
    pub fn notify_root(&self, root: u64) -> usize {
        self.send(|candidate| candidate.method == "rootSubscribe", &json!(root))
    }

    /// An account state (see [`account`]) to every `accountSubscribe` of `address`; returns how many frames were sent.
    pub fn notify_account(&self, address: &str, slot: u64, value: &Value) -> usize {
        let result = json!({"context": {"slot": slot}, "value": value});
        self.send(
            |candidate| candidate.method == "accountSubscribe" && candidate.first() == Some(address),
            &result,
        )
    }

    /// A transaction's logs to every `logsSubscribe` of everything or of one of `mentions`; returns how many frames
    /// were sent.
    pub fn notify_logs(
        &self,
        slot: u64,
        signature: &str,
        err: &Value,
        logs: &[&str],
        mentions: &[&str],
    ) -> usize {
        let value = json!({"signature": signature, "err": err, "logs": logs});
        let result = json!({"context": {"slot": slot}, "value": value});
        self.send(|candidate| candidate.wants_logs(mentions), &result)
    }

    /// The outcome of a transaction to every `signatureSubscribe` of it, which ends with that; returns how many frames
    /// were sent.
    pub fn notify_signature(&self, signature: &str, slot: u64, err: &Value) -> usize {
        let result = json!({"context": {"slot": slot}, "value": {"err": err}});
        let of_signature = |candidate: &Subscription| {
            candidate.method == "signatureSubscribe" && candidate.first() == Some(signature)
        };
        let sent = self.send(of_signature, &result);
        self.registry.forget(of_signature);
        sent
    }

    /// Ends every subscription of these methods, or of all if there are none, without a word to anybody; returns how
    /// many.
    pub fn forget_subscriptions(&self, methods: &[String]) -> usize {
        self.registry.forget(|one| methods.is_empty() || methods.contains(&one.method))
    }

    /// Any frame to every connection: garbage text, an error without an id, a binary frame, a ping; returns how many
    /// were sent.
    pub fn broadcast(&self, frame: &Message) -> usize {
        self.registry.broadcast(frame)
    }

    /// A close frame to every connection; returns how many were sent.
    pub fn close(&self, code: CloseCode, reason: &str) -> usize {
        self.broadcast(&Message::Close(Some(CloseFrame { code, reason: reason.to_owned().into() })))
    }

    /// Lets faults happen to what is sent from now on.
    pub(crate) fn afflict(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send(&self, of: impl Fn(&Subscription) -> bool, result: &Value) -> usize {
        self.with_faults(|fate| self.registry.notify_all(of, &result.into(), fate))
    }

    /// Sends what is told to every connection that holds this subscription, made by `method`.
    pub(crate) fn tell(&self, subscription: u64, method: &str, told: &Told) {
        self.with_faults(|fate| self.registry.notify(subscription, method, told, fate));
    }

    /// Gives what decides about each notification, if there is anything to decide.
    fn with_faults<T>(&self, send: impl FnOnce(Option<&dyn Fn(&Notice) -> Fate>) -> T) -> T {
        let faults = self.faults();
        if faults.are_armed() { send(Some(&|notice| faults.notification(notice))) } else { send(None) }
    }

    fn verdict(&self, call: &Call) -> Verdict {
        let judge = Arc::clone(&self.judge.read().unwrap_or_else(PoisonError::into_inner));
        judge(call)
    }

    fn refusal(&self) -> Option<StatusCode> {
        *self.refusal.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn pinged(&self) {
        self.pings.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
