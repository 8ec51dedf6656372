//! Settings with a unit: lengths of time and sizes, written as a person writes them.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, longer than zero and at most a year: `"500ms"`, `"10s"`, `"1m 30s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(Duration);

/// A number of bytes above zero: `"64MB"`. 1 MB is 1,000,000 bytes, 1 MiB is 1,048,576.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(u64);

/// The text is no length of time, or an impossible one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time: expected one above zero and up to a year, such as \"500ms\" or \"10s\"")]
pub(crate) struct BadPeriod(String);

/// The text is no size, or an impossible one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no size: expected a whole number above zero with B, KB, MB, GB, KiB, MiB or GiB, such as \"64MB\""
)]
pub(crate) struct BadSize(String);

const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Largest first, so that a size is written with the largest unit that divides it.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

// === impl Period ===

impl Period {
    /// A length of time, if it is longer than zero and at most a year.
    pub(crate) fn try_new(length: Duration) -> Result<Self, BadPeriod> {
        if length.is_zero() || length > LONGEST {
            return Err(BadPeriod(humantime::format_duration(length).to_string()));
        }
        Ok(Self(length))
    }

    /// Seconds, for the built-in defaults: zero counts as one.
    pub(crate) const fn seconds(seconds: u32) -> Self {
        Self(Duration::from_secs(if seconds == 0 { 1 } else { seconds as u64 }))
    }

    /// Milliseconds, for the built-in defaults: zero counts as one.
    pub(crate) const fn millis(millis: u32) -> Self {
        Self(Duration::from_millis(if millis == 0 { 1 } else { millis as u64 }))
    }

    /// As the standard library measures it.
    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let bad = || BadPeriod(text.to_owned());
        let length = humantime::parse_duration(text).map_err(|_| bad())?;
        Self::try_new(length).map_err(|_| bad())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

// === impl Size ===

impl Size {
    /// Megabytes, for the built-in defaults: zero counts as one.
    pub(crate) const fn megabytes(megabytes: u32) -> Self {
        Self(if megabytes == 0 { 1 } else { megabytes as u64 } * 1_000_000)
    }

    /// In bytes, as a count of what fits into memory.
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.to_owned());
        let trimmed = text.trim();
        let unit = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = trimmed.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| bad())?;
        let scale = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).ok_or_else(bad)?.1;
        number.checked_mul(scale).filter(|bytes| *bytes > 0).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, scale) =
            UNITS.into_iter().find(|(_, scale)| self.0.is_multiple_of(*scale)).unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / scale)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_sizes_read_back_as_they_are_written() {
        for text in ["500ms", "10s", "1m 30s", "2h"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["64MB", "1GiB", "512KiB", "7B", "16MiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!(" 64 mb ".parse::<Size>().unwrap(), Size::megabytes(64));
        assert_eq!("10s".parse::<Period>().unwrap(), Period::seconds(10));
    }

    #[test]
    fn nothing_without_a_unit_and_nothing_of_no_size() {
        for text in ["", "10", "0s", "-5s", "2 years", "ten seconds"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        for text in ["", "64", "0MB", "-1MB", "1.5MB", "MB", "64 potatoes", "99999999999999GB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
