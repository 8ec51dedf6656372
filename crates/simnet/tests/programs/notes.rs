use eda_simnet::{
    instructions::{self as ix, BurnAccounts, TOKEN, TOKEN_2022},
    programs::{INCINERATOR, SYSTEM},
    runtime::{Place, What},
};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::world::{World, address};

const MINT: u8 = 1;
const ACCOUNT: u8 = 2;
const OWNER: u8 = 3;

fn town(program: Address) -> (World, BurnAccounts) {
    let mut world = World::new();
    let [mint, account, owner] = [MINT, ACCOUNT, OWNER].map(address);
    world.town(program, mint, account, owner);
    (world, BurnAccounts { program, account, mint, authority: owner })
}

fn burned(burn: BurnAccounts, instruction: &'static str, amount: u64, supply_before: u64) -> What {
    let BurnAccounts { program, account, mint, authority } = burn;
    What::Burn { program, instruction, mint, account, authority, amount, supply_before }
}

#[test]
fn every_kind_of_burn_is_noted_with_the_supply_before_it() {
    for program in [TOKEN, TOKEN_2022] {
        let (mut world, burn) = town(program);
        let notes = world.must(&[ix::burn(burn, 100), ix::burn_checked(burn, 50, 6)]);
        assert_eq!(notes, [burned(burn, "burn", 100, 1_000), burned(burn, "burn_checked", 50, 900)]);
        assert_eq!((world.mint(burn.mint).supply, world.holding(burn.account).amount), (850, 850));
    }
}

#[test]
fn a_burn_of_nothing_destroys_nothing_and_is_not_noted() {
    let (mut world, burn) = town(TOKEN);
    assert_eq!(
        world.must(&[ix::burn(burn, 0), ix::mint_to(TOKEN, burn.mint, burn.account, burn.authority, 0)]),
        []
    );
}

#[test]
fn nothing_is_noted_of_a_transaction_that_fails() {
    let (mut world, burn) = town(TOKEN);
    let meta = world.run(&[ix::burn(burn, 1), ix::burn(burn, 1_000)]);
    assert!(meta.err.is_some() && meta.effects.is_empty());
    assert_eq!(world.mint(burn.mint).supply, 1_000);
}

#[test]
fn burns_in_a_batch_are_noted_by_their_entry() {
    let (mut world, burn) = town(TOKEN);
    let mint = ix::mint_to(TOKEN, burn.mint, burn.account, burn.authority, 7);
    let batch = ix::batch(TOKEN, &[ix::burn(burn, 10), mint, ix::burn_checked(burn, 20, 6)]);
    let meta = world.run(&[ix::memo("first", &[]), batch]);
    let places: Vec<Place> = meta.effects.iter().map(|effect| effect.place).collect();
    let place = |entry| Place { instruction: 1, inner: None, batch_entry: Some(entry) };
    assert_eq!(places, [0, 1, 2].map(place));
    assert!(meta.inner.is_empty());
    assert_eq!(world.mint(burn.mint).supply, 977);
}

#[test]
fn anybody_burns_what_nobody_owns() {
    for (program, owner) in [(TOKEN, SYSTEM), (TOKEN, INCINERATOR), (TOKEN_2022, INCINERATOR)] {
        let (mut world, burn) = town(program);
        let dead = address(9);
        world.must(&[
            world.create(dead, ix::ACCOUNT_BYTES, program),
            ix::initialize_account(program, dead, burn.mint, owner),
            ix::transfer(program, burn.account, dead, burn.authority, 400),
        ]);
        let mut anybody = ix::burn(BurnAccounts { account: dead, authority: address(77), ..burn }, 300);
        anybody.accounts[2].is_signer = false;
        let BurnAccounts { account, authority, .. } =
            BurnAccounts { account: dead, authority: address(77), ..burn };
        let burn = BurnAccounts { account, authority, ..burn };
        assert_eq!(world.must(&[anybody]), [burned(burn, "burn", 300, 1_000)]);
    }
}

