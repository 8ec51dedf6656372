use solana_keypair::Keypair;
use solana_message::{VersionedMessage, legacy};
use solana_signer::Signer;

use super::*;
use crate::instructions;

fn quiet() -> Config {
    Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix: Mix::NONE, ..Config::default() }
}

fn transfer(chain: &Chain, from: &Keypair, to: Address, lamports: u64) -> VersionedTransaction {
    let instruction = instructions::transfer_lamports(from.pubkey(), to, lamports);
    let hash = chain.environment().blockhash;
    let message = legacy::Message::new_with_blockhash(&[instruction], Some(&from.pubkey()), &hash);
    VersionedTransaction::try_new(VersionedMessage::Legacy(message), &[from]).unwrap()
}

fn lamports(chain: &Chain, address: &Address, at: Commitment) -> u64 {
    chain.accounts().at(address, chain.tips().at(at)).map_or(0, |account| account.lamports)
}

#[test]
fn a_transfer_is_processed_then_confirmed_then_finalized() {
    let mut chain = Chain::new(quiet());
    let (from, to) = (Keypair::new_from_array([7; 32]), Address::new_from_array([9; 32]));
    chain.airdrop(from.pubkey(), 10_000_000).unwrap();
    chain.produce();
    let sent = transfer(&chain, &from, to, 5_000_000);
    chain.submit(sent).unwrap();
    let steps = chain.produce();
    assert!(
        matches!(steps.as_slice(), [Step::Processed(two), Step::Confirmed(one)] if two.slot == 2 && one.slot == 1)
    );
    assert_eq!(lamports(&chain, &to, Commitment::Processed), 5_000_000);
    assert_eq!(lamports(&chain, &to, Commitment::Confirmed), 0);
    assert_eq!(lamports(&chain, &from.pubkey(), Commitment::Processed), 10_000_000 - 5_000_000 - 5_000);
    chain.produce();
    assert_eq!(lamports(&chain, &to, Commitment::Confirmed), 5_000_000);
    for _ in 0..30 {
        assert_eq!(lamports(&chain, &to, Commitment::Finalized), 0);
        chain.produce();
    }
    assert_eq!(lamports(&chain, &to, Commitment::Finalized), 5_000_000);
}

#[test]
fn what_an_abandoned_block_did_is_undone_and_lands_again() {
    let mut chain = Chain::new(quiet());
    let to = Address::new_from_array([9; 32]);
    chain.produce();
    chain.abandon_next();
    let signature = chain.airdrop(to, 1_000_000_000).unwrap();
    chain.produce();
    assert_eq!(chain.history().find(&signature).map(|landed| landed.slot), Some(2));
    let steps = chain.produce();
    assert!(
        matches!(steps.as_slice(), [Step::Abandoned(two), Step::Processed(three)]
        if two.slot == 2 && three.slot == 3 && three.parent == 1),
        "{steps:?}"
    );
    assert!(chain.history().block(2).is_none());
    assert_eq!(chain.history().find(&signature).map(|landed| landed.slot), Some(3));
    assert_eq!(lamports(&chain, &to, Commitment::Processed), 1_000_000_000);
}

#[test]
fn nothing_is_confirmed_while_confirmations_pause_and_all_of_it_afterwards() {
    let mut chain = Chain::new(quiet());
    chain.produce();
    chain.produce();
    chain.confirm(false);
    for _ in 0..40 {
        let steps = chain.produce();
        assert!(matches!(steps.as_slice(), [Step::Processed(_)]));
    }
    chain.confirm(true);
    let confirmed: Vec<u64> = chain
        .produce()
        .iter()
        .filter_map(|step| if let Step::Confirmed(block) = step { Some(block.slot) } else { None })
        .collect();
    assert_eq!(confirmed, (2..=42).collect::<Vec<_>>());
    assert_eq!(chain.tips(), Tips { processed: 43, confirmed: 42, finalized: 12 });
}

#[test]
fn slots_without_a_block_are_no_gap_in_the_parents() {
    let mut chain = Chain::new(quiet());
    chain.produce();
    chain.skip(2);
    assert!(chain.produce().is_empty() && chain.produce().is_empty());
    chain.produce();
    let block = chain.history().block(4).unwrap();
    assert_eq!((block.parent, block.height), (1, 2));
    assert_eq!(block.previous_blockhash, chain.history().block(1).unwrap().blockhash);
}

#[test]
fn history_is_pruned_and_says_where_it_begins() {
    let mut chain = Chain::new(Config { kept_slots: 10, ..quiet() });
    let signature = chain.airdrop(Address::new_from_array([9; 32]), 1).unwrap();
    for _ in 0..60 {
        chain.produce();
    }
    assert_eq!(chain.tips().finalized, 29);
    assert_eq!(chain.history().first(), 19);
    assert!(chain.history().block(18).is_none() && chain.history().block(19).is_some());
    assert!(chain.history().find(&signature).is_none());
}

#[test]
fn forgotten_history_is_finalized_history_and_the_truth_stays() {
    let mut chain = Chain::new(quiet());
    let (from, to) = (Keypair::new_from_array([7; 32]), Address::new_from_array([9; 32]));
    chain.airdrop(from.pubkey(), 10_000_000).unwrap();
    chain.produce();
    let failing = transfer(&chain, &from, to, 50_000_000);
    let signature = chain.submit(failing).unwrap();
    for _ in 0..60 {
        chain.produce();
    }
    assert_eq!(chain.forget_before(20), 20);
    assert!(chain.history().block(19).is_none() && chain.history().find(&signature).is_none());
    assert_eq!(chain.forget_before(10), 20, "what is gone is gone");
    assert_eq!(chain.forget_before(60), chain.tips().finalized);
    chain.produce();
    assert_eq!(chain.truth().rows().map(|row| row.slot).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_transaction_lands_once_and_only_while_its_blockhash_lives() {
    let mut chain = Chain::new(quiet());
    let from = Keypair::new_from_array([7; 32]);
    chain.airdrop(from.pubkey(), 1_000_000_000).unwrap();
    chain.produce();
    let to = Address::new_from_array([9; 32]);
    let (now, late) = (transfer(&chain, &from, to, 1_000_000), transfer(&chain, &from, to, 2_000_000));
    for _ in 0..3 {
        chain.submit(now.clone()).unwrap();
        chain.produce();
    }
    assert_eq!(lamports(&chain, &to, Commitment::Processed), 1_000_000);
    for _ in 0..150 {
        chain.produce();
    }
    chain.submit(late).unwrap();
    chain.produce();
    assert_eq!(lamports(&chain, &to, Commitment::Processed), 1_000_000, "its blockhash is too old");
}
