//! Who acts on the chain: everybody whose transactions are made here and not by clients.
//!
//! Each actor is a file with one `act`. It draws on a chance of its own, so that another actor does not move it, and
//! goes by what accounts hold, since a block with its transactions may have been abandoned.

mod burns;
mod creations;
mod deck;
mod failures;
mod genesis;
mod migrations;
mod mints;
mod outbox;
mod pace;
mod pools;
mod renouncings;
mod several;
mod swaps;
mod token_transfers;
mod town;
mod transfers;
mod votes;
mod well_known;
mod withdrawals;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

pub use self::well_known::{WellKnown, WellKnownPool, well_known};
use self::{
    genesis::Genesis,
    outbox::{Form, Outbox},
    town::Town,
};
use crate::{
    chain::{Account, Accounts, Config, chance, key},
    instructions,
    programs::token,
    runtime::Environment,
    truth::Cause,
};

/// What the faucet has.
const FAUCET_LAMPORTS: u64 = 500_000_000_000_000_000;
/// Blocks for which notes are kept: a transaction cannot land later, because its blockhash is used up.
const NOTED_BLOCKS: usize = 150;

/// What actors see of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    /// The slot they act in.
    pub(crate) environment: &'a Environment,
    /// All accounts, as they are now.
    pub(crate) accounts: &'a Accounts,
}

/// Somebody who acts.
trait Actor: fmt::Debug + Send {
    /// Sends what it does in this slot.
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox);

    /// Makes what it alone begins with.
    fn genesis(&self, _genesis: &mut Genesis) {}
}

/// What an actor knows about a transaction it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    /// What it is meant to show.
    pub(crate) what: &'static str,
    /// Why it burns, if it does.
    pub(crate) cause: Option<Cause>,
    /// Whether it is meant to fail.
    pub(crate) fails: bool,
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct Actors {
    faucet: Keypair,
    leader: Address,
    drops: u64,
    town: Arc<Town>,
    config: Config,
    actors: Vec<Box<dyn Actor>>,
    notes: HashMap<Signature, Note>,
    /// Of each of the last blocks, what was noted.
    noted: VecDeque<Vec<Signature>>,
}

// === impl Stage ===

impl Stage<'_> {
    /// What a token account holds; nothing if there is none.
    fn balance(&self, address: &Address) -> u64 {
        let account = self.accounts.at(address, self.environment.slot);
        account.and_then(|account| token::Holding::read(&account)).map_or(0, |holding| holding.amount)
    }

    /// A mint's supply; nothing if there is none.
    fn supply(&self, address: &Address) -> u64 {
        let account = self.accounts.at(address, self.environment.slot);
        account.and_then(|account| token::Mint::read(&account)).map_or(0, |mint| mint.supply)
    }

    /// The lamports of an account.
    fn lamports(&self, address: &Address) -> u64 {
        self.accounts.at(address, self.environment.slot).map_or(0, |account| account.lamports)
    }
}

// === impl Note ===

impl Note {
    /// A transaction that burns, and why.
    const fn burns(what: &'static str, cause: Cause) -> Self {
        Self { what, cause: Some(cause), fails: false }
    }

    /// A transaction that is meant to fail.
    const fn fails(what: &'static str) -> Self {
        Self { what, cause: None, fails: true }
    }
}

// === impl Actors ===

impl Actors {
    pub(crate) fn new(config: &Config) -> Self {
        let town = Arc::new(Town::new());
        let (mix, shared) = (&config.mix, || Arc::clone(&town));
        let chance = |purpose| chance(config.seed, purpose);
        // Whoever is first here is first in every block. Votes are last, because they are most.
        let actors: Vec<Box<dyn Actor>> = vec![
            Box::new(transfers::Transfers::new(mix.transfers, shared(), chance("transfers"))),
            Box::new(token_transfers::TokenTransfers::new(
                mix.token_transfers,
                shared(),
                chance("token transfers"),
            )),
            Box::new(mints::Mints::new(mix.mints, shared(), chance("mints"))),
            Box::new(burns::Burns::new(mix.burns, shared(), chance("burns"))),
            Box::new(swaps::Swaps::new(mix.swaps, shared(), chance("swaps"))),
            Box::new(pools::Pools::new(mix.pools, shared(), chance("pools"))),
            Box::new(withdrawals::Withdrawals::new(mix.withdrawals, shared(), chance("withdrawals"))),
            Box::new(migrations::Migrations::new(mix.migrations)),
            Box::new(failures::Failures::new(mix.failures, shared(), chance("failures"))),
            Box::new(creations::Creations::new(mix.creations, shared(), chance("creations"))),
            Box::new(renouncings::Renouncings::new(mix.renouncings, shared(), chance("renouncings"))),
            Box::new(votes::Votes::new(mix.votes)),
        ];
        Self {
            faucet: key("faucet", 0),
            leader: key("leader", 0).pubkey(),
            drops: 0,
            town,
            config: config.clone(),
            actors,
            notes: HashMap::new(),
            noted: VecDeque::new(),
        }
    }

    /// The accounts they begin with.
    pub(crate) fn genesis(&self) -> Vec<(Address, Account)> {
        let mut genesis = Genesis::new(&self.config);
        genesis.put(self.faucet.pubkey(), Account::wallet(FAUCET_LAMPORTS));
        genesis.put(self.leader, Account::wallet(1_000_000_000));
        self.town.genesis(&mut genesis);
        for actor in &self.actors {
            actor.genesis(&mut genesis);
        }
        genesis.into_accounts()
    }

    /// Who makes every block.
    pub(crate) fn leader(&self) -> Address {
        self.leader
    }

    /// Why an actor's transaction burns, if it is one's.
    pub(crate) fn cause(&self, signature: &Signature) -> Option<Cause> {
        self.note(signature).and_then(|note| note.cause)
    }

    /// What an actor knows about a transaction, if it is one's and there is something to know.
    pub(crate) fn note(&self, signature: &Signature) -> Option<Note> {
        self.notes.get(signature).copied()
    }

    /// Notes there are.
    #[cfg(test)]
    pub(crate) fn notes(&self) -> usize {
        self.notes.len()
    }

    /// What they do in the next slot.
    pub(crate) fn act(&mut self, stage: &Stage<'_>) -> Vec<VersionedTransaction> {
        let mut outbox = Outbox::new(stage.environment.blockhash);
        for actor in &mut self.actors {
            actor.act(stage, &mut outbox);
        }
        let (sent, noted) = outbox.into_parts();
        self.noted.push_back(noted.iter().map(|(signature, _)| *signature).collect());
        self.notes.extend(noted);
        while self.noted.len() > NOTED_BLOCKS {
            for signature in self.noted.pop_front().into_iter().flatten() {
                self.notes.remove(&signature);
            }
        }
        sent
    }

    /// Lamports from the faucet. The amount of its fee tells apart equal drops in one slot.
    pub(crate) fn airdrop(
        &mut self,
        to: Address,
        lamports: u64,
        blockhash: Hash,
    ) -> Result<VersionedTransaction, TransactionError> {
        self.drops = self.drops.wrapping_add(1);
        let drop = instructions::transfer_lamports(self.faucet.pubkey(), to, lamports);
        let mark = Instruction {
            program_id: crate::programs::COMPUTE_BUDGET,
            accounts: Vec::new(),
            data: [&[3][..], &self.drops.to_le_bytes()].concat(),
        };
        outbox::sign(Form::Legacy, &[&self.faucet], &[mark, drop], blockhash)
            .ok_or(TransactionError::SignatureFailure)
    }
}

#[cfg(test)]
mod tests;
