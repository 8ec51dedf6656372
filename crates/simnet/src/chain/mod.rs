//! The simulated chain: slots, blocks, forks and commitments, from a seed.
//!
//! It knows no time and does no I/O: `Chain::produce` makes the next slot whenever it is called. Who serves it to clients
//! is the [`node`](crate::node)'s business.

mod account;
mod accounts;
mod block;
mod config;
mod hashes;
mod history;
mod sysvars;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use fastrand::Rng;
use solana_address::Address;
use solana_hash::Hash;
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

pub(crate) use self::hashes::{chance, key};
pub use self::{
    account::{Account, rent_exempt_minimum},
    accounts::Accounts,
    block::{Block, Landed},
    config::{Config, Mix, UnknownKind},
    history::History,
};
use crate::{
    actors::{Actors, Stage},
    runtime::{self, Environment, Executed},
    truth::Truth,
};

/// Slots for which a blockhash may be used in a transaction (`solana-clock`, `MAX_PROCESSING_AGE`).
const USABLE_HASHES: usize = 150;
/// Transactions of clients that may wait for a block; more are refused.
const WAITING: usize = 10_000;
/// Of those that wait, the ones that enter one block.
const PER_BLOCK: usize = 2_000;

/// How settled something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Commitment {
    /// Executed; may still be abandoned.
    Processed,
    /// Built upon.
    Confirmed,
    /// Cannot be undone.
    Finalized,
}

/// One step of the chain, in the order in which clients learn of them.
#[derive(Debug, Clone)]
pub enum Step {
    /// A block was processed.
    Processed(Arc<Block>),
    /// The next leader built around a processed block: it never was.
    Abandoned(Arc<Block>),
    /// A block was confirmed.
    Confirmed(Arc<Block>),
    /// A block was finalized.
    Finalized(Arc<Block>),
}

/// The newest slots of each commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tips {
    /// The newest block's slot.
    pub processed: u64,
    /// The newest confirmed block's slot.
    pub confirmed: u64,
    /// The newest finalized block's slot.
    pub finalized: u64,
}

/// Why a transaction was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untaken {
    /// It can never land.
    #[error("{0}")]
    Invalid(#[from] TransactionError),
    /// Too many wait already.
    #[error("too many transactions wait for a block")]
    Full,
}

/// A simulated chain.
#[derive(Debug)]
pub struct Chain {
    config: Config,
    genesis_hash: Hash,
    accounts: Accounts,
    history: History,
    /// Blocks not yet finalized, oldest first; the last is the tip. Never empty after the first slot.
    fork: VecDeque<Arc<Block>>,
    tips: Tips,
    slot: u64,
    /// Blockhashes that may be used, newest last.
    usable: VecDeque<Hash>,
    waiting: VecDeque<VersionedTransaction>,
    actors: Actors,
    truth: Truth,
    fates: Rng,
    /// The tip will not be built upon.
    doomed: bool,
    doom_next: bool,
    skip_next: u64,
    confirming: bool,
}

/// A block while transactions land in it.
#[derive(Debug, Default)]
struct Filling {
    landed: Vec<Arc<Landed>>,
    signatures: HashSet<Signature>,
}

// === impl Tips ===

impl Tips {
    /// The newest slot of a commitment.
    pub fn at(&self, commitment: Commitment) -> u64 {
        match commitment {
            Commitment::Processed => self.processed,
            Commitment::Confirmed => self.confirmed,
            Commitment::Finalized => self.finalized,
        }
    }
}

// === impl Chain ===

impl Chain {
    /// Slots by which a node may lag behind: so long the states of accounts are kept after they are finalized.
    pub const MOST_LAG: u64 = 300;

