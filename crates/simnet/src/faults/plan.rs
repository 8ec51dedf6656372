//! A seed and its faults, from a file or from a control call. Everything that is wrong is said at once, each with its
//! place and with what would be right.

/// One fault from its keys.
mod entry;
/// The keys of one table, read with their types.
mod fields;

use std::{fmt, fs, io, ops::Range, path::Path};

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use self::fields::{Field, Fields};
use super::{Fault, names};

/// Faults that a plan may hold.
const MOST: usize = 1_000;

/// What is to go wrong, and when.
///
/// ```toml
/// seed = 7
///
/// [[fault]]
/// kind = "notification-drop"
/// methods = ["logsSubscribe"]
/// chance = "5%"
///
/// [[fault]]
/// kind = "node-restart"
/// at = "12s"
/// for = "3s"
/// every = "20s"
/// count = 3
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Decides what is left to chance.
    pub seed: u64,
    /// In the order in which they are tried: what one has hit, the later ones of its sort leave alone.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or which fault of a call.
    pub source: String,
    /// The line in the file.
    pub line: Option<usize>,
    /// The key, `fault.every`; empty where the trouble is not about one.
    pub key: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Everything that is wrong, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

// === impl Plan ===

impl Plan {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no plan.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let source = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &source),
            Err(error) => {
                let what = if error.kind() == io::ErrorKind::NotFound {
                    "there is no such file".to_owned()
                } else {
                    format!("cannot be read: {error}")
                };
                Err(Problems(vec![Problem { source, line: None, key: String::new(), what }]))
            }
        }
    }

    /// Reads TOML. `source` names it in problems.
    ///
    /// # Errors
    /// When it is no plan.
    pub fn parse(text: &str, source: &str) -> Result<Self, Problems> {
        let lines = Lines { text, source };
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let at = error.span().unwrap_or_default();
                return Err(Problems(vec![lines.problem(
                    at,
                    "",
                    format!("not TOML: {}", error.message().trim()),
                )]));
            }
        };
        let mut problems = Vec::new();
        let mut plan = Self::default();
        for (key, value) in document.get_ref() {
            match key.get_ref().as_ref() {
                "seed" => match json(value.get_ref()).map(|seed| seed.as_u64()) {
                    Ok(Some(seed)) => plan.seed = seed,
                    Ok(None) => {
                        let what =
                            format!("expected a whole number from 0, found {}", described(value.get_ref()));
                        problems.push(lines.problem(key.span(), "seed", what));
                    }
                    Err(what) => problems.push(lines.problem(key.span(), "seed", what)),
                },
                "fault" => plan.faults = lines.faults(value, key.span(), &mut problems),
                unknown => {
                    let what = format!("unknown key{}", names::hint(unknown, ["seed", "fault"]));
                    problems.push(lines.problem(key.span(), unknown, what));
                }
            }
        }
        if plan.faults.is_empty() && problems.is_empty() {
            let what = "holds no fault: expected at least one [[fault]]".to_owned();
            problems.push(Problem { source: source.to_owned(), line: None, key: String::new(), what });
        }
        if plan.faults.len() > MOST {
            let what = format!("holds {} faults: expected at most {MOST}", plan.faults.len());
            problems.push(Problem { source: source.to_owned(), line: None, key: String::new(), what });
        }
        Problems::check(problems).map(|()| plan)
    }

    /// One fault as a JSON object with the keys that `[[fault]]` has in a file. `source` names it in problems.
    pub(super) fn fault(value: &Value, source: &str) -> Result<Fault, Problems> {
        let mut problems = Vec::new();
        let fault = match value {
            Value::Object(keys) => {
                let fields = keys
                    .iter()
                    .map(|(key, value)| Field { key: key.clone(), line: None, value: value.clone() })
                    .collect();
                entry::fault(Fields::new(source, None, fields, &mut problems))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let what = format!("expected an object, found {value}");
                problems.push(Problem { source: source.to_owned(), line: None, key: String::new(), what });
                None
            }
        };
        // Without a problem there is a fault.
        match fault {
            Some(fault) if problems.is_empty() => Ok(fault),
            Some(_) | None => Err(Problems(problems)),
        }
    }
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

// === impl Problems ===

impl Problems {
    fn check(mut found: Vec<Problem>) -> Result<(), Self> {
        found.sort_by_key(|problem| problem.line);
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// All of them.
    pub fn into_inner(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            all => {
                write!(f, "{} problems:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// The text of a file, to tell lines by offsets.
struct Lines<'a> {
    text: &'a str,
    source: &'a str,
}

impl Lines<'_> {
    fn line(&self, at: Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn problem(&self, at: Range<usize>, key: &str, what: String) -> Problem {
        Problem { source: self.source.to_owned(), line: Some(self.line(at)), key: key.to_owned(), what }
    }

    fn faults(
        &self,
        value: &toml::Spanned<DeValue<'_>>,
        at: Range<usize>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Fault> {
        let DeValue::Array(entries) = value.get_ref() else {
            let found = described(value.get_ref());
            problems.push(self.problem(at, "fault", format!("expected [[fault]], found {found}")));
            return Vec::new();
        };
        let mut faults = Vec::new();
        for entry in entries.iter() {
            let DeValue::Table(table) = entry.get_ref() else {
                let found = described(entry.get_ref());
                problems.push(self.problem(
                    entry.span(),
                    "fault",
                    format!("expected a table, found {found}"),
                ));
                continue;
            };
            let mut fields = Vec::new();
            for (key, value) in table {
                match json(value.get_ref()) {
                    Ok(json) => fields.push(Field {
                        key: key.get_ref().to_string(),
                        line: Some(self.line(key.span())),
                        value: json,
                    }),
                    Err(what) => {
                        problems.push(self.problem(key.span(), &format!("fault.{}", key.get_ref()), what));
                    }
                }
            }
            let line = Some(self.line(entry.span()));
            faults.extend(entry::fault(Fields::new(self.source, line, fields, problems)));
        }
        faults
    }
}

/// What a value is, in a person's words.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "another number",
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
        DeValue::Float(float) => float.as_str().parse::<f64>().map_err(|_| "not a number".to_owned())?.into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(_) => return Err("no key takes a date".to_owned()),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(keys) => {
            let entries =
                keys.iter().map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(entries.collect::<Result<Map<_, _>, String>>()?)
        }
    })
}
