use std::collections::{BTreeMap, BTreeSet};

use solana_message::VersionedMessage;
use solana_sha256_hasher::hashv;

use super::*;
use crate::{
    chain::{Block, Chain, Mix, Step},
    programs::VOTE,
    runtime::{Effect, What},
    truth::Event,
};

/// Everything a node could say about a slot, and the truth about it.
fn digest(chain: &Chain, before: [u8; 32], steps: &[Step]) -> [u8; 32] {
    let mut hash = before;
    for step in steps {
        let (name, block): (&str, &Block) = match step {
            Step::Processed(block) => ("processed", block),
            Step::Abandoned(block) => ("abandoned", block),
            Step::Confirmed(block) => ("confirmed", block),
            Step::Finalized(block) => ("finalized", block),
        };
        let head =
            format!("{name} {} {} {} {}", block.slot, block.parent, block.blockhash, block.leader_balance);
        hash = hashv(&[&hash, head.as_bytes()]).to_bytes();
        for landed in &block.transactions {
            hash = hashv(&[&hash, &landed.bytes, format!("{:?}", landed.meta).as_bytes()]).to_bytes();
        }
        for row in chain.truth().between(block.slot, block.slot) {
            hash = hashv(&[&hash, row.to_json().to_string().as_bytes()]).to_bytes();
        }
    }
    hash
}

fn run(config: Config, slots: u64) -> [u8; 32] {
    let mut chain = Chain::new(config);
    (0..slots).fold([0; 32], |hash, _| {
        let steps = chain.produce();
        digest(&chain, hash, &steps)
    })
}

/// What each mint has made of its supply by the ledger, from a slot on.
fn made(chain: &Chain, from: u64) -> BTreeMap<Address, i128> {
    let mut made = BTreeMap::new();
    for row in chain.truth().between(from, u64::MAX) {
        let (mint, change) = match &row.event {
            Event::Effect(Effect { what: What::Mint { mint, amount, .. }, .. }, _) => {
                (mint, i128::from(*amount))
            }
            Event::Effect(Effect { what: What::Burn { mint, amount, .. }, .. }, _) => {
                (mint, -i128::from(*amount))
            }
            Event::Effect(..) | Event::Failed(_) => continue,
        };
        *made.entry(*mint).or_default() += change;
    }
    made
}

fn supplies(chain: &Chain) -> BTreeMap<Address, i128> {
    let accounts = chain.accounts().all_at(chain.tips().processed);
    let mints = accounts.filter_map(|(address, account)| Some((*address, token::Mint::read(&account)?)));
    mints.map(|(address, mint)| (address, i128::from(mint.supply))).collect()
}

/// Transactions of a block that failed and were not meant to, or the other way round.
fn surprises(chain: &Chain, block: &Block) -> Vec<String> {
    let surprise = |landed: &crate::chain::Landed| {
        let note = chain.actors().note(&landed.signature());
        let meant = note.is_some_and(|note| note.fails);
        let failed = landed.meta.err.is_some();
        (meant != failed).then(|| format!("{note:?} {:?} {:#?}", landed.meta.err, landed.meta.logs))
    };
    block.transactions.iter().filter_map(|landed| surprise(landed)).collect()
}

fn processed(steps: &[Step]) -> impl Iterator<Item = &Block> {
    steps.iter().filter_map(|step| match step {
        Step::Processed(block) => Some(block.as_ref()),
        Step::Abandoned(_) | Step::Confirmed(_) | Step::Finalized(_) => None,
    })
}

#[test]
fn equal_seeds_give_equal_chains_and_others_do_not() {
    let busy = |seed| Config { abandoned_per_mille: 50, ..Config::seeded(seed) };
    let first = run(busy(1), 300);
    assert_eq!(first, run(busy(1), 300));
    assert_ne!(first, run(busy(2), 300));
}

#[test]
fn what_a_client_sends_does_not_move_the_actors() {
    let by_actors = |with_client: bool| {
        let mut chain = Chain::new(Config::default());
        let mut signatures = Vec::new();
        for slot in 0..200 {
            if with_client && slot % 10 == 3 {
                chain.airdrop(Address::new_from_array([9; 32]), 1_000_000_000 + slot).unwrap();
            }
            let faucet = key("faucet", 0).pubkey();
            for block in processed(&chain.produce()) {
                let own = block.transactions.iter().filter(|landed| landed.keys().next() != Some(&faucet));
                signatures.extend(own.map(|landed| (block.slot, landed.signature())));
            }
        }
        signatures
    };
    assert_eq!(by_actors(false), by_actors(true));
}

