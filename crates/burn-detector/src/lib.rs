//! The burn-detector: every burn of the tokens that are watched, once, with what is known of the supply around it.
//!
//! Facts in, decisions out: [`Detector`] is pure; [`BurnDetector`] is its life as a worker.

mod config;
mod detect;
mod run;
mod supply;

pub use config::{BadShare, Config, SupplyShare, Watch};
pub use detect::{Candidate, Detector, Judged, Rule};
pub use run::BurnDetector;
