//! New tokens, made in the ways people make them.

use std::sync::Arc;

use fastrand::Rng;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{
    Actor, Outbox, Stage,
    deck::Deck,
    migrations::fee_recipient,
    pace::Pace,
    town::{Town, create, create_mint},
};
use crate::{
    chain::key,
    instructions::{self, ACCOUNT_BYTES, TOKEN, TOKEN_2022, associated_token, pump::Coin},
};

/// What is made, and how.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// With an associated account.
    Associated,
    /// With an account at an address of its own.
    Account,
    /// Of Token-2022, with a freeze authority.
    Extended,
    /// On Pump.fun, whose creator buys the first coins.
    Pump,
}

const WAYS: [Way; 4] = [Way::Associated, Way::Account, Way::Extended, Way::Pump];

/// What the creator of a coin buys at once, and pays at most.
const FIRST_COINS: u64 = 20_000_000_000_000;
const MOST_LAMPORTS: u64 = 10_000_000_000;

/// People who make tokens.
#[derive(Debug)]
pub(super) struct Creations {
    pace: Pace,
    town: Arc<Town>,
    chance: Rng,
    ways: Deck<Way>,
    fee_recipient: Keypair,
    /// Tokens so far.
    made: u64,
}

// === impl Creations ===

impl Creations {
    pub(super) fn new(per_hundred: u32, town: Arc<Town>, chance: Rng) -> Self {
        Self {
            pace: Pace::new(per_hundred, 1),
            town,
            chance,
            ways: Deck::new(&WAYS),
            fee_recipient: fee_recipient(),
            made: 0,
        }
    }

    fn make(&mut self, way: Way, outbox: &mut Outbox) {
        let Self { town, chance, made, .. } = self;
        let (number, creator) = (*made, town.wallets.pick(chance));
        *made = made.saturating_add(1);
        let (token, owner) = (key("token", number), creator.pubkey());
        let mint = token.pubkey();
        let (decimals, amount) = (chance.u8(0..=9), chance.u64(1_000_000..1_000_000_000_000_000));
        let issue = |program, account| instructions::mint_to(program, mint, account, owner, amount);
        let associate = |program| instructions::create_associated_token(owner, program, owner, mint, false);
        match way {
            Way::Associated => {
                let [create, initialize] = create_mint(owner, mint, TOKEN, decimals, owner);
                let account = associated_token(TOKEN, owner, mint);
                outbox
                    .send(&[creator, &token], &[create, initialize, associate(TOKEN), issue(TOKEN, account)]);
            }
            Way::Account => {
                let account = key("token account", number);
                let [create_mint, initialize] = create_mint(owner, mint, TOKEN, decimals, owner);
                outbox.send(
                    &[creator, &token, &account],
                    &[
                        create_mint,
                        initialize,
                        create(owner, account.pubkey(), ACCOUNT_BYTES, TOKEN),
                        instructions::initialize_account(TOKEN, account.pubkey(), mint, owner),
                        issue(TOKEN, account.pubkey()),
                    ],
                );
            }
            Way::Extended => {
                let [create, _] = create_mint(owner, mint, TOKEN_2022, decimals, owner);
                let initialize =
                    instructions::initialize_freezable_mint(TOKEN_2022, mint, decimals, owner, owner);
                let account = associated_token(TOKEN_2022, owner, mint);
                outbox.send(
                    &[creator, &token],
                    &[create, initialize, associate(TOKEN_2022), issue(TOKEN_2022, account)],
                );
            }
            Way::Pump => {
                let (coin, fees) = (Coin::of(mint), self.fee_recipient.pubkey());
                let name = format!("Coin {number}");
                outbox.send(
                    &[creator, &token],
                    &[
                        coin.create(owner, &name, "COIN", "https://example.com/coin.json"),
                        associate(TOKEN),
                        coin.buy(owner, owner, fees, FIRST_COINS, MOST_LAMPORTS),
                    ],
                );
            }
        }
    }
}

impl Actor for Creations {
    fn act(&mut self, _stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            if let Some(way) = self.ways.deal(&mut self.chance) {
                self.make(way, outbox);
            }
        }
    }
}
