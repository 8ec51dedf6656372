//! What the liquidity-monitor's operator decides: which pools and vaults are followed.

use eda_events::Addresses;
use serde::{Deserialize, Serialize};

/// `[workers.liquidity-monitor]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The pool and vault accounts whose liquidity is followed.
    pub accounts: Addresses,
}
