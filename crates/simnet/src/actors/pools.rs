//! New coins are listed on Raydium, against SOL or dollars.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{
    Actor, Outbox, Stage,
    pace::Pace,
    town::{Town, create_mint, part},
};
use crate::{
    chain::key,
    instructions::{self, TOKEN, associated_token, raydium_cpmm::Pool},
    programs::NATIVE_MINT,
};

/// Coins that a listed coin has, in the smallest unit.
const SUPPLY: u64 = 1_000_000_000_000_000;
const DECIMALS: u8 = 6;

/// People who list coins.
#[derive(Debug)]
pub(super) struct Pools {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    /// Coins so far.
    listed: u64,
}

// === impl Pools ===

impl Pools {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 3), town, chance, listed: 0 }
    }
}

impl Actor for Pools {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Self { town, chance, listed, .. } = self;
            let (coin, creator) = (key("listed", *listed), town.wallets.pick(chance));
            *listed = listed.saturating_add(1);
            let (mint, owner) = (coin.pubkey(), creator.pubkey());
            let account = associated_token(TOKEN, owner, mint);
            let [create, initialize] = create_mint(owner, mint, TOKEN, DECIMALS, owner);
            outbox.send(
                &[creator, &coin],
                &[
                    create,
                    initialize,
                    instructions::create_associated_token(owner, TOKEN, owner, mint, false),
                    instructions::mint_to(TOKEN, mint, account, owner, SUPPLY),
                ],
            );
            let quote = if chance.bool() { NATIVE_MINT } else { town.dollars().mint };
            let quote_amount = part(chance, stage.balance(&associated_token(TOKEN, owner, quote)));
            let pool = Pool::of((mint, TOKEN), (quote, TOKEN));
            let base_amount = SUPPLY / chance.u64(2..10);
            let amounts =
                if mint < quote { [base_amount, quote_amount] } else { [quote_amount, base_amount] };
            outbox.send(&[creator], &[pool.initialize(owner, amounts, 0)]);
        }
    }
}
