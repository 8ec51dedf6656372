use eda_simnet::{
    chain::rent_exempt_minimum,
    programs::{INCINERATOR, NATIVE_MINT},
};
use eda_test_support::instructions::{self as ix, BurnAccounts};
use solana_address::Address;
use solana_instruction::AccountMeta;

use super::{Scene, Town, only, with_data};

const TOKEN: Address = ix::TOKEN;

pub(crate) fn wrapped_sol() -> Scene {
    let mut scene = Scene::new("wrapped SOL");
    let payer = scene.payer();
    let [alice, bob] = ["alice", "bob"].map(|name| scene.key(name));
    let (a, first) = scene.holding("a", TOKEN, NATIVE_MINT, alice);
    let (b, second) = scene.holding("b", TOKEN, NATIVE_MINT, bob);
    scene.step("two accounts", [first, second].concat());
    scene.step("wrap", [ix::transfer_lamports(payer, a, 5_000_000), ix::sync_native(TOKEN, a)]);
    scene.step("wrap without saying so", [ix::transfer_lamports(payer, a, 1_000_000)]);
    scene.step("transfer", [ix::transfer(TOKEN, a, b, alice, 2_000_000)]);
    scene.step("transfer checked", [ix::transfer_checked(TOKEN, [a, NATIVE_MINT, b, alice], 500_000, 9)]);
    scene.step("transfer too much", [ix::transfer(TOKEN, a, b, alice, 2_600_000)]);
    scene.step("transfer to itself", [ix::transfer(TOKEN, a, a, alice, 1_000_000)]);
    scene.step("sync", [ix::sync_native(TOKEN, a)]);
    scene.step("transfer it now", [ix::transfer(TOKEN, a, b, alice, 2_600_000)]);
    let mint = ix::mint_to(TOKEN, NATIVE_MINT, a, alice, 1);
    scene.step("mint", [mint]);
    let burn = BurnAccounts { program: TOKEN, account: a, mint: NATIVE_MINT, authority: alice };
    scene.step("burn", [ix::burn(burn, 1)]);
    scene.step("freeze", [ix::freeze_account(TOKEN, a, NATIVE_MINT, alice)]);
    scene.step("unwrap some", [ix::unwrap_lamports(TOKEN, b, payer, bob, Some(100_000))]);
    scene.step("unwrap none", [ix::unwrap_lamports(TOKEN, b, payer, bob, Some(0))]);
    scene.step("unwrap to itself", [ix::unwrap_lamports(TOKEN, b, b, bob, Some(1_000))]);
    scene.step("sync after that", [ix::sync_native(TOKEN, b)]);
    scene.step("unwrap too much", [ix::unwrap_lamports(TOKEN, b, payer, bob, Some(100_000_000))]);
    scene.step("unwrap somebody else's", [ix::unwrap_lamports(TOKEN, b, payer, alice, None)]);
    scene.step("unwrap strangely", [with_data(ix::unwrap_lamports(TOKEN, b, payer, bob, None), &[45, 3])]);
    scene.step("unwrap all", [ix::unwrap_lamports(TOKEN, b, payer, bob, None)]);
    scene.step("excess", [ix::withdraw_excess_lamports(TOKEN, a, payer, alice)]);
    scene.step("close with a balance", [ix::close_account(TOKEN, a, alice, alice)]);
    scene.step("close", [ix::close_account(TOKEN, b, bob, bob)]);
    let Town { a: token, alice, .. } = scene.town(TOKEN);
    scene.step("sync other tokens", [ix::sync_native(TOKEN, token)]);
    scene.step("sync a wallet", [ix::sync_native(TOKEN, alice)]);
    scene.step("unwrap other tokens", [ix::unwrap_lamports(TOKEN, token, payer, alice, None)]);
    // With the rent alone in it, an account has no tokens.
    let (c, create) = scene.create("c", ix::ACCOUNT_BYTES, TOKEN);
    let rich = ix::transfer_lamports(payer, c, 77);
    scene.step("wrap before", [create, rich, ix::initialize_account(TOKEN, c, NATIVE_MINT, alice)]);
    scene.step(
        "who may close is forgotten",
        [ix::set_authority(TOKEN, c, 3, alice, Some(bob)), ix::set_authority(TOKEN, c, 2, alice, Some(bob))],
    );
    scene
}

