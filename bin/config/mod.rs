//! The settings: read once, here, and passed on as plain values; nothing else looks at files or the environment.
//!
//! Levels, each over the one before: built-in defaults, config.toml, environment, flags. Every wrong value of every
//! level is reported, with its place, in one go.

mod choice;
mod environment;
mod file;
mod layer;
mod limits;
mod listed;
mod methods;
mod names;
mod problem;
mod provider;
mod schema;
mod sections;
mod show;
mod simulated;
mod start;
mod store;
mod units;
mod url;
mod workers;

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use eda_events::Commitment;
use serde_json::Value;

pub(crate) use choice::Chosen;
pub(crate) use problem::Problems;
pub(crate) use provider::Provider;
#[cfg(feature = "simnet")]
pub(crate) use sections::Level;
pub(crate) use sections::{Config, FeedMode, Log, LogFormat};
pub(crate) use start::StartAt;

use layer::{Document, Layer};
use problem::Problem;
use schema::Schema;

/// What is read when no `--config` names another file, if it exists.
pub(crate) const DEFAULT_FILE: &str = "config.toml";

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// `--workers`; absent means `all`.
    pub(crate) workers: Option<String>,
    /// Flag, key and value of every other setting.
    pub(crate) set: Vec<(&'static str, [&'static str; 2], String)>,
}

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Every setting.
    pub(crate) config: Config,
    /// Whom `[rpc]` names.
    pub(crate) provider: Provider,
    /// The workers to run, in the order they are started. Never empty.
    pub(crate) workers: Vec<Chosen>,
    document: Document,
}

// === impl Settings ===

impl Settings {
    /// Reads all levels.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub(crate) fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        default_file: &Path,
    ) -> Result<Self, Problems> {
        let schema = Schema::new();
        let mut problems = Vec::new();
        let file = match &flags.file {
            Some(path) => file::read(path, &schema, &mut problems),
            None if default_file.exists() => file::read(default_file, &schema, &mut problems),
            None => Layer::default(),
        };
        let environment = environment::read(environment, &schema, &mut problems);
        let command_line = command_line(flags, &schema, &mut problems);
        let choice = choice::parse(flags.workers.as_deref(), &mut problems);

        let mut layers = vec![file, environment, command_line];
        layer::endpoint_is_a_set(&mut layers);
        let document = match layer::merge(schema.defaults(), layers) {
            Ok(document) => document,
            Err(error) => return Err(unplaced(problems, &error)),
        };
        let config: Config = match serde_json::from_value(document.values.clone()) {
            Ok(config) => config,
            Err(error) => return Err(unplaced(problems, &error)),
        };
        relations(&config, &document, &mut problems);
        let workers = choice::workers(&choice, &config.workers, &mut problems);
        let provider = Provider::of(&config.rpc, document.is_set("rpc.url"));
        let provider = provider.map_err(|error| document.problem(error.key, error.to_string()));
        match (provider, Problems::check(problems)) {
            (Ok(provider), Ok(())) => Ok(Self { config, provider, workers, document }),
            (Ok(_), Err(problems)) => Err(problems),
            (Err(problem), Ok(())) => Err(Problems::of(problem, Vec::new())),
            (Err(problem), Err(problems)) => Err(Problems::of(problem, problems.into_inner())),
        }
    }

    /// Every value with its place, as TOML with comments.
    pub(crate) fn to_toml(&self) -> String {
        show::toml(&self.document, &self.provider)
    }

    /// Every value and its place, as one JSON document.
    pub(crate) fn to_json(&self) -> Value {
        show::json(&self.document, &self.provider)
    }
}

fn command_line(flags: &Flags, schema: &Schema, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::default();
    for (flag, path, text) in &flags.set {
        let path = path.map(str::to_owned);
        let value = Value::String(text.clone());
        let at = format!("flag {flag}");
        match schema.suits(&path, &value) {
            Ok(()) => layer.push(&path, value, at),
            Err(what) => problems.push(Problem { at, key: path.join("."), what }),
        }
    }
    layer
}

/// What no value says alone.
fn relations(config: &Config, document: &Document, problems: &mut Vec<Problem>) {
    let run = &config.run;
    if run.restart_pause > run.restart_pause_max {
        let (pause, most) = (run.restart_pause, run.restart_pause_max);
        let what = format!("`{pause}` is longer than run.restart_pause_max, `{most}`");
        problems.push(document.problem("run.restart_pause", what));
    }
    if config.rpc.commitment == Commitment::Processed {
        let what = "nodes serve blocks and transactions from `confirmed` on, and what is only `processed` may never \
                    have happened; use `confirmed` or `finalized`";
        problems.push(document.problem("rpc.commitment", what.to_owned()));
    }
    for (table, method) in config.rpc.limits.named_methods() {
        if let Some(near) = methods::misspelt(method) {
            let what = format!("unknown method, did you mean `{near}`?");
            problems.push(document.problem(&format!("rpc.limits.{table}.{method}"), what));
        }
    }
    for (table, method) in config.rpc.endpoints.iter().flat_map(|listed| listed.limits.named_methods()) {
        if let Some(near) = methods::misspelt(method) {
            let what = format!("limits.{table}.{method}: unknown method, did you mean `{near}`?");
            problems.push(document.problem("rpc.endpoints", what));
        }
    }
    let paths = [
        ("run.data_dir", Some(&run.data_dir)),
        ("events.file", config.events.file.as_ref()),
        ("rpc.ca_file", config.rpc.ca_file.as_ref()),
        ("simnet.faults", config.simnet.faults.as_ref()),
    ];
    for (key, path) in paths {
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            problems.push(document.problem(key, "the path is empty".to_owned()));
        }
    }
}

/// Each value suited its key but the whole cannot be read: said without a place, since there is none to name.
fn unplaced(problems: Vec<Problem>, error: &dyn std::error::Error) -> Problems {
    let what = error.to_string();
    Problems::of(Problem { at: "settings".to_owned(), key: String::new(), what }, problems)
}
