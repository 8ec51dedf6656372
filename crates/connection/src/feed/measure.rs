//! Looking at the chain and the endpoint for a while, so that a plan can be made with their numbers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use eda_chain::{Block, Transaction};
use eda_events::{Address, Signature, Slot};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    MAX_TRANSACTION_VERSION,
    blocks::GET_BLOCK,
    fetch::GET_TRANSACTION,
    interest::{Interest, LogHint, Traffic},
    listing::{GET_SIGNATURES, Listed, PAGE, listed},
    notification::{Logs, SlotSeen, WithSlot},
    plan::{Measures, Mentioned, Mode},
    shared::Shared,
};
use crate::{
    http::Reply,
    pubsub::{Notice, Topic},
    request::{Caller, Class, Method},
};

const GET_BLOCKS: Method = Method::new("getBlocks");
const GET_SLOT: Method = Method::new("getSlot");

/// The share of slots with a block is taken from so many.
const SLOTS: u64 = 500;
/// The newest slots are not settled yet.
const UNSETTLED: u64 = 4;
/// So many notifications of an address say which share of its transactions matters.
const TELLING: u32 = 20;
/// What may be asked when the time is over.
const LAST_QUESTION: Duration = Duration::from_secs(5);
/// Notifications that may wait.
const NOTIFICATIONS: usize = 4_096;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// How long; what takes longer is left out.
    pub within: Duration,
    /// Addresses whose newest transactions are listed, at one request each.
    pub addresses: usize,
    /// Transactions that are read, where they are read one by one.
    pub transactions: usize,
    /// Blocks that are read, where whole blocks are.
    pub blocks: usize,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The numbers to plan with.
    pub measures: Measures,
    /// The blocks that were read.
    pub blocks: Vec<Arc<Block>>,
    /// The transactions that were read.
    pub transactions: Vec<Arc<Transaction>>,
    /// So many a second there are of which they are a sample.
    pub of: f64,
    /// What could not be measured, and why.
    pub troubles: Vec<String>,
}

/// What was notified of an address.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Transactions that did not fail.
    ok: u32,
    /// Those of them that their logs do not rule out.
    fetched: u32,
}

/// The newest transactions of an address.
#[derive(Debug)]
struct Page {
    mention: Address,
    rows: Vec<Listed>,
}

/// Looks. Ends when everything was seen, or the time is over.
pub(super) async fn measure(
    shared: &Shared,
    mode: Option<Mode>,
    interests: &[Interest],
    sampling: Sampling,
) -> Sample {
    let deadline = Instant::now() + sampling.within;
    let hints = hints(interests);
    let ((mut sample, pages), (heard, announced)) =
        tokio::join!(look(shared, mode, &hints, sampling, deadline), listen(shared, mode, &hints, deadline));
    sample.measures.slot_time = shared.slot_time();
    sample.measures.abandoned = abandoned(shared, &announced).await;
    let slot = sample.measures.slot_time.as_secs_f64();
    let newest = pages.iter().flat_map(|page| &page.rows).map(|row| row.slot).max().unwrap_or_default();
    for page in &pages {
        let heard = heard.get(&page.mention).copied().unwrap_or_default();
        sample.measures.mentions.insert(page.mention, page.mentioned(newest, slot, heard));
    }
    sample.measures.distinct = distinct(&pages);
    let ok = pages.iter().map(|page| page.per_second(newest, slot) * page.ok());
    sample.of = ok.sum::<f64>() * sample.measures.distinct.unwrap_or(1.0);
    sample
}

/// Every address whose transactions are wanted one by one, and what may rule them out.
fn hints(interests: &[Interest]) -> BTreeMap<Address, Vec<LogHint>> {
    let mut hints: BTreeMap<Address, Vec<LogHint>> = BTreeMap::new();
    for interest in interests {
        if let Interest::Transactions { mention, traffic: Traffic::Selected, hint } = interest {
            hints.entry(*mention).or_default().push(*hint);
        }
    }
    hints
}

/// Asks.
async fn look(
    shared: &Shared,
    mode: Option<Mode>,
    hints: &BTreeMap<Address, Vec<LogHint>>,
    sampling: Sampling,
    deadline: Instant,
) -> (Sample, Vec<Page>) {
    let mut sample = Sample::default();
    let mut pages = Vec::new();
    let slots = match chain(shared, deadline).await {
        Ok((share, slots)) => {
            sample.measures.with_block = Some(share);
            slots
        }
        Err(trouble) => {
            sample.troubles.push(trouble);
            return (sample, pages);
        }
    };
    match mode {
        Some(Mode::Blocks) => read_blocks(shared, &slots, sampling.blocks, deadline, &mut sample).await,
        Some(Mode::Logs) => {
            for mention in hints.keys().take(sampling.addresses) {
                match page(shared, mention, deadline).await {
                    Ok(page) => pages.push(page),
                    Err(trouble) => {
                        sample.troubles.push(trouble);
                        break;
                    }
                }
            }
            read_transactions(shared, &pages, sampling.transactions, deadline, &mut sample).await;
        }
        None => {}
    }
    (sample, pages)
}

