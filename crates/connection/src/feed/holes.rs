//! What could not be read when its turn came: tried again, less and less often, until it can.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use eda_chain::Transaction;
use eda_events::Address;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    blocks::{Content, list, read},
    registry::WatchId,
    shared::Shared,
};
use crate::request::Class;

/// The first attempt comes so long after the slots were given up; the pause doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// So many slots of a hole are read in one attempt; a longer one is mended piece by piece.
const PIECE: u64 = 64;
/// The first block after a hole is looked for in so many slots.
const BEYOND: u64 = 500;
/// Further holes are counted and kept in the store, and tried at the next start.
const REMEMBERED: usize = 4_096;

/// Slots that an address of a watch could not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) watch: WatchId,
    pub(super) mention: Address,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// The holes by the time of their next attempt.
#[derive(Debug, Default)]
struct Waiting {
    by_time: BTreeMap<(Instant, u64), (Hole, Duration)>,
    next: u64,
}

// === impl Hole ===

impl Hole {
    pub(super) fn new(watch: WatchId, mention: Address, from: u64, to: u64) -> Self {
        Self { watch, mention, from, to }
    }

    fn slots(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

/// Tries the holes that come in until told to stop.
pub(super) async fn mend(
    shared: Arc<Shared>,
    mut holes: mpsc::UnboundedReceiver<Hole>,
    stop: CancellationToken,
) {
    stop.run_until_cancelled(async {
        let mut waiting = Waiting::default();
        loop {
            shared.stats.holes(waiting.by_time.values().map(|(hole, _)| hole.slots()).sum());
            let next = waiting.by_time.first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                hole = holes.recv() => match hole {
                    Some(hole) => waiting.add(hole, FIRST_PAUSE),
                    None => return,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let Some((_, (hole, pause))) = waiting.by_time.pop_first() else { continue };
                    attempt(&shared, &mut waiting, hole, pause).await;
                }
            }
        }
    })
    .await;
}

async fn attempt(shared: &Arc<Shared>, waiting: &mut Waiting, hole: Hole, pause: Duration) {
    let piece = Hole { to: hole.to.min(hole.from.saturating_add(PIECE - 1)), ..hole };
    let rest = Hole { from: piece.to + 1, ..hole };
    match transactions(shared, &piece).await {
        Ok(found) if shared.registry.mended(&shared.origin(), &piece, &found) => {
            info!(from = piece.from, to = piece.to, mention = %piece.mention, "read what could not be read before");
            if rest.from <= rest.to {
                waiting.add(rest, Duration::ZERO);
            }
        }
        Ok(_) => waiting.add(hole, FIRST_PAUSE),
        Err(reason) => {
            debug!(from = piece.from, to = piece.to, reason, "still cannot be read");
            waiting.add(hole, (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE));
        }
    }
}

/// Every transaction of these slots, or why there is no telling. The blocks must follow one on the other, and the first
/// block after them on the last one: a node that has thrown history away lists fewer.
async fn transactions(shared: &Arc<Shared>, hole: &Hole) -> Result<Vec<Arc<Transaction>>, String> {
    let mut parent = hole.from.saturating_sub(1);
    let mut found = Vec::new();
    let slots = list(shared, hole.from, hole.to.saturating_add(BEYOND), Class::Fill).await;
    for slot in slots.map_err(|error| error.to_string())? {
        let block = match read(shared, slot, Class::Fill).await.map_err(|error| error.to_string())? {
            Content::Block(block) => block,
            Content::Lost(reason) => return Err(reason),
        };
        if block.parent_slot.0 > parent {
            return Err(format!("the block of slot {} is not listed", block.parent_slot));
        }
        if slot > hole.to {
            return Ok(found);
        }
        if let Some(unreadable) = block.unreadable.first() {
            return Err(unreadable.error.to_string());
        }
        found.extend(block.transactions.iter().cloned());
        parent = slot;
    }
    Err("no later block is known".to_owned())
}

// === impl Waiting ===

impl Waiting {
    fn add(&mut self, hole: Hole, pause: Duration) {
        if self.by_time.len() < REMEMBERED {
            self.by_time.insert((Instant::now() + pause, self.next), (hole, pause));
            self.next += 1;
        }
    }
}
