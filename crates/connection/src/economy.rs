//! Whether the month's credits last, and what is put off if they do not.
//!
//! The forecast of the plan is held against what the budget counts. Where the credits would run out before the month
//! is over, what can wait is done more seldom: the comparing and reading again that finds what was lost on the way.
//! What happens now is never given up for it.
//!
//! Nobody tells when the provider's month begins, so it begins with the process.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, interval},
};
use tracing::{info, warn};

use crate::{
    calls::Calls,
    feed::{
        Feed,
        plan::{Grouped, MONTH, MOST},
    },
};

/// How often the books are looked into.
const LOOK: Duration = Duration::from_secs(60);
/// The rate is that of the last hour; nothing is judged by less than this, since much is asked at the start.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Spending beyond the plan by so much is worth a warning.
const WORSE: f64 = 1.1;
/// Intervals become shorter again when the credits would last for so many times of what is left of the month.
const AMPLE: f64 = 2.5;

/// What has been spent, and how long the rest lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spending {
    /// Credits used since the month's start, as far as this process knows.
    pub used: u64,
    /// Credits an hour: of the last hour, or what there is of it. Absent until there is enough to tell.
    pub per_hour: Option<f64>,
    /// Credits an hour that the plan foresees.
    pub planned_per_hour: Option<f64>,
    /// Credits the plan includes per month.
    pub monthly: Option<u64>,
    /// The day of the month, from 1, on which they end at this rate; absent where they last.
    pub ends_on_day: Option<u64>,
    /// How many times longer than planned the intervals are of what can wait.
    pub stretch: u32,
}

/// The books, with the clock of whoever keeps them.
#[derive(Debug)]
struct Books {
    month_began: Instant,
    used_before: u64,
    seen: VecDeque<(Instant, u64)>,
    stretch: u32,
    changed: Instant,
    worse: bool,
}

/// What somebody should be told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Note {
    /// Intervals are so many times as long from now on, because the credits would end on this day.
    Longer { stretch: u32, day: u64 },
    /// The same, and that is all that can be put off.
    NothingLeft { day: u64 },
    /// Intervals are so many times as long as set from now on.
    Shorter { stretch: u32 },
    /// More is spent than planned, or no longer.
    Worse { per_hour: f64, planned: f64 },
}

/// Keeps the books; ends only by being dropped.
pub(crate) async fn watch(calls: Calls, feed: Feed, spending: watch::Sender<Spending>) {
    let mut books = Books::new(Instant::now());
    let mut ticks = interval(LOOK);
    loop {
        ticks.tick().await;
        let Ok(snapshot) = calls.switch().here().budget().snapshot().await else { continue };
        let (credits, limits) = (snapshot.credits, calls.limits());
        let planned = feed.current_plan().map(|plan| plan.credits_per_hour(&limits));
        let (state, notes) = books.look(Instant::now(), credits.used, credits.monthly, planned);
        feed.save(state.stretch);
        for note in notes {
            note.tell();
        }
        spending.send_replace(state);
    }
}

// === impl Books ===

impl Books {
    fn new(now: Instant) -> Self {
        let seen = VecDeque::new();
        Self { month_began: now, used_before: 0, seen, stretch: 1, changed: now, worse: false }
    }

    /// Takes in what has been used by now; the state, and what is new about it.
    fn look(
        &mut self,
        now: Instant,
        used: u64,
        monthly: Option<u64>,
        planned: Option<f64>,
    ) -> (Spending, Vec<Note>) {
        // Another endpoint has a budget of its own.
        if self.seen.back().is_some_and(|(_, last)| *last > used) {
            *self = Self { stretch: self.stretch, worse: self.worse, ..Self::new(now) };
        }
        if now.duration_since(self.month_began) >= MONTH {
            (self.month_began, self.used_before) = (now, used);
        }
        while self.seen.front().is_some_and(|(at, _)| now.duration_since(*at) > LONGEST) {
            self.seen.pop_front();
        }
        self.seen.push_back((now, used));
        let per_hour = self.per_hour(now, used);
        let in_month = used.saturating_sub(self.used_before);
        let left = monthly.zip(per_hour).map(|(monthly, per_hour)| Left {
            hours: monthly.saturating_sub(in_month) as f64 / per_hour.max(f64::MIN_POSITIVE),
            of_month: MONTH.saturating_sub(now.duration_since(self.month_began)).as_secs_f64() / 3_600.0,
        });
        let began = now.duration_since(self.month_began).as_secs_f64() / 3_600.0;
        let ends_on_day = left.filter(Left::is_short).map(|left| day(began + left.hours));
        let mut notes = Vec::new();
        // A change shows only when the rate is that of the time since.
        if let Some(left) = left
            && now.duration_since(self.changed) >= SHORTEST
        {
            notes.extend(self.adjust(now, left, ends_on_day));
        }
        if let Some((per_hour, planned)) = per_hour.zip(planned) {
            let worse = per_hour > planned * WORSE && monthly.is_some();
            if worse && !self.worse {
                notes.push(Note::Worse { per_hour, planned });
            }
            self.worse = worse;
        }
        let stretch = self.stretch;
        let spending =
            Spending { used: in_month, per_hour, planned_per_hour: planned, monthly, ends_on_day, stretch };
        (spending, notes)
    }

