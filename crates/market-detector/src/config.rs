//! What the market-detector's operator decides: which exchanges' new markets are looked for.

use std::collections::BTreeSet;

use eda_chain::Dex;
use serde::{Deserialize, Serialize};

/// `[workers.market-detector]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The exchanges whose creations of pools and markets are looked for.
    pub dexes: BTreeSet<Dex>,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { dexes: Dex::ALL.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let config: Config = serde_json::from_str(r#"{"dexes": ["pumpswap", "openbook_v2"]}"#).unwrap();
        assert_eq!(config.dexes, [Dex::PumpSwap, Dex::OpenbookV2].into());
        let error = serde_json::from_str::<Config>(r#"{"dexes": ["raydium"]}"#).unwrap_err().to_string();
        assert!(error.contains("raydium_amm_v4") && error.contains("`raydium`"), "{error}");
        assert!(serde_json::from_str::<Config>(r#"{"dex": []}"#).is_err());
    }
}
