//! Is anyone there, which cluster is it, and do both URLs lead to the same one?
//!
//! HTTP names its cluster by the genesis hash. The WebSocket has no such question, but it can subscribe the sysvar
//! that lists the hashes of recent slots: two clusters never agree on one of those.

use std::{pin::pin, time::Duration};

use eda_events::{Address, Cluster, Commitment};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};

use crate::{
    backoff::{Backoff, REFUSED_PAUSE, jittered},
    calls::{Calls, RequestError},
    feed::notification::{RawAccount, WithSlot},
    pubsub::{Notice, PubSub, Subscription, Topic},
    request::{Caller, Class, Method},
};

/// The sysvar that lists the bank hashes of the last 512 slots: a count, then (slot u64, hash 32 bytes), newest
/// first. Source: `solana-slot-hashes` and `solana-sdk-ids`.
const SLOT_HASHES: Address = Address::from_str_const("SysvarS1otHashes111111111111111111111111111");
const SLOT_HASH_LEN: usize = 8 + 32;
/// Slots further apart than this are not the same chain seen a little later.
const FAR_APART: u64 = 10_000;
/// So long is waited for the WebSocket to show which chain it serves before the workers may begin without that.
const PROOF_PATIENCE: Duration = Duration::from_secs(10);
/// So long may one question take before its failure is shown; it is asked again for ever.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

const GET_GENESIS_HASH: Method = Method::new("getGenesisHash");
const GET_VERSION: Method = Method::new("getVersion");
const GET_ACCOUNT_INFO: Method = Method::new("getAccountInfo");

/// Which cluster the endpoint serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster, by its usual name where it has one.
    pub cluster: Cluster,
    /// Its first block's hash, base58.
    pub genesis_hash: String,
    /// The node software's version, as it says itself.
    pub version: String,
}

/// What is known about the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vital {
    /// Not reached yet, or nobody asked yet; why.
    Unknown(String),
    /// Reached.
    Known(Identity),
    /// The endpoint contradicts itself or what it said before: nothing it says is believed.
    Conflict(String),
}

/// The endpoint's vital signs.
#[derive(Debug)]
pub(crate) struct Vitals {
    state: watch::Sender<Vital>,
}

/// Whether the WebSocket and HTTP see the same chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Same,
    Different,
    /// The node does not show what would prove it.
    Unprovable,
}

// === impl Vitals ===

impl Vitals {
    pub(crate) fn new() -> Self {
        let (state, _) = watch::channel(Vital::Unknown("nobody has needed the endpoint yet".to_owned()));
        Self { state }
    }

    pub(crate) fn state(&self) -> Vital {
        self.state.borrow().clone()
    }

    /// What is known, and each change of it.
    pub(crate) fn watch(&self) -> watch::Receiver<Vital> {
        self.state.subscribe()
    }