async fn ask(shared: &Shared, method: Method, params: Value, deadline: Instant) -> Result<Reply, String> {
    let asking = shared.calls.call(Caller::Shared, Class::Poll, method.clone(), params, Some(deadline));
    match timeout_at(deadline, asking).await {
        Ok(answer) => answer.map_err(|error| format!("{method}: {error}")),
        Err(_) => Err(format!("{method}: no time was left for it")),
    }
}

async fn listed_slots(shared: &Shared, from: u64, to: u64, deadline: Instant) -> Result<Vec<u64>, String> {
    let params = json!([from, to, { "commitment": shared.commitment }]);
    let reply = ask(shared, GET_BLOCKS, params, deadline).await?;
    serde_json::from_str(reply.result.get()).map_err(|error| format!("{GET_BLOCKS}: {error}"))
}

/// The share of slots that have a block, and those that do.
async fn chain(shared: &Shared, deadline: Instant) -> Result<(f64, Vec<u64>), String> {
    let reply = ask(shared, GET_SLOT, json!([{ "commitment": shared.commitment }]), deadline).await?;
    let newest: u64 =
        serde_json::from_str(reply.result.get()).map_err(|error| format!("{GET_SLOT}: {error}"))?;
    let from = newest.saturating_sub(SLOTS);
    let slots = listed_slots(shared, from, newest, deadline).await?;
    // A young chain, or a node that has thrown the older ones away, has fewer.
    let first = slots.first().copied().unwrap_or(newest);
    let span = newest.saturating_sub(first).saturating_add(1);
    Ok((slots.len() as f64 / span as f64, slots))
}

/// Reads blocks that lie evenly among these slots.
async fn read_blocks(shared: &Shared, slots: &[u64], most: usize, deadline: Instant, sample: &mut Sample) {
    let step = slots.len().div_ceil(most.max(1)).max(1);
    let (mut bytes, mut count) = (0_u64, 0_u64);
    for slot in slots.iter().rev().step_by(step).take(most) {
        let params = json!([slot, {
            "commitment": shared.commitment,
            "encoding": "base64",
            "transactionDetails": "full",
            "rewards": false,
            "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
        }]);
        let reply = match ask(shared, GET_BLOCK, params, deadline).await {
            Ok(reply) => reply,
            Err(trouble) => {
                sample.troubles.push(trouble);
                break;
            }
        };
        bytes = bytes.saturating_add(reply.bytes);
        count += 1;
        let slot = Slot(*slot);
        let read = tokio::task::spawn_blocking(move || Block::from_get_block(slot, reply.result.get())).await;
        match read {
            Ok(Ok(block)) => sample.blocks.push(Arc::new(block)),
            Ok(Err(error)) => sample.troubles.push(format!("the block of slot {slot}: {error}")),
            Err(error) => sample.troubles.push(format!("the block of slot {slot}: {error}")),
        }
    }
    sample.measures.block_bytes = bytes.checked_div(count);
}

async fn page(shared: &Shared, mention: &Address, deadline: Instant) -> Result<Page, String> {
    let params = json!([mention.to_string(), { "commitment": shared.commitment, "limit": PAGE }]);
    let reply = ask(shared, GET_SIGNATURES, params, deadline).await?;
    let rows = listed(reply.result.get()).map_err(|error| format!("{GET_SIGNATURES}: {error}"))?;
    Ok(Page { mention: *mention, rows })
}

/// Reads transactions that lie evenly on these pages.
async fn read_transactions(
    shared: &Shared,
    pages: &[Page],
    most: usize,
    deadline: Instant,
    sample: &mut Sample,
) {
    let mut seen = HashSet::new();
    let rows = pages.iter().flat_map(|page| &page.rows);
    let signatures: Vec<Signature> =
        rows.filter(|row| !row.failed && seen.insert(row.signature)).map(|row| row.signature).collect();
    let step = signatures.len().div_ceil(most.max(1)).max(1);
    for signature in signatures.iter().step_by(step).take(most) {
        let params = json!([signature.to_string(), {
            "commitment": shared.commitment,
            "encoding": "base64",
            "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
        }]);
        match ask(shared, GET_TRANSACTION, params, deadline).await {
            Ok(reply) => match Transaction::from_get_transaction(reply.result.get()) {
                Ok(transaction) => sample.transactions.push(Arc::new(transaction)),
                Err(error) => sample.troubles.push(format!("transaction {signature}: {error}")),
            },
            Err(trouble) => {
                sample.troubles.push(trouble);
                break;
            }
        }
    }
}

