//! The decisions, over hours of a simulated cluster that takes no time.

/// Endpoints of a cluster, and how they fail.
mod world;

use proptest::prelude::*;

use self::world::{Event, World, seconds};
use super::*;

#[test]
fn an_endpoint_that_dies_is_left_and_gone_back_to_when_it_has_long_been_well() {
    let mut world = World::new([0, 1]);
    world.run(seconds(60));
    assert_eq!(world.changes(), []);
    world.node(0).up = false;
    world.run(seconds(40));
    assert_eq!(world.changes(), [(1, "errors")]);
    world.run(seconds(600));
    assert_eq!(world.changes().len(), 1, "there is nothing to go back to");
    world.node(0).up = true;
    let well_since = world.now();
    world.run(seconds(290));
    assert_eq!(world.changes().len(), 1, "not yet");
    world.run(seconds(200));
    assert_eq!(world.changes(), [(1, "errors"), (0, "return")]);
    assert!(world.moves[1].at - well_since >= seconds(300));
}

#[test]
fn an_endpoint_that_nobody_reached_yet_is_left_as_well() {
    let mut world = World::new([0, 0]);
    world.node(0).up = false;
    world.run(seconds(40));
    assert_eq!(world.changes(), [(1, "errors")]);
    // Among equals nobody is gone back to.
    world.node(0).up = true;
    world.run(seconds(3_600));
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn an_endpoint_that_stalls_is_left_if_another_goes_on() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.freeze(0);
    world.run(seconds(29));
    assert_eq!(world.changes(), [], "a new socket may be all that it takes");
    world.run(seconds(15));
    assert_eq!(world.changes(), [(1, "stalled")]);
}

#[test]
fn a_cluster_that_stands_still_is_no_reason_to_move_and_is_told_as_that() {
    let mut world = World::new([0, 1, 1]);
    world.run(seconds(30));
    world.halted = true;
    world.run(seconds(3_600));
    assert_eq!(world.changes(), []);
    let pause = world.health.paused().unwrap();
    assert!(matches!(pause, Pause::Cluster { witnesses: 2, .. }), "{pause:?}");
    assert!(pause.to_string().starts_with("the cluster stands still at slot "), "{pause}");
    // Said once, however long it lasts.
    assert_eq!(world.told(|news| matches!(news, News::Paused(_))), 1);
    world.halted = false;
    world.run(seconds(5));
    assert_eq!(world.health.paused(), None);
    assert_eq!(world.told(|news| *news == News::Resumed), 1);
    world.run(seconds(3_600));
    assert_eq!(world.changes(), []);
}

/// The node's front still answers errors, which is how clusters are restarted.
#[test]
fn a_dead_endpoint_is_not_left_for_one_that_stands_still_until_that_goes_on() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.halted = true;
    world.node(0).up = false;
    world.run(seconds(1_000));
    assert_eq!(world.changes(), []);
    assert!(matches!(world.health.paused(), Some(Pause::Cluster { witnesses: 2, .. })));
    world.halted = false;
    world.run(seconds(120));
    assert_eq!(world.changes(), [(1, "errors")]);
    assert_eq!(world.health.paused(), None);
}

#[test]
fn a_lag_beyond_the_bound_is_a_reason_and_one_within_it_is_none() {
    let mut world = World::new([0, 1]);
    world.node(0).lag = 45;
    world.run(seconds(1_800));
    assert_eq!(world.changes(), []);
    world.node(0).lag = 60;
    world.run(seconds(130));
    assert_eq!(world.changes(), [(1, "lag")]);
    // It is not well before it has caught up.
    world.run(seconds(1_800));
    assert_eq!(world.changes().len(), 1);
    world.node(0).lag = 0;
    world.run(seconds(600));
    assert_eq!(world.changes(), [(1, "lag"), (0, "return")]);
}

#[test]
fn an_endpoint_that_says_it_is_behind_is_looked_at_soon() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.node(0).lag = 60;
    world.node(0).says_behind = true;
    world.run(seconds(15));
    assert_eq!(world.changes(), [(1, "lag")]);
}

#[test]
fn an_endpoint_of_another_cluster_is_refused_for_good_and_never_used() {
    let mut world = World::new([0, 1, 2]);
    world.node(1).genesis = "other";
    world.run(seconds(120));
    assert_eq!(world.told(|news| matches!(news, News::Refused { site: 1, .. })), 1);
    world.node(0).up = false;
    world.run(seconds(120));
    assert_eq!(world.changes(), [(2, "errors")]);
    // Not even if it is all there is, or says something else later.
    world.node(2).up = false;
    world.node(1).genesis = "ours";
    world.run(seconds(3_600));
    assert_eq!(world.changes().len(), 1);
    let standings: Vec<_> = world.health.standings(world.now()).collect();
    assert!(matches!(&standings[1], Standing::Refused { why } if why.contains("other")), "{standings:?}");
}

#[test]
fn when_all_are_ill_the_one_in_use_stays_in_use_until_one_is_not() {
    let mut world = World::new([0, 1, 1]);
    for index in 0..3 {
        world.node(index).up = false;
    }
    world.run(seconds(3_600));
    assert_eq!(world.changes(), []);
    assert_eq!(world.told(|news| matches!(news, News::Ill { .. })), 2, "told once each");
    world.node(2).up = true;
    world.run(seconds(130));
    assert_eq!(world.changes(), [(2, "errors")]);
}

#[test]
fn another_endpoint_that_stands_still_is_soon_known_to_be_ill() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.freeze(1);
    world.run(seconds(130));
    assert_eq!(world.told(|news| matches!(news, News::Ill { site: 1, .. })), 1);
    world.node(0).up = false;
    world.run(seconds(600));
    assert_eq!(world.changes(), []);
}

