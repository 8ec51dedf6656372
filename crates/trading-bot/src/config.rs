//! What the trading-bot's operator decides. Nothing of its own yet: it trades on paper only.

use serde::{Deserialize, Serialize};

/// `[workers.trading-bot]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
