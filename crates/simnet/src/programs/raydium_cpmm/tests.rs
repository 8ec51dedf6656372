use solana_transaction_error::TransactionError;

use super::*;
use crate::{
    instructions::raydium_cpmm::Pool as Addresses,
    programs::{NATIVE_MINT, testing::Scene},
    truth::Event,
    well_known,
};

/// The pool of SOL and dollars.
fn pool() -> Addresses {
    let dollars = well_known().mints[3];
    Addresses::of((NATIVE_MINT, TOKEN), (dollars, TOKEN))
}

fn in_vaults(scene: &Scene) -> [u64; 2] {
    pool().sides.map(|side| scene.amount(side.vault))
}

fn in_wallet(scene: &Scene) -> [u64; 2] {
    pool().sides.map(|side| scene.amount(side.of(scene.wallet())))
}

fn custom(error: &InstructionError) -> Option<TransactionError> {
    Some(TransactionError::InstructionError(0, error.clone()))
}

#[test]
fn a_swap_pays_by_the_product_of_reserves_after_the_fee() {
    let mut scene = Scene::new();
    let wallet = scene.wallet();
    let ([in_before, out_before], own_before) = (in_vaults(&scene), in_wallet(&scene));
    let amount = 123_456_789;
    let swap = pool().swap_base_input(wallet, true, amount, 1);
    assert_eq!(scene.run(&[swap]).0, None);
    // 2,500 of a million, rounded up.
    let taken = amount - 308_642;
    let out = u64::try_from(
        u128::from(out_before) * u128::from(taken) / (u128::from(in_before) + u128::from(taken)),
    )
    .unwrap();
    assert_eq!(in_vaults(&scene), [in_before + amount, out_before - out]);
    assert_eq!(in_wallet(&scene), [own_before[0] - amount, own_before[1] + out]);

    // Of the fee 12 % and 4 % are nobody's liquidity: the next trade does not count them as reserves.
    let [in_now, out_now] = in_vaults(&scene);
    let booked = 308_642 * 120_000 / 1_000_000 + 308_642 * 40_000 / 1_000_000;
    let back = 1_000_000;
    let swap = pool().swap_base_input(wallet, false, back, 1);
    assert_eq!(scene.run(&[swap]).0, None);
    let taken = u128::from(back - 2_500);
    let out = u128::from(in_now - booked) * taken / (u128::from(out_now) + taken);
    assert_eq!(in_vaults(&scene), [in_now - u64::try_from(out).unwrap(), out_now + back]);
}

#[test]
fn a_swap_for_less_than_asked_or_of_nothing_fails() {
    let mut scene = Scene::new();
    let (wallet, before) = (scene.wallet(), in_vaults(&scene));
    let greedy = pool().swap_base_input(wallet, true, 1_000, u64::MAX);
    assert_eq!(scene.run(&[greedy]).0, custom(&SLIPPAGE));
    let nothing = pool().swap_base_input(wallet, true, 1, 0);
    assert_eq!(scene.run(&[nothing]).0, custom(&NOTHING));
    assert_eq!(in_vaults(&scene), before);
}

#[test]
fn a_swap_with_vaults_of_another_pool_fails() {
    let mut scene = Scene::new();
    let (wallet, other) = (scene.wallet(), well_known().pools[2]);
    let mut swap = pool().swap_base_input(wallet, true, 1_000, 0);
    swap.accounts[7].pubkey = other.vaults[0];
    assert_eq!(scene.run(&[swap]).0, custom(&INVALID_VAULT));
}

