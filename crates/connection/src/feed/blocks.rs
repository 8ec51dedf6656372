//! Following the whole chain: `getBlock` for every confirmed slot, in order, none passed over.
//!
//! Slot notifications say when to ask; the chain's own parent links say what was missed ([`Walk`]). A socket that
//! is down delays this follower, and loses it nothing: it lists the slots over HTTP instead. It begins where the
//! address that is furthest behind came to, so catching up after a restart is nothing but a longer walk.

use std::{collections::HashMap, sync::Arc, time::Duration};

use eda_chain::Block;
use eda_events::{Slot, log::How};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    MAX_TRANSACTION_VERSION, behind,
    notification::SlotSeen,
    registry::Handout,
    shared::Shared,
    walk::{Ask, Next, Walk},
};
use crate::{
    backoff::Backoff,
    calls::RequestError,
    http::CallError,
    node_error,
    pubsub::{Notice, Subscription, Topic},
    request::{Class, Method},
};

/// So many questions under way at once; the budget decides how many of them are really sent.
const CONCURRENCY: usize = 8;
/// Without an announcement for this long, the slots are listed over HTTP.
const LOOK_AHEAD_AFTER: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A slot whose block the node answers with an error so often, one pause after the other, is named as missing.
const NODE_ERRORS: u32 = 24;

pub(super) const GET_BLOCK: Method = Method::new("getBlock");
const GET_BLOCKS: Method = Method::new("getBlocks");
const GET_SLOT: Method = Method::new("getSlot");

/// What a slot turned out to hold.
#[derive(Debug)]
pub(super) enum Content {
    Block(Arc<Block>),
    /// The block exists and cannot be read; why, in words.
    Lost(String),
}

/// The node's answer to an [`Ask`].
enum Answer {
    Block { slot: u64, block: Arc<Block> },
    Unreadable { slot: u64, reason: String },
    Unavailable { slot: u64 },
    Skipped { slot: u64 },
    Failed { slot: u64, error: RequestError },
    Listed { slots: Vec<u64> },
    ListFailed { error: RequestError },
}

enum Event {
    Notice(Option<Notice>),
    Answer(Answer),
    /// Nothing was announced for a while.
    Quiet,
    /// The pause after a failure is over.
    Resume,
}

/// Why the next question has to wait.
#[derive(Debug)]
struct Hindered;

/// What the walk knows beside the chain itself.
#[derive(Debug, Default)]
struct Circumstances {
    /// The first slot announced since the socket is live: what lies before happened unheard.
    heard_from: Option<u64>,
    /// How often the node answered a slot with an error.
    errors: HashMap<u64, u32>,
}

/// Follows the chain until told to stop.
pub(super) async fn follow(shared: Arc<Shared>, stop: CancellationToken) {
    let walking = async {
        loop {
            let lowest = shared.until_begun().await;
            shared.vitals.until_trusted().await;
            run(&shared, lowest).await;
            shared.recent.clear();
        }
    };
    // Whatever is under way when the stop comes is dropped: nobody wants it any more.
    stop.run_until_cancelled(async { tokio::join!(walking, behind::lead(&shared)) }).await;
    shared.stats.not_walking();
}

