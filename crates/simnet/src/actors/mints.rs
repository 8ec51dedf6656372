//! Issuers mint coins to wallets, so that burns do not use them up.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{Actor, Outbox, Stage, pace::Pace, town::Town};
use crate::instructions;

/// Issuers.
#[derive(Debug)]
pub(super) struct Mints {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
}

// === impl Mints ===

impl Mints {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 0), town, chance }
    }
}

impl Actor for Mints {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Self { town, chance, .. } = self;
            let coin = town.coins.pick(chance);
            let wallet = town.wallets.pick(chance);
            let account = coin.of(wallet.pubkey());
            // Never so much that a supply runs over.
            let room = (u64::MAX / 2).saturating_sub(stage.supply(&coin.mint)) / 10_000;
            let amount = coin.whole(chance.u64(100..20_000)).min(room).max(1);
            let authority = coin.authority.pubkey();
            let mint = if chance.bool() {
                instructions::mint_to(coin.program, coin.mint, account, authority, amount)
            } else {
                instructions::mint_to_checked(
                    coin.program,
                    [coin.mint, account, authority],
                    amount,
                    coin.decimals,
                )
            };
            outbox.send(&[wallet, &coin.authority], &[mint]);
        }
    }
}
