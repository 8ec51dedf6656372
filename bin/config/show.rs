//! The effective settings with their places, for `eda config show`. Keys in URLs are not shown.

use serde_json::{Map, Value, json};

use super::{
    layer::{DEFAULT, Document},
    provider::Provider,
};
use crate::redact;

/// TOML that could be a config.toml, each value with a comment on where it comes from.
pub(super) fn toml(document: &Document, provider: &Provider) -> String {
    let mut text = String::new();
    for (http, ws) in provider.shown() {
        line(&mut text, &format!("# Endpoint: {http}, WebSocket {ws}"));
    }
    line(&mut text, "# Keys in URLs are replaced by `…`.");
    if let Value::Object(root) = redacted(&document.values) {
        table(&root, &mut Vec::new(), document, &mut text);
    }
    text
}

/// The settings as they nest, the place of each by its full key, the endpoint that follows from them, and the others
/// that take its place.
pub(super) fn json(document: &Document, provider: &Provider) -> Value {
    let mut endpoints = provider.shown().into_iter().map(|(http, ws)| json!({ "http": http, "ws": ws }));
    json!({
        "config": redacted(&document.values),
        "from": document.places,
        "endpoint": endpoints.next(),
        "others": endpoints.collect::<Vec<_>>(),
    })
}

fn table(keys: &Map<String, Value>, path: &mut Vec<String>, document: &Document, text: &mut String) {
    let (tables, values): (Vec<_>, Vec<_>) = keys.iter().partition(|(_, value)| value.is_object());
    if !values.is_empty() {
        let heading: Vec<_> = path.iter().map(|key| bare(key)).collect();
        line(text, &format!("\n[{}]", heading.join(".")));
    }
    for (key, value) in values {
        path.push(key.clone());
        let place = document.places.get(&path.join(".")).map_or(DEFAULT, String::as_str);
        path.pop();
        if value.is_null() {
            line(text, &format!("# {} is not set", bare(key)));
        } else {
            line(text, &format!("{} = {}  # {}", bare(key), inline(value), from(place)));
        }
    }
    for (key, value) in tables {
        if let Value::Object(keys) = value {
            path.push(key.clone());
            table(keys, path, document, text);
            path.pop();
        }
    }
}

fn from(place: &str) -> String {
    if place == DEFAULT { place.to_owned() } else { format!("from {place}") }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A key as TOML writes it: quoted only where it must be.
fn bare(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

/// A value as TOML writes it. JSON and TOML agree on all single values that settings hold, once strings are escaped.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(keys) => {
            let keys: Vec<_> =
                keys.iter().map(|(key, value)| format!("{} = {}", bare(key), inline(value))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A basic string: JSON escapes all that TOML forbids, except DEL.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => redact::urls(text).into_owned().into(),
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Object(keys) => {
            Value::Object(keys.iter().map(|(key, value)| (key.clone(), redacted(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
