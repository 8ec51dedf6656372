//! Wallets send each other coins.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{
    Actor, Outbox, Stage,
    deck::Deck,
    outbox::Form,
    pace::Pace,
    town::{Town, part},
};
use crate::instructions;

/// How a transfer is written.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Checked,
    /// Checked, in version 0 with a lookup table.
    Table,
    /// Checked, in version 1.
    One,
}

const WAYS: [Way; 6] = [Way::Plain, Way::Plain, Way::Checked, Way::Checked, Way::Table, Way::One];

/// Senders of coins.
#[derive(Debug)]
pub(super) struct TokenTransfers {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    ways: Deck<Way>,
}

// === impl TokenTransfers ===

impl TokenTransfers {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 0), town, chance, ways: Deck::new(&WAYS) }
    }

    fn transfer(&mut self, way: Way, stage: &Stage<'_>, outbox: &mut Outbox) {
        let Self { town, chance, .. } = self;
        let coin = town.coins.pick(chance);
        let from = town.wallets.pick(chance);
        let (source, target) = (coin.of(from.pubkey()), coin.of(town.wallets.pick(chance).pubkey()));
        let amount = part(chance, stage.balance(&source));
        let owner = from.pubkey();
        let checked = instructions::transfer_checked(
            coin.program,
            [source, coin.mint, target, owner],
            amount,
            coin.decimals,
        );
        match way {
            Way::Plain => {
                let plain = instructions::transfer(coin.program, source, target, owner, amount);
                outbox.send(&[from], &[plain]);
            }
            Way::Checked => outbox.send(&[from], &[checked]),
            Way::Table => outbox.send_as(Form::Table(&town.table), &[from], &[checked]),
            Way::One => outbox.send_as(Form::One(chance.u64(0..5_000)), &[from], &[checked]),
        }
    }
}

impl Actor for TokenTransfers {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            if let Some(way) = self.ways.deal(&mut self.chance) {
                self.transfer(way, stage, outbox);
            }
        }
    }
}
