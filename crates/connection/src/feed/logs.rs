//! Following addresses by their logs: one log subscription per address, one `getTransaction` per transaction that
//! its logs do not rule out.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use eda_chain::Transaction;
use eda_events::{Address, Signature, Slot};
use futures_util::{StreamExt, stream::FuturesOrdered};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    MAX_TRANSACTION_VERSION,
    fact::TransactionFact,
    notification::{Logs, WithSlot},
    recent::Recent,
    shared::Shared,
};
use crate::{
    backoff::Backoff,
    calls::RequestError,
    node_error,
    pubsub::{Notice, Rejection, Subscription, Topic},
    request::{Class, Method},
};

/// Notifications that may wait for the follower of one address.
const NOTIFICATIONS: usize = 4_096;
/// Transactions fetched at once. They are handed out in the order in which they were notified.
const CONCURRENCY: usize = 16;
/// So many signatures are remembered, so that a transaction notified for two addresses is fetched once.
const REMEMBERED: usize = 16_384;
/// A notification can be ahead of the transaction's availability (agave#3074). A transaction that the node still does
/// not have so many slots after it was first asked counts as missing.
const PATIENCE_SLOTS: u32 = 32;

const GET_TRANSACTION: Method = Method::new("getTransaction");

/// A transaction to be fetched, and the address it was notified for.
#[derive(Debug)]
pub(super) struct Wanted {
    signature: Signature,
    slot: Slot,
    mention: Address,
}

/// What is being fetched for whom, and what was found lately.
#[derive(Debug)]
struct Fetched {
    under_way: HashMap<Signature, BTreeSet<Address>>,
    recent: Recent<Signature>,
}

enum Outcome {
    Found(Box<Transaction>),
    Lost,
}

/// The queue between the followers and the one fetcher.
pub(super) fn queue() -> (mpsc::Sender<Wanted>, mpsc::Receiver<Wanted>) {
    mpsc::channel(NOTIFICATIONS)
}

/// Follows the logs of one address until told to stop.
pub(super) async fn follow(
    shared: Arc<Shared>,
    mention: Address,
    fetcher: mpsc::Sender<Wanted>,
    stop: CancellationToken,
) {
    let what = format!("logs of {mention}");
    let topic = Topic::Logs { mentions: Some(mention), commitment: shared.commitment };
    stop.run_until_cancelled(async {
        while let Some(mut subscription) = shared.subscribe(&what, &topic, NOTIFICATIONS).await {
            let Some(rejection) = listen(&shared, &what, mention, &fetcher, &mut subscription).await else {
                return;
            };
            // Whoever asked must hear that nothing comes.
            shared.registry.gap(Some(&mention), 0);
            shared.rejected(&what, &rejection).await;
        }
    })
    .await;
}

/// Returns the node's refusal, or `None` when the socket is closed for good.
async fn listen(
    shared: &Shared,
    what: &str,
    mention: Address,
    fetcher: &mpsc::Sender<Wanted>,
    subscription: &mut Subscription,
) -> Option<Rejection> {
    loop {
        match subscription.next().await? {
            Notice::Update(update) => match serde_json::from_str::<WithSlot<Logs>>(update.get()) {
                Ok(logs) => notified(shared, mention, fetcher, logs),
                Err(error) => {
                    shared.stats.odd_notification("logs", &error);
                    shared.registry.gap(Some(&mention), 1);
                }
            },
            Notice::Live { generation } => {
                shared.stats.accepted(what);
                // What happened while the socket was away is not known.
                if generation > 1 {
                    shared.stats.interrupted();
                    shared.registry.gap(Some(&mention), 0);
                }
            }
            Notice::Down { .. } => {}
            Notice::Missed { count } => {
                shared.stats.missed(count);
                shared.registry.gap(Some(&mention), count);
            }
            Notice::Rejected(rejection) => return Some(rejection),
        }
    }
}

fn notified(shared: &Shared, mention: Address, fetcher: &mpsc::Sender<Wanted>, logs: WithSlot<Logs>) {
    let slot = logs.slot();
    shared.stats.log_notification();
    if logs.value.failed() {
        shared.stats.ruled_out_failed();
        return;
    }
    if let Some(lines) = &logs.value.logs
        && !shared.registry.may_matter(&mention, lines)
    {
        shared.stats.ruled_out_by_logs();
        return;
    }
    let wanted = Wanted { signature: logs.value.signature, slot, mention };
    if fetcher.try_send(wanted).is_err() {
        shared.stats.missed(1);
        shared.registry.gap(Some(&mention), 1);
    }
}

/// Fetches what the followers want, each transaction once, and hands it out in the order of notification.
pub(super) async fn fetch(shared: Arc<Shared>, mut wanted: mpsc::Receiver<Wanted>, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        let mut fetched = Fetched::default();
        let mut fetches = FuturesOrdered::new();
        loop {
            tokio::select! {
                next = wanted.recv(), if fetches.len() < CONCURRENCY => match next {
                    Some(next) if fetched.begin(&next) => fetches.push_back(one(&shared, next)),
                    Some(_) => shared.stats.shared_fetch(),
                    None if fetches.is_empty() => return,
                    None => hand_out(&shared, &mut fetched, fetches.next().await),
                },
                done = fetches.next(), if !fetches.is_empty() => hand_out(&shared, &mut fetched, done),
            }
        }
    })
    .await;
}

