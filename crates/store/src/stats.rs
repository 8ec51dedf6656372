use std::collections::BTreeMap;

use eda_events::Topic;
use jiff::Timestamp;

/// The numbers of a store. What is counted is counted since it was opened, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// New events kept, by topic; a topic without any is absent.
    pub events: BTreeMap<Topic, u64>,
    /// Events whose id was kept before.
    pub duplicates: u64,
    /// New refusals kept.
    pub refusals: u64,
    /// Entries that cannot be kept because of what they are, by reason. Each was logged as an error.
    pub unkeepable: BTreeMap<&'static str, u64>,
    /// How often a consumer was not given an event because it cannot be read. Each time was logged as an error.
    pub unreadable: u64,
    /// Events in the file, as kept by this and earlier processes.
    pub events_in_file: u64,
    /// Refusals in the file.
    pub refusals_in_file: u64,
    /// The sequence of the last event.
    pub sequence: u64,
    /// When something was last written.
    pub last_commit: Option<Timestamp>,
    /// Why nothing can be written now, and what to do.
    pub failing: Option<String>,
    /// Entries taken from the queue that are not written yet.
    pub in_hand: usize,
    /// How large the file is with its log of recent writes, in bytes; absent for a store in memory.
    pub size: Option<u64>,
    /// Those who read the event log.
    pub consumers: Vec<ConsumerStats>,
}

/// The numbers of one reader of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerStats {
    /// Its name.
    pub name: String,
    /// It has finished with every event up to this sequence.
    pub cursor: u64,
}
