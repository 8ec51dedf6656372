//! Following addresses by their logs: one `logsSubscribe` per address, and one `getTransaction` for each transaction
//! that its log lines do not rule out.
//!
//! Notifications are quick and prove nothing: a socket that was away, a queue that was full and a node that forgot
//! leave no trace in them. So the address is listed after every (re)connect, before what is notified is handed on, and
//! from time to time, and what nobody has is fetched; only as far as that was done the address has come.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use eda_events::{Address, Signature, log::How};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    blocks::{self, Content},
    cursors::OVERLAP,
    fetch::{Outcome, Settled, Wanted},
    listing::{self, Listed, Listing, Purpose},
    notification::{Logs, WithSlot},
    registry::Missing,
    shared::Shared,
};
use crate::{
    backoff::jittered,
    calls::RequestError,
    pubsub::{Notice, Rejection, Subscription, Topic},
};

/// Notifications that may wait for the follower of one address, or be held back while it is listed.
const NOTIFICATIONS: usize = 4_096;
/// What is notified is held back for so many slots at most.
const PATIENCE_SLOTS: u32 = 16;
/// A listing that failed is made again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Where transactions are fetched: as they happen, and to fill gaps, which never holds up the others.
#[derive(Clone, Debug)]
pub(super) struct Fetchers {
    pub(super) live: mpsc::UnboundedSender<Wanted>,
    pub(super) fill: mpsc::UnboundedSender<Wanted>,
}

/// Follows one address. Owned by one task.
struct Follower {
    shared: Arc<Shared>,
    mention: Address,
    fetchers: Fetchers,
    tell: mpsc::UnboundedSender<Settled>,
    /// What is being fetched as it was notified, with its slot.
    live: HashMap<Signature, u64>,
    gate: Gate,
    /// The listing under way, while the node is asked; at most one.
    asking: FuturesUnordered<BoxFuture<'static, Asked>>,
    /// The listing under way, while what it brought is fetched.
    fetching: Option<Fetching>,
    /// When the next listing begins, unless one is under way.
    next: Instant,
    /// What the next listing is for.
    purpose: Purpose,
    /// Something was lost since the listing under way began, so that another one has to follow at once.
    again: bool,
}

/// Whether what is notified is fetched at once.
enum Gate {
    Open,
    /// What was missed comes first; but where the plan allows few listings, what happens now does not wait for ever.
    Held {
        held: VecDeque<(Signature, u64)>,
        until: Instant,
    },
}

/// What the node said.
enum Asked {
    Listed(Result<Listing, RequestError>),
    /// Every block up to `to` was read instead; what is missing, by slot.
    Read {
        to: u64,
        missing: Missing,
    },
}

/// What a listing still waits for.
struct Fetching {
    to: u64,
    how: How,
    open: HashSet<Signature>,
    missing: Missing,
}

/// Follows the logs of one address until told to stop.
pub(super) async fn follow(
    shared: Arc<Shared>,
    mention: Address,
    fetchers: Fetchers,
    stop: CancellationToken,
) {
    let what = format!("logs of {mention}");
    let topic = Topic::Logs { mentions: Some(mention), commitment: shared.commitment };
    stop.run_until_cancelled(async {
        while let Some(mut subscription) = shared.subscribe(&what, &topic, NOTIFICATIONS).await {
            let (tell, settled) = mpsc::unbounded_channel();
            let follower = Follower::new(Arc::clone(&shared), mention, fetchers.clone(), tell);
            let Some(rejection) = follower.listen(&what, &mut subscription, settled).await else { return };
            shared.rejected(&what, &rejection).await;
        }
    })
    .await;
}

/// Asks the node for everything about the address since it was last listed.
async fn list(shared: Arc<Shared>, mention: Address, purpose: Purpose) -> Asked {
    let reached = shared.until_reached(&mention).await;
    shared.registry.list_begins(&mention);
    Asked::Listed(listing::list(&shared, &mention, reached, purpose).await)
}

/// Reads every block since the address was last listed.
async fn read(shared: Arc<Shared>, mention: Address, to: u64) -> Asked {
    let reached = shared.until_reached(&mention).await;
    let mut missing = Missing::new();
    let show = |slot, content: &Content| match content {
        Content::Lost(reason) => drop(missing.insert(slot, (slot, reason.clone()))),
        Content::Block(block) => {
            if let Some(unreadable) = block.unreadable.first() {
                missing.insert(slot, (slot, unreadable.error.to_string()));
            }
            let wanted =
                block.transactions.iter().filter(|one| !one.failed() && one.keys().contains(&mention));
            for transaction in wanted {
                shared.deliver(transaction, &How::Filled);
            }
        }
    };
    blocks::stretch(&shared, reached, to, show).await;
    Asked::Read { to, missing }
}

