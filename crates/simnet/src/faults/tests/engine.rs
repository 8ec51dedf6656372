use std::time::Duration;

use super::super::{
    Answer, Chance, Condition, Fault, Notification, Ports, Response, Start, Stroke,
    engine::{Conditions, Engine, Turn},
    schedule::Moment,
};

fn at(millis: u64, slot: u64) -> Moment {
    Moment { now: Duration::from_millis(millis), slot }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn engine(faults: impl IntoIterator<Item = Fault>) -> Engine {
    let mut engine = Engine::new(7);
    for fault in faults {
        engine.add(fault, Duration::ZERO).unwrap();
    }
    engine
}

/// The times, of every 100 ms for 3 s, at which a request is hit.
fn hit_at(fault: Fault) -> Vec<u64> {
    let mut engine = engine([fault]);
    let times = (0..30).map(|step| step * 100);
    times
        .filter(|time| {
            engine.turn(at(*time, time / 400));
            engine.response(["getSlot"].into_iter(), at(*time, time / 400)).is_some()
        })
        .collect()
}

/// The times, of every 100 ms for 3 s, at which a stroke falls.
fn struck_at(fault: Fault) -> Vec<u64> {
    let mut engine = engine([fault]);
    let times = (0..30).map(|step| step * 100);
    times.filter(|time| !engine.turn(at(*time, time / 400)).strokes.is_empty()).collect()
}

#[test]
fn what_is_on_for_a_while_hits_every_event_in_its_windows() {
    let kill = || Fault::new(Response::Kill);
    assert_eq!(hit_at(kill()).len(), 30);
    assert_eq!(hit_at(kill().at(Start::After(millis(250))).lasting(millis(300))), [300, 400, 500]);
    assert_eq!(hit_at(kill().at(Start::Slot(2)).lasting(millis(200))), [800, 900]);
    let again = kill().at(Start::After(millis(500))).lasting(millis(200)).every(millis(1000));
    assert_eq!(hit_at(again.clone()), [500, 600, 1500, 1600, 2500, 2600]);
    assert_eq!(hit_at(again.count(3)), [500, 600, 1500]);
    assert_eq!(hit_at(kill().every(millis(1000))), [0, 1000, 2000], "one each time");
    assert_eq!(hit_at(kill().count(2)), [0, 100]);
    assert_eq!(hit_at(kill().every(Duration::ZERO)).len(), 1);
}

#[test]
fn a_stroke_falls_once_or_every_time_or_by_chance_in_a_slot() {
    let drop = || Fault::new(Stroke::WebsocketDrop);
    assert_eq!(struck_at(drop()), [0]);
    assert_eq!(struck_at(drop().at(Start::Slot(3))), [1200]);
    assert_eq!(struck_at(drop().at(Start::After(millis(250))).every(millis(900))), [300, 1200, 2100]);
    assert_eq!(struck_at(drop().every(millis(900)).count(2)), [0, 900]);
    assert_eq!(
        struck_at(drop().chance(Chance::percent(100))),
        [0, 400, 800, 1200, 1600, 2000, 2400, 2800],
        "each slot"
    );
    let some = struck_at(drop().chance(Chance::percent(50)));
    assert!((1..8).contains(&some.len()), "{some:?}");
}

#[test]
fn a_burst_takes_the_requests_that_follow_and_counts_once() {
    let burst = Fault::new(Response::Forbidden(3)).every(millis(1000)).count(2);
    assert_eq!(hit_at(burst), [0, 100, 200, 1000, 1100, 1200]);
}

#[test]
fn a_condition_is_on_from_its_beginning_to_its_end() {
    let mut engine = engine([
        Fault::new(Condition::EndpointLag(9)).at(Start::After(millis(100))).lasting(millis(300)),
        Fault::new(Condition::EndpointLag(4)).at(Start::After(millis(200))).lasting(millis(400)),
        Fault::new(Condition::RefuseConnections(Ports::Ws)).lasting(millis(100)).every(millis(400)).count(2),
    ]);
    let lags: Vec<u64> = (0..8).map(|step| engine.turn(at(step * 100, 0)).conditions.lag).collect();
    assert_eq!(lags, [0, 9, 9, 9, 4, 4, 0, 0]);
    let turn = engine.turn(at(800, 0));
    assert_eq!(turn.conditions, Conditions::default());
    assert!(engine.is_empty(), "what is over is gone");
}

#[test]
fn a_condition_without_an_end_is_on_until_it_is_stopped() {
    let mut engine = Engine::new(0);
    let number = engine.add(Fault::new(Condition::ConfirmationsPause), millis(500)).unwrap();
    assert!(!engine.turn(at(400, 1)).conditions.paused);
    let turn = engine.turn(at(500, 1));
    assert_eq!(
        (turn.conditions.paused, turn.began.as_slice()),
        (true, &[(1, Condition::ConfirmationsPause)][..])
    );
    let later = engine.turn(at(3_600_000, 9_000));
    assert_eq!((later.conditions.paused, later.began.len()), (true, 0));
    assert!(engine.stop(number) && !engine.stop(number));
    assert_eq!(engine.turn(at(3_600_001, 9_000)), Turn::default());
}

#[test]
fn only_the_methods_named_are_concerned() {
    let mut engine = engine([
        Fault::new(Response::Kill).methods(["getBlock"]),
        Fault::new(Notification::Drop).methods(["logsSubscribe", "slotSubscribe"]),
        Fault::new(Answer::WrongId).methods(["getSlot"]),
        Fault::new(Answer::TransactionNull(5)),
    ]);
    let now = at(0, 100);
    assert_eq!(engine.response(["getSlot"].into_iter(), now), None);
    assert_eq!(engine.response(["getSlot", "getBlock"].into_iter(), now), Some((1, Response::Kill)));
    assert_eq!(engine.notification("rootSubscribe", now), None);
    assert_eq!(engine.notification("slotSubscribe", now), Some((2, Notification::Drop)));
    assert_eq!(engine.answer("getBlock", None, now), None);
    assert_eq!(engine.answer("getSlot", None, now), Some((3, Answer::WrongId)));
    assert_eq!(engine.answer("getTransaction", Some(95), now), None);
    assert_eq!(engine.answer("getTransaction", Some(96), now), Some((4, Answer::TransactionNull(5))));
}

/// Every verdict of a mixed run.
fn story(seed: u64, faults: &[Fault]) -> Vec<String> {
    let mut engine = Engine::new(seed);
    for fault in faults {
        engine.add(fault.clone(), Duration::ZERO).unwrap();
    }
    let mut story = Vec::new();
    for step in 0..2_000 {
        let now = at(step * 20, step / 20);
        story.push(format!("{:?}", engine.turn(now)));
        story.push(format!("{:?}", engine.response(["getBlock"].into_iter(), now)));
        story.push(format!("{:?}", engine.notification("logsSubscribe", now)));
    }
    story
}

#[test]
fn the_same_seed_and_events_meet_the_same_faults_and_another_seed_others() {
    let sometimes = |fault: Fault| fault.chance(Chance::percent(10));
    let faults = [
        sometimes(Fault::new(Response::Kill)),
        sometimes(Fault::new(Notification::Drop)),
        sometimes(Fault::new(Stroke::BlockAbandon)),
        sometimes(Fault::new(Condition::WebsocketStall)).lasting(millis(300)),
    ];
    for seed in [1, 7, 1_000] {
        assert_eq!(story(seed, &faults), story(seed, &faults), "seed {seed}");
    }
    assert_ne!(story(1, &faults), story(2, &faults));
}

#[test]
fn one_more_fault_does_not_change_what_the_others_hit() {
    let drop = Fault::new(Notification::Drop).chance(Chance::percent(10));
    let kill = Fault::new(Response::Kill).chance(Chance::percent(10));
    let drops = |faults: &[Fault]| -> Vec<String> {
        story(7, faults).into_iter().filter(|one| one.contains("Drop") || one == "None").collect()
    };
    let alone = drops(std::slice::from_ref(&drop));
    let both = drops(&[drop, kill]);
    let positions = |all: &[String]| all.iter().filter(|one| one.contains("Drop")).count();
    assert_eq!(positions(&alone), positions(&both));
    assert!(positions(&alone) > 100);
}

#[test]
fn a_chance_is_met_about_as_often_as_it_says() {
    let mut engine = engine([Fault::new(Notification::Drop).chance(Chance::percent(5))]);
    let hits = (0..20_000).filter(|_| engine.notification("slotSubscribe", at(0, 0)).is_some()).count();
    assert!((850..1_150).contains(&hits), "{hits} of 20,000 with seed 7");
}
