//! An event: a fact, or a decision, with the envelope it travels in.

use std::fmt;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use solana_signature::Signature;

use crate::{
    data::{Data, Kind},
    id::EventId,
    path::Path,
    primitives::{Cluster, Commitment, Slot},
    topic::Topic,
    wire::{optional_text, text},
};

/// The version of the event JSON. It rises when a consumer that knows the previous one could misread an event;
/// added fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// One event. Its JSON has `type`, `timestamp`, `id`, `schemaVersion`, `cluster`, `source` and `data`; what is
/// unknown is absent, nothing is ever `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names the fact: equal for equal facts, unique per cluster.
    pub id: EventId,
    /// When eda made the event, UTC, in whole milliseconds.
    pub timestamp: Timestamp,
    /// [`SCHEMA_VERSION`] of whoever wrote it.
    pub schema_version: u32,
    /// The chain it is about.
    pub cluster: Cluster,
    /// Where on the chain it comes from; absent if it is not about one place on it.
    pub source: Option<Source>,
    /// The fact itself.
    pub data: Data,
}

/// The place on the chain that an event comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The slot of the transaction or of the account's state.
    pub slot: Slot,
    /// The block's time, in seconds since 1970, as its validators estimated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time: Option<i64>,
    /// How settled it was when eda saw it.
    pub commitment: Commitment,
    /// The transaction.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub signature: Option<Signature>,
    /// The instruction in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// The index inside a token program's `Batch` instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_entry: Option<u16>,
    /// Whether it was found by gap-filling or catching up, and not live.
    pub filled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing<'a> {
    r#type: Kind,
    #[serde(serialize_with = "text::serialize")]
    timestamp: Milliseconds,
    id: &'a EventId,
    schema_version: u32,
    cluster: &'a Cluster,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    data: &'a Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming {
    r#type: Kind,
    #[serde(deserialize_with = "text::deserialize")]
    timestamp: Timestamp,
    id: EventId,
    schema_version: u32,
    cluster: Cluster,
    source: Option<Source>,
    data: serde_json::Value,
}

/// Always three decimals, as JavaScript writes its dates.
struct Milliseconds(Timestamp);

// === impl Event ===

impl Event {
    /// An event of this schema version. The timestamp is cut to whole milliseconds, which is what travels.
    pub fn new(
        id: EventId,
        timestamp: Timestamp,
        cluster: Cluster,
        source: Option<Source>,
        data: Data,
    ) -> Self {
        let whole = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Trunc);
        let timestamp = timestamp.round(whole).unwrap_or(timestamp);
        Self { id, timestamp, schema_version: SCHEMA_VERSION, cluster, source, data }
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        self.data.kind()
    }

    /// The channel it is published on.
    pub fn topic(&self) -> Topic {
        self.kind().topic()
    }
}

/// The id, which is short and says what the event is.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Outgoing {
            r#type: self.kind(),
            timestamp: Milliseconds(self.timestamp),
            id: &self.id,
            schema_version: self.schema_version,
            cluster: &self.cluster,
            source: self.source.as_ref(),
            data: &self.data,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let incoming = Incoming::deserialize(deserializer)?;
        Ok(Self {
            id: incoming.id,
            timestamp: incoming.timestamp,
            schema_version: incoming.schema_version,
            cluster: incoming.cluster,
            source: incoming.source,
            data: Data::read(incoming.r#type, incoming.data).map_err(D::Error::custom)?,
        })
    }
}

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}
