//! Which burns are worth an event, and why the others are not. Pure: a transaction goes in, decisions come out.

use std::{borrow::Cow, collections::HashSet};

use eda_chain::{Burn, BurnKind, Place, SupplyDelta, Transaction};
use eda_events::{
    Address, BurnId, Decimals, RawAmount, Signature,
    data::{self, BurnCause, BurnDetected, Supply},
};

use crate::{Config, SupplyShare, supply::Known};

/// Decides about burns.
#[derive(Clone, Debug)]
pub struct Detector {
    threshold: RawAmount,
    threshold_percent: Option<SupplyShare>,
    /// `None`: every mint.
    mints: Option<HashSet<Address>>,
}

/// A burn that passed every rule that can be judged from its transaction alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The burn.
    pub burn: Burn,
    /// The transaction it stands in.
    pub signature: Signature,
}

/// What became of a burn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Worth an event as far as the transaction says.
    Candidate(Candidate),
    /// Not worth one.
    Refused {
        /// The id of the event it would have been.
        subject: String,
        /// Why.
        rule: Rule,
    },
}

/// Why a burn did not become an event: a closed set, by which refusals are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The transaction failed, so nothing was burned.
    TransactionFailed {
        /// The node's words.
        error: String,
    },
    /// Only other mints are watched.
    UnknownMint {
        /// The mint that was burned.
        mint: Address,
    },
    /// Fewer units than the threshold.
    BelowThreshold {
        /// Units burned.
        amount: RawAmount,
        /// The threshold.
        threshold: RawAmount,
    },
    /// A smaller share of the supply than the threshold.
    BelowShare {
        /// Units burned.
        amount: RawAmount,
        /// The supply before.
        supply: RawAmount,
        /// The threshold.
        share: SupplyShare,
    },
    /// A share of the supply is asked for, and the supply could not be read.
    SupplyUnknown {
        /// The threshold.
        share: SupplyShare,
    },
    /// An instruction to a token program that cannot be read: it may have been a burn.
    Undecodable {
        /// What is wrong with it.
        reason: String,
    },
}

// === impl Detector ===

impl Detector {
    /// A detector of burns of `mints`; `None` is every mint.
    pub fn new(config: &Config, mints: Option<HashSet<Address>>) -> Self {
        Self { threshold: config.threshold, threshold_percent: config.threshold_percent, mints }
    }

    /// Judges every burn of a transaction, in the order of execution.
    pub fn examine(&self, transaction: &Transaction) -> Vec<Judged> {
        let facts = transaction.token_facts();
        let signature = transaction.signature();
        let unreadable = facts.undecodable.iter().map(|unreadable| Judged::Refused {
            subject: subject(signature, unreadable.place),
            rule: Rule::Undecodable { reason: unreadable.reason.to_string() },
        });
        let burns = facts.burns.iter().map(|burn| match self.refuse(transaction, burn) {
            Some(rule) => Judged::Refused { subject: subject(signature, burn.place()), rule },
            None => Judged::Candidate(Candidate { burn: burn.clone(), signature }),
        });
        burns.chain(unreadable).collect()
    }

    /// The last judgement, with the supply as far as it is known.
    ///
    /// # Errors
    /// The rule that refuses the burn.
    pub fn conclude(&self, candidate: &Candidate, known: Option<Around>) -> Result<BurnDetected, Rule> {
        let burn = &candidate.burn;
        let supply = known.and_then(|known| Supply::before(known.before, burn.amount, known.exact));
        if let Some(share) = self.threshold_percent {
            let before = supply.as_ref().ok_or(Rule::SupplyUnknown { share })?.pre_supply;
            if !share.is_reached(burn.amount, before) {
                return Err(Rule::BelowShare { amount: burn.amount, supply: before, share });
            }
        }
        Ok(BurnDetected {
            token: burn.mint,
            amount: burn.amount,
            decimals: burn.decimals.or(known.map(|known| known.decimals)),
            symbol: None,
            supply,
            tx_signature: candidate.signature,
            burner: burn.authority,
            account: burn.account,
            program: burn.program.address(),
            kind: kind(burn.kind),
            cause: cause(burn),
            usd: None,
            is_lp: None,
            pool: None,
        })
    }