// === impl Follower ===

impl Follower {
    fn new(
        shared: Arc<Shared>,
        mention: Address,
        fetchers: Fetchers,
        tell: mpsc::UnboundedSender<Settled>,
    ) -> Self {
        Self {
            shared,
            mention,
            fetchers,
            tell,
            live: HashMap::new(),
            gate: Gate::Open,
            asking: FuturesUnordered::new(),
            fetching: None,
            next: Instant::now(),
            purpose: Purpose::Fill,
            again: false,
        }
    }

    /// Returns the node's refusal, or `None` when the socket is closed for good.
    async fn listen(
        mut self,
        what: &str,
        subscription: &mut Subscription,
        mut settled: mpsc::UnboundedReceiver<Settled>,
    ) -> Option<Rejection> {
        let mut live = false;
        loop {
            let idle = live && self.asking.is_empty() && self.fetching.is_none();
            tokio::select! {
                notice = subscription.next() => match notice? {
                    Notice::Update(update) => self.update(update.get()),
                    Notice::Live { generation } => {
                        live = true;
                        self.went_live(what, generation);
                    }
                    // Until it is live again, nothing is listed: what happens meanwhile would not be in it.
                    Notice::Down { .. } => live = false,
                    Notice::Missed { count } => {
                        self.shared.stats.missed(count);
                        self.hurry();
                    }
                    Notice::Rejected(rejection) => return Some(rejection),
                },
                Some(settled) = settled.recv() => self.settled(settled),
                Some(asked) = self.asking.next() => self.asked(asked),
                () = self.gate.expired() => self.open_gate(),
                () = sleep_until(self.next), if idle => {
                    let listing = list(Arc::clone(&self.shared), self.mention, self.purpose);
                    self.asking.push(listing.boxed());
                }
            }
        }
    }

    /// Subscribed first, listed afterwards: nothing can fall between the two.
    fn went_live(&mut self, what: &str, generation: u64) {
        self.shared.stats.accepted(what);
        if generation > 1 {
            self.shared.stats.interrupted();
        }
        // An address that begins now has missed nothing.
        let missed = generation > 1 || self.shared.registry.goes_on(&self.mention);
        if missed && matches!(self.gate, Gate::Open) {
            let until = Instant::now() + self.shared.slot_time() * PATIENCE_SLOTS;
            self.gate = Gate::Held { held: VecDeque::new(), until };
        }
        // A listing under way goes on: what it brings is as good as before, and begun anew at every reconnect it would
        // never end where reconnects are many.
        self.hurry();
    }

    /// Something is missing, and a listing has to find it.
    fn hurry(&mut self) {
        self.again = !self.asking.is_empty() || self.fetching.is_some();
        self.purpose = Purpose::Fill;
        self.next = Instant::now();
    }

    fn update(&mut self, text: &str) {
        let logs = match serde_json::from_str::<WithSlot<Logs>>(text) {
            Ok(logs) => logs,
            Err(error) => {
                self.shared.stats.odd_notification("logs", &error);
                self.hurry();
                return;
            }
        };
        let (slot, signature) = (logs.slot().0, logs.value.signature);
        self.shared.stats.log_notification();
        let registry = &self.shared.registry;
        if logs.value.failed() {
            self.shared.stats.ruled_out_failed();
            registry.ruled_out(&self.mention, slot, signature);
        } else if let Some(lines) = &logs.value.logs
            && !registry.may_matter(&self.mention, lines)
        {
            self.shared.stats.ruled_out_by_logs();
            registry.ruled_out(&self.mention, slot, signature);
        } else {
            match &mut self.gate {
                Gate::Open => self.fetch_live(signature, slot),
                Gate::Held { held, .. } if held.len() < NOTIFICATIONS => held.push_back((signature, slot)),
                // It is found by the listing after the one under way.
                Gate::Held { .. } => {
                    self.shared.stats.missed(1);
                    self.hurry();
                }
            }
        }
    }

    fn fetch_live(&mut self, signature: Signature, slot: u64) {
        if self.live.contains_key(&signature) || !self.shared.registry.lacks(&self.mention, slot, &signature)
        {
            self.shared.stats.shared_fetch();
            return;
        }
        self.live.insert(signature, slot);
        let wanted = self.wanted(signature, slot, How::Live);
        // Without a fetcher the feed has ended.
        drop(self.fetchers.live.send(wanted));
    }