#[test]
fn two_thousand_slots_hold_everything_and_no_surprise() {
    let config = Config::seeded(7);
    let mut chain = Chain::new(config);
    let before = supplies(&chain);
    let (mut whats, mut causes, mut forms) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut abandoned, mut skipped, mut transactions, mut votes) = (0, 0, 0_usize, 0);
    for slot in 1..=2_000 {
        let steps = chain.produce();
        skipped += usize::from(steps.is_empty());
        for step in &steps {
            if let Step::Abandoned(block) = step {
                abandoned += 1;
                assert_eq!(chain.truth().between(block.slot, block.slot).count(), 0, "slot {slot}");
            }
        }
        for block in processed(&steps) {
            let surprises = surprises(&chain, block);
            assert!(surprises.is_empty(), "slot {slot}: {surprises:#?}");
            transactions += block.transactions.len();
            for landed in &block.transactions {
                whats.extend(chain.actors().note(&landed.signature()).map(|note| note.what));
                votes += usize::from(landed.keys().any(|key| *key == VOTE));
                let (form, most) = match &landed.wire.message {
                    VersionedMessage::Legacy(_) => ("legacy", 1_232),
                    VersionedMessage::V0(message) if message.address_table_lookups.is_empty() => {
                        ("v0", 1_232)
                    }
                    VersionedMessage::V0(_) => ("v0 with a table", 1_232),
                    VersionedMessage::V1(_) => ("v1", 4_096),
                };
                forms.insert(form);
                assert!(landed.bytes.len() <= most, "{form}: {} bytes", landed.bytes.len());
            }
        }
    }
    for row in chain.truth().rows() {
        if let Event::Effect(Effect { what: What::Burn { .. }, .. }, cause) = &row.event {
            causes.insert(cause.unwrap());
        }
    }
    let expected: BTreeSet<&str> = BTreeSet::from([
        "burn",
        "burn checked",
        "several burns",
        "burn through a table",
        "burns in a batch",
        "called burn",
        "called batch",
        "burn of Token-2022",
        "permissioned burn",
        "burn by a delegate",
        "burn by a multisig",
        "burn in version 1",
        "burn of everything",
        "burn of one",
        "burn of little",
        "burn of what nobody owns",
        "withdrawal",
        "migration",
        "too much",
        "not one's own",
        "wrong decimals",
        "after a good burn",
        "in a batch",
        "in a call",
        "in version 1",
    ]);
    assert_eq!(whats, expected);
    assert_eq!(causes, BTreeSet::from([Cause::Holder, Cause::LpWithdraw, Cause::Migration]));
    assert_eq!(forms, BTreeSet::from(["legacy", "v0", "v0 with a table", "v1"]));
    assert!(abandoned > 5 && skipped > 20, "{abandoned} abandoned, {skipped} skipped");
    assert!((8 * 2_000..12 * 2_000).contains(&transactions), "{transactions} transactions");
    assert!(votes > 5_000, "{votes} votes");

    let (after, made) = (supplies(&chain), made(&chain, 0));
    for (mint, supply) in &after {
        let began = before.get(mint).copied().unwrap_or_default();
        assert_eq!(supply - began, made.get(mint).copied().unwrap_or_default(), "{mint}");
    }
    assert!(made.keys().all(|mint| after.contains_key(mint)));
}

