//! One fault: what it does, and when.

use std::{fmt, str::FromStr, time::Duration};

use http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Kind;

/// One fault.
///
/// What happens to a response, a call or a notification is tried at each of them, while the fault is on. A stroke
/// and a condition are tried at the beginning; with [`Fault::every`], at each beginning; with a chance and without
/// `every`, at each slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub(super) effect: Effect,
    pub(super) start: Start,
    pub(super) lasting: Option<Duration>,
    pub(super) every: Option<Duration>,
    pub(super) chance: Option<Chance>,
    pub(super) count: Option<u64>,
    pub(super) methods: Vec<String>,
}

/// When a fault begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// This long after the plan, or after it was applied.
    After(Duration),
    /// At this slot.
    Slot(u64),
}

/// How often it happens where it may, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

/// The text is no chance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no chance: expected one above 0% and up to 100%, such as \"5%\" or \"0.25%\"")]
pub struct BadChance(String);

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// To a whole HTTP response; a batch has one.
    Response(Response),
    /// To the answer of one call.
    Answer(Answer),
    /// To one notification for one connection.
    Notification(Notification),
    /// Once, to everything there is.
    Stroke(Stroke),
    /// To everything, for a while.
    Condition(Condition),
}

/// What happens to an HTTP response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Half of it, then a TCP reset.
    Kill,
    /// Its body takes this long.
    Slow(Duration),
    /// Half of it, then nothing.
    Stall,
    /// There is none. The node has executed the call.
    Silence,
    /// It is this much later.
    Delay(Duration),
    /// A status instead, for so many requests in a row. The node never sees them.
    ServerError(StatusCode, u64),
    /// 429 instead, with this `retry-after` in seconds, for so many requests in a row. The node never sees them.
    TooManyRequests(Option<u64>, u64),
    /// 403 instead, for so many requests in a row. The node never sees them.
    Forbidden(u64),
    /// Its JSON is cut in half.
    Truncated,
    /// A page with this status instead. The node never sees the request.
    Html(StatusCode),
}

/// What happens to the answer of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It carries an id nobody asked with.
    WrongId,
    /// A `getTransaction` that found one is answered null, for so many slots after the transaction landed.
    TransactionNull(u64),
}

/// What happens to a notification. Those of one subscription stay in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notification {
    /// It is lost.
    Drop,
    /// It comes twice.
    Duplicate,
    /// The next one of another subscription on its socket goes first, if there is one within this long.
    Reorder(Duration),
    /// It is this much later, and so is what follows on its subscription.
    Delay(Duration),
}

/// What happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// Every WebSocket is reset.
    WebsocketDrop,
    /// Every WebSocket gets a close frame.
    WebsocketClose(CloseCode),
    /// The subscriptions of the fault's methods, or all, are forgotten.
    SubscriptionForget,
    /// Every HTTP connection is drained.
    HttpGoaway,
    /// History is pruned except for so many slots up to the newest, and for what is not finalized.
    HistoryPruned(u64),
    /// The next block is processed and then abandoned.
    BlockAbandon,
    /// So many slots have no block.
    SlotsSkip(u64),
}

/// What is so for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// WebSockets are open and silent.
    WebsocketStall,
    /// New sockets are reset at once.
    RefuseConnections(Ports),
    /// The node is so many slots behind.
    EndpointLag(u64),
    /// No block is confirmed.
    ConfirmationsPause,
    /// At its beginning all sockets are reset and all subscriptions are gone; until its end new sockets are refused.
    NodeRestart,
}

/// Which ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Both.
    Both,
    /// HTTP.
    Http,
    /// PubSub.
    Ws,
}

// === impl Fault ===

impl Fault {
    /// This effect, at once: always, once, or until it is stopped.
    pub fn new(effect: impl Into<Effect>) -> Self {
        Self {
            effect: effect.into(),
            start: Start::After(Duration::ZERO),
            lasting: None,
            every: None,
            chance: None,
            count: None,
            methods: Vec::new(),
        }
    }

    /// What it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// It begins then.
    #[must_use]
    pub fn at(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// It is on for so long. A stroke is over in a moment, whatever is said here.
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        Self { lasting: Some(time), ..self }
    }

    /// It begins again and again. What happens to responses, calls and notifications happens to one of them each
    /// time, unless it is on for a while.
    #[must_use]
    pub fn every(self, time: Duration) -> Self {
        Self { every: Some(time), ..self }
    }

