//! What a provider allows, as numbers a person can write down.
//!
//! Responsible for the texts in config.toml (`"100/10s"`, `"100MB/30s"`) and for the arithmetic that turns an
//! advertised limit into the one that is kept: the margin for other programs on the same address, and the share
//! held back for exits. Where the numbers come from is [`profile`](crate::profile)'s business.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Method;

/// So many units (requests, credits, connects) in any window of a length: `100/10s`, `500/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Units allowed in any window. At least 1.
    pub count: u32,
    /// Length of the rolling window. Longer than zero.
    pub window: Duration,
}

/// So many bytes of responses in any window of a length: `100MB/30s`. Units are decimal: 1 MB is 1,000,000 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRate {
    /// Bytes allowed in any window. At least 1.
    pub bytes: u64,
    /// Length of the rolling window. Longer than zero.
    pub window: Duration,
}

/// Everything that bounds the use of one endpoint. An absent limit is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of all methods together (`rpc.limits.requests`).
    pub requests: Option<Rate>,
    /// Requests of each method that [`methods`](Self::methods) does not name (`rpc.limits.per_method`).
    pub per_method: Option<Rate>,
    /// Requests of one method (`rpc.limits.methods`).
    pub methods: BTreeMap<Method, Rate>,
    /// Credits of all requests together (`rpc.limits.credits`).
    pub credits: Option<Rate>,
    /// Credits the plan includes per month (`rpc.limits.monthly_credits`). Forecast, not enforced: the budget
    /// does not know when the provider's month begins.
    pub monthly_credits: Option<u64>,
    /// Credits one call of a method costs (`rpc.limits.costs`).
    pub costs: BTreeMap<Method, u32>,
    /// Credits one call of any other method costs (`rpc.limits.default_cost`).
    pub default_cost: u32,
    /// Bytes of responses, as they travel (`rpc.limits.bytes`).
    pub bytes: Option<ByteRate>,
    /// New TCP connections, HTTP and WebSocket together (`rpc.limits.connects`).
    pub connects: Option<Rate>,
    /// HTTP connections that eda itself keeps open (`rpc.limits.connections`).
    pub connections: u32,
    /// Connections open at once that the provider tolerates from one address.
    pub connection_cap: Option<u32>,
    /// Subscriptions on one WebSocket (`rpc.limits.subscriptions`).
    pub subscriptions: Option<u32>,
    /// WebSocket connections the provider tolerates at once (`rpc.limits.pubsub_connections`).
    pub pubsub_connections: Option<u32>,
    /// Calls in one JSON-RPC batch (`rpc.limits.batch_calls`). Each call counts as a request of its own.
    pub batch_calls: u32,
    /// Bytes of one request body (`rpc.limits.batch_bytes`).
    pub batch_bytes: u32,
    /// Percent of every limit left to other programs on the same address (`rpc.limits.margin_percent`).
    pub margin_percent: u8,
    /// Percent of every limit held back for exits and confirmations (`rpc.limits.reserve_percent`).
    pub reserve_percent: u8,
    /// How long a 429 without `Retry-After` freezes what it names (`rpc.limits.retry_pause`); absent: the window
    /// of the limit that was hit.
    pub retry_pause: Option<Duration>,
    /// The longest time a request can be on its way to the provider after it was granted
    /// (`rpc.limits.in_flight_max`); a request nobody waits for any more is counted at least that long.
    pub in_flight_max: Duration,
    /// The longest a class below `confirm` waits for one of its requests to be sent while others of higher
    /// classes are sent (`rpc.limits.starvation_bound`).
    pub starvation_bound: Duration,
    /// Requests of one class and one caller that may wait (`rpc.limits.queue_length`).
    pub queue_length: usize,
    /// Treat every window as used up at the start, as it may be after an unclean stop.
    pub assume_window_used: bool,
}

/// The text is no [`Rate`] or [`ByteRate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a limit: {why}; expected {expected}")]
pub struct BadRate {
    /// The text as it was given.
    pub given: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// What would be right.
    pub expected: &'static str,
}

const RATE_FORM: &str = "units per window, such as `100/10s`, `500/s` or `40/500ms`";
const BYTES_FORM: &str = "bytes per window, such as `100MB/30s` (B, KB, MB or GB; 1 MB is 1,000,000 bytes)";

