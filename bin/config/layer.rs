//! One level of settings: what a file, the environment or the command line sets, each value with its place.

use std::{collections::BTreeMap, fmt};

use config::{Map, Source, Value as Merged, ValueKind};
use serde_json::Value;

use super::problem::Problem;

/// What one level sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    entries: Vec<Entry>,
}

/// One value. Its text may carry a key, so it is never shown as it is.
#[derive(Clone)]
pub(super) struct Entry {
    /// The key, `["rpc", "url"]`.
    pub(super) path: Vec<String>,
    /// The value, known to suit its key.
    pub(super) value: Value,
    /// File and line, environment variable or flag.
    pub(super) at: String,
}

/// The settings of all levels as one document, and where each value comes from. The values may carry keys.
#[derive(Clone)]
pub(super) struct Document {
    /// All values.
    pub(super) values: Value,
    /// The place of each value by its key, `rpc.url`.
    pub(super) places: BTreeMap<String, String>,
}

/// The place of a value that nobody set.
pub(super) const DEFAULT: &str = "default";

// === impl Layer ===

impl Layer {
    /// Adds a value. A later one for the same key wins.
    pub(super) fn push(&mut self, path: &[String], value: Value, at: impl Into<String>) {
        self.entries.push(Entry { path: path.to_vec(), value, at: at.into() });
    }

    fn sets(&self, path: [&str; 2]) -> bool {
        self.entries.iter().any(|entry| entry.path == path)
    }
}

// === impl Document ===

impl Document {
    /// Whether anybody set the key.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.places.get(key).is_some_and(|place| place != DEFAULT)
    }

    /// What is wrong with the value of a key, said where it was set.
    pub(super) fn problem(&self, key: &str, what: String) -> Problem {
        let at = self.places.get(key).map_or(DEFAULT, String::as_str).to_owned();
        Problem { at, key: key.to_owned(), what }
    }
}

/// Makes the endpoint a set: whoever sets the URL replaces WebSocket URL, profile and further endpoints of the levels
/// below as well.
/// `layers` go from the lowest to the highest.
pub(super) fn endpoint_is_a_set(layers: &mut [Layer]) {
    const SET: [[&str; 2]; 4] = [["rpc", "url"], ["rpc", "ws_url"], ["rpc", "profile"], ["rpc", "endpoints"]];
    let Some(highest) = layers.iter().rposition(|layer| layer.sets(["rpc", "url"])) else { return };
    for layer in layers.iter_mut().take(highest) {
        layer.entries.retain(|entry| !SET.iter().any(|path| entry.path == path));
    }
}

/// Lays the levels over the defaults, lowest first.
pub(super) fn merge(defaults: &Value, layers: Vec<Layer>) -> Result<Document, config::ConfigError> {
    let mut bottom = Layer::default();
    bottom.push(&[], defaults.clone(), DEFAULT);
    let merged = layers
        .into_iter()
        .fold(config::Config::builder().add_source(bottom), |builder, layer| builder.add_source(layer))
        .build()?;
    let mut places = BTreeMap::new();
    let values = plain(&merged.cache, &mut Vec::new(), &mut places);
    Ok(Document { values, places })
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Merged>, config::ConfigError> {
        let mut root = Map::new();
        for entry in &self.entries {
            match entry.path.as_slice() {
                [] => {
                    if let ValueKind::Table(keys) = placed(&entry.value, &entry.at).kind {
                        root.extend(keys);
                    }
                }
                [first, rest @ ..] => {
                    let slot = root.entry(first.clone()).or_insert_with(|| Merged::new(None, ValueKind::Nil));
                    put(slot, rest, placed(&entry.value, &entry.at));
                }
            }
        }
        Ok(root)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("path", &self.path).field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("places", &self.places).finish_non_exhaustive()
    }
}

fn put(slot: &mut Merged, path: &[String], value: Merged) {
    let Some((key, rest)) = path.split_first() else {
        *slot = value;
        return;
    };
    if !matches!(slot.kind, ValueKind::Table(_)) {
        slot.kind = ValueKind::Table(Map::new());
    }
    if let ValueKind::Table(keys) = &mut slot.kind {
        let slot = keys.entry(key.clone()).or_insert_with(|| Merged::new(None, ValueKind::Nil));
        put(slot, rest, value);
    }
}

/// A value that knows its place.
fn placed(value: &Value, at: &str) -> Merged {
    let kind = match value {
        Value::Null => ValueKind::Nil,
        Value::Bool(flag) => ValueKind::Boolean(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => ValueKind::I64(integer),
            (None, Some(integer), _) => ValueKind::U64(integer),
            (None, None, Some(float)) => ValueKind::Float(float),
            (None, None, None) => ValueKind::Nil,
        },
        Value::String(text) => ValueKind::String(text.clone()),
        Value::Array(items) => ValueKind::Array(items.iter().map(|item| placed(item, at)).collect()),
        Value::Object(keys) => {
            ValueKind::Table(keys.iter().map(|(key, value)| (key.clone(), placed(value, at))).collect())
        }
    };
    Merged::new(Some(&at.to_owned()), kind)
}

/// The value without its place, which is noted by its key.
fn plain(value: &Merged, path: &mut Vec<String>, places: &mut BTreeMap<String, String>) -> Value {
    if !matches!(value.kind, ValueKind::Table(_)) && !path.is_empty() {
        places.insert(path.join("."), value.origin().unwrap_or(DEFAULT).to_owned());
    }
    match &value.kind {
        ValueKind::Table(keys) => Value::Object(
            keys.iter()
                .map(|(key, value)| {
                    path.push(key.clone());
                    let value = plain(value, path, places);
                    path.pop();
                    (key.clone(), value)
                })
                .collect(),
        ),
        ValueKind::Array(items) => Value::Array(
            items.iter().map(|item| plain(item, &mut Vec::new(), &mut BTreeMap::new())).collect(),
        ),
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::I64(integer) => (*integer).into(),
        ValueKind::U64(integer) => (*integer).into(),
        ValueKind::I128(integer) => i64::try_from(*integer).map_or(Value::Null, Value::from),
        ValueKind::U128(integer) => u64::try_from(*integer).map_or(Value::Null, Value::from),
        ValueKind::Float(float) => (*float).into(),
        ValueKind::String(text) => text.clone().into(),
    }
}
