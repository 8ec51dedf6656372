use eda_events::{
    Cluster, Commitment, Event, EventId, Genesis, Signature, Slot, Source, WorkerName, data::EventRetracted,
    log::Interest,
};
use jiff::Timestamp;

/// Those who speak.
pub(crate) const WORKERS: [WorkerName; 2] = [WorkerName::BurnDetector, WorkerName::MarketDetector];

pub(crate) fn genesis() -> Genesis {
    Genesis::from("SimnetCrash")
}

pub(crate) fn interest() -> Interest {
    Interest::named("transactions:all")
}

/// The events in a slot: always the same, in this order.
pub(crate) fn events(worker: WorkerName, slot: u64) -> Vec<Event> {
    let count = fastrand::Rng::with_seed(slot).u64(0..4);
    (0..count).map(|number| event(worker, slot, number)).collect()
}

fn event(worker: WorkerName, slot: u64, number: u64) -> Event {
    let mut bytes = [number.to_le_bytes()[0]; 64];
    bytes[..8].copy_from_slice(&slot.to_le_bytes());
    let source = Source {
        slot: Slot(slot),
        block_time: None,
        commitment: Commitment::Confirmed,
        signature: Some(Signature::from(bytes)),
        path: None,
        batch_entry: None,
        filled: false,
    };
    let data = EventRetracted { event_id: "some:event".into(), reason: "x".repeat(300) };
    let id = format!("{worker}:{slot}:{number}");
    Event::new(EventId::from(id.as_str()), Timestamp::UNIX_EPOCH, Cluster::Simnet, Some(source), data.into())
}
