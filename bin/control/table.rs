//! The status document as a person reads it at a terminal.

use std::time::Duration;

use eda_connection::feed::plan::Grouped;

use super::status::{Endpoint, Status, Worker};

impl Status {
    /// A few lines and tables, at most about 100 columns wide.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, words: String| push(&mut text, &format!("{name:<10}{words}"));
        line("eda", format!("{}, process {}, up {}", self.version, self.pid, period(self.uptime_ms)));
        line(
            "cluster",
            format!("{} at {}", self.cluster.as_deref().unwrap_or("not known yet"), self.endpoint),
        );
        if let Some(trouble) = &self.trouble {
            line("trouble", trouble.clone());
        }
        self.failover_to(&mut line);
        line(
            "http",
            format!(
                "{}, {} open, {} opened",
                self.http.version.as_deref().unwrap_or("not connected yet"),
                self.http.open,
                self.http.opened
            ),
        );
        line(
            "websocket",
            format!(
                "{} open, {} opened, {} subscriptions",
                self.ws.open, self.ws.opened, self.ws.subscriptions
            ),
        );
        line("slot", slots(self.slots.tip, self.slots.slot_ms));
        let reason = self.feed.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        line("feed", format!("{}{reason}", self.feed.mode.as_deref().unwrap_or("not chosen yet")));
        self.feed_to(&mut line);
        line(
            "requests",
            format!(
                "{} answered, {} refused by the provider, {} lost",
                self.budget.answered, self.budget.refused, self.budget.lost
            ),
        );
        self.credits_to(&mut line);
        if let Some(sees) = &self.provider_sees {
            line(
                "provider",
                format!(
                    "sees {} HTTP and {} WebSocket open, never more than {} and {}; {} requests, {} refused",
                    sees.http_open,
                    sees.ws_open,
                    sees.http_max_open,
                    sees.ws_max_open,
                    sees.requests,
                    sees.refused
                ),
            );
        }
        if !self.events.is_empty() {
            let events: Vec<_> =
                self.events.iter().map(|(topic, count)| format!("{topic} {count}")).collect();
            line("events", events.join(", "));
        }
        let leases: Vec<_> = self.leases.iter().map(|name| name.as_str()).collect();
        line("leases", format!("{} {}", leases.len(), leases.join(", ")).trim_end().to_owned());

        let store = &self.store;
        let size = store.bytes.map(|bytes| format!(", {} kB", bytes / 1_000)).unwrap_or_default();
        line("store", format!("{} events, {} refusals{size}", number(store.events), number(store.refusals)));
        if let Some(failing) = &store.failing {
            line("store fails", failing.clone());
        }
        for (reason, count) in &store.unkeepable {
            line("not kept", format!("{count} {reason}"));
        }

