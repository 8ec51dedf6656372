//! Following accounts: one subscription per account, and a snapshot after every (re)connect, since nodes send no
//! initial state and nothing of what was missed.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eda_events::Address;
use serde_json::json;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    fact::AccountFact,
    notification::{RawAccount, WithSlot},
    shared::Shared,
    sweep::{Sweep, Swept},
};
use crate::{
    backoff::{Backoff, jittered},
    calls::RequestError,
    pubsub::{Notice, Rejection, SubscribeError, Subscription, Topic},
    request::{Class, Method},
};

/// Nodes take at most this many keys in one `getMultipleAccounts` (connection.md 2.7); some providers fewer.
pub(super) const KEYS_PER_READ: usize = 100;
/// Accounts that go live one after the other are read together: so long is waited for the next. More than the
/// pause between two subscription requests, which are paced (`pubsub::Config::frames_per_second`).
const GATHER: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Room on the WebSocket is looked for again after about this long.
const CROWDED_PAUSE: Duration = Duration::from_secs(1);

pub(super) const GET_MULTIPLE_ACCOUNTS: Method = Method::new("getMultipleAccounts");

/// The accounts that need a snapshot, in the order in which they began to; each stands here once.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    wanted: Mutex<Wanted>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Wanted {
    order: VecDeque<Address>,
    known: HashSet<Address>,
}

// === impl Snapshots ===

impl Snapshots {
    fn want(&self, address: Address) {
        let mut wanted = self.lock();
        if wanted.known.insert(address) {
            wanted.order.push_back(address);
        }
        drop(wanted);
        self.added.notify_one();
    }

    /// The next accounts, at most `most` of them; waits while there are none.
    async fn next(&self, most: usize) -> Vec<Address> {
        let mut waiting = 0;
        loop {
            let now = self.lock().order.len();
            if now == 0 {
                self.added.notified().await;
            } else if now >= most || now == waiting {
                break;
            } else {
                waiting = now;
                sleep(GATHER).await;
            }
        }
        let mut wanted = self.lock();
        let count = wanted.order.len().min(most);
        let next: Vec<Address> = wanted.order.drain(..count).collect();
        for address in &next {
            wanted.known.remove(address);
        }
        next
    }