/// Listens to slots and logs until the time is over: what is notified costs no request.
async fn listen(
    shared: &Shared,
    mode: Option<Mode>,
    hints: &BTreeMap<Address, Vec<LogHint>>,
    deadline: Instant,
) -> (HashMap<Address, Heard>, Vec<(u64, u64)>) {
    let slots = async {
        let mut announced = Vec::new();
        let Ok(mut subscription) = shared.pubsub.subscribe(Topic::Slot, NOTIFICATIONS) else {
            return announced;
        };
        while let Ok(Some(notice)) = timeout_at(deadline, subscription.next()).await {
            if let Notice::Update(update) = notice
                && let Ok(seen) = serde_json::from_str::<SlotSeen>(update.get())
            {
                announced.push((seen.slot, seen.parent));
            }
        }
        announced
    };
    let logs = hints.iter().filter(|_| mode == Some(Mode::Logs)).map(|(mention, hints)| async move {
        let mut heard = Heard::default();
        let topic = Topic::Logs { mentions: Some(*mention), commitment: shared.commitment };
        let Ok(mut subscription) = shared.pubsub.subscribe(topic, NOTIFICATIONS) else {
            return (*mention, heard);
        };
        while let Ok(Some(notice)) = timeout_at(deadline, subscription.next()).await {
            if let Notice::Update(update) = notice
                && let Ok(logs) = serde_json::from_str::<WithSlot<Logs>>(update.get())
            {
                heard.note(&logs.value, hints);
            }
        }
        (*mention, heard)
    });
    let (announced, heard) = tokio::join!(slots, join_all(logs));
    (heard.into_iter().collect(), announced)
}

/// Of the slots whose block was announced and that are settled by now, the share that was given up, as a share of those
/// that were not.
async fn abandoned(shared: &Shared, announced: &[(u64, u64)]) -> Option<f64> {
    let (first, _) = announced.first()?;
    let last = announced.iter().map(|(slot, _)| *slot).max()?.saturating_sub(UNSETTLED);
    let listed = listed_slots(shared, *first, last, Instant::now() + LAST_QUESTION).await.ok()?;
    let listed: HashSet<u64> = listed.into_iter().collect();
    let settled: HashSet<u64> =
        announced.iter().map(|(slot, _)| *slot).filter(|slot| (*first..=last).contains(slot)).collect();
    let given_up = settled.difference(&listed).count();
    (!settled.is_empty()).then(|| given_up as f64 / settled.len() as f64)
}

/// How much fewer transactions there are than the pages together have rows: one that mentions two addresses stands on
/// two pages. Only that part of the chain counts that is on all pages.
fn distinct(pages: &[Page]) -> Option<f64> {
    let from = pages.iter().filter(|page| page.is_full()).filter_map(Page::oldest).max().unwrap_or(0);
    let (mut all, mut seen) = (0_u32, HashSet::new());
    for row in pages.iter().flat_map(|page| &page.rows).filter(|row| row.slot >= from && !row.failed) {
        all += 1;
        seen.insert(row.signature);
    }
    (all > 0).then(|| seen.len() as f64 / f64::from(all))
}

// === impl Page ===

impl Page {
    fn is_full(&self) -> bool {
        self.rows.len() >= PAGE
    }

    fn oldest(&self) -> Option<u64> {
        self.rows.iter().map(|row| row.slot).min()
    }

    /// Transactions a second, up to the newest slot that any page shows.
    fn per_second(&self, newest: u64, slot: f64) -> f64 {
        let Some(oldest) = self.oldest() else { return 0.0 };
        let slots = newest.saturating_sub(oldest).saturating_add(1);
        self.rows.len() as f64 / (slots as f64 * slot)
    }

    /// The share that did not fail.
    fn ok(&self) -> f64 {
        let ok = self.rows.iter().filter(|row| !row.failed).count();
        if self.rows.is_empty() { 0.0 } else { ok as f64 / self.rows.len() as f64 }
    }

    fn mentioned(&self, newest: u64, slot: f64, heard: Heard) -> Mentioned {
        Mentioned { per_second: self.per_second(newest, slot), fetched: self.ok() * heard.share() }
    }
}

// === impl Heard ===

impl Heard {
    fn note(&mut self, logs: &Logs, hints: &[LogHint]) {
        if logs.failed() {
            return;
        }
        self.ok += 1;
        let matters = logs.logs.as_ref().is_none_or(|lines| hints.iter().any(|hint| hint.may_matter(lines)));
        self.fetched += u32::from(matters);
    }

    /// The share that has to be fetched: all of them, as long as too few were heard to tell.
    fn share(self) -> f64 {
        if self.ok >= TELLING { f64::from(self.fetched) / f64::from(self.ok) } else { 1.0 }
    }
}
