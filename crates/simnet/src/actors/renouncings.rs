//! Issuers make a token and give its authorities up, so that nobody can mint more or freeze accounts.

use std::sync::Arc;

use fastrand::Rng;
use solana_signer::Signer;

use super::{
    Actor, Outbox, Stage,
    pace::Pace,
    town::{Town, create_mint},
};
use crate::{
    chain::key,
    instructions::{self, TOKEN, associated_token},
};

const DECIMALS: u8 = 6;
/// The numbers of the authorities that mint and that freeze.
const MINT: u8 = 0;
const FREEZE: u8 = 1;

/// Issuers.
#[derive(Debug)]
pub(super) struct Renouncings {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    /// Tokens so far.
    made: u64,
}

// === impl Renouncings ===

impl Renouncings {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 2), town, chance, made: 0 }
    }
}

impl Actor for Renouncings {
    fn act(&mut self, _stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Self { town, chance, made, .. } = self;
            let (token, issuer) = (key("fair token", *made), town.wallets.pick(chance));
            *made = made.saturating_add(1);
            let (mint, owner) = (token.pubkey(), issuer.pubkey());
            let [create, _] = create_mint(owner, mint, TOKEN, DECIMALS, owner);
            let account = associated_token(TOKEN, owner, mint);
            let amount = chance.u64(1_000_000..1_000_000_000_000);
            outbox.send(
                &[issuer, &token],
                &[
                    create,
                    instructions::initialize_freezable_mint(TOKEN, mint, DECIMALS, owner, owner),
                    instructions::create_associated_token(owner, TOKEN, owner, mint, false),
                    instructions::mint_to(TOKEN, mint, account, owner, amount),
                ],
            );
            let give_up = |what| instructions::set_authority(TOKEN, mint, what, owner, None);
            outbox.send(&[issuer], &[give_up(MINT), give_up(FREEZE)]);
        }
    }
}
