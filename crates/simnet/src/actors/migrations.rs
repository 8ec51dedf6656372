//! Coins of Pump.fun that sell out and graduate.

use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{Actor, Genesis, Note, Outbox, Stage, outbox::Form, pace::Pace};
use crate::{
    chain::{Account, key},
    instructions::{self, TOKEN, pump::Coin},
    programs::pump::FOR_SALE,
    truth::Cause,
};

/// What the buyer begins with.
const LAMPORTS: u64 = 100_000_000_000_000_000;
/// What it pays for a whole curve at most; the price is about 85 SOL.
const MOST_LAMPORTS: u64 = 100_000_000_000;

/// Somebody who buys all of a coin.
#[derive(Debug)]
pub(super) struct Migrations {
    pace: Pace,
    whale: Keypair,
    /// Who earns the fees of Pump.fun.
    fee_recipient: Keypair,
    /// Coins so far.
    coins: u64,
}

// === impl Migrations ===

impl Migrations {
    pub(super) fn new(per_hundred: u32) -> Self {
        let (whale, fee_recipient) = (key("whale", 0), fee_recipient());
        Self { pace: Pace::new(per_hundred, 2), whale, fee_recipient, coins: 0 }
    }
}

impl Actor for Migrations {
    fn genesis(&self, genesis: &mut Genesis) {
        genesis.put(self.whale.pubkey(), Account::wallet(LAMPORTS));
        genesis.put(self.fee_recipient.pubkey(), Account::wallet(1_000_000_000));
    }

    fn act(&mut self, _stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let mint = key("graduate", self.coins);
            let (coin, user) = (Coin::of(mint.pubkey()), self.whale.pubkey());
            let name = format!("Graduate {}", self.coins);
            self.coins = self.coins.saturating_add(1);
            let create = coin.create(user, &name, "GRAD", "https://example.com/graduate.json");
            let account = instructions::create_associated_token(user, TOKEN, user, coin.mint, false);
            let fees = self.fee_recipient.pubkey();
            let buy = coin.buy(user, user, fees, FOR_SALE, MOST_LAMPORTS);
            outbox.send(&[&self.whale, &mint], &[create]);
            outbox.send(&[&self.whale], &[account, buy]);
            outbox.send_noted(
                Note::burns("migration", Cause::Migration),
                Form::Legacy,
                &[&self.whale],
                &[coin.migrate(user, fees)],
            );
        }
    }
}

/// Who earns the fees of Pump.fun.
pub(super) fn fee_recipient() -> Keypair {
    key("pump fees", 0)
}