    pub(crate) async fn identity(&self) -> Identity {
        let mut state = self.state.subscribe();
        loop {
            if let Vital::Known(identity) = &*state.borrow_and_update() {
                return identity.clone();
            }
            // The sender lives as long as `self`.
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether what the endpoint says may be believed.
    pub(crate) fn trusted(&self) -> bool {
        !matches!(&*self.state.borrow(), Vital::Conflict(_))
    }

    /// Waits until what the endpoint says may be believed.
    pub(crate) async fn until_trusted(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        if state.wait_for(|state| !matches!(state, Vital::Conflict(_))).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Watches over the endpoint; ends only by being dropped.
    pub(crate) async fn watch_over(&self, calls: &Calls, pubsub: &PubSub) {
        let mut slots = Self::subscribe_slots(pubsub);
        self.explain("no answer yet");
        let mut identity = self.reach(calls).await;
        self.explain("the request URL answers, and the WebSocket is to show that it serves the same cluster");
        {
            // The first proof comes before the workers begin, if it comes soon.
            let mut proof = pin!(self.first_live(&mut slots, calls, pubsub));
            let agreement = match timeout(PROOF_PATIENCE, &mut proof).await {
                Ok(agreement) => agreement,
                Err(_) => {
                    warn!(
                        "the WebSocket is not live yet; going on by HTTP, and comparing the two when it is"
                    );
                    self.state.send_replace(Vital::Known(identity.clone()));
                    proof.await
                }
            };
            self.conclude(&identity, agreement);
        }
        loop {
            self.next_live(&mut slots, pubsub).await;
            let again = self.reach(calls).await;
            if again.genesis_hash != identity.genesis_hash {
                let conflict = format!(
                    "the endpoint served the cluster with genesis hash {} before and serves {} now; restart eda \
                     if that is meant",
                    identity.genesis_hash, again.genesis_hash
                );
                error!("{conflict}");
                self.state.send_replace(Vital::Conflict(conflict));
                continue;
            }
            identity = again;
            let agreement = agreement(calls, pubsub).await;
            self.conclude(&identity, agreement);
        }
    }

    fn conclude(&self, identity: &Identity, agreement: Agreement) {
        match agreement {
            Agreement::Same => {
                info!(cluster = %identity.cluster, version = identity.version, "connected");
                self.state.send_replace(Vital::Known(identity.clone()));
            }
            Agreement::Unprovable => {
                warn!(
                    cluster = %identity.cluster,
                    "connected; the node does not show whether HTTP and WebSocket serve the same cluster"
                );
                self.state.send_replace(Vital::Known(identity.clone()));
            }
            Agreement::Different => {
                let conflict = format!(
                    "the request URL and the WebSocket URL serve different clusters (the request URL's is {}); \
                     check rpc.url and rpc.ws_url",
                    identity.cluster
                );
                error!("{conflict}");
                self.state.send_replace(Vital::Conflict(conflict));
            }
        }
    }

    /// Asks which cluster this is until there is an answer.
    async fn reach(&self, calls: &Calls) -> Identity {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut told = None;
        loop {
            let asked = calls.switch().here();
            let trouble = match identify(calls).await {
                Ok(identity) => return identity,
                // That it was repeated until the deadline says nothing about the endpoint.
                Err(RequestError::Deadline(failure)) => failure,
                Err(error) => error.to_string(),
            };
            self.explain(&trouble);
            // Who is not let in was told so already, and asks seldom.
            let refused = calls.refused_access().is_some();
            if !refused && told.as_ref() != Some(&trouble) {
                warn!("the endpoint does not say which cluster it serves: {trouble}");
                told = Some(trouble);
            }
            let pause = if refused { jittered(REFUSED_PAUSE) } else { backoff.pause() };
            tokio::select! {
                () = sleep(pause) => {}
                // What kept the last endpoint from answering is not the next one's.
                () = calls.switch().left(&asked) => backoff.reset(),
            }
        }
    }

    /// Says why nothing is known; no longer, once something is.
    fn explain(&self, trouble: &str) {
        self.state.send_if_modified(|state| match state {
            Vital::Unknown(why) => {
                trouble.clone_into(why);
                true
            }
            Vital::Known(_) | Vital::Conflict(_) => false,
        });
    }

    fn subscribe_slots(pubsub: &PubSub) -> Option<Subscription> {
        pubsub.subscribe(Topic::Slot, 4).ok()
    }

    async fn first_live(
        &self,
        slots: &mut Option<Subscription>,
        calls: &Calls,
        pubsub: &PubSub,
    ) -> Agreement {
        self.next_live(slots, pubsub).await;
        agreement(calls, pubsub).await
    }

    /// Waits until the slot subscription goes live (again).
    async fn next_live(&self, slots: &mut Option<Subscription>, pubsub: &PubSub) {
        loop {
            let Some(subscription) = slots else {
                sleep(jittered(LONGEST_PAUSE)).await;
                *slots = Self::subscribe_slots(pubsub);
                continue;
            };
            match subscription.next().await {
                Some(Notice::Live { .. }) => return,
                Some(Notice::Update(_) | Notice::Missed { .. } | Notice::Down { .. }) => {}
                Some(Notice::Rejected(_)) | None => *slots = None,
            }
        }
    }
}

/// Asks with little patience, so that the reason for having no answer is soon seen.
async fn identify(calls: &Calls) -> Result<Identity, RequestError> {
    let ask = async |method: Method| {
        let deadline = Some(Instant::now() + ANSWER_PATIENCE);
        calls.call(Caller::Shared, Class::Guard, method, json!([]), deadline).await
    };
    #[derive(Deserialize)]
    struct Version {
        #[serde(rename = "solana-core")]
        core: String,
    }
    let reply = ask(GET_GENESIS_HASH).await?;
    let genesis_hash: String = serde_json::from_str(reply.result.get())
        .map_err(|error| RequestError::unexpected(&GET_GENESIS_HASH, &error))?;
    let reply = ask(GET_VERSION).await?;
    let version: Version = serde_json::from_str(reply.result.get())
        .map_err(|error| RequestError::unexpected(&GET_VERSION, &error))?;
    Ok(Identity { cluster: Cluster::from_genesis(&genesis_hash), genesis_hash, version: version.core })
}

/// Compares what both sides say about recent slots.
async fn agreement(calls: &Calls, pubsub: &PubSub) -> Agreement {
    for _ in 0..3 {
        let Some(seen) = by_websocket(pubsub).await else { return Agreement::Unprovable };
        let Some(read) = by_http(calls).await else { return Agreement::Unprovable };
        match compare(&seen, &read) {
            Agreement::Unprovable => {}
            proven @ (Agreement::Same | Agreement::Different) => return proven,
        }
    }
    Agreement::Unprovable
}

async fn by_http(calls: &Calls) -> Option<Vec<SlotHash>> {
    let params =
        json!([SLOT_HASHES.to_string(), { "encoding": "base64", "commitment": Commitment::Confirmed }]);
    let reply = calls.shared(Class::Guard, GET_ACCOUNT_INFO, params).await.ok()?;
    let read: WithSlot<Option<RawAccount>> = serde_json::from_str(reply.result.get()).ok()?;
    slot_hashes(&read.value?.decode().ok()?.data)
}

async fn by_websocket(pubsub: &PubSub) -> Option<Vec<SlotHash>> {
    let topic = Topic::Account { address: SLOT_HASHES, commitment: Commitment::Confirmed };
    let mut subscription = pubsub.subscribe(topic, 1).ok()?;
    let update = timeout(PROOF_PATIENCE, async {
        loop {
            match subscription.next().await {
                Some(Notice::Update(update)) => return Some(update),
                Some(Notice::Live { .. } | Notice::Missed { .. }) => {}
                Some(Notice::Down { .. } | Notice::Rejected(_)) | None => return None,
            }
        }
    });
    let update = update.await.ok()??;
    let read: WithSlot<RawAccount> = serde_json::from_str(update.get()).ok()?;
    slot_hashes(&read.value.decode().ok()?.data)
}

type SlotHash = (u64, [u8; 32]);

fn slot_hashes(data: &[u8]) -> Option<Vec<SlotHash>> {
    let (_count, entries) = data.split_first_chunk::<8>()?;
    let entries: Vec<SlotHash> = entries
        .chunks_exact(SLOT_HASH_LEN)
        .filter_map(|entry| {
            let (slot, hash) = entry.split_first_chunk::<8>()?;
            Some((u64::from_le_bytes(*slot), hash.try_into().ok()?))
        })
        // Unused places of the list are zero.
        .filter(|(slot, hash)| *slot > 0 || *hash != [0; 32])
        .collect();
    (!entries.is_empty()).then_some(entries)
}

fn compare(seen: &[SlotHash], read: &[SlotHash]) -> Agreement {
    let mut common = seen
        .iter()
        .filter_map(|(slot, hash)| {
            read.iter().find(|(other, _)| other == slot).map(|(_, other)| hash == other)
        })
        .peekable();
    if common.peek().is_some() {
        // A node that is catching up may still hold a slot of a dead fork; another chain shares none.
        return if common.any(|equal| equal) { Agreement::Same } else { Agreement::Different };
    }
    match (seen.first(), read.first()) {
        (Some((one, _)), Some((other, _))) if one.abs_diff(*other) > FAR_APART => Agreement::Different,
        _ => Agreement::Unprovable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(slots: std::ops::Range<u64>, chain: u8) -> Vec<SlotHash> {
        slots.rev().map(|slot| (slot, [chain; 32])).collect()
    }

    #[test]
    fn two_views_of_one_chain_agree() {
        assert_eq!(compare(&listed(5..10, 1), &listed(7..14, 1)), Agreement::Same);
    }

    #[test]
    fn two_chains_never_agree_at_equal_slots_or_far_apart() {
        assert_eq!(compare(&listed(5..10, 1), &listed(7..14, 2)), Agreement::Different);
        assert_eq!(compare(&listed(5..10, 1), &listed(400_000..400_010, 1)), Agreement::Different);
        assert_eq!(compare(&listed(5..10, 1), &listed(600..610, 1)), Agreement::Unprovable);
    }

    #[test]
    fn the_sysvar_is_read_as_the_chain_lays_it_out() {
        let mut data = 2_u64.to_le_bytes().to_vec();
        for (slot, hash) in listed(3..5, 7) {
            data.extend(slot.to_le_bytes());
            data.extend(hash);
        }
        data.extend([0; 90]);
        assert_eq!(slot_hashes(&data), Some(listed(3..5, 7)));
        assert_eq!(slot_hashes(&[]), None);
        assert_eq!(slot_hashes(&[0; 500]), None);
    }
}
