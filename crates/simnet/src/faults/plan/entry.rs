//! One fault from its keys.

use std::time::Duration;

use http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{
    super::{
        Kind,
        fault::{Answer, Condition, Effect, Fault, Notification, Ports, Response, Start, Stroke},
        names,
    },
    fields::Fields,
};
use crate::chain::Chain;

/// The methods by which a client subscribes.
const SUBSCRIPTIONS: [&str; 9] = [
    "accountSubscribe",
    "blockSubscribe",
    "logsSubscribe",
    "programSubscribe",
    "rootSubscribe",
    "signatureSubscribe",
    "slotSubscribe",
    "slotsUpdatesSubscribe",
    "voteSubscribe",
];
/// How long a notification waits for another to pass it, if nothing is said.
const WITHIN: Duration = Duration::from_secs(1);

/// The fault of a table; `None` if it has no kind. What is wrong is with the fields' problems.
pub(super) fn fault(mut fields: Fields<'_>) -> Option<Fault> {
    let Some(kind) = fields.text("kind", str::parse::<Kind>) else {
        if !fields.had("kind") {
            fields.problem("kind", format!("is missing{}", names::hint("", Kind::ALL.map(Kind::as_str))));
        }
        return None;
    };
    let effect = effect(kind, &mut fields);
    let mut fault = Fault::new(effect);
    fault.start = start(&mut fields);
    fault.every = fields.time("every");
    fault.chance = fields.text("chance", str::parse);
    fault.count = fields.number("count", 1..=u64::MAX);
    match effect {
        Effect::Response(_) | Effect::Answer(_) => {
            fault.methods = fields.texts("methods").unwrap_or_default();
        }
        Effect::Notification(_) | Effect::Stroke(Stroke::SubscriptionForget) => {
            fault.methods = subscriptions(&mut fields);
        }
        Effect::Stroke(_) | Effect::Condition(_) => {}
    }
    if !matches!(effect, Effect::Stroke(_)) {
        fault.lasting = fields.time("for");
        if let (Some(lasting), Some(every)) = (fault.lasting, fault.every)
            && lasting >= every
        {
            fields.problem("for", "must be shorter than `every`");
        }
        if matches!(effect, Effect::Condition(_)) && fault.every.is_some() && !fields.had("for") {
            fields
                .problem("for", format!("is missing: with `every`, {kind} must end before it begins again"));
        }
    }
    fields.finish(kind.as_str());
    Some(fault)
}

fn subscriptions(fields: &mut Fields<'_>) -> Vec<String> {
    let methods = fields.texts("methods").unwrap_or_default();
    for unknown in methods.iter().filter(|method| !SUBSCRIPTIONS.contains(&method.as_str())) {
        let hint = names::hint(unknown, SUBSCRIPTIONS);
        fields.problem("methods", format!("`{unknown}` is no method of a subscription{hint}"));
    }
    methods
}

fn start(fields: &mut Fields<'_>) -> Start {
    let at = fields.time_or_zero("at");
    let slot = fields.number("slot", 0..=u64::MAX);
    if fields.had("at") && fields.had("slot") {
        fields.problem("slot", "cannot be with `at`: one of them says when it begins");
    }
    match slot {
        Some(slot) => Start::Slot(slot),
        None => Start::After(at.unwrap_or_default()),
    }
}

fn effect(kind: Kind, fields: &mut Fields<'_>) -> Effect {
    match kind {
        Kind::WebsocketDrop => Stroke::WebsocketDrop.into(),
        Kind::WebsocketClose => Stroke::WebsocketClose(close_code(fields)).into(),
        Kind::WebsocketStall => Condition::WebsocketStall.into(),
        Kind::NotificationDrop => Notification::Drop.into(),
        Kind::NotificationDuplicate => Notification::Duplicate.into(),
        Kind::NotificationReorder => Notification::Reorder(fields.time("within").unwrap_or(WITHIN)).into(),
        Kind::NotificationDelay => Notification::Delay(needed_time(fields, "delay")).into(),
        Kind::SubscriptionForget => Stroke::SubscriptionForget.into(),
        Kind::HttpKill => Response::Kill.into(),
        Kind::HttpGoaway => Stroke::HttpGoaway.into(),
        Kind::HttpSlow => Response::Slow(needed_time(fields, "over")).into(),
        Kind::HttpStall => Response::Stall.into(),
        Kind::HttpSilence => Response::Silence.into(),
        Kind::HttpDelay => Response::Delay(needed_time(fields, "delay")).into(),
        Kind::Http5xx => {
            let status = fields.status("status", 500..=599).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            Response::ServerError(status, burst(fields)).into()
        }
        Kind::Http429 => Response::TooManyRequests(retry_after(fields), burst(fields)).into(),
        Kind::Http403 => Response::Forbidden(burst(fields)).into(),
        Kind::JsonTruncated => Response::Truncated.into(),
        Kind::JsonHtml => Response::Html(fields.status("status", 200..=599).unwrap_or(StatusCode::OK)).into(),
        Kind::WrongId => Answer::WrongId.into(),
        Kind::TransactionNull => Answer::TransactionNull(needed_slots(fields, u64::MAX)).into(),
        Kind::RefuseConnections => Condition::RefuseConnections(ports(fields)).into(),
        Kind::EndpointLag => Condition::EndpointLag(needed_slots(fields, Chain::MOST_LAG)).into(),
        Kind::HistoryPruned => {
            let keep = fields.number("keep", 0..=u64::MAX);
            Stroke::HistoryPruned(fields.required("keep", keep, 0)).into()
        }
        Kind::BlockAbandon => Stroke::BlockAbandon.into(),
        Kind::SlotsSkip => Stroke::SlotsSkip(fields.number("slots", 1..=u64::MAX).unwrap_or(1)).into(),
        Kind::ConfirmationsPause => Condition::ConfirmationsPause.into(),
        Kind::NodeRestart => Condition::NodeRestart.into(),
    }
}

fn needed_time(fields: &mut Fields<'_>, key: &'static str) -> Duration {
    let time = fields.time(key);
    fields.required(key, time, Duration::ZERO)
}

fn needed_slots(fields: &mut Fields<'_>, most: u64) -> u64 {
    let slots = fields.number("slots", 1..=most);
    fields.required("slots", slots, 0)
}

fn burst(fields: &mut Fields<'_>) -> u64 {
    fields.number("burst", 1..=u64::MAX).unwrap_or(1)
}

/// Whole seconds, which is what the header can say.
fn retry_after(fields: &mut Fields<'_>) -> Option<u64> {
    let time = fields.time_or_zero("retry_after")?;
    if time.subsec_nanos() > 0 {
        fields.problem("retry_after", "expected whole seconds, which is what the header can say");
    }
    Some(time.as_secs())
}

fn close_code(fields: &mut Fields<'_>) -> CloseCode {
    let Some(code) = fields.number("code", 1000..=4999) else { return CloseCode::Away };
    let code = CloseCode::from(u16::try_from(code).unwrap_or_default());
    if !code.is_allowed() {
        fields.problem("code", format!("{code} is a code that no close frame may carry"));
    }
    code
}

fn ports(fields: &mut Fields<'_>) -> Ports {
    let port = fields.text("port", |name| match name {
        "both" => Ok(Ports::Both),
        "http" => Ok(Ports::Http),
        "ws" => Ok(Ports::Ws),
        other => Err(format!("unknown port `{other}`{}", names::hint(other, ["both", "http", "ws"]))),
    });
    port.unwrap_or(Ports::Both)
}
