//! Following the whole chain: `getBlock` for every confirmed slot, in order, none passed over.
//!
//! Slot notifications say when to ask; the chain's own parent links say what was missed ([`Walk`]). A socket that
//! is down delays this follower, and loses it nothing: it lists the slots over HTTP instead.

use std::{sync::Arc, time::Duration};

use eda_chain::Block;
use eda_events::Slot;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    MAX_TRANSACTION_VERSION,
    fact::TransactionFact,
    notification::SlotSeen,
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

const GET_BLOCK: Method = Method::new("getBlock");
const GET_BLOCKS: Method = Method::new("getBlocks");
const GET_SLOT: Method = Method::new("getSlot");

/// Where the following of the chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// After the newest confirmed slot.
    Newest,
    /// After this slot.
    After(u64),
}

/// What a slot turned out to hold.
enum Content {
    Block(Box<Block>),
    /// The block exists and cannot be read; why, in words.
    Lost(String),
}

/// The node's answer to an [`Ask`].
enum Answer {
    Block { slot: u64, block: Box<Block> },
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

/// Follows the chain until told to stop.
pub(super) async fn follow(shared: Arc<Shared>, begin: Begin, stop: CancellationToken) {
    // Whatever is under way when the stop comes is dropped: nobody wants it any more.
    stop.run_until_cancelled(run(&shared, begin)).await;
}

async fn run(shared: &Arc<Shared>, begin: Begin) {
    let cursor = match begin {
        Begin::Newest => newest(shared).await,
        Begin::After(slot) => slot,
    };
    let mut walk = Walk::new(cursor);
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
            answers.extend(walk.asks(free).into_iter().map(|ask| answer(shared, ask)));
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
                        walk.announced(seen.slot, seen.parent);
                    }
                    Err(error) => shared.stats.odd_notification("slot", &error),
                }
            }
            // What was missed while the socket was away is found by the parent links.
            Event::Notice(Some(Notice::Live { .. } | Notice::Missed { .. } | Notice::Down { .. })) => {}
            Event::Notice(Some(Notice::Rejected(rejection))) => {
                warn!(%rejection, "slots cannot be subscribed; they are listed over HTTP instead");
                slots = None;
            }
            Event::Notice(None) => slots = None,
            Event::Quiet => {
                quiet_at = Instant::now() + LOOK_AHEAD_AFTER;
                if paused_until.is_none() {
                    answers.extend(walk.look_ahead().map(|ask| answer(shared, ask)));
                }
            }
            Event::Resume => paused_until = None,
            Event::Answer(answer) => match settle(shared, &mut walk, answer) {
                Ok(()) => backoff.reset(),
                // What was under way together fails together, and counts as one failure.
                Err(Hindered) if paused_until.is_some() => {}
                Err(Hindered) => paused_until = Some(Instant::now() + backoff.pause()),
            },
        }
    }
}

/// The newest confirmed slot; asks until there is an answer.
async fn newest(shared: &Shared) -> u64 {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let params = json!([{ "commitment": shared.commitment }]);
        match shared.calls.shared(Class::Detect, GET_SLOT, params).await {
            Ok(reply) => match serde_json::from_str(reply.result.get()) {
                Ok(slot) => return slot,
                Err(error) => shared.stats.odd_notification("getSlot", &error),
            },
            Err(error) => shared.stats.failed(&GET_SLOT, &error),
        }
        sleep(backoff.pause()).await;
    }
}

async fn next_notice(slots: &mut Option<Subscription>) -> Option<Notice> {
    match slots {
        Some(slots) => slots.next().await,
        None => std::future::pending().await,
    }
}

async fn answer(shared: &Arc<Shared>, ask: Ask) -> Answer {
    match ask {
        Ask::Block(slot) => block(shared, slot).await,
        Ask::List { from, to } => {
            let params = json!([from, to, { "commitment": shared.commitment }]);
            match shared.calls.shared(Class::Detect, GET_BLOCKS, params).await {
                Ok(reply) => match serde_json::from_str(reply.result.get()) {
                    Ok(slots) => Answer::Listed { slots },
                    Err(error) => Answer::ListFailed { error: RequestError::unexpected(&GET_BLOCKS, &error) },
                },
                Err(error) => Answer::ListFailed { error },
            }
        }
    }
}

async fn block(shared: &Arc<Shared>, slot: u64) -> Answer {
    let params = json!([slot, {
        "commitment": shared.commitment,
        "encoding": "base64",
        "transactionDetails": "full",
        "rewards": false,
        "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
    }]);
    let reply = match shared.calls.shared(Class::Detect, GET_BLOCK, params).await {
        Ok(reply) => reply,
        Err(error) => return refused(shared, slot, error),
    };
    if reply.result.get() == "null" {
        return Answer::Unavailable { slot };
    }
    // A block of mainnet is megabytes of JSON: parsing it on a runtime thread would hold up everyone's sockets.
    let parsed = spawn_blocking(move || Block::from_get_block(Slot(slot), reply.result.get())).await;
    match parsed {
        Ok(Ok(block)) => Answer::Block { slot, block: Box::new(block) },
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

fn settle(shared: &Shared, walk: &mut Walk<Content>, answer: Answer) -> Result<(), Hindered> {
    let next = match answer {
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
            walk.failed(slot);
            shared.stats.failed(&GET_BLOCK, &error);
            return Err(Hindered);
        }
        Answer::ListFailed { error } => {
            walk.list_failed();
            shared.stats.failed(&GET_BLOCKS, &error);
            return Err(Hindered);
        }
    };
    for block in next {
        hand_out(shared, block);
    }
    Ok(())
}

fn hand_out(shared: &Shared, next: Next<Content>) {
    if next.forked {
        shared.stats.forked(Slot(next.slot));
        // What was handed out before may not have happened, and what did happen there is not known.
        shared.registry.gap(None, 0);
    }
    match next.block {
        Content::Lost(reason) => {
            shared.stats.unproven(Slot(next.slot), &reason);
            // How many transactions the block held is not known.
            shared.registry.gap(None, 0);
        }
        Content::Block(block) => {
            shared.stats.block();
            for unreadable in &block.unreadable {
                shared.stats.unreadable_transaction(Slot(next.slot), unreadable);
                shared.registry.gap(None, 1);
            }
            for transaction in block.transactions {
                let commitment = shared.commitment;
                let fact = TransactionFact { transaction, commitment, ordered: true, filled: false };
                shared.deliver(&fact);
            }
        }
    }
}
