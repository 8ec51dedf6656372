//! The one HTTP connection, against servers on loopback that count what they accept.

/// Whatever a server may answer.
#[cfg(test)]
mod answers;
/// Calls that share a request.
#[cfg(test)]
mod batches;
/// Never more than one connection.
#[cfg(test)]
mod one_connection;
/// Transactions are sent at most once.
#[cfg(test)]
mod sends;
/// Servers and clients for these tests.
#[cfg(test)]
mod setup;
