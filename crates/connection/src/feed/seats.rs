//! Which accounts have a subscription, where there is not room for all: first come, first served.

use std::collections::{BTreeSet, VecDeque};

use eda_events::Address;

/// Who has a subscription, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Seats {
    seated: Vec<Address>,
    standing: VecDeque<Address>,
}

/// What changed in the [`Seats`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seating {
    /// Nobody wants these any more.
    pub(super) gone: Vec<Address>,
    /// These had a subscription, and there is no room for it any more.
    pub(super) unseated: Vec<Address>,
    /// These get a subscription now.
    pub(super) seated: Vec<Address>,
    /// These are new, and there is no room for them.
    pub(super) standing: Vec<Address>,
}

// === impl Seats ===

impl Seats {
    /// Seats as many of `wanted` as there is `room` for. Who sits stays, unless the room has become smaller; then who
    /// came last gets up first.
    pub(super) fn seat(&mut self, wanted: &BTreeSet<Address>, room: usize) -> Seating {
        let mut seating = Seating::default();
        let mut gone = |address: &Address| {
            let stays = wanted.contains(address);
            if !stays {
                seating.gone.push(*address);
            }
            stays
        };
        self.seated.retain(&mut gone);
        self.standing.retain(&mut gone);
        while self.seated.len() > room
            && let Some(last) = self.seated.pop()
        {
            self.standing.push_front(last);
            seating.unseated.push(last);
        }
        let known: BTreeSet<Address> = self.seated.iter().chain(&self.standing).copied().collect();
        self.standing.extend(wanted.difference(&known));
        while self.seated.len() < room
            && let Some(first) = self.standing.pop_front()
        {
            self.seated.push(first);
            seating.seated.push(first);
        }
        let new = self.standing.iter().filter(|address| !known.contains(address));
        seating.standing = new.copied().collect();
        seating
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(number: u16) -> Address {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Address::new_from_array(bytes)
    }

    fn addresses(numbers: impl IntoIterator<Item = u16>) -> Vec<Address> {
        numbers.into_iter().map(address).collect()
    }

    #[test]
    fn first_come_first_served_and_who_stands_moves_up() {
        let wanted =
            |numbers: &[u16]| addresses(numbers.iter().copied()).into_iter().collect::<BTreeSet<_>>();
        let mut seats = Seats::default();
        let change = seats.seat(&wanted(&[5, 6]), 3);
        assert_eq!(change, Seating { seated: addresses([5, 6]), ..Seating::default() });
        let change = seats.seat(&wanted(&[1, 2, 5, 6]), 3);
        let expected = Seating { seated: addresses([1]), standing: addresses([2]), ..Seating::default() };
        assert_eq!(change, expected);
        let change = seats.seat(&wanted(&[1, 2, 6, 9]), 3);
        let expected = Seating {
            gone: addresses([5]),
            seated: addresses([2]),
            standing: addresses([9]),
            ..Seating::default()
        };
        assert_eq!(change, expected);
        let change = seats.seat(&wanted(&[1, 2, 6, 9]), 2);
        assert_eq!(change, Seating { unseated: addresses([2]), ..Seating::default() });
        let change = seats.seat(&wanted(&[1, 2, 6, 9]), 4);
        assert_eq!(change, Seating { seated: addresses([2, 9]), ..Seating::default() });
    }

    proptest! {
        #[test]
        fn everyone_wanted_sits_or_stands_and_no_seat_stays_free(
            steps in proptest::collection::vec((proptest::collection::btree_set(0_u16..30, 0..30), 0_usize..20), 1..40),
        ) {
            let mut seats = Seats::default();
            let mut sits = BTreeSet::new();
            for (wanted, room) in steps {
                let wanted: BTreeSet<Address> = wanted.into_iter().map(address).collect();
                let change = seats.seat(&wanted, room);
                for address in change.gone.iter().chain(&change.unseated) {
                    sits.remove(address);
                }
                sits.extend(&change.seated);
                prop_assert_eq!(&sits, &seats.seated.iter().copied().collect::<BTreeSet<_>>());
                prop_assert_eq!(seats.seated.len(), wanted.len().min(room));
                prop_assert_eq!(seats.seated.len() + seats.standing.len(), wanted.len());
                let all: BTreeSet<Address> = seats.seated.iter().chain(&seats.standing).copied().collect();
                prop_assert_eq!(all, wanted);
            }
        }
    }
}