    /// It happens only sometimes.
    #[must_use]
    pub fn chance(self, chance: Chance) -> Self {
        Self { chance: Some(chance), ..self }
    }

    /// It happens at most so many times in all. A burst is one time.
    #[must_use]
    pub fn count(self, times: u64) -> Self {
        Self { count: Some(times), ..self }
    }

    /// It concerns only these methods: of the call, or of the subscription.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { methods: methods.into_iter().map(Into::into).collect(), ..self }
    }

    pub(super) fn concerns(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|one| one == method)
    }
}

// === impl Chance ===

impl Chance {
    /// So many of 100.
    pub const fn percent(percent: u32) -> Self {
        Self(percent.saturating_mul(10_000))
    }

    /// So many of 1,000,000.
    pub(super) fn millionths(self) -> u32 {
        self.0
    }
}

impl FromStr for Chance {
    type Err = BadChance;

    fn from_str(text: &str) -> Result<Self, BadChance> {
        let bad = || BadChance(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(bad)?.trim_end();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 4 {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let fraction: u32 = format!("{fraction:0<4}").parse().map_err(|_| bad())?;
        let millionths = whole.checked_mul(10_000).and_then(|whole| whole.checked_add(fraction));
        millionths.filter(|millionths| (1..=1_000_000).contains(millionths)).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10_000, self.0 % 10_000) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, rest) => write!(f, "{whole}.{}%", format!("{rest:04}").trim_end_matches('0')),
        }
    }
}

// === impl Effect ===

impl Effect {
    /// Its name.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Response(response) => match response {
                Response::Kill => Kind::HttpKill,
                Response::Slow(_) => Kind::HttpSlow,
                Response::Stall => Kind::HttpStall,
                Response::Silence => Kind::HttpSilence,
                Response::Delay(_) => Kind::HttpDelay,
                Response::ServerError(..) => Kind::Http5xx,
                Response::TooManyRequests(..) => Kind::Http429,
                Response::Forbidden(_) => Kind::Http403,
                Response::Truncated => Kind::JsonTruncated,
                Response::Html(_) => Kind::JsonHtml,
            },
            Self::Answer(Answer::WrongId) => Kind::WrongId,
            Self::Answer(Answer::TransactionNull(_)) => Kind::TransactionNull,
            Self::Notification(notification) => match notification {
                Notification::Drop => Kind::NotificationDrop,
                Notification::Duplicate => Kind::NotificationDuplicate,
                Notification::Reorder(_) => Kind::NotificationReorder,
                Notification::Delay(_) => Kind::NotificationDelay,
            },
            Self::Stroke(stroke) => match stroke {
                Stroke::WebsocketDrop => Kind::WebsocketDrop,
                Stroke::WebsocketClose(_) => Kind::WebsocketClose,
                Stroke::SubscriptionForget => Kind::SubscriptionForget,
                Stroke::HttpGoaway => Kind::HttpGoaway,
                Stroke::HistoryPruned(_) => Kind::HistoryPruned,
                Stroke::BlockAbandon => Kind::BlockAbandon,
                Stroke::SlotsSkip(_) => Kind::SlotsSkip,
            },
            Self::Condition(condition) => match condition {
                Condition::WebsocketStall => Kind::WebsocketStall,
                Condition::RefuseConnections(_) => Kind::RefuseConnections,
                Condition::EndpointLag(_) => Kind::EndpointLag,
                Condition::ConfirmationsPause => Kind::ConfirmationsPause,
                Condition::NodeRestart => Kind::NodeRestart,
            },
        }
    }

    /// Events in a row that one hit takes.
    pub(super) fn burst(&self) -> u64 {
        match self {
            Self::Response(
                Response::ServerError(_, burst)
                | Response::TooManyRequests(_, burst)
                | Response::Forbidden(burst),
            ) => (*burst).max(1),
            Self::Response(_)
            | Self::Answer(_)
            | Self::Notification(_)
            | Self::Stroke(_)
            | Self::Condition(_) => 1,
        }
    }
}

impl From<Response> for Effect {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl From<Answer> for Effect {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<Notification> for Effect {
    fn from(notification: Notification) -> Self {
        Self::Notification(notification)
    }
}

impl From<Stroke> for Effect {
    fn from(stroke: Stroke) -> Self {
        Self::Stroke(stroke)
    }
}

impl From<Condition> for Effect {
    fn from(condition: Condition) -> Self {
        Self::Condition(condition)
    }
}
