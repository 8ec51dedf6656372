//! A plan as a person reads it at a terminal.

use eda_connection::feed::plan::Grouped;

use eda_events::WorkerName;

use super::{Amounts, Planned};
use crate::control::table::{columns, push};

impl Planned {
    /// A few lines and tables for each endpoint.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, words: String| push(&mut text, &format!("{name:<10}{words}"));
        let unknown = || "unknown".to_owned();
        line("endpoint", self.endpoint.clone());
        line("cluster", self.cluster.clone().unwrap_or_else(unknown));
        line("version", self.version.clone().unwrap_or_else(unknown));
        let slot = match (self.slot_ms, self.with_block) {
            (Some(ms), Some(share)) => format!("{ms} ms, {:.1} % have a block", share * 100.0),
            (Some(ms), None) => format!("{ms} ms"),
            (None, _) => "not measured".to_owned(),
        };
        line("slots", slot);
        line("mode", self.mode.clone().unwrap_or_else(|| "nobody wants transactions".to_owned()));

        let credits = self.monthly_credits.is_some();
        let rows = self.costs.iter().map(|row| {
            let workers: Vec<_> = row.workers.iter().map(|name| name.as_str()).collect();
            let workers =
                if workers.len() == WorkerName::ALL.len() { "all".to_owned() } else { workers.join(", ") };
            let [at_start, per_second, day, month, megabytes] = row.amounts.cells(credits);
            [row.part.to_owned(), row.method.clone(), at_start, per_second, day, month, megabytes, workers]
        });
        let [at_start, per_second, day, month, megabytes] = self.total.cells(credits);
        let empty = String::new;
        let total = ["total".to_owned(), empty(), at_start, per_second, day, month, megabytes, empty()];
        columns(
            &mut text,
            ["costs", "method", "at start", "a second", "credits/day", "credits/month", "MB/s", "shared by"],
            rows.chain([total]),
        );
        push(&mut text, "");
        for row in self.costs.iter().filter(|row| row.amounts.per_second > 0.0) {
            push(&mut text, &format!("{}, {}: {}", row.part, row.method, row.why));
        }
        let rows = self.interests.iter().map(|one| {
            [one.worker.to_string(), one.interest.clone(), one.mode.to_owned(), one.coverage.clone()]
        });
        columns(&mut text, ["worker", "follows", "by", "coverage"], rows);
        push(&mut text, "");
        self.verdict_to(&mut text);
        self.troubles.iter().for_each(|trouble| push(&mut text, &format!("not measured: {trouble}")));
        for other in &self.others {
            push(&mut text, "");
            text.push_str(&other.to_text());
        }
        text
    }

    fn verdict_to(&self, text: &mut String) {
        match (self.monthly_credits, self.runs_out_after_days) {
            (Some(month), Some(days)) => {
                push(
                    text,
                    &format!("credits: the month's {} are used up after {days:.1} days", Grouped(month)),
                );
            }
            (Some(month), None) => push(text, &format!("credits: the month's {} last", Grouped(month))),
            (None, _) => push(text, "credits: nothing limits them per month"),
        }
        if self.stretch > 1 {
            let stretch = self.stretch;
            push(
                text,
                &format!(
                    "intervals: {stretch} times as long as feed.compare_every and feed.sweep_interval say, so that it fits"
                ),
            );
        }
        if self.fits {
            push(text, "verdict: it fits");
            return;
        }
        push(text, "verdict: it does not fit, and eda run refuses it unless it is told --over-plan");
        self.over.iter().for_each(|reason| push(text, &format!("  too much: {reason}")));
        self.instead.iter().for_each(|change| push(text, &format!("  would fit: {change}")));
        if self.instead.is_empty() {
            push(text, "  would fit: nothing in the table; watch less");
        }
    }
}

// === impl Amounts ===

impl Amounts {
    fn cells(&self, credits: bool) -> [String; 5] {
        let whole = |number: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
            let number = number.round() as u64;
            Grouped(number).to_string()
        };
        let of_credits = |number: f64| if credits { whole(number) } else { "-".to_owned() };
        [
            format!("{:.1}", self.at_start),
            format!("{:.3}", self.per_second),
            of_credits(self.credits_per_day),
            of_credits(self.credits_per_month),
            format!("{:.3}", self.bytes_per_second / 1e6),
        ]
    }
}
