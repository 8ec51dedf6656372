//! The market-detector: creations of pools, markets and coins on the exchanges eda knows.
//!
//! Facts in, sightings out: [`Detector`] is pure; [`MarketDetector`] is its life as a worker.

mod config;
mod detect;
mod run;

pub use config::Config;
pub use detect::Detector;
pub use run::MarketDetector;
