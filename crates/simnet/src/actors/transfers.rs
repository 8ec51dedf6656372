//! Wallets send each other lamports, in transactions of every format.

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
    /// With a compute budget.
    Priced,
    /// To two wallets at once.
    Split,
    /// Version 0, with a lookup table.
    Table,
    /// Version 1.
    One,
}

/// Most transfers are plain.
const WAYS: [Way; 8] =
    [Way::Plain, Way::Plain, Way::Plain, Way::Priced, Way::Priced, Way::Split, Way::Table, Way::One];

/// Units that a transfer with a compute budget needs.
const UNITS: u32 = 450;

/// Senders of lamports.
#[derive(Debug)]
pub(super) struct Transfers {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    ways: Deck<Way>,
}

// === impl Transfers ===

impl Transfers {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self { pace: Pace::new(per_hundred, 0), town, chance, ways: Deck::new(&WAYS) }
    }

    fn transfer(&mut self, way: Way, stage: &Stage<'_>, outbox: &mut Outbox) {
        let Self { town, chance, .. } = self;
        let from = town.wallets.pick(chance);
        let lamports = part(chance, stage.lamports(&from.pubkey()));
        let to = town.wallets.pick(chance).pubkey();
        let transfer = |lamports| instructions::transfer_lamports(from.pubkey(), to, lamports);
        match way {
            Way::Plain => outbox.send(&[from], &[transfer(lamports)]),
            Way::Priced => {
                let limit = instructions::set_compute_unit_limit(UNITS);
                let price = instructions::set_compute_unit_price(chance.u64(1..50_000));
                outbox.send(&[from], &[limit, price, transfer(lamports)]);
            }
            Way::Split => {
                let other = town.wallets.pick(chance).pubkey();
                let second = instructions::transfer_lamports(from.pubkey(), other, lamports / 2);
                outbox.send(&[from], &[transfer(lamports), second]);
            }
            Way::Table => outbox.send_as(Form::Table(&town.table), &[from], &[transfer(lamports)]),
            Way::One => outbox.send_as(Form::One(chance.u64(0..5_000)), &[from], &[transfer(lamports)]),
        }
    }
}

impl Actor for Transfers {
    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            if let Some(way) = self.ways.deal(&mut self.chance) {
                self.transfer(way, stage, outbox);
            }
        }
    }
}
