use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use eda_events::Address;

use super::{Choice, Cost, Mode};
use crate::feed::interest::{Interest, Traffic};

/// What all workers together want.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Accounts to follow.
    pub accounts: BTreeSet<Address>,
    /// Addresses whose transactions are wanted and which few transactions mention, or few that matter.
    pub selected: BTreeSet<Address>,
    /// Addresses whose transactions are wanted and which much of the traffic mentions.
    pub whole_chain: BTreeSet<Address>,
    /// What is asked for beside the feed: by workers themselves, and by the process.
    pub aside: Vec<Cost>,
}

/// The settings that decide what meeting a demand costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The way transactions are read.
    pub choice: Choice,
    /// How often each account is read that finds no room on the WebSocket.
    pub sweep_interval: Duration,
    /// How often each address is listed, and followed accounts are read again.
    pub compare_every: Duration,
}

/// What was measured of the chain and the endpoint. What was not is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// How long a slot lasts: measured, or what the cluster is known for.
    pub slot_time: Duration,
    /// The share of slots that have a confirmed block.
    pub with_block: Option<f64>,
    /// The share of slots with a block that is announced and never confirmed.
    pub abandoned: Option<f64>,
    /// The bytes of a block as it travels.
    pub block_bytes: Option<u64>,
    /// The traffic of each address that was looked at.
    pub mentions: BTreeMap<Address, Mentioned>,
    /// Of the transactions that mention these addresses, the share that is left when each counts once.
    pub distinct: Option<f64>,
}

/// How much mentions one address.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mentioned {
    /// Transactions a second, failed ones included.
    pub per_second: f64,
    /// The share of them that has to be fetched: that did not fail, and is not ruled out by its logs.
    pub fetched: f64,
}

// === impl Demand ===

impl Demand {
    /// What these interests demand.
    pub fn of<'a>(interests: impl IntoIterator<Item = &'a Interest>) -> Self {
        let mut demand = Self::default();
        interests.into_iter().for_each(|interest| demand.add(interest));
        demand
    }

    /// Adds one interest to the union.
    fn add(&mut self, interest: &Interest) {
        match interest {
            Interest::Account(address) => {
                self.accounts.insert(*address);
            }
            Interest::Transactions { mention, traffic, .. } => self.add_mention(*mention, *traffic),
        }
    }

    pub(in crate::feed) fn add_mention(&mut self, mention: Address, traffic: Traffic) {
        match traffic {
            Traffic::WholeChain => {
                self.selected.remove(&mention);
                self.whole_chain.insert(mention);
            }
            Traffic::Selected if !self.whole_chain.contains(&mention) => {
                self.selected.insert(mention);
            }
            Traffic::Selected => {}
        }
    }

    /// Adds what another one demands.
    pub(in crate::feed) fn unite(&mut self, other: &Self) {
        self.accounts.extend(&other.accounts);
        other.whole_chain.iter().for_each(|mention| self.add_mention(*mention, Traffic::WholeChain));
        other.selected.iter().for_each(|mention| self.add_mention(*mention, Traffic::Selected));
        self.aside.extend(other.aside.iter().cloned());
    }

    /// The addresses whose transactions are wanted.
    pub fn mentions(&self) -> impl Iterator<Item = &Address> {
        self.selected.iter().chain(&self.whole_chain)
    }

    /// Subscriptions to logs.
    pub(super) fn logs(&self, mode: Option<Mode>) -> usize {
        if mode == Some(Mode::Logs) { self.mentions().count() } else { 0 }
    }
}
