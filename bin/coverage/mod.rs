//! `eda coverage`: which slots each worker has had, and how; and whether another endpoint knows of anything else.

mod against;

use std::collections::BTreeMap;

use eda_events::{Cluster, Genesis, WorkerName, log::How};
use eda_store::{Covered, Reader, Store};
use serde::Serialize;

use crate::{config::Config, exit::Failure, store};

pub(crate) use against::against;

/// What the store says.
#[derive(Debug, Serialize)]
pub(crate) struct Coverage {
    chains: Vec<Chain>,
}

/// One chain.
#[derive(Debug, Serialize)]
struct Chain {
    cluster: String,
    genesis: String,
    interests: Vec<Interest>,
}

/// One interest of a worker.
#[derive(Debug, Serialize)]
struct Interest {
    worker: WorkerName,
    interest: String,
    first: u64,
    last: u64,
    /// How many slots became known in which way.
    slots: BTreeMap<&'static str, u64>,
    spans: Vec<Stretch>,
}

#[derive(Debug, Serialize)]
struct Stretch {
    from: u64,
    to: u64,
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    since: String,
}

/// Stretches that a person is shown of one interest; the others are counted.
const SHOWN: usize = 20;

/// Looks it up in the store, whether an eda runs or not.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub(crate) fn coverage(config: &Config, worker: Option<WorkerName>) -> Result<Coverage, Failure> {
    let reader = Store::read(&store::path(config))?;
    let chains = reader.chains()?.into_iter().map(|genesis| chain(&reader, genesis, worker));
    let chains: Vec<Chain> = chains.collect::<Result<_, _>>()?;
    Ok(Coverage { chains: chains.into_iter().filter(|chain| !chain.interests.is_empty()).collect() })
}

fn chain(reader: &Reader, genesis: Genesis, worker: Option<WorkerName>) -> Result<Chain, Failure> {
    let mut interests: BTreeMap<(WorkerName, String), Vec<Covered>> = BTreeMap::new();
    for covered in reader.spans(&genesis, worker)? {
        interests.entry((covered.worker, covered.interest.to_string())).or_default().push(covered);
    }
    Ok(Chain {
        cluster: Cluster::from_genesis(genesis.as_str()).to_string(),
        genesis: genesis.to_string(),
        interests: interests.into_iter().map(|(key, spans)| Interest::of(key, &spans)).collect(),
    })
}

// === impl Interest ===

impl Interest {
    fn of((worker, interest): (WorkerName, String), covered: &[Covered]) -> Self {
        let mut slots: BTreeMap<&'static str, u64> = BTreeMap::new();
        for one in covered {
            *slots.entry(one.span.how.as_str()).or_default() += one.span.to.0 - one.span.from.0 + 1;
        }
        let stretch = |one: &Covered| Stretch {
            from: one.span.from.0,
            to: one.span.to.0,
            how: one.span.how.as_str(),
            reason: match &one.span.how {
                How::Unproven(reason) => Some(reason.clone()),
                How::Live | How::Filled | How::Sampled => None,
            },
            since: one.since.to_string(),
        };
        Self {
            worker,
            interest,
            first: covered.iter().map(|one| one.span.from.0).min().unwrap_or_default(),
            last: covered.iter().map(|one| one.span.to.0).max().unwrap_or_default(),
            slots,
            spans: covered.iter().map(stretch).collect(),
        }
    }
}

// === impl Coverage ===

impl Coverage {
    /// Lines for a person: what is missing first, then how the rest became known.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        if self.chains.is_empty() {
            return "no worker has followed anything yet\n".to_owned();
        }
        for chain in &self.chains {
            line(&mut text, format_args!("{} ({})", chain.cluster, chain.genesis));
            for one in &chain.interests {
                let counts: Vec<_> = one.slots.iter().map(|(how, slots)| format!("{slots} {how}")).collect();
                let (worker, name) = (one.worker, &one.interest);
                let counts = counts.join(", ");
                line(
                    &mut text,
                    format_args!("  {worker} {name}: slots {} to {}: {counts}", one.first, one.last),
                );
                let odd: Vec<&Stretch> = one.spans.iter().filter(|span| span.how != "live").collect();
                for span in odd.iter().rev().take(SHOWN).rev() {
                    let reason = span.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                    line(&mut text, format_args!("    {} to {} {}{reason}", span.from, span.to, span.how));
                }
                if let Some(more) = odd.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                    line(&mut text, format_args!("    and {more} earlier stretches; --json tells them all"));
                }
            }
        }
        text
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    *text += &format!("{words}\n");
}
