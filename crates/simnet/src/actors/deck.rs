//! Variety without luck.

use fastrand::Rng;

/// Deals each of its cards once per round, in an order that chance decides anew for every round.
#[derive(Debug)]
pub(super) struct Deck<T: 'static> {
    cards: &'static [T],
    /// Left of this round, as positions in `cards`.
    left: Vec<usize>,
}

// === impl Deck ===

impl<T: Copy> Deck<T> {
    pub(super) fn new(cards: &'static [T]) -> Self {
        Self { cards, left: Vec::new() }
    }

    /// The next card; `None` only if there are no cards at all.
    pub(super) fn deal(&mut self, chance: &mut Rng) -> Option<T> {
        if self.left.is_empty() {
            self.left = (0..self.cards.len()).collect();
            chance.shuffle(&mut self.left);
        }
        self.left.pop().and_then(|at| self.cards.get(at)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_comes_once_per_round() {
        let (mut deck, mut chance) = (Deck::new(&[1, 2, 3, 4, 5]), Rng::with_seed(7));
        for _ in 0..20 {
            let mut round: Vec<i32> = (0..5).filter_map(|_| deck.deal(&mut chance)).collect();
            round.sort_unstable();
            assert_eq!(round, [1, 2, 3, 4, 5]);
        }
        assert_eq!(Deck::<u8>::new(&[]).deal(&mut chance), None);
    }
}
