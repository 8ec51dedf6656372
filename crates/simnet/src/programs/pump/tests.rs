use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction_error::TransactionError;

use super::*;
use crate::{
    chain::{Account, key},
    instructions::{associated_token, pump::Coin},
    programs::testing::Scene,
    runtime::{Effect, What},
    truth::{Cause, Event},
};

const MOST: u64 = 100_000_000_000;

/// A scene with a new coin, whose mint is this key.
fn launched() -> (Scene, Coin, Address) {
    let (mut scene, mint) = (Scene::new(), Keypair::new_from_array([5; 32]));
    let (coin, wallet) = (Coin::of(mint.pubkey()), scene.wallet());
    let create = coin.create(wallet, "Name", "SYM", "https://example.com");
    let account = instructions::create_associated_token(wallet, TOKEN, wallet, coin.mint, false);
    let (err, logs) = scene.run_with(&[&mint], &[create, account]);
    assert_eq!(err, None, "{logs:#?}");
    (scene, coin, key("pump fees", 0).pubkey())
}

fn custom(at: u8, error: &InstructionError) -> Option<TransactionError> {
    Some(TransactionError::InstructionError(at, error.clone()))
}

#[test]
fn a_new_coin_is_on_its_curve_and_nobody_can_mint_it() {
    let (scene, coin, _) = launched();
    assert_eq!(scene.supply(coin.mint), SUPPLY);
    assert_eq!(scene.amount(coin.curve_tokens), SUPPLY);
    let mint = super::super::token::Mint::read(&scene.account(coin.mint)).unwrap();
    assert_eq!((mint.authority, mint.freeze_authority, mint.decimals), (None, None, 6));
    let whats: Vec<&str> = scene
        .truth()
        .iter()
        .map(|row| match &row.event {
            Event::Effect(Effect { what: What::MintCreated { .. }, .. }, _) => "created",
            Event::Effect(Effect { what: What::Mint { .. }, .. }, _) => "minted",
            Event::Effect(Effect { what: What::AuthoritySet { .. }, .. }, _) => "given up",
            Event::Effect(..) | Event::Failed(_) => "else",
        })
        .collect();
    assert_eq!(whats, ["created", "minted", "given up"]);
}

#[test]
fn a_purchase_costs_what_the_curve_says_and_fees() {
    let (mut scene, coin, fees) = launched();
    let wallet = scene.wallet();
    let curve_before = scene.account(coin.curve).lamports;
    let fees_before = scene.account(fees).lamports;
    let tokens = 50_000_000_000_000;
    let buy = coin.buy(wallet, wallet, fees, tokens, MOST);
    assert_eq!(scene.run(&[buy]).0, None);
    // 50e12 · 30e9 / (1,073e12 - 50e12), and one.
    let cost = 1_466_275_660;
    assert_eq!(scene.account(coin.curve).lamports - curve_before, cost);
    assert_eq!(scene.amount(associated_token(TOKEN, wallet, coin.mint)), tokens);
    assert_eq!(scene.account(fees).lamports - fees_before, (cost * 95).div_ceil(10_000));
    let vault = instructions::pump::creator_vault(wallet);
    assert_eq!(scene.account(vault).lamports, (cost * 30).div_ceil(10_000));
    let dear = coin.buy(wallet, wallet, fees, tokens, cost);
    assert_eq!(scene.run(&[dear]).0, custom(0, &TOO_DEAR));
}

#[test]
fn a_curve_migrates_when_it_is_sold_out_and_only_once() {
    let (mut scene, coin, fees) = launched();
    let wallet = scene.wallet();
    let migrate = coin.migrate(wallet, fees);
    assert_eq!(scene.run(std::slice::from_ref(&migrate)).0, custom(0, &NOT_COMPLETE));
    let (err, logs) = scene.run(&[coin.buy(wallet, wallet, fees, FOR_SALE, MOST)]);
    assert_eq!(err, None, "{logs:#?}");
    let raised = scene.account(coin.curve).lamports - crate::chain::rent_exempt_minimum(115);
    let (err, logs) = scene.run(std::slice::from_ref(&migrate));
    assert_eq!(err, None, "{logs:#?}");

    let vault = |mint| scene.amount(associated_token(TOKEN, coin.pool, mint));
    assert_eq!(vault(coin.mint), SUPPLY - FOR_SALE);
    assert_eq!(vault(NATIVE_MINT), raised - MIGRATION_FEE);
    assert_eq!(scene.supply(coin.lp_mint), 0, "liquidity tokens are burned");
    assert_eq!(
        scene.account(coin.curve),
        Account { data: scene.account(coin.curve).data, ..Account::holding(vec![0; 115], ADDRESS) }
    );
    let last: Vec<_> = scene.truth().into_iter().rev().take(4).map(|row| row.event).collect();
    assert!(
        matches!(
            last.as_slice(),
            [
                Event::Effect(
                    Effect { what: What::Burn { .. }, caller: Some(ADDRESS), .. },
                    Some(Cause::Unknown)
                ),
                Event::Effect(
                    Effect {
                        what: What::PoolCreated { program: pump_swap::ADDRESS, .. },
                        caller: Some(ADDRESS),
                        ..
                    },
                    None
                ),
                Event::Effect(Effect { what: What::Mint { .. }, caller: Some(pump_swap::ADDRESS), .. }, None),
                Event::Effect(Effect { what: What::MintCreated { .. }, .. }, None),
            ]
        ),
        "{last:#?}"
    );
    assert_eq!(scene.run(&[migrate]).0, custom(0, &NOT_COMPLETE));
    let late = coin.buy(wallet, wallet, fees, 1, MOST);
    assert_eq!(scene.run(&[late]).0, custom(0, &COMPLETE));
}

#[test]
fn only_the_program_itself_tells_its_events() {
    let scene = Scene::new();
    let data = [&EVENT[..], &CREATE_EVENT].concat();
    let accounts = vec![AccountMeta::new_readonly(scene.wallet(), true)];
    let event = Instruction { program_id: ADDRESS, accounts, data };
    assert!(scene.simulate(event).is_some());
}

#[test]
fn bytes_that_are_no_instruction_are_refused() {
    let scene = Scene::new();
    let coin = Coin::of(Address::new_from_array([9; 32]));
    for length in 0..60 {
        for first in [CREATE, BUY, MIGRATE, EVENT, [255; 8]] {
            let mut call = coin.migrate(scene.wallet(), scene.wallet());
            call.data = first.iter().copied().cycle().take(length).collect();
            call.accounts.truncate(length % 25);
            assert!(scene.simulate(call).is_some(), "{length} {first:?}");
        }
    }
}
