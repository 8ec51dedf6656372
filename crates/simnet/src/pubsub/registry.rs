//! Who is subscribed to what, with the sharing rules of Agave.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

use super::{
    fate::{Fate, Notice, Passed, Told},
    outbox::{Outgoing, Pace},
};
use crate::connection::Connection;

/// A live subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The id in its notifications.
    pub id: u64,
    /// For example `accountSubscribe`.
    pub method: String,
    /// The parameters as sent.
    pub params: Value,
    /// Numbers of the connections that hold it.
    pub connections: BTreeSet<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    next_id: u64,
    subscriptions: BTreeMap<u64, Subscription>,
    outgoing: BTreeMap<u64, (mpsc::Sender<Outgoing>, Arc<Connection>)>,
}

/// All subscriptions and the queues of all connections.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: watch::Sender<State>,
}

/// Tells whether connections or subscriptions have come or gone.
#[derive(Debug)]
pub(crate) struct Changes(watch::Receiver<State>);

// === impl Changes ===

impl Changes {
    /// Whether something changed since this was last asked. Nothing does any more once the registry is gone.
    pub(crate) fn any(&mut self) -> bool {
        let any = self.0.has_changed().unwrap_or_default();
        if any {
            self.0.mark_unchanged();
        }
        any
    }

    /// Waits for the next change; `false` when there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

// === impl Subscription ===

impl Subscription {
    /// The first parameter, if it is a string.
    pub fn first(&self) -> Option<&str> {
        self.params.get(0).and_then(Value::as_str)
    }

    /// Whether this is what a call asks for. Parameters that are left out are as good as null.
    fn is(&self, method: &str, params: &Value) -> bool {
        self.method == method
            && match (&self.params, params) {
                (Value::Object(mine), Value::Object(others)) => mine == others,
                (Value::Object(_), _) | (_, Value::Object(_)) => false,
                (mine, others) => given(mine) == given(others),
            }
    }

    pub(super) fn wants_logs(&self, mentions: &[&str]) -> bool {
        if self.method != "logsSubscribe" {
            return false;
        }
        match self.params.get(0) {
            Some(Value::String(filter)) => filter == "all" || filter == "allWithVotes",
            Some(filter) => filter.get("mentions").and_then(Value::as_array).is_some_and(|wanted| {
                wanted.iter().filter_map(Value::as_str).any(|one| mentions.contains(&one))
            }),
            None => false,
        }
    }
}

// === impl Registry ===

impl Registry {
    pub(super) fn subscriptions(&self) -> Vec<Subscription> {
        self.state.borrow().subscriptions.values().cloned().collect()
    }

    pub(super) fn changes(&self) -> Changes {
        let mut changes = self.state.subscribe();
        // What is there already is the first of them.
        changes.mark_changed();
        Changes(changes)
    }

    pub(super) async fn until(&self, mut reached: impl FnMut(&[Subscription]) -> bool) -> Vec<Subscription> {
        let mut watching = self.state.subscribe();
        let mut subscriptions = Vec::new();
        let waited = watching
            .wait_for(|state| {
                subscriptions = state.subscriptions.values().cloned().collect();
                reached(&subscriptions)
            })
            .await
            .is_ok();
        // The sender lives in `self`, so the wait ends only by success.
        debug_assert!(waited);
        subscriptions
    }

    /// Opens a connection's queue.
    pub(super) fn open(&self, connection: Arc<Connection>, outgoing: mpsc::Sender<Outgoing>) {
        self.state.send_modify(|state| {
            state.outgoing.insert(connection.number(), (outgoing, connection));
        });
    }

    /// Forgets a connection and every subscription only it held.
    pub(super) fn close(&self, connection: u64) {
        self.state.send_modify(|state| {
            state.outgoing.remove(&connection);
            state.subscriptions.retain(|_, subscription| {
                subscription.connections.remove(&connection);
                !subscription.connections.is_empty()
            });
        });
    }

    /// Lets a connection subscribe and unsubscribe, and queues the frames it is answered with before any notification
    /// can be.
    pub(super) fn converse(&self, connection: u64, answer: impl FnOnce(&mut State) -> Vec<Message>) {
        self.state.send_modify(|state| {
            for frame in answer(state) {
                state.send(connection, Outgoing::plain(frame));
            }
        });
    }

    /// Ends subscriptions without a word; returns how many.
    pub(super) fn forget(&self, ended: impl Fn(&Subscription) -> bool) -> usize {
        let mut forgotten = 0;
        self.state.send_modify(|state| {
            let before = state.subscriptions.len();
            state.subscriptions.retain(|_, subscription| !ended(subscription));
            forgotten = before.saturating_sub(state.subscriptions.len());
        });
        forgotten
    }