/// Walks on from a slot. Ends when the endpoint is not to be believed any more: what was read from it meanwhile may
/// belong to another chain.
async fn run(shared: &Arc<Shared>, cursor: u64) {
    let mut walk = Walk::new(cursor);
    let mut around = Circumstances::default();
    let mut slots = match shared.pubsub.subscribe(Topic::Slot, 256) {
        Ok(slots) => Some(slots),
        Err(error) => {
            warn!(%error, "slots cannot be subscribed; they are listed over HTTP instead");
            None
        }
    };
    let mut answers = FuturesUnordered::new();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut paused_until: Option<Instant> = None;
    let mut quiet_at = Instant::now() + LOOK_AHEAD_AFTER;
    loop {
        shared.stats.walked(Slot(walk.cursor()), Slot(walk.tip()));
        if paused_until.is_none() {
            let free = CONCURRENCY.saturating_sub(answers.len());
            answers.extend(walk.asks(free).into_iter().map(|ask| answer(shared, ask, around.class(ask))));
        }
        let event = tokio::select! {
            notice = next_notice(&mut slots) => Event::Notice(notice),
            Some(answer) = answers.next() => Event::Answer(answer),
            () = sleep_until(paused_until.unwrap_or(quiet_at)), if paused_until.is_some() => Event::Resume,
            () = sleep_until(quiet_at) => Event::Quiet,
        };
        match event {
            Event::Notice(Some(Notice::Update(update))) => {
                match serde_json::from_str::<SlotSeen>(update.get()) {
                    Ok(seen) => {
                        quiet_at = Instant::now() + LOOK_AHEAD_AFTER;
                        around.heard_from.get_or_insert(seen.slot);
                        walk.announced(seen.slot, seen.parent);
                    }
                    Err(error) => shared.stats.odd_notification("slot", &error),
                }
            }
            // What was missed while the socket was away is found by the parent links.
            Event::Notice(Some(Notice::Live { .. } | Notice::Missed { .. })) => {}
            Event::Notice(Some(Notice::Down { .. })) => around.heard_from = None,
            Event::Notice(Some(Notice::Rejected(rejection))) => {
                warn!(%rejection, "slots cannot be subscribed; they are listed over HTTP instead");
                slots = None;
            }
            Event::Notice(None) => slots = None,
            Event::Quiet => {
                quiet_at = Instant::now() + LOOK_AHEAD_AFTER;
                if paused_until.is_none() {
                    answers.extend(walk.look_ahead().map(|ask| answer(shared, ask, Class::Detect)));
                }
            }
            Event::Resume => paused_until = None,
            Event::Answer(answer) => match settle(shared, &mut walk, &mut around, answer) {
                Ok(next) => {
                    backoff.reset();
                    if !pass_on(shared, &around, next) {
                        return;
                    }
                }
                // What was under way together fails together, and counts as one failure.
                Err(Hindered) if paused_until.is_some() => {}
                Err(Hindered) => paused_until = Some(Instant::now() + backoff.pause()),
            },
        }
    }
}

/// Leads the watch that is furthest behind, and came to `from`, on to where the chain is being followed. Ends early when
/// it has no room, or somebody else is further behind.
pub(super) async fn lead(shared: &Arc<Shared>, from: u64) {
    let mut walk = Walk::new(from);
    let mut around = Circumstances::default();
    let mut answers = FuturesUnordered::new();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while shared.furthest_behind() == Some(walk.cursor()) {
        let mut asks = walk.asks(CONCURRENCY.saturating_sub(answers.len()));
        if asks.is_empty() && answers.is_empty() {
            asks.extend(walk.look_ahead());
        }
        answers.extend(asks.into_iter().map(|ask| answer(shared, ask, Class::Fill)));
        let Some(answer) = answers.next().await else { return };
        match settle(shared, &mut walk, &mut around, answer) {
            Ok(next) => {
                backoff.reset();
                if !pass_on(shared, &around, next) {
                    return;
                }
            }
            Err(Hindered) => sleep(backoff.pause()).await,
        }
    }
}

/// Reads every block after `from` up to `to` and shows each of them, in order.
pub(super) async fn stretch(shared: &Arc<Shared>, from: u64, to: u64, mut show: impl FnMut(u64, &Content)) {
    let mut walk = Walk::new(from);
    let mut around = Circumstances::default();
    let mut answers = FuturesUnordered::new();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while walk.cursor() < to {
        let mut asks = walk.asks(CONCURRENCY.saturating_sub(answers.len()));
        if asks.is_empty() && answers.is_empty() {
            asks.extend(walk.look_ahead());
        }
        answers.extend(asks.into_iter().map(|ask| answer(shared, ask, Class::Fill)));
        let Some(answer) = answers.next().await else { return };
        match settle(shared, &mut walk, &mut around, answer) {
            Ok(next) => {
                backoff.reset();
                next.iter().filter(|next| next.slot <= to).for_each(|next| show(next.slot, &next.block));
            }
            Err(Hindered) => sleep(backoff.pause()).await,
        }
    }
}