// === impl Rate ===

impl Rate {
    /// `count` units in any `seconds` seconds.
    pub const fn per_seconds(count: u32, seconds: u32) -> Self {
        Self { count, window: Duration::from_secs(seconds as u64) }
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(given: &str) -> Result<Self, BadRate> {
        let bad = |why| BadRate { given: given.to_owned(), why, expected: RATE_FORM };
        let (count, window) = given.split_once('/').ok_or_else(|| bad("it has no `/`"))?;
        let count: u32 =
            count.trim().parse().map_err(|_| bad("what stands before `/` is not a whole number"))?;
        if count == 0 {
            return Err(bad("a limit of 0 would never let anything through; leave it out for no limit"));
        }
        Ok(Self { count, window: parse_window(window.trim()).map_err(bad)? })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Window(self.window))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

// === impl ByteRate ===

impl FromStr for ByteRate {
    type Err = BadRate;

    fn from_str(given: &str) -> Result<Self, BadRate> {
        let bad = |why| BadRate { given: given.to_owned(), why, expected: BYTES_FORM };
        let (size, window) = given.split_once('/').ok_or_else(|| bad("it has no `/`"))?;
        let size = size.trim();
        let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let scale: u64 = match size.strip_prefix(digits).map(str::trim) {
            Some("B") => 1,
            Some("KB" | "kB") => 1_000,
            Some("MB") => 1_000_000,
            Some("GB") => 1_000_000_000,
            Some("") => return Err(bad("the size has no unit")),
            Some(_) | None => return Err(bad("the unit of the size is unknown")),
        };
        let number: u64 =
            digits.trim().parse().map_err(|_| bad("what stands before the unit is not a whole number"))?;
        let bytes = number.checked_mul(scale).ok_or_else(|| bad("the size is too large"))?;
        if bytes == 0 {
            return Err(bad("a limit of 0 would never let anything through; leave it out for no limit"));
        }
        Ok(Self { bytes, window: parse_window(window.trim()).map_err(bad)? })
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, unit) = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")]
            .into_iter()
            .find(|(scale, _)| self.bytes.is_multiple_of(*scale))
            .unwrap_or((1, "B"));
        write!(f, "{}{unit}/{}", self.bytes / scale, Window(self.window))
    }
}

impl Serialize for ByteRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

// === impl Limits ===

impl Default for Limits {
    /// No limit of the provider at all, and eda's own defaults.
    fn default() -> Self {
        Self {
            requests: None,
            per_method: None,
            methods: BTreeMap::new(),
            credits: None,
            monthly_credits: None,
            costs: BTreeMap::new(),
            default_cost: 1,
            bytes: None,
            connects: None,
            connections: 1,
            connection_cap: None,
            subscriptions: None,
            pubsub_connections: None,
            batch_calls: 50,
            // A stock Agave node refuses bodies over 50 KiB (solana-rpc 3.1.8, rpc.rs:141, MAX_REQUEST_BODY_SIZE).
            batch_bytes: 50 * 1024,
            margin_percent: 5,
            reserve_percent: 10,
            retry_pause: None,
            in_flight_max: Duration::from_secs(30),
            starvation_bound: Duration::from_secs(30),
            queue_length: 1_024,
            assume_window_used: false,
        }
    }
}

impl Limits {
    /// The limit for one method: its own, else the one for every method.
    pub fn method(&self, method: &Method) -> Option<Rate> {
        self.methods.get(method).copied().or(self.per_method)
    }

    /// What one call of a method costs, in credits.
    pub fn cost(&self, method: &Method) -> u32 {
        self.costs.get(method).copied().unwrap_or(self.default_cost)
    }

    /// What is kept of an advertised limit: `limit - floor(limit × margin %)`, never 0.
    pub fn kept(&self, limit: u64) -> u64 {
        limit.saturating_sub(percent(limit, self.margin_percent)).max(1)
    }

    /// What the classes below `confirm` may use of an advertised limit in one window.
    pub fn shared(&self, rate: Rate) -> u64 {
        let kept = self.kept(u64::from(rate.count));
        kept - self.reserve(kept, 1, 1)
    }

