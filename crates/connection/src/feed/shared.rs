//! What all followers work with.

use std::{fmt::Display, sync::Arc, time::Duration};

use eda_events::Commitment;
use tokio::time::sleep;

use super::{
    FeedConfig,
    fact::{AccountFact, TransactionFact},
    registry::Registry,
    stats::FeedStats,
};
use crate::{
    backoff::jittered,
    calls::Calls,
    pubsub::{PubSub, SubscribeError, Subscription, Topic},
    vitals::Vitals,
};

/// A subscription that was refused is asked for again after about this long: the provider's plan, its node or what
/// else is subscribed may have changed.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// The followers' tools: how to ask, how to listen, whom to tell, what to count.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) calls: Arc<Calls>,
    pub(super) pubsub: Arc<PubSub>,
    pub(super) registry: Registry,
    pub(super) stats: FeedStats,
    pub(super) commitment: Commitment,
    /// How long a slot is taken to last before it has been measured.
    nominal_slot_time: Duration,
    pub(super) vitals: Arc<Vitals>,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(
        calls: Arc<Calls>,
        pubsub: Arc<PubSub>,
        vitals: Arc<Vitals>,
        config: &FeedConfig,
    ) -> Self {
        Self {
            calls,
            pubsub,
            registry: Registry::default(),
            stats: FeedStats::default(),
            commitment: config.commitment,
            nominal_slot_time: config.nominal_slot_time,
            vitals,
        }
    }

    /// How long a slot lasts: measured, or what the cluster is known for.
    pub(super) fn slot_time(&self) -> Duration {
        self.pubsub.stats().slot_time.unwrap_or(self.nominal_slot_time)
    }

    /// Hands a transaction to everyone who asked, unless that happened before.
    pub(super) fn deliver(&self, fact: &TransactionFact) {
        if self.vitals.trusted() {
            self.stats.delivered(self.registry.transaction(fact));
        } else {
            self.stats.distrusted();
            // What happens meanwhile on the chain that is really asked for is not known.
            self.registry.gap(None, 0);
        }
    }

    /// Hands an account state to everyone who asked, unless something newer or the same is known.
    pub(super) fn account(&self, fact: AccountFact) {
        if self.vitals.trusted() && self.registry.unchanged(&fact) {
            self.stats.account_unchanged();
        } else if self.vitals.trusted() {
            self.stats.account(self.registry.account(fact));
        } else {
            self.stats.distrusted();
        }
    }

    /// Subscribes, and waits as long as there is no room for it. `None` when the socket is closed for good.
    pub(super) async fn subscribe(&self, what: &str, topic: &Topic, capacity: usize) -> Option<Subscription> {
        loop {
            match self.pubsub.subscribe(topic.clone(), capacity) {
                Ok(subscription) => return Some(subscription),
                Err(SubscribeError::Closed) => return None,
                Err(refused @ (SubscribeError::OverCap { .. } | SubscribeError::TooLong { .. })) => {
                    self.rejected(what, &refused).await;
                }
            }
        }
    }

    /// A subscription is not served: says so, and waits before it may be asked for again.
    pub(super) async fn rejected(&self, what: &str, reason: &(dyn Display + Sync)) {
        self.stats.rejected(what, reason);
        sleep(jittered(REFUSED_PAUSE)).await;
    }
}
