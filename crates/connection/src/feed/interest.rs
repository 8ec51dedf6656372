//! What a worker wants to hear of. Workers state interests; how they are met is the feed's business.

use std::fmt;

use eda_events::Address;

/// One thing a worker wants to follow.
#[derive(Clone, Debug)]
pub enum Interest {
    /// The state of an account: a snapshot, then every change; after a reconnect a snapshot again.
    Account(Address),
    /// Every transaction whose account keys contain an address.
    Transactions {
        /// The address. A program, a mint, a pool: whatever appears among a transaction's keys.
        mention: Address,
        /// How much of the chain's traffic mentions it.
        traffic: Traffic,
        /// Tells from log lines alone whether a transaction can matter.
        hint: LogHint,
    },
}

/// How much of the chain's traffic mentions an address: decides whether transactions are fetched one by one or
/// whole blocks are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A good part of all transactions, as with the token programs: fetching them one by one costs more than
    /// reading every block.
    WholeChain,
    /// Few enough that one request per transaction that is not ruled out by its logs is affordable.
    Selected,
}

/// Tells from a transaction's log lines whether it can matter. Log text may only rule a transaction out: a program
/// can print anything, the token program prints nothing, and truncated logs prove nothing.
#[derive(Clone, Copy)]
pub struct LogHint(pub fn(&[String]) -> bool);

// === impl Interest ===

impl Interest {
    /// The address whose transactions are wanted, if transactions are.
    pub fn mention(&self) -> Option<Address> {
        match self {
            Self::Account(_) => None,
            Self::Transactions { mention, .. } => Some(*mention),
        }
    }
}

// === impl LogHint ===

impl LogHint {
    /// Rules nothing out.
    pub const ALWAYS: Self = Self(|_| true);

    /// Whether the transaction with these log lines can matter.
    pub fn may_matter(self, logs: &[String]) -> bool {
        self.0(logs)
    }
}

impl fmt::Debug for LogHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogHint")
    }
}
