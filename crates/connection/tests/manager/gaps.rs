//! Where following begins, and what holds it up: the rules for filling gaps.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eda_connection::{
    checkpoints::{Checkpoints, Reached, Unreadable},
    feed::{Fed, Traffic, Watch},
};
use eda_events::{
    Delivery, Genesis, Slot, WorkerName,
    log::{How, Interest, Progress, Span},
};
use eda_simnet::Reply;
use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::time::sleep;

use crate::{
    node::{GENESIS_SLOT, address, tx},
    setup::{
        Got, World, by_blocks, eventually, mentions, next, take, until_begun, within, world, world_with,
    },
};

const ONE: u8 = 1;
const TWO: u8 = 2;
const CLEANED_UP: i64 = -32001;

/// What an earlier run is said to have left.
#[derive(Debug, Default)]
struct Earlier {
    /// Nothing of it can be read while this is set.
    unreadable: AtomicBool,
    reached: BTreeMap<String, Reached>,
    holes: Vec<(Slot, Slot)>,
}

impl Checkpoints for Earlier {
    fn reached(
        &self,
        _: &Genesis,
        _: WorkerName,
        interest: &Interest,
    ) -> BoxFuture<'_, Result<Option<Reached>, Unreadable>> {
        let unreadable = self.unreadable.load(Ordering::SeqCst);
        let reached = self.reached.get(interest.as_str()).copied();
        ready(if unreadable { Err(Unreadable("locked".to_owned())) } else { Ok(reached) }).boxed()
    }

    fn holes(
        &self,
        _: &Genesis,
        _: WorkerName,
        _: &Interest,
    ) -> BoxFuture<'_, Result<Vec<(Slot, Slot)>, Unreadable>> {
        ready(Ok(self.holes.clone())).boxed()
    }
}

fn earlier(byte: u8, to: u64) -> Earlier {
    let reached = Reached { begins_after: Slot(1), to: Slot(to) };
    Earlier {
        reached: BTreeMap::from([(format!("transactions:{}", address(byte)), reached)]),
        ..Earlier::default()
    }
}

/// A node whose chain has grown while nobody listened: one transaction of [`ONE`] in each of these slots.
async fn grown(blocks: bool, earlier: Earlier, slots: u64) -> (World, Arc<Earlier>, Vec<String>) {
    let earlier = Arc::new(earlier);
    let checkpoints = Arc::clone(&earlier);
    let world = world_with(|config| {
        if blocks {
            by_blocks(config);
        }
        config.feed.checkpoints = checkpoints;
    })
    .await;
    let signatures = (1..=slots).map(|number| {
        let tx = tx(number, &[address(ONE)]);
        world.node.grow(vec![tx.clone()]);
        tx.signature
    });
    let signatures = signatures.collect();
    (world, earlier, signatures)
}

/// The next progress that is told, whatever transactions come before it.
async fn progress(watch: &Watch) -> Progress {
    loop {
        let got = within(watch.transactions.next()).await.unwrap();
        watch.transactions.done();
        if let Delivery::Item(Fed::Proof(proof)) = got {
            return proof.progress;
        }
    }
}

