use std::sync::Arc;

use eda_connection::failover::{Pause, Standing};
use eda_simnet::faults::{Condition, Response};
use tokio::{task::JoinSet, time::sleep};

use crate::setup::{SLOT, World, a_while, break_for_good, cluster, endpoint, eventually, payments, take};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_whole_cluster_stands_still_nobody_moves_and_that_is_what_is_said() {
    let cluster = cluster(1);
    let endpoints = vec![endpoint(&cluster).await, endpoint(&cluster).await];
    let mut clock = JoinSet::new();
    let ticking = Arc::clone(&cluster);
    clock.spawn(async move {
        loop {
            ticking.advance();
            sleep(SLOT).await;
        }
    });
    let world = World::start(cluster, endpoints, |_| {}).await;
    clock.shutdown().await;
    eventually(|| matches!(world.failover().pause, Some(Pause::Cluster { witnesses: 2, .. }))).await;
    let lacking = world.manager.lacking(world.lease.worker()).unwrap();
    let tip = world.cluster.chain().tips().processed;
    assert_eq!(lacking, format!("the cluster stands still at slot {tip}: no endpoint sees a new one"));
    a_while().await;
    assert_eq!((world.changes(), world.here()), (0, 0));
    world.cluster.run();
    eventually(|| world.failover().pause.is_none()).await;
    eventually(|| world.manager.lacking(world.lease.worker()).is_none()).await;
    assert_eq!(world.changes(), 0);
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_confirmations_pause_for_everyone_nobody_moves_and_that_is_what_is_said() {
    let world = World::of(2).await;
    break_for_good(&world.endpoints[1], Condition::ConfirmationsPause).await;
    eventually(|| matches!(world.failover().pause, Some(Pause::Confirmations { witnesses: 2, .. }))).await;
    let lacking = world.manager.lacking(world.lease.worker()).unwrap();
    assert!(lacking.starts_with("the cluster confirms nothing after slot "), "{lacking}");
    world.revive(1);
    eventually(|| world.failover().pause.is_none()).await;
    assert_eq!(world.changes(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_of_another_cluster_is_refused_even_when_the_one_in_use_dies() {
    let (ours, other) = (cluster(1), cluster(2));
    let endpoints = vec![endpoint(&ours).await, endpoint(&other).await];
    ours.run();
    other.run();
    let world = World::start(ours, endpoints, |_| {}).await;
    eventually(|| world.failover().refused() == 1).await;
    let Standing::Refused { why } = world.endpoint(1).standing else { panic!("not refused") };
    for genesis in [world.cluster.chain().genesis_hash(), other.chain().genesis_hash()] {
        assert!(why.contains(&genesis.to_string()), "{why}");
    }
    world.kill(0).await;
    a_while().await;
    assert_eq!((world.changes(), world.here()), (0, 0));
    assert_eq!(world.endpoints[1].front().ws().tally().accepts(), 0, "nothing was subscribed there");
    world.revive(0);
    let watch = world.lease.watch(&[payments()]).unwrap();
    take(&watch, 5).await;
    world.assert_one_of_each();
    drop(watch);
    world.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_for_a_limit_drive_nobody_to_another_endpoint() {
    let world = World::of(2).await;
    break_for_good(&world.endpoints[0], Response::TooManyRequests(Some(1), 1)).await;
    a_while().await;
    assert_eq!((world.changes(), world.here()), (0, 0), "{:?}", world.failover());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_others_are_dead_too_the_one_in_use_is_kept_and_tried_for_ever() {
    let world = World::of(3).await;
    for index in [1, 2, 0] {
        world.kill(index).await;
    }
    eventually(|| (1..3).all(|index| matches!(world.endpoint(index).standing, Standing::Ill { .. }))).await;
    eventually(|| matches!(world.endpoint(0).standing, Standing::Ill { .. })).await;
    assert_eq!(world.changes(), 0);
    world.revive(0);
    world.until_live().await;
    eventually(|| world.endpoint(0).standing == Standing::Well).await;
    assert_eq!(world.changes(), 0);
    world.assert_one_of_each();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_are_looked_at_over_one_short_connection_and_without_a_websocket() {
    let world = World::of(2).await;
    let second = world.endpoints[1].front();
    eventually(|| second.http().tally().accepts() >= 3 && second.http().tally().open() == 0).await;
    let traffic = second.http().tally().traffic();
    assert_eq!((traffic.max_open, second.ws().tally().accepts()), (1, 0));
    let mut asked: Vec<_> = second.rpc().journal().all().into_iter().map(|call| call.method).collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, ["getGenesisHash", "getSlot"]);
    assert_eq!(world.endpoint(1).standing, Standing::Well);
    world.stop().await;
}