    /// The chain at its first block, which holds no transactions.
    pub fn new(config: Config) -> Self {
        let genesis_hash = hashes::genesis(config.seed);
        let actors = Actors::new(&config);
        let mut accounts = Accounts::default();
        let own = config.genesis.iter().cloned();
        for (address, account) in crate::programs::accounts().chain(actors.genesis()).chain(own) {
            accounts.write(0, address, account);
        }
        let mut chain = Self {
            genesis_hash,
            accounts,
            history: History::new(config.kept_slots),
            fork: VecDeque::new(),
            tips: Tips { processed: 0, confirmed: 0, finalized: 0 },
            slot: 0,
            usable: VecDeque::new(),
            waiting: VecDeque::new(),
            actors,
            truth: Truth::default(),
            fates: hashes::chance(config.seed, "fates"),
            doomed: false,
            doom_next: false,
            skip_next: 0,
            confirming: true,
            config,
        };
        let genesis = chain.close(0, None, Vec::new());
        chain.history.extend(&genesis);
        chain
    }

    /// The chain's options.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The first block's hash. In base58 it begins with `Simnet`, so that nobody takes it for another cluster's.
    pub fn genesis_hash(&self) -> Hash {
        self.genesis_hash
    }

    /// The newest slots.
    pub fn tips(&self) -> Tips {
        self.tips
    }

    /// Every account.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Blocks and transactions on the present fork.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What really happened, of every kept slot.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Who acts.
    #[cfg(test)]
    pub(crate) fn actors(&self) -> &Actors {
        &self.actors
    }

    /// Where a transaction in the next block would run.
    pub fn environment(&self) -> Environment {
        self.environment_of(self.slot.saturating_add(1))
    }

    /// Whether a transaction may still use this blockhash: it is one of the last 150 blocks'.
    pub fn is_usable(&self, blockhash: &Hash) -> bool {
        self.usable.contains(blockhash)
    }

    /// Blocks until a blockhash can no longer be used, counted from the one it belongs to.
    pub const fn blockhash_life() -> u64 {
        USABLE_HASHES as u64
    }

    /// Executes a transaction on the state of a commitment, and leaves no trace.
    ///
    /// # Errors
    /// When it could not be in a block at all.
    pub fn simulate(
        &self,
        transaction: &VersionedTransaction,
        at: Commitment,
    ) -> Result<Executed, TransactionError> {
        let slot = self.tips.at(at);
        runtime::execute(transaction, &self.environment(), |address| self.accounts.at(address, slot))
    }

    /// Takes a client's transaction for one of the next blocks. Its signatures must have been verified. That it
    /// fails, or is too old by then, is for the block to find out.
    ///
    /// # Errors
    /// When too many wait, or it landed already.
    pub fn submit(&mut self, transaction: VersionedTransaction) -> Result<Signature, Untaken> {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let equal = |one: &VersionedTransaction| one.signatures.first() == Some(&signature);
        if self.history.find(&signature).is_some() || self.waiting.iter().any(equal) {
            return Ok(signature);
        }
        if self.waiting.len() >= WAITING {
            return Err(Untaken::Full);
        }
        self.waiting.push_back(transaction);
        Ok(signature)
    }

    /// Puts lamports into an account by a transaction of the faucet, in the next block.
    ///
    /// # Errors
    /// As [`Chain::submit`].
    pub fn airdrop(&mut self, to: Address, lamports: u64) -> Result<Signature, Untaken> {
        let blockhash = self.usable.back().copied().unwrap_or_default();
        let transaction = self.actors.airdrop(to, lamports, blockhash)?;
        self.submit(transaction)
    }

    /// Puts an account there without a transaction.
    #[cfg(test)]
    pub(crate) fn plant(&mut self, address: Address, account: Account) {
        self.accounts.write(self.slot, address, account);
    }

    /// The next block will be processed and then abandoned. `false` if that was so already.
    pub fn abandon_next(&mut self) -> bool {
        !std::mem::replace(&mut self.doom_next, true)
    }

    /// No block is made in so many of the next slots.
    pub fn skip(&mut self, slots: u64) {
        self.skip_next = self.skip_next.saturating_add(slots);
    }

