//! Transactions that hold burns and fail, so that nothing of them happens.

use std::sync::Arc;

use fastrand::Rng;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

use super::{
    Actor, Note, Outbox, Stage,
    burns::relayed,
    deck::Deck,
    outbox::Form,
    pace::Pace,
    town::{Coin, Town, part},
};
use crate::instructions::{self, BurnAccounts};

/// Why it fails.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// More than there is.
    TooMuch,
    /// Not one's own.
    Stranger,
    /// Wrong decimals.
    Decimals,
    /// The second instruction, after a good burn.
    AfterGood,
    /// The second entry of a batch.
    Batch,
    /// What a program was asked to do.
    Called,
    /// In version 1, after a good burn.
    One,
}

const WAYS: [Way; 7] =
    [Way::TooMuch, Way::Stranger, Way::Decimals, Way::AfterGood, Way::Batch, Way::Called, Way::One];

/// People who do not know better.
#[derive(Debug)]
pub(super) struct Failures {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    ways: Deck<Way>,
}

// === impl Failures ===

impl Failures {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 1), town, chance, ways: Deck::new(&WAYS) }
    }

    fn fail(&mut self, way: Way, stage: &Stage<'_>, outbox: &mut Outbox) {
        let Self { town, chance, .. } = self;
        let (coin, number) = (town.classic(chance), chance.usize(..town.wallets.len()));
        let (holder, stranger) = (town.wallets.at(number), town.wallets.at(number.saturating_add(1)));
        let from = |authority: Address| BurnAccounts {
            program: coin.program,
            account: coin.of(holder.pubkey()),
            mint: coin.mint,
            authority,
        };
        let own = from(holder.pubkey());
        let some = part(chance, stage.balance(&own.account));
        let good = instructions::burn(own, some);
        let too_much = instructions::burn(own, too_much(coin, some));
        let (legacy, both) = (Form::Legacy, [good.clone(), too_much.clone()]);
        let mut send = |what, form, signer, instructions: &[Instruction]| {
            outbox.send_noted(Note::fails(what), form, &[signer], instructions);
        };
        match way {
            Way::TooMuch => send("too much", legacy, holder, &[too_much]),
            Way::Stranger => {
                let burn = instructions::burn(from(stranger.pubkey()), some);
                send("not one's own", legacy, stranger, &[burn]);
            }
            Way::Decimals => {
                let burn = instructions::burn_checked(own, some, coin.decimals.saturating_add(1));
                send("wrong decimals", legacy, holder, &[burn]);
            }
            Way::AfterGood => send("after a good burn", legacy, holder, &both),
            Way::Batch => {
                let batch = instructions::batch(coin.program, &both);
                send("in a batch", legacy, holder, &[batch]);
            }
            Way::Called => send("in a call", legacy, holder, &[good, relayed(too_much)]),
            Way::One => send("in version 1", Form::One(chance.u64(0..10_000)), holder, &both),
        }
    }
}

impl Actor for Failures {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            if let Some(way) = self.ways.deal(&mut self.chance) {
                self.fail(way, stage, outbox);
            }
        }
    }
}

/// More than there can be, and different each time.
fn too_much(coin: &Coin, some: u64) -> u64 {
    (u64::MAX / 2).saturating_add(coin.whole(1)).saturating_add(some)
}
