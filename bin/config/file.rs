//! Settings from config.toml.

use std::{fs, io, path::Path};

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    layer::Layer,
    problem::Problem,
    schema::{Node, Schema},
    store::SQLITE,
};

/// Keys whose relative paths start at the file's own directory.
const PATHS: [[&str; 2]; 4] =
    [["run", "data_dir"], ["events", "file"], ["rpc", "ca_file"], ["simnet", "faults"]];

/// Reads a file. What is wrong in it is added to `problems`.
pub(super) fn read(path: &Path, schema: &Schema, problems: &mut Vec<Problem>) -> Layer {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, path, schema, problems),
        Err(error) => {
            let what = if error.kind() == io::ErrorKind::NotFound {
                "there is no such file".to_owned()
            } else {
                format!("cannot be read: {error}")
            };
            problems.push(Problem { at: path.display().to_string(), key: String::new(), what });
            Layer::default()
        }
    }
}

/// Reads the text of a file. `path` is only named.
pub(super) fn parse(text: &str, path: &Path, schema: &Schema, problems: &mut Vec<Problem>) -> Layer {
    let name = path.display().to_string();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, name, path, schema, problems, layer: Layer::default() };
    if errors.is_empty() {
        reader.table(table.get_ref(), schema.root(), &mut Vec::new());
    }
    for error in errors {
        // The error's own display quotes the line, in which there may be a key.
        let at = reader.at(error.span().map_or(0, |span| span.start));
        let what = format!("not TOML: {}", error.message());
        reader.problems.push(Problem { at, key: String::new(), what });
    }
    reader.layer
}

struct Reader<'a> {
    text: &'a str,
    name: String,
    path: &'a Path,
    schema: &'a Schema,
    problems: &'a mut Vec<Problem>,
    layer: Layer,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, known: Node<'_>, path: &mut Vec<String>) {
        // As they stand in the file, so that problems are read from top to bottom.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let at = self.at(key.span().start);
            let parent = path.clone();
            path.push(key.get_ref().to_string());
            match known {
                Node::Leaf | Node::Open => self.leaf(value, path, at),
                Node::Table(keys) => match keys.get(key.get_ref().as_ref()).map(Node::of) {
                    Some(Node::Leaf) => self.leaf(value, path, at),
                    Some(known @ (Node::Table(_) | Node::Open)) => {
                        if let DeValue::Table(table) = value.get_ref() {
                            self.table(table, known, path);
                        } else {
                            let what = format!("expected a table, found {}", described(value.get_ref()));
                            self.problems.push(Problem { at, key: path.join("."), what });
                        }
                    }
                    None => {
                        let what = self.schema.unknown(&parent, key.get_ref(), keys);
                        self.problems.push(Problem { at, key: path.join("."), what });
                    }
                },
            }
            path.pop();
        }
    }

    fn leaf(&mut self, value: &Spanned<DeValue<'_>>, path: &[String], at: String) {
        let judged = match json(value.get_ref()) {
            Ok(value) => {
                let value = self.anchored(path, value);
                self.schema.suits(path, &value).map(|()| value)
            }
            Err(what) => Err(what),
        };
        match judged {
            Ok(value) => self.layer.push(path, value, at),
            Err(what) => self.problems.push(Problem { at, key: path.join("."), what }),
        }
    }

    /// A relative path in a file starts where the file is, wherever the process was started.
    fn anchored(&self, path: &[String], value: Value) -> Value {
        match (&value, self.path.parent()) {
            (Value::String(text), Some(directory)) if path == ["store", "url"] => {
                match text.strip_prefix(SQLITE) {
                    Some(path) => format!("{SQLITE}{}", directory.join(path).display()).into(),
                    None => value,
                }
            }
            (Value::String(text), Some(directory)) if text != "-" && PATHS.iter().any(|key| path == key) => {
                directory.join(text).to_string_lossy().into_owned().into()
            }
            _ => value,
        }
    }

    fn at(&self, offset: usize) -> String {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.name)
    }
}

/// What a value is, in a person's words.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| format!("the number {integer} is too large"))?
            .into(),
        DeValue::Float(float) => {
            float.as_str().parse::<f64>().ok().map(Value::from).ok_or("not a number".to_owned())?
        }
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(_) => return Err("no key takes a date".to_owned()),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(keys) => Value::Object(
            keys.iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)))
                .collect::<Result<Map<_, _>, String>>()?,
        ),
    })
}

/// Reads a single TOML value, `["a", "b"]` for example. `None` if the text is none.
pub(super) fn value(text: &str) -> Option<Value> {
    DeValue::parse(text).ok().and_then(|value| json(value.get_ref()).ok())
}
