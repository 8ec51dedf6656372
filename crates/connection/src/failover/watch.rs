//! The task that watches the endpoint in use while anybody needs it, and goes over to another.

use std::{pin::pin, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{
    board::Board,
    bounds::Bounds,
    health::{Change, Step},
    look::look,
    seen::Signs,
    switch::Switch,
    upstream::Upstream,
    view::View,
};
use crate::{
    feed::Feed,
    pubsub::{Notice, PubSub, Subscription, Topic},
    vitals::{Vital, Vitals},
};

/// How often calls are looked at for signs.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// For so long a node that said it was behind is taken to be.
const BEHIND_FOR: Duration = Duration::from_secs(10);
/// Announcements that may wait.
const ANNOUNCEMENTS: usize = 64;

/// What the task works with. It does not hold the manager, which would then live for ever.
pub(crate) struct Watcher {
    pub(crate) bounds: Bounds,
    pub(crate) switch: Switch,
    pub(crate) pubsub: Arc<PubSub>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) feed: Feed,
    /// Leases out now: without any, nothing is open and nothing is watched.
    pub(crate) leases: watch::Receiver<usize>,
    pub(crate) board: Arc<Board>,
}

/// A slot was begun.
#[derive(Debug, Deserialize)]
struct Announced {
    slot: u64,
    root: u64,
}

/// Slots as they are announced; `None` while they cannot be subscribed.
struct Slots(Option<Subscription>);

/// What is said of whether the endpoint contradicts itself.
struct Verdict {
    vital: watch::Receiver<Vital>,
    /// It is about the endpoint in use.
    fresh: bool,
}

// === impl Watcher ===

impl Watcher {
    /// Watches whenever there are leases.
    pub(crate) async fn run(mut self) {
        while self.leases.wait_for(|leases| *leases > 0).await.is_ok() {
            self.watch().await;
        }
    }

    /// Watches until the last lease is returned.
    async fn watch(&self) {
        let mut leases = self.leases.clone();
        let mut slots = Slots::subscribe(&self.pubsub);
        let mut verdict = Verdict { vital: self.vitals.watch(), fresh: true };
        self.board.health().begin(Instant::now());
        loop {
            let now = Instant::now();
            self.board.health().signs(self.signs(&mut verdict, now));
            let step = self.board.health().next(now, self.feed.slot_time());
            match step {
                Step::WaitUntil(at) => tokio::select! {
                    () = sleep_until(at.min(now + LOOK_EVERY)) => {}
                    () = slots.hear(&self.board) => {}
                    _ = leases.wait_for(|leases| *leases == 0) => return,
                },
                Step::Compare { with, confirmations } => {
                    let compared = tokio::select! {
                        compared = self.compare(with, confirmations, &mut slots) => Some(compared),
                        _ = leases.wait_for(|leases| *leases == 0) => None,
                    };
                    // Whatever came of it, nothing stays open there.
                    let with = with.and_then(|index| Some((index, self.switch.upstreams().get(index)?)));
                    if let Some((_, other)) = with {
                        other.rest().await;
                    }
                    let Some((own, other)) = compared else { return };
                    let other = with.map(|(index, _)| index).zip(other);
                    let slot_time = self.feed.slot_time();
                    let change = self.board.health().compared(Instant::now(), slot_time, &own, other);
                    if let Some(change) = change {
                        self.go(&change).await;
                        verdict.expire();
                        slots.renew(&self.pubsub);
                    }
                }
            }
            self.board.tell();
        }
    }

    fn signs(&self, verdict: &mut Verdict, now: Instant) -> Signs {
        let here = self.switch.here();
        let lately = now.checked_sub(BEHIND_FOR).unwrap_or(now);
        Signs {
            conflict: verdict.conflict(),
            failing: here.signs().failing(self.bounds.errors_for, now),
            behind: here.signs().behind_since(lately),
        }
    }

    /// Looks at the endpoint in use and at the other one at the same time, and goes on to listen.
    async fn compare(
        &self,
        with: Option<usize>,
        confirmations: bool,
        slots: &mut Slots,
    ) -> (View, Option<View>) {
        let here = self.switch.here();
        let other = with.and_then(|index| self.switch.upstreams().get(index));
        let other = async {
            let other = other?;
            other.wake().await;
            Some(look(other, &self.bounds, confirmations).await)
        };
        let mut looks = pin!(async { tokio::join!(look(&here, &self.bounds, confirmations), other) });
        loop {
            tokio::select! {
                looks = &mut looks => return looks,
                () = slots.hear(&self.board) => {}
            }
        }
    }

    /// Goes over to another endpoint. To be run to its end.
    async fn go(&self, change: &Change) {
        let (from, to) = (self.switch.here(), self.switch.upstreams().get(change.to));
        let Some(to) = to else { return };
        let named = |upstream: &Upstream| upstream.site().endpoint.redacted();
        let (from, to_url, why) = (named(&from), named(to), &change.reason);
        warn!(from, to = to_url, %why, "going over to another endpoint");
        to.signs().forget();
        self.pubsub.move_to(&to.site().endpoint, to.gate(), to.subscriptions());
        self.switch.move_to(to).await;
        self.board.moved(Instant::now(), change, format!("from {from} to {to_url}: {why}"));
        self.feed.plan_again();
    }
}

// === impl Slots ===

impl Slots {
    fn subscribe(pubsub: &PubSub) -> Self {
        Self(pubsub.subscribe(Topic::Slot, ANNOUNCEMENTS).ok())
    }

    /// Where the last provider refused them, another may not.
    fn renew(&mut self, pubsub: &PubSub) {
        if self.0.is_none() {
            *self = Self::subscribe(pubsub);
        }
    }

    /// Waits for the next announcement and takes it in.
    async fn hear(&mut self, board: &Board) {
        let Some(subscription) = &mut self.0 else { return std::future::pending().await };
        match subscription.next().await {
            // One of another shape is counted by those who read more of it.
            Some(Notice::Update(update)) => {
                if let Ok(Announced { slot, root }) = serde_json::from_str(update.get()) {
                    board.health().slot(Instant::now(), slot, root);
                }
            }
            Some(Notice::Live { .. }) => board.health().listening(true),
            Some(Notice::Missed { .. } | Notice::Down { .. }) => {}
            Some(Notice::Rejected(_)) | None => {
                self.0 = None;
                board.health().listening(false);
            }
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// What is wrong, if it is the endpoint in use that contradicts itself.
    fn conflict(&mut self) -> Option<String> {
        // The sender lives in the vital signs.
        self.fresh |= self.vital.has_changed().unwrap_or_default();
        match &*self.vital.borrow_and_update() {
            Vital::Conflict(what) if self.fresh => Some(what.clone()),
            Vital::Conflict(_) | Vital::Unknown(_) | Vital::Known(_) => None,
        }
    }

    /// It was about an endpoint that has been left.
    fn expire(&mut self) {
        self.vital.mark_unchanged();
        self.fresh = false;
    }
}
