use eda_test_support::instructions::{self as ix, BurnAccounts};
use solana_address::Address;
use solana_instruction::AccountMeta;

use super::{Scene, Town, only, readonly, unsigned, with_data};

const RENT: Address = Address::from_str_const("SysvarRent111111111111111111111111111111111");
const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");

impl Town {
    fn burn_of(&self, account: Address, authority: Address) -> BurnAccounts {
        BurnAccounts { program: self.program, account, mint: self.mint, authority }
    }
}

pub(crate) fn supply(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} supply"));
    let town = scene.town(program);
    let Town { mint, minter, alice, bob, a, b, .. } = town;
    let burn = town.burn_of(a, alice);

    scene.step("mint", [ix::mint_to(program, mint, b, minter, 500)]);
    scene.step("mint checked", [ix::mint_to_checked(program, [mint, b, minter], 500, 6)]);
    scene.step("mint with other decimals", [ix::mint_to_checked(program, [mint, b, minter], 500, 9)]);
    scene.step("mint by somebody else", [ix::mint_to(program, mint, b, bob, 500)]);
    scene.step("mint without a signature", [unsigned(ix::mint_to(program, mint, b, minter, 1), 2)]);
    scene.step("mint nothing", [ix::mint_to(program, mint, b, minter, 0)]);
    scene.step("mint too much", [ix::mint_to(program, mint, b, minter, u64::MAX)]);
    scene.step("mint to a mint", [ix::mint_to(program, mint, mint, minter, 1)]);
    scene.step("mint to a wallet", [ix::mint_to(program, mint, alice, minter, 1)]);
    scene.step("mint with too few accounts", [only(ix::mint_to(program, mint, b, minter, 1), 2)]);
    scene.step("mint to a read-only account", [readonly(ix::mint_to(program, mint, b, minter, 1), 1)]);

    scene.step("burn", [ix::burn(burn, 10)]);
    scene.step("burn checked", [ix::burn_checked(burn, 10, 6)]);
    scene.step("burn twice in one transaction", [ix::burn(burn, 3), ix::burn_checked(burn, 4, 6)]);
    scene.step("burn with other decimals", [ix::burn_checked(burn, 10, 5)]);
    scene.step("burn too much", [ix::burn(burn, 1_000_000)]);
    scene.step("burn nothing", [ix::burn(burn, 0)]);
    scene.step("burn somebody else's", [ix::burn(town.burn_of(a, bob), 1)]);
    scene.step("burn without a signature", [unsigned(ix::burn(burn, 1), 2)]);
    scene.step("burn of a mint", [ix::burn(town.burn_of(mint, alice), 1)]);
    scene.step("burn of a wallet", [ix::burn(town.burn_of(alice, alice), 1)]);
    let wrong = BurnAccounts { mint: b, ..burn };
    scene.step("burn with an account as mint", [ix::burn(wrong, 1)]);
    scene.step("burn with too few accounts", [only(ix::burn(burn, 1), 2)]);
    scene.step("burn without an amount", [with_data(ix::burn(burn, 1), &[8])]);
    scene.step("burn with too short an amount", [with_data(ix::burn(burn, 1), &[8, 1, 0, 0, 0, 0, 0, 0])]);
    scene.step("burn with too much data", [with_data(ix::burn(burn, 1), &[8, 1, 0, 0, 0, 0, 0, 0, 0, 9])]);
    scene.step("burn of a read-only mint", [readonly(ix::burn(burn, 1), 1)]);
    scene.step("burn that fails after one that does not", [ix::burn(burn, 1), ix::burn(burn, 1_000_000)]);
    scene.step("no data", [with_data(ix::burn(burn, 1), &[])]);
    scene.step("an unknown instruction", [with_data(ix::burn(burn, 1), &[99])]);

    let (other, create) = scene.create("other mint", ix::MINT_BYTES, program);
    scene.step("another mint", [create, ix::initialize_mint(program, other, 0, minter)]);
    scene.step("mint of another mint", [ix::mint_to(program, other, a, minter, 1)]);
    scene.step("burn of another mint", [ix::burn(BurnAccounts { mint: other, ..burn }, 1)]);
    scene.step("no more minting", [ix::set_authority(program, mint, 0, minter, None)]);
    scene.step("mint of a fixed supply", [ix::mint_to(program, mint, b, minter, 1)]);
    scene.step("burn everything", [ix::burn(burn, 972), ix::burn(town.burn_of(b, bob), 1_000)]);
    scene
}

