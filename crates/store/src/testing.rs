//! What the tests say into a store.

use eda_events::{
    Address, BurnId, Cluster, Commitment, Event, EventId, Genesis, Log, Path, Progress, RawAmount, Refusal,
    Signature, Slot, Source, WorkerName,
    data::{
        BurnCause, BurnDetected, BurnKind, PriceUpdate, Status, WorkerMetrics, WorkerState, WorkerStatus,
    },
    log::{Entry, How, Interest, Kept, Said, Span, Told},
};
use jiff::Timestamp;
use tokio::sync::oneshot;

pub(crate) fn genesis() -> Genesis {
    Genesis::from("SimnetGenesis")
}

pub(crate) fn address(number: u64) -> Address {
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Address::new_from_array(bytes)
}

pub(crate) fn signature(number: u64) -> Signature {
    let mut bytes = [7; 64];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Signature::from(bytes)
}

/// The burn in the `number`-th transaction: of token `number`, in slot `number`.
pub(crate) fn burn(number: u64) -> Event {
    burn_at(number, Timestamp::UNIX_EPOCH)
}

pub(crate) fn burn_at(number: u64, at: Timestamp) -> Event {
    let id = BurnId { signature: signature(number), path: Path::top(3), batch_entry: None };
    let source = Source {
        slot: Slot(number),
        block_time: None,
        commitment: Commitment::Finalized,
        signature: Some(signature(number)),
        path: Some(Path::top(3)),
        batch_entry: None,
        filled: false,
    };
    let data = BurnDetected {
        token: address(number),
        amount: RawAmount(5),
        decimals: None,
        symbol: None,
        supply: None,
        tx_signature: signature(number),
        burner: address(1_000_000),
        account: address(2_000_000),
        program: address(3_000_000),
        kind: BurnKind::Burn,
        cause: BurnCause::Holder,
        usd: None,
        is_lp: None,
        pool: None,
    };
    Event::new(EventId::from(id), at, Cluster::Simnet, Some(source), data.into())
}

/// The same, seen before its slot was final.
pub(crate) fn confirmed(number: u64) -> Event {
    let mut event = burn(number);
    if let Some(source) = &mut event.source {
        source.commitment = Commitment::Confirmed;
    }
    event
}

pub(crate) fn price(number: u64) -> Event {
    let data = PriceUpdate {
        token: address(number),
        price: rust_decimal::Decimal::ONE,
        source: "pools".to_owned(),
        confidence: eda_events::Fraction(rust_decimal::Decimal::ONE),
        volume_24h: None,
        price_change_24h: None,
        sources: Vec::new(),
    };
    let id = EventId::price(&address(number), Slot(number));
    Event::new(id, Timestamp::UNIX_EPOCH, Cluster::Simnet, None, data.into())
}

pub(crate) fn status(number: u64, at: Timestamp) -> Event {
    let metrics = WorkerMetrics {
        events_processed: number,
        errors: 0,
        uptime: 0,
        last_event_at: None,
        state: WorkerState::Running,
        waiting_for: None,
        restarts: 0,
        last_error: None,
        seen: Default::default(),
        published: 0,
        refused: Default::default(),
        gaps: 0,
        inputs: Vec::new(),
        shared_connection: None,
    };
    let worker_name = WorkerName::BurnDetector;
    let data = WorkerStatus { worker_name, status: Status::Running, metrics };
    Event::new(EventId::status(worker_name, 1, number), at, Cluster::Simnet, None, data.into())
}

pub(crate) fn refusal(subject: impl ToString, rule: &'static str) -> Refusal {
    Refusal {
        worker: WorkerName::BurnDetector,
        subject: subject.to_string(),
        rule: rule.into(),
        seen: "5".to_owned(),
        bound: "at least 1000000".to_owned(),
        slot: Some(Slot(7)),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn interest() -> Interest {
    Interest::named("transactions:all")
}

pub(crate) fn reached(from: u64, to: u64, how: How) -> Progress {
    Progress::Reached(Span { from: Slot(from), to: Slot(to), how })
}

pub(crate) fn mended(from: u64, to: u64) -> Progress {
    Progress::Mended(Span { from: Slot(from), to: Slot(to), how: How::Filled })
}

pub(crate) fn unproven() -> How {
    How::Unproven("pruned".to_owned())
}

/// Says an event, and waits until it hears what became of it.
pub(crate) async fn say(log: &Log, event: Event) -> Option<Kept> {
    let (told, kept) = oneshot::channel();
    let told = Told::by(move |kept| told.send(kept).unwrap());
    speak(log, Said::Event { event: Box::new(event), told }).await;
    kept.await.ok()
}

/// Says an event that nobody waits for.
pub(crate) async fn mention(log: &Log, event: Event) {
    speak(log, Said::Event { event: Box::new(event), told: Told::nobody() }).await;
}

pub(crate) async fn refuse(log: &Log, refusal: Refusal) {
    speak(log, Said::Refusal(refusal)).await;
}

pub(crate) async fn progress(log: &Log, progress: Progress) {
    let (worker, interest) = (WorkerName::BurnDetector, interest());
    speak(log, Said::Progress { worker, interest, progress }).await;
}

async fn speak(log: &Log, said: Said) {
    log.room().await.unwrap().say(Entry { genesis: genesis(), said });
}
