//! How the interests are met, what that costs, and whether the provider's plan carries it.
//!
//! Pure arithmetic on the limits: the same numbers are printed by `eda plan`, shown in status, used to refuse, and
//! held against what is really spent.

mod afford;
mod cost;
mod demand;
mod forecast;
mod grouped;
mod instead;

use std::{collections::BTreeMap, fmt, time::Duration};

use eda_events::Address;
use eda_limits::{Limits, Method};

pub use cost::{Cost, MONTH, Part};
pub use demand::{Demand, Measures, Mentioned, Terms};
pub use forecast::looks;
pub use grouped::Grouped;
pub use instead::instead;

use afford::whole;

/// Which way transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `logsSubscribe` per address, and one `getTransaction` for each transaction its logs do not rule out.
    Logs,
    /// `getBlock` for every confirmed slot.
    Blocks,
}

/// What config.toml says about the way transactions are read (`feed.mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The cheapest way that meets the interests.
    #[default]
    Auto,
    /// This way, whatever it costs; still refused when the plan cannot carry it.
    Always(Mode),
}

/// The way chosen, with its price.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How transactions are read; `None` where nobody wants any.
    pub transactions: Option<Mode>,
    /// How many times longer than set the intervals are of what can wait, so that everything fits: comparing with
    /// listings, reading accounts again, sweeping.
    pub stretch: u32,
    /// Accounts that are swept, since the WebSocket has no room for them.
    pub swept: usize,
    /// What everything costs.
    pub costs: Vec<Cost>,
    /// Addresses with so much traffic that their listings are compared in samples, with the share that is.
    pub sampled: BTreeMap<Address, f64>,
    /// One line of reasoning per part, for people.
    pub lines: Vec<String>,
    /// Which limits do not carry it, with the arithmetic. Empty: it fits.
    pub over: Vec<String>,
}

/// The provider's plan does not carry the demand; each reason carries its arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unaffordable {
    /// Which limits are exceeded and by how much.
    pub reasons: Vec<String>,
}

/// Intervals of what can wait become so many times as long at most.
pub(crate) const MOST: u32 = 16;

/// Chooses the cheapest way to meet `demand`, and says what it costs and which of the `limits` it would exceed. What can
/// wait is done as seldom as it takes to fit, if that is all it takes.
pub fn plan(demand: &Demand, measures: &Measures, limits: &Limits, terms: &Terms) -> Plan {
    let planned = at(demand, measures, limits, terms, 1);
    if planned.over.is_empty() {
        return planned;
    }
    let longer = (1..).map(|power| 1 << power).take_while(|stretch| *stretch <= MOST);
    let mut longer = longer.map(|stretch| at(demand, measures, limits, terms, stretch));
    longer.find(|plan| plan.over.is_empty()).unwrap_or(planned)
}

/// The plan in which the intervals of what can wait are so many times as long as set.
fn at(demand: &Demand, measures: &Measures, limits: &Limits, terms: &Terms, stretch: u32) -> Plan {
    let terms = &Terms {
        sweep_interval: terms.sweep_interval.saturating_mul(stretch),
        compare_every: terms.compare_every.saturating_mul(stretch),
        ..*terms
    };
    let mode = mode(demand, terms.choice);
    let (costs, sampled) = forecast::forecast(demand, mode, measures, limits, terms);
    let over = afford::exceeded(demand, mode, &costs, limits);
    let subscribed = demand.accounts.len().min(room(demand, mode, limits));
    let swept = demand.accounts.len() - subscribed;
    let mut lines = lines(demand, mode, measures, limits, subscribed, &costs);
    if stretch > 1 {
        lines.push(format!(
            "feed.compare_every and feed.sweep_interval are {stretch} times as long as set, which the provider's plan \
             carries"
        ));
    }
    Plan { transactions: mode, stretch, swept, costs, sampled, lines, over }
}

/// How many accounts find room on the WebSocket beside the logs, which cannot be had otherwise, the slots, by which
/// the socket's health is judged, and one account by which it is shown now and then to serve the chain that HTTP does.
pub(super) fn room(demand: &Demand, mode: Option<Mode>, limits: &Limits) -> usize {
    let Some(cap) = limits.subscriptions else { return usize::MAX };
    usize::try_from(cap).unwrap_or(usize::MAX).saturating_sub(demand.logs(mode)).saturating_sub(2)
}

