//! Accounts that find no room on the WebSocket: read in turn, as many at a time as the node takes.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eda_events::Address;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    accounts::{GET_MULTIPLE_ACCOUNTS, KEYS_PER_READ, read},
    pace::Pace,
    shared::Shared,
};
use crate::{backoff::Backoff, request::Class};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The accounts that are swept now.
#[derive(Debug)]
pub(super) struct Sweep {
    interval: Duration,
    pace: Arc<Pace>,
    round: Mutex<Round>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Round {
    /// How many want an account swept.
    wanted: HashMap<Address, usize>,
    /// First those that were not read yet, as many as `unread` says, then the one that was not read for longest.
    order: VecDeque<Address>,
    unread: usize,
    last_read: Option<Instant>,
}

/// An account is swept as long as this lives.
#[derive(Debug)]
pub(super) struct Swept {
    sweep: Arc<Sweep>,
    address: Address,
}

// === impl Sweep ===

impl Sweep {
    /// Sweeps nothing yet; each account once in every `interval`, as long as `pace` makes that.
    pub(super) fn new(interval: Duration, pace: Arc<Pace>) -> Self {
        Self { interval, pace, round: Mutex::default(), added: Notify::new() }
    }

    /// Sweeps an account from now on.
    pub(super) fn cover(self: &Arc<Self>, address: Address) -> Swept {
        let mut round = self.round();
        let wanted_by = round.wanted.entry(address).or_default();
        *wanted_by += 1;
        if *wanted_by == 1 {
            round.order.push_front(address);
            round.unread += 1;
        }
        drop(round);
        self.added.notify_one();
        Swept { sweep: Arc::clone(self), address }
    }

    /// Whether an account is swept.
    pub(super) fn covers(&self, address: &Address) -> bool {
        self.round().wanted.contains_key(address)
    }

    /// The accounts that are swept.
    pub(super) fn list(&self) -> BTreeSet<Address> {
        self.round().wanted.keys().copied().collect()
    }

    /// The accounts to read next, at most `most`; waits until there are any. Whoever is new is read at once; else the
    /// reads of a round are spread over the interval.
    async fn next(&self, most: usize) -> Vec<Address> {
        loop {
            let (next, due) = self.round().next(most, self.pace.of(self.interval));
            match due {
                None if next == 0 => self.added.notified().await,
                Some(due) if due > Instant::now() => drop(timeout_at(due, self.added.notified()).await),
                None | Some(_) => return self.round().take(next),
            }
        }
    }

    /// These could not be read: they are as good as new.
    fn again(&self, addresses: &[Address]) {
        let mut round = self.round();
        for address in addresses.iter().rev() {
            // It may not be wanted any more.
            if let Some(position) = round.order.iter().position(|other| other == address) {
                round.order.remove(position);
                round.order.push_front(*address);
                if position >= round.unread {
                    round.unread += 1;
                }
            }
        }
    }

    /// Nothing panics under this lock; were it to happen, both collections would still be whole.
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Round ===

impl Round {
    /// How many are to be read next, and when, if not at once.
    fn next(&self, most: usize, interval: Duration) -> (usize, Option<Instant>) {
        let all = self.order.len();
        let reads = all.div_ceil(most.max(1)).max(1);
        match self.last_read {
            // There is room for others along with those that are new.
            Some(last) if self.unread == 0 && all > 0 => {
                let pace = interval / u32::try_from(reads).unwrap_or(u32::MAX);
                (all.div_ceil(reads), Some(last + pace))
            }
            Some(_) | None => (all.min(most), None),
        }
    }

