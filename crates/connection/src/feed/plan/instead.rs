//! What would fit where something does not.

use eda_limits::{Limits, profile};

use super::{Choice, Demand, Grouped, MONTH, Measures, Mode, Plan, Terms, afford::whole, plan};

/// What to change, one line for each change that alone is enough: other settings, or other plans of the table.
/// `subscriptions` is the cap where a plan does not name one.
pub fn instead(
    demand: &Demand,
    measures: &Measures,
    limits: &Limits,
    terms: &Terms,
    subscriptions: u32,
) -> Vec<String> {
    let with = |limits: &Limits, terms: &Terms| plan(demand, measures, limits, terms);
    let credits = |plan: &Plan, limits: &Limits| match limits.monthly_credits {
        Some(_) => format!(" ({} credits a month)", Grouped(whole(plan.credits(MONTH, limits)))),
        None => String::new(),
    };
    let mut lines = Vec::new();
    let mut offer = |what: String, limits: &Limits, terms: &Terms| {
        let planned = with(limits, terms);
        let fits = planned.over.is_empty();
        if fits {
            lines.push(what + &credits(&planned, limits));
        }
        fits
    };
    for (mode, name) in [(Mode::Logs, "logs"), (Mode::Blocks, "blocks")] {
        // Following by their logs what the whole chain mentions is no way to be recommended.
        let sensible = mode == Mode::Blocks || demand.whole_chain.is_empty();
        if sensible && terms.choice != Choice::Always(mode) {
            let terms = Terms { choice: Choice::Always(mode), ..*terms };
            offer(format!("feed.mode = \"{name}\""), limits, &terms);
        }
    }
    // A machine of one's own is no plan to be bought.
    for name in profile::names().filter(|name| !["local", "simnet"].contains(name)) {
        let Some(row) = profile::by_name(name) else { continue };
        let mut other = row.limits();
        other.subscriptions.get_or_insert(subscriptions);
        if other != *limits {
            offer(format!("rpc.profile = \"{name}\""), &other, terms);
        }
    }
    lines
}