    /// Nothing panics under this lock; were it to happen, both collections would still be whole.
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one account until told to stop. As long as it is not served it is swept; `swept` is it already.
pub(super) async fn follow(
    shared: Arc<Shared>,
    address: Address,
    snapshots: Arc<Snapshots>,
    sweep: Arc<Sweep>,
    mut swept: Option<Swept>,
    stop: CancellationToken,
) {
    let what = format!("account {address}");
    let topic = Topic::Account { address, commitment: shared.commitment };
    stop.run_until_cancelled(async {
        loop {
            match shared.pubsub.subscribe(topic.clone(), 16) {
                Ok(mut subscription) => {
                    let listening =
                        listen(&shared, &what, address, &snapshots, &mut swept, &mut subscription);
                    let Some(rejection) = listening.await else { return };
                    swept.get_or_insert_with(|| sweep.cover(address));
                    shared.rejected(&what, &rejection).await;
                }
                Err(SubscribeError::Closed) => return,
                // Whoever is to make room for it has not left yet.
                Err(SubscribeError::OverCap { .. } | SubscribeError::TooLong { .. }) => {
                    swept.get_or_insert_with(|| sweep.cover(address));
                    sleep(jittered(CROWDED_PAUSE)).await;
                }
            }
        }
    })
    .await;
}

/// Returns the node's refusal, or `None` when the socket is closed for good.
async fn listen(
    shared: &Shared,
    what: &str,
    address: Address,
    snapshots: &Snapshots,
    swept: &mut Option<Swept>,
    subscription: &mut Subscription,
) -> Option<Rejection> {
    loop {
        match subscription.next().await? {
            Notice::Update(update) => {
                let read = serde_json::from_str::<WithSlot<RawAccount>>(update.get());
                let decoded = read.map_err(|error| error.to_string()).and_then(|account| {
                    let slot = account.slot();
                    let state = account.value.decode().map_err(|error| error.to_string())?;
                    Ok(AccountFact { address, slot, state: Some(state), snapshot: false })
                });
                match decoded {
                    Ok(fact) => shared.account(fact),
                    Err(reason) => {
                        shared.stats.odd_notification("account", &reason);
                        snapshots.want(address);
                    }
                }
            }
            // Subscribed first, read afterwards: nothing can fall between the two.
            Notice::Live { .. } => {
                shared.stats.accepted(what);
                drop(swept.take());
                snapshots.want(address);
            }
            Notice::Down { .. } => shared.stats.interrupted(),
            // The queue keeps the newest state, so nothing that counts is missing.
            Notice::Missed { .. } => {}
            Notice::Rejected(rejection) => return Some(rejection),
        }
    }
}

/// Has every followed account read again from time to time: nodes have been seen to stop notifying in silence
/// (agave#4456), and a state that is read twice is handed out once.
pub(super) async fn read_again(
    shared: Arc<Shared>,
    snapshots: Arc<Snapshots>,
    sweep: Arc<Sweep>,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(sleep(shared.compare_every())).await.is_some() {
        let followed = shared.registry.wanted().accounts;
        // What is swept is read more often than that.
        followed.iter().filter(|address| !sweep.covers(address)).for_each(|address| snapshots.want(*address));
    }
}

/// Reads the accounts that need a snapshot, as many as possible at once.
pub(super) async fn read_snapshots(shared: Arc<Shared>, snapshots: Arc<Snapshots>, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        let mut most = KEYS_PER_READ;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let mut addresses = snapshots.next(most).await;
            shared.vitals.until_trusted().await;
            addresses.retain(|address| shared.registry.follows(address));
            if addresses.is_empty() {
                continue;
            }
            let Err(error) = read(&shared, Class::Detect, &addresses).await else {
                shared.stats.snapshot(addresses.len());
                backoff.reset();
                continue;
            };
            shared.stats.failed(&GET_MULTIPLE_ACCOUNTS, &error);
            if error.is_too_much() {
                most = (addresses.len() / 2).max(1);
            }
            // Behind the others, so that one that cannot be read holds up nobody.
            addresses.iter().for_each(|address| snapshots.want(*address));
            sleep(backoff.pause()).await;
        }
    })
    .await;
}

/// Reads accounts, and hands out what they hold.
pub(super) async fn read(shared: &Shared, class: Class, addresses: &[Address]) -> Result<(), RequestError> {
    let keys: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let params = json!([keys, { "commitment": shared.commitment, "encoding": "base64" }]);
    let reply = shared.calls.shared(class, GET_MULTIPLE_ACCOUNTS, params).await?;
    let unexpected = |error: &dyn std::fmt::Display| RequestError::unexpected(&GET_MULTIPLE_ACCOUNTS, error);
    let read: WithSlot<Vec<Option<RawAccount>>> =
        serde_json::from_str(reply.result.get()).map_err(|error| unexpected(&error))?;
    if read.value.len() != addresses.len() {
        return Err(unexpected(&format!("{} accounts for {} keys", read.value.len(), addresses.len())));
    }
    let slot = read.slot();
    for (address, account) in addresses.iter().zip(read.value) {
        match account.map(RawAccount::decode).transpose() {
            Ok(state) => shared.account(AccountFact { address: *address, slot, state, snapshot: true }),
            Err(error) => shared.stats.odd_notification("snapshot", &error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_are_read_together_in_their_order_and_each_once() {
        let snapshots = Snapshots::default();
        for byte in [3, 1, 2, 3, 1] {
            snapshots.want(address(byte));
        }
        assert_eq!(snapshots.next(2).await, [address(3), address(1)]);
        snapshots.want(address(3));
        assert_eq!(snapshots.next(100).await, [address(2), address(3)]);
    }
}
