//! The keys of one table: each is taken with its type, and what nobody took is unknown.

use std::{ops::RangeInclusive, time::Duration};

use http::StatusCode;
use serde_json::Value;

use super::{super::names, Problem};

/// The longest time a plan speaks of.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One key of a table.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) line: Option<usize>,
    pub(super) value: Value,
}

/// The keys of one table that were not taken yet.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    source: &'a str,
    /// The table's own.
    line: Option<usize>,
    fields: Vec<Field>,
    /// Lines of the keys taken.
    taken: Vec<(&'static str, Option<usize>)>,
    asked: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) fn new(
        source: &'a str,
        line: Option<usize>,
        fields: Vec<Field>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { source, line, fields, taken: Vec::new(), asked: Vec::new(), problems }
    }

    /// The value of a key as `read` understands it; `None` if it is absent or wrong.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.asked.push(key);
        let at = self.fields.iter().position(|field| field.key == key)?;
        let field = self.fields.remove(at);
        self.taken.push((key, field.line));
        match read(&field.value) {
            Ok(value) => Some(value),
            Err(what) => {
                self.problem(key, what);
                None
            }
        }
    }

    /// Whether a key was there.
    pub(super) fn had(&self, key: &str) -> bool {
        self.taken.iter().any(|(taken, _)| *taken == key)
    }

    /// What is wrong with a key, whether it was there or not.
    pub(super) fn problem(&mut self, key: &str, what: impl Into<String>) {
        let line = self.taken.iter().find(|(taken, _)| *taken == key).map_or(self.line, |(_, line)| *line);
        let key = self.path(key);
        self.problems.push(Problem { source: self.source.to_owned(), line, key, what: what.into() });
    }

    /// The value of a key that must be there; `otherwise` if it is not, and that is a problem.
    pub(super) fn required<T>(&mut self, key: &'static str, value: Option<T>, otherwise: T) -> T {
        value.unwrap_or_else(|| {
            if !self.had(key) {
                self.problem(key, "is missing");
            }
            otherwise
        })
    }

    pub(super) fn number(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> Option<u64> {
        self.take(key, |value| {
            let number = value.as_u64().filter(|number| allowed.contains(number));
            number.ok_or_else(|| match (*allowed.start(), *allowed.end()) {
                (first, u64::MAX) => format!("expected a whole number from {first}, found {value}"),
                (first, last) => format!("expected a whole number from {first} to {last}, found {value}"),
            })
        })
    }

    pub(super) fn status(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> Option<StatusCode> {
        let number = self.number(key, allowed)?;
        u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok())
    }

    /// A time above zero.
    pub(super) fn time(&mut self, key: &'static str) -> Option<Duration> {
        let time = self.time_or_zero(key)?;
        if time.is_zero() {
            self.problem(key, "must be longer than no time");
        }
        (!time.is_zero()).then_some(time)
    }

    pub(super) fn time_or_zero(&mut self, key: &'static str) -> Option<Duration> {
        self.take(key, |value| {
            let time = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
            time.filter(|time| *time <= LONGEST).ok_or_else(|| {
                format!("expected a time of up to a year, such as \"500ms\" or \"1m 30s\", found {value}")
            })
        })
    }

    /// A text as `read` understands it.
    pub(super) fn text<T, E: ToString>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.take(key, |value| match value.as_str() {
            Some(text) => read(text).map_err(|error| error.to_string()),
            None => Err(format!("expected a text, found {value}")),
        })
    }

    /// A list of at least one text.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.take(key, |value| {
            let items =
                value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
            let texts: Option<Vec<String>> = items.and_then(Iterator::collect);
            let texts = texts.filter(|texts| !texts.is_empty());
            texts.ok_or_else(|| format!("expected a list of names, such as [\"getBlock\"], found {value}"))
        })
    }

    /// Ends the table of a thing: what nobody has asked for is unknown.
    pub(super) fn finish(mut self, thing: &str) {
        for Field { key, line, .. } in std::mem::take(&mut self.fields) {
            let what = format!("unknown key of {thing}{}", names::hint(&key, self.asked.iter().copied()));
            let key = self.path(&key);
            self.problems.push(Problem { source: self.source.to_owned(), line, key, what });
        }
    }

    /// In a file the key belongs to `fault`; in a call the source says to which.
    fn path(&self, key: &str) -> String {
        if self.line.is_some() { format!("fault.{key}") } else { key.to_owned() }
    }
}
