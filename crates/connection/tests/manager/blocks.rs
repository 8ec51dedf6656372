use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eda_connection::feed::{Demand, Mode, Traffic, Watch};
use eda_limits::profile;
use eda_simnet::{Reply, Verdict};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    node::{BLOCK_NOT_AVAILABLE, GENESIS_SLOT, UNSUPPORTED_VERSION, address, tx},
    setup::{
        Got, World, by_blocks, eventually, is_empty, mentions, next, take, until_begun, within, world,
        world_with,
    },
};

const WANTED: u8 = 1;
const OTHER: u8 = 2;

/// A watch of the whole chain that has begun: what is grown from now on is its to hand out.
async fn watching(world: &World) -> (eda_connection::Lease, Watch) {
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(WANTED), Traffic::WholeChain)]).unwrap();
    within(world.node.until_listened()).await;
    eventually(|| world.manager.stats().feed.cursor.is_some()).await;
    (lease, watch)
}

/// Refuses `getBlock` of some slots for the first so many times.
fn trouble(world: &World, troubles: &[(u64, u32, Reply)]) {
    let troubles: HashMap<u64, (u32, Reply)> =
        troubles.iter().map(|(slot, times, reply)| (*slot, (*times, reply.clone()))).collect();
    let left = Mutex::new(troubles);
    world.node.interpose(move |call| {
        if call.method != "getBlock" {
            return None;
        }
        let mut left = left.lock().unwrap();
        let (times, reply) = left.get_mut(&call.params[0].as_u64()?)?;
        *times = times.checked_sub(1)?;
        Some(reply.clone())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transaction_of_every_block_comes_once_and_in_order_whatever_goes_wrong() {
    let world = world_with(by_blocks).await;
    let (lease, watch) = watching(&world).await;
    let unavailable = || Reply::error(BLOCK_NOT_AVAILABLE, "Block not available for slot");
    let troubles: Vec<(u64, u32, Reply)> = (GENESIS_SLOT + 1..GENESIS_SLOT + 400)
        .filter_map(|slot| match slot % 20 {
            3 => Some((slot, 3, unavailable())),
            7 => Some((slot, 1, Reply::status(StatusCode::INTERNAL_SERVER_ERROR))),
            11 => Some((slot, 1, Reply::Truncated(json!({"parentSlot": 1})))),
            15 => Some((slot, 1, Reply::Dropped(json!({"parentSlot": 1})))),
            _ => None,
        })
        .collect();
    trouble(&world, &troubles);

    let mut expected = Vec::new();
    let mut number = 0;
    let mut parent = GENESIS_SLOT;
    for step in 0_u64..120 {
        let mut slot = parent + 1;
        match step % 12 {
            // Nobody leads these slots.
            2 => slot += 3,
            // A fork that dies: it is announced, and the chain goes on beside it.
            5 => {
                world.node.announce(slot, parent);
                world.node.announce(slot + 1, slot);
                slot += 2;
            }
            _ => {}
        }
        let transactions: Vec<_> = (0..3)
            .map(|place| {
                number += 1;
                let tx = tx(number, &[address(if place == 1 { OTHER } else { WANTED })]);
                if place != 1 {
                    expected.push(tx.signature.clone());
                }
                tx
            })
            .collect();
        if step % 12 == 8 {
            // Begun before it is confirmed.
            world.node.announce(slot, parent);
            sleep(Duration::from_millis(5)).await;
        }
        world.node.block(slot, parent, transactions);
        if !matches!(step % 12, 4 | 9 | 10) {
            world.node.announce(slot, parent);
        }
        if step == 40 || step == 80 {
            world.node.front.ws().kill_connections();
        }
        if step == 60 {
            world.node.front.http().kill_connections();
        }
        if step % 6 == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        parent = slot;
    }
    assert_eq!(take(&watch, expected.len()).await, expected);
    assert!(is_empty(&watch));
    // It counts what it has handed out.
    let all = u64::try_from(expected.len()).unwrap();
    eventually(|| world.manager.stats().feed.transactions == all).await;
    let feed = world.manager.stats().feed;
    assert_eq!((feed.blocks, feed.slots_unproven, feed.forks, feed.transactions_again), (120, 0, 0, 0));
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn slots_that_cannot_be_subscribed_are_listed_over_http() {
    let world = world_with(by_blocks).await;
    world.node.front.pubsub().respond(|call| match call.method.as_str() {
        "slotSubscribe" => Verdict::error(-32601, "Method not found"),
        _ => Verdict::Node,
    });
    let lease = world.lease();
    let watch = lease.watch(&[mentions(address(WANTED), Traffic::WholeChain)]).unwrap();
    eventually(|| world.manager.stats().feed.cursor.is_some()).await;
    let grown: Vec<_> = (1..=5).map(|number| tx(number, &[address(WANTED)])).collect();
    for tx in &grown {
        world.node.grow(vec![tx.clone()]);
    }
    let expected: Vec<_> = grown.iter().map(|tx| tx.signature.clone()).collect();
    assert_eq!(take(&watch, 5).await, expected);
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_block_of_a_version_that_is_not_read_raises_the_alarm_and_leaves_a_hole_in_its_place() {
    let world = world_with(by_blocks).await;
    let (lease, watch) = watching(&world).await;
    let refused = Reply::error(UNSUPPORTED_VERSION, "Transaction version (2) is not supported");
    trouble(&world, &[(GENESIS_SLOT + 2, u32::MAX, refused)]);
    let grown = [1, 2, 3].map(|number| tx(number, &[address(WANTED)]));
    for tx in &grown {
        world.node.grow(vec![tx.clone()]);
    }
    assert_eq!(next(&watch.transactions).await, Got::Tx(grown[0].signature.clone()));
    assert_eq!(next(&watch.transactions).await, Got::Hole(GENESIS_SLOT + 2, GENESIS_SLOT + 2));
    assert_eq!(next(&watch.transactions).await, Got::Tx(grown[2].signature.clone()));
    assert_eq!(world.manager.stats().feed.unsupported_version, 1);
    eventually(|| world.manager.stats().feed.slots_unproven == 1).await;
    drop((watch, lease));
    world.stop().await;
}

/// What the unreadable block would have said about its parent is not known, and must not cost the blocks before
/// it.
#[tokio::test]
async fn an_unreadable_block_does_not_hide_the_blocks_before_it_that_nobody_announced() {
    let world = world_with(by_blocks).await;
    let (lease, watch) = watching(&world).await;
    let refused = Reply::error(UNSUPPORTED_VERSION, "Transaction version (2) is not supported");
    trouble(&world, &[(GENESIS_SLOT + 5, u32::MAX, refused)]);
    let grown: Vec<_> = (1..=6).map(|number| tx(number, &[address(WANTED)])).collect();
    let mut slot = GENESIS_SLOT;
    for tx in &grown {
        // One slot of the hole has no leader.
        let next = if slot == GENESIS_SLOT + 2 { slot + 2 } else { slot + 1 };
        world.node.block(next, slot, vec![tx.clone()]);
        slot = next;
    }
    world.node.announce(slot, slot - 1);
    for number in [0, 1, 2] {
        assert_eq!(next(&watch.transactions).await, Got::Tx(grown[number].signature.clone()));
    }
    assert_eq!(next(&watch.transactions).await, Got::Hole(GENESIS_SLOT + 5, GENESIS_SLOT + 5));
    for number in [4, 5] {
        assert_eq!(next(&watch.transactions).await, Got::Tx(grown[number].signature.clone()));
    }
    eventually(|| world.manager.stats().feed.slots_unproven == 1).await;
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn a_malformed_transaction_costs_only_itself() {
    let world = world_with(by_blocks).await;
    let (lease, watch) = watching(&world).await;
    let [first, mut malformed, last] = [1, 2, 3].map(|number| tx(number, &[address(WANTED)]));
    malformed.element["transaction"][0] = Value::from("AQID");
    world.node.grow(vec![first.clone(), malformed, last.clone()]);
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(next(&watch.transactions).await);
    }
    let slot = GENESIS_SLOT + 1;
    assert_eq!(got, [Got::Tx(first.signature), Got::Tx(last.signature), Got::Hole(slot, slot)]);
    assert_eq!(world.manager.stats().feed.undecodable, 1);
    drop((watch, lease));
    world.stop().await;
}

/// A node may list a block, or name it as a parent, before it serves it.
#[tokio::test]
async fn a_block_that_is_known_and_not_served_yet_is_asked_for_with_pauses() {
    let world = world_with(by_blocks).await;
    let (lease, watch) = watching(&world).await;
    let held_back = GENESIS_SLOT + 1;
    trouble(&world, &[(held_back, u32::MAX, Reply::error(BLOCK_NOT_AVAILABLE, "Block not available"))]);
    let grown = [1, 2].map(|number| tx(number, &[address(WANTED)]));
    world.node.block(held_back, GENESIS_SLOT, vec![grown[0].clone()]);
    world.node.grow(vec![grown[1].clone()]);
    let asked = || world.node.asked("getBlock").iter().filter(|call| call.params[0] == held_back).count();
    eventually(|| asked() >= 1).await;
    sleep(Duration::from_millis(400)).await;
    assert!(asked() <= 12, "asked {} times in less than half a second", asked());
    world.node.honest();
    assert_eq!(take(&watch, 2).await, grown.map(|tx| tx.signature));
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test]
async fn the_whole_chain_is_refused_with_the_arithmetic_where_the_plan_does_not_carry_it() {
    let world = world_with(|config| {
        config.sites[0].limits = profile::by_name("public-mainnet-beta").unwrap().limits();
        config.feed.nominal_slot_time = Duration::from_millis(200);
    })
    .await;
    let lease = world.lease();
    let interest = mentions(address(WANTED), Traffic::WholeChain);
    let refused = lease.watch(std::slice::from_ref(&interest)).unwrap_err().to_string();
    assert!(refused.contains("a slot every 200 ms needs 51 getBlock calls per 10 s"), "{refused}");
    assert_eq!(world.manager.plan(&Demand::of(&[interest])).affordable().unwrap_err().to_string(), refused);
    // What the plan carries is carried all the same.
    let watch = lease.watch(&[mentions(address(WANTED), Traffic::Selected)]).unwrap();
    eventually(|| world.manager.stats().plan.is_some()).await;
    assert_eq!(world.manager.stats().plan.unwrap().transactions, Some(Mode::Logs));
    assert!(world.node.asked("getBlock").is_empty());
    drop((watch, lease));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_from_logs_to_blocks_loses_nothing_and_doubles_nothing() {
    let world = world().await;
    let lease = world.lease();
    let selected = lease.watch(&[mentions(address(WANTED), Traffic::Selected)]).unwrap();
    until_begun(&selected).await;
    within(world.node.front.pubsub().subscribed("logsSubscribe", None)).await;
    within(world.node.until_listened()).await;
    // Some transactions can be fetched a while after they were notified.
    let late = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
    let asked = Arc::clone(&late);
    world.node.interpose(move |call| {
        if call.method != "getTransaction" {
            return None;
        }
        let signature = call.params[0].as_str()?.to_owned();
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(signature).or_default();
        *times += 1;
        (*times < 3).then(|| Reply::Result(Value::Null))
    });
    let mut grown = Vec::new();
    let mut all = None;
    for number in 0..80_u64 {
        let tx = tx(number, &[address(WANTED), address(OTHER)]);
        let slot = world.node.grow(vec![tx.clone()]);
        world.node.logs(slot, &tx, &[], &[address(WANTED), address(OTHER)]);
        grown.push(tx.signature);
        if number == 30 {
            let watch = lease.watch(&[mentions(address(OTHER), Traffic::WholeChain)]).unwrap();
            until_begun(&watch).await;
            all = Some(watch);
        }
        sleep(Duration::from_millis(2)).await;
    }
    let all = all.unwrap();
    let mut got = take(&selected, grown.len()).await;
    got.sort_unstable();
    let mut expected = grown.clone();
    expected.sort_unstable();
    assert_eq!(got, expected);
    assert!(is_empty(&selected));
    assert_eq!(world.manager.stats().plan.unwrap().transactions, Some(Mode::Blocks));
    within(world.node.front.pubsub().until(|live| live.iter().all(|one| one.method != "logsSubscribe")))
        .await;

    // The other watch has everything since it began, and nothing twice.
    let mut later = Vec::new();
    eventually(|| world.manager.stats().feed.cursor.map(|slot| slot.0) == Some(world.node.tip())).await;
    while !is_empty(&all) {
        later.extend(take(&all, 1).await);
    }
    let mut distinct = later.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), later.len(), "handed out twice");
    for signature in &grown[31..] {
        assert!(later.contains(signature), "lost in the change");
    }
    drop((selected, all, lease));
    world.stop().await;
}
