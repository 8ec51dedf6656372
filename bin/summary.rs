//! The live summary: what a person at the terminal wants to know at a glance, kept up to date below the log.

use std::{sync::Arc, time::Duration};

use eda_worker::Supervisor;
use tokio::time::interval;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::info;

use crate::{
    control::status::{Status, Window},
    screen::Screen,
    view::View,
};

const EVERY: Duration = Duration::from_millis(500);
/// Where nobody looks, catching up is told in the log this often.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// How long the bar is that shows it at a terminal.
const BAR: u64 = 30;

/// Shows it until `stop`, if somebody looks.
pub(crate) fn start(
    screen: &Screen,
    view: View,
    supervisor: &Arc<Supervisor>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    let Some(footer) = screen.footer() else {
        tasks.spawn(log_catching_up(view, stop));
        return;
    };
    // The supervisor ends when its owner lets go of it, whoever looks on.
    let supervisor = Arc::downgrade(supervisor);
    tasks.spawn(async move {
        let mut ticks = interval(EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let Some(supervisor) = supervisor.upgrade() else { return };
            footer.show(text(&view.status(&supervisor.snapshot())));
        }
    });
}

/// Says how far catching up has come, where there is no terminal to show it.
async fn log_catching_up(view: View, stop: CancellationToken) {
    let mut ticks = interval(LOGGED_EVERY);
    ticks.reset();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Some(way) = view.status(&[]).feed.catch_up {
            info!(percent = way.percent(), slot = way.at, of = way.to, "catching up");
        }
    }
}

/// Three lines of at most about 100 columns, and one more where the provider can be asked what it sees.
fn text(status: &Status) -> String {
    let running = status.workers.iter().filter(|worker| worker.state == "running").count();
    let slot = status.slots.tip.map_or_else(|| "no slot yet".to_owned(), |slot| format!("slot {slot}"));
    let cluster = status.cluster.as_deref().unwrap_or("cluster not known yet");
    let up = humantime::format_duration(Duration::from_secs(status.uptime_ms / 1_000));
    let workers = status.workers.len();
    let first = format!("{cluster} · {slot} · {running} of {workers} workers running · up {up}");

    let events = status.events.iter().map(|(topic, count)| {
        let kind = topic.strip_prefix("events:").unwrap_or(topic);
        format!("{kind} {count}")
    });
    let second = format!("events: {}", listed(events, "none yet"));

    let budget = &status.budget;
    let fullest = budget.windows.iter().max_by_key(|window| filled(window));
    let fullest = fullest.map(|window| format!("{} of {} {}", window.used, window.limit, window.name));
    let proven = status.feed.cursor.map(|slot| format!("proven to slot {slot}"));
    let unproven =
        (status.feed.slots_unproven > 0).then(|| format!("{} unproven", status.feed.slots_unproven));
    let third = [
        Some(format!("{} HTTP and {} WebSocket open", status.http.open, status.ws.open)),
        Some(format!("{} requests, {} refused", budget.answered, budget.refused)),
        fullest,
        proven,
        unproven,
    ];
    let mut text = format!("{first}\n{second}\n{}", listed(third.into_iter().flatten(), ""));
    if let Some(way) = status.feed.catch_up {
        let done = way.percent() * BAR / 100;
        let bar: String = (0..BAR).map(|place| if place < done { '█' } else { '░' }).collect();
        text.push_str(&format!("\ncatching up {bar} {} % · slot {} of {}", way.percent(), way.at, way.to));
    }
    if let Some(sees) = &status.provider_sees {
        text.push_str(&format!(
            "\nthe provider sees {} HTTP and {} WebSocket (never more than {} and {}), {} requests, {} refused",
            sees.http_open, sees.ws_open, sees.http_max_open, sees.ws_max_open, sees.requests, sees.refused
        ));
    }
    text
}

/// How full, in millionths.
fn filled(window: &Window) -> u64 {
    window.used.saturating_mul(1_000_000).checked_div(window.limit).unwrap_or_default()
}

fn listed(parts: impl Iterator<Item = String>, none: &str) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { none.to_owned() } else { parts.join(" · ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::control::status::{Budget, CatchUp, Feed, Http, Slots, Ws};

    #[test]
    fn it_says_what_runs_what_came_and_what_it_cost() {
        let window = |name: &str, used, limit| Window { name: name.to_owned(), limit, used };
        let workers = json!([
            {"name": "burn-detector", "state": "running"},
            {"name": "market-detector", "state": "running"},
            {"name": "trading-bot", "state": "failed"},
        ]);
        let status = Status {
            cluster: Some("simnet".to_owned()),
            uptime_ms: 61_999,
            slots: Slots { tip: Some(1_234), slot_ms: Some(400) },
            http: Http { open: 1, ..Http::default() },
            ws: Ws { open: 1, ..Ws::default() },
            events: BTreeMap::from([("events:burn".to_owned(), 12), ("workers:status".to_owned(), 15)]),
            budget: Budget {
                answered: 345,
                windows: vec![window("requests per 10 s", 25, 95), window("getBlock per 10 s", 25, 38)],
                ..Budget::default()
            },
            feed: Feed { cursor: Some(1_230), slots_unproven: 2, ..Feed::default() },
            workers: serde_json::from_value(workers).unwrap(),
            ..Status::default()
        };
        assert_eq!(
            text(&status),
            "simnet · slot 1234 · 2 of 3 workers running · up 1m 1s\n\
             events: burn 12 · workers:status 15\n\
             1 HTTP and 1 WebSocket open · 345 requests, 0 refused · 25 of 38 getBlock per 10 s · \
             proven to slot 1230 · 2 unproven"
        );
    }

    #[test]
    fn catching_up_is_a_bar_that_grows() {
        let way = CatchUp { from: 100, at: 150, to: 200 };
        let status = Status { feed: Feed { catch_up: Some(way), ..Feed::default() }, ..Status::default() };
        let bar = format!("catching up {}{} 50 % · slot 150 of 200", "█".repeat(15), "░".repeat(15));
        assert!(text(&status).ends_with(&bar), "{}", text(&status));
        assert_eq!(CatchUp { at: 90, ..way }.percent(), 0, "an endpoint that is behind");
    }

    #[test]
    fn nothing_known_is_said_and_not_zeros() {
        let text = text(&Status::default());
        assert!(text.starts_with("cluster not known yet · no slot yet · 0 of 0 workers"), "{text}");
        assert!(text.contains("events: none yet"), "{text}");
        assert!(!text.contains("proven"), "{text}");
    }
}
