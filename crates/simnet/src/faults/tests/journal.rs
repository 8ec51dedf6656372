use std::collections::BTreeMap;

use serde_json::json;

use super::{Endpoint, heard};
use crate::{
    Protocol,
    faults::{Faults, Hit, Kind, Plan},
};

/// The slots that notifications of a kind were hit in, with how often.
fn hit(endpoint: &Endpoint, kind: Kind) -> BTreeMap<u64, usize> {
    let mut slots = BTreeMap::new();
    for incident in endpoint.faults.journal().of(kind) {
        if let Hit::Notification { slot: Some(slot), .. } = incident.hit {
            *slots.entry(slot).or_default() += 1;
        }
    }
    slots
}

#[tokio::test]
async fn what_a_client_misses_and_gets_twice_is_exactly_what_the_journal_names() {
    let plan = r#"
        seed = 7
        [[fault]]
        kind = "notification-drop"
        chance = "10%"
        [[fault]]
        kind = "notification-duplicate"
        chance = "15%"
    "#;
    let endpoint = Endpoint::with(Protocol::Http1, Faults::new(Plan::parse(plan, "plan").unwrap())).await;
    let mut socket = endpoint.subscribed().await;
    let mut queued = 0;
    for slot in 1..=3_000 {
        queued += endpoint.front.pubsub().notify_slot(slot, slot - 1, 0);
    }
    let mut came: BTreeMap<u64, usize> = (1..=3_000).map(|slot| (slot, 0)).collect();
    for _ in 0..queued {
        *came.get_mut(&heard(&mut socket).await).unwrap() += 1;
    }
    let (dropped, doubled) =
        (hit(&endpoint, Kind::NotificationDrop), hit(&endpoint, Kind::NotificationDuplicate));
    assert!(dropped.len() > 200 && doubled.len() > 200, "{} and {}", dropped.len(), doubled.len());
    for (slot, times) in came {
        let expected = 1 - dropped.get(&slot).unwrap_or(&0) + doubled.get(&slot).unwrap_or(&0);
        assert_eq!(times, expected, "slot {slot}");
    }
    assert_eq!(endpoint.faults.journal().all().len(), dropped.len() + doubled.len());
}

#[tokio::test]
async fn an_incident_says_which_fault_when_and_in_which_slot() {
    let endpoint = Endpoint::start(Protocol::Http1).await;
    endpoint.produce(3);
    endpoint.tick(1_200);
    endpoint.fault(json!({"kind": "http-kill"}));
    endpoint.now(json!({"kind": "slots-skip"}));
    let incidents = endpoint.faults.journal().all();
    assert_eq!(
        json!(incidents),
        json!([{"number": 1, "kind": "slots-skip", "fault": 2, "at_ms": 1200, "slot": 3,
            "hit": {"what": "slots", "count": 1}}])
    );
}
