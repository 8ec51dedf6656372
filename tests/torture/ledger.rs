//! What really happened, beside what the process has kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use eda_events::{Genesis, Slot};
use eda_simnet::cluster::Simnet;
use eda_store::{Reader, Store};
use tokio::time::{sleep, timeout};

use crate::WORKER;

/// Waits that only a failing test uses up.
const PATIENCE: Duration = Duration::from_secs(180);

/// The burns that are asked for.
pub(crate) struct Ledger {
    file: PathBuf,
    /// All of them, if absent.
    mints: Option<Vec<String>>,
}

impl Ledger {
    pub(crate) fn new(data: &Path, mints: Option<Vec<String>>) -> Self {
        Self { file: data.join("eda.db"), mints }
    }

    /// The ids of the burns that really happened, by slot.
    pub(crate) fn happened(&self, cluster: &Simnet) -> Vec<(u64, String)> {
        let chain = cluster.chain();
        let burns = chain.truth().rows().filter(|row| row.is_burn());
        let wanted = |row: &serde_json::Value| {
            self.mints.as_ref().is_none_or(|mints| mints.iter().any(|mint| row["mint"] == **mint))
        };
        let rows = burns.map(|row| (row.slot, row.to_json())).filter(|(_, row)| wanted(row));
        rows.map(|(slot, row)| {
            let path: Vec<String> = row["path"].as_array().unwrap().iter().map(ToString::to_string).collect();
            let entry = row["batchEntry"].as_u64().map(|entry| format!("#{entry}")).unwrap_or_default();
            (slot, format!("burn:{}:{}{entry}", row["signature"].as_str().unwrap(), path.join(".")))
        })
        .collect()
    }

    fn read(&self) -> Option<Reader> {
        Store::read(&self.file).ok()
    }

    /// The ids of the burns that were kept, with how often they are there.
    fn kept(&self) -> BTreeMap<String, u32> {
        let reader = self.read().expect("the store can be read");
        let mut kept: BTreeMap<String, u32> = BTreeMap::new();
        let mut after = 0;
        loop {
            let events = reader.events_after(after, 1_000).unwrap();
            let Some(last) = events.last() else { return kept };
            after = last.sequence;
            for stored in &events {
                if stored.event.id.as_str().starts_with("burn:") {
                    *kept.entry(stored.event.id.to_string()).or_default() += 1;
                }
            }
        }
    }

    /// From where on every burn is claimed, and up to where, for the interest that is furthest behind.
    fn claimed(&self, cluster: &Simnet) -> Option<(u64, u64)> {
        let genesis = Genesis::from(cluster.chain().genesis_hash().to_string().as_str());
        let covered = self.read()?.spans(&genesis, Some(WORKER)).ok()?;
        let mut spans: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for one in covered {
            let (from, to) = spans.entry(one.interest.to_string()).or_insert((u64::MAX, 0));
            *from = one.span.from.0.min(*from);
            *to = one.span.to.0.max(*to);
        }
        let wanted = self.mints.as_ref().map_or(2, Vec::len);
        if spans.len() < wanted {
            return None;
        }
        let from = spans.values().map(|(from, _)| *from).max()?;
        Some((from, spans.values().map(|(_, to)| *to).min()?))
    }

    /// The slots that are named as missing.
    fn holes(&self, cluster: &Simnet) -> Vec<(Slot, Slot, String)> {
        let genesis = Genesis::from(cluster.chain().genesis_hash().to_string().as_str());
        let holes =
            self.read().and_then(|reader| reader.holes(&genesis, Some(WORKER)).ok()).unwrap_or_default();
        holes.into_iter().map(|hole| (hole.from, hole.to, hole.reason)).collect()
    }

    pub(crate) async fn until_begun(&self, cluster: &Simnet) {
        let begun = async {
            while self.claimed(cluster).is_none() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, begun).await.expect("nothing is followed");
    }

    /// Waits until everything up to a slot is proven, and nothing is missing.
    pub(crate) async fn until_reached(&self, cluster: &Simnet, last: u64, log: impl Fn() -> String) {
        let reached = async {
            while self.claimed(cluster).is_none_or(|(_, to)| to < last) || !self.holes(cluster).is_empty() {
                sleep(Duration::from_millis(200)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            let (claimed, holes) = (self.claimed(cluster), self.holes(cluster));
            panic!("slot {last} is not reached: {claimed:?}, missing {holes:?}\n{}", log());
        }
    }

    /// Every burn that a checkpoint covers is kept, unless its slot is named as missing.
    pub(crate) fn check_what_is_claimed(&self, cluster: &Simnet) {
        let Some((from, to)) = self.claimed(cluster) else { return };
        let (kept, holes) = (self.kept(), self.holes(cluster));
        let missing: Vec<_> = self
            .happened(cluster)
            .into_iter()
            .filter(|(slot, _)| (from..=to).contains(slot))
            .filter(|(slot, _)| !holes.iter().any(|(from, to, _)| (from.0..=to.0).contains(slot)))
            .filter(|(_, id)| !kept.contains_key(id))
            .collect();
        assert!(missing.is_empty(), "claimed {from} to {to}, and these are not kept: {missing:?}");
    }

    /// The burns kept are exactly those that happened.
    pub(crate) fn check_against(&self, cluster: &Simnet, last: u64, log: impl Fn() -> String) {
        let (from, _) = self.claimed(cluster).unwrap();
        let kept = self.kept();
        assert!(kept.values().all(|times| *times == 1), "reported twice");
        let happened = self.happened(cluster);
        let due: BTreeSet<&String> =
            happened.iter().filter(|(slot, _)| (from..=last).contains(slot)).map(|(_, id)| id).collect();
        let lost: Vec<_> = due.iter().filter(|id| !kept.contains_key(**id)).collect();
        assert!(lost.is_empty(), "lost {} of {}: {lost:?}\n{}", lost.len(), due.len(), log());
        let real: BTreeSet<&String> = happened.iter().map(|(_, id)| id).collect();
        let invented: Vec<_> = kept.keys().filter(|id| !real.contains(id)).collect();
        assert!(invented.is_empty(), "never happened: {invented:?}");
        println!("{} burns between {from} and {last}", due.len());
    }
}