pub(crate) fn transfers(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} transfers"));
    let town = scene.town(program);
    let Town { mint, minter, alice, bob, a, b, .. } = town;
    let transfer = |amount| ix::transfer(program, a, b, alice, amount);
    let checked = |amount, decimals| ix::transfer_checked(program, [a, mint, b, alice], amount, decimals);

    scene.step("transfer", [transfer(100)]);
    scene.step("transfer checked", [checked(100, 6)]);
    scene.step("transfer with other decimals", [checked(100, 7)]);
    scene.step("transfer nothing", [transfer(0)]);
    scene.step("transfer too much", [transfer(10_000)]);
    scene.step("transfer to itself", [ix::transfer(program, a, a, alice, 100)]);
    scene.step("transfer too much to itself", [ix::transfer(program, a, a, alice, 10_000)]);
    scene.step("transfer checked to itself", [ix::transfer_checked(program, [a, mint, a, alice], 5, 6)]);
    scene.step("transfer by somebody else", [ix::transfer(program, a, b, bob, 100)]);
    scene.step("transfer without a signature", [unsigned(transfer(100), 2)]);
    scene.step("transfer from a read-only account", [readonly(transfer(100), 0)]);
    scene.step("transfer to a read-only account", [readonly(transfer(100), 1)]);
    scene.step("transfer to a wallet", [ix::transfer(program, a, bob, alice, 100)]);
    scene.step("transfer to a mint", [ix::transfer(program, a, mint, alice, 100)]);
    scene.step("transfer from a wallet", [ix::transfer(program, alice, b, alice, 100)]);
    scene.step("transfer with too few accounts", [only(transfer(100), 2)]);
    scene.step("transfer checked with too few accounts", [only(checked(100, 6), 3)]);
    scene.step("transfer without an amount", [with_data(transfer(1), &[3, 1])]);
    scene.step("transfer without decimals", [with_data(checked(1, 6), &[12, 1, 0, 0, 0, 0, 0, 0, 0])]);

    let (other, create) = scene.create("other mint", ix::MINT_BYTES, program);
    let (c, account) = scene.holding("c", program, other, bob);
    scene.step(
        "another mint",
        [vec![create, ix::initialize_mint(program, other, 6, minter)], account].concat(),
    );
    scene.step("transfer to another mint's account", [ix::transfer(program, a, c, alice, 1)]);
    scene.step("transfer with another mint", [ix::transfer_checked(program, [a, other, b, alice], 1, 6)]);
    scene.step("transfer with an account as mint", [ix::transfer_checked(program, [a, b, b, alice], 1, 6)]);
    scene.step("transfer everything", [transfer(800), ix::transfer(program, b, a, bob, 1_000)]);
    scene
}