    pub(super) fn broadcast(&self, frame: &Message) -> usize {
        let state = self.state.borrow();
        state
            .outgoing
            .keys()
            .filter(|connection| state.send(**connection, Outgoing::plain(frame.clone())))
            .count()
    }

    /// Notifies every connection of every such subscription, as far as `fate` lets it; returns how many frames were
    /// queued.
    pub(super) fn notify_all(
        &self,
        of: impl Fn(&Subscription) -> bool,
        told: &Told,
        fate: Option<&dyn Fn(&Notice) -> Fate>,
    ) -> usize {
        let subscriptions: Vec<(u64, String)> = {
            let state = self.state.borrow();
            let such = state.subscriptions.values().filter(|subscription| of(subscription));
            such.map(|subscription| (subscription.id, subscription.method.clone())).collect()
        };
        subscriptions.iter().map(|(id, method)| self.notify(*id, method, told, fate)).sum()
    }

    /// The same of one subscription, made by `method`.
    pub(super) fn notify(
        &self,
        id: u64,
        method: &str,
        told: &Told,
        fate: Option<&dyn Fn(&Notice) -> Fate>,
    ) -> usize {
        let kind = method.strip_suffix("Subscribe").unwrap_or(method);
        let result = &told.json;
        // Before the state is looked at: nobody waits for a large text.
        let frame = Message::text(format!(
            r#"{{"jsonrpc":"2.0","method":"{kind}Notification","params":{{"result":{result},"subscription":{id}}}}}"#
        ));
        let state = self.state.borrow();
        let mut sent = 0_usize;
        let connections = state.subscriptions.get(&id).map(|subscription| &subscription.connections);
        for connection in connections.into_iter().flatten() {
            let mut send = |pace| {
                let outgoing = Outgoing { frame: frame.clone(), subscription: Some(id), pace };
                sent = sent.saturating_add(usize::from(state.send(*connection, outgoing)));
            };
            let Some(fate) = fate else {
                send(Pace::Now);
                continue;
            };
            let notice = Notice::new(method, id, *connection, told);
            match fate(&notice) {
                Fate::Deliver => send(Pace::Now),
                Fate::Drop => {}
                Fate::Duplicate => {
                    send(Pace::Now);
                    send(Pace::Now);
                }
                Fate::Delay(delay) => send(Pace::After(delay)),
                Fate::Overtaken { within, fault } => {
                    send(Pace::Overtaken(within, Box::new(Passed { notice, fault })));
                }
            }
        }
        sent
    }
}

// === impl State ===

impl State {
    /// Subscribes a connection; returns the subscription's id and how many the connection then holds. Nothing is done
    /// if it would be more than `cap`.
    pub(super) fn subscribe(
        &mut self,
        connection: u64,
        method: &str,
        params: &Value,
        cap: Option<u64>,
    ) -> Option<(u64, u64)> {
        let held = self.held_with(connection, method, params);
        if cap.is_some_and(|cap| held > cap) {
            return None;
        }
        let equal = self.subscriptions.values_mut().find(|one| one.is(method, params));
        if let Some(subscription) = equal {
            subscription.connections.insert(connection);
            return Some((subscription.id, held));
        }
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        let connections = BTreeSet::from([connection]);
        let (method, params) = (method.to_owned(), params.clone());
        self.subscriptions.insert(id, Subscription { id, method, params, connections });
        Some((id, held))
    }

    /// Unsubscribes a connection; `false` if it does not hold this id.
    pub(super) fn unsubscribe(&mut self, connection: u64, id: u64) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return false };
        let held = subscription.connections.remove(&connection);
        if subscription.connections.is_empty() {
            self.subscriptions.remove(&id);
        }
        held
    }

    /// Subscriptions a connection holds once it holds this one.
    fn held_with(&self, connection: u64, method: &str, params: &Value) -> u64 {
        let held = self
            .subscriptions
            .values()
            .filter(|one| one.connections.contains(&connection) && !one.is(method, params));
        u64::try_from(held.count()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Queues a frame. A connection whose queue is full has a client that reads too slowly, and is ended, as nodes do.
    fn send(&self, connection: u64, outgoing: Outgoing) -> bool {
        let Some((queue, socket)) = self.outgoing.get(&connection) else { return false };
        let sent = queue.try_send(outgoing).is_ok();
        if !sent {
            socket.kill();
        }
        sent
    }
}

/// Positional parameters without the nulls at their end.
fn given(params: &Value) -> &[Value] {
    let params = params.as_array().map_or(&[][..], Vec::as_slice);
    let given = params.iter().rposition(|one| !one.is_null()).map_or(0, |last| last.saturating_add(1));
    params.get(..given).unwrap_or_default()
}
