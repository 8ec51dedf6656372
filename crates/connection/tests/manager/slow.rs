use eda_connection::feed::{Interest, Traffic};
use eda_events::{Input, WorkerName};

use crate::{
    node::{address, tx},
    setup::{by_blocks, eventually, mentions, next_account, take, within, world_with},
};

const QUEUE: usize = 16;
const WANTED: u8 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_is_not_read_delays_nobody_and_gets_everything_later() {
    let world = world_with(|config| {
        by_blocks(config);
        config.feed.queue = QUEUE;
    })
    .await;
    let leases = [WorkerName::BurnDetector, WorkerName::MarketDetector, WorkerName::TradingBot]
        .map(|name| world.manager.lease(name));
    let interests = [mentions(address(WANTED), Traffic::WholeChain), Interest::Account(address(2))];
    let slow = leases[0].watch(&interests).unwrap();
    let quick = [leases[1].watch(&interests).unwrap(), leases[2].watch(&interests).unwrap()];
    within(world.node.until_listened()).await;
    eventually(|| world.manager.stats().feed.cursor.is_some()).await;

    let mut grown = Vec::new();
    for number in 0..200_u64 {
        let tx = tx(number, &[address(WANTED)]);
        grown.push(tx.signature.clone());
        world.node.grow(vec![tx]);
        if grown.len().is_multiple_of(8) {
            for watch in &quick {
                assert_eq!(take(watch, 8).await, grown[grown.len() - 8..]);
            }
        }
    }
    for slot in 1_000..1_050 {
        world.node.notify_account(address(2), slot, slot);
    }
    for watch in &quick {
        while next_account(watch).await.slot.0 < 1_049 {}
    }

    assert!(slow.transactions.stats().queued <= QUEUE);
    assert_eq!(take(&slow, 200).await, grown);
    // Of an account only the newest state waits.
    assert_eq!(next_account(&slow).await.slot.0, 1_049);
    // It reads again, and gets what happens from now on.
    let tx = tx(999, &[address(WANTED)]);
    world.node.grow(vec![tx.clone()]);
    assert_eq!(take(&slow, 1).await, [tx.signature]);
    drop((slow, quick, leases));
    world.stop().await;
}