    fn per_hour(&self, now: Instant, used: u64) -> Option<f64> {
        // What was spent before the last change says nothing about now.
        let (since, then) = self.seen.iter().find(|(at, _)| *at >= self.changed)?;
        let passed = now.duration_since(*since);
        let spent = used.saturating_sub(*then) as f64;
        (passed >= SHORTEST).then(|| spent * 3_600.0 / passed.as_secs_f64())
    }

    fn adjust(&mut self, now: Instant, left: Left, ends_on_day: Option<u64>) -> Option<Note> {
        let note = match ends_on_day {
            Some(day) if self.stretch < MOST => {
                self.stretch *= 2;
                if self.stretch < MOST {
                    Note::Longer { stretch: self.stretch, day }
                } else {
                    Note::NothingLeft { day }
                }
            }
            None if self.stretch > 1 && left.is_ample() => {
                self.stretch /= 2;
                Note::Shorter { stretch: self.stretch }
            }
            Some(_) | None => return None,
        };
        self.changed = now;
        Some(note)
    }
}

/// How long the credits last, and the month.
#[derive(Clone, Copy, Debug)]
struct Left {
    hours: f64,
    of_month: f64,
}

// === impl Left ===

impl Left {
    fn is_short(&self) -> bool {
        self.hours < self.of_month
    }

    fn is_ample(&self) -> bool {
        self.hours > self.of_month * AMPLE
    }
}

/// The day, from 1, of an hour of the month.
fn day(hours: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
    let days = (hours / 24.0) as u64;
    days.saturating_add(1)
}

// === impl Note ===

impl Note {
    fn tell(self) {
        match self {
            Self::Longer { stretch, day } => warn!(
                stretch,
                day,
                "at this rate the month's credits end before the month: addresses are compared and accounts read \
                 again so many times more seldom"
            ),
            Self::NothingLeft { day } => warn!(
                stretch = MOST,
                day,
                "at this rate the month's credits end before the month, and nothing more can be put off: watch less, \
                 or name a larger plan in rpc.profile"
            ),
            Self::Shorter { stretch } => {
                info!(stretch, "the month's credits last: what was put off is done more often again");
            }
            Self::Worse { per_hour, planned } => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
                let [spent, planned] = [per_hour, planned].map(|number| Grouped(number as u64));
                warn!(credits_per_hour = %spent, %planned, "more is spent than planned; see eda plan and eda status");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a minute for so many minutes, while `per_minute` credits are spent at the pace that is set.
    fn run(
        books: &mut Books,
        clock: &mut (Instant, f64),
        minutes: u32,
        fixed: f64,
        can_wait: f64,
        monthly: u64,
    ) -> (Spending, Vec<Note>) {
        let mut told = Vec::new();
        let mut last = Spending::default();
        for _ in 0..minutes {
            clock.0 += LOOK;
            clock.1 += fixed + can_wait / f64::from(books.stretch);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
            let used = clock.1 as u64;
            let (state, notes) = books.look(clock.0, used, Some(monthly), Some(600.0));
            last = state;
            told.extend(notes);
        }
        (last, told)
    }

    #[test]
    fn credits_that_last_change_nothing() {
        let now = Instant::now();
        let (mut books, mut clock) = (Books::new(now), (now, 0.0));
        // 10 a minute are 432,000 a month.
        let (state, told) = run(&mut books, &mut clock, 300, 10.0, 0.0, 1_000_000);
        assert_eq!((told, state.ends_on_day, state.stretch), (Vec::new(), None, 1));
        assert!((state.per_hour.unwrap() - 600.0).abs() < 15.0, "{state:?}");
    }

    #[test]
    fn what_can_wait_is_done_more_seldom_until_the_credits_last_and_no_further() {
        let now = Instant::now();
        let (mut books, mut clock) = (Books::new(now), (now, 0.0));
        // 40 a minute are 1,728,000 a month; with a quarter of what can wait it is 734,400.
        let (state, told) = run(&mut books, &mut clock, 300, 6.0, 44.0, 1_000_000);
        assert_eq!(state.stretch, 4, "{told:?}");
        assert_eq!(state.ends_on_day, None);
        let longer = |note: &Note| matches!(note, Note::Longer { .. });
        assert_eq!(told.iter().filter(|note| longer(note)).count(), 2, "{told:?}");
        assert!(told.iter().any(|note| matches!(note, Note::Worse { .. })), "{told:?}");
    }

    #[test]
    fn what_cannot_be_put_off_is_said_with_the_day_and_goes_on() {
        let now = Instant::now();
        let (mut books, mut clock) = (Books::new(now), (now, 0.0));
        let (state, told) = run(&mut books, &mut clock, 300, 100.0, 0.0, 1_000_000);
        assert_eq!((state.stretch, state.ends_on_day), (MOST, Some(7)));
        assert!(told.contains(&Note::NothingLeft { day: 7 }), "{told:?}");
        // Then it becomes quiet.
        let (state, told) = run(&mut books, &mut clock, 300, 0.1, 0.0, 1_000_000);
        assert_eq!(state.stretch, 1, "{told:?}");
    }

    #[test]
    fn another_endpoint_begins_anew() {
        let now = Instant::now();
        let (mut books, mut clock) = (Books::new(now), (now, 0.0));
        run(&mut books, &mut clock, 60, 100.0, 0.0, 100_000_000);
        let (state, told) = books.look(clock.0 + LOOK, 5, Some(100), None);
        assert_eq!((state.used, state.per_hour, told), (5, None, Vec::new()));
    }
}
