use std::collections::{BTreeMap, BTreeSet};

use eda_events::{
    Log, Progress, Slot, WorkerName,
    log::{How, Kept, Span},
};
use proptest::prelude::*;

use super::{Home, speak_to};
use crate::{Keeping, Reached, Store, testing::*};

#[derive(Clone, Debug)]
enum Step {
    Say(u64),
    Refuse(u64),
    Begin(u64),
    /// So many slots, beginning this far from where it should.
    Reach {
        off: i64,
        slots: u64,
        how: How,
    },
    Mend {
        from: u64,
        slots: u64,
        how: How,
    },
    /// The process ends in order and starts again.
    Restart,
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        3 => Just(How::Live),
        1 => Just(How::Filled),
        1 => Just(How::Sampled),
        2 => Just(unproven()),
        1 => Just(How::Unproven("provider error".to_owned())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..40).prop_map(Step::Say),
        2 => (0_u64..10).prop_map(Step::Refuse),
        1 => (0_u64..3).prop_map(Step::Begin),
        6 => (prop_oneof![8 => Just(0_i64), 1 => -3_i64..4], 0_u64..6, how())
            .prop_map(|(off, slots, how)| Step::Reach { off, slots, how }),
        6 => (0_u64..40, 0_u64..6, how()).prop_map(|(from, slots, how)| Step::Mend { from, slots, how }),
        1 => Just(Step::Restart),
    ]
}

/// The store as its documentation describes it.
#[derive(Default)]
struct Model {
    events: Vec<u64>,
    refusals: BTreeSet<u64>,
    interest: Option<Interest>,
    /// Progress that cannot be.
    broken: u64,
}

struct Interest {
    begins_after: u64,
    reached_to: u64,
    /// Of every slot from the one after the first to the last.
    how: BTreeMap<u64, How>,
}

impl Interest {
    fn unproven(&self) -> u64 {
        self.how.values().filter(|how| matches!(how, How::Unproven(_))).count() as u64
    }
}

impl Model {
    fn say(&mut self, event: u64) -> Kept {
        if self.events.contains(&event) {
            return Kept::Duplicate;
        }
        self.events.push(event);
        Kept::New
    }

    fn begin(&mut self, after: u64) {
        match &self.interest {
            None => {
                self.interest =
                    Some(Interest { begins_after: after, reached_to: after, how: BTreeMap::new() });
            }
            Some(interest) if interest.begins_after == after => {}
            Some(_) => self.broken += 1,
        }
    }

    fn reach(&mut self, span: &Span) {
        match &mut self.interest {
            Some(interest) if span.from.0 == interest.reached_to + 1 && span.from <= span.to => {
                interest.how.extend((span.from.0..=span.to.0).map(|slot| (slot, span.how.clone())));
                interest.reached_to = span.to.0;
            }
            Some(_) | None => self.broken += 1,
        }
    }

    fn mend(&mut self, span: &Span) {
        let mut slots = span.from.0..=span.to.0;
        match &mut self.interest {
            Some(interest)
                if !slots.is_empty()
                    && slots.all(|slot| matches!(interest.how.get(&slot), Some(How::Unproven(_)))) =>
            {
                interest.how.extend((span.from.0..=span.to.0).map(|slot| (slot, span.how.clone())));
            }
            Some(_) | None => self.broken += 1,
        }
    }

    fn next(&self) -> u64 {
        self.interest.as_ref().map_or(1, |interest| interest.reached_to + 1)
    }