pub(crate) fn delegates(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} delegates"));
    let town = scene.town(program);
    let Town { mint, alice, bob, a, b, .. } = town;
    let carol = scene.key("carol");
    let by_carol = |amount| ix::transfer(program, a, b, carol, amount);
    let approve = |amount| ix::approve(program, a, carol, alice, amount);

    scene.step("transfer by somebody who is no delegate", [by_carol(1)]);
    scene.step("approve", [approve(50)]);
    scene.step("transfer by the delegate", [by_carol(10)]);
    scene.step("transfer too much by the delegate", [by_carol(41)]);
    scene.step("transfer to itself by the delegate", [ix::transfer(program, a, a, carol, 10)]);
    scene.step("burn by the delegate", [ix::burn(town.burn_of(a, carol), 10)]);
    scene.step("burn too much by the delegate", [ix::burn(town.burn_of(a, carol), 31)]);
    scene.step("the delegate does not sign", [unsigned(by_carol(1), 2)]);
    scene.step("transfer the rest by the delegate", [by_carol(30)]);
    scene.step("transfer by the delegate of before", [by_carol(1)]);
    scene.step("approve nothing", [approve(0)]);
    scene.step("transfer nothing by the delegate", [by_carol(0)]);
    scene.step("approve checked", [ix::approve_checked(program, [a, mint, carol, alice], 50, 6)]);
    scene.step("approve with other decimals", [ix::approve_checked(program, [a, mint, carol, alice], 50, 5)]);
    scene.step("approve with another mint", [ix::approve_checked(program, [a, b, carol, alice], 50, 6)]);
    scene.step("approve by somebody else", [ix::approve(program, a, carol, bob, 50)]);
    scene.step("approve by the delegate", [ix::approve(program, a, bob, carol, 50)]);
    scene.step("approve with too few accounts", [only(approve(1), 2)]);
    scene.step("revoke by somebody else", [ix::revoke(program, a, bob)]);
    scene.step("revoke with too few accounts", [only(ix::revoke(program, a, alice), 1)]);
    scene.step("revoke", [ix::revoke(program, a, alice)]);
    scene.step("revoke again", [ix::revoke(program, a, alice)]);
    scene.step("burn the rest by the delegate", [approve(20), ix::burn(town.burn_of(a, carol), 20)]);
    scene.step("revoke by the delegate", [approve(20), ix::revoke(program, a, carol)]);
    scene.step(
        "a new owner has no delegate",
        [approve(20), ix::set_authority(program, a, 2, alice, Some(bob))],
    );
    scene.step("transfer by the old owner", [ix::transfer(program, a, b, alice, 1)]);
    scene
}

pub(crate) fn authorities(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} authorities"));
    let town = scene.town(program);
    let Town { mint, minter, freezer, alice, bob, a, b, .. } = town;
    let payer = scene.payer();
    let set = |account, kind, by, to| ix::set_authority(program, account, kind, by, to);

    scene.step("another minter", [set(mint, 0, minter, Some(bob))]);
    scene.step("by the minter of before", [set(mint, 0, minter, Some(bob))]);
    scene.step("mint by the new one", [ix::mint_to(program, mint, b, bob, 5)]);
    scene.step("another freezer", [set(mint, 1, freezer, Some(alice))]);
    scene.step("no freezer", [set(mint, 1, alice, None)]);
    scene.step("a freezer again", [set(mint, 1, alice, Some(alice))]);
    scene.step("no minter", [set(mint, 0, bob, None)]);
    scene.step("a minter again", [set(mint, 0, bob, Some(bob))]);
    scene.step("a mint has no owner", [set(mint, 2, bob, Some(bob))]);
    scene.step("an account has no minter", [set(a, 0, alice, Some(bob))]);
    scene.step("who may close", [set(a, 3, alice, Some(bob))]);
    scene.step("the owner may not any more", [set(a, 3, alice, Some(alice))]);
    scene.step(
        "closed by that one",
        [ix::burn(town.burn_of(a, alice), 1_000), ix::close_account(program, a, payer, bob)],
    );
    scene.step("no owner", [set(b, 2, bob, None)]);
    scene.step("another owner", [set(b, 2, bob, Some(alice))]);
    scene.step("by the owner of before", [set(b, 2, bob, Some(bob))]);
    scene.step("without a signature", [unsigned(set(b, 2, alice, Some(bob)), 1)]);
    scene.step("an unknown kind", [set(b, 77, alice, Some(bob))]);
    scene.step("a kind of an extension", [set(b, 4, alice, Some(bob))]);
    scene.step("a kind of an extension for a mint", [set(mint, 6, alice, Some(bob))]);
    scene.step("of a wallet", [set(alice, 2, alice, Some(bob))]);
    scene.step("of nothing", [set(a, 2, alice, Some(bob))]);
    scene.step("with too few accounts", [only(set(b, 2, alice, Some(bob)), 1)]);
    scene.step("without data", [with_data(set(b, 2, alice, None), &[6])]);
    scene.step("without an option", [with_data(set(b, 2, alice, None), &[6, 2])]);
    scene.step("with a strange option", [with_data(set(b, 2, alice, None), &[6, 2, 2])]);
    scene.step("with half an address", [with_data(set(b, 2, alice, None), &[6, 2, 1, 5, 5])]);
    scene.step("read-only", [readonly(set(b, 2, alice, Some(bob)), 0)]);
    scene
}

