//! Whether limits carry costs, with the arithmetic where they do not.

use std::{collections::BTreeMap, time::Duration};

use eda_limits::{Limits, Method, Rate};

use super::{Cost, Demand, MONTH, Mode, grouped::Grouped};

/// What a limit has to carry: how much in a window, and what for.
struct Load<'a> {
    per_second: f64,
    why: Vec<&'a str>,
}

/// Which limits cannot carry the costs, and why. A request may wait for its turn, so what counts is the average.
pub(super) fn exceeded(demand: &Demand, mode: Option<Mode>, costs: &[Cost], limits: &Limits) -> Vec<String> {
    let mut reasons = Vec::new();
    let logs = demand.logs(mode);
    // One more for the slots.
    let needed = logs + 1;
    if let Some(cap) = limits.subscriptions
        && logs > 0
        && u64::try_from(needed).unwrap_or(u64::MAX) > u64::from(cap)
    {
        reasons.push(format!(
            "{needed} subscriptions are needed ({logs} logs, 1 slots), and one WebSocket carries {cap}"
        ));
    }
    if let Some(rate) = limits.bytes {
        for cost in costs {
            let needed = in_window(cost.bytes_per_second(), rate.window);
            if let Some(bytes) = cost.bytes
                && needed > rate.bytes
            {
                reasons.push(format!(
                    "{}: {} answers of about {:.1} MB (gzipped) are {} MB per {} s, and the limit is {rate}",
                    cost.why,
                    cost.method,
                    bytes as f64 / 1e6,
                    needed / 1_000_000,
                    rate.window.as_secs_f32(),
                ));
            }
        }
    }
    let mut by_method: BTreeMap<&Method, Load<'_>> = BTreeMap::new();
    for cost in costs {
        by_method.entry(&cost.method).or_insert_with(Load::none).add(cost, cost.per_second);
    }
    for (method, load) in &by_method {
        let (what, unit) = (format!("the limit of {method}"), format!("{method} calls"));
        reasons.extend(load.over(&what, &unit, limits.method(method), limits));
    }
    let all = |weigh: &dyn Fn(&Cost) -> f64| {
        let mut load = Load::none();
        costs.iter().for_each(|cost| load.add(cost, weigh(cost)));
        load
    };
    let requests = all(&|cost| cost.per_second);
    reasons.extend(requests.over("the limit of all requests", "requests", limits.requests, limits));
    let credits = all(&|cost| cost.credits_per_second(limits));
    reasons.extend(credits.over("the credit limit", "credits", limits.credits, limits));
    let month: f64 = costs.iter().map(|cost| cost.credits(MONTH, limits)).sum();
    if let Some(plan) = limits.monthly_credits
        && whole(month) > plan
    {
        reasons.push(format!(
            "{} {} credits a month, and the plan has {}",
            credits.needs(),
            Grouped(whole(month)),
            Grouped(plan)
        ));
    }
    reasons
}

fn in_window(per_second: f64, window: Duration) -> u64 {
    whole(per_second * window.as_secs_f64())
}

/// Rounded up, but for what is only the error of the arithmetic.
pub(super) fn whole(number: f64) -> u64 {
    // Casts saturate.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded up, never negative")]
    let whole = (number - 1e-6).ceil().max(0.0) as u64;
    whole
}

// === impl Load ===

impl<'a> Load<'a> {
    fn none() -> Self {
        Self { per_second: 0.0, why: Vec::new() }
    }

    fn add(&mut self, cost: &'a Cost, per_second: f64) {
        self.per_second += per_second;
        if cost.per_second > 0.0 && !self.why.contains(&cost.why.as_str()) {
            self.why.push(&cost.why);
        }
    }

    fn needs(&self) -> String {
        let needs = if self.why.len() > 1 { "need" } else { "needs" };
        format!("{} {needs}", self.why.join(" and "))
    }

    fn over(&self, what: &str, unit: &str, rate: Option<Rate>, limits: &Limits) -> Option<String> {
        let rate = rate?;
        let (needed, allowed) = (in_window(self.per_second, rate.window), limits.shared(rate));
        (needed > allowed).then(|| {
            format!(
                "{} {needed} {unit} per {} s, and {what} leaves {allowed} of {rate}",
                self.needs(),
                rate.window.as_secs_f32(),
            )
        })
    }
}
