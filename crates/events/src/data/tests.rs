/// Events of every type, with the JSON they must have.
mod samples;

use samples::{address, decimal, full_burn, samples, signature};

use super::*;
use crate::{event::Event, number::Percent, primitives::RawAmount};

/// The JSON of an event as consumers know it, with the test's addresses and signature written `<1>` and `<sig>`.
fn json(event: &Event) -> String {
    let mut json = serde_json::to_string(event).unwrap().replace(&signature().to_string(), "<sig>");
    for byte in 1..8 {
        json = json.replace(&address(byte).to_string(), &format!("<{byte}>"));
    }
    json
}

#[test]
fn every_type_of_event_has_the_json_that_consumers_read() {
    for (event, expected) in samples() {
        let pretty: String = expected.lines().map(str::trim_start).collect();
        let compact = pretty.replace("\": ", "\":");
        assert_eq!(json(&event), compact, "{}", event.kind());
    }
    let sampled: Vec<Kind> = samples().iter().map(|(event, _)| event.kind()).collect();
    let unsampled: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !sampled.contains(kind)).collect();
    assert_eq!(unsampled, Vec::<&Kind>::new());
}

fn assert_no_null(json: &serde_json::Value, event: &Event) {
    match json {
        serde_json::Value::Null => panic!("null in {event}"),
        serde_json::Value::Array(items) => items.iter().for_each(|item| assert_no_null(item, event)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| assert_no_null(field, event)),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => {}
    }
}

/// Adds a field to every object that has named fields of ours.
fn add_unknown_fields(json: &mut serde_json::Value) {
    if let serde_json::Value::Array(items) = json {
        items.iter_mut().for_each(add_unknown_fields);
    }
    if let serde_json::Value::Object(fields) = json {
        for (name, field) in fields.iter_mut() {
            if !["refused", "seen", "waitingByClass"].contains(&name.as_str()) {
                add_unknown_fields(field);
            }
        }
        fields.insert("addedByALaterVersion".to_owned(), serde_json::json!({ "deep": [1, "two"] }));
    }
}

#[test]
fn nothing_is_ever_null() {
    for (event, _) in samples() {
        assert_no_null(&serde_json::to_value(&event).unwrap(), &event);
    }
}

#[test]
fn what_is_written_reads_back_and_unknown_fields_are_passed_over() {
    for (event, _) in samples() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        let mut json = serde_json::to_value(&event).unwrap();
        add_unknown_fields(&mut json);
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}

#[test]
fn an_event_that_is_not_what_it_says_is_an_error() {
    let good = serde_json::to_value(full_burn()).unwrap();
    let bad = |path: &str, value: serde_json::Value| {
        let mut json = good.clone();
        *json.pointer_mut(path).unwrap() = value;
        serde_json::from_value::<Event>(json).unwrap_err().to_string()
    };
    for (path, value) in [
        ("/type", "BURNT".into()),
        ("/type", "PRICE_UPDATE".into()),
        ("/timestamp", "yesterday".into()),
        ("/data/amount", 5.into()),
        ("/data/amount", "-5".into()),
        ("/data/token", "0OIl".into()),
        ("/source/path", serde_json::json!([1, 2, 3])),
    ] {
        assert_ne!(bad(path, value), "");
    }
}

#[test]
fn each_type_is_published_on_its_channel() {
    assert!(
        Kind::ALL.iter().all(|kind| Topic::ALL.contains(&kind.topic())),
        "who reads all topics reads all types"
    );
    let table: Vec<String> = Kind::ALL.iter().map(|kind| format!("{kind} {}", kind.topic())).collect();
    assert_eq!(
        table,
        [
            "BURN_DETECTED events:burn",
            "LIQUIDITY_CHANGED events:liquidity",
            "TRADE_EXECUTED events:trades",
            "POSITION_OPENED events:positions",
            "POSITION_CLOSED events:positions",
            "WORKER_STATUS workers:status",
            "DEX_QUOTE_COMPARISON events:dex-comparison",
            "PRICE_UPDATE events:price",
            "MARKET_DISCOVERED events:markets",
            "TOKEN_VALIDATED events:tokens",
            "EVENT_RETRACTED events:retractions",
            "POOL_DISCOVERED events:pools",
        ]
    );
}

#[test]
fn a_supply_that_cannot_be_the_one_before_is_unknown() {
    assert_eq!(Supply::before(RawAmount(4), RawAmount(5), false), None);
    assert_eq!(Supply::before(RawAmount(0), RawAmount(0), false), None);
    assert_eq!(Supply::after(RawAmount(u64::MAX), RawAmount(1), true), None);
    let all = Supply::after(RawAmount(0), RawAmount(5), true).unwrap();
    assert_eq!((all.pre_supply, all.percentage), (RawAmount(5), Percent(decimal("100"))));
}
