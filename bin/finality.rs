//! Looking again, once a slot is final, at what was reported when it was only confirmed: a transaction that is not there
//! any more takes its event back.
//!
//! A confirmed block is dropped only when a third of the stake breaks the rules, so this hardly ever finds anything; but
//! whoever acted on the event wants to know.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use eda_connection::{
    ConnectionManager, Vital,
    request::{Class, Method},
};
use eda_events::{
    Cluster, Event, EventId, Genesis, Log, Signature, Slot,
    data::EventRetracted,
    log::{Entry, Said, Told},
};
use eda_store::{Store, Unsettled};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::sleep};
use tracing::{debug, warn};

/// How often is looked for events whose slot has become final.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// Nodes answer for at most so many signatures at once (connection.md 2.7).
const SIGNATURES: usize = 256;
/// What one question may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The blocks so many slots around an event's are looked for.
const AROUND: u64 = 64;
/// Later than any slot.
const ANY_SLOT: Slot = Slot(u64::MAX >> 1);

const GET_BLOCK: Method = Method::new("getBlock");
const GET_BLOCKS: Method = Method::new("getBlocks");
const GET_FIRST_AVAILABLE: Method = Method::new("getFirstAvailableBlock");
const GET_SLOT: Method = Method::new("getSlot");
const GET_SIGNATURE_STATUSES: Method = Method::new("getSignatureStatuses");

/// What looks again.
pub(crate) struct Finality {
    pub(crate) manager: Arc<ConnectionManager>,
    pub(crate) store: Store,
    pub(crate) log: Log,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is there for good, and did what it was seen to do.
    Landed,
    /// It is there, and not final yet.
    Waiting,
    /// It is there for good, and failed.
    Failed,
    /// It is not there.
    Gone,
}

/// One entry of the answer to `getSignatureStatuses`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    err: Option<serde::de::IgnoredAny>,
    confirmation_status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Statuses {
    value: Vec<Option<Status>>,
}

/// What the final chain says about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    There,
    NotThere,
    /// That part of the chain is not to be had any more.
    None,
}

#[derive(Debug, Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

// === impl Finality ===

impl Finality {
    /// Looks again and again; ends only by being dropped.
    pub(crate) async fn run(self) {
        loop {
            sleep(EVERY).await;
            let Vital::Known(identity) = self.manager.vital() else { continue };
            let genesis = Genesis::from(identity.genesis_hash.as_str());
            if let Err(why) = self.look(&genesis, &identity.cluster).await {
                debug!(why, "events cannot be looked at again now");
            }
        }
    }

    /// Looks at everything that is final now and was not looked at.
    async fn look(&self, genesis: &Genesis, cluster: &Cluster) -> Result<(), String> {
        if self.unsettled(genesis, ANY_SLOT, 1).await?.is_empty() {
            return Ok(());
        }
        let finalized: u64 = self.ask(&GET_SLOT, json!([{ "commitment": "finalized" }])).await?;
        loop {
            let due = self.unsettled(genesis, Slot(finalized), SIGNATURES).await?;
            let fates = self.fates(due.iter().map(|one| one.signature)).await?;
            let mut evidence: BTreeMap<Signature, Evidence> = BTreeMap::new();
            let (mut settled, mut unchecked) = (Vec::new(), 0_u64);
            for one in &due {
                let gone = match fates.get(&one.signature) {
                    Some(Fate::Landed) => None,
                    Some(Fate::Failed) => Some("the transaction landed again, and failed"),
                    Some(Fate::Gone) => {
                        let found = match evidence.get(&one.signature) {
                            Some(found) => *found,
                            None => self.evidence(one).await?,
                        };
                        evidence.insert(one.signature, found);
                        unchecked += u64::from(found == Evidence::None);
                        let gone = "its block did not survive, and its transaction did not land again";
                        (found == Evidence::NotThere).then_some(gone)
                    }
                    Some(Fate::Waiting) | None => continue,
                };
                if let Some(reason) = gone {
                    self.retract(one, genesis, cluster, reason).await?;
                }
                settled.push(one.sequence);
            }
            if unchecked > 0 {
                warn!(
                    events = unchecked,
                    "the node has thrown their slots away: these events stand without having been looked at again"
                );
            }
            self.store.settle(genesis, &settled).await.map_err(|closed| closed.to_string())?;
            if settled.is_empty() || settled.len() < due.len() {
                return Ok(());
            }
        }
    }

