use std::collections::{BTreeMap, BTreeSet};

use eda_connection::feed::{Interest, Watch};
use eda_events::{Address, Slot};
use eda_simnet::Verdict;

use crate::{
    node::{GENESIS_SLOT, address},
    setup::{World, eventually, next_account, within, world, world_with},
};

/// A provider that carries five subscriptions: three of accounts, one of the slots, one of which is kept free for the
/// account by which the WebSocket shows its chain.
async fn small_world() -> World {
    world_with(|config| {
        config.sites[0].limits.subscriptions = Some(5);
        config.pubsub.max_subscriptions = 5;
    })
    .await
}

fn interests(numbers: impl IntoIterator<Item = u8>) -> Vec<Interest> {
    numbers.into_iter().map(|number| Interest::Account(address(number))).collect()
}

fn swept(world: &World) -> BTreeSet<Address> {
    world.manager.stats().swept
}

async fn balances(watch: &Watch, count: usize) -> BTreeMap<Address, u64> {
    let mut balances = BTreeMap::new();
    while balances.len() < count {
        let fact = next_account(watch).await;
        balances.insert(fact.address, fact.state.unwrap().lamports);
    }
    balances
}

#[tokio::test]
async fn accounts_without_room_are_swept_and_move_up_when_there_is_some() {
    let world = small_world().await;
    for number in 1..=5 {
        world.node.hold(address(number), u64::from(number));
    }
    let lease = world.lease();
    let first = lease.watch(&interests([1, 2, 3])).unwrap();
    assert_eq!(balances(&first, 3).await.len(), 3);
    assert_eq!(swept(&world), BTreeSet::new());
    let later = lease.watch(&interests([4, 5])).unwrap();
    assert_eq!(balances(&later, 2).await, [(address(4), 4), (address(5), 5)].into());
    assert_eq!(swept(&world), [address(4), address(5)].into());
    let lines = world.manager.stats().plan.unwrap().lines;
    assert!(lines.iter().any(|line| line.contains("a sweep of 2 account(s)")), "{lines:?}");

    // It changes, and nobody notifies.
    world.node.hold(address(4), 40);
    world.node.read_at(GENESIS_SLOT + 7);
    let changed = next_account(&later).await;
    assert_eq!((changed.address, changed.slot, changed.snapshot), (address(4), Slot(GENESIS_SLOT + 7), true));
    assert_eq!(changed.state.unwrap().lamports, 40);

    drop(first);
    for number in [4, 5] {
        let text = address(number).to_string();
        within(world.node.front.pubsub().subscribed("accountSubscribe", Some(&text))).await;
    }
    eventually(|| swept(&world).is_empty()).await;
    world.node.notify_account(address(5), 500, 50);
    let notified = next_account(&later).await;
    assert_eq!((notified.slot, notified.snapshot), (Slot(500), false));
    drop((later, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_sweep_tells_what_changed_and_never_goes_back_in_slot() {
    let world = small_world().await;
    let lease = world.lease();
    let watch = lease.watch(&interests(1..=4)).unwrap();
    for _ in 0..4 {
        next_account(&watch).await;
    }
    let [one] = Vec::from_iter(swept(&world)).try_into().unwrap();
    world.node.read_at(500);
    // Read again and again, and news to nobody. One answer may have been on its way.
    let before = world.manager.stats().feed.accounts_unchanged;
    eventually(|| world.manager.stats().feed.accounts_unchanged >= before + 3).await;
    assert_eq!(world.manager.stats().feed.accounts, 4);
    // A node that lags: what it shows was different before slot 500, and is not told any more.
    world.node.hold(one, 7);
    world.node.read_at(499);
    eventually(|| world.manager.stats().feed.accounts_stale >= 3).await;
    world.node.read_at(501);
    let told = next_account(&watch).await;
    assert_eq!((told.address, told.slot), (one, Slot(501)));
    let feed = world.manager.stats().feed;
    assert!(feed.swept == feed.sweeps && feed.accounts == 5, "{feed:?}");
    drop((watch, lease));
    world.stop().await;
}

/// Providers refuse subscriptions for reasons of their own, such as a cap that nobody stated.
#[tokio::test]
async fn an_account_whose_subscription_is_refused_is_swept_meanwhile() {
    let world = world().await;
    world.node.hold(address(1), 1);
    world.node.front.pubsub().respond(|call| {
        if call.method == "accountSubscribe" && call.params[0] == address(1).to_string() {
            return Verdict::error(-32602, "not on this plan");
        }
        Verdict::Node
    });
    let lease = world.lease();
    let watch = lease.watch(&interests([1])).unwrap();
    assert_eq!(next_account(&watch).await.state.unwrap().lamports, 1);
    assert_eq!(swept(&world), [address(1)].into());
    world.node.hold(address(1), 2);
    world.node.read_at(GENESIS_SLOT + 1);
    assert_eq!(next_account(&watch).await.state.unwrap().lamports, 2);
    // It has all that it listens to.
    eventually(|| world.manager.lacking(lease.worker()).is_none()).await;
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn many_accounts_are_swept_in_few_requests() {
    let world = small_world().await;
    for number in 1..=200 {
        world.node.hold(address(number), u64::from(number));
    }
    let lease = world.lease();
    let watch = lease.watch(&interests(1..=200)).unwrap();
    let told = balances(&watch, 200).await;
    assert!(told.iter().all(|(account, lamports)| *account == address(u8::try_from(*lamports).unwrap())));
    eventually(|| world.manager.stats().feed.sweeps >= 10).await;
    let feed = world.manager.stats().feed;
    assert_eq!(swept(&world).len(), 197);
    assert!(feed.swept >= 97 * feed.sweeps, "{feed:?}");
    drop((watch, lease));
    world.stop().await;
}