    /// The next ones, which are last from now on.
    fn take(&mut self, count: usize) -> Vec<Address> {
        let next: Vec<Address> = self.order.drain(..count.min(self.order.len())).collect();
        self.order.extend(&next);
        self.unread = self.unread.saturating_sub(next.len());
        self.last_read = Some(Instant::now());
        next
    }
}

// === impl Swept ===

impl Drop for Swept {
    fn drop(&mut self) {
        let mut round = self.sweep.round();
        let Some(wanted_by) = round.wanted.get_mut(&self.address) else { return };
        *wanted_by -= 1;
        if *wanted_by > 0 {
            return;
        }
        round.wanted.remove(&self.address);
        if let Some(position) = round.order.iter().position(|address| *address == self.address) {
            round.order.remove(position);
            if position < round.unread {
                round.unread -= 1;
            }
        }
    }
}

/// Reads what is swept, until told to stop.
pub(super) async fn run(shared: Arc<Shared>, sweep: Arc<Sweep>, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        let mut most = KEYS_PER_READ;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let mut addresses = sweep.next(most).await;
            shared.vitals.until_trusted().await;
            addresses.retain(|address| shared.registry.follows(address));
            if addresses.is_empty() {
                continue;
            }
            let Err(error) = read(&shared, Class::Poll, &addresses).await else {
                shared.stats.swept(addresses.len());
                backoff.reset();
                continue;
            };
            shared.stats.failed(&GET_MULTIPLE_ACCOUNTS, &error);
            if error.is_too_much() {
                most = (addresses.len() / 2).max(1);
            }
            sweep.again(&addresses);
            sleep(backoff.pause()).await;
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn address(number: u16) -> Address {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Address::new_from_array(bytes)
    }

    fn addresses(numbers: impl IntoIterator<Item = u16>) -> Vec<Address> {
        numbers.into_iter().map(address).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_account_is_read_once_in_an_interval_by_reads_that_are_spread_over_it() {
        let sweep = Arc::new(Sweep::new(INTERVAL, Arc::default()));
        let covered: Vec<Swept> = addresses(0..250).into_iter().map(|it| sweep.cover(it)).collect();
        let began = Instant::now();
        let (mut last, mut reads) = (HashMap::new(), Vec::new());
        while began.elapsed() < INTERVAL * 20 {
            let next = sweep.next(100).await;
            assert!(next.len() <= 100);
            for address in next {
                if let Some(before) = last.insert(address, Instant::now()) {
                    // Timers wake by whole milliseconds.
                    let most = INTERVAL + Duration::from_millis(3);
                    assert!(before.elapsed() <= most, "{address}: {:?}", before.elapsed());
                }
            }
            reads.push(began.elapsed());
        }
        assert_eq!(last.len(), 250);
        // At first all of them are new.
        assert_eq!(reads[..3], [Duration::ZERO; 3]);
        assert!(reads[2..].windows(2).all(|pair| pair[1] - pair[0] >= INTERVAL / 3), "{reads:?}");
        drop(covered);
        assert!(sweep.list().is_empty() && sweep.round().order.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_added_is_read_at_once_and_who_failed_again() {
        let sweep = Arc::new(Sweep::new(INTERVAL, Arc::default()));
        let _one = sweep.cover(address(1));
        assert_eq!(sweep.next(2).await, addresses([1]));
        let began = Instant::now();
        let adding = async {
            sleep(Duration::from_secs(1)).await;
            sweep.cover(address(2))
        };
        let (next, _two) = tokio::join!(sweep.next(1), adding);
        assert_eq!((next, began.elapsed()), (addresses([2]), Duration::from_secs(1)));
        sweep.again(&addresses([2]));
        assert_eq!(sweep.next(1).await, addresses([2]));
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        assert_eq!(sweep.next(1).await, addresses([1]));
        assert_eq!(began.elapsed(), Duration::from_secs(1) + INTERVAL / 2);
        assert_eq!(sweep.next(2).await, addresses([2, 1]));
        assert_eq!(began.elapsed(), Duration::from_secs(1) + INTERVAL / 2 + INTERVAL);
    }

    #[test]
    fn an_account_is_swept_until_nobody_wants_it_swept() {
        let sweep = Arc::new(Sweep::new(INTERVAL, Arc::default()));
        let (one, other) = (sweep.cover(address(1)), sweep.cover(address(1)));
        drop(one);
        assert!(sweep.covers(&address(1)) && sweep.round().order.len() == 1);
        drop(other);
        assert!(!sweep.covers(&address(1)) && sweep.round().order.is_empty());
    }

    proptest! {
        #[test]
        fn who_is_new_is_read_first_whatever_comes_and_goes(
            steps in proptest::collection::vec((0_u8..4, 0_u16..12, 1_usize..8), 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(async {
                let sweep = Arc::new(Sweep::new(INTERVAL, Arc::default()));
                let (mut covered, mut unread) = (HashMap::new(), BTreeSet::new());
                for (step, number, most) in steps {
                    let address = address(number);
                    match step {
                        0 => {
                            if covered.insert(address, sweep.cover(address)).is_none() {
                                unread.insert(address);
                            }
                        }
                        1 => {
                            covered.remove(&address);
                            unread.remove(&address);
                        }
                        2 => {
                            sweep.again(&[address]);
                            if covered.contains_key(&address) {
                                unread.insert(address);
                            }
                        }
                        _ if covered.is_empty() => {}
                        _ => {
                            let next = sweep.next(most).await;
                            let new = next.iter().filter(|address| unread.remove(*address)).count();
                            prop_assert!(new == next.len().min(new + unread.len()), "{next:?} {unread:?}");
                        }
                    }
                    let round = sweep.round();
                    prop_assert_eq!((round.order.len(), round.unread), (covered.len(), unread.len()));
                }
                Ok(())
            })?;
        }
    }
}
