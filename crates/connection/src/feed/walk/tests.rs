use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn slots<B>(next: &[Next<B>]) -> Vec<u64> {
    next.iter().map(|next| next.slot).collect()
}

#[test]
fn blocks_are_handed_out_in_order_however_the_answers_come() {
    let mut walk = Walk::new(10);
    for slot in 11..=14 {
        walk.announced(slot, slot - 1);
    }
    assert_eq!(walk.asks(8), [11, 12, 13, 14].map(Ask::Block));
    assert!(walk.fetched(12, 11, ()).is_empty());
    assert!(walk.fetched(13, 12, ()).is_empty());
    assert_eq!(slots(&walk.fetched(11, 10, ())), [11, 12, 13]);
    assert_eq!(slots(&walk.fetched(14, 13, ())), [14]);
}

#[test]
fn a_skipped_slot_is_passed_because_the_next_block_names_an_earlier_parent() {
    let mut walk = Walk::new(10);
    walk.announced(13, 10);
    assert_eq!(walk.asks(8), [Ask::Block(13)]);
    let next = walk.fetched(13, 10, ());
    assert_eq!(next, [Next { slot: 13, parent: 10, forked: false, block: () }]);
}

#[test]
fn a_parent_nobody_announced_is_asked_for() {
    let mut walk = Walk::new(10);
    walk.announced(13, 12);
    walk.asks(8);
    assert!(walk.fetched(13, 12, ()).is_empty());
    assert_eq!(walk.asks(8), [Ask::Block(12)]);
    assert_eq!(slots(&walk.fetched(12, 10, ())), [12, 13]);
}

#[test]
fn a_long_hole_is_listed_once_instead_of_walked() {
    let mut walk = Walk::new(10);
    walk.announced(100, 99);
    walk.asks(8);
    walk.fetched(100, 99, ());
    assert_eq!(walk.asks(8), [Ask::List { from: 11, to: 99 }]);
    assert!(walk.asks(8).is_empty());
    walk.listed(&[50, 99]);
    assert_eq!(walk.asks(8), [50, 99].map(Ask::Block));
    walk.fetched(99, 50, ());
    assert_eq!(slots(&walk.fetched(50, 10, ())), [50, 99, 100]);
}

#[test]
fn an_announced_block_of_a_dead_fork_is_given_up_when_the_chain_passes_it() {
    let mut walk = Walk::new(10);
    walk.announced(11, 10);
    walk.announced(12, 10);
    assert_eq!(walk.asks(8), [11, 12].map(Ask::Block));
    walk.unavailable(11);
    assert_eq!(slots(&walk.fetched(12, 10, ())), [12]);
    walk.announced(13, 12);
    walk.announced(14, 13);
    assert!(!walk.asks(8).contains(&Ask::Block(11)));
}

/// A block is confirmed by the next one on it. How long after its slot each is handed out.
#[test]
fn a_dead_fork_does_not_hold_up_what_comes_after_it() {
    let mut walk = Walk::new(100);
    let (mut longest, mut asked) = (0, 0);
    let dead = |slot: u64| slot.is_multiple_of(50);
    for tip in 101..=600 {
        walk.announced(tip, if dead(tip - 1) { tip - 2 } else { tip - 1 });
        for ask in walk.asks(8) {
            let Ask::Block(slot) = ask else { panic!("{ask:?}") };
            asked += 1;
            if slot < tip && !dead(slot) {
                let parent = if dead(slot - 1) { slot - 2 } else { slot - 1 };
                for next in walk.fetched(slot, parent, ()) {
                    longest = longest.max(tip - next.slot);
                }
            } else {
                walk.unavailable(slot);
            }
        }
    }
    assert!(longest <= 3, "{longest} slots late");
    // 490 have a block.
    assert!(asked <= 490 + 60, "{asked} questions");
}

#[test]
fn an_unconfirmed_block_is_asked_for_again_only_after_the_tip_moved() {
    let mut walk = Walk::<()>::new(10);
    walk.announced(11, 10);
    assert_eq!(walk.asks(8), [Ask::Block(11)]);
    walk.unavailable(11);
    assert!(walk.asks(8).is_empty());
    walk.announced(12, 11);
    assert_eq!(walk.asks(8), [Ask::Block(11)]);
}

#[test]
fn an_unreadable_block_keeps_its_place_in_the_order() {
    let mut walk = Walk::new(10);
    walk.announced(11, 10);
    walk.announced(12, 11);
    walk.asks(8);
    walk.fetched(12, 11, "block");
    let next = walk.unreadable(11, "lost");
    assert_eq!(next.iter().map(|next| next.block).collect::<Vec<_>>(), ["lost", "block"]);
}