fn hand_out(shared: &Shared, fetched: &mut Fetched, done: Option<(Wanted, Outcome)>) {
    let Some((wanted, outcome)) = done else { return };
    let mentions = fetched.end(&wanted, &outcome);
    match outcome {
        Outcome::Found(transaction) => shared.deliver(&TransactionFact {
            transaction: Arc::new(*transaction),
            commitment: shared.commitment,
            ordered: false,
            filled: false,
        }),
        Outcome::Lost => {
            for mention in mentions {
                shared.registry.gap(Some(&mention), 1);
            }
        }
    }
}

// === impl Fetched ===

impl Default for Fetched {
    fn default() -> Self {
        Self { under_way: HashMap::new(), recent: Recent::new(REMEMBERED) }
    }
}

impl Fetched {
    /// Whether the transaction is to be fetched: it is not under way, and was not found lately.
    fn begin(&mut self, wanted: &Wanted) -> bool {
        if self.recent.contains(&wanted.signature) {
            return false;
        }
        let mentions = self.under_way.entry(wanted.signature).or_default();
        mentions.insert(wanted.mention);
        mentions.len() == 1
    }

    /// For whom the transaction was fetched. One that was lost is fetched again if it is notified again.
    fn end(&mut self, wanted: &Wanted, outcome: &Outcome) -> BTreeSet<Address> {
        match outcome {
            Outcome::Found(_) => drop(self.recent.insert(wanted.signature)),
            Outcome::Lost => {}
        }
        self.under_way.remove(&wanted.signature).unwrap_or_default()
    }
}

async fn one(shared: &Shared, wanted: Wanted) -> (Wanted, Outcome) {
    let outcome = transaction(shared, &wanted).await;
    (wanted, outcome)
}

/// Asks until the transaction is there, or the node has not had it for so long that it counts as missing. While the
/// node cannot be asked, nothing is decided.
async fn transaction(shared: &Shared, wanted: &Wanted) -> Outcome {
    let slot_time = shared.slot_time();
    let mut backoff = Backoff::new(slot_time, slot_time * 8);
    let mut give_up_at = None;
    loop {
        match ask(shared, wanted).await {
            Ok(Some(outcome)) => return outcome,
            Ok(None) => shared.stats.not_yet_there(),
            Err(error) => {
                shared.stats.failed(&GET_TRANSACTION, &error);
                if error.node_error().is_none() && !error.is_too_much() {
                    sleep(backoff.pause()).await;
                    continue;
                }
            }
        }
        let give_up_at = *give_up_at.get_or_insert_with(|| Instant::now() + slot_time * PATIENCE_SLOTS);
        if Instant::now() >= give_up_at {
            shared.stats.missing(wanted.slot, &wanted.signature);
            return Outcome::Lost;
        }
        sleep(backoff.pause()).await;
    }
}

async fn ask(shared: &Shared, wanted: &Wanted) -> Result<Option<Outcome>, RequestError> {
    let params = json!([wanted.signature.to_string(), {
        "commitment": shared.commitment,
        "encoding": "base64",
        "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
    }]);
    let reply = match shared.calls.shared(Class::Detect, GET_TRANSACTION, params).await {
        Ok(reply) => reply,
        Err(error) => match error.node_error() {
            Some((node_error::UNSUPPORTED_TRANSACTION_VERSION, message)) => {
                shared.stats.unsupported_version(&format!("transaction {}", wanted.signature), message);
                return Ok(Some(Outcome::Lost));
            }
            Some(_) | None => return Err(error),
        },
    };
    if reply.result.get() == "null" {
        return Ok(None);
    }
    Ok(Some(match Transaction::from_get_transaction(reply.result.get()) {
        Ok(transaction) => Outcome::Found(Box::new(transaction)),
        Err(reason) => {
            shared.stats.undecodable(&wanted.signature, &reason);
            Outcome::Lost
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(signature: u8, mention: u8) -> Wanted {
        Wanted {
            signature: Signature::from([signature; 64]),
            slot: Slot(1),
            mention: Address::new_from_array([mention; 32]),
        }
    }

    #[test]
    fn a_lost_transaction_is_missed_by_everyone_it_was_notified_for() {
        let mut fetched = Fetched::default();
        assert!(fetched.begin(&wanted(1, 1)));
        assert!(!fetched.begin(&wanted(1, 2)));
        assert_eq!(fetched.end(&wanted(1, 1), &Outcome::Lost).len(), 2);
        assert!(fetched.begin(&wanted(1, 3)), "asked for again, or the third would not hear of the loss");
        assert!(fetched.begin(&wanted(2, 1)));
    }
}
