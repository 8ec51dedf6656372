use std::{collections::BTreeMap, sync::Arc};

use eda_simnet::{
    chain::Account,
    instructions::{self as ix, BurnAccounts, TOKEN, TOKEN_2022},
    programs::{self, NATIVE_MINT, token},
    runtime::{Effect, What},
};
use fastrand::Rng;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::world::{World, address};

const SEEDS: u64 = 24;
const TRANSACTIONS: usize = 250;

/// A mint with its accounts, and how their tokens are counted.
struct Currency {
    program: Address,
    mint: Address,
    accounts: Vec<Address>,
}

/// Everybody who signs for something.
const PEOPLE: [u8; 4] = [101, 102, 103, 104];

fn people(chance: &mut Rng) -> Address {
    address(*chance.choice(PEOPLE).iter().next().unwrap())
}

/// Mints of both programs, plain and with extensions, and wrapped SOL, each with five accounts.
fn currencies(world: &mut World) -> Vec<Currency> {
    let minter = address(PEOPLE[0]);
    let plain = |_: Address| Vec::new();
    let fee = |mint| vec![ix::initialize_transfer_fee(mint, address(PEOPLE[0]), 500, 1_000)];
    let delegate = |mint| vec![ix::initialize_permanent_delegate(mint, address(PEOPLE[1]))];
    type Begin<'a> = &'a dyn Fn(Address) -> Vec<Instruction>;
    let kinds: [(Address, u64, u64, Begin<'_>); 4] = [
        (TOKEN, ix::MINT_BYTES, ix::ACCOUNT_BYTES, &plain),
        (TOKEN_2022, ix::MINT_BYTES, ix::ACCOUNT_BYTES, &plain),
        (TOKEN_2022, ix::extended_bytes(&[108]), ix::extended_bytes(&[8]), &fee),
        (TOKEN_2022, ix::extended_bytes(&[32]), ix::ACCOUNT_BYTES, &delegate),
    ];
    let mut currencies = Vec::new();
    for (number, (program, mint_bytes, account_bytes, begin)) in (1_u8..).zip(kinds) {
        let mint = address(number);
        let mut make = vec![world.create(mint, mint_bytes, program)];
        make.extend(begin(mint));
        make.push(ix::initialize_freezable_mint(program, mint, 6, minter, minter));
        world.must(&make);
        currencies.push(furnish(world, program, mint, number, account_bytes));
    }
    currencies.push(furnish(world, TOKEN, NATIVE_MINT, 9, ix::ACCOUNT_BYTES));
    currencies
}

fn furnish(world: &mut World, program: Address, mint: Address, number: u8, bytes: u64) -> Currency {
    let mut accounts = Vec::new();
    for (at, person) in (0_u8..).zip(PEOPLE.iter().chain([&PEOPLE[0]])) {
        let account = address(number * 10 + at);
        world.must(&[
            world.create(account, bytes, program),
            ix::initialize_account(program, account, mint, address(*person)),
        ]);
        if mint == NATIVE_MINT {
            let wrap = ix::transfer_lamports(world.payer, account, 5_000);
            world.must(&[wrap, ix::sync_native(program, account)]);
        } else {
            world.must(&[ix::mint_to(program, mint, account, address(PEOPLE[0]), 5_000)]);
        }
        accounts.push(account);
    }
    Currency { program, mint, accounts }
}

/// Any instruction, most of them sensible.
fn instruction(chance: &mut Rng, world: &World, currencies: &[Currency]) -> Instruction {
    let Currency { program, mint, accounts } = &currencies[chance.usize(..currencies.len())];
    let (program, mint) = (*program, *mint);
    let [from, to] = [(); 2].map(|()| accounts[chance.usize(..accounts.len())]);
    let owner = match world.accounts.get(&from).and_then(|account| token::Holding::read(account)) {
        Some(holding) if chance.u8(..10) > 0 => {
            holding.delegate.filter(|_| chance.bool()).unwrap_or(holding.owner)
        }
        _ => people(chance),
    };
    let minter = if chance.u8(..10) > 0 { address(PEOPLE[0]) } else { people(chance) };
    let amount = if chance.u8(..20) > 0 { chance.u64(..2_000) } else { chance.u64(..) };
    let burn = BurnAccounts { program, account: from, mint, authority: owner };
    match chance.u8(..20) {
        0 | 1 => ix::mint_to(program, mint, to, minter, amount),
        2 => ix::mint_to_checked(program, [mint, to, minter], amount, 6),
        3 | 4 => ix::burn(burn, amount),
        5 => ix::burn_checked(burn, amount, if chance.u8(..10) > 0 { 6 } else { 5 }),
        6 | 7 => ix::transfer(program, from, to, owner, amount),
        8 | 9 => ix::transfer_checked(program, [from, mint, to, owner], amount, 6),
        10 => ix::approve(program, from, people(chance), owner, amount),
        11 => ix::revoke(program, from, owner),
        12 => ix::freeze_account(program, from, mint, minter),
        13 => ix::thaw_account(program, from, mint, minter),
        14 => ix::set_authority(program, from, 2 + chance.u8(..2), owner, Some(people(chance))),
        15 if chance.u8(..10) == 0 => ix::close_account(program, from, world.payer, owner),
        15 => ix::sync_native(program, from),
        16 => ix::unwrap_lamports(program, from, people(chance), owner, Some(amount)),
        17 => ix::transfer_lamports(world.payer, from, amount),
        18 => ix::harvest_withheld(mint, accounts),
        _ => ix::withdraw_withheld_from_mint(mint, to, minter),
    }
}

fn transaction(chance: &mut Rng, world: &World, currencies: &[Currency]) -> Vec<Instruction> {
    let mut instructions: Vec<Instruction> =
        (0..chance.usize(1..4)).map(|_| instruction(chance, world, currencies)).collect();
    let all_classic = instructions.iter().all(|instruction| instruction.program_id == TOKEN);
    if all_classic && chance.u8(..4) == 0 {
        instructions = vec![ix::batch(TOKEN, &instructions)];
    }
    instructions
}

/// What token accounts of each mint hold, and what their mints say that there is.
fn supplies(world: &World) -> BTreeMap<Address, (u128, u64)> {
    let mut supplies = BTreeMap::<Address, (u128, u64)>::new();
    for (address, account) in &world.accounts {
        if let Some(mint) = token::Mint::read(account) {
            let entry = supplies.entry(*address).or_default();
            entry.1 = mint.supply;
            // The fee config's place in the mint with fees alone: what it withholds is at 64 of its value.
            entry.0 += u128::from(withheld(account, 1, 64));
        }
        if let Some(holding) = token::Holding::read(account) {
            let held = u128::from(holding.amount) + u128::from(withheld(account, 2, 0));
            supplies.entry(holding.mint).or_default().0 += held;
            if let Some(reserve) = holding.native_reserve {
                assert!(holding.amount + reserve <= account.lamports, "tokens that are not there");
            }
        }
    }
    supplies.remove(&NATIVE_MINT);
    supplies
}

/// A number in the first extension, if that is of this type.
fn withheld(account: &Account, kind: u16, at: usize) -> u64 {
    if account.data.get(166..168) != Some(&kind.to_le_bytes()) {
        return 0;
    }
    account
        .data
        .get(170 + at..)
        .and_then(|data| data.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The supplies that the notes lead to; each note knows the supply before it.
fn noted(before: &BTreeMap<Address, (u128, u64)>, effects: &[Effect]) -> BTreeMap<Address, u64> {
    let mut supplies: BTreeMap<Address, u64> =
        before.iter().map(|(mint, (_, supply))| (*mint, *supply)).collect();
    for effect in effects {
        match &effect.what {
            What::Mint { mint, amount, supply_before, .. } => {
                let supply = supplies.get_mut(mint).unwrap();
                assert_eq!(supply, supply_before);
                *supply += amount;
            }
            What::Burn { mint, amount, supply_before, .. } => {
                let supply = supplies.get_mut(mint).unwrap();
                assert_eq!(supply, supply_before);
                *supply -= amount;
            }
            What::MintCreated { .. } | What::AuthoritySet { .. } | What::PoolCreated { .. } => {}
        }
    }
    supplies
}

#[test]
fn no_instruction_makes_or_loses_what_is_not_noted() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut chance = Rng::with_seed(seed);
        let mut world = World::new();
        let currencies = currencies(&mut world);
        let (mut succeeded, mut failed) = (0, 0);
        for _ in 0..TRANSACTIONS {
            let instructions = transaction(&mut chance, &world, &currencies);
            let (before, lamports) = (supplies(&world), world.lamports());
            let accounts = world.accounts.clone();
            let meta = world.run(&instructions);
            assert_eq!(world.lamports() + u128::from(meta.fee), lamports, "lamports are conserved");
            let after = supplies(&world);
            for (mint, (held, supply)) in &after {
                assert_eq!(*held, u128::from(*supply), "{mint}: {:#?}", meta.logs);
            }
            let expected = noted(&before, &meta.effects);
            let now: BTreeMap<Address, u64> =
                after.iter().map(|(mint, (_, supply))| (*mint, *supply)).collect();
            assert_eq!(expected, now, "the notes are what happened");
            if meta.err.is_none() {
                succeeded += 1;
                continue;
            }
            failed += 1;
            assert!(meta.effects.is_empty());
            for (address, account) in &accounts {
                assert!(
                    *address == world.payer || world.accounts.get(address) == Some(account),
                    "a failed transaction changed {address}"
                );
            }
            assert_eq!(accounts.len(), world.accounts.len());
        }
        assert!(succeeded > 20 && failed > 20, "{succeeded} succeeded, {failed} failed");
    }
}

/// Accounts with anything in them.
fn garbage(chance: &mut Rng, owner: Address) -> Account {
    let lengths = [0, 1, 36, 56, 82, 88, 165, 166, 170, 182, 202, 278, 355, 400];
    let mut data = vec![0; lengths[chance.usize(..lengths.len())]];
    if chance.bool() {
        chance.fill(&mut data);
    }
    // Some look like what they are not.
    for (at, value) in [(45, 1), (108, 1), (2, 1), (165, 1 + chance.u8(..2)), (0, 1), (166, chance.u8(..30))]
    {
        if chance.bool()
            && let Some(byte) = data.get_mut(at)
        {
            *byte = value;
        }
    }
    Account { lamports: chance.u64(..10_000_000_000), data, owner, executable: false }
}

#[test]
fn no_bytes_make_a_program_panic_or_lose_lamports() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut chance = Rng::with_seed(seed);
        let mut world = World::new();
        let currencies = currencies(&mut world);
        let owners: Vec<Address> = programs::ALL.iter().map(|program| program.address).collect();
        for number in 120..150 {
            let owner = owners[chance.usize(..owners.len())];
            let account = garbage(&mut chance, owner);
            world.accounts.insert(address(number), Arc::new(account));
        }
        let everything: Vec<Address> = world.accounts.keys().copied().collect();
        for _ in 0..TRANSACTIONS * 4 {
            let mut one = if chance.bool() {
                instruction(&mut chance, &world, &currencies)
            } else {
                let program_id = owners[chance.usize(..owners.len())];
                let accounts = (0..chance.usize(..8)).map(|_| {
                    let key = everything[chance.usize(..everything.len())];
                    AccountMeta { pubkey: key, is_signer: chance.bool(), is_writable: chance.bool() }
                });
                let accounts = accounts.collect();
                let mut data = vec![0; chance.usize(..80)];
                chance.fill(&mut data);
                // Most instructions have small numbers, some of them in four bytes.
                let tag = [chance.u8(..48), 0, 0, 0];
                let known = data.len().min(chance.usize(..5));
                data[..known].copy_from_slice(&tag[..known]);
                Instruction { program_id, accounts, data }
            };
            for meta in &mut one.accounts {
                if chance.u8(..4) == 0 {
                    meta.pubkey = everything[chance.usize(..everything.len())];
                }
            }
            if let Some(byte) = one.data.first_mut().filter(|_| chance.u8(..4) == 0) {
                *byte = chance.u8(..);
            }
            one.accounts.retain(|meta| meta.pubkey != world.payer);
            // What asks for a strange budget is in no block at all.
            let Ok(executed) = world.try_execute(&[one]) else { continue };
            let sum = |lamports: &[u64]| lamports.iter().copied().map(u128::from).sum::<u128>();
            let meta = &executed.meta;
            assert_eq!(sum(&meta.pre_balances), sum(&meta.post_balances) + u128::from(meta.fee));
        }
    }
}