#[test]
fn a_withdrawal_burns_the_share_and_pays_it_out() {
    let mut scene = Scene::new();
    let wallet = scene.wallet();
    let (vaults, own, supply) = (in_vaults(&scene), in_wallet(&scene), scene.supply(pool().lp_mint));
    let lp = 1_000_000_007;
    let (err, logs) = scene.run(&[pool().withdraw(wallet, lp, [1, 1])]);
    assert_eq!(err, None);
    assert!(logs.contains(&"Program log: Instruction: Withdraw".to_owned()), "{logs:#?}");
    assert!(logs.iter().any(|line| line.starts_with("Program data: eaPNyTnadT")), "{logs:#?}");
    let whole = u128::from(supply + LOCKED);
    let paid = vaults.map(|vault| u64::try_from(u128::from(vault) * u128::from(lp) / whole).unwrap());
    assert_eq!(scene.supply(pool().lp_mint), supply - lp);
    assert_eq!(in_vaults(&scene), [vaults[0] - paid[0], vaults[1] - paid[1]]);
    assert_eq!(in_wallet(&scene), [own[0] + paid[0], own[1] + paid[1]]);
    let too_much = pool().withdraw(wallet, lp, [u64::MAX, 1]);
    assert_eq!(scene.run(&[too_much]).0, custom(&SLIPPAGE));
}

#[test]
fn a_deposit_takes_the_share_rounded_up_and_mints_it() {
    let mut scene = Scene::new();
    let wallet = scene.wallet();
    let (vaults, supply) = (in_vaults(&scene), scene.supply(pool().lp_mint));
    let lp = 1_000_000_007;
    assert_eq!(scene.run(&[pool().deposit(wallet, lp, [u64::MAX; 2])]).0, None);
    let whole = u128::from(supply + LOCKED);
    let taken =
        vaults.map(|vault| u64::try_from((u128::from(vault) * u128::from(lp)).div_ceil(whole)).unwrap());
    assert_eq!(scene.supply(pool().lp_mint), supply + lp);
    assert_eq!(in_vaults(&scene), [vaults[0] + taken[0], vaults[1] + taken[1]]);
    assert_eq!(scene.run(&[pool().deposit(wallet, lp, [1, u64::MAX])]).0, custom(&SLIPPAGE));
}

#[test]
fn a_pool_is_created_once_and_opens_a_second_later() {
    let mut scene = Scene::new();
    let (wallet, known) = (scene.wallet(), well_known());
    let pool = Addresses::of((known.mints[0], TOKEN), (known.mints[1], TOKEN));
    let create = pool.initialize(wallet, [4_000_000_000, 9_000_000_000], 0);
    let (err, logs) = scene.run(&[create]);
    assert_eq!(err, None, "{logs:#?}");
    let line = "Program log: liquidity:6000000000, lock_lp_amount:100, vault_0_amount:4000000000,vault_1_amount:9000000000";
    assert!(logs.contains(&line.to_owned()), "{logs:#?}");
    assert_eq!(scene.amount(pool.lp_of(wallet)), 6_000_000_000 - 100);
    assert_eq!(pool.sides.map(|side| scene.amount(side.vault)), [4_000_000_000, 9_000_000_000]);
    let created = What::PoolCreated {
        program: ADDRESS,
        pool: pool.address,
        base: known.mints[0].min(known.mints[1]),
        quote: known.mints[0].max(known.mints[1]),
    };
    let noted = scene
        .truth()
        .iter()
        .any(|row| matches!(&row.event, Event::Effect(effect, None) if effect.what == created));
    assert!(noted);
    assert_eq!(scene.run(&[pool.swap_base_input(wallet, true, 1_000_000, 0)]).0, custom(&NOT_APPROVED));
    for _ in 0..5 {
        scene.chain.produce();
    }
    assert_eq!(scene.run(&[pool.swap_base_input(wallet, true, 1_000_000, 0)]).0, None);
    assert!(scene.run(&[pool.initialize(wallet, [5_000_000, 5_000_000], 0)]).0.is_some());
}

#[test]
fn bytes_that_are_no_instruction_are_refused() {
    let scene = Scene::new();
    let wallet = scene.wallet();
    for length in 0..40 {
        for first in [INITIALIZE, DEPOSIT, WITHDRAW, SWAP_BASE_INPUT, [7; 8]] {
            let mut call = pool().withdraw(wallet, 1, [1, 1]);
            call.data = first.iter().copied().cycle().take(length).collect();
            call.accounts.truncate(length % 14);
            assert!(scene.simulate(call).is_some(), "{length} {first:?}");
        }
    }
}