    /// Prunes the history before a slot, as far as it is finalized, and returns the oldest slot left. The truth stays.
    pub fn forget_before(&mut self, slot: u64) -> u64 {
        self.history.forget_before(slot.min(self.tips.finalized));
        self.history.first()
    }

    /// While `false` blocks are processed, and none is confirmed or finalized.
    pub fn confirm(&mut self, on: bool) {
        self.confirming = on;
    }

    /// Makes the next slot, and says what that changed.
    pub fn produce(&mut self) -> Vec<Step> {
        self.slot = self.slot.saturating_add(1);
        let mut steps = Vec::new();
        if self.skips() {
            return steps;
        }
        let mut again = Vec::new();
        if std::mem::take(&mut self.doomed)
            && let Some(abandoned) = self.fork.pop_back()
        {
            again = self.abandon(&abandoned);
            steps.push(Step::Abandoned(abandoned));
        }
        let parent = self.fork.back().cloned();
        let environment = self.environment_of(self.slot);
        let landed = self.fill(&environment, again);
        let block = self.close(self.slot, parent.as_deref(), landed);
        self.history.extend(&block);
        let actors = &self.actors;
        self.truth.extend(&block, |signature| actors.cause(signature));
        steps.push(Step::Processed(block));
        self.doomed = self.fate();
        self.settle(&mut steps);
        steps
    }

    fn skips(&mut self) -> bool {
        let chance = self.fates.u32(0..1_000) < self.config.skipped_per_mille;
        let told = self.skip_next > 0;
        self.skip_next = self.skip_next.saturating_sub(1);
        told || (chance && self.slot > 4)
    }

    /// Whether the block just made will be abandoned. It never is while confirmations pause, since then nobody would
    /// see whether the next one builds on it.
    fn fate(&mut self) -> bool {
        let chance = self.fates.u32(0..1_000) < self.config.abandoned_per_mille;
        let told = std::mem::take(&mut self.doom_next);
        told || (chance && self.slot > 4 && self.confirming)
    }

    /// Takes a block back, and returns its transactions, which land in the next one if they still can.
    fn abandon(&mut self, block: &Block) -> Vec<VersionedTransaction> {
        self.accounts.discard(block.slot);
        self.history.retract(block);
        self.truth.retract(block.slot);
        self.usable.retain(|hash| *hash != block.blockhash);
        self.tips.processed = block.parent;
        block.transactions.iter().map(|landed| landed.wire.clone()).collect()
    }

    /// Executes what enters the next block: the abandoned block's, the actors', and the clients' transactions.
    fn fill(&mut self, environment: &Environment, again: Vec<VersionedTransaction>) -> Vec<Arc<Landed>> {
        let mut block = Filling::default();
        for transaction in again {
            self.land(environment, transaction, &mut block);
        }
        // The actors are asked after what was taken back has landed again, so that they see it.
        let acted = self.actors.act(&Stage { environment, accounts: &self.accounts });
        for transaction in acted {
            self.land(environment, transaction, &mut block);
        }
        let entering = self.waiting.len().min(PER_BLOCK);
        let entering: Vec<_> = self.waiting.drain(..entering).collect();
        for transaction in entering {
            self.land(environment, transaction, &mut block);
        }
        block.landed
    }

    /// Executes one transaction; what is too old, a duplicate, or nobody can pay for, is dropped as leaders do.
    fn land(&mut self, environment: &Environment, wire: VersionedTransaction, block: &mut Filling) {
        let signature = wire.signatures.first().copied().unwrap_or_default();
        if block.signatures.contains(&signature)
            || self.history.find(&signature).is_some()
            || !self.is_usable(wire.message.recent_blockhash())
        {
            return;
        }
        let slot = environment.slot;
        let executed = runtime::execute(&wire, environment, |address| self.accounts.at(address, slot));
        let (Ok(executed), Ok(bytes)) = (executed, wincode::serialize(&wire)) else { return };
        for (address, account) in executed.writes {
            self.accounts.write(slot, address, account);
        }
        let index = block.landed.len();
        block.landed.push(Arc::new(Landed { slot, index, wire, bytes, meta: executed.meta }));
        block.signatures.insert(signature);
    }

