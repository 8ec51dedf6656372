//! The ledger of truth: what really happened on the chain, noted where it happened.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use solana_signature::Signature;

use crate::{
    chain::Block,
    runtime::{Effect, What},
};

/// Why tokens were burned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Their holder wanted it.
    Holder,
    /// A pool was left, and its liquidity tokens with it.
    LpWithdraw,
    /// A coin moved to another exchange.
    Migration,
    /// A program burned them, and nobody said why.
    Unknown,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The slot it happened in.
    pub slot: u64,
    /// The transaction's position in its block.
    pub index: usize,
    /// The transaction.
    pub signature: Signature,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[expect(clippy::large_enum_variant, reason = "nearly every row is an effect")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An instruction did something; if it burned, why.
    Effect(Effect, Option<Cause>),
    /// A transaction failed, and nothing of it happened.
    Failed(String),
}

/// Everything that happened on the present fork, of the slots that are kept.
#[derive(Debug, Default)]
pub struct Truth {
    rows: BTreeMap<u64, Vec<Row>>,
}

// === impl Cause ===

impl Cause {
    /// As events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::LpWithdraw => "lp-withdraw",
            Self::Migration => "migration",
            Self::Unknown => "unknown",
        }
    }
}

// === impl Row ===

impl Row {
    /// The row as one JSON object; amounts and addresses are text.
    pub fn to_json(&self) -> Value {
        let mut row = match &self.event {
            Event::Failed(why) => json!({"kind": "failed", "err": why}),
            Event::Effect(effect, cause) => {
                let mut row = json!(effect.what);
                row["path"] = match effect.place.inner {
                    Some(inner) => json!([effect.place.instruction, inner]),
                    None => json!([effect.place.instruction]),
                };
                if let Some(entry) = effect.place.batch_entry {
                    row["batchEntry"] = json!(entry);
                }
                if let Some(cause) = cause {
                    row["cause"] = json!(cause.as_str());
                }
                row
            }
        };
        row["slot"] = json!(self.slot);
        row["transactionIndex"] = json!(self.index);
        row["signature"] = json!(self.signature.to_string());
        row
    }

    /// Whether it is a burn that happened.
    pub fn is_burn(&self) -> bool {
        matches!(&self.event, Event::Effect(Effect { what: What::Burn { .. }, .. }, _))
    }
}

// === impl Truth ===

impl Truth {
    /// Everything, in chain order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().flatten()
    }

    /// What happened from one slot to another, both included, in chain order.
    pub fn between(&self, from: u64, to: u64) -> impl Iterator<Item = &Row> {
        let range = (from <= to).then(|| self.rows.range(from..=to));
        range.into_iter().flatten().flat_map(|(_, rows)| rows)
    }

    /// Notes what a block's transactions did; `cause` says why the actor who sent one burns, if it was an actor.
    pub(crate) fn extend(&mut self, block: &Block, cause: impl Fn(&Signature) -> Option<Cause>) {
        let mut rows = Vec::new();
        for landed in &block.transactions {
            let (slot, index, signature) = (landed.slot, landed.index, landed.signature());
            let mut add = |event| rows.push(Row { slot, index, signature, event });
            if let Some(err) = &landed.meta.err {
                add(Event::Failed(err.to_string()));
            }
            for effect in &landed.meta.effects {
                let burn = matches!(effect.what, What::Burn { .. });
                // A burn that the transaction itself asks for is its holder's.
                let plain = if effect.caller.is_none() { Cause::Holder } else { Cause::Unknown };
                let why = burn.then(|| cause(&signature).unwrap_or(plain));
                add(Event::Effect(effect.clone(), why));
            }
        }
        if !rows.is_empty() {
            self.rows.insert(block.slot, rows);
        }
    }

    /// Takes back what happened in an abandoned block.
    pub(crate) fn retract(&mut self, slot: u64) {
        self.rows.remove(&slot);
    }

    /// Forgets what happened before a slot.
    pub(crate) fn prune(&mut self, first: u64) {
        self.rows = self.rows.split_off(&first);
    }
}
