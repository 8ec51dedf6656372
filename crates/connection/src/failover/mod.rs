//! Which endpoint is asked, where several are configured.
//!
//! Responsible for: one endpoint in use at a time, and nothing open at any other, except for one short connection while
//! another is looked at; a budget for each of them that outlives its use; leaving an endpoint that is ill for one that
//! is not, and coming back; telling an endpoint that stands still from a cluster that does.
//! Not responsible for: what was not seen during a change, which is an interruption like any other.
//!
//! `health` decides without I/O and without a clock, `look` asks an endpoint how it sees the chain, `watch` brings them
//! together, `switch` carries a change out.

/// What the watching task knows, for whoever asks.
mod board;
/// When an endpoint is left, and when it is gone back to.
mod bounds;
/// What is known of one endpoint.
mod candidate;
/// Whether the endpoint in use is well, and which one to use if not.
mod health;
/// Asking an endpoint how it sees the chain.
mod look;
/// What the endpoint in use shows by itself.
mod seen;
/// What calls say about an endpoint.
mod signs;
/// What can be seen from outside.
mod stats;
/// The endpoint in use, and the change to another.
mod switch;
/// One endpoint with its budget and its connections.
mod upstream;
/// What a look at an endpoint shows.
mod view;
/// The task that watches and moves.
mod watch;

pub(crate) use self::{
    board::Board,
    switch::Switch,
    upstream::{Shared, Upstream},
    watch::Watcher,
};
pub use self::{
    bounds::Bounds,
    stats::{EndpointStats, Pause, Reason, Standing, Stats},
    upstream::Site,
};
