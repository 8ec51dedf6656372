//! `[workers.<name>]`: what every worker has in common, and each one's own settings.

use eda_events::WorkerName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, de::DeserializeOwned, ser};
use serde_json::{Map, Value};

/// The five workers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Workers {
    /// Finds burns.
    pub(crate) burn_detector: Worker<eda_burn_detector::Config>,
    /// Finds new pools and markets.
    pub(crate) market_detector: Worker<eda_market_detector::Config>,
    /// Follows what pools hold.
    pub(crate) liquidity_monitor: Worker<eda_liquidity_monitor::Config>,
    /// Prices tokens from pools.
    pub(crate) price_aggregator: Worker<eda_price_aggregator::Config>,
    /// Trades on paper.
    pub(crate) trading_bot: Worker<eda_trading_bot::Config>,
}

/// One worker's table: `enabled` and `weight` beside the worker's own keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Worker<S> {
    /// Whether `--workers all` means this one too.
    pub(crate) enabled: bool,
    /// Its share of the budget relative to the others, within one class.
    pub(crate) weight: Weight,
    /// The worker's own settings.
    pub(crate) settings: S,
}

/// A relative share, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub(crate) struct Weight(u32);

/// What every worker's table has.
#[derive(Serialize, Deserialize)]
struct Common {
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    weight: Weight,
}

// === impl Workers ===

impl Workers {
    /// Whether a worker is enabled.
    pub(crate) fn is_enabled(&self, name: WorkerName) -> bool {
        match name {
            WorkerName::BurnDetector => self.burn_detector.enabled,
            WorkerName::MarketDetector => self.market_detector.enabled,
            WorkerName::LiquidityMonitor => self.liquidity_monitor.enabled,
            WorkerName::PriceAggregator => self.price_aggregator.enabled,
            WorkerName::TradingBot => self.trading_bot.enabled,
        }
    }

    /// A worker's share of the budget.
    pub(crate) fn weight(&self, name: WorkerName) -> Weight {
        match name {
            WorkerName::BurnDetector => self.burn_detector.weight,
            WorkerName::MarketDetector => self.market_detector.weight,
            WorkerName::LiquidityMonitor => self.liquidity_monitor.weight,
            WorkerName::PriceAggregator => self.price_aggregator.weight,
            WorkerName::TradingBot => self.trading_bot.weight,
        }
    }
}

// === impl Worker ===

impl<S: Default> Default for Worker<S> {
    fn default() -> Self {
        Self { enabled: enabled(), weight: Weight::default(), settings: S::default() }
    }
}

impl<'de, S: DeserializeOwned> Deserialize<'de> for Worker<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let own = Map::deserialize(deserializer)?;
        let (common, own): (Map<_, _>, Map<_, _>) =
            own.into_iter().partition(|(key, _)| matches!(key.as_str(), "enabled" | "weight"));
        let common: Common = serde_json::from_value(Value::Object(common)).map_err(de::Error::custom)?;
        let settings = serde_json::from_value(Value::Object(own)).map_err(de::Error::custom)?;
        Ok(Self { enabled: common.enabled, weight: common.weight, settings })
    }
}

impl<S: Serialize> Serialize for Worker<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let common = Common { enabled: self.enabled, weight: self.weight };
        let mut table: Map<String, Value> = Map::new();
        for part in [serde_json::to_value(common), serde_json::to_value(&self.settings)] {
            let Value::Object(keys) = part.map_err(ser::Error::custom)? else {
                return Err(ser::Error::custom("worker settings are no table"));
            };
            table.extend(keys);
        }
        table.serialize(serializer)
    }
}

fn enabled() -> bool {
    true
}

// === impl Weight ===

impl Weight {
    /// As a number.
    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u32> for Weight {
    type Error = String;

    fn try_from(weight: u32) -> Result<Self, String> {
        if (1..=100).contains(&weight) {
            Ok(Self(weight))
        } else {
            Err(format!("`{weight}` is no weight: expected 1 to 100"))
        }
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}