/// The cheapest way to read the transactions that are wanted, whatever it costs.
fn mode(demand: &Demand, choice: Choice) -> Option<Mode> {
    match choice {
        _ if demand.selected.is_empty() && demand.whole_chain.is_empty() => None,
        Choice::Always(mode) => Some(mode),
        Choice::Auto if !demand.whole_chain.is_empty() => Some(Mode::Blocks),
        Choice::Auto => Some(Mode::Logs),
    }
}

fn lines(
    demand: &Demand,
    mode: Option<Mode>,
    measures: &Measures,
    limits: &Limits,
    subscribed: usize,
    costs: &[Cost],
) -> Vec<String> {
    let mut lines = Vec::new();
    match mode {
        Some(Mode::Blocks) => lines.push(format!(
            "transactions from blocks: one getBlock per slot of {} ms",
            measures.slot_time.as_millis()
        )),
        Some(Mode::Logs) => {
            let get_transaction = Method::new("getTransaction");
            let limit = match limits.method(&get_transaction) {
                Some(rate) => format!("at most {rate}"),
                None => "without a limit of its own".to_owned(),
            };
            lines.push(format!(
                "transactions from logs: {} subscription(s), and one getTransaction ({limit}) for each transaction \
                 that its logs do not rule out",
                demand.logs(mode)
            ));
        }
        None => {}
    }
    if subscribed > 0 {
        lines.push(format!(
            "accounts: {subscribed} subscription(s), and {} getMultipleAccounts after every (re)connect",
            forecast::reads_of(subscribed)
        ));
    }
    lines.extend(costs.iter().filter(|cost| cost.per_second > 0.0).map(|cost| {
        let hour = whole(cost.per_second * 3_600.0);
        let month = match limits.monthly_credits {
            Some(month) => format!(
                ", {} credits a month of the plan's {}",
                Grouped(whole(cost.credits(MONTH, limits))),
                Grouped(month)
            ),
            None => String::new(),
        };
        format!("{}: {}: {} {} an hour{month}", cost.part, cost.why, Grouped(hour), cost.method)
    }));
    lines
}

// === impl Plan ===

impl Plan {
    /// The plan, unless it exceeds a limit.
    ///
    /// # Errors
    /// When it does, with the arithmetic.
    pub fn affordable(self) -> Result<Self, Unaffordable> {
        if self.over.is_empty() { Ok(self) } else { Err(Unaffordable { reasons: self.over }) }
    }

    /// Requests in the first so long.
    pub fn requests(&self, over: Duration) -> f64 {
        self.costs.iter().map(|cost| cost.requests(over)).sum()
    }

    /// Credits in the first so long.
    pub fn credits(&self, over: Duration, limits: &Limits) -> f64 {
        self.costs.iter().map(|cost| cost.credits(over, limits)).sum()
    }

    /// Credits an hour, once everything has started.
    pub fn credits_per_hour(&self, limits: &Limits) -> f64 {
        self.costs.iter().map(|cost| cost.credits_per_second(limits)).sum::<f64>() * 3_600.0
    }

    /// When the month's credits run out at this rate; absent where they last, or nothing limits them.
    pub fn runs_out(&self, limits: &Limits) -> Option<Duration> {
        let month = limits.monthly_credits?;
        let at_start = self.credits(Duration::ZERO, limits);
        let per_second: f64 = self.costs.iter().map(|cost| cost.credits_per_second(limits)).sum();
        if per_second <= 0.0 {
            return None;
        }
        let after = Duration::try_from_secs_f64(((month as f64 - at_start) / per_second).max(0.0)).ok()?;
        (after < MONTH).then_some(after)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logs => "logs",
            Self::Blocks => "blocks",
        })
    }
}

impl fmt::Display for Unaffordable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider's plan does not carry this: {}", self.reasons.join("; "))
    }
}

#[cfg(test)]
mod tests;