pub(crate) fn unowned(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} unowned"));
    let Town { mint, minter, alice, bob, .. } = scene.town(program);
    for (owner, called) in [(ix::SYSTEM, "system"), (INCINERATOR, "incinerator")] {
        let (dead, account) = scene.holding(called, program, mint, owner);
        let mint_to = ix::mint_to(program, mint, dead, minter, 100);
        scene.step(&format!("an account of {called}"), [account, vec![mint_to]].concat());
        let burn = BurnAccounts { program, account: dead, mint, authority: alice };
        scene.step("burn by anybody", [ix::burn(burn, 10)]);
        let mut silent = ix::burn_checked(BurnAccounts { authority: owner, ..burn }, 10, 6);
        silent.accounts[2].is_signer = false;
        scene.step("burn by nobody", [silent]);
        scene.step("burn too much", [ix::burn(burn, 1_000)]);
        scene.step("transfer", [ix::transfer(program, dead, dead, bob, 1)]);
        scene.step("close with a balance", [ix::close_account(program, dead, INCINERATOR, bob)]);
        scene.step("burn the rest", [ix::burn(burn, 80)]);
        scene.step("close to somebody", [ix::close_account(program, dead, bob, bob)]);
        scene.step("close to the incinerator", [ix::close_account(program, dead, INCINERATOR, bob)]);
    }
    scene
}

pub(crate) fn excess(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} excess"));
    let Town { mint, minter, alice, bob, a, .. } = scene.town(program);
    let payer = scene.payer();
    let withdraw = |account, by| ix::withdraw_excess_lamports(program, account, payer, by);
    let (multisig, create) = scene.create("multisig", ix::MULTISIG_BYTES, program);
    scene.step("a multisig", [create, ix::initialize_multisig(program, multisig, 1, &[alice])]);
    scene
        .step("too many lamports", [a, mint, multisig].map(|to| ix::transfer_lamports(payer, to, 3_000_000)));
    scene.step("of an account", [withdraw(a, alice)]);
    scene.step("of an account without any", [withdraw(a, alice)]);
    scene.step("of somebody else's", [withdraw(a, bob)]);
    scene.step("of a mint", [withdraw(mint, minter)]);
    scene.step("of a multisig", [ix::by_multisig(withdraw(multisig, multisig), &[alice])]);
    scene.step("of a wallet", [withdraw(alice, alice)]);
    scene.step("with too few accounts", [only(withdraw(a, alice), 2)]);
    scene.step("no minter", [ix::set_authority(program, mint, 0, minter, None)]);
    scene.step("of a mint of nobody", [withdraw(mint, minter)]);
    scene.step("of a mint by itself", [withdraw(mint, mint)]);
    scene
}

pub(crate) fn batches() -> Scene {
    let mut scene = Scene::new("batches");
    let Town { mint, minter, alice, bob, a, b, .. } = scene.town(TOKEN);
    let burn = BurnAccounts { program: TOKEN, account: a, mint, authority: alice };
    let batch = |entries: &[_]| ix::batch(TOKEN, entries);
    scene.step("two burns", [batch(&[ix::burn(burn, 5), ix::burn_checked(burn, 6, 6)])]);
    scene.step("a transfer and a burn", [batch(&[ix::transfer(TOKEN, a, b, alice, 9), ix::burn(burn, 6)])]);
    scene.step(
        "everything",
        [batch(&[
            ix::mint_to(TOKEN, mint, b, minter, 50),
            ix::approve(TOKEN, b, alice, bob, 20),
            ix::transfer_checked(TOKEN, [b, mint, a, alice], 20, 6),
            ix::revoke(TOKEN, b, bob),
        ])],
    );
    scene.step("the second fails", [batch(&[ix::burn(burn, 5), ix::burn(burn, 50_000)])]);
    scene.step("after another", [ix::burn(burn, 1), batch(&[ix::burn(burn, 1)]), ix::burn(burn, 1)]);
    scene.step("nested", [batch(&[batch(&[ix::burn(burn, 5)])])]);
    let empty = with_data(ix::burn(burn, 1), &[255]);
    scene.step("without entries", [empty.clone()]);
    scene.step("half a header", [with_data(empty.clone(), &[255, 3])]);
    scene.step("an entry without data", [with_data(empty.clone(), &[255, 3, 0])]);
    scene.step("an entry that ends too early", [with_data(empty.clone(), &[255, 3, 9, 8, 1])]);
    scene.step("too few accounts", [with_data(empty.clone(), &[255, 4, 9, 8, 1, 0, 0, 0, 0, 0, 0, 0])]);
    scene.step("an unknown entry", [with_data(empty.clone(), &[255, 3, 1, 99])]);
    scene.step("more bytes", [with_data(empty, &[255, 3, 9, 8, 1, 0, 0, 0, 0, 0, 0, 0, 1])]);
    scene.step("of another program's account", [batch(&[ix::transfer(TOKEN, alice, b, alice, 1)])]);
    scene.step("burn and close", [batch(&[ix::burn(burn, 962), ix::close_account(TOKEN, a, bob, alice)])]);
    scene
}