#[test]
fn an_unreadable_block_whose_parent_nobody_named_waits_for_the_slots_before_it() {
    let mut walk = Walk::new(10);
    walk.announced(16, 15);
    walk.asks(8);
    walk.fetched(16, 15, "block");
    assert_eq!(walk.asks(8), [Ask::Block(15)]);
    assert!(walk.unreadable(15, "lost").is_empty());
    assert_eq!(walk.asks(8), [Ask::List { from: 11, to: 14 }]);
    assert!(walk.listed(&[11, 13]).is_empty());
    assert_eq!(walk.asks(8), [11, 13].map(Ask::Block));
    walk.fetched(13, 11, "block");
    assert_eq!(slots(&walk.fetched(11, 10, "block")), [11, 13, 15, 16]);

    // Nothing lies before it.
    walk.announced(20, 19);
    walk.asks(8);
    walk.fetched(20, 19, "block");
    walk.asks(8);
    walk.unreadable(19, "lost");
    assert_eq!(walk.asks(8), [Ask::List { from: 17, to: 18 }]);
    assert_eq!(slots(&walk.listed(&[])), [19, 20]);
}

#[test]
fn an_unreadable_block_does_not_wait_for_a_dead_fork() {
    let mut walk = Walk::new(10);
    walk.announced(11, 10);
    walk.announced(12, 10);
    walk.announced(13, 12);
    walk.asks(8);
    walk.unavailable(11);
    walk.unavailable(12);
    walk.fetched(13, 12, ());
    assert_eq!(walk.asks(8), [Ask::Block(12)]);
    assert_eq!(slots(&walk.unreadable(12, ())), [12, 13]);
}

#[test]
fn a_walk_may_begin_at_a_slot_without_a_block() {
    let mut walk = Walk::new(10);
    walk.announced(12, 9);
    walk.asks(8);
    assert_eq!(walk.fetched(12, 9, ()), [Next { slot: 12, parent: 10, forked: false, block: () }]);
}

#[test]
fn a_block_that_does_not_follow_the_last_one_is_handed_out_and_says_so() {
    let mut walk = Walk::new(10);
    walk.announced(12, 10);
    walk.asks(8);
    walk.fetched(12, 10, ());
    walk.announced(13, 11);
    walk.asks(8);
    let next = walk.fetched(13, 11, ());
    assert_eq!(next, [Next { slot: 13, parent: 12, forked: true, block: () }]);
}

#[test]
fn a_slot_that_a_confirmed_block_names_cannot_be_skipped() {
    let mut walk = Walk::new(10);
    walk.announced(12, 11);
    walk.asks(8);
    walk.fetched(12, 11, ());
    assert_eq!(walk.asks(8), [Ask::Block(11)]);
    assert!(walk.skipped(11));
    assert_eq!(slots(&walk.unreadable(11, ())), [11, 12]);
}

#[test]
fn a_hole_that_other_blocks_narrowed_is_closed_too() {
    let mut walk = Walk::new(10);
    walk.announced(15, 14);
    walk.asks(8);
    walk.fetched(15, 14, ());
    assert_eq!(walk.asks(8), [Ask::Block(14)]);
    walk.announced(30, 29);
    walk.asks(8);
    walk.fetched(30, 29, ());
    assert_eq!(slots(&walk.fetched(14, 10, ())), [14, 15]);
    for slot in 16..=25 {
        walk.announced(slot, slot - 1);
    }
    // A listing may have been asked for meanwhile; it fails.
    let asks = walk.asks(16);
    walk.list_failed();
    for slot in 16..=25 {
        assert!(asks.contains(&Ask::Block(slot)), "{asks:?}");
        walk.fetched(slot, slot - 1, ());
    }
    assert_eq!(walk.cursor(), 25);
    assert_eq!(walk.asks(8), [Ask::Block(29)]);
}

#[test]
fn an_empty_listing_is_followed_by_a_longer_one_and_never_repeated_for_ever() {
    let mut walk = Walk::new(10);
    walk.announced(2_000, 1_999);
    walk.asks(8);
    walk.fetched(2_000, 1_999, ());
    let mut lists = Vec::new();
    let certain = loop {
        match walk.asks(8).as_slice() {
            [Ask::List { from: 11, to }] => lists.push(*to),
            asks => break asks.to_vec(),
        }
        walk.listed(&[]);
    };
    assert_eq!(lists, [266, 522, 1_034, 1_999]);
    assert_eq!(certain, [Ask::Block(1_999)], "a confirmed block names it");
}

#[test]
fn nothing_is_listed_while_there_is_work() {
    let mut walk = Walk::new(10);
    assert_eq!(walk.look_ahead(), Some(Ask::List { from: 11, to: 266 }));
    assert_eq!(walk.look_ahead(), None, "one is under way");
    walk.listed(&[11, 12]);
    assert_eq!(walk.look_ahead(), None, "11 and 12 are to be fetched");
    walk.asks(8);
    walk.fetched(11, 10, ());
    walk.fetched(12, 11, ());
    assert_eq!(walk.look_ahead(), Some(Ask::List { from: 13, to: 268 }));
}

