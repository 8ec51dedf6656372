//! Liquidity providers leave pools, and return when they have little left in one.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{
    Actor, Note, Outbox, Stage,
    outbox::Form,
    pace::Pace,
    town::{PROVIDERS, Town, part},
};
use crate::truth::Cause;

/// Liquidity providers.
#[derive(Debug)]
pub(super) struct Withdrawals {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
}

// === impl Withdrawals ===

impl Withdrawals {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 1), town, chance }
    }
}

impl Actor for Withdrawals {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Self { town, chance, .. } = self;
            let (listing, owner) = (town.pools.pick(chance), town.wallets.pick_among(PROVIDERS, chance));
            let pool = &listing.pool;
            let has = stage.balance(&pool.lp_of(owner.pubkey()));
            if has < listing.liquidity() / 8 {
                let more = part(chance, listing.liquidity()).saturating_mul(2);
                outbox.send(&[owner], &[pool.deposit(owner.pubkey(), more, [u64::MAX; 2])]);
            }
            let form = if chance.bool() { Form::Legacy } else { Form::Table(&town.table) };
            let withdrawal = pool.withdraw(owner.pubkey(), part(chance, has), [1; 2]);
            outbox.send_noted(Note::burns("withdrawal", Cause::LpWithdraw), form, &[owner], &[withdrawal]);
        }
    }
}