    /// Makes a block of what landed.
    fn close(&mut self, slot: u64, parent: Option<&Block>, transactions: Vec<Arc<Landed>>) -> Arc<Block> {
        let previous_blockhash = parent.map_or(self.genesis_hash, |parent| parent.blockhash);
        let blockhash =
            if parent.is_none() { self.genesis_hash } else { hashes::block(self.config.seed, slot) };
        let leader = self.actors.leader();
        // Half of what signatures cost is burned (`solana-fee-structure`); the priority fee is the leader's.
        let reward = transactions.iter().map(|landed| landed.meta.fee.div_ceil(2)).sum();
        let mut account =
            self.accounts.at(&leader, slot).map_or_else(|| Account::wallet(0), |it| (*it).clone());
        account.lamports = account.lamports.saturating_add(reward);
        let leader_balance = account.lamports;
        self.accounts.write(slot, leader, account);
        self.usable.push_back(blockhash);
        if self.usable.len() > USABLE_HASHES {
            self.usable.pop_front();
        }
        let count = u64::try_from(transactions.len()).unwrap_or(u64::MAX);
        let block = Arc::new(Block {
            slot,
            parent: parent.map_or(0, |parent| parent.slot),
            blockhash,
            previous_blockhash,
            height: parent.map_or(0, |parent| parent.height.saturating_add(1)),
            time: self.environment_of(slot).time,
            transactions,
            transaction_count: parent.map_or(0, |parent| parent.transaction_count).saturating_add(count),
            reward,
            leader,
            leader_balance,
        });
        self.fork.push_back(Arc::clone(&block));
        self.tips.processed = slot;
        let environment = self.environment_of(slot);
        let earlier = self.history.blocks().values().rev().map(Arc::as_ref);
        for (address, account) in sysvars::of(&environment, &self.config, earlier) {
            self.accounts.write(slot, address, account);
        }
        block
    }

    /// Confirms and finalizes what has been built upon.
    fn settle(&mut self, steps: &mut Vec<Step>) {
        if !self.confirming {
            return;
        }
        let Some(tip) = self.fork.back().map(|tip| tip.height) else { return };
        let deep = |block: &Block, depth: u64| tip.saturating_sub(block.height) >= depth;
        for block in &self.fork {
            if block.slot > self.tips.confirmed && deep(block, self.config.confirmed_after.max(1)) {
                self.tips.confirmed = block.slot;
                steps.push(Step::Confirmed(Arc::clone(block)));
            }
        }
        while let Some(oldest) = self.fork.front()
            && self.fork.len() > 1
            && deep(oldest, self.config.finalized_after.max(self.config.confirmed_after))
        {
            let Some(block) = self.fork.pop_front() else { break };
            self.tips.finalized = block.slot;
            self.accounts.finalize(block.slot.saturating_sub(Self::MOST_LAG));
            self.history.prune(block.slot);
            self.truth.prune(block.slot.saturating_sub(self.config.kept_slots));
            if block.slot > 0 {
                steps.push(Step::Finalized(block));
            }
        }
    }

    fn environment_of(&self, slot: u64) -> Environment {
        let elapsed = self.config.slot_time.as_millis().saturating_mul(u128::from(slot)) / 1_000;
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        Environment {
            slot,
            epoch: slot / self.config.slots_per_epoch.max(1),
            time: self.config.genesis_time.saturating_add(elapsed),
            blockhash: self.usable.back().copied().unwrap_or(self.genesis_hash),
        }
    }
}

#[cfg(test)]
mod tests;