pub(crate) fn multisigs(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} multisigs"));
    let town = scene.town(program);
    let Town { mint, minter, alice, b, .. } = town;
    let [m, n, o, stranger] = ["m", "n", "o", "stranger"].map(|name| scene.key(name));
    let (multisig, create) = scene.create("multisig", ix::MULTISIG_BYTES, program);
    let begin =
        |required: u8, members: &[Address]| ix::initialize_multisig(program, multisig, required, members);
    scene.step("none must sign", [create.clone(), begin(0, &[m, n, o])]);
    scene.step("too many must sign", [create.clone(), begin(12, &[m, n, o])]);
    scene.step("no members", [create.clone(), begin(1, &[])]);
    scene.step("too many members", [create.clone(), begin(1, &[m; 12])]);
    scene.step("without data", [create.clone(), with_data(begin(1, &[m]), &[19])]);
    let (_, short) = scene.create("multisig", 354, program);
    scene.step("too short", [short, begin(1, &[m])]);
    scene.step("two of three", [create, begin(2, &[m, n, o])]);
    scene.step("again", [begin(2, &[m, n, o])]);
    let (first, create) = scene.create("first", ix::MULTISIG_BYTES, program);
    let mut with_rent = ix::initialize_multisig(program, first, 1, &[m]);
    with_rent.accounts.insert(1, AccountMeta::new_readonly(RENT, false));
    scene.step("one of one, with rent", [create, with_data(with_rent, &[2, 1])]);

    scene.step("becomes minter", [ix::set_authority(program, mint, 0, minter, Some(multisig))]);
    let mint_to = ix::mint_to(program, mint, b, multisig, 7);
    scene.step("mint by two", [ix::by_multisig(mint_to.clone(), &[m, o])]);
    scene.step("mint by three", [ix::by_multisig(mint_to.clone(), &[m, n, o])]);
    scene.step("mint by one", [ix::by_multisig(mint_to.clone(), &[m])]);
    scene.step("mint by one twice", [ix::by_multisig(mint_to.clone(), &[m, m])]);
    scene.step("mint by one and a stranger", [ix::by_multisig(mint_to.clone(), &[m, stranger])]);
    scene.step("mint by two and a stranger", [ix::by_multisig(mint_to.clone(), &[m, stranger, n])]);
    scene.step("one of two does not sign", [unsigned(ix::by_multisig(mint_to, &[m, n]), 4)]);

    let (c, account) = scene.holding("c", program, mint, multisig);
    let mint_to = ix::by_multisig(ix::mint_to(program, mint, c, multisig, 70), &[m, n]);
    scene.step("an account of its own", [account, vec![mint_to]].concat());
    let burn = town.burn_of(c, multisig);
    scene.step("burn by two", [ix::burn_by_multisig(burn, &[n, o], 7)]);
    scene.step("burn by one", [ix::burn_by_multisig(burn, &[n], 7)]);
    scene.step(
        "transfer by two",
        [ix::by_multisig(ix::transfer_checked(program, [c, mint, b, multisig], 7, 6), &[n, o])],
    );
    scene.step("approve by two", [ix::by_multisig(ix::approve(program, c, alice, multisig, 9), &[n, o])]);
    scene.step("burn by its delegate", [ix::burn(town.burn_of(c, alice), 9)]);
    scene
}

