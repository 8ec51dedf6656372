//! How the interests are met, what that costs, and whether the provider's plan carries it.
//!
//! Pure arithmetic on the limits: the same numbers are printed at the start, shown in status and used to refuse.

use std::{fmt, time::Duration};

use eda_limits::{Limits, Method, Rate};

/// One block of mainnet as it travels, gzipped (connection.md 0.1: 7.0 MB of JSON, 1.2 MB gzipped).
const BLOCK_BYTES: u64 = 1_200_000;
const SECONDS_PER_MONTH: u64 = 30 * 24 * 60 * 60;

/// Which way transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `logsSubscribe` per address, and one `getTransaction` for each transaction its logs do not rule out.
    Logs,
    /// `getBlock` for every confirmed slot.
    Blocks,
}

/// What config.toml says about the way transactions are read (`rpc.feed`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The cheapest way that meets the interests.
    #[default]
    Auto,
    /// This way, whatever it costs; still refused when the plan cannot carry it.
    Always(Mode),
}

/// What all workers together want, and the circumstances.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Distinct accounts to follow.
    pub accounts: usize,
    /// Distinct addresses whose transactions are wanted and which few transactions mention.
    pub selected: usize,
    /// Distinct addresses whose transactions are wanted and which much of the traffic mentions.
    pub whole_chain: usize,
    /// How long a slot lasts: measured, or what the cluster is known for.
    pub slot_time: Duration,
}

/// The way chosen, with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How transactions are read; `None` where nobody wants any.
    pub transactions: Option<Mode>,
    /// One line of reasoning per part, for people.
    pub lines: Vec<String>,
}

/// The provider's plan does not carry the demand; each reason carries its arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unaffordable {
    /// Which limits are exceeded and by how much.
    pub reasons: Vec<String>,
}

/// Chooses the cheapest way to meet `demand` within `limits`.
///
/// # Errors
/// When a limit makes it impossible: all reasons at once.
pub fn plan(demand: &Demand, limits: &Limits, choice: Choice) -> Result<Plan, Unaffordable> {
    let mode = mode(demand, choice);
    let mut lines = Vec::new();
    let mut reasons = Vec::new();
    match mode {
        Some(Mode::Blocks) => blocks(demand, limits, &mut lines, &mut reasons),
        Some(Mode::Logs) => logs(demand, limits, &mut lines),
        None => {}
    }
    subscriptions(demand, mode, limits, &mut lines, &mut reasons);
    if reasons.is_empty() { Ok(Plan { transactions: mode, lines }) } else { Err(Unaffordable { reasons }) }
}

/// The cheapest way to read the transactions that are wanted, whatever it costs.
pub(super) fn mode(demand: &Demand, choice: Choice) -> Option<Mode> {
    match choice {
        _ if demand.selected + demand.whole_chain == 0 => None,
        Choice::Always(mode) => Some(mode),
        Choice::Auto if demand.whole_chain > 0 => Some(Mode::Blocks),
        Choice::Auto => Some(Mode::Logs),
    }
}

fn blocks(demand: &Demand, limits: &Limits, lines: &mut Vec<String>, reasons: &mut Vec<String>) {
    let get_block = Method::new("getBlock");
    let cost = u64::from(limits.cost(&get_block));
    let slot = demand.slot_time.max(Duration::from_millis(1));
    let per_month = slots_in(Duration::from_secs(SECONDS_PER_MONTH), slot).saturating_mul(cost);
    let mut check = |what: &str, rate: Option<Rate>, each: u64, unit: &str| {
        let Some(rate) = rate else { return };
        let needed = slots_in(rate.window, slot).saturating_mul(each);
        let allowed = limits.shared(rate);
        if needed > allowed {
            reasons.push(format!(
                "a slot every {} ms needs {needed} {unit} per {} s, and {what} leaves {allowed} of {rate}",
                slot.as_millis(),
                rate.window.as_secs_f32(),
            ));
        }
    };
    check("the limit of getBlock", limits.method(&get_block), 1, "getBlock calls");
    check("the limit of all requests", limits.requests, 1, "requests");
    check("the credit limit", limits.credits, cost, "credits");
    if let Some(month) = limits.monthly_credits
        && per_month > month
    {
        reasons.push(format!(
            "a slot every {} ms at {cost} credits each is {} credits a month, and the plan has {}",
            slot.as_millis(),
            Grouped(per_month),
            Grouped(month)
        ));
    }
    if let Some(rate) = limits.bytes {
        let needed = slots_in(rate.window, slot).saturating_mul(BLOCK_BYTES);
        if needed > rate.bytes {
            reasons.push(format!(
                "blocks of about {} MB (gzipped) every {} ms are {} MB, and the limit is {rate}",
                BLOCK_BYTES / 1_000_000,
                slot.as_millis(),
                needed / 1_000_000,
            ));
        }
    }
    let credits = limits
        .monthly_credits
        .map(|month| format!(", {} credits a month of the plan's {}", Grouped(per_month), Grouped(month)));
    lines.push(format!(
        "transactions from blocks: one getBlock per slot of {} ms, {} an hour{}",
        slot.as_millis(),
        Grouped(slots_in(Duration::from_secs(60 * 60), slot)),
        credits.unwrap_or_default(),
    ));
}