#[test]
fn burns_of_a_mint_that_asks_for_permission_need_it() {
    let mut world = World::new();
    let [mint, account, owner, permitting] = [MINT, ACCOUNT, OWNER, 4].map(address);
    world.must(&[
        world.create(mint, ix::PERMISSIONED_MINT_BYTES, TOKEN_2022),
        ix::initialize_permissioned_burn(mint, permitting),
        ix::initialize_mint(TOKEN_2022, mint, 6, owner),
        world.create(account, ix::ACCOUNT_BYTES, TOKEN_2022),
        ix::initialize_account(TOKEN_2022, account, mint, owner),
        ix::mint_to(TOKEN_2022, mint, account, owner, 1_000),
    ]);
    let burn = BurnAccounts { program: TOKEN_2022, account, mint, authority: owner };
    let refused = [
        ix::burn(burn, 1),
        ix::burn_checked(burn, 1, 6),
        ix::permissioned_burn(burn, owner, 1, None),
        ix::permissioned_burn(BurnAccounts { authority: permitting, ..burn }, permitting, 1, None),
        ix::permissioned_burn(burn, permitting, 1, Some(5)),
        ix::permissioned_burn(burn, permitting, 1_001, None),
    ];
    for instruction in refused {
        let meta = world.run(&[instruction]);
        assert!(meta.err.is_some(), "{:#?}", meta.logs);
    }
    let mut unsigned = ix::permissioned_burn(burn, permitting, 1, None);
    unsigned.accounts[2].is_signer = false;
    assert!(world.run(&[unsigned]).err.is_some());
    let notes = world.must(&[
        ix::permissioned_burn(burn, permitting, 5, None),
        ix::permissioned_burn(burn, permitting, 6, Some(6)),
    ]);
    let checked = burned(burn, "permissioned_burn_checked", 6, 995);
    assert_eq!(notes, [burned(burn, "permissioned_burn", 5, 1_000), checked]);
    // Once the permission is given up, plain burns are all there is.
    world.must(&[ix::set_authority(TOKEN_2022, mint, 17, permitting, None)]);
    assert!(world.run(&[ix::permissioned_burn(burn, permitting, 5, None)]).err.is_some());
    assert_eq!(world.must(&[ix::burn(burn, 9)]), [burned(burn, "burn", 9, 989)]);
}

#[test]
fn mints_and_authorities_are_noted() {
    for program in [TOKEN, TOKEN_2022] {
        let mut world = World::new();
        let [mint, minter, freezer, other] = [1, 2, 3, 4].map(address);
        let notes = world.must(&[
            world.create(mint, ix::MINT_BYTES, program),
            ix::initialize_freezable_mint(program, mint, 3, minter, freezer),
            ix::set_authority(program, mint, 0, minter, Some(other)),
            ix::set_authority(program, mint, 0, other, None),
            ix::set_authority(program, mint, 1, freezer, None),
        ]);
        let set = |authority, to| What::AuthoritySet { program, account: mint, authority, to };
        let created = What::MintCreated {
            program,
            mint,
            decimals: 3,
            mint_authority: Some(minter),
            freeze_authority: Some(freezer),
        };
        let expected =
            [created, set("mint_tokens", Some(other)), set("mint_tokens", None), set("freeze_account", None)];
        assert_eq!(notes, expected);
    }
}

#[test]
fn what_is_not_implemented_is_refused() {
    let (mut world, burn) = town(TOKEN_2022);
    for tag in [27, 29, 30, 31, 33, 34, 36, 37, 40, 41, 42, 43] {
        let accounts = ix::burn(burn, 1).accounts;
        let meta = world.run(&[Instruction { program_id: TOKEN_2022, accounts, data: vec![tag, 0] }]);
        let last = meta.logs.last().unwrap();
        assert!(last.ends_with("failed: invalid instruction data"), "{tag}: {last}");
    }
}
