//! Which workers run: what `--workers` names, else all that are enabled.

use eda_events::WorkerName;

use super::{names, problem::Problem, workers::Workers};

/// What `--workers` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Every worker that is enabled.
    All,
    /// These, enabled or not.
    Named(Vec<WorkerName>),
}

/// One worker to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Which one.
    pub(crate) name: WorkerName,
    /// The settings disable it; it runs because the command line names it.
    pub(crate) although_disabled: bool,
}

/// Reads the flag. What is wrong is added to `problems`.
pub(super) fn parse(flag: Option<&str>, problems: &mut Vec<Problem>) -> Choice {
    let text = match flag.map(str::trim) {
        None | Some("all") => return Choice::All,
        Some(text) => text,
    };
    let mut named = Vec::new();
    for word in text.split(',').map(str::trim) {
        match word.parse::<WorkerName>() {
            Ok(name) if named.contains(&name) => {}
            Ok(name) => named.push(name),
            Err(unknown) => {
                let known = WorkerName::ALL.map(WorkerName::as_str).into_iter().chain(["all"]);
                let what = format!("{unknown}{}", names::hint(word, known));
                problems.push(Problem { at: "flag --workers".to_owned(), key: String::new(), what });
            }
        }
    }
    Choice::Named(named)
}

/// The workers to run, in the order they are started. That there are none is added to `problems`.
pub(super) fn workers(choice: &Choice, settings: &Workers, problems: &mut Vec<Problem>) -> Vec<Chosen> {
    let chosen: Vec<_> = WorkerName::ALL
        .into_iter()
        .filter(|name| match choice {
            Choice::All => settings.is_enabled(*name),
            Choice::Named(named) => named.contains(name),
        })
        .map(|name| Chosen { name, although_disabled: !settings.is_enabled(name) })
        .collect();
    if chosen.is_empty() && *choice == Choice::All {
        problems.push(Problem {
            at: "workers".to_owned(),
            key: String::new(),
            what: "every worker is disabled; enable one, or name one with --workers".to_owned(),
        });
    }
    chosen
}
