//! `[rpc.limits]`: single bounds that replace those of the profile.

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroU32};

use eda_limits::{ByteRate, Method, Rate, profile};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{names, sections::Profile, units::Period};

/// What is set here replaces the profile's number; what is absent stays the profile's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    requests: Option<Rate>,
    per_method: Option<Rate>,
    methods: BTreeMap<String, Rate>,
    credits: Option<Rate>,
    monthly_credits: Option<u64>,
    costs: BTreeMap<String, u32>,
    default_cost: Option<u32>,
    bytes: Option<ByteRate>,
    connects: Option<Rate>,
    connections: Option<Connections>,
    subscriptions: Option<NonZeroU32>,
    pubsub_connections: Option<NonZeroU32>,
    batch_calls: Option<NonZeroU32>,
    batch_bytes: Option<NonZeroU32>,
    margin_percent: Option<Share>,
    reserve_percent: Option<Share>,
    retry_pause: Option<Period>,
    in_flight_max: Option<Period>,
    starvation_bound: Option<Period>,
    queue_length: Option<NonZeroU32>,
}

/// HTTP connections eda keeps open: one, or two so that bulk downloads have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Connections(u32);

/// Percent that is taken off a limit: 0 to 90, so that something is left to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Share(u8);

// === impl Limits ===

impl Limits {
    /// Every method that is named, with the table that names it.
    pub(super) fn named_methods(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let methods = self.methods.keys().map(|name| ("methods", name.as_str()));
        methods.chain(self.costs.keys().map(|name| ("costs", name.as_str())))
    }

    /// The limits to keep at a host: the profile's, with what is set here in their place.
    pub(super) fn over(&self, whose: &Profile, host: &str) -> eda_limits::Limits {
        let base = match whose {
            Profile::Auto => profile::by_host(host).limits(),
            Profile::Custom => eda_limits::Limits::default(),
            Profile::Named(row) => row.limits(),
        };
        let named = |name: &String| Method::named(name.clone());
        let mut methods = base.methods;
        methods.extend(self.methods.iter().map(|(name, rate)| (named(name), *rate)));
        let mut costs = base.costs;
        costs.extend(self.costs.iter().map(|(name, cost)| (named(name), *cost)));
        eda_limits::Limits {
            requests: self.requests.or(base.requests),
            per_method: self.per_method.or(base.per_method),
            methods,
            credits: self.credits.or(base.credits),
            monthly_credits: self.monthly_credits.or(base.monthly_credits),
            costs,
            default_cost: self.default_cost.unwrap_or(base.default_cost),
            bytes: self.bytes.or(base.bytes),
            connects: self.connects.or(base.connects),
            connections: self.connections.map_or(base.connections, u32::from),
            connection_cap: base.connection_cap,
            subscriptions: self.subscriptions.map(NonZeroU32::get).or(base.subscriptions),
            pubsub_connections: self.pubsub_connections.map(NonZeroU32::get).or(base.pubsub_connections),
            batch_calls: self.batch_calls.map_or(base.batch_calls, NonZeroU32::get),
            batch_bytes: self.batch_bytes.map_or(base.batch_bytes, NonZeroU32::get),
            margin_percent: self.margin_percent.map_or(base.margin_percent, u8::from),
            reserve_percent: self.reserve_percent.map_or(base.reserve_percent, u8::from),
            retry_pause: self.retry_pause.map(Period::get).or(base.retry_pause),
            in_flight_max: self.in_flight_max.map_or(base.in_flight_max, Period::get),
            starvation_bound: self.starvation_bound.map_or(base.starvation_bound, Period::get),
            queue_length: self
                .queue_length
                .map_or(base.queue_length, |length| usize::try_from(length.get()).unwrap_or(usize::MAX)),
            assume_window_used: base.assume_window_used,
        }
    }
}

// === impl Connections ===

impl TryFrom<u32> for Connections {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, String> {
        match count {
            1 | 2 => Ok(Self(count)),
            other => Err(format!("`{other}` connections: expected 1, or 2 to give bulk downloads their own")),
        }
    }
}

impl From<Connections> for u32 {
    fn from(connections: Connections) -> Self {
        connections.0
    }
}

// === impl Share ===

impl TryFrom<u8> for Share {
    type Error = String;

    fn try_from(percent: u8) -> Result<Self, String> {
        if percent > 90 {
            return Err(format!("`{percent}` percent would leave next to nothing: expected 0 to 90"));
        }
        Ok(Self(percent))
    }
}

impl From<Share> for u8 {
    fn from(share: Share) -> Self {
        share.0
    }
}

// === impl Profile ===

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Auto => "auto",
            Self::Custom => "custom",
            Self::Named(row) => row.name,
        })
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        match text.as_ref() {
            "auto" => Ok(Self::Auto),
            "custom" => Ok(Self::Custom),
            name => profile::by_name(name).map(Self::Named).ok_or_else(|| {
                let known = ["auto", "custom"].into_iter().chain(profile::names());
                de::Error::custom(format!("unknown profile `{name}`{}", names::hint(name, known)))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PUBLIC: &str = "api.mainnet-beta.solana.com";

    fn limits(json: &str) -> Limits {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_set_replaces_the_profile_and_the_rest_stays() {
        let profile = profile::by_host(PUBLIC).limits();
        assert_eq!(Limits::default().over(&Profile::Auto, PUBLIC), profile);

        let set = limits(
            r#"{"requests": "7/s", "methods": {"getBlock": "1/s"}, "retry_pause": "3s", "queue_length": 9,
                "margin_percent": 0, "connections": 2}"#,
        )
        .over(&Profile::Auto, PUBLIC);
        assert_eq!(set.requests, Some(Rate::per_seconds(7, 1)));
        assert_eq!(set.method(&Method::new("getBlock")), Some(Rate::per_seconds(1, 1)));
        assert_eq!(set.per_method, profile.per_method);
        assert_eq!(set.bytes, profile.bytes);
        assert_eq!((set.retry_pause, set.queue_length), (Some(Duration::from_secs(3)), 9));
        assert_eq!((set.margin_percent, set.connections), (0, 2));
    }

    #[test]
    fn a_custom_profile_knows_no_limit_but_those_that_are_set() {
        let custom = limits(r#"{"credits": "500/s"}"#).over(&Profile::Custom, PUBLIC);
        assert_eq!(
            custom,
            eda_limits::Limits { credits: Some(Rate::per_seconds(500, 1)), ..eda_limits::Limits::default() }
        );
        let named: Profile = serde_json::from_str("\"helius-free\"").unwrap();
        let row = profile::by_name("helius-free").unwrap().limits();
        assert_eq!(Limits::default().over(&named, PUBLIC), row);
    }

    #[test]
    fn bounds_that_would_leave_nothing_are_refused() {
        for json in [
            r#"{"connections": 0}"#,
            r#"{"connections": 3}"#,
            r#"{"margin_percent": 91}"#,
            r#"{"reserve_percent": -1}"#,
            r#"{"batch_calls": 0}"#,
            r#"{"queue_length": 0}"#,
            r#"{"requests": "0/s"}"#,
            r#"{"requests": 100}"#,
        ] {
            assert!(serde_json::from_str::<Limits>(json).is_err(), "{json}");
        }
        let error = serde_json::from_str::<Profile>("\"helius-fre\"").unwrap_err().to_string();
        assert!(error.contains("did you mean `helius-free`"), "{error}");
    }
}
