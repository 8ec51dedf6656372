use std::{future::Future, sync::Arc, time::Duration};

use eda_connection::{
    Config, ConnectionManager, Lease, Site,
    checkpoints::NoCheckpoints,
    endpoint::Endpoint,
    failover::Bounds,
    feed::{AccountFact, Choice, Fed, FeedConfig, Interest, LogHint, Mode, Start, Traffic, Watch},
    http::HttpConfig,
    pubsub, savings,
};
use eda_events::{
    Address, Commitment, Delivery, WorkerName,
    log::{How, Progress, Span},
    mailbox::Mailbox,
};
use eda_limits::Limits;
use eda_simnet::Protocol;
use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use crate::node::{Node, Pulse};

/// Keeps a broken test from hanging; no test depends on how long anything takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// What a lease's call may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A node and a connection to it.
pub(crate) struct World {
    pub(crate) node: Arc<Node>,
    pub(crate) manager: Arc<ConnectionManager>,
    _pulse: Pulse,
}

/// What a watch's reader got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// A transaction, by its signature.
    Tx(String),
    /// Slots that are missing, first and last.
    Hole(u64, u64),
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("the test hangs")
}

/// Looks again and again until it is so.
pub(crate) async fn eventually(mut reached: impl FnMut() -> bool) {
    within(async {
        while !reached() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// The endpoint of a node, without limits.
pub(crate) fn site(node: &Node, priority: u32) -> Site {
    let endpoint = Endpoint::parse(&node.front.http_url(), None).unwrap();
    Site { endpoint, limits: Limits::default(), priority }
}

pub(crate) fn config(node: &Node) -> Config {
    Config {
        sites: vec![site(node, 0)],
        weights: [].into(),
        extra_roots: vec![node.front.certificate_der().to_vec()],
        connect_timeout: Duration::from_secs(10),
        http: HttpConfig::default(),
        pubsub: pubsub::Config {
            linger: Duration::from_millis(20),
            retry_base: Duration::from_millis(20),
            retry_cap: Duration::from_millis(100),
            ..pubsub::Config::default()
        },
        failover: Bounds::default(),
        feed: FeedConfig {
            choice: Choice::Auto,
            commitment: Commitment::Confirmed,
            nominal_slot_time: Duration::from_millis(20),
            queue: 4_096,
            sweep_interval: Duration::from_millis(50),
            checkpoints: Arc::new(NoCheckpoints),
            start: Start::Now,
            catch_up: Duration::from_secs(3_600),
            compare_every: Duration::from_secs(1),
            over_plan: false,
        },
        savings: savings::Config::default(),
    }
}

/// A connection to a node of its own, in cleartext HTTP/1.1.
pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

pub(crate) async fn world_with(adjust: impl FnOnce(&mut Config)) -> World {
    let node = Arc::new(Node::start(Protocol::Http1).await);
    World::of(node, adjust)
}

pub(crate) fn mentions(mention: Address, traffic: Traffic) -> Interest {
    Interest::Transactions { mention, traffic, hint: LogHint::ALWAYS }
}

pub(crate) fn by_blocks(config: &mut Config) {
    config.feed.choice = Choice::Always(Mode::Blocks);
}

/// The next thing in a mailbox beside progress, taken out of it.
pub(crate) async fn next(mailbox: &Mailbox<Fed>) -> Got {
    loop {
        let got = within(mailbox.next()).await.expect("the mailbox is open");
        mailbox.done();
        match got {
            Delivery::Item(Fed::Transaction(fact)) => {
                return Got::Tx(fact.transaction.signature().to_string());
            }
            Delivery::Item(Fed::Proof(proof)) => {
                if let Progress::Reached(Span { from, to, how: How::Unproven(_) }) = proof.progress {
                    return Got::Hole(from.0, to.0);
                }
            }
            Delivery::Item(Fed::Forked) => panic!("the chain does not fork here"),
            Delivery::Gap { missed } => panic!("a gap of {missed}"),
        }
    }
}

/// Waits until a watch of one address has begun: what happens from now on is its to have.
pub(crate) async fn until_begun(watch: &Watch) {
    let first = within(watch.transactions.next()).await.expect("the mailbox is open");
    let Delivery::Item(Fed::Proof(proof)) = first else { panic!("{first:?} comes before the beginning") };
    assert!(matches!(proof.progress, Progress::Begins { .. }), "{proof:?} comes before the beginning");
    watch.transactions.done();
}

/// The next transactions, by their signatures; a hole is a failure.
pub(crate) async fn take(watch: &Watch, count: usize) -> Vec<String> {
    let mut signatures = Vec::new();
    for _ in 0..count {
        match next(&watch.transactions).await {
            Got::Tx(signature) => signatures.push(signature),
            hole @ Got::Hole(..) => panic!("{hole:?} after {} transactions", signatures.len()),
        }
    }
    signatures
}

/// The next account fact, taken out of its queue.
pub(crate) async fn next_account(watch: &Watch) -> AccountFact {
    let (_, fact) = within(watch.accounts.next()).await.expect("the queue is open");
    watch.accounts.done();
    fact
}

/// Nothing but progress waits for this reader.
pub(crate) fn is_empty(watch: &Watch) -> bool {
    while let Some(Some(delivery)) = watch.transactions.next().now_or_never() {
        if !matches!(delivery, Delivery::Item(Fed::Proof(_))) {
            return false;
        }
        watch.transactions.done();
    }
    true
}

impl World {
    pub(crate) fn of(node: Arc<Node>, adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&node);
        adjust(&mut config);
        let pulse = node.pulse();
        Self { node, manager: ConnectionManager::open(config).unwrap(), _pulse: pulse }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.manager.lease(WorkerName::BurnDetector)
    }

    /// Waits until both sockets are closed, as the servers see it.
    pub(crate) async fn until_closed(&self) {
        within(async {
            self.node.front.http().tally().until(|traffic| traffic.open == 0).await;
            self.node.front.ws().tally().until(|traffic| traffic.open == 0).await;
        })
        .await;
    }

    pub(crate) async fn stop(self) {
        within(self.manager.shut_down()).await;
        self.until_closed().await;
        within(self.node.front.stop()).await;
    }
}