#[test]
fn refusals_for_a_limit_are_no_illness() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.node(0).limited = true;
    world.run(seconds(3_600));
    assert_eq!(world.changes(), []);
    // Nor is anything known of one that refuses for its limits.
    world.node(1).limited = true;
    world.node(0).limited = false;
    world.node(0).up = false;
    world.run(seconds(600));
    assert_eq!(world.changes(), []);
}

#[test]
fn a_websocket_that_stays_silent_is_a_reason_though_http_goes_on() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.node(0).deaf = true;
    world.run(seconds(39));
    assert_eq!(world.changes(), []);
    world.run(seconds(70));
    assert_eq!(world.changes(), [(1, "deaf")]);
}

#[test]
fn without_a_subscription_of_slots_their_silence_means_nothing() {
    let mut world = World::new([0, 1]);
    world.node(0).deaf = true;
    world.health.listening(false);
    world.run(seconds(3_600));
    assert_eq!(world.changes(), []);
    // Standing still shows as a lag then.
    world.freeze(0);
    world.run(seconds(130));
    assert_eq!(world.changes(), [(1, "lag")]);
}

#[test]
fn confirmations_that_pause_for_everyone_are_told_and_no_reason_to_move() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.confirming = false;
    world.run(seconds(600));
    assert_eq!(world.changes(), []);
    let pause = world.health.paused().unwrap();
    assert!(matches!(pause, Pause::Confirmations { witnesses: 2, .. }), "{pause:?}");
    assert!(pause.to_string().contains("confirms nothing"), "{pause}");
    world.confirming = true;
    world.run(seconds(5));
    assert_eq!(world.health.paused(), None);
}

#[test]
fn an_endpoint_that_alone_confirms_nothing_is_left() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.node(0).confirms = false;
    world.run(seconds(90));
    assert_eq!(world.changes(), [(1, "unconfirmed")]);
    assert_eq!(world.health.paused(), None);
}

#[test]
fn an_endpoint_that_contradicts_itself_is_left_for_good() {
    let mut world = World::new([0, 1]);
    world.node(0).conflict = true;
    world.run(seconds(30));
    assert_eq!(world.changes(), [(1, "conflict")]);
    world.node(0).conflict = false;
    world.run(seconds(3_600));
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn a_single_endpoint_that_stands_still_is_told_with_what_cannot_be_known() {
    let mut world = World::new([0]);
    world.run(seconds(30));
    world.freeze(0);
    world.run(seconds(60));
    let pause = world.health.paused().unwrap();
    assert!(matches!(pause, Pause::Cluster { witnesses: 1, .. }), "{pause:?}");
    assert!(pause.to_string().contains("no other endpoint can say"), "{pause}");
    assert!(world.compared < 10, "asked {} times", world.compared);
}

#[test]
fn an_endpoint_that_serves_another_cluster_all_at_once_is_left_for_good() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    world.node(0).genesis = "other";
    world.run(seconds(130));
    assert_eq!(world.changes(), [(1, "conflict")]);
    assert_eq!(world.told(|news| matches!(news, News::Refused { site: 0, .. })), 1);
}

/// A block that no provider can serve makes every endpoint fail in part.
#[test]
fn what_fails_at_every_endpoint_in_part_does_not_drive_from_one_to_the_other() {
    let mut world = World::new([0, 1]);
    world.run(seconds(30));
    for index in [0, 1] {
        world.node(index).fails_in_part = true;
    }
    world.run(seconds(4 * 3_600));
    assert!(world.moves.len() <= 12, "{:?}", world.changes());
}

#[test]
fn an_endpoint_that_comes_and_goes_is_gone_back_to_less_and_less() {
    let mut world = World::new([0, 1]);
    // Up for long enough to be gone back to, down for a while, for a day.
    for _ in 0..96 {
        world.node(0).up = true;
        world.run(seconds(600));
        world.node(0).up = false;
        world.run(seconds(300));
    }
    let returns = world.changes().iter().filter(|(_, reason)| *reason == "return").count();
    assert!((1..=8).contains(&returns), "{returns}");
}

#[test]
fn the_others_are_looked_at_sparsely_while_nothing_is_held_against_anyone() {
    let mut world = World::new([0, 1, 1]);
    world.run(seconds(3_600));
    assert!((50..=62).contains(&world.compared), "{}", world.compared);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens to endpoints and cluster: no two changes within the minimum stay, none to an endpoint that was
    /// refused, is dead or stands still, and none while the whole cluster stands still.
    #[test]
    fn no_change_is_rash(
        priorities in prop::collection::vec(0..3_u32, 1..=4),
        events in prop::collection::vec((0..240_u64, world::events()), 1..40),
    ) {
        fastrand::seed(7);
        let mut world = World::new(priorities);
        for (after, event) in events {
            world.run(seconds(after));
            world.happen(event);
        }
        world.happen(Event::Well);
        world.run(seconds(7_200));
        for pair in world.moves.windows(2) {
            prop_assert!(pair[1].at - pair[0].at >= Bounds::default().minimum_stay, "{:?}", world.moves);
        }
        for change in &world.moves {
            prop_assert!(change.rash.is_none(), "{change:?}");
        }
        // In the end, when all is well, nothing is paused, and nobody preferred is left out without a reason.
        prop_assert_eq!(world.health.paused(), None);
        let (here, standings) = (world.here(), world.health.standings(world.now()).collect::<Vec<_>>());
        for (index, standing) in standings.iter().enumerate() {
            let preferred = world.priority(index) < world.priority(here);
            let refused = matches!(standing, Standing::Refused { .. });
            prop_assert!(!preferred || refused, "{index} before {here}: {standings:?}");
        }
    }
}