#[tokio::test]
async fn following_goes_on_where_an_earlier_run_stopped_and_not_at_the_newest_slot() {
    for blocks in [true, false] {
        let (world, _, signatures) = grown(blocks, earlier(ONE, GENESIS_SLOT + 2), 6).await;
        let lease = world.lease();
        let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
        until_begun(&watch).await;
        // By logs, the last slots that were reached are looked at once more: nodes list late.
        let expected = if blocks { &signatures[2..] } else { &signatures[..] };
        let mut taken = take(&watch, expected.len()).await;
        let mut expected = expected.to_vec();
        if !blocks {
            taken.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(taken, expected, "blocks: {blocks}");
        let live = tx(99, &[address(ONE)]);
        let slot = world.node.grow(vec![live.clone()]);
        world.node.logs(slot, &live, &[], &[address(ONE)]);
        assert_eq!(take(&watch, 1).await, [live.signature], "blocks: {blocks}");
        drop((watch, lease));
        world.stop().await;
    }
}

#[tokio::test]
async fn what_was_read_to_catch_up_says_so_and_what_happens_afterwards_does_not() {
    let (world, _, _) = grown(true, earlier(ONE, GENESIS_SLOT), 3).await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    within(world.node.until_listened()).await;
    let mut filled = Vec::new();
    let mut number = 50;
    while filled.last() != Some(&false) {
        number += 1;
        world.node.grow(vec![tx(number, &[address(ONE)])]);
        sleep(Duration::from_millis(5)).await;
        while let Some(Some(Delivery::Item(fed))) = watch.transactions.next().now_or_never() {
            watch.transactions.done();
            if let Fed::Transaction(fact) = fed {
                filled.push(fact.filled);
            }
        }
    }
    assert!(filled[..3].iter().all(|filled| *filled), "{filled:?}");
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn nothing_begins_before_it_is_known_where() {
    let unreadable = Earlier { unreadable: AtomicBool::new(true), ..earlier(ONE, GENESIS_SLOT) };
    let (world, earlier, signatures) = grown(true, unreadable, 3).await;
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    within(lease.identity()).await;
    sleep(Duration::from_millis(300)).await;
    assert!(watch.transactions.next().now_or_never().is_none());
    earlier.unreadable.store(false, Ordering::SeqCst);
    assert_eq!(take(&watch, 3).await, signatures);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn what_lies_too_far_back_is_named_as_missing_and_passed() {
    let checkpoints = Arc::new(earlier(ONE, GENESIS_SLOT));
    let world = world_with(|config| {
        by_blocks(config);
        config.feed.checkpoints = checkpoints;
        // Ten slots of 20 ms.
        config.feed.catch_up = Duration::from_millis(200);
    })
    .await;
    for number in 1..=30 {
        world.node.grow(vec![tx(number, &[address(ONE)])]);
    }
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_begun(&watch).await;
    let Got::Hole(from, to) = next(&watch.transactions).await else { panic!("nothing is named as missing") };
    assert_eq!(from, GENESIS_SLOT + 1);
    assert!((GENESIS_SLOT + 15..GENESIS_SLOT + 30).contains(&to), "{to}");
    let first = take(&watch, 1).await;
    assert_eq!(first[0], tx(to - GENESIS_SLOT + 1, &[address(ONE)]).signature);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_checkpoint_does_not_pass_what_could_not_be_listed() {
    let world = world().await;
    let lease = world.lease();
    let refused = Arc::new(AtomicBool::new(true));
    let refusing = Arc::clone(&refused);
    world.node.interpose(move |call| {
        let listing = call.method == "getSignaturesForAddress" && refusing.load(Ordering::SeqCst);
        listing.then(|| Reply::error(-32603, "Internal error"))
    });
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_begun(&watch).await;
    within(world.node.front.pubsub().subscribed("logsSubscribe", None)).await;
    for number in 0..60 {
        world.node.grow(vec![tx(number, &[address(TWO)])]);
    }
    let live = tx(99, &[address(ONE)]);
    let slot = world.node.grow(vec![live.clone()]);
    world.node.logs(slot, &live, &[], &[address(ONE)]);
    // It is handed on, and proves nothing.
    assert_eq!(take(&watch, 1).await, [live.signature]);
    eventually(|| world.manager.stats().feed.failed.keys().any(|what| what.contains("getSignatures"))).await;
    sleep(Duration::from_millis(200)).await;
    assert!(watch.transactions.next().now_or_never().is_none(), "it came on without a listing");
    refused.store(false, Ordering::SeqCst);
    let Progress::Reached(Span { from, to, .. }) = progress(&watch).await else { panic!("not a stretch") };
    assert!(from == Slot(GENESIS_SLOT + 1) && to >= Slot(GENESIS_SLOT + 20), "{from} to {to}");
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_gap_of_one_address_does_not_hold_up_another() {
    let (world, ..) = grown(false, earlier(ONE, GENESIS_SLOT), 3).await;
    let lease = world.lease();
    let one = address(ONE).to_string();
    world.node.interpose(move |call| {
        let gap = call.method == "getSignaturesForAddress" && call.params[0] == one;
        gap.then(|| Reply::error(-32603, "Internal error"))
    });
    let behind = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    let watch = lease.watch(&[mentions(address(TWO), Traffic::Selected)]).unwrap();
    until_begun(&watch).await;
    let both = |live: &[eda_simnet::Subscription]| {
        live.iter().filter(|one| one.method == "logsSubscribe").count() == 2
    };
    within(world.node.front.pubsub().until(both)).await;
    let live = tx(50, &[address(TWO)]);
    let slot = world.node.grow(vec![live.clone()]);
    world.node.logs(slot, &live, &[], &[address(TWO)]);
    assert_eq!(take(&watch, 1).await, [live.signature]);
    drop((behind, watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_gap_with_more_transactions_than_blocks_is_closed_by_reading_the_blocks() {
    let (world, ..) = grown(false, earlier(ONE, GENESIS_SLOT), 0).await;
    let mut signatures = Vec::new();
    for slot in 0..4 {
        let transactions: Vec<_> = (0..400).map(|number| tx(slot * 400 + number, &[address(ONE)])).collect();
        signatures.extend(transactions.iter().map(|tx| tx.signature.clone()));
        world.node.grow(transactions);
    }
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_begun(&watch).await;
    assert_eq!(take(&watch, signatures.len()).await, signatures);
    assert_eq!(world.node.asked("getTransaction").len(), 0);
    assert_eq!(world.node.asked("getBlock").len(), 4);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn history_that_is_gone_is_named_and_read_when_it_is_there_again() {
    let (world, _, signatures) = grown(true, earlier(ONE, GENESIS_SLOT), 6).await;
    let pruned = Arc::new(AtomicBool::new(true));
    let gone = Arc::clone(&pruned);
    let kept_from = GENESIS_SLOT + 4;
    world.node.interpose(move |call| {
        if !gone.load(Ordering::SeqCst) {
            return None;
        }
        match call.method.as_str() {
            "getBlock" if call.params[0].as_u64()? < kept_from => {
                Some(Reply::error(CLEANED_UP, "Block cleaned up, does not exist on node"))
            }
            "getBlocks" => {
                let (from, to) = (call.params[0].as_u64()?, call.params[1].as_u64()?);
                let kept: Vec<u64> = (from.max(kept_from)..=to.min(GENESIS_SLOT + 6)).collect();
                Some(Reply::Result(serde_json::json!(kept)))
            }
            _ => None,
        }
    });
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(ONE), Traffic::Selected)]).unwrap();
    until_begun(&watch).await;
    assert_eq!(next(&watch.transactions).await, Got::Hole(GENESIS_SLOT + 1, kept_from - 1));
    assert_eq!(take(&watch, 3).await, signatures[3..]);
    eventually(|| world.manager.stats().feed.slots_unproven == 3).await;
    // Another node has it, and the next attempt finds it there.
    pruned.store(false, Ordering::SeqCst);
    assert_eq!(take(&watch, 3).await, signatures[..3]);
    let mended = Span { from: Slot(GENESIS_SLOT + 1), to: Slot(kept_from - 1), how: How::Filled };
    assert_eq!(progress(&watch).await, Progress::Mended(mended));
    eventually(|| world.manager.stats().feed.slots_unproven == 0).await;
    drop((watch, lease));
    world.stop().await;
}