#[test]
fn every_kind_of_event_comes_within_a_minute() {
    let mut chain = Chain::new(Config::default());
    for _ in 0..150 {
        chain.produce();
    }
    let mut first: BTreeMap<&str, u64> = BTreeMap::new();
    for row in chain.truth().rows() {
        let kind =
            match &row.event {
                Event::Failed(_) => "failure",
                Event::Effect(effect, cause) => match (&effect.what, cause) {
                    (What::Burn { .. }, Some(cause)) => cause.as_str(),
                    (What::Burn { .. }, None) => unreachable!("every burn has a cause"),
                    (What::Mint { .. }, _) => "mint",
                    (What::MintCreated { .. }, _) => "mint created",
                    (What::AuthoritySet { .. }, _) => "authority set",
                    (What::PoolCreated { program, .. }, _) => {
                        if *program == crate::programs::pump_swap::ADDRESS { "migrated pool" } else { "pool" }
                    }
                },
            };
        first.entry(kind).or_insert(row.slot);
    }
    let kinds: BTreeSet<&str> = first.keys().copied().collect();
    let expected = [
        "authority set",
        "failure",
        "holder",
        "lp-withdraw",
        "migrated pool",
        "migration",
        "mint",
        "mint created",
        "pool",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    assert!(first.values().all(|slot| *slot <= 6), "{first:?}");
}

#[test]
fn vaults_change_and_prices_come_back() {
    let mut chain = Chain::new(Config { mix: Mix { swaps: 1_000, ..Mix::NONE }, ..Config::seeded(3) });
    let vaults: Vec<Address> = well_known().pools.iter().flat_map(|pool| pool.vaults).collect();
    let amounts = |chain: &Chain| {
        let slot = chain.tips().processed;
        let amount = |vault| token::Holding::read(&chain.accounts().at(vault, slot).unwrap()).unwrap().amount;
        vaults.iter().map(amount).collect::<Vec<u64>>()
    };
    let before = amounts(&chain);
    for _ in 0..500 {
        for block in processed(&chain.produce()) {
            assert_eq!(surprises(&chain, block), Vec::<String>::new());
        }
    }
    for (before, after) in before.into_iter().zip(amounts(&chain)) {
        assert_ne!(before, after);
        assert!(after > before / 3 && after < before * 3, "{before} became {after}");
    }
}

#[test]
fn a_block_of_mainnets_size_can_be_asked_for() {
    let mix = Mix {
        votes: 110_000,
        transfers: 15_000,
        token_transfers: 10_000,
        mints: 1_000,
        burns: 2_000,
        swaps: 10_000,
        ..Mix::default()
    };
    let mut chain = Chain::new(Config { mix, skipped_per_mille: 0, ..Config::default() });
    for _ in 0..3 {
        for block in processed(&chain.produce()) {
            assert_eq!(surprises(&chain, block), Vec::<String>::new());
            assert!(block.transactions.len() > 1_400, "{}", block.transactions.len());
        }
    }
}

#[test]
fn no_mix_is_too_much() {
    let most = u32::MAX;
    let mix = Mix {
        votes: most,
        transfers: most,
        token_transfers: most,
        mints: most,
        burns: most,
        swaps: most,
        pools: most,
        withdrawals: most,
        migrations: most,
        failures: most,
        creations: most,
        renouncings: most,
    };
    let mut chain = Chain::new(Config { mix, ..Config::default() });
    let before = supplies(&chain);
    chain.produce();
    let after = supplies(&chain);
    for (mint, made) in made(&chain, 0) {
        assert_eq!(after[&mint] - before.get(&mint).copied().unwrap_or_default(), made);
    }
}

#[test]
fn nothing_grows_but_what_is_created() {
    let mix = Mix {
        votes: 1,
        transfers: 5,
        token_transfers: 5,
        mints: 10,
        burns: 20,
        swaps: 5,
        withdrawals: 5,
        failures: 5,
        ..Mix::NONE
    };
    let config = Config { mix, kept_slots: 50, ..Config::seeded(5) };
    let mut chain = Chain::new(config);
    let count = |chain: &Chain| {
        let accounts = chain.accounts().all_at(chain.tips().processed).count();
        let kept = chain.history().blocks().len() + chain.truth().rows().count() + chain.actors().notes();
        (accounts, kept)
    };
    let (mut accounts, mut kept) = (0, 0);
    for slot in 1..=20_000 {
        chain.produce();
        if slot == 1_000 {
            (accounts, kept) = count(&chain);
        }
    }
    let (accounts_later, kept_later) = count(&chain);
    // Each wallet may have opened an account for the one mint that is burned to the last unit.
    assert!(accounts_later <= accounts + 10, "{accounts} accounts became {accounts_later}");
    assert!(kept_later < kept * 2, "{kept} entries became {kept_later}");
}

#[test]
fn what_settings_name_is_always_there() {
    for seed in [1, 2] {
        let chain = Chain::new(Config::seeded(seed));
        let known = well_known();
        assert_eq!((known.mints.len(), known.pools.len()), (4, 3));
        let account = |address: &Address| chain.accounts().at(address, 0).unwrap();
        for mint in known.mints.iter().chain(known.pools.iter().map(|pool| &pool.lp_mint)) {
            assert!(token::Mint::read(&account(mint)).unwrap().supply > 0, "{mint}");
        }
        for pool in &known.pools {
            assert_eq!(account(&pool.address).owner, crate::programs::raydium_cpmm::ADDRESS);
            for (vault, mint) in pool.vaults.iter().zip(pool.mints) {
                let holding = token::Holding::read(&account(vault)).unwrap();
                assert!(holding.mint == mint && holding.amount > 0, "{vault}");
            }
        }
    }
}
