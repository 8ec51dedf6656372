//! What all followers work with.

use std::{
    fmt::Display,
    sync::{Arc, OnceLock},
    time::Duration,
};

use eda_chain::Transaction;
use eda_events::{Address, Commitment, Genesis, log::How};
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};

use super::{
    FeedConfig,
    fact::AccountFact,
    holes::Hole,
    pace::Pace,
    recent::RecentBlocks,
    registry::{Delivered, Handout, Origin, Registry},
    stats::FeedStats,
};
use crate::{
    backoff::jittered,
    calls::Calls,
    checkpoints::Checkpoints,
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
    pub(super) checkpoints: Arc<dyn Checkpoints>,
    /// How often what was notified is compared with what the node lists, unless that has to be saved on.
    compare_every: Duration,
    pub(super) pace: Arc<Pace>,
    /// The blocks read last.
    pub(super) recent: RecentBlocks,
    /// What cannot be read goes to whoever tries it again.
    holes: mpsc::UnboundedSender<Hole>,
    /// Known before anything is handed out.
    genesis: OnceLock<Genesis>,
    /// An address has begun.
    begun: Notify,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(
        calls: Arc<Calls>,
        pubsub: Arc<PubSub>,
        vitals: Arc<Vitals>,
        config: &FeedConfig,
        holes: mpsc::UnboundedSender<Hole>,
    ) -> Self {
        Self {
            calls,
            pubsub,
            registry: Registry::default(),
            stats: FeedStats::default(),
            commitment: config.commitment,
            nominal_slot_time: config.nominal_slot_time,
            vitals,
            checkpoints: Arc::clone(&config.checkpoints),
            compare_every: config.compare_every,
            pace: Arc::default(),
            recent: RecentBlocks::default(),
            holes,
            genesis: OnceLock::new(),
            begun: Notify::new(),
        }
    }

    /// How long a slot lasts: measured, or what the cluster is known for.
    pub(super) fn slot_time(&self) -> Duration {
        self.pubsub.stats().slot_time.unwrap_or(self.nominal_slot_time)
    }

    /// How often what was notified is compared with what the node lists, now.
    pub(super) fn compare_every(&self) -> Duration {
        self.pace.of(self.compare_every)
    }

    /// The chain's name, once the endpoint has said it. A process stays with the first one it is told.
    pub(super) async fn genesis(&self) -> Genesis {
        match self.genesis.get() {
            Some(genesis) => genesis.clone(),
            None => {
                let identity = self.vitals.identity().await;
                self.genesis.get_or_init(|| Genesis::from(identity.genesis_hash.as_str())).clone()
            }
        }
    }

    /// What is said of every fact.
    pub(super) fn origin(&self) -> Origin {
        // Nothing is handed out before an address has begun, which takes the chain's name.
        let genesis = self.genesis.get().cloned().unwrap_or_else(Genesis::unknown);
        Origin { genesis, commitment: self.commitment }
    }

    /// Waits until an address has begun; returns the slot after which the next block is wanted.
    pub(super) async fn until_begun(&self) -> u64 {
        loop {
            let begun = self.begun.notified();
            if let Some(lowest) = self.registry.lowest() {
                return lowest;
            }
            begun.await;
        }
    }

    /// Waits until an address has begun; returns how far it has come.
    pub(super) async fn until_reached(&self, mention: &Address) -> u64 {
        loop {
            let begun = self.begun.notified();
            if let Some(reached) = self.registry.reached(mention) {
                return reached;
            }
            begun.await;
        }
    }

    /// An address has begun.
    pub(super) fn has_begun(&self) {
        self.begun.notify_waiters();
    }

    /// Where the watch stands that is furthest behind the walk along the chain and has room; `None` if all are with it.
    pub(super) fn furthest_behind(&self) -> Option<u64> {
        self.registry.lowest_behind(self.stats.cursor()?)
    }

    /// Hands a block to everyone whose next one it is.
    pub(super) fn hand_out(&self, block: &Handout) {
        let out = self.registry.block(&self.origin(), block);
        self.stats.transactions(out.transactions);
        self.open(out.holes);
    }

    /// Hands a transaction to everyone who asked and does not have it. Returns whether it need not come again.
    pub(super) fn deliver(&self, transaction: &Arc<Transaction>, how: &How) -> bool {
        if !self.vitals.trusted() {
            self.stats.distrusted();
            return false;
        }
        if self.stats.cursor().is_some() {
            // The walk along the chain brings it, or has.
            return true;
        }
        let delivered = self.registry.transaction(&self.origin(), transaction, how);
        self.stats.delivered(delivered);
        delivered != Delivered::NoRoom
    }

    /// What is missing there is tried again later.
    pub(super) fn open(&self, holes: Vec<Hole>) {
        for hole in holes {
            // Without a receiver the feed has ended, and the store keeps the hole for the next start.
            if self.holes.send(hole).is_err() {
                return;
            }
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
