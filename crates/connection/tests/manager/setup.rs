use std::{future::Future, sync::Arc, time::Duration};

use eda_connection::{
    Config, ConnectionManager, Lease, Site,
    endpoint::Endpoint,
    failover::Bounds,
    feed::{AccountFact, Choice, FeedConfig, Interest, LogHint, Mode, Traffic, TransactionFact, Watch},
    http::HttpConfig,
    pubsub,
};
use eda_events::{Address, Commitment, Delivery, WorkerName, mailbox::Mailbox};
use eda_limits::Limits;
use eda_simnet::Protocol;
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
    Gap(u64),
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
        },
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

/// The next thing in a mailbox, taken out of it.
pub(crate) async fn next(mailbox: &Mailbox<TransactionFact>) -> Got {
    let got = within(mailbox.next()).await.expect("the mailbox is open");
    mailbox.done();
    match got {
        Delivery::Item(fact) => Got::Tx(fact.transaction.signature().to_string()),
        Delivery::Gap { missed } => Got::Gap(missed),
    }
}

/// The next transactions, by their signatures; a gap is a failure.
pub(crate) async fn take(watch: &Watch, count: usize) -> Vec<String> {
    let mut signatures = Vec::new();
    for _ in 0..count {
        match next(&watch.transactions).await {
            Got::Tx(signature) => signatures.push(signature),
            Got::Gap(missed) => panic!("a gap of {missed} after {} transactions", signatures.len()),
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

/// Nothing waits for this reader.
pub(crate) fn is_empty(watch: &Watch) -> bool {
    use eda_events::Input;
    let stats = watch.transactions.stats();
    stats.queued == 0 && stats.oldest.is_none()
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
