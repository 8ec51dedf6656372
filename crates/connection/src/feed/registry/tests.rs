use eda_events::{
    Delivery, Slot,
    mailbox::{Latest, Mailbox},
};
use futures_util::FutureExt;

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
    registry.add(WorkerName::BurnDetector, &[Interest::Account(address(1))], post, states);
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
        (
            registry.add(WorkerName::BurnDetector, &[Interest::Account(address(1))], post, states),
            mailbox,
            reader,
        )
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
        (
            registry.add(WorkerName::BurnDetector, &[Interest::Account(address(1))], post, states),
            mailbox,
            reader,
        )
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
    let id = registry.add(WorkerName::BurnDetector, &[selected(1)], post, states);
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
            WorkerName::BurnDetector,
            &[Interest::Transactions { mention, traffic, hint: LogHint::ALWAYS }],
            post,
            states,
        );
    }
    let wanted = registry.wanted();
    assert!(wanted.selected.is_empty());
    assert_eq!(wanted.whole_chain, BTreeSet::from([address(1)]));
}

const ORIGIN: u64 = 100;

fn origin() -> Origin {
    Origin { genesis: Genesis::unknown(), commitment: Commitment::Confirmed }
}

/// A watch of one address whose queue holds four entries, begun after [`ORIGIN`].
fn watching(registry: &Registry, byte: u8) -> (WatchId, Mailbox<Fed>, Latest<Address, AccountFact>) {
    let (post, mailbox) = Mailbox::new("transactions", 4);
    let (states, reader) = Latest::new("accounts");
    let id = registry.add(WorkerName::BurnDetector, &[selected(byte)], post, states);
    registry.begin(&Genesis::unknown(), id, address(byte), Slot(ORIGIN), Slot(ORIGIN));
    (id, mailbox, reader)
}

fn empty(slot: u64, how: How) -> Handout {
    Handout { slot, parent: slot - 1, block: None, how }
}

fn progress(mailbox: &Mailbox<Fed>) -> Vec<Progress> {
    let mut told = Vec::new();
    while let Some(Some(Delivery::Item(fed))) = mailbox.next().now_or_never() {
        mailbox.done();
        match fed {
            Fed::Proof(proof) => told.push(proof.progress),
            Fed::Transaction(_) | Fed::Forked => panic!("{fed} was not expected"),
        }
    }
    told
}

fn reached(from: u64, to: u64, how: How) -> Progress {
    Progress::Reached(Span { from: Slot(from), to: Slot(to), how })
}

#[test]
fn progress_is_told_in_one_piece_and_a_hole_is_named_where_it_is() {
    let registry = Registry::default();
    let (_, mailbox, _reader) = watching(&registry, 1);
    for slot in [101, 102, 103] {
        assert!(registry.block(&origin(), &empty(slot, How::Live)).holes.is_empty());
    }
    let unread = How::Unproven("gone".to_owned());
    assert_eq!(registry.block(&origin(), &empty(104, unread.clone())).holes.len(), 1);
    registry.block(&origin(), &empty(105, How::Filled));
    let begins = Progress::Begins { after: Slot(ORIGIN) };
    let expected =
        [begins, reached(101, 103, How::Live), reached(104, 104, unread), reached(105, 105, How::Filled)];
    assert_eq!(progress(&mailbox), expected);
}

#[test]
fn who_has_no_room_stays_where_it_is_and_gets_the_same_later() {
    let registry = Registry::default();
    let (_, slow, _reader) = watching(&registry, 1);
    let (_, quick, _quick_reader) = watching(&registry, 2);
    // Live and filled in turn, so that nothing is told in one piece.
    let hows = [How::Live, How::Filled];
    for (slot, how) in (101..=120).zip(hows.iter().cycle()) {
        registry.block(&origin(), &empty(slot, how.clone()));
        progress(&quick);
    }
    assert_eq!(registry.lowest(), Some(103), "its queue of four holds the beginning and three slots");
    assert_eq!(registry.lowest_behind(120), None, "and has no room for more");
    assert_eq!(progress(&slow).len(), 4);
    assert_eq!(registry.lowest_behind(120), Some(103));
    assert!(registry.block(&origin(), &empty(105, How::Filled)).holes.is_empty());
    assert_eq!(progress(&slow), [], "the slot before it is missing");
    registry.block(&origin(), &empty(104, How::Filled));
    assert_eq!(progress(&slow), [reached(104, 104, How::Filled)]);
}

#[test]
fn a_listing_names_what_cannot_be_had_and_goes_on_after_it() {
    let registry = Registry::default();
    let (_, mailbox, _reader) = watching(&registry, 1);
    progress(&mailbox);
    let missing = Missing::from([(110, (0, "pruned".to_owned())), (115, (115, "odd".to_owned()))]);
    let holes = registry.listed(&origin(), &address(1), 120, &How::Filled, &missing);
    assert_eq!(holes.iter().map(|hole| (hole.from, hole.to)).collect::<Vec<_>>(), [(101, 110), (115, 115)]);
    let unproven = |reason: &str| How::Unproven(reason.to_owned());
    assert_eq!(
        progress(&mailbox),
        [
            reached(101, 110, unproven("pruned")),
            reached(111, 114, How::Filled),
            reached(115, 115, unproven("odd")),
            reached(116, 120, How::Filled)
        ]
    );
    assert!(registry.mended(&origin(), &holes[1], &[]));
    let mended = Span { from: Slot(115), to: Slot(115), how: How::Filled };
    assert_eq!(progress(&mailbox), [Progress::Mended(mended)]);
}

#[test]
fn what_is_read_again_and_did_not_change_is_no_news_and_makes_what_was_before_it_old() {
    let registry = Registry::default();
    let (post, _mailbox) = Mailbox::new("transactions", 4);
    let (states, _reader) = Latest::new("accounts");
    assert!(!registry.unchanged(&fact(10, 1, true)), "nothing is known of it");
    registry.add(WorkerName::BurnDetector, &[Interest::Account(address(1))], post, states);
    assert!(!registry.unchanged(&fact(10, 1, true)));
    assert!(registry.account(fact(10, 1, true)));
    assert!(registry.unchanged(&fact(10, 1, true)) && registry.unchanged(&fact(20, 1, true)));
    assert!(!registry.unchanged(&fact(15, 1, true)), "older");
    assert!(!registry.unchanged(&fact(21, 1, false)), "the node says that something happened");
    assert!(!registry.unchanged(&fact(21, 2, true)));
    assert!(!registry.account(fact(15, 3, false)), "it was as it is at slot 20");
    assert!(registry.account(fact(21, 2, true)));
}