fn logs(demand: &Demand, limits: &Limits, lines: &mut Vec<String>) {
    let get_transaction = Method::new("getTransaction");
    let limit = match limits.method(&get_transaction) {
        Some(rate) => format!("at most {rate}"),
        None => "without a limit of its own".to_owned(),
    };
    let cost = match limits.monthly_credits {
        Some(_) => format!("{} credit(s), ", limits.cost(&get_transaction)),
        None => String::new(),
    };
    lines.push(format!(
        "transactions from logs: {} subscription(s), and one getTransaction ({cost}{limit}) for each transaction \
         that its logs do not rule out",
        demand.selected + demand.whole_chain,
    ));
}

fn subscriptions(
    demand: &Demand,
    mode: Option<Mode>,
    limits: &Limits,
    lines: &mut Vec<String>,
    reasons: &mut Vec<String>,
) {
    let from_logs = if mode == Some(Mode::Logs) { demand.selected + demand.whole_chain } else { 0 };
    // One more for the slots, by which the socket's health is judged.
    let needed = demand.accounts + from_logs + 1;
    if let Some(cap) = limits.subscriptions
        && u64::try_from(needed).unwrap_or(u64::MAX) > u64::from(cap)
    {
        reasons.push(format!(
            "{needed} subscriptions are needed ({} accounts, {from_logs} logs, 1 slots), and one WebSocket \
             carries {cap}",
            demand.accounts
        ));
    }
    if demand.accounts > 0 {
        lines.push(format!(
            "accounts: {} subscription(s), and {} getMultipleAccounts after every (re)connect",
            demand.accounts,
            demand.accounts.div_ceil(100)
        ));
    }
}

/// How many slots begin in `time`, rounded up.
fn slots_in(time: Duration, slot: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(slot.as_millis().max(1))).unwrap_or(u64::MAX)
}

struct Grouped(u64);

// === impl Plan ===

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

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eda_limits::profile;

    fn demand(accounts: usize, selected: usize, whole_chain: usize) -> Demand {
        Demand { accounts, selected, whole_chain, slot_time: Duration::from_millis(200) }
    }

    fn limits(name: &str) -> Limits {
        profile::by_name(name).expect("the profile stands in the table").limits()
    }

    #[test]
    fn the_whole_chain_is_refused_with_the_arithmetic_where_the_plan_is_too_small() {
        let refused = plan(&demand(0, 0, 2), &limits("public-mainnet-beta"), Choice::Auto).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("50 getBlock calls per 10 s"), "{text}");
        let refused = plan(&demand(0, 0, 2), &limits("helius-free"), Choice::Auto).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("129,600,000 credits a month, and the plan has 1,000,000"), "{text}");
    }

    #[test]
    fn the_whole_chain_is_read_by_blocks_where_the_plan_carries_it() {
        for name in ["local", "helius-professional"] {
            let plan = plan(&demand(3, 4, 2), &limits(name), Choice::Auto).unwrap();
            assert_eq!(plan.transactions, Some(Mode::Blocks), "{name}");
        }
    }

    #[test]
    fn a_few_addresses_are_followed_by_their_logs() {
        let plan = plan(&demand(2, 2, 0), &limits("public-mainnet-beta"), Choice::Auto).unwrap();
        assert_eq!(plan.transactions, Some(Mode::Logs));
        assert!(plan.lines[0].contains("at most 2/10s"), "{:?}", plan.lines);
        assert!(plan.lines[1].contains("1 getMultipleAccounts"), "{:?}", plan.lines);
    }

    #[test]
    fn more_subscriptions_than_the_socket_carries_are_refused_by_count() {
        let limits = Limits { subscriptions: Some(10), ..Limits::default() };
        assert!(plan(&demand(9, 0, 0), &limits, Choice::Auto).is_ok());
        let refused = plan(&demand(8, 2, 0), &limits, Choice::Auto).unwrap_err();
        assert!(refused.to_string().contains("11 subscriptions"), "{refused}");
    }

    #[test]
    fn nothing_wanted_costs_nothing() {
        let plan =
            plan(&demand(0, 0, 0), &limits("public-mainnet-beta"), Choice::Always(Mode::Blocks)).unwrap();
        assert_eq!(plan, Plan { transactions: None, lines: Vec::new() });
    }
}
