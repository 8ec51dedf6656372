use eda_events::{
    Slot,
    mailbox::{Latest, Mailbox},
};

use super::*;
use crate::feed::fact::AccountState;

fn address(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

fn selected(byte: u8) -> Interest {
    Interest::Transactions {
        mention: address(byte),
        traffic: Traffic::Selected,
        hint: LogHint(|logs| logs.iter().any(|line| line.contains("burn"))),
    }
}

fn fact(slot: u64, lamports: u64, snapshot: bool) -> AccountFact {
    let state = AccountState { owner: address(9), lamports, data: Vec::new() };
    AccountFact { address: address(1), slot: Slot(slot), state: Some(Arc::new(state)), snapshot }
}

#[tokio::test]
async fn an_account_never_goes_back_in_slot() {
    let registry = Registry::default();
    let (post, _mailbox) = Mailbox::new("transactions", 4);
    let (states, reader) = Latest::new("accounts");
    registry.add("reader", &[Interest::Account(address(1))], post, states);
    assert!(registry.account(fact(10, 1, true)));
    assert!(!registry.account(fact(9, 2, false)), "older");
    assert!(!registry.account(fact(10, 3, true)), "a snapshot of a slot that is known");
    assert!(registry.account(fact(10, 4, false)), "a later change in the same slot");
    assert!(registry.account(fact(11, 5, false)));
    let (_, newest) = reader.next().await.unwrap();
    assert_eq!((newest.slot, newest.state.unwrap().lamports), (Slot(11), 5));
}

#[tokio::test]
async fn a_second_watcher_of_an_account_gets_its_state_at_once() {
    let registry = Registry::default();
    let watch = || {
        let (post, mailbox) = Mailbox::new("transactions", 4);
        let (states, reader) = Latest::new("accounts");
        (registry.add("reader", &[Interest::Account(address(1))], post, states), mailbox, reader)
    };
    let (first, _keep, _reader) = watch();
    registry.account(fact(10, 7, true));
    let (second, _keep_too, reader) = watch();
    assert_eq!(reader.next().await.unwrap().1.slot, Slot(10));
    registry.remove(first);
    assert!(registry.wanted().accounts.contains(&address(1)));
    registry.remove(second);
    assert!(registry.wanted().accounts.is_empty());
    assert!(!registry.account(fact(11, 7, true)), "nobody asked");
    let (_third, _keep_again, reader) = watch();
    assert_eq!(reader.next().await.unwrap().1.slot, Slot(11), "it is followed still");
}

#[tokio::test]
async fn an_account_that_is_no_longer_followed_has_no_state() {
    let registry = Registry::default();
    let watch = || {
        let (post, mailbox) = Mailbox::new("transactions", 4);
        let (states, reader) = Latest::new("accounts");
        (registry.add("reader", &[Interest::Account(address(1))], post, states), mailbox, reader)
    };
    let (id, _keep, _reader) = watch();
    registry.account(fact(10, 7, true));
    registry.remove(id);
    registry.unfollowed(&address(1));
    assert!(!registry.follows(&address(1)));
    let (_again, _keep_too, reader) = watch();
    registry.close();
    assert!(reader.next().await.is_none());
}

#[test]
fn the_hint_of_anyone_who_asked_decides() {
    let registry = Registry::default();
    let (post, _mailbox) = Mailbox::new("transactions", 4);
    let (states, _reader) = Latest::new("accounts");
    let id = registry.add("reader", &[selected(1)], post, states);
    let logs = |text: &str| vec![text.to_owned()];
    assert!(registry.may_matter(&address(1), &logs("a burn")));
    assert!(!registry.may_matter(&address(1), &logs("a swap")));
    assert!(!registry.may_matter(&address(2), &logs("a burn")));
    registry.remove(id);
    assert!(!registry.may_matter(&address(1), &logs("a burn")));
}

#[test]
fn an_address_that_needs_the_whole_chain_is_not_followed_by_its_logs_too() {
    let registry = Registry::default();
    let mut keep = Vec::new();
    for traffic in [Traffic::Selected, Traffic::WholeChain] {
        let (post, mailbox) = Mailbox::new("transactions", 4);
        let (states, reader) = Latest::new("accounts");
        keep.push((mailbox, reader));
        let mention = address(1);
        registry.add(
            "reader",
            &[Interest::Transactions { mention, traffic, hint: LogHint::ALWAYS }],
            post,
            states,
        );
    }
    let wanted = registry.wanted();
    assert!(wanted.selected.is_empty());
    assert_eq!(wanted.whole_chain, BTreeSet::from([address(1)]));
}

#[tokio::test]
async fn a_gap_reaches_only_those_it_concerns() {
    let registry = Registry::default();
    let mut readers = Vec::new();
    for byte in [1, 2] {
        let (post, mailbox) = Mailbox::new("transactions", 4);
        let (states, reader) = Latest::new("accounts");
        registry.add("reader", &[selected(byte)], post, states);
        readers.push((mailbox, reader));
    }
    registry.gap(Some(&address(2)), 3);
    registry.close();
    assert!(readers[0].0.next().await.is_none());
    assert!(readers[1].0.next().await.is_some());
}

#[test]
fn what_is_read_again_and_did_not_change_is_no_news_and_makes_what_was_before_it_old() {
    let registry = Registry::default();
    let (post, _mailbox) = Mailbox::new("transactions", 4);
    let (states, _reader) = Latest::new("accounts");
    assert!(!registry.unchanged(&fact(10, 1, true)), "nothing is known of it");
    registry.add("reader", &[Interest::Account(address(1))], post, states);
    assert!(!registry.unchanged(&fact(10, 1, true)));
    assert!(registry.account(fact(10, 1, true)));
    assert!(registry.unchanged(&fact(10, 1, true)) && registry.unchanged(&fact(20, 1, true)));
    assert!(!registry.unchanged(&fact(15, 1, true)), "older");
    assert!(!registry.unchanged(&fact(21, 1, false)), "the node says that something happened");
    assert!(!registry.unchanged(&fact(21, 2, true)));
    assert!(!registry.account(fact(15, 3, false)), "it was as it is at slot 20");
    assert!(registry.account(fact(21, 2, true)));
}
