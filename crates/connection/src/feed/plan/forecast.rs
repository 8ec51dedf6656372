//! What meeting a demand costs: the requests that the followers make, by the same numbers that they go by.

use std::{collections::BTreeMap, time::Duration};

use eda_events::Address;
use eda_limits::{Limits, Method};

use super::{Cost, Demand, Measures, Mode, Part, Terms, room};
use crate::feed::{
    accounts::{GET_MULTIPLE_ACCOUNTS, KEYS_PER_READ},
    blocks::GET_BLOCK,
    cursors::OVERLAP,
    fetch::GET_TRANSACTION,
    listing::{COMPARED, GET_SIGNATURES, PAGE},
    walk::STEADY,
};

const GET_ACCOUNT_INFO: Method = Method::new("getAccountInfo");
const GET_GENESIS_HASH: Method = Method::new("getGenesisHash");
const GET_SLOT: Method = Method::new("getSlot");
const GET_VERSION: Method = Method::new("getVersion");

/// One block of mainnet as it travels, gzipped (connection.md 0.1: 7.0 MB of JSON, 1.2 MB gzipped).
pub(super) const BLOCK_BYTES: u64 = 1_200_000;
/// Questions about a block that is announced and never confirmed, until a later one shows that.
const IN_VAIN: f64 = 2.0;
/// Two endpoints are compared so often ([`Bounds::compare_every`](crate::failover::Bounds)).
const LOOK_EVERY: f64 = 60.0;

/// What everything costs, and which addresses can only be compared in part: the share that can.
pub(super) fn forecast(
    demand: &Demand,
    mode: Option<Mode>,
    measures: &Measures,
    limits: &Limits,
    terms: &Terms,
) -> (Vec<Cost>, BTreeMap<Address, f64>) {
    let mut costs = start(demand);
    let mut sampled = BTreeMap::new();
    match mode {
        Some(Mode::Blocks) => costs.push(blocks(measures)),
        Some(Mode::Logs) => {
            costs.push(transactions(demand, measures));
            let listed = demand.mentions().map(|mention| {
                let (pages, share) = pages(mention, measures, terms.compare_every);
                if share < 1.0 {
                    sampled.insert(*mention, share);
                }
                pages
            });
            let pages = listed.sum();
            costs.extend(listings(demand, pages, measures, terms));
        }
        None => {}
    }
    costs.extend(accounts(demand, mode, limits, terms));
    costs.extend(demand.aside.iter().cloned());
    (costs, sampled)
}

/// What comparing costs each of so many endpoints.
pub fn looks(endpoints: usize) -> Vec<Cost> {
    let look = |method, times: f64| {
        Cost::repeated(Part::Endpoints, method, times / LOOK_EVERY, "a look once a minute")
    };
    if endpoints > 1 { vec![look(GET_GENESIS_HASH, 1.0), look(GET_SLOT, 2.0)] } else { Vec::new() }
}

fn start(demand: &Demand) -> Vec<Cost> {
    let once = |method, at_start| Cost {
        at_start,
        ..Cost::repeated(Part::Start, method, 0.0, "once, and after every reconnect")
    };
    let mut costs: Vec<Cost> = [GET_GENESIS_HASH, GET_VERSION, GET_ACCOUNT_INFO]
        .into_iter()
        .map(|method| once(method, 1.0))
        .collect();
    if demand.mentions().next().is_some() {
        costs.push(Cost { why: "where to begin".to_owned(), ..once(GET_SLOT, 1.0) });
    }
    costs
}

fn blocks(measures: &Measures) -> Cost {
    let slot = measures.slot_time.max(Duration::from_millis(1));
    let share = measures.with_block.unwrap_or(1.0);
    // The walk asks a little too early now and then, to learn how soon blocks are confirmed.
    let early = 1.0 / f64::from(STEADY);
    let per_slot = share * (1.0 + early) + measures.abandoned.unwrap_or(0.0) * IN_VAIN;
    let why = match measures.with_block {
        Some(share) => {
            format!("a slot every {} ms, of which {:.1} % have a block", slot.as_millis(), share * 100.0)
        }
        None => format!("a slot every {} ms", slot.as_millis()),
    };
    Cost {
        bytes: Some(measures.block_bytes.unwrap_or(BLOCK_BYTES)),
        ..Cost::repeated(Part::Blocks, GET_BLOCK, per_slot / slot.as_secs_f64(), why)
    }
}

