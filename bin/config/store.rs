//! `[store]`: what must survive the process.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::units::Period;

/// Where it is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Store {
    /// Where. Absent: `eda.db` in the data directory.
    pub(crate) url: Option<StoreUrl>,
    /// How old the oldest event may become.
    pub(crate) events_age: Period,
    /// How many events there may be.
    pub(crate) events_max: u64,
    /// How old the oldest refusal may become.
    pub(crate) refusals_age: Period,
    /// How many refusals there may be.
    pub(crate) refusals_max: u64,
    /// How old the oldest status of a worker may become.
    pub(crate) statuses_age: Period,
}

/// `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreUrl(PathBuf);

/// What the URL of a store begins with.
pub(super) const SQLITE: &str = "sqlite:";

const DAY: u32 = 24 * 60 * 60;

// === impl Store ===

impl Default for Store {
    fn default() -> Self {
        Self {
            url: None,
            events_age: Period::seconds(30 * DAY),
            events_max: 1_000_000,
            refusals_age: Period::seconds(7 * DAY),
            refusals_max: 1_000_000,
            statuses_age: Period::seconds(DAY),
        }
    }
}

impl Store {
    /// The file, for a process with this data directory.
    pub(crate) fn path(&self, data_dir: &Path) -> PathBuf {
        self.url.as_ref().map_or_else(|| data_dir.join("eda.db"), |url| url.0.clone())
    }
}

// === impl StoreUrl ===

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{SQLITE}{}", self.0.display()))
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix(SQLITE) {
            Some(path) if !path.is_empty() => Ok(Self(path.into())),
            Some(_) | None => Err(de::Error::custom(
                "expected sqlite: and the path of a file, such as \"sqlite:eda-data/eda.db\"",
            )),
        }
    }
}
