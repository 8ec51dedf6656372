use eda_connection::feed::Interest;
use eda_events::{Slot, WorkerName};

use crate::{
    node::{GENESIS_SLOT, address},
    setup::{eventually, next_account, within, world},
};

const WATCHED: u8 = 5;

#[tokio::test]
async fn an_account_is_told_as_it_is_after_subscribing_and_after_every_reconnect() {
    let world = world().await;
    world.node.hold(address(WATCHED), 10);
    let lease = world.lease();
    let watch = lease.watch(&[Interest::Account(address(WATCHED))]).unwrap();
    let first = next_account(&watch).await;
    assert_eq!((first.slot, first.snapshot), (Slot(GENESIS_SLOT), true));
    assert_eq!(first.state.unwrap().lamports, 10);

    world.node.notify_account(address(WATCHED), GENESIS_SLOT + 1, 11);
    let changed = next_account(&watch).await;
    assert_eq!((changed.slot, changed.snapshot), (Slot(GENESIS_SLOT + 1), false));
    assert_eq!(changed.state.unwrap().lamports, 11);

    // It changes while nobody is told.
    world.node.hold(address(WATCHED), 12);
    world.node.read_at(GENESIS_SLOT + 2);
    world.node.front.ws().kill_connections();
    let again = next_account(&watch).await;
    assert_eq!((again.slot, again.snapshot), (Slot(GENESIS_SLOT + 2), true));
    assert_eq!(again.state.unwrap().lamports, 12);
    assert!(world.manager.stats().feed.interruptions >= 1);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn an_account_never_goes_back_in_slot() {
    let world = world().await;
    world.node.hold(address(WATCHED), 10);
    let lease = world.lease();
    let watch = lease.watch(&[Interest::Account(address(WATCHED))]).unwrap();
    next_account(&watch).await;
    world.node.notify_account(address(WATCHED), 500, 50);
    assert_eq!(next_account(&watch).await.slot, Slot(500));
    // An older notification, and after the reconnect a node that lags.
    world.node.notify_account(address(WATCHED), 499, 49);
    world.node.read_at(498);
    eventually(|| world.manager.stats().feed.accounts_stale == 1).await;
    world.node.front.ws().kill_connections();
    eventually(|| world.manager.stats().feed.accounts_stale >= 2).await;
    within(world.node.front.pubsub().subscribed("accountSubscribe", Some(&address(WATCHED).to_string())))
        .await;
    world.node.notify_account(address(WATCHED), 501, 51);
    assert_eq!(next_account(&watch).await.slot, Slot(501));
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn five_watchers_of_an_account_cost_one_subscription_and_all_are_told() {
    let world = world().await;
    world.node.hold(address(WATCHED), 10);
    let leases = WorkerName::ALL.map(|name| world.manager.lease(name));
    let mut watches = Vec::new();
    for lease in &leases {
        watches.push(lease.watch(&[Interest::Account(address(WATCHED))]).unwrap());
    }
    for watch in &watches {
        assert_eq!(next_account(watch).await.state.unwrap().lamports, 10);
    }
    world.node.notify_account(address(WATCHED), 500, 50);
    for watch in &watches {
        assert_eq!(next_account(watch).await.state.unwrap().lamports, 50);
    }
    let subscribed = || {
        let calls = world.node.front.pubsub().journal().of("accountSubscribe");
        calls.into_iter().filter(|call| call.params[0] == address(WATCHED).to_string()).count()
    };
    assert_eq!(subscribed(), 1);
    // The last one to leave takes the subscription along.
    let last = watches.pop();
    drop(watches);
    world.node.notify_account(address(WATCHED), 501, 51);
    assert_eq!(next_account(last.as_ref().unwrap()).await.slot, Slot(501));
    drop(last);
    let gone = world.node.front.pubsub().until(|all| {
        !all.iter().any(|subscription| subscription.first() == Some(&address(WATCHED).to_string()))
    });
    within(gone).await;
    assert_eq!(subscribed(), 1);
    drop(leases);
    world.stop().await;
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_told_as_missing() {
    let world = world().await;
    let lease = world.lease();
    let watch = lease.watch(&[Interest::Account(address(WATCHED))]).unwrap();
    let missing = next_account(&watch).await;
    assert!(missing.state.is_none() && missing.snapshot);
    assert_eq!(missing.owner_label(), "missing");
    world.node.notify_account(address(WATCHED), 500, 50);
    assert_eq!(next_account(&watch).await.state.unwrap().lamports, 50);
    drop((watch, lease));
    world.stop().await;
}

/// A watch that is given back and asked for again at once finds its account followed already.
#[tokio::test]
async fn a_watch_that_takes_the_place_of_another_is_told_the_state_too() {
    let world = world().await;
    world.node.hold(address(WATCHED), 10);
    let lease = world.lease();
    let mut watch = lease.watch(&[Interest::Account(address(WATCHED))]).unwrap();
    next_account(&watch).await;
    for _ in 0..20 {
        drop(watch);
        watch = lease.watch(&[Interest::Account(address(WATCHED))]).unwrap();
        assert_eq!(next_account(&watch).await.state.unwrap().lamports, 10);
    }
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn many_accounts_are_read_in_few_calls_and_each_is_told() {
    let world = world().await;
    for number in 1..=90 {
        world.node.hold(address(number), u64::from(number));
    }
    let lease = world.lease();
    let interests: Vec<Interest> = (1..=90).map(|number| Interest::Account(address(number))).collect();
    let watch = lease.watch(&interests).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    while seen.len() < 90 {
        let fact = next_account(&watch).await;
        seen.insert(fact.address, fact.state.unwrap().lamports);
    }
    for number in 1..=90 {
        assert_eq!(seen[&address(number)], u64::from(number));
    }
    let reads = world.node.asked("getMultipleAccounts");
    assert!(reads.len() <= 10, "{} reads", reads.len());
    drop((watch, lease));
    world.stop().await;
}
