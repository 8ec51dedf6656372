//! Which keys there are, and whether a value suits its key.
//!
//! Both are read off the settings' own types: the default settings as a document name every key, and a value is
//! tried by putting it alone into that document and reading the whole. So every wrong value is found, not just
//! the first, and each by the name of its key.

use serde_json::{Map, Value};

use super::{names, sections::Config};

/// The document of defaults.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    defaults: Value,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    /// A table with these keys.
    Table(&'a Map<String, Value>),
    /// A table that takes any key: methods and their limits.
    Open,
    /// A value.
    Leaf,
}

// === impl Schema ===

impl Schema {
    /// The keys of [`Config`].
    pub(super) fn new() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the built-in defaults are plain data, and a test builds this"
        )]
        let defaults = serde_json::to_value(Config::default()).expect("defaults are plain data");
        Self { defaults }
    }

    /// The whole document of defaults.
    pub(super) fn defaults(&self) -> &Value {
        &self.defaults
    }

    /// The document's outermost table.
    pub(super) fn root(&self) -> Node<'_> {
        Node::of(&self.defaults)
    }

    /// Every key that takes a value, in order, with its default. A table that takes any key is listed itself.
    pub(super) fn leaves(&self) -> Vec<(Vec<String>, &Value)> {
        let mut leaves = Vec::new();
        collect(&self.defaults, &mut Vec::new(), &mut leaves);
        leaves
    }

    /// Whether a value suits the key at a path; if not, why.
    pub(super) fn suits(&self, path: &[String], value: &Value) -> Result<(), String> {
        let mut document = self.defaults.clone();
        put(&mut document, path, value.clone());
        serde_json::from_value::<Config>(document).map(drop).map_err(|error| for_people(&error.to_string()))
    }

    /// What to say about a key that does not exist in the table at `parent`.
    pub(super) fn unknown(&self, parent: &[String], key: &str, siblings: &Map<String, Value>) -> String {
        if parent == ["workers"] {
            return format!("unknown worker{}", names::hint(key, siblings.keys().map(String::as_str)));
        }
        let full = |name: &str| [parent, &[name.to_owned()]].concat().join(".");
        if let Some(near) = names::nearest(key, siblings.keys().map(String::as_str)) {
            return format!("unknown key, did you mean `{}`?", full(near));
        }
        // The right key under the wrong heading.
        let elsewhere =
            self.leaves().into_iter().find(|(path, _)| path.last().is_some_and(|last| last == key));
        match elsewhere {
            Some((path, _)) => format!("unknown key, did you mean `{}`?", path.join(".")),
            None => {
                let known: Vec<_> = siblings.keys().map(String::as_str).collect();
                format!("unknown key, expected one of {}", known.join(", "))
            }
        }
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    /// What a part of the document of defaults stands for.
    pub(super) fn of(default: &'a Value) -> Self {
        match default {
            Value::Object(keys) if keys.is_empty() => Self::Open,
            Value::Object(keys) => Self::Table(keys),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Self::Leaf
            }
        }
    }
}

/// serde names Rust's types for numbers, which mean nothing to whoever edits a file.
fn for_people(error: &str) -> String {
    ["u8", "u32", "u64"].into_iter().fold(error.to_owned(), |text, number| {
        text.replace(&format!("expected a nonzero {number}"), "expected a whole number above 0")
            .replace(&format!("expected {number}"), "expected a whole number that fits")
    })
}

fn collect<'a>(value: &'a Value, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, &'a Value)>) {
    match Node::of(value) {
        Node::Table(keys) => {
            for (key, value) in keys {
                path.push(key.clone());
                collect(value, path, leaves);
                path.pop();
            }
        }
        Node::Open | Node::Leaf => leaves.push((path.clone(), value)),
    }
}

/// Sets the value at a path, making tables on the way.
fn put(document: &mut Value, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(keys) = document {
        put(keys.entry(key).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn the_defaults_suit_their_own_keys() {
        let schema = Schema::new();
        let leaves = schema.leaves();
        assert!(leaves.len() > 40, "{}", leaves.len());
        for (path, value) in &leaves {
            assert_eq!(schema.suits(path, value), Ok(()), "{path:?}");
        }
        assert!(leaves.iter().any(|(key, value)| *key == path("rpc.ca_file") && value.is_null()));
    }

    #[test]
    fn a_value_is_judged_by_its_key() {
        let schema = Schema::new();
        let judged = |key: &str, value: Value| schema.suits(&path(key), &value);
        assert_eq!(judged("rpc.limits.methods.getBlock", "5/10s".into()), Ok(()));
        assert!(judged("rpc.limits.methods.getBlock", 5.into()).is_err());
        assert_eq!(
            judged("run.restarts", (-1).into()).unwrap_err(),
            "invalid value: integer `-1`, expected a whole number that fits"
        );
        assert!(judged("rpc.limits.queue_length", 0.into()).unwrap_err().ends_with("a whole number above 0"));
        assert!(judged("run.drain_deadline", 10.into()).unwrap_err().contains("integer"));
        assert!(judged("workers.burn-detector.enabled", "maybe".into()).unwrap_err().contains("boolean"));
        assert!(judged("log.level", "loud".into()).unwrap_err().contains("expected off, error"));
        assert_eq!(judged("log.level", "info,eda_connection=debug".into()), Ok(()));
    }
}
