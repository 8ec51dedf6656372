//! How the interests are met, what that costs, and whether the provider's plan carries it.
//!
//! Pure arithmetic on the limits: the same numbers are printed at the start, shown in status and used to refuse.

use std::{fmt, time::Duration};

use eda_limits::{Limits, Method, Rate};

use super::accounts::KEYS_PER_READ;

/// One block of mainnet as it travels, gzipped (connection.md 0.1: 7.0 MB of JSON, 1.2 MB gzipped).
const BLOCK_BYTES: u64 = 1_200_000;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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
    /// How often each account is read that finds no room on the WebSocket.
    pub sweep_interval: Duration,
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

/// Requests that are made again and again.
#[derive(Debug)]
struct Need {
    /// What for.
    why: String,
    method: Method,
    /// So many of them, so often.
    times: u64,
    every: Duration,
}

/// Chooses the cheapest way to meet `demand` within `limits`.
///
/// # Errors
/// When a limit makes it impossible: all reasons at once.
pub fn plan(demand: &Demand, limits: &Limits, choice: Choice) -> Result<Plan, Unaffordable> {
    let mode = mode(demand, choice);
    let (mut lines, mut reasons, mut needs) = (Vec::new(), Vec::new(), Vec::new());
    match mode {
        Some(Mode::Blocks) => needs.push(blocks(demand, limits, &mut lines, &mut reasons)),
        Some(Mode::Logs) => logs(demand, limits, &mut lines, &mut reasons),
        None => {}
    }
    needs.extend(accounts(demand, mode, limits, &mut lines));
    afford(&needs, limits, &mut reasons);
    if reasons.is_empty() { Ok(Plan { transactions: mode, lines }) } else { Err(Unaffordable { reasons }) }
}

