//! What the burn-detector's operator decides: which mints, and from which size a burn is worth an event.

use std::{borrow::Cow, fmt, str::FromStr};

use eda_events::{Address, RawAmount};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `[workers.burn-detector]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whose burns are looked for.
    pub watch: Watch,
    /// Smallest burn that becomes an event, in the mint's smallest unit.
    pub threshold: RawAmount,
    /// Smallest burn that becomes an event, as a share of the supply before it. When it is set, a burn must reach
    /// this as well as [`threshold`](Self::threshold).
    pub threshold_percent: Option<SupplyShare>,
}

/// Whose burns are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Every mint on a cluster of one's own (simulated or local validator), none elsewhere: the whole chain has to
    /// be asked for, because it is dear.
    #[default]
    Auto,
    /// Every mint.
    All,
    /// These mints. Never empty, none twice.
    Mints(Vec<Address>),
}

/// A share of a supply, written in percent with up to six decimals: `"0.5"` or `"0.5%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SupplyShare {
    /// Hundred-millionths of the supply; 100 % is [`WHOLE`].
    hundred_millionths: u32,
}

/// The text is no share of a supply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share of a supply: expected percent above 0 and up to 100, such as \"0.5%\"")]
pub struct BadShare(String);

/// 100 % in hundred-millionths.
const WHOLE: u32 = 100_000_000;
/// 1 % in hundred-millionths.
const PERCENT: u32 = 1_000_000;

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self { watch: Watch::Auto, threshold: RawAmount(1_000_000), threshold_percent: None }
    }
}

// === impl Watch ===

impl Serialize for Watch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::All => serializer.serialize_str("all"),
            Self::Mints(mints) => serializer.collect_seq(mints.iter().map(Address::to_string)),
        }
    }
}

impl<'de> Deserialize<'de> for Watch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Watch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\", \"all\" or a list of mint addresses")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Watch, E> {
                match text {
                    "auto" => Ok(Watch::Auto),
                    "all" => Ok(Watch::All),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Watch, A::Error> {
                let mut mints = Vec::new();
                while let Some(text) = seq.next_element::<String>()? {
                    let mint = Address::from_str(&text)
                        .map_err(|_| de::Error::custom(format!("`{text}` is not a mint address")))?;
                    if mints.contains(&mint) {
                        return Err(de::Error::custom(format!("the mint `{text}` stands twice")));
                    }
                    mints.push(mint);
                }
                if mints.is_empty() {
                    return Err(de::Error::custom(
                        "no mint is listed; to watch none, disable the worker with `enabled = false`",
                    ));
                }
                Ok(Watch::Mints(mints))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

// === impl SupplyShare ===

impl SupplyShare {
    /// Whether a burn of `amount` is at least this share of the supply before it. Of an empty supply every amount
    /// is.
    pub fn is_reached(self, amount: RawAmount, supply_before: RawAmount) -> bool {
        u128::from(amount.0) * u128::from(WHOLE)
            >= u128::from(supply_before.0) * u128::from(self.hundred_millionths)
    }
}

impl FromStr for SupplyShare {
    type Err = BadShare;

    fn from_str(given: &str) -> Result<Self, BadShare> {
        let bad = || BadShare(given.to_owned());
        let text = given.trim();
        let text = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let decimals: u32 = format!("{decimals:0<6}").parse().map_err(|_| bad())?;
        whole
            .checked_mul(PERCENT)
            .and_then(|whole| whole.checked_add(decimals))
            .filter(|share| (1..=WHOLE).contains(share))
            .map(|hundred_millionths| Self { hundred_millionths })
            .ok_or_else(bad)
    }
}

impl fmt::Display for SupplyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:06}", self.hundred_millionths % PERCENT);
        let whole = self.hundred_millionths / PERCENT;
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            decimals => write!(f, "{whole}.{decimals}%"),
        }
    }
}

impl Serialize for SupplyShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SupplyShare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINT: &str = "So11111111111111111111111111111111111111112";

    fn watch(json: &str) -> Result<Watch, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn watch_is_a_word_or_a_list_of_mints() {
        assert_eq!(watch("\"auto\"").unwrap(), Watch::Auto);
        assert_eq!(watch("\"all\"").unwrap(), Watch::All);
        assert_eq!(watch(&format!("[\"{MINT}\"]")).unwrap(), Watch::Mints(vec![MINT.parse().unwrap()]));
        for (json, words) in [
            ("\"everything\"".to_owned(), "\"auto\", \"all\" or a list"),
            ("5".to_owned(), "\"auto\", \"all\" or a list"),
            ("[\"nonsense\"]".to_owned(), "`nonsense` is not a mint address"),
            ("[]".to_owned(), "enabled = false"),
            (format!("[\"{MINT}\", \"{MINT}\"]"), "stands twice"),
        ] {
            let error = watch(&json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }

    #[test]
    fn settings_read_back_as_they_are_written() {
        let given = Config {
            watch: Watch::Mints(vec![MINT.parse().unwrap()]),
            threshold: RawAmount(u64::MAX),
            threshold_percent: Some("0.5".parse().unwrap()),
        };
        let json = serde_json::to_string(&given).unwrap();
        assert!(json.contains(&format!("[\"{MINT}\"]")) && json.contains("\"0.5%\""), "{json}");
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), given);
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    }

    #[test]
    fn a_share_is_exact_to_the_last_unit() {
        let share: SupplyShare = "0.000001%".parse().unwrap();
        assert!(share.is_reached(RawAmount(1), RawAmount(100_000_000)));
        assert!(!share.is_reached(RawAmount(1), RawAmount(100_000_001)));
        let all: SupplyShare = "100".parse().unwrap();
        assert!(all.is_reached(RawAmount(u64::MAX), RawAmount(u64::MAX)));
        assert!(!all.is_reached(RawAmount(u64::MAX - 1), RawAmount(u64::MAX)));
        assert!(all.is_reached(RawAmount(0), RawAmount(0)));
    }

    #[test]
    fn only_a_percentage_is_a_share() {
        for (text, shown) in [("0.5", "0.5%"), (" 12.250000 % ", "12.25%"), ("100%", "100%")] {
            assert_eq!(text.parse::<SupplyShare>().unwrap().to_string(), shown);
        }
        for text in
            ["", "%", "0", "0.0", "100.000001", "-1", "+1", "1.", ".5", "0.0000001", "5000", "1e2", "x"]
        {
            assert!(text.parse::<SupplyShare>().is_err(), "{text}");
        }
    }
}
