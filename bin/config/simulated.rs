//! `[simnet]`: the simulated cluster inside the process.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::units::Period;

/// How the simulated cluster goes. Only `rpc.url = "simnet"` makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Simnet {
    /// Decides everything left to chance; absent: each run has a chain of its own.
    pub(crate) seed: Option<u64>,
    /// Time between slots.
    pub(crate) slot_time: Period,
    /// File with the faults that its provider is to have.
    pub(crate) faults: Option<PathBuf>,
    /// Transactions of each kind per 100 slots, where they differ from the defaults.
    pub(crate) mix: BTreeMap<String, u32>,
}

impl Default for Simnet {
    fn default() -> Self {
        Self { seed: None, slot_time: Period::millis(400), faults: None, mix: BTreeMap::new() }
    }
}