pub(crate) fn lifecycle(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} lifecycle"));
    let town = scene.town(program);
    let Town { mint, minter, alice, bob, a, b, .. } = town;
    let payer = scene.payer();
    let (new, create) = scene.create("new mint", ix::MINT_BYTES, program);
    let begin = ix::initialize_mint(program, new, 3, minter);
    let mut with_rent = with_data(begin.clone(), &[&[0], &begin.data[1..]].concat());
    scene.step("mint with too few accounts", [create.clone(), with_rent.clone()]);
    with_rent.accounts.push(AccountMeta::new_readonly(CLOCK, false));
    scene.step("mint with another sysvar", [create.clone(), with_rent.clone()]);
    with_rent.accounts[1].pubkey = RENT;
    scene.step("mint without data", [create.clone(), with_data(begin.clone(), &[20])]);
    let strange = [&begin.data[..34], &[2]].concat();
    scene.step("mint with a strange option", [create.clone(), with_data(begin.clone(), &strange)]);
    let poor = ix::create_account(payer, new, 1_400_000, ix::MINT_BYTES, program);
    scene.step("poor mint", [poor, begin.clone()]);
    let (_, long) = scene.create("new mint", 83, program);
    scene.step("mint of a wrong length", [long, begin.clone()]);
    let (_, foreign) = scene.create("new mint", ix::MINT_BYTES, ix::MEMO);
    scene.step("mint of another program", [foreign, begin.clone()]);
    scene.step("mint with rent", [create, with_rent]);
    scene.step("mint again", [begin]);

    let (c, create) = scene.create("c", ix::ACCOUNT_BYTES, program);
    let begin = ix::initialize_account(program, c, new, alice);
    scene.step("account of no mint", [create.clone(), ix::initialize_account(program, c, a, alice)]);
    scene.step("account of a wallet", [create.clone(), ix::initialize_account(program, c, alice, alice)]);
    scene.step("account without data", [create.clone(), with_data(begin.clone(), &[18])]);
    scene.step("account with too few accounts", [create.clone(), only(begin.clone(), 1)]);
    let poor = ix::create_account(payer, c, 2_000_000, ix::ACCOUNT_BYTES, program);
    scene.step("poor account", [poor, begin.clone()]);
    let (_, short) = scene.create("c", 164, program);
    scene.step("account of a wrong length", [short, begin.clone()]);
    let mut second = with_data(begin.clone(), &[&[16], &begin.data[1..]].concat());
    scene.step("account 2 with too few accounts", [create.clone(), second.clone()]);
    second.accounts.push(AccountMeta::new_readonly(RENT, false));
    let mut first = with_data(begin.clone(), &[1]);
    first.accounts.push(AccountMeta::new_readonly(bob, false));
    first.accounts.push(AccountMeta::new_readonly(CLOCK, false));
    scene.step("account 1 with another sysvar", [create.clone(), first.clone()]);
    scene.step("account 2", [create, second.clone()]);
    scene.step("account again", [begin]);
    let (d, create) = scene.create("d", ix::ACCOUNT_BYTES, program);
    first.accounts[0].pubkey = d;
    first.accounts[3].pubkey = RENT;
    scene.step("account 1", [create, first]);

    scene.step("close with a balance", [ix::close_account(program, a, payer, alice)]);
    scene.step("close by somebody else", [ix::close_account(program, c, payer, bob)]);
    scene.step("close without a signature", [unsigned(ix::close_account(program, c, payer, alice), 2)]);
    scene.step("close to itself", [ix::close_account(program, c, c, alice)]);
    scene.step("close a mint", [ix::close_account(program, mint, payer, minter)]);
    scene.step("close a wallet", [ix::close_account(program, alice, payer, alice)]);
    scene.step("close with too few accounts", [only(ix::close_account(program, c, payer, alice), 2)]);
    scene.step("close to a read-only wallet", [readonly(ix::close_account(program, c, bob, alice), 1)]);
    scene.step("close", [ix::close_account(program, c, bob, alice)]);
    scene.step("close again", [ix::close_account(program, c, bob, alice)]);
    scene.step(
        "burn and close",
        [ix::burn(town.burn_of(a, alice), 1_000), ix::close_account(program, a, payer, alice)],
    );
    let (_, again) = scene.holding("c", program, new, bob);
    scene.step("an account at the same address", again);
    scene.step(
        "close and use",
        [ix::close_account(program, b, payer, bob), ix::mint_to(program, mint, b, minter, 1)],
    );
    scene
}

