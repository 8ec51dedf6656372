//! One socket as its provider sees it: what the wire asks before it answers, and tells when it has.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderMap, Response};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Provider,
    blocked::Credentials,
    books::Books,
    refusal::{Cause, Refusal},
};

/// Where a front's listeners find the provider to be asked, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Gate(RwLock<Option<Provider>>);

/// One accepted socket. Without a provider everything passes and nothing is labelled.
#[derive(Debug, Default)]
pub(crate) struct Visit(Option<Guarded>);

#[derive(Debug)]
struct Guarded {
    provider: Provider,
    peer: IpAddr,
    /// Why the socket itself is not welcome. Its first request is told.
    turned_away: Option<Refusal>,
    upgraded: AtomicBool,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn guard(&self, provider: Provider) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(provider);
    }

    pub(crate) fn provider(&self) -> Option<Provider> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the provider about a socket that was just accepted.
    pub(crate) fn visit(&self, peer: SocketAddr) -> Visit {
        Visit(self.provider().map(|provider| {
            let turned_away = provider.books(|books, now| books.connect(now)).err();
            Guarded { provider, peer: peer.ip(), turned_away, upgraded: AtomicBool::new(false) }
        }))
    }
}

// === impl Visit ===

impl Visit {
    /// The refusal of a request with one call of each of `methods`, if it is refused. A request without a call that
    /// can be counted is one call of the empty name.
    pub(crate) fn refuse_request(
        &self,
        from: Credentials<'_>,
        methods: &[String],
    ) -> Option<Response<String>> {
        let guarded = self.0.as_ref()?;
        let mut methods = names(methods);
        if methods.is_empty() {
            methods.push("");
        }
        guarded.refuse(from, &methods, |books, now| books.request(now, &methods))
    }

    /// The refusal of a WebSocket handshake, if it is refused.
    pub(crate) fn refuse_upgrade(&self, from: Credentials<'_>) -> Option<Response<String>> {
        let guarded = self.0.as_ref()?;
        let refused = guarded.refuse(from, &[""], |books, _| books.upgrade());
        guarded.upgraded.store(refused.is_none(), Ordering::Release);
        refused
    }

    /// Whether the socket is to be closed after its first answer.
    pub(crate) fn is_turned_away(&self) -> bool {
        self.0.as_ref().is_some_and(|guarded| guarded.turned_away.is_some())
    }

    /// Says in the headers of an answer what is left of each limit. What they say of it already stays.
    pub(crate) fn label(&self, headers: &mut HeaderMap, methods: &[String]) {
        if let Some(guarded) = &self.0 {
            guarded.provider.books(|books, now| books.left(now, sole(&names(methods)))).write(headers);
        }
    }

    /// Bytes of a response's body have left.
    pub(crate) fn sent(&self, bytes: usize) {
        if let Some(guarded) = &self.0 {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            guarded.provider.books(|books, now| books.sent(now, bytes));
        }
    }

    /// Subscriptions this WebSocket may hold.
    pub(crate) fn subscription_cap(&self) -> Option<u64> {
        self.0.as_ref()?.provider.books(|books, _| books.subscription_cap())
    }

    /// This WebSocket now holds so many subscriptions.
    pub(crate) fn subscribed(&self, held: u64) {
        if let Some(guarded) = &self.0 {
            guarded.provider.books(|books, _| books.subscribed(held));
        }
    }

    /// A subscription is past the cap; returns the JSON-RPC error it is answered.
    pub(crate) fn refuse_subscription(&self, method: &str) -> Value {
        if let Some(guarded) = &self.0 {
            guarded.provider.books(|books, _| books.refuse(Cause::Subscriptions, &[method]));
        }
        Cause::Subscriptions.rpc_error()
    }

    /// The socket is closed.
    pub(crate) fn leave(&self) {
        if let Some(guarded) = &self.0 {
            let upgraded = guarded.upgraded.load(Ordering::Acquire);
            guarded.provider.books(|books, _| books.disconnect(guarded.turned_away.is_none(), upgraded));
        }
    }
}

// === impl Guarded ===

impl Guarded {
    /// The labelled refusal: of whoever is blocked, of a socket that is not welcome, or what `judge` says.
    fn refuse(
        &self,
        from: Credentials<'_>,
        methods: &[&str],
        judge: impl FnOnce(&mut Books, Instant) -> Result<(), Refusal>,
    ) -> Option<Response<String>> {
        let blocked = self.provider.blocks(self.peer, from);
        self.provider.books(|books, now| {
            let refusal = if blocked {
                books.refuse(Cause::Blocked, methods)
            } else if let Some(refusal) = self.turned_away {
                refusal
            } else {
                judge(books, now).err()?
            };
            let mut response = refusal.response(now, from.version);
            books.left(now, sole(methods)).write(response.headers_mut());
            Some(response)
        })
    }
}

/// The one method that is called, if it is one.
fn sole<'a>(methods: &[&'a str]) -> Option<&'a str> {
    let (first, others) = methods.split_first()?;
    (!first.is_empty() && others.iter().all(|other| other == first)).then_some(first)
}

fn names(methods: &[String]) -> Vec<&str> {
    methods.iter().map(String::as_str).collect()
}
