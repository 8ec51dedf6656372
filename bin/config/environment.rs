//! Settings from environment variables: the names that Solana tools share, and `EDA__SECTION__KEY` for every key.

use std::ffi::OsString;

use serde_json::Value;

use super::{
    file,
    layer::Layer,
    names,
    problem::Problem,
    schema::{Node, Schema},
};

/// Names others gave, and their keys. `EDA__…` for the same key goes first.
const SHARED: [(&str, [&str; 2]); 3] = [
    ("SOLANA_RPC_URL", ["rpc", "url"]),
    ("SOLANA_WS_URL", ["rpc", "ws_url"]),
    ("RUST_LOG", ["log", "level"]),
];

const PREFIX: &str = "EDA__";

/// Reads the environment. An empty variable counts as absent. What is wrong is added to `problems`.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    schema: &Schema,
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut shared = Vec::new();
    let mut own = Vec::new();
    for (name, text) in variables {
        // No name that means something here is other than plain text.
        let Ok(name) = name.into_string() else { continue };
        let known = SHARED.iter().find(|(known, _)| *known == name).map(|(_, path)| path);
        if text.is_empty() || (known.is_none() && !name.starts_with(PREFIX)) {
            continue;
        }
        let at = format!("environment variable {name}");
        let Ok(text) = text.into_string() else {
            problems.push(Problem { at, key: String::new(), what: "the value is not UTF-8".to_owned() });
            continue;
        };
        match known {
            Some(path) => shared.push((path.map(str::to_owned).to_vec(), text, at)),
            None => match resolve(&name, schema) {
                Ok(path) => own.push((path, text, at)),
                Err(what) => problems.push(Problem { at, key: String::new(), what }),
            },
        }
    }
    // A fixed order, since the environment has none that a person chose.
    own.sort_by(|one, other| one.2.cmp(&other.2));
    let mut layer = Layer::default();
    for (path, text, at) in shared.into_iter().chain(own) {
        match typed(&path, text, schema) {
            Ok(value) => layer.push(&path, value, at),
            Err(what) => problems.push(Problem { at, key: path.join("."), what }),
        }
    }
    layer
}

/// The key that a variable names: `EDA__RPC__LIMITS__PER_METHOD` is `rpc.limits.per_method`. Below a table that
/// takes any key, the rest is the key as it is written: `EDA__RPC__LIMITS__METHODS__getBlock`.
fn resolve(name: &str, schema: &Schema) -> Result<Vec<String>, String> {
    let mut node = schema.root();
    let mut path = Vec::new();
    let unknown = || {
        let known: Vec<_> = schema.leaves().iter().map(|(path, _)| variable(path)).collect();
        match names::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("unknown key, did you mean `{near}`?"),
            None => "unknown key, see `eda config show` for those there are".to_owned(),
        }
    };
    for segment in name.strip_prefix(PREFIX).unwrap_or(name).split("__") {
        match node {
            Node::Table(keys) => {
                let found = keys.iter().find(|(key, _)| upper(key) == segment).ok_or_else(unknown)?;
                path.push(found.0.clone());
                node = Node::of(found.1);
            }
            Node::Open if !segment.is_empty() => {
                path.push(segment.to_owned());
                node = Node::Leaf;
            }
            Node::Open | Node::Leaf => return Err(unknown()),
        }
    }
    match node {
        Node::Leaf => Ok(path),
        Node::Table(_) | Node::Open => Err(format!("names the table [{}], not a key in it", path.join("."))),
    }
}

/// A variable is text. Where the key takes no text, the text is read as TOML has it, and a list also from words
/// between commas.
fn typed(path: &[String], text: String, schema: &Schema) -> Result<Value, String> {
    let plain = Value::String(text);
    let refused = match schema.suits(path, &plain) {
        Ok(()) => return Ok(plain),
        Err(what) => what,
    };
    let text = plain.as_str().unwrap_or_default();
    let listed = Value::Array(text.split(',').map(|word| word.trim().into()).collect());
    match file::value(text) {
        // What is clearly meant as TOML is answered as TOML.
        Some(value) => schema.suits(path, &value).map(|()| value),
        None => schema.suits(path, &listed).map(|()| listed).map_err(|_| refused),
    }
}

fn variable(path: &[String]) -> String {
    let segments: Vec<_> = path.iter().map(|key| upper(key)).collect();
    format!("{PREFIX}{}", segments.join("__"))
}

fn upper(key: &str) -> String {
    key.to_ascii_uppercase().replace('-', "_")
}
