//! The trading-bot: takes the events that strategies will decide on. It places no orders.

mod config;
mod run;

pub use config::Config;
pub use run::TradingBot;