/// The newest confirmed slot; asks until there is an answer.
pub(super) async fn newest(shared: &Shared, class: Class) -> u64 {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let params = json!([{ "commitment": shared.commitment }]);
        match shared.calls.shared(class, GET_SLOT, params).await {
            Ok(reply) => match serde_json::from_str(reply.result.get()) {
                Ok(slot) => return slot,
                Err(error) => shared.stats.odd_notification("getSlot", &error),
            },
            Err(error) => shared.stats.failed(&GET_SLOT, &error),
        }
        sleep(backoff.pause()).await;
    }
}

/// The slots from `from` to `to` that have confirmed blocks, as the node lists them.
pub(super) async fn list(
    shared: &Shared,
    from: u64,
    to: u64,
    class: Class,
) -> Result<Vec<u64>, RequestError> {
    let params = json!([from, to, { "commitment": shared.commitment }]);
    let reply = shared.calls.shared(class, GET_BLOCKS, params).await?;
    serde_json::from_str(reply.result.get()).map_err(|error| RequestError::unexpected(&GET_BLOCKS, &error))
}

/// The block of a slot that is known to have one. An error is worth another try; what is lost is not.
pub(super) async fn read(shared: &Arc<Shared>, slot: u64, class: Class) -> Result<Content, RequestError> {
    match block(shared, slot, class).await {
        Answer::Block { block, .. } => Ok(Content::Block(block)),
        Answer::Unreadable { reason, .. } => Ok(Content::Lost(reason)),
        Answer::Unavailable { .. } => Err(RequestError::unexpected(&GET_BLOCK, &"it has no answer yet")),
        Answer::Skipped { .. } => Ok(Content::Lost("the node says it was skipped, and lists it".to_owned())),
        Answer::Failed { error, .. } | Answer::ListFailed { error } => Err(error),
        Answer::Listed { .. } => Err(RequestError::unexpected(&GET_BLOCK, &"a list of slots")),
    }
}

async fn next_notice(slots: &mut Option<Subscription>) -> Option<Notice> {
    match slots {
        Some(slots) => slots.next().await,
        None => std::future::pending().await,
    }
}

async fn answer(shared: &Arc<Shared>, ask: Ask, class: Class) -> Answer {
    match ask {
        Ask::Block(slot) => block(shared, slot, class).await,
        Ask::List { from, to } => match list(shared, from, to, class).await {
            Ok(slots) => Answer::Listed { slots },
            Err(error) => Answer::ListFailed { error },
        },
    }
}

async fn block(shared: &Arc<Shared>, slot: u64, class: Class) -> Answer {
    if let Some(block) = shared.recent.get(slot) {
        return Answer::Block { slot, block };
    }
    let params = json!([slot, {
        "commitment": shared.commitment,
        "encoding": "base64",
        "transactionDetails": "full",
        "rewards": false,
        "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
    }]);
    let reply = match shared.calls.shared(class, GET_BLOCK, params).await {
        Ok(reply) => reply,
        Err(error) => return refused(shared, slot, error),
    };
    if reply.result.get() == "null" {
        return Answer::Unavailable { slot };
    }
    // A block of mainnet is megabytes of JSON: parsing it on a runtime thread would hold up everyone's sockets.
    let parsed = spawn_blocking(move || Block::from_get_block(Slot(slot), reply.result.get())).await;
    match parsed {
        Ok(Ok(block)) => Answer::Block { slot, block: Arc::new(block) },
        Ok(Err(error)) => Answer::Unreadable { slot, reason: error.to_string() },
        Err(error) => Answer::Unreadable { slot, reason: format!("parsing it failed: {error}") },
    }
}

fn refused(shared: &Shared, slot: u64, error: RequestError) -> Answer {
    // Asked for again, it would be as large.
    if let RequestError::Call(CallError::TooLarge { .. }) = &error {
        return Answer::Unreadable { slot, reason: error.to_string() };
    }
    let Some((code, message)) = error.node_error() else { return Answer::Failed { slot, error } };
    match code {
        node_error::SLOT_SKIPPED | node_error::LONG_TERM_STORAGE_SLOT_SKIPPED => Answer::Skipped { slot },
        node_error::BLOCK_NOT_AVAILABLE | node_error::BLOCK_STATUS_NOT_AVAILABLE_YET => {
            Answer::Unavailable { slot }
        }
        node_error::UNSUPPORTED_TRANSACTION_VERSION => {
            shared.stats.unsupported_version(&format!("slot {slot}"), message);
            Answer::Unreadable { slot, reason: message.to_owned() }
        }
        node_error::BLOCK_CLEANED_UP | node_error::HISTORY_NOT_AVAILABLE => {
            Answer::Unreadable { slot, reason: message.to_owned() }
        }
        _ => Answer::Failed { slot, error },
    }
}

