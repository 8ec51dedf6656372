use eda_events::{Event, EventId, WorkerName, data::EventRetracted, primitives::Cluster};
use jiff::Timestamp;

use super::speak_to;
use crate::{Decision, Settings, Store, What, testing::*};

async fn store() -> Store {
    let store = Store::in_memory(Settings::default()).unwrap();
    let (log, keeping) = speak_to(&store);
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    say(&log, burn_at(1, at(10))).await;
    say(&log, burn_at(2, at(20))).await;
    say(&log, price(1)).await;
    // The trading bot's answer to the first burn, and a burn that became no event.
    let answer = eda_events::Refusal {
        worker: WorkerName::TradingBot,
        at: at(11),
        ..refusal(&burn(1).id, "too-many-positions")
    };
    refuse(&log, answer).await;
    refuse(
        &log,
        eda_events::Refusal { at: at(5), ..refusal(format!("burn:{}:7", signature(1)), "below-threshold") },
    )
    .await;
    let data = EventRetracted { event_id: burn(1).id, reason: "fork".to_owned() };
    let id = EventId::retracted(&burn(1).id);
    say(&log, Event::new(id, at(30), Cluster::Simnet, None, data.into())).await;
    drop(log);
    keeping.ended().await.unwrap();
    store
}

fn told(decisions: &[Decision]) -> Vec<String> {
    let told = decisions.iter().map(|decision| match &decision.what {
        What::Said(event) => format!("{} {}", decision.at, event.kind()),
        What::Refused { rule, .. } => format!("{} {rule}", decision.at),
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn everything_about_a_signature_is_told_in_order_of_time() {
    let store = store().await;
    let decisions = store.why(&signature(1).to_string()).await.unwrap();
    assert_eq!(
        told(&decisions),
        [
            "1970-01-01T00:00:05Z below-threshold",
            "1970-01-01T00:00:10Z BURN_DETECTED",
            "1970-01-01T00:00:11Z too-many-positions",
            "1970-01-01T00:00:30Z EVENT_RETRACTED",
        ]
    );
    assert_eq!(decisions[0].worker, Some(WorkerName::BurnDetector));
    assert_eq!(decisions[2].worker, Some(WorkerName::TradingBot));
    assert_eq!(decisions[2].id, burn(1).id.to_string());
    assert_eq!(decisions[3].worker, None);
    let What::Refused { seen, bound, .. } = &decisions[2].what else { panic!("a refusal") };
    assert_eq!((seen.as_str(), bound.as_str()), ("5", "at least 1000000"));
}

#[tokio::test(start_paused = true)]
async fn a_mint_leads_to_its_events_and_to_what_was_answered_to_them() {
    let store = store().await;
    let decisions = store.why(&address(1).to_string()).await.unwrap();
    assert_eq!(
        told(&decisions),
        [
            "1970-01-01T00:00:00Z PRICE_UPDATE",
            "1970-01-01T00:00:10Z BURN_DETECTED",
            "1970-01-01T00:00:11Z too-many-positions",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_events_id_leads_to_it_and_to_what_refers_to_it() {
    let store = store().await;
    let decisions = store.why(burn(1).id.as_str()).await.unwrap();
    assert_eq!(
        told(&decisions),
        [
            "1970-01-01T00:00:10Z BURN_DETECTED",
            "1970-01-01T00:00:11Z too-many-positions",
            "1970-01-01T00:00:30Z EVENT_RETRACTED",
        ]
    );
    assert_eq!(store.why("nothing").await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_same_judgement_made_again_after_a_restart_is_one() {
    let store = store().await;
    let (log, keeping) = speak_to(&store);
    refuse(&log, refusal(&burn(2).id, "below-threshold")).await;
    refuse(&log, refusal(&burn(2).id, "below-threshold")).await;
    drop(log);
    keeping.ended().await.unwrap();
    assert_eq!(store.why(burn(2).id.as_str()).await.unwrap().len(), 2);
    assert_eq!(store.stats().refusals_in_file, 3);
}
