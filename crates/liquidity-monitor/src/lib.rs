//! The liquidity-monitor: takes the account states that tell what the watched pools hold.

mod config;
mod run;

pub use config::Config;
pub use run::LiquidityMonitor;
