//! The whole connection, from leases to facts, against a small node on loopback whose chain the tests write.

/// Following accounts.
#[cfg(test)]
mod accounts;
/// Following the whole chain by its blocks.
#[cfg(test)]
mod blocks;
/// The request budget, and transactions that are sent.
#[cfg(test)]
mod calls;
/// Which cluster it is, and endpoints that are not there.
#[cfg(test)]
mod cluster;
/// Where following begins, and what holds it up.
#[cfg(test)]
mod gaps;
/// From the first lease to the last.
#[cfg(test)]
mod leases;
/// Following addresses by their logs.
#[cfg(test)]
mod logs;
/// A node whose chain the test writes.
#[cfg(test)]
mod node;
/// Never more than one connection.
#[cfg(test)]
mod one_connection;
/// Managers, watches and readers for these tests.
#[cfg(test)]
mod setup;
/// A reader that does not read.
#[cfg(test)]
mod slow;
/// Accounts without room on the WebSocket.
#[cfg(test)]
mod sweeps;