    /// What the final chain itself says about a transaction of which the node knows nothing: a node that is behind, or
    /// keeps no history, knows nothing of much that is there.
    async fn evidence(&self, one: &Unsettled) -> Result<Evidence, String> {
        let slot = one.slot.0;
        let around =
            json!([slot.saturating_sub(AROUND), slot.saturating_add(AROUND), { "commitment": "finalized" }]);
        let blocks: Vec<u64> = self.ask(&GET_BLOCKS, around).await?;
        if blocks.contains(&slot) {
            let params = json!([slot, {
                "commitment": "finalized",
                "transactionDetails": "signatures",
                "rewards": false,
                "maxSupportedTransactionVersion": 1,
            }]);
            let block: Signatures = self.ask(&GET_BLOCK, params).await?;
            let there = block.signatures.iter().any(|text| *text == one.signature.to_string());
            return Ok(if there { Evidence::There } else { Evidence::NotThere });
        }
        if blocks.iter().any(|block| *block < slot) && blocks.iter().any(|block| *block > slot) {
            return Ok(Evidence::NotThere);
        }
        let first: u64 = self.ask(&GET_FIRST_AVAILABLE, json!([])).await?;
        if first > slot { Ok(Evidence::None) } else { Err(format!("slot {slot} is not listed yet")) }
    }

    /// What became of these transactions. The quick answer comes from the node's recent slots; only for those it does
    /// not know there is its history searched, which is dearer.
    async fn fates(
        &self,
        signatures: impl Iterator<Item = Signature>,
    ) -> Result<BTreeMap<Signature, Fate>, String> {
        let mut wanted: Vec<Signature> = signatures.collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut fates = self.statuses(&wanted, false).await?;
        let unknown: Vec<Signature> =
            fates.iter().filter(|(_, fate)| **fate == Fate::Gone).map(|(signature, _)| *signature).collect();
        fates.extend(self.statuses(&unknown, true).await?);
        Ok(fates)
    }

    async fn statuses(
        &self,
        signatures: &[Signature],
        search: bool,
    ) -> Result<BTreeMap<Signature, Fate>, String> {
        if signatures.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: Vec<String> = signatures.iter().map(ToString::to_string).collect();
        let params = json!([keys, { "searchTransactionHistory": search }]);
        let answer: Statuses = self.ask(&GET_SIGNATURE_STATUSES, params).await?;
        if answer.value.len() != signatures.len() {
            return Err(format!("{} statuses for {} signatures", answer.value.len(), signatures.len()));
        }
        Ok(signatures.iter().copied().zip(answer.value.iter().map(Fate::of)).collect())
    }

    async fn ask<T: DeserializeOwned>(&self, method: &Method, params: Value) -> Result<T, String> {
        let reply = self.manager.call(Class::Poll, method.clone(), params, PATIENCE).await;
        let reply = reply.map_err(|error| error.to_string())?;
        serde_json::from_str(reply.result.get()).map_err(|error| format!("{method}: {error}"))
    }

    async fn unsettled(&self, genesis: &Genesis, up_to: Slot, most: usize) -> Result<Vec<Unsettled>, String> {
        self.store.unsettled(genesis, up_to, most).await.map_err(|trouble| trouble.to_string())
    }

    /// Takes an event back. Resolves when that is kept: only then may the event be settled.
    async fn retract(
        &self,
        one: &Unsettled,
        genesis: &Genesis,
        cluster: &Cluster,
        reason: &str,
    ) -> Result<(), String> {
        warn!(event = %one.event.id, slot = %one.slot, reason, "an event is taken back");
        let data = EventRetracted { event_id: one.event.id.clone(), reason: reason.to_owned() };
        let id = EventId::retracted(&one.event.id);
        let event = Event::new(id, Timestamp::now(), cluster.clone(), None, data.into());
        let (tell, kept) = oneshot::channel();
        let told = Told::by(move |_| tell.send(()).unwrap_or_default());
        let room = self.log.room().await.map_err(|closed| closed.to_string())?;
        room.say(Entry { genesis: genesis.clone(), said: Said::Event { event: Box::new(event), told } });
        kept.await.map_err(|_| "the retraction could not be kept".to_owned())
    }
}

// === impl Fate ===

impl Fate {
    fn of(status: &Option<Status>) -> Self {
        match status {
            None => Self::Gone,
            Some(status) if status.confirmation_status.as_deref() != Some("finalized") => Self::Waiting,
            Some(status) if status.err.is_some() => Self::Failed,
            Some(_) => Self::Landed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(text: &str) -> Fate {
        Fate::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn only_what_is_final_is_judged() {
        let status = |err: &str, how: &str| {
            format!(
                r#"{{"slot":5,"confirmations":null,"err":{err},"status":{{"Ok":null}},"confirmationStatus":"{how}"}}"#
            )
        };
        assert_eq!(fate("null"), Fate::Gone);
        assert_eq!(fate(&status("null", "finalized")), Fate::Landed);
        assert_eq!(fate(&status("null", "confirmed")), Fate::Waiting);
        assert_eq!(fate(&status(r#"{"InstructionError":[0,{"Custom":1}]}"#, "finalized")), Fate::Failed);
    }
}