fn transactions(demand: &Demand, measures: &Measures) -> Cost {
    let known = demand.mentions().filter_map(|mention| measures.mentions.get(mention));
    let (count, per_second) =
        known.fold((0, 0.0), |(count, sum), known| (count + 1, sum + known.per_second * known.fetched));
    let all = demand.mentions().count();
    let unknown = all.saturating_sub(count);
    // Those that were not looked at are taken to be like the others.
    let scale = if count > 0 { all as f64 / count as f64 } else { 0.0 };
    let why = match (count, unknown) {
        (0, _) => format!("what the logs of {all} address(es) do not rule out: not measured"),
        (_, 0) => format!("what the logs of {all} address(es) do not rule out"),
        (_, _) => format!("what the logs of {all} address(es) do not rule out, {count} of them measured"),
    };
    let per_second = per_second * measures.distinct.unwrap_or(1.0) * scale;
    Cost::repeated(Part::Transactions, GET_TRANSACTION, per_second, why)
}

/// The pages of one listing, and the share of the transactions that stand on them.
fn pages(mention: &Address, measures: &Measures, every: Duration) -> (f64, f64) {
    let Some(known) = measures.mentions.get(mention) else { return (1.0, 1.0) };
    // A listing begins an overlap before what the last one proved, which is an overlap before what it listed.
    let overlap = measures.slot_time.as_secs_f64() * (2 * OVERLAP) as f64;
    let listed = known.per_second * (every.as_secs_f64() + overlap);
    let needed = (listed / PAGE as f64).floor() + 1.0;
    let pages = needed.min(COMPARED as f64);
    (pages, if needed > pages { pages * PAGE as f64 / listed } else { 1.0 })
}

fn listings(demand: &Demand, pages: f64, measures: &Measures, terms: &Terms) -> [Cost; 2] {
    let every = terms.compare_every.max(Duration::from_millis(1));
    let addresses = demand.mentions().count();
    let settling = measures.slot_time.as_secs_f64() * (OVERLAP + 1) as f64;
    // Listed when it goes live, once more when the node must know what was newest then, and from then on at intervals.
    let at_start = 2.0 - (settling / every.as_secs_f64()).min(1.0);
    let cost = |method, times: f64| Cost {
        at_start: at_start * times,
        ..Cost::repeated(
            Part::Listings,
            method,
            times / every.as_secs_f64(),
            format!("{addresses} address(es) every {}", seconds(every)),
        )
    };
    [cost(GET_SIGNATURES, pages), cost(GET_SLOT, addresses as f64)]
}

fn accounts(demand: &Demand, mode: Option<Mode>, limits: &Limits, terms: &Terms) -> Vec<Cost> {
    let subscribed = demand.accounts.len().min(room(demand, mode, limits));
    let swept = demand.accounts.len() - subscribed;
    let mut costs = Vec::new();
    if subscribed > 0 {
        let reads = reads_of(subscribed);
        let every = terms.compare_every.max(Duration::from_millis(1));
        costs.push(Cost {
            at_start: reads,
            ..Cost::repeated(
                Part::Accounts,
                GET_MULTIPLE_ACCOUNTS,
                reads / every.as_secs_f64(),
                format!("{subscribed} subscribed account(s), read again every {}", seconds(every)),
            )
        });
    }
    if swept > 0 {
        let every = terms.sweep_interval.max(Duration::from_millis(1));
        costs.push(Cost::repeated(
            Part::Sweep,
            GET_MULTIPLE_ACCOUNTS,
            reads_of(swept) / every.as_secs_f64(),
            format!("a sweep of {swept} account(s) every {}", seconds(every)),
        ));
    }
    costs
}

/// `getMultipleAccounts` for so many accounts.
pub(super) fn reads_of(accounts: usize) -> f64 {
    accounts.div_ceil(KEYS_PER_READ) as f64
}

pub(super) fn seconds(length: Duration) -> String {
    format!("{} s", length.as_secs_f32())
}
