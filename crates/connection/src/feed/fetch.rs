//! Fetching single transactions: each once, handed out in the order in which they were asked for.

use std::{collections::HashMap, sync::Arc};

use eda_chain::Transaction;
use eda_events::{Address, Signature, Slot, log::How};
use futures_util::{StreamExt, stream::FuturesOrdered};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{MAX_TRANSACTION_VERSION, shared::Shared};
use crate::{
    backoff::Backoff,
    calls::RequestError,
    node_error,
    request::{Class, Method},
};

/// Transactions fetched at once.
const CONCURRENCY: usize = 16;
/// A notification can be ahead of the transaction's availability (agave#3074). A transaction that the node still does
/// not have so many slots after it was first asked counts as missing.
const PATIENCE_SLOTS: u32 = 32;

pub(super) const GET_TRANSACTION: Method = Method::new("getTransaction");

/// A transaction to be fetched, and whom to tell when that is over.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) signature: Signature,
    pub(super) slot: u64,
    /// The address it was notified or listed for.
    pub(super) mention: Address,
    pub(super) how: How,
    pub(super) tell: mpsc::UnboundedSender<Settled>,
}

/// A transaction that is not being fetched any more.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) signature: Signature,
    pub(super) slot: u64,
    pub(super) outcome: Outcome,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was handed to everyone who asked.
    HandedOut,
    /// It was found, and somebody has no room for it.
    NoRoom,
    /// It cannot be had; why, in words.
    Lost(String),
}

enum Found {
    Transaction(Arc<Transaction>),
    Lost(String),
}

/// Fetches what is wanted, each transaction once while it is under way.
pub(super) async fn fetch(
    shared: Arc<Shared>,
    class: Class,
    mut wanted: mpsc::UnboundedReceiver<Wanted>,
    stop: CancellationToken,
) {
    stop.run_until_cancelled(async {
        let mut under_way: HashMap<Signature, Vec<mpsc::UnboundedSender<Settled>>> = HashMap::new();
        let mut fetches = FuturesOrdered::new();
        loop {
            tokio::select! {
                next = wanted.recv(), if fetches.len() < CONCURRENCY => match next {
                    // Another address brought it while this waited.
                    Some(next) if !shared.registry.lacks(&next.mention, next.slot, &next.signature) => {
                        shared.stats.shared_fetch();
                        tell(&next, &Outcome::HandedOut, [next.tell.clone()]);
                    }
                    Some(next) => {
                        let waiting = under_way.entry(next.signature).or_default();
                        waiting.push(next.tell.clone());
                        if waiting.len() == 1 {
                            fetches.push_back(one(&shared, class, next));
                        } else {
                            shared.stats.shared_fetch();
                        }
                    }
                    None if fetches.is_empty() => return,
                    None => settle(&shared, &mut under_way, fetches.next().await),
                },
                done = fetches.next(), if !fetches.is_empty() => settle(&shared, &mut under_way, done),
            }
        }
    })
    .await;
}

fn settle(
    shared: &Shared,
    under_way: &mut HashMap<Signature, Vec<mpsc::UnboundedSender<Settled>>>,
    done: Option<(Wanted, Found)>,
) {
    let Some((wanted, found)) = done else { return };
    let outcome = match found {
        Found::Transaction(transaction) if shared.deliver(&transaction, &wanted.how) => Outcome::HandedOut,
        Found::Transaction(_) => Outcome::NoRoom,
        Found::Lost(reason) => Outcome::Lost(reason),
    };
    tell(&wanted, &outcome, under_way.remove(&wanted.signature).unwrap_or_default());
}

fn tell(
    wanted: &Wanted,
    outcome: &Outcome,
    waiting: impl IntoIterator<Item = mpsc::UnboundedSender<Settled>>,
) {
    for tell in waiting {
        let (signature, slot) = (wanted.signature, wanted.slot);
        // Who is not there any more does not want to know.
        drop(tell.send(Settled { signature, slot, outcome: outcome.clone() }));
    }
}

async fn one(shared: &Shared, class: Class, wanted: Wanted) -> (Wanted, Found) {
    let found = transaction(shared, class, &wanted).await;
    (wanted, found)
}

/// Asks until the transaction is there, or the node has not had it for so long that it counts as missing. While the
/// node cannot be asked, nothing is decided.
async fn transaction(shared: &Shared, class: Class, wanted: &Wanted) -> Found {
    let slot_time = shared.slot_time();
    let mut backoff = Backoff::new(slot_time, slot_time * 8);
    let mut give_up_at = None;
    loop {
        let reason = match ask(shared, class, wanted).await {
            Ok(Some(found)) => return found,
            Ok(None) => {
                shared.stats.not_yet_there();
                "the node does not have it".to_owned()
            }
            Err(error) => {
                shared.stats.failed(&GET_TRANSACTION, &error);
                if error.node_error().is_none() && !error.is_too_much() {
                    sleep(backoff.pause()).await;
                    continue;
                }
                error.to_string()
            }
        };
        let give_up_at = *give_up_at.get_or_insert_with(|| Instant::now() + slot_time * PATIENCE_SLOTS);
        if Instant::now() >= give_up_at {
            shared.stats.missing(Slot(wanted.slot), &wanted.signature);
            return Found::Lost(format!("transaction {}: {reason}", wanted.signature));
        }
        sleep(backoff.pause()).await;
    }
}

async fn ask(shared: &Shared, class: Class, wanted: &Wanted) -> Result<Option<Found>, RequestError> {
    let params = json!([wanted.signature.to_string(), {
        "commitment": shared.commitment,
        "encoding": "base64",
        "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
    }]);
    let reply = match shared.calls.shared(class, GET_TRANSACTION, params).await {
        Ok(reply) => reply,
        Err(error) => match error.node_error() {
            Some((node_error::UNSUPPORTED_TRANSACTION_VERSION, message)) => {
                shared.stats.unsupported_version(&format!("transaction {}", wanted.signature), message);
                return Ok(Some(Found::Lost(format!("transaction {}: {message}", wanted.signature))));
            }
            Some(_) | None => return Err(error),
        },
    };
    if reply.result.get() == "null" {
        return Ok(None);
    }
    Ok(Some(match Transaction::from_get_transaction(reply.result.get()) {
        Ok(transaction) => Found::Transaction(Arc::new(transaction)),
        Err(reason) => {
            shared.stats.undecodable(&wanted.signature, &reason);
            Found::Lost(format!("transaction {}: {reason}", wanted.signature))
        }
    }))
}
