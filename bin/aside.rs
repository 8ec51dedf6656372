//! What is asked for beside the feed, as far as a sample of the chain tells: supplies of mints that are burned, and a
//! second look at every event once its slot is final.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use eda_burn_detector::{Detector, Judged};
use eda_chain::Transaction;
use eda_connection::{
    feed::{
        Sample,
        plan::{Cost, Part},
    },
    request::Method,
};
use eda_events::Address;

use crate::finality;

/// Blocks that build on one until it is final.
const FINALIZED_AFTER: u32 = 32;

const GET_ACCOUNT_INFO: Method = Method::new("getAccountInfo");
const GET_SIGNATURE_STATUSES: Method = Method::new("getSignatureStatuses");
const GET_SLOT: Method = Method::new("getSlot");

/// What a burn-detector that decides like `detector` will ask for.
pub(crate) fn costs(detector: &Detector, sample: &Sample) -> Vec<Cost> {
    let slot = sample.measures.slot_time;
    let mut costs = Vec::new();
    let mut mints: BTreeMap<Address, usize> = BTreeMap::new();
    let mut burns = 0_usize;
    for transaction in sample.blocks.iter().flat_map(|block| &block.transactions) {
        burns += usize::from(burned(detector, transaction, &mut mints));
    }
    let per_second = if sample.blocks.is_empty() {
        let burns = sample
            .transactions
            .iter()
            .filter(|transaction| burned(detector, transaction, &mut mints))
            .count();
        sample.of * burns as f64 / sample.transactions.len().max(1) as f64
    } else {
        let blocks = sample.measures.with_block.unwrap_or(1.0) / slot.as_secs_f64().max(f64::MIN_POSITIVE);
        let reads = blocks * unknown(&mints) / sample.blocks.len() as f64;
        costs.push(Cost::repeated(
            Part::Supplies,
            GET_ACCOUNT_INFO,
            reads,
            format!("mints not burned before, in {} blocks", sample.blocks.len()),
        ));
        blocks * burns as f64 / sample.blocks.len() as f64
    };
    costs.extend(second_looks(per_second, slot));
    costs
}

/// Counts each mint once that is burned in a transaction. Whether that makes an event at all: those of one transaction
/// come together.
fn burned(detector: &Detector, transaction: &Transaction, mints: &mut BTreeMap<Address, usize>) -> bool {
    let judged = detector.examine(transaction);
    let burned = judged.iter().filter_map(|judged| match judged {
        Judged::Candidate(candidate) => Some(candidate.burn.mint),
        Judged::Refused { .. } => None,
    });
    let burned: BTreeSet<Address> = burned.collect();
    let burns = !burned.is_empty();
    for mint in burned {
        *mints.entry(mint).or_default() += 1;
    }
    burns
}

/// How many of the burns in the sample would be of a mint that was not burned before, had it gone on for long: as many
/// as are of a mint that occurs once (Good and Turing's estimate of what has not been seen). The longer it really goes
/// on, the fewer.
fn unknown(mints: &BTreeMap<Address, usize>) -> f64 {
    mints.values().filter(|count| **count == 1).count() as f64
}

/// The process looks at intervals, as long as there is an event whose slot is not final; and asks what became of those
/// that have become so since it looked last. Events come when they like.
fn second_looks(events_per_second: f64, slot: Duration) -> [Cost; 2] {
    let every = finality::EVERY.as_secs_f64();
    let unsettled = (slot * FINALIZED_AFTER).as_secs_f64();
    let any_in = |seconds: f64| 1.0 - (-events_per_second * seconds).exp();
    let cost = |method, share: f64| {
        let why =
            format!("{:.1} events a minute, looked at again when they are final", events_per_second * 60.0);
        Cost::repeated(Part::Finality, method, share / every, why)
    };
    [cost(GET_SLOT, any_in(unsettled + every)), cost(GET_SIGNATURE_STATUSES, any_in(every))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_looks_cost_nothing_without_events_and_one_round_an_interval_with_many() {
        let per_second =
            |events| second_looks(events, Duration::from_millis(400)).map(|cost| cost.per_second);
        assert_eq!(per_second(0.0), [0.0, 0.0]);
        let [slots, statuses] = per_second(1_000.0);
        assert!((slots - 0.2).abs() < 1e-9 && (statuses - 0.2).abs() < 1e-9);
        // One in a thousand seconds: it waits 12.8 s to become final, and up to 5 s more to be looked at.
        let [slots, statuses] = per_second(0.001);
        assert!((slots * 1_000.0 - 17.8 / 5.0).abs() < 0.05, "{slots}");
        assert!((statuses * 1_000.0 - 1.0).abs() < 0.01, "{statuses}");
    }

    #[test]
    fn a_mint_that_is_burned_again_and_again_is_known() {
        let address = |byte| Address::new_from_array([byte; 32]);
        let mints = BTreeMap::from([(address(1), 9), (address(2), 1), (address(3), 1)]);
        assert!((unknown(&mints) - 2.0).abs() < 1e-9);
    }
}