/// How many accounts find room on the WebSocket beside the logs, which cannot be had otherwise, the slots, by which
/// the socket's health is judged, and one account by which it is shown now and then to serve the chain that HTTP does.
pub(super) fn room(demand: &Demand, mode: Option<Mode>, limits: &Limits) -> usize {
    let Some(cap) = limits.subscriptions else { return usize::MAX };
    usize::try_from(cap).unwrap_or(usize::MAX).saturating_sub(demand.logs(mode)).saturating_sub(2)
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

fn blocks(demand: &Demand, limits: &Limits, lines: &mut Vec<String>, reasons: &mut Vec<String>) -> Need {
    let slot = demand.slot_time.max(Duration::from_millis(1));
    let need = Need {
        why: format!("a slot every {} ms", slot.as_millis()),
        method: Method::new("getBlock"),
        times: 1,
        every: slot,
    };
    if let Some(rate) = limits.bytes {
        let needed = need.in_any(rate.window).saturating_mul(BLOCK_BYTES);
        if needed > rate.bytes {
            reasons.push(format!(
                "blocks of about {} MB (gzipped) every {} ms are {} MB, and the limit is {rate}",
                BLOCK_BYTES / 1_000_000,
                slot.as_millis(),
                needed / 1_000_000,
            ));
        }
    }
    lines.push(format!(
        "transactions from blocks: one getBlock per slot of {} ms, {} an hour{}",
        slot.as_millis(),
        Grouped(need.in_any(Duration::from_secs(60 * 60))),
        need.of_the_month(limits),
    ));
    need
}

fn logs(demand: &Demand, limits: &Limits, lines: &mut Vec<String>, reasons: &mut Vec<String>) {
    let get_transaction = Method::new("getTransaction");
    let limit = match limits.method(&get_transaction) {
        Some(rate) => format!("at most {rate}"),
        None => "without a limit of its own".to_owned(),
    };
    let cost = match limits.monthly_credits {
        Some(_) => format!("{} credit(s), ", limits.cost(&get_transaction)),
        None => String::new(),
    };
    let logs = demand.logs(Some(Mode::Logs));
    // One more for the slots.
    let needed = logs + 1;
    if let Some(cap) = limits.subscriptions
        && u64::try_from(needed).unwrap_or(u64::MAX) > u64::from(cap)
    {
        reasons.push(format!(
            "{needed} subscriptions are needed ({logs} logs, 1 slots), and one WebSocket carries {cap}"
        ));
    }
    lines.push(format!(
        "transactions from logs: {logs} subscription(s), and one getTransaction ({cost}{limit}) for each transaction \
         that its logs do not rule out",
    ));
}

/// What is swept, if anything is.
fn accounts(demand: &Demand, mode: Option<Mode>, limits: &Limits, lines: &mut Vec<String>) -> Option<Need> {
    let subscribed = demand.accounts.min(room(demand, mode, limits));
    let swept = demand.accounts - subscribed;
    if subscribed > 0 {
        lines.push(format!(
            "accounts: {subscribed} subscription(s), and {} getMultipleAccounts after every (re)connect",
            reads_of(subscribed)
        ));
    }
    if swept == 0 {
        return None;
    }
    let every = demand.sweep_interval.max(Duration::from_millis(1));
    let need = Need {
        why: format!("a sweep of {swept} account(s) every {} s", every.as_secs_f32()),
        method: Method::new("getMultipleAccounts"),
        times: reads_of(swept),
        every,
    };
    lines.push(format!(
        "accounts without room on the WebSocket: {swept}, each read every {} s: {} getMultipleAccounts, {:.2} a \
         second{}",
        every.as_secs_f32(),
        need.times,
        need.times as f64 / every.as_secs_f64(),
        need.of_the_month(limits),
    ));
    Some(need)
}

/// Which limits cannot carry the needs, and why.
fn afford(needs: &[Need], limits: &Limits, reasons: &mut Vec<String>) {
    if needs.is_empty() {
        return;
    }
    let mut check =
        |why: &str, what: &str, rate: Option<Rate>, needed: &dyn Fn(Duration) -> u64, unit: &str| {
            let Some(rate) = rate else { return };
            let (needed, allowed) = (needed(rate.window), limits.shared(rate));
            if needed > allowed {
                reasons.push(format!(
                    "{why} needs {needed} {unit} per {} s, and {what} leaves {allowed} of {rate}",
                    rate.window.as_secs_f32(),
                ));
            }
        };
    for need in needs {
        let (what, unit) = (format!("the limit of {}", need.method), format!("{} calls", need.method));
        check(&need.why, &what, limits.method(&need.method), &|window| need.in_any(window), &unit);
    }
    let why: Vec<&str> = needs.iter().map(|need| need.why.as_str()).collect();
    let why = why.join(" and ");
    let requests = |window| needs.iter().map(|need| need.in_any(window)).sum();
    check(&why, "the limit of all requests", limits.requests, &requests, "requests");
    let credits = |window| needs.iter().map(|need| need.credits(window, limits)).fold(0, u64::saturating_add);
    check(&why, "the credit limit", limits.credits, &credits, "credits");
    let per_month = credits(MONTH);
    if let Some(month) = limits.monthly_credits
        && per_month > month
    {
        reasons.push(format!(
            "{why} needs {} credits a month, and the plan has {}",
            Grouped(per_month),
            Grouped(month)
        ));
    }
}

/// `getMultipleAccounts` for so many accounts.
fn reads_of(accounts: usize) -> u64 {
    u64::try_from(accounts.div_ceil(KEYS_PER_READ)).unwrap_or(u64::MAX)
}

struct Grouped(u64);

// === impl Demand ===

impl Demand {
    /// Subscriptions to logs.
    fn logs(&self, mode: Option<Mode>) -> usize {
        if mode == Some(Mode::Logs) { self.selected + self.whole_chain } else { 0 }
    }
}

// === impl Need ===

impl Need {
    /// How many requests fall into a window of this length, at worst.
    fn in_any(&self, window: Duration) -> u64 {
        let rounds = window.as_millis().div_ceil(self.every.as_millis().max(1));
        u64::try_from(rounds).unwrap_or(u64::MAX).saturating_mul(self.times)
    }

    fn credits(&self, window: Duration, limits: &Limits) -> u64 {
        self.in_any(window).saturating_mul(u64::from(limits.cost(&self.method)))
    }

    /// The part of the month's credits, where they are limited, to follow on a line.
    fn of_the_month(&self, limits: &Limits) -> String {
        let Some(month) = limits.monthly_credits else { return String::new() };
        let credits = Grouped(self.credits(MONTH, limits));
        format!(", {credits} credits a month of the plan's {}", Grouped(month))
    }
}

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
        Demand {
            accounts,
            selected,
            whole_chain,
            slot_time: Duration::from_millis(200),
            sweep_interval: Duration::from_secs(5),
        }
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
    fn accounts_without_room_are_swept_and_what_that_costs_is_said() {
        let limits = Limits { subscriptions: Some(10), ..limits("helius-developer") };
        let plan = plan(&demand(209, 1, 0), &limits, Choice::Auto).unwrap();
        assert_eq!(room(&demand(209, 1, 0), Some(Mode::Logs), &limits), 7);
        assert!(plan.lines[1].starts_with("accounts: 7 subscription(s), and 1 getMultiple"), "{plan:?}");
        assert_eq!(
            plan.lines[2],
            "accounts without room on the WebSocket: 202, each read every 5 s: 3 getMultipleAccounts, 0.60 a second, \
             1,555,200 credits a month of the plan's 10,000,000"
        );
    }

    #[test]
    fn a_sweep_is_refused_only_where_the_plan_cannot_carry_it() {
        let refused = |limits: &Limits, accounts, whole_chain| {
            plan(&demand(accounts, 0, whole_chain), limits, Choice::Auto).unwrap_err().to_string()
        };
        let small = Limits { subscriptions: Some(10), ..limits("helius-free") };
        assert!(plan(&demand(108, 0, 0), &small, Choice::Auto).is_ok());
        let text = refused(&small, 208, 0);
        assert!(
            text.contains("a sweep of 200 account(s) every 5 s needs 1,036,800 credits a month"),
            "{text}"
        );
        let narrow = Limits {
            requests: Some(Rate::per_seconds(60, 10)),
            subscriptions: Some(10),
            ..Limits::default()
        };
        assert!(plan(&demand(8, 0, 1), &narrow, Choice::Auto).is_ok());
        let text = refused(&narrow, 208, 1);
        let both = "a slot every 200 ms and a sweep of 200 account(s) every 5 s needs 54 requests per 10 s";
        assert!(text.contains(both), "{text}");
    }

    #[test]
    fn more_logs_than_the_socket_carries_are_refused_by_count() {
        let limits = Limits { subscriptions: Some(10), ..Limits::default() };
        assert!(plan(&demand(9, 9, 0), &limits, Choice::Auto).is_ok());
        let refused = plan(&demand(0, 10, 0), &limits, Choice::Auto).unwrap_err();
        assert!(refused.to_string().contains("11 subscriptions"), "{refused}");
    }

    #[test]
    fn nothing_wanted_costs_nothing() {
        let plan =
            plan(&demand(0, 0, 0), &limits("public-mainnet-beta"), Choice::Always(Mode::Blocks)).unwrap();
        assert_eq!(plan, Plan { transactions: None, lines: Vec::new() });
    }
}
