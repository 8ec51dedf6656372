//! Comparing with another endpoint: blocks of slots that are said to be covered are read from it, and whatever is a burn
//! in them has to be known, as an event or as a refusal.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use eda_burn_detector::{Detector, Judged};
use eda_chain::{Block, programs};
use eda_connection::{
    ConnectionManager, Lease,
    checkpoints::NoCheckpoints,
    request::{Class, Method},
};
use eda_events::{Address, Genesis, Slot, WorkerName, log::How};
use eda_store::{Reader, Store};
use serde::Serialize;
use serde_json::json;

use crate::{config::Settings, exit::Failure, provider, store, wiring};

/// Slots that are compared.
const SAMPLE: u64 = 50;
/// What one read may take.
const PATIENCE: Duration = Duration::from_secs(60);
const GET_BLOCK: Method = Method::new("getBlock");

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Compared {
    /// Slots of which the other endpoint had a block.
    pub(crate) slots: u64,
    /// Slots it had none of, or could not show.
    pub(crate) unread: u64,
    /// Burns found there.
    pub(crate) burns: u64,
    /// Those that the store does not know.
    pub(crate) missing: Vec<String>,
}

/// Reads a sample of what the burn-detector has covered from the endpoint that the settings name now.
///
/// # Errors
/// When the store cannot be read, or the endpoint's settings can never work.
pub(crate) async fn against(settings: &Settings) -> Result<Compared, Failure> {
    let opened = provider::open(settings).await?;
    let config = wiring::connection(settings, &opened.sites, Arc::new(NoCheckpoints), false)?;
    let manager = ConnectionManager::open(config)?;
    let lease = manager.lease(WorkerName::BurnDetector);
    let compared = compare(settings, &lease).await;
    drop(lease);
    manager.shut_down().await;
    opened.stop().await;
    compared
}

async fn compare(settings: &Settings, lease: &Lease) -> Result<Compared, Failure> {
    let genesis = Genesis::from(lease.identity().await.genesis_hash.as_str());
    let reader = Store::read(&store::path(&settings.config))?;
    let (mints, slots) = covered(&reader, &genesis)?;
    let detector = Detector::new(&settings.config.workers.burn_detector.settings, mints);
    let mut compared = Compared::default();
    for slot in slots {
        let Some(block) = read(lease, slot).await else {
            compared.unread += 1;
            continue;
        };
        compared.slots += 1;
        for transaction in &block.transactions {
            for judged in detector.examine(transaction) {
                let id = match judged {
                    Judged::Candidate(candidate) => candidate.id().to_string(),
                    // A failed transaction burned nothing.
                    Judged::Refused { .. } => continue,
                };
                compared.burns += 1;
                if reader.why(&id)?.is_empty() {
                    compared.missing.push(id);
                }
            }
        }
    }
    Ok(compared)
}

/// The mints that the burn-detector has followed (all, if it followed the token programs), and slots spread over what it
/// has covered of them.
fn covered(reader: &Reader, genesis: &Genesis) -> Result<(Option<HashSet<Address>>, Vec<Slot>), Failure> {
    let mut mints = Some(HashSet::new());
    let (mut from, mut to) = (0, u64::MAX);
    let mut holes = Vec::new();
    let mut interests: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in reader.spans(genesis, Some(WorkerName::BurnDetector))? {
        let name = one.interest.to_string();
        let address = name.rsplit(':').next().and_then(|text| text.parse::<Address>().ok());
        match address {
            Some(programs::TOKEN | programs::TOKEN_2022) => mints = None,
            Some(mint) => mints.iter_mut().for_each(|mints: &mut HashSet<_>| mints.extend([mint])),
            None => {}
        }
        if matches!(one.span.how, How::Unproven(_) | How::Sampled) {
            holes.push((one.span.from.0, one.span.to.0));
        }
        let reach = interests.entry(name).or_insert((u64::MAX, 0));
        *reach = (one.span.from.0.min(reach.0), one.span.to.0.max(reach.1));
    }
    for (first, last) in interests.values() {
        (from, to) = (from.max(*first), to.min(*last));
    }
    if interests.is_empty() || from > to {
        return Ok((mints, Vec::new()));
    }
    let step = ((to - from) / SAMPLE).max(1);
    let sample = (from..=to).step_by(usize::try_from(step).unwrap_or(usize::MAX)).map(Slot);
    let whole = |slot: &Slot| !holes.iter().any(|(from, to)| (*from..=*to).contains(&slot.0));
    Ok((mints, sample.filter(whole).collect()))
}

async fn read(lease: &Lease, slot: Slot) -> Option<Block> {
    let params = json!([slot, {
        "commitment": "confirmed",
        "encoding": "base64",
        "transactionDetails": "full",
        "rewards": false,
        "maxSupportedTransactionVersion": 1,
    }]);
    let reply = lease.call(Class::Poll, GET_BLOCK, params, PATIENCE).await.ok()?;
    Block::from_get_block(slot, reply.result.get()).ok()
}

// === impl Compared ===

impl Compared {
    /// Lines for a person.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "compared {} blocks with the other endpoint ({} slots without one there): {} burns, {} unknown here\n",
            self.slots,
            self.unread,
            self.burns,
            self.missing.len()
        );
        for id in &self.missing {
            text += &format!("  missing: {id}\n");
        }
        text
    }
}