    async fn check(&self, store: &Store) {
        let events = store.events_after(0, 1_000).await.unwrap();
        assert!(events.is_sorted_by(|one, next| one.sequence < next.sequence));
        let events: Vec<_> = events.into_iter().map(|stored| stored.event).collect();
        assert_eq!(events, self.events.iter().copied().map(burn).collect::<Vec<_>>());
        let stats = store.stats();
        assert_eq!(stats.events_in_file, self.events.len() as u64);
        assert_eq!(stats.refusals_in_file, self.refusals.len() as u64);
        for number in 0..10 {
            let why = store.why(&format!("refused {number}")).await.unwrap();
            assert_eq!(why.len(), usize::from(self.refusals.contains(&number)));
        }

        let reached = store.progress(&genesis(), WorkerName::BurnDetector, &interest());
        let expected = self.interest.as_ref().map(|interest| Reached {
            begins_after: Slot(interest.begins_after),
            to: Slot(interest.reached_to),
            unproven: interest.unproven(),
        });
        assert_eq!(reached, expected);
        let unproven = store.unproven(&genesis()).get(&WorkerName::BurnDetector).copied();
        assert_eq!(unproven.unwrap_or_default(), reached.map_or(0, |reached| reached.unproven));
        let spans = store.spans(&genesis(), None).await.unwrap();
        let slots: Vec<(u64, How)> = spans
            .iter()
            .flat_map(|covered| {
                (covered.span.from.0..=covered.span.to.0).map(|slot| (slot, covered.span.how.clone()))
            })
            .collect();
        let expected = self.interest.as_ref().map(|interest| interest.how.clone()).unwrap_or_default();
        assert_eq!(slots, expected.into_iter().collect::<Vec<_>>());
        assert!(
            spans.is_sorted_by(|one, next| one.span.how != next.span.how),
            "equal neighbours are one: {spans:?}"
        );
        let holes = store.holes(&genesis(), Some(WorkerName::BurnDetector)).await.unwrap();
        let unproven = spans.iter().filter(|covered| matches!(covered.span.how, How::Unproven(_)));
        assert_eq!(
            holes.iter().map(|hole| (hole.from, hole.to)).collect::<Vec<_>>(),
            unproven.map(|covered| (covered.span.from, covered.span.to)).collect::<Vec<_>>()
        );
    }
}

/// A process.
struct Life {
    store: Store,
    log: Log,
    keeping: Keeping,
    broken_before: u64,
}

impl Life {
    fn begin(home: &Home, model: &Model) -> Self {
        let store = home.open();
        let (log, keeping) = speak_to(&store);
        Self { store, log, keeping, broken_before: model.broken }
    }

    async fn end(self, model: &Model) {
        drop(self.log);
        self.keeping.ended().await.unwrap();
        model.check(&self.store).await;
        let broken: u64 = self.store.stats().unkeepable.values().sum();
        assert_eq!(broken, model.broken - self.broken_before, "what cannot be is counted");
        self.store.close().await;
    }
}

async fn live(steps: Vec<Step>) {
    let home = Home::new();
    let mut model = Model::default();
    let mut life = Life::begin(&home, &model);
    for step in steps {
        match step {
            Step::Say(event) => {
                let expected = model.say(event);
                // Most are not waited for, so that several are written together.
                if event % 8 == 0 {
                    assert_eq!(say(&life.log, burn(event)).await, Some(expected));
                } else {
                    mention(&life.log, burn(event)).await;
                }
            }
            Step::Refuse(number) => {
                model.refusals.insert(number);
                refuse(&life.log, refusal(format!("refused {number}"), "too-small")).await;
            }
            Step::Begin(after) => {
                model.begin(after);
                progress(&life.log, Progress::Begins { after: Slot(after) }).await;
            }
            Step::Reach { off, slots, how } => {
                let from = model.next().saturating_add_signed(off);
                // Without slots it ends before it begins.
                let span = Span { from: Slot(from), to: Slot((from + slots).saturating_sub(1)), how };
                model.reach(&span);
                progress(&life.log, Progress::Reached(span)).await;
            }
            Step::Mend { from, slots, how } => {
                let span = Span { from: Slot(from), to: Slot((from + slots).saturating_sub(1)), how };
                model.mend(&span);
                progress(&life.log, Progress::Mended(span)).await;
            }
            Step::Restart => {
                life.end(&model).await;
                life = Life::begin(&home, &model);
            }
        }
    }
    life.end(&model).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_said_the_store_is_what_its_model_is(steps in prop::collection::vec(step(), 0..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live(steps));
    }
}