    fn wanted(&self, signature: Signature, slot: u64, how: How) -> Wanted {
        Wanted { signature, slot, mention: self.mention, how, tell: self.tell.clone() }
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Listed(Ok(Listing::Whole { to, transactions, pruned_to })) => {
                self.fetch(to, &transactions, false, pruned_to);
            }
            Asked::Listed(Ok(Listing::Sample { to, transactions })) => {
                self.fetch(to, &transactions, true, None)
            }
            Asked::Listed(Ok(Listing::Dense { to, signatures, blocks })) => {
                info!(mention = %self.mention, signatures, blocks, "closing a gap by reading blocks, which costs less than its transactions one by one");
                self.asking.push(read(Arc::clone(&self.shared), self.mention, to).boxed());
            }
            Asked::Listed(Err(error)) => {
                self.shared.stats.failed(&listing::GET_SIGNATURES, &error);
                self.next = Instant::now() + jittered(AGAIN);
            }
            Asked::Read { to, missing } => {
                self.fetching = Some(Fetching { to, how: How::Filled, open: HashSet::new(), missing });
                self.conclude();
            }
        }
    }

    /// Fetches what was listed and nobody has.
    fn fetch(&mut self, to: u64, listed: &[Listed], sample: bool, pruned_to: Option<u64>) {
        let registry = &self.shared.registry;
        let lacking = listed.iter().filter(|one| {
            !one.failed
                && !self.live.contains_key(&one.signature)
                && registry.lacks(&self.mention, one.slot, &one.signature)
        });
        let lacking: Vec<&Listed> = lacking.collect();
        self.shared.stats.listed(lacking.len());
        if !lacking.is_empty() {
            debug!(mention = %self.mention, found = lacking.len(), "a listing brought transactions that were not notified");
        }
        let how = match self.purpose {
            _ if sample => How::Sampled,
            Purpose::Compare if lacking.is_empty() => How::Live,
            Purpose::Compare | Purpose::Fill => How::Filled,
        };
        for one in &lacking {
            let (signature, slot) = (one.signature, one.slot);
            drop(self.fetchers.fill.send(self.wanted(signature, slot, How::Filled)));
        }
        let open = lacking.iter().map(|one| one.signature).collect();
        let mut missing = Missing::new();
        if let Some(pruned) = pruned_to {
            missing.insert(pruned, (0, "the node has thrown these slots away".to_owned()));
        }
        self.fetching = Some(Fetching { to, how, open, missing });
        self.conclude();
    }

    fn settled(&mut self, settled: Settled) {
        let Settled { signature, slot, outcome } = settled;
        self.live.remove(&signature);
        if outcome == Outcome::NoRoom {
            self.hurry();
        }
        if let Some(fetching) = &mut self.fetching
            && fetching.open.remove(&signature)
            && let Outcome::Lost(reason) = outcome
        {
            fetching.missing.insert(slot, (slot, reason));
        }
        self.conclude();
    }

    /// Once everything that was listed is there, the address has come so far, and what was held back follows.
    fn conclude(&mut self) {
        let Some(fetching) = self.fetching.take_if(|fetching| fetching.open.is_empty()) else { return };
        // What was notified and is still under way is not there yet; and a node lists its newest slots late.
        let under_way = self.live.values().min().map_or(u64::MAX, |slot| slot.saturating_sub(1));
        let to = fetching.to.saturating_sub(OVERLAP).min(under_way);
        let Fetching { how, missing, .. } = fetching;
        let holes = self.shared.registry.listed(&self.shared.origin(), &self.mention, to, &how, &missing);
        self.shared.open(holes);
        if std::mem::take(&mut self.again) {
            self.next = Instant::now();
            return;
        }
        let gap = self.purpose == Purpose::Fill;
        self.purpose = Purpose::Compare;
        // The end of a gap is proven as soon as the node can have listed it.
        let settling = self.shared.slot_time() * u32::try_from(OVERLAP + 1).unwrap_or(u32::MAX);
        self.next = Instant::now() + if gap { settling } else { self.shared.compare_every() };
        self.open_gate();
    }

    fn open_gate(&mut self) {
        if let Gate::Held { held, .. } = std::mem::replace(&mut self.gate, Gate::Open) {
            for (signature, slot) in held {
                self.fetch_live(signature, slot);
            }
        }
    }
}

// === impl Gate ===

impl Gate {
    /// Resolves when what is held back has waited long enough; never, if nothing is.
    async fn expired(&self) {
        match self {
            Self::Open => std::future::pending().await,
            Self::Held { until, .. } => sleep_until(*until).await,
        }
    }
}
