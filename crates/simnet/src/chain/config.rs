//! What decides how a simulated chain goes.

use std::time::Duration;

use solana_address::Address;

use super::Account;

/// The chain's options. Equal ones, seed included, give the same chain, byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Decides everything that is left to chance, the genesis hash included.
    pub seed: u64,
    /// Time between slots, by the chain's own clock.
    pub slot_time: Duration,
    /// Unix time of slot 0, in seconds.
    pub genesis_time: i64,
    /// Of 1,000 slots, those in which no block is made.
    pub skipped_per_mille: u32,
    /// Of 1,000 blocks, those that the next leader builds around: processed, and never confirmed.
    pub abandoned_per_mille: u32,
    /// Blocks that must build on one before it is confirmed. At least 1.
    pub confirmed_after: u64,
    /// Blocks that must build on one before it is finalized.
    pub finalized_after: u64,
    /// Slots for which blocks and transactions are kept; older ones are history that was pruned.
    pub kept_slots: u64,
    /// Slots of an epoch.
    pub slots_per_epoch: u64,
    /// Who acts on the chain, and how often.
    pub mix: Mix,
    /// Accounts that are there from the beginning, besides the actors'.
    pub genesis: Vec<(Address, Account)>,
}

/// A kind of transaction that actors do not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no kind of transaction; expected one of {}", Mix::KINDS.join(", "))]
pub struct UnknownKind {
    /// As it was given.
    pub given: String,
}

/// What the chain's own actors do, in transactions per 100 slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Votes of validators.
    pub votes: u32,
    /// Transfers of lamports.
    pub transfers: u32,
    /// Transfers of tokens.
    pub token_transfers: u32,
    /// Mints to existing accounts.
    pub mints: u32,
    /// Burns by holders, of every kind.
    pub burns: u32,
    /// Swaps in pools.
    pub swaps: u32,
    /// New pools.
    pub pools: u32,
    /// Withdrawals from pools, which burn liquidity tokens.
    pub withdrawals: u32,
    /// Coins that graduate, whose liquidity tokens are burned by the program.
    pub migrations: u32,
    /// Transactions that hold burns and fail.
    pub failures: u32,
    /// New tokens.
    pub creations: u32,
    /// Mint and freeze authorities given up.
    pub renouncings: u32,
}

// === impl Config ===

impl Config {
    /// The chain of a seed with everything else at its default.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            slot_time: Duration::from_millis(400),
            genesis_time: 1_767_225_600,
            skipped_per_mille: 20,
            abandoned_per_mille: 10,
            confirmed_after: 1,
            finalized_after: 31,
            kept_slots: 4_500,
            slots_per_epoch: 432_000,
            mix: Mix::default(),
            genesis: Vec::new(),
        }
    }
}

// === impl Mix ===

impl Mix {
    /// Nobody acts: what happens is what clients send.
    pub const NONE: Self = Self {
        votes: 0,
        transfers: 0,
        token_transfers: 0,
        mints: 0,
        burns: 0,
        swaps: 0,
        pools: 0,
        withdrawals: 0,
        migrations: 0,
        failures: 0,
        creations: 0,
        renouncings: 0,
    };

    /// The names of its fields.
    pub const KINDS: [&str; 12] = [
        "votes",
        "transfers",
        "token_transfers",
        "mints",
        "burns",
        "swaps",
        "pools",
        "withdrawals",
        "migrations",
        "failures",
        "creations",
        "renouncings",
    ];

    /// Sets one of them by its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn set(&mut self, kind: &str, per_hundred_slots: u32) -> Result<(), UnknownKind> {
        let field = match kind {
            "votes" => &mut self.votes,
            "transfers" => &mut self.transfers,
            "token_transfers" => &mut self.token_transfers,
            "mints" => &mut self.mints,
            "burns" => &mut self.burns,
            "swaps" => &mut self.swaps,
            "pools" => &mut self.pools,
            "withdrawals" => &mut self.withdrawals,
            "migrations" => &mut self.migrations,
            "failures" => &mut self.failures,
            "creations" => &mut self.creations,
            "renouncings" => &mut self.renouncings,
            _ => return Err(UnknownKind { given: kind.to_owned() }),
        };
        *field = per_hundred_slots;
        Ok(())
    }
}

impl Default for Mix {
    /// A small town: something happens in every slot, and a person can still follow it.
    fn default() -> Self {
        Self {
            votes: 300,
            transfers: 200,
            token_transfers: 100,
            mints: 30,
            burns: 60,
            swaps: 100,
            pools: 2,
            withdrawals: 10,
            migrations: 3,
            failures: 10,
            creations: 10,
            renouncings: 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_set_by_its_name() {
        let mut mix = Mix::NONE;
        for kind in Mix::KINDS {
            mix.set(kind, 7).unwrap();
        }
        let all = Mix {
            votes: 7,
            transfers: 7,
            token_transfers: 7,
            mints: 7,
            burns: 7,
            swaps: 7,
            pools: 7,
            withdrawals: 7,
            migrations: 7,
            failures: 7,
            creations: 7,
            renouncings: 7,
        };
        assert_eq!(mix, all);
        let unknown = mix.set("burn", 1).unwrap_err().to_string();
        assert!(
            unknown.starts_with("`burn` is no kind of transaction; expected one of votes, "),
            "{unknown}"
        );
    }
}