    /// What is held back of a kept limit for exits and confirmations: the reserve percentage, rounded up, at
    /// least `one` request's worth, but never so much that a request of `dearest` units no longer fits.
    pub fn reserve(&self, kept: u64, one: u64, dearest: u64) -> u64 {
        if self.reserve_percent == 0 {
            return 0;
        }
        let share = u128::from(kept) * u128::from(self.reserve_percent);
        let share = u64::try_from(share.div_ceil(100)).unwrap_or(kept);
        share.max(one).min(kept.saturating_sub(dearest.max(1)))
    }
}

fn percent(of: u64, percent: u8) -> u64 {
    u64::try_from(u128::from(of) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

/// Longest window accepted: a day. Anything longer is a monthly allowance, which is not a window.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

fn parse_window(text: &str) -> Result<Duration, &'static str> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = match text.strip_suffix(unit).unwrap_or_default() {
        "" => 1,
        digits => digits.parse::<u32>().map_err(|_| "the window is too long")?,
    };
    let window = match unit.trim() {
        "ms" => Duration::from_millis(u64::from(number)),
        "s" => Duration::from_secs(u64::from(number)),
        "m" => Duration::from_secs(u64::from(number) * 60),
        "h" => Duration::from_secs(u64::from(number) * 3_600),
        "" => return Err("the window has no unit (ms, s, m or h)"),
        _ => return Err("the unit of the window is unknown (use ms, s, m or h)"),
    };
    if window.is_zero() {
        return Err("the window must be longer than 0");
    }
    if window > LONGEST_WINDOW {
        return Err("the window is longer than a day");
    }
    Ok(window)
}

struct Window(Duration);

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::from_secs(1) {
            f.write_str("s")
        } else if self.0.subsec_nanos() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else {
            write!(f, "{}ms", self.0.as_millis())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_back_as_they_are_written() {
        for text in ["100/10s", "500/s", "40/500ms", "1/86400s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("7/2m".parse::<Rate>().unwrap(), Rate::per_seconds(7, 120));
        assert_eq!(" 7 / 1s ".parse::<Rate>().unwrap().to_string(), "7/s");
        for text in ["100MB/30s", "1500B/s", "3KB/500ms", "2GB/s"] {
            assert_eq!(text.parse::<ByteRate>().unwrap().to_string(), text);
        }
        assert_eq!("100MB/30s".parse::<ByteRate>().unwrap().bytes, 100_000_000);
        assert_eq!(serde_json::to_string(&Rate::per_seconds(40, 10)).unwrap(), "\"40/10s\"");
        assert_eq!(serde_json::from_str::<Rate>("\"40/10s\"").unwrap(), Rate::per_seconds(40, 10));
    }

    #[test]
    fn a_bad_rate_names_what_was_given_and_what_is_expected() {
        for text in [
            "",
            "100",
            "/10s",
            "x/10s",
            "0/10s",
            "-1/s",
            "5/0s",
            "5/10",
            "5/10d",
            "5/25h",
            "5000000000/s",
            "1.5/s",
        ] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("`100/10s`"), "{error}");
        }
        for text in ["", "100MB", "100/30s", "100XB/30s", "MB/30s", "0MB/s", "99999999999999GB/s"] {
            let error = text.parse::<ByteRate>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("`100MB/30s`"), "{error}");
        }
        let error = serde_json::from_str::<Rate>("\"fast\"").unwrap_err().to_string();
        assert!(error.contains("`fast` is not a limit"), "{error}");
    }

    #[test]
    fn margin_and_reserve_never_take_everything() {
        let limits = Limits::default();
        assert_eq!((limits.kept(100), limits.kept(40), limits.kept(2), limits.kept(1)), (95, 38, 2, 1));
        assert_eq!(Limits { margin_percent: 100, ..Limits::default() }.kept(50), 1);
        let held_back = |kept| limits.reserve(kept, 1, 1);
        assert_eq!(
            (held_back(95), held_back(11), held_back(5), held_back(2), held_back(1)),
            (10, 2, 1, 1, 0)
        );
        assert_eq!(limits.reserve(50, 10, 45), 5, "the dearest call must still fit");
        assert_eq!(limits.reserve(u64::MAX, 1, 1), u64::MAX / 10 + 1);
    }
}