/// Accounts of one token program given to the other.
pub(crate) fn foreign() -> Scene {
    let mut scene = Scene::new("foreign accounts");
    let Town { mint, minter, alice, a, b, freezer, .. } = scene.town(TOKEN);
    let other = ix::TOKEN_2022;
    for amount in [0, 1] {
        scene.step(&format!("transfer {amount}"), [ix::transfer(other, a, b, alice, amount)]);
        let burn = BurnAccounts { program: other, account: a, mint, authority: alice };
        scene.step(&format!("burn {amount}"), [ix::burn(burn, amount)]);
        scene.step(&format!("mint {amount}"), [ix::mint_to(other, mint, a, minter, amount)]);
    }
    scene.step("approve", [ix::approve(other, a, minter, alice, 1)]);
    scene.step("freeze", [ix::freeze_account(other, a, mint, freezer)]);
    scene.step(
        "close",
        [
            ix::burn(BurnAccounts { program: TOKEN, account: a, mint, authority: alice }, 1_000),
            ix::close_account(other, a, alice, alice),
        ],
    );
    scene.step("sync", [ix::sync_native(other, a)]);
    let mut scene2 = scene;
    let names = ["mint 2", "c", "d"];
    let (mint, create) = scene2.create(names[0], ix::MINT_BYTES, other);
    let (c, first) = scene2.holding(names[1], other, mint, alice);
    let (d, second) = scene2.holding(names[2], other, mint, alice);
    scene2.step(
        "the other way round",
        [
            vec![create, ix::initialize_mint(other, mint, 6, minter)],
            first,
            second,
            vec![ix::mint_to(other, mint, c, minter, 10)],
        ]
        .concat(),
    );
    for amount in [0, 1] {
        scene2.step(&format!("transfer {amount} by Token"), [ix::transfer(TOKEN, c, d, alice, amount)]);
        let burn = BurnAccounts { program: TOKEN, account: c, mint, authority: alice };
        scene2.step(&format!("burn {amount} by Token"), [ix::burn(burn, amount)]);
        scene2.step(&format!("mint {amount} by Token"), [ix::mint_to(TOKEN, mint, c, minter, amount)]);
        scene2.step(&format!("batch {amount} by Token"), [ix::batch(TOKEN, &[ix::burn(burn, amount)])]);
    }
    scene2.step("approve by Token", [ix::approve(TOKEN, c, minter, alice, 1)]);
    scene2.step("close by Token", [ix::close_account(TOKEN, d, alice, alice)]);
    scene2.step("sync by Token", [ix::sync_native(TOKEN, c)]);
    let (_, account) = scene2.create("e", ix::ACCOUNT_BYTES, TOKEN);
    let e = scene2.key("e");
    scene2.step("account by Token", [account, ix::initialize_account(TOKEN, e, mint, alice)]);
    let lamports = rent_exempt_minimum(165);
    let payer = scene2.payer();
    let f = scene2.key("f");
    let mut named = ix::initialize_account(other, f, NATIVE_MINT, alice);
    named.accounts.push(AccountMeta::new_readonly(alice, false));
    scene2.step("account of Token's mint", [ix::create_account(payer, f, lamports, 165, other), named]);
    scene2
}
