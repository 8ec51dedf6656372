//! Where each address of a watch begins: where an earlier run left it, or now, or where the settings say.

use std::{sync::Arc, time::Duration};

use eda_events::{Address, Slot, WorkerName};
use tokio::time::sleep;
use tracing::{info, warn};

use super::{blocks::newest, cursors::OVERLAP, fact::Proof, holes::Hole, registry::WatchId, shared::Shared};
use crate::{backoff::Backoff, checkpoints::Reached, request::Class};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where an address begins that no earlier run knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// After the newest slot.
    #[default]
    Now,
    /// After this slot.
    After(Slot),
}

/// Begins every address of a watch.
pub(super) async fn begin(
    shared: Arc<Shared>,
    id: WatchId,
    worker: WorkerName,
    mentions: Vec<Address>,
    start: Start,
    catch_up: Duration,
) {
    if mentions.is_empty() {
        return;
    }
    let genesis = shared.genesis().await;
    let now = Slot(newest(&shared, Class::Detect).await);
    let slots = catch_up.as_millis() / shared.slot_time().as_millis().max(1);
    let oldest = now.0.saturating_sub(u64::try_from(slots).unwrap_or(u64::MAX));
    let mut furthest = now.0;
    for mention in mentions {
        let interest = Proof::interest(&mention);
        let reached = ask(|| shared.checkpoints.reached(&genesis, worker, &interest)).await;
        let limit = if reached.is_some() { oldest } else { 0 };
        let Reached { begins_after, to } = reached.unwrap_or_else(|| {
            let after = match start {
                Start::Now => now,
                Start::After(slot) => slot,
            };
            Reached { begins_after: after, to: after }
        });
        // An endpoint that is behind must not make an address begin where it has been already.
        if to.0 > now.0.saturating_add(OVERLAP) {
            warn!(%worker, %mention, reached = to.0, newest = now.0, "the chain is behind where an earlier run stopped: nothing is reported before it comes there");
        }
        shared.registry.begin(&genesis, id, mention, begins_after, to);
        if to.0 < limit {
            warn!(%worker, %mention, from = to.0 + 1, to = oldest, "further back than run.catch_up: these slots are not read");
            let reason = "further back than run.catch_up allows";
            shared.registry.give_up(&genesis, id, mention, Slot(oldest), reason);
        }
        furthest = furthest.min(to.0.max(limit));
        for (from, to) in ask(|| shared.checkpoints.holes(&genesis, worker, &interest)).await {
            if to.0 >= oldest {
                shared.open(vec![Hole::new(id, mention, from.0, to.0)]);
            }
        }
    }
    if now.0.saturating_sub(furthest) > OVERLAP {
        info!(%worker, slots = now.0 - furthest, "catching up");
        shared.stats.behind(furthest, now.0);
    }
    shared.has_begun();
}

/// Asks what the checkpoints say until they can be read.
async fn ask<T, F>(mut question: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, crate::checkpoints::Unreadable>>,
{
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        match question().await {
            Ok(answer) => return answer,
            Err(error) => {
                warn!(%error, "nothing is followed before it is known where to begin");
                sleep(backoff.pause()).await;
            }
        }
    }
}