fn settle(
    shared: &Shared,
    walk: &mut Walk<Content>,
    around: &mut Circumstances,
    answer: Answer,
) -> Result<Vec<Next<Content>>, Hindered> {
    Ok(match answer {
        Answer::Block { slot, block } => {
            let parent = block.parent_slot.0;
            walk.fetched(slot, parent, Content::Block(block))
        }
        Answer::Unreadable { slot, reason } => walk.unreadable(slot, Content::Lost(reason)),
        Answer::Unavailable { slot } => {
            if walk.unavailable(slot) {
                return Err(Hindered);
            }
            Vec::new()
        }
        Answer::Skipped { slot } => {
            if walk.skipped(slot) {
                let reason = "the node says it was skipped, and a confirmed block names it as its parent";
                walk.unreadable(slot, Content::Lost(reason.to_owned()))
            } else {
                Vec::new()
            }
        }
        Answer::Listed { slots } => walk.listed(&slots),
        Answer::Failed { slot, error } => {
            shared.stats.failed(&GET_BLOCK, &error);
            if !around.gives_up(slot, &error) {
                walk.failed(slot);
                return Err(Hindered);
            }
            walk.unreadable(slot, Content::Lost(format!("the node keeps answering: {error}")))
        }
        Answer::ListFailed { error } => {
            walk.list_failed();
            shared.stats.failed(&GET_BLOCKS, &error);
            return Err(Hindered);
        }
    })
}

/// Hands out blocks. Returns whether the endpoint may still be believed.
fn pass_on(shared: &Shared, around: &Circumstances, next: Vec<Next<Content>>) -> bool {
    for next in next {
        if !shared.vitals.trusted() {
            shared.stats.distrusted();
            return false;
        }
        let how = if around.is_live(next.slot) { How::Live } else { How::Filled };
        hand_out(shared, next, how);
    }
    true
}

fn hand_out(shared: &Shared, next: Next<Content>, how: How) {
    let Next { slot, parent, .. } = next;
    if next.forked {
        shared.stats.forked(Slot(slot));
        shared.registry.forked();
    }
    let (block, how) = match next.block {
        Content::Lost(reason) => {
            shared.stats.unproven(Slot(slot), &reason);
            (None, How::Unproven(reason))
        }
        Content::Block(block) => {
            shared.stats.block();
            for unreadable in &block.unreadable {
                shared.stats.unreadable_transaction(Slot(slot), unreadable);
            }
            let how = match block.unreadable.first() {
                Some(first) => How::Unproven(format!("transaction {} of it: {}", first.index, first.error)),
                None => how,
            };
            (Some(block), how)
        }
    };
    shared.hand_out(&Handout { slot, parent, block: block.clone(), how });
    if let Some(block) = block {
        shared.recent.push(block);
    }
}

// === impl Circumstances ===

impl Circumstances {
    /// Whether the slot was announced while somebody listened.
    fn is_live(&self, slot: u64) -> bool {
        self.heard_from.is_some_and(|heard| slot >= heard)
    }

    /// What happened unheard is read when nothing more urgent is to be asked.
    fn class(&self, ask: Ask) -> Class {
        let slot = match ask {
            Ask::Block(slot) => slot,
            Ask::List { to, .. } => to,
        };
        if self.is_live(slot) { Class::Detect } else { Class::Fill }
    }

    /// Whether the node has answered this slot with errors of its own so often that it will not answer otherwise.
    fn gives_up(&mut self, slot: u64, error: &RequestError) -> bool {
        if error.node_error().is_none() {
            return false;
        }
        let errors = self.errors.entry(slot).or_default();
        *errors += 1;
        *errors >= NODE_ERRORS
    }
}
