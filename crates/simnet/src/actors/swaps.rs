//! Traders swap in the town's pools.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{
    Actor, Outbox, Stage,
    pace::Pace,
    town::{Town, part},
};

/// Traders.
#[derive(Debug)]
pub(super) struct Swaps {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
}

// === impl Swaps ===

impl Swaps {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 0), town, chance }
    }
}

impl Actor for Swaps {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Self { town, chance, .. } = self;
            let (listing, trader) = (town.pools.pick(chance), town.wallets.pick(chance));
            let [first, second] = &listing.pool.sides;
            let [has_first, has_second] = [first, second].map(|side| stage.balance(&side.vault));
            let [began_first, began_second] = listing.amounts;
            // Prices wander, and come back: the dearer a side, the more often it is sold.
            let dearness =
                |has: u64, began: u64| u128::from(began).saturating_mul(1_000) / u128::from(has.max(1));
            let (dear_first, dear_second) =
                (dearness(has_first, began_first), dearness(has_second, began_second));
            let sell_first = chance.u128(..dear_first.saturating_add(dear_second).max(1)) < dear_first;
            let (has, from) = if sell_first { (has_first, first) } else { (has_second, second) };
            let most = stage.balance(&from.of(trader.pubkey())) / 2;
            let amount = part(chance, has).min(most).max(1);
            let swap = listing.pool.swap_base_input(trader.pubkey(), sell_first, amount, 1);
            outbox.send(&[trader], &[swap]);
        }
    }
}