pub(crate) fn freezing(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} freezing"));
    let town = scene.town(program);
    let Town { mint, minter, freezer, alice, bob, a, b, .. } = town;
    let payer = scene.payer();
    scene.step("thaw what is not frozen", [ix::thaw_account(program, a, mint, freezer)]);
    scene.step("freeze by somebody else", [ix::freeze_account(program, a, mint, bob)]);
    scene.step("freeze with too few accounts", [only(ix::freeze_account(program, a, mint, freezer), 2)]);
    scene.step("freeze", [ix::freeze_account(program, a, mint, freezer)]);
    scene.step("freeze again", [ix::freeze_account(program, a, mint, freezer)]);
    scene.step("transfer from it", [ix::transfer(program, a, b, alice, 1)]);
    scene.step("transfer to it", [ix::transfer(program, b, a, bob, 0)]);
    scene.step("transfer to itself", [ix::transfer(program, a, a, alice, 1)]);
    scene.step("burn", [ix::burn(town.burn_of(a, alice), 1)]);
    scene.step("mint to it", [ix::mint_to(program, mint, a, minter, 1)]);
    scene.step("approve", [ix::approve(program, a, bob, alice, 1)]);
    scene.step("revoke", [ix::revoke(program, a, alice)]);
    scene.step("set its owner", [ix::set_authority(program, a, 2, alice, Some(bob))]);
    scene.step("close it", [ix::close_account(program, a, payer, alice)]);
    scene.step("thaw with another mint", [ix::thaw_account(program, a, b, freezer)]);
    scene.step("thaw", [ix::thaw_account(program, a, mint, freezer)]);
    scene.step("burn it all", [ix::burn(town.burn_of(a, alice), 1_000)]);
    scene.step(
        "freeze and close",
        [ix::freeze_account(program, a, mint, freezer), ix::close_account(program, a, payer, alice)],
    );
    scene.step("nobody may freeze", [ix::set_authority(program, mint, 1, freezer, None)]);
    scene.step("freeze of a free mint", [ix::freeze_account(program, b, mint, freezer)]);
    scene
}

pub(crate) fn sizes_and_texts(program: Address, name: &str) -> Scene {
    let mut scene = Scene::new(&format!("{name} sizes"));
    let Town { mint, alice, a, .. } = scene.town(program);
    scene.step("size", [ix::get_account_data_size(program, mint)]);
    scene.step("size of no mint", [ix::get_account_data_size(program, a)]);
    scene.step("size of a wallet", [ix::get_account_data_size(program, alice)]);
    scene.step("size with an extension", [with_data(ix::get_account_data_size(program, mint), &[21, 7, 0])]);
    scene.step(
        "size of a mint's extension",
        [with_data(ix::get_account_data_size(program, mint), &[21, 1, 0])],
    );
    scene.step("size without a mint", [only(ix::get_account_data_size(program, mint), 0)]);
    for amount in [0, 1, 1_500_000, 20_000_000, u64::MAX] {
        scene.step(&format!("text of {amount}"), [ix::amount_to_ui_amount(program, mint, amount)]);
    }
    scene.step("text of no amount", [with_data(ix::amount_to_ui_amount(program, mint, 1), &[23, 1])]);
    scene.step("text for no mint", [ix::amount_to_ui_amount(program, a, 1)]);
    for text in
        ["1", "0.5", "1.500000", ".25", "7.", "", ".", "1.2345678", "1.2.3", "x", "99999999999999999999"]
    {
        scene.step(&format!("amount of {text:?}"), [ix::ui_amount_to_amount(program, mint, text)]);
    }
    scene.step("amount of no text", [with_data(ix::ui_amount_to_amount(program, mint, ""), &[24, 0xff])]);
    let (c, create) = scene.create("c", ix::ACCOUNT_BYTES, program);
    scene.step("immutable owner", [create, ix::initialize_immutable_owner(program, c)]);
    scene.step("immutable owner of an account", [ix::initialize_immutable_owner(program, a)]);
    scene.step("immutable owner of a mint", [ix::initialize_immutable_owner(program, mint)]);
    scene
}