    fn refuse(&self, transaction: &Transaction, burn: &Burn) -> Option<Rule> {
        if let Some(error) = transaction.error() {
            return Some(Rule::TransactionFailed { error: error.to_owned() });
        }
        if self.mints.as_ref().is_some_and(|mints| !mints.contains(&burn.mint)) {
            return Some(Rule::UnknownMint { mint: burn.mint });
        }
        (burn.amount < self.threshold)
            .then_some(Rule::BelowThreshold { amount: burn.amount, threshold: self.threshold })
    }
}

// === impl Judged ===

impl Judged {
    /// What was looked at, for the counts: a burn, or something that cannot be read and may be one.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Candidate(_) => "burn",
            Self::Refused { rule: Rule::Undecodable { .. }, .. } => "undecodable",
            Self::Refused { .. } => "burn",
        }
    }
}

// === impl Candidate ===

impl Candidate {
    /// The id of the event it becomes.
    pub fn id(&self) -> BurnId {
        burn_id(self.signature, self.burn.place())
    }
}

/// The supply just before a burn, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// The supply just before, in the mint's smallest unit.
    pub before: RawAmount,
    /// Whether it is proven, or was read nearby.
    pub exact: bool,
    /// The mint's decimal places.
    pub decimals: Decimals,
}

// === impl Around ===

impl Around {
    /// The supply before the burn at `place`, from the one after its whole transaction. `None` where the two
    /// cannot both be true.
    pub(crate) fn of(known: Known, delta: &SupplyDelta, place: Place) -> Option<Self> {
        let around = delta.around(place, known.after)?;
        Some(Self { before: around.before, exact: known.exact, decimals: known.decimals })
    }
}

// === impl Rule ===

impl Rule {
    /// The label by which refusals are counted.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TransactionFailed { .. } => "transaction-failed",
            Self::UnknownMint { .. } => "unknown-mint",
            Self::BelowThreshold { .. } => "below-threshold",
            Self::BelowShare { .. } => "below-threshold-percent",
            Self::SupplyUnknown { .. } => "supply-unknown",
            Self::Undecodable { .. } => "undecodable",
        }
    }

    /// The value that was looked at.
    pub fn seen(&self) -> String {
        match self {
            Self::TransactionFailed { error } => error.clone(),
            Self::UnknownMint { mint } => mint.to_string(),
            Self::BelowThreshold { amount, .. } => amount.to_string(),
            Self::BelowShare { amount, supply, .. } => format!("{amount} of {supply}"),
            Self::SupplyUnknown { .. } => "unknown".to_owned(),
            Self::Undecodable { reason } => reason.clone(),
        }
    }

    /// What it would have had to be.
    pub fn bound(&self) -> Cow<'static, str> {
        match self {
            Self::TransactionFailed { .. } => "a transaction that succeeded".into(),
            Self::UnknownMint { .. } => "a watched mint".into(),
            Self::BelowThreshold { threshold, .. } => threshold.to_string().into(),
            Self::BelowShare { share, .. } | Self::SupplyUnknown { share } => {
                format!("{share} of the supply").into()
            }
            Self::Undecodable { .. } => "an instruction that can be read".into(),
        }
    }
}

fn subject(signature: Signature, place: Place) -> String {
    burn_id(signature, place).to_string()
}

fn burn_id(signature: Signature, place: Place) -> BurnId {
    BurnId { signature, path: place.path, batch_entry: place.batch_entry }
}

fn kind(kind: BurnKind) -> data::BurnKind {
    match kind {
        BurnKind::Burn => data::BurnKind::Burn,
        BurnKind::BurnChecked => data::BurnKind::BurnChecked,
        BurnKind::PermissionedBurn => data::BurnKind::PermissionedBurn,
        BurnKind::PermissionedBurnChecked => data::BurnKind::PermissionedBurnChecked,
    }
}

/// A burn that a wallet asked for by itself is a holder's. One inside another program's instruction has the cause
/// that program gives it, which is not known here.
fn cause(burn: &Burn) -> BurnCause {
    match burn.place().path.inner {
        None => BurnCause::Holder,
        Some(_) => BurnCause::Unknown,
    }
}

#[cfg(test)]
mod tests;