#[test]
fn a_long_pause_costs_neither_memory_nor_questions_and_the_walk_catches_up_in_order() {
    let mut walk = Walk::new(0);
    for slot in 1..=10_000 {
        walk.announced(slot, slot - 1);
    }
    assert!(walk.slots.len() <= usize::try_from(ANNOUNCED_FOR).unwrap() + 1, "{}", walk.slots.len());
    let mut got = Vec::new();
    let mut open = Vec::new();
    let mut most = 0;
    while walk.cursor() < 10_000 {
        open.extend(walk.asks(8 - open.len().min(8)));
        // The newest question is answered first, which is the worst order.
        match open.pop().expect("there is always something to ask") {
            Ask::Block(slot) => got.extend(slots(&walk.fetched(slot, slot - 1, ()))),
            Ask::List { from, to } => got.extend(slots(&walk.listed(&(from..=to).collect::<Vec<_>>()))),
        }
        let waiting = walk.slots.values().filter(|state| matches!(state, State::Fetched { .. })).count();
        most = most.max(waiting);
    }
    assert_eq!(got, (1..=10_000).collect::<Vec<_>>());
    assert!(most <= AHEAD + 8, "{most} blocks in memory");
}

#[test]
fn a_block_that_cannot_be_fetched_keeps_others_from_piling_up() {
    let mut walk = Walk::new(0);
    let mut asked = 0;
    for slot in 1..=1_000 {
        walk.announced(slot, slot - 1);
        for ask in walk.asks(8) {
            match ask {
                Ask::Block(1) => walk.failed(1),
                Ask::Block(slot) => {
                    asked += 1;
                    walk.fetched(slot, slot - 1, ());
                }
                Ask::List { from, to } => drop(walk.listed(&(from..=to).collect::<Vec<_>>())),
            }
        }
    }
    assert!(asked <= AHEAD + 8, "{asked}");
    assert_eq!(walk.cursor(), 0);
    let mut next = Vec::new();
    while walk.cursor() < 1_000 {
        for ask in walk.asks(8) {
            match ask {
                Ask::Block(slot) => next.extend(slots(&walk.fetched(slot, slot - 1, ()))),
                Ask::List { from, to } => next.extend(slots(&walk.listed(&(from..=to).collect::<Vec<_>>()))),
            }
        }
    }
    assert_eq!(next, (1..=1_000).collect::<Vec<_>>());
}

/// One block of a simulated chain.
#[derive(Clone, Debug)]
struct Sim {
    slot: u64,
    parent: u64,
    confirmed: bool,
    announced: bool,
}

fn chain() -> impl Strategy<Value = Vec<Sim>> {
    let step = (1_u64..4, prop::bool::weighted(0.85), prop::bool::weighted(0.8), prop::bool::weighted(0.02));
    prop::collection::vec(step, 1..120).prop_map(|steps| {
        let (mut slot, mut last) = (100, 100);
        let mut blocks = Vec::new();
        for (skip, confirmed, announced, hole) in steps {
            slot += if hole { 40 } else { skip };
            blocks.push(Sim { slot, parent: last, confirmed, announced });
            if confirmed {
                last = slot;
            }
        }
        // The last block is announced and confirmed, or what comes before it could not be proven.
        slot += 1;
        blocks.push(Sim { slot, parent: last, confirmed: true, announced: true });
        blocks
    })
}

proptest! {
    /// Lost announcements, dead forks, late confirmations, failing and reordered answers, unreadable blocks: the confirmed chain
    /// comes out whole, in order, each block once.
    #[test]
    fn the_confirmed_chain_comes_out_whole_and_in_order(
        chain in chain(),
        dice in prop::collection::vec(any::<u8>(), 4096),
    ) {
        let mut dice = dice.into_iter().cycle();
        let mut roll = move |sides: u8| dice.next().unwrap_or(0) % sides;
        let mut walk = Walk::new(100);
        let mut announce = chain.iter().filter(|block| block.announced);
        let mut open: Vec<Ask> = Vec::new();
        let mut got = Vec::new();
        let mut asked = BTreeSet::new();
        for _ in 0..20_000 {
            if roll(3) == 0 {
                match announce.next() {
                    Some(block) => walk.announced(block.slot, block.parent),
                    None => open.extend(walk.look_ahead()),
                }
            }
            open.extend(walk.asks(4));
            if open.is_empty() {
                continue;
            }
            let pick = usize::from(roll(255)) % open.len();
            let ask = open.swap_remove(pick);
            match ask {
                Ask::List { from, to } => {
                    prop_assert!(from > walk.cursor() || from <= to);
                    if roll(5) == 0 {
                        walk.list_failed();
                    } else {
                        let slots: Vec<u64> = chain.iter()
                            .filter(|block| block.confirmed && (from..=to).contains(&block.slot))
                            .map(|block| block.slot).collect();
                        got.extend(self::slots(&walk.listed(&slots)));
                    }
                }
                Ask::Block(slot) => {
                    asked.insert(slot);
                    let block = chain.iter().find(|block| block.slot == slot).expect("only real slots are asked");
                    match roll(6) {
                        0 => walk.failed(slot),
                        1 => drop(walk.unavailable(slot)),
                        _ if !block.confirmed => drop(walk.unavailable(slot)),
                        2 => got.extend(slots(&walk.unreadable(slot, ()))),
                        _ => got.extend(slots(&walk.fetched(slot, block.parent, ()))),
                    }
                }
            }
        }
        let want: Vec<u64> = chain.iter().filter(|block| block.confirmed).map(|block| block.slot).collect();
        prop_assert_eq!(got, want);
    }
}
