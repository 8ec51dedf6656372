//! What the price-aggregator's operator decides: which pools and vaults prices are read from.

use eda_events::Addresses;
use serde::{Deserialize, Serialize};

/// `[workers.price-aggregator]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The pool and vault accounts that prices are read from.
    pub accounts: Addresses,
}
