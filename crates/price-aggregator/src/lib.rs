//! The price-aggregator: takes the account states that tell what the watched pools say a token is worth.

mod config;
mod run;

pub use config::Config;
pub use run::PriceAggregator;
