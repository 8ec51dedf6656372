//! What the feed hands out: transactions and account states, each with the slot it was true at.

use std::{fmt, sync::Arc};

use eda_chain::{Dex, TokenProgram, Transaction};
use eda_events::{
    Address, Commitment, Genesis, Slot,
    log::{How, Interest, Progress, Span},
};

/// One entry of a watch's queue of transactions.
#[derive(Clone, Debug)]
pub enum Fed {
    /// A transaction that mentions an address that was asked for.
    Transaction(TransactionFact),
    /// Everything up to here has been handed out before this entry, or is named as missing by it. To be said to the
    /// event log once everything before it has been dealt with.
    Proof(Proof),
    /// Transactions handed out before may not have happened: the confirmed chain does not follow on them.
    Forked,
}

/// How far the feed has come with some addresses of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The chain.
    pub genesis: Genesis,
    /// Whose transactions; never empty.
    pub mentions: Arc<[Address]>,
    /// How far.
    pub progress: Progress,
}

/// A transaction that landed, parsed once and shared by everyone who asked for it.
#[derive(Clone, Debug)]
pub struct TransactionFact {
    /// The transaction, failed ones included.
    pub transaction: Arc<Transaction>,
    /// How settled it was when it was read.
    pub commitment: Commitment,
    /// Facts of this kind come in the order in which they happened: they are read from blocks. Those that are
    /// notified by their logs come slot by slot for each address; inside a slot nodes promise no order (solana#22456)
    /// and do shuffle it, and one that was notified for two addresses may overtake others.
    pub ordered: bool,
    /// It was read to close a gap, not as it happened.
    pub filled: bool,
}

/// What an account held at a slot. Facts about one account never go back in slot.
#[derive(Clone, Debug)]
pub struct AccountFact {
    /// Which account.
    pub address: Address,
    /// The slot at whose end it held this.
    pub slot: Slot,
    /// `None` where the account does not exist.
    pub state: Option<Arc<AccountState>>,
    /// It was read, after a (re)connect or in a sweep, and not sent by the node as it changed.
    pub snapshot: bool,
}

/// The content of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// The program that owns it, by which its data must be read.
    pub owner: Address,
    /// Its balance.
    pub lamports: u64,
    /// Its data.
    pub data: Vec<u8>,
}

// === impl Proof ===

impl Proof {
    /// The interest in the transactions of an address, by the name under which progress is kept.
    pub fn interest(mention: &Address) -> Interest {
        Interest::named(format!("transactions:{mention}"))
    }

    /// The progress of each address, as the event log wants to hear it.
    pub fn entries(&self) -> impl Iterator<Item = (Interest, Progress)> + '_ {
        self.mentions.iter().map(|mention| (Self::interest(mention), self.progress.clone()))
    }

    /// Whether transactions are missing before this place.
    pub fn is_hole(&self) -> bool {
        matches!(&self.progress, Progress::Reached(Span { how: How::Unproven(_), .. }))
    }

    /// Takes in what follows on it for the same addresses, learned in the same way. Gives it back if it does not.
    pub(super) fn absorb(&mut self, next: Self) -> Option<Self> {
        match (&mut self.progress, &next.progress) {
            (Progress::Reached(span), Progress::Reached(more))
                if self.mentions == next.mentions
                    && span.how == more.how
                    && span.to.0 + 1 == more.from.0
                    && !matches!(span.how, How::Unproven(_)) =>
            {
                span.to = more.to;
                None
            }
            _ => Some(next),
        }
    }
}

// === impl AccountFact ===

impl AccountFact {
    /// Whose account it is, as a label from a closed set: an exchange's name, `token`, `other` or `missing`.
    pub fn owner_label(&self) -> &'static str {
        match self.state.as_deref() {
            None => "missing",
            Some(state) if TokenProgram::from_address(&state.owner).is_some() => "token",
            Some(state) => Dex::from_program(&state.owner).map_or("other", Dex::as_str),
        }
    }
}

// Quarantine lists describe an item by these texts.

impl fmt::Display for Fed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction(fact) => fact.fmt(f),
            Self::Proof(proof) => write!(f, "progress of {} address(es)", proof.mentions.len()),
            Self::Forked => f.write_str("fork"),
        }
    }
}

impl fmt::Display for TransactionFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {} in slot {}", self.transaction.signature(), self.transaction.slot())
    }
}

impl fmt::Display for AccountFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} at slot {}", self.address, self.slot)
    }
}
