//! Several endpoints of one simulated cluster: which one is used, and what becomes of calls and subscriptions.

/// Calls that are waiting or under way at a change.
#[cfg(test)]
mod calls;
/// When another endpoint is used.
#[cfg(test)]
mod moves;
/// Clusters, managers and what servers count.
#[cfg(test)]
mod setup;
/// When the one in use stays in use.
#[cfg(test)]
mod stays;