        self.budget_to(&mut text);
        self.workers_to(&mut text);
        if !self.sinks.is_empty() {
            let rows = self.sinks.iter().map(|sink| {
                [sink.name.clone(), number(sink.written), number(sink.missed), number(sink.failed)]
            });
            columns(&mut text, ["sink", "written", "missed", "retries"], rows);
        }
        text
    }

    /// Nothing, as long as there is only one endpoint and nothing stands still.
    fn failover_to(&self, line: &mut impl FnMut(&str, String)) {
        let failover = &self.failover;
        if let Some(pause) = &failover.pause {
            line("pause", pause.clone());
        }
        if failover.endpoints.len() > 1 {
            for endpoint in &failover.endpoints {
                line("endpoint", words(endpoint));
            }
        }
        if let Some(last) = &failover.last {
            let changes: Vec<_> =
                failover.changes.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            line("changes", format!("{}; the last {last}", changes.join(", ")));
        }
    }

    fn feed_to(&self, line: &mut impl FnMut(&str, String)) {
        let feed = &self.feed;
        if let Some(way) = feed.catch_up {
            line("catching up", format!("{} %, slot {} of {}", way.percent(), way.at, way.to));
        }
        let read = [
            ("transactions", feed.transactions),
            ("account states", feed.accounts),
            ("notifications missed", feed.missed),
            ("transactions never found", feed.missing),
            ("slots unproven", feed.slots_unproven),
            ("listings", feed.listings),
            ("found by listings", feed.found_by_listing),
            ("undecodable", feed.undecodable),
            ("of an unsupported version", feed.unsupported_version),
            ("interruptions", feed.interruptions),
        ];
        let read: Vec<_> = read
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !read.is_empty() {
            line("read", read.join(", "));
        }
        if !feed.failed.is_empty() {
            let failed: Vec<_> = feed.failed.iter().map(|(what, count)| format!("{what} {count}")).collect();
            line("repeated", failed.join(", "));
        }
        for (what, reason) in &feed.rejected {
            line("refused", format!("{what}: {reason}"));
        }
    }

    /// Nothing, where nobody counts them.
    fn credits_to(&self, line: &mut impl FnMut(&str, String)) {
        let credits = &self.budget.credits;
        let Some(monthly) = credits.monthly else { return };
        let per_hour = match (credits.per_hour, credits.planned_per_hour) {
            (Some(now), Some(planned)) => {
                format!(", {} an hour ({} planned)", Grouped(now), Grouped(planned))
            }
            (Some(now), None) => format!(", {} an hour", Grouped(now)),
            (None, Some(planned)) => format!(", {} an hour planned", Grouped(planned)),
            (None, None) => String::new(),
        };
        let end = match (credits.per_hour, credits.end_on_day) {
            (_, Some(day)) => format!("; at this rate the month's {} end on day {day}", Grouped(monthly)),
            (Some(_), None) => format!("; at this rate the month's {} last", Grouped(monthly)),
            (None, None) => format!(" of the month's {}", Grouped(monthly)),
        };
        let put_off = match credits.stretch {
            0 | 1 => String::new(),
            times => format!("; comparing and sweeping are done {times} times more seldom than planned"),
        };
        line("credits", format!("{} used{per_hour}{end}{put_off}", Grouped(credits.used)));
    }

    fn budget_to(&self, text: &mut String) {
        let windows = self.budget.windows.iter().map(|window| {
            let percent = window.used.saturating_mul(100).checked_div(window.limit);
            let percent = percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"));
            [window.name.clone(), number(window.limit), number(window.used), percent]
        });
        if windows.len() > 0 {
            columns(text, ["budget", "limit", "used", ""], windows);
        }
        for frozen in &self.budget.frozen {
            let remaining = period(frozen.remaining_ms);
            push(text, &format!("frozen by the provider: {}, {remaining} more", frozen.scope));
        }
        if !self.budget.waiting.is_empty() {
            let waiting: Vec<_> =
                self.budget.waiting.iter().map(|(class, count)| format!("{class} {count}")).collect();
            push(text, &format!("requests waiting: {}", waiting.join(", ")));
        }
    }

    fn workers_to(&self, text: &mut String) {
        let rows = self.workers.iter().map(|worker| {
            [
                worker.name.to_string(),
                worker.state.clone(),
                period(worker.uptime_ms),
                number(worker.events),
                number(worker.errors),
                number(worker.restarts),
                number(worker.queue),
                number(worker.gaps),
            ]
        });
        columns(text, ["worker", "state", "up", "events", "errors", "restarts", "queue", "gaps"], rows);
        for worker in &self.workers {
            for note in notes(worker) {
                push(text, &format!("{}: {note}", worker.name));
            }
        }
    }
}

fn words(endpoint: &Endpoint) -> String {
    let Endpoint { url, priority, in_use, state, since_ms, why } = endpoint;
    let used = if *in_use { "in use, " } else { "" };
    let since = since_ms.map(|since| format!(" for {}", period(since))).unwrap_or_default();
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{url} (priority {priority}), {used}{state}{since}{why}")
}

fn notes(worker: &Worker) -> impl Iterator<Item = String> {
    let refusals: Vec<_> = worker.refusals.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    let seen: Vec<_> = worker.seen.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let seen = (!seen.is_empty()).then(|| format!("seen: {}", seen.join(", ")));
    let set_aside = (worker.quarantined > 0).then(|| format!("set aside: {}", worker.quarantined));
    let refused = (!refusals.is_empty()).then(|| format!("refused: {}", refusals.join(", ")));
    let waiting = worker.waiting_for.as_ref().map(|what| format!("waiting for {what}"));
    let failed = worker.last_error.as_ref().map(|error| format!("last error: {error}"));
    [waiting, failed, set_aside, seen, refused].into_iter().flatten()
}

fn slots(tip: Option<u64>, slot_ms: Option<u64>) -> String {
    match (tip, slot_ms) {
        (Some(tip), Some(length)) => format!("{tip}, {length} ms each"),
        (Some(tip), None) => tip.to_string(),
        (None, _) => "none seen yet".to_owned(),
    }
}

/// To the second where there are seconds: nobody reads milliseconds of an hour.
fn period(millis: u64) -> String {
    let length = Duration::from_millis(millis);
    let shown = if millis >= 1_000 { Duration::from_secs(length.as_secs()) } else { length };
    humantime::format_duration(shown).to_string()
}

fn number(count: u64) -> String {
    count.to_string()
}

pub(crate) fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A table under an empty line: the first column to the left, the others to the right as numbers are read, except
/// words.
pub(crate) fn columns<const N: usize>(
    text: &mut String,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let is_number = |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit());
    let mut write = |cells: [&str; N]| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let width = width(column);
            let right =
                column > 0 && rows.iter().all(|row| row.get(column).is_some_and(|cell| is_number(cell)));
            let gap = if column > 0 { "  " } else { "" };
            line.push_str(&if right {
                format!("{gap}{cell:>width$}")
            } else {
                format!("{gap}{cell:<width$}")
            });
        }
        push(text, line.trim_end());
    };
    write([""; N]);
    write(head);
    for row in &rows {
        write(row.each_ref().map(String::as_str));
    }
}
