//! Listing the transactions of an address backwards, from the newest to where it was before.
//!
//! Nodes promise no order inside a slot, answer an unknown `until` with their newest page, and have sent pages in
//! circles (solana#22456, #24620, agave#907). So a listing goes by slots alone, to some way behind the place that was
//! reached, and what was handed out before is told apart by its signature.

use std::collections::HashSet;

use eda_events::{Address, Signature};
use eda_limits::Limits;
use serde::Deserialize;
use serde_json::json;

use super::{
    blocks::{GET_BLOCK, newest},
    cursors::OVERLAP,
    fetch::GET_TRANSACTION,
    shared::Shared,
};
use crate::{
    calls::RequestError,
    request::{Class, Method},
};

/// Nodes list at most so many at once (connection.md 2.7).
pub(super) const PAGE: usize = 1_000;
/// So many pages are compared with what was notified, while nothing was interrupted; beyond that only a sample is.
pub(super) const COMPARED: usize = 8;

pub(super) const GET_SIGNATURES: Method = Method::new("getSignaturesForAddress");
const GET_FIRST_AVAILABLE: Method = Method::new("getFirstAvailableBlock");

/// One listed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) signature: Signature,
    pub(super) slot: u64,
    pub(super) failed: bool,
}

/// What a listing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Something was interrupted: everything has to be found.
    Fill,
    /// To compare with what was notified.
    Compare,
}

/// What a listing brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// Every transaction up to the newest slot `to`, oldest first.
    Whole { to: u64, transactions: Vec<Listed>, pruned_to: Option<u64> },
    /// There are so many that the newest of them were listed as a sample.
    Sample { to: u64, transactions: Vec<Listed> },
    /// Reading all blocks from what was reached to `to` costs less than fetching what is listed.
    Dense { to: u64, signatures: u64, blocks: u64 },
}

/// The pages so far.
#[derive(Debug)]
struct Pages {
    back_to: u64,
    transactions: Vec<Listed>,
    seen: HashSet<Signature>,
    pages: usize,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The page before this signature.
    Before(Signature),
    /// It reaches back far enough.
    Reached,
    /// There is nothing older.
    End,
    /// It says what an earlier one said.
    Circle,
}

#[derive(Deserialize)]
struct Row {
    signature: String,
    slot: u64,
    #[serde(default)]
    err: Option<serde::de::IgnoredAny>,
}

/// Lists the transactions of `mention` after `reached`.
pub(super) async fn list(
    shared: &Shared,
    mention: &Address,
    reached: u64,
    purpose: Purpose,
) -> Result<Listing, RequestError> {
    let to = newest(shared, Class::Fill).await;
    let mut pages = Pages::back_to(reached.saturating_sub(OVERLAP));
    let mut before = None;
    let whole = loop {
        let page = page(shared, mention, before).await?;
        let full = page.len() >= PAGE;
        before = match pages.add(page) {
            Next::Reached => break true,
            Next::End => break false,
            Next::Circle => {
                return Err(RequestError::unexpected(&GET_SIGNATURES, &"a page repeats an earlier one"));
            }
            Next::Before(signature) => Some(signature),
        };
        match purpose {
            Purpose::Compare if pages.pages >= COMPARED => {
                return Ok(Listing::Sample { to, transactions: pages.oldest_first() });
            }
            Purpose::Compare => {}
            Purpose::Fill => {
                // Blocks are large: a few transactions are fetched one by one, whatever a call costs.
                if full && let Some((signatures, blocks)) = pages.denser(to, reached, &shared.calls.limits())
                {
                    return Ok(Listing::Dense { to, signatures, blocks });
                }
            }
        }
    };
    // A node that has thrown history away lists what it has, and does not say so.
    let pruned_to =
        if whole || purpose == Purpose::Compare { None } else { first_available(shared, reached).await? };
    Ok(Listing::Whole { to, transactions: pages.oldest_first(), pruned_to })
}

/// The last slot the node has thrown away, if it lies after `reached`.
async fn first_available(shared: &Shared, reached: u64) -> Result<Option<u64>, RequestError> {
    let reply = shared.calls.shared(Class::Fill, GET_FIRST_AVAILABLE, json!([])).await?;
    let first: u64 = serde_json::from_str(reply.result.get())
        .map_err(|error| RequestError::unexpected(&GET_FIRST_AVAILABLE, &error))?;
    Ok(first.checked_sub(1).filter(|pruned| *pruned > reached))
}

async fn page(
    shared: &Shared,
    mention: &Address,
    before: Option<Signature>,
) -> Result<Vec<Listed>, RequestError> {
    let mut settings = json!({ "commitment": shared.commitment, "limit": PAGE });
    if let Some(before) = before {
        settings["before"] = json!(before.to_string());
    }
    let params = json!([mention.to_string(), settings]);
    let reply = shared.calls.shared(Class::Fill, GET_SIGNATURES, params).await?;
    listed(reply.result.get())
}

/// The rows of a page.
pub(super) fn listed(page: &str) -> Result<Vec<Listed>, RequestError> {
    let unexpected = |reason: &dyn std::fmt::Display| RequestError::unexpected(&GET_SIGNATURES, reason);
    let rows: Vec<Row> = serde_json::from_str(page).map_err(|error| unexpected(&error))?;
    let listed = |row: Row| {
        let signature = row.signature.parse().map_err(|_| unexpected(&"a signature is none"))?;
        Ok(Listed { signature, slot: row.slot, failed: row.err.is_some() })
    };
    rows.into_iter().map(listed).collect()
}

// === impl Pages ===

impl Pages {
    fn back_to(slot: u64) -> Self {
        Self { back_to: slot, transactions: Vec::new(), seen: HashSet::new(), pages: 0 }
    }

    /// Takes in a page. Order is not relied on: what counts is the oldest slot on it.
    fn add(&mut self, page: Vec<Listed>) -> Next {
        self.pages += 1;
        let Some(last) = page.last().map(|listed| listed.signature) else { return Next::End };
        let oldest = page.iter().map(|listed| listed.slot).min().unwrap_or_default();
        let known = self.transactions.len();
        for listed in page {
            if self.seen.insert(listed.signature) {
                self.transactions.push(listed);
            }
        }
        if oldest < self.back_to {
            Next::Reached
        } else if self.transactions.len() == known {
            Next::Circle
        } else {
            Next::Before(last)
        }
    }

    /// Whether reading all blocks would cost less than going on: how many transactions there seem to be, and how many
    /// blocks. Costs are the provider's credits, which are 1 a call where it counts calls.
    fn denser(&self, to: u64, reached: u64, limits: &Limits) -> Option<(u64, u64)> {
        let oldest = self.transactions.iter().map(|listed| listed.slot).min()?;
        let span = to.saturating_sub(oldest).max(1);
        let blocks = to.saturating_sub(reached);
        let listed = u64::try_from(self.transactions.len()).ok()?;
        let expected = listed.saturating_mul(blocks) / span;
        let cost = |method: &Method| u64::from(limits.cost(method));
        let pages = expected.div_ceil(1_000);
        let by_signature = expected * cost(&GET_TRANSACTION) + pages * cost(&GET_SIGNATURES);
        (blocks * cost(&GET_BLOCK) < by_signature).then_some((expected, blocks))
    }

    fn oldest_first(self) -> Vec<Listed> {
        let mut transactions = self.transactions;
        transactions.reverse();
        transactions.sort_by_key(|listed| listed.slot);
        transactions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(number: u64, slot: u64) -> Listed {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Listed { signature: Signature::from(bytes), slot, failed: false }
    }

    #[test]
    fn a_listing_goes_by_slots_and_not_by_the_order_on_a_page() {
        let mut pages = Pages::back_to(100);
        let first = vec![listed(1, 130), listed(2, 120), listed(3, 125)];
        assert_eq!(pages.add(first.clone()), Next::Before(listed(3, 125).signature));
        assert_eq!(pages.add(vec![listed(4, 99), listed(5, 101)]), Next::Reached);
        let order: Vec<u64> = pages.oldest_first().iter().map(|listed| listed.slot).collect();
        assert_eq!(order, [99, 101, 120, 125, 130]);
    }

    #[test]
    fn pages_in_a_circle_are_noticed() {
        let mut pages = Pages::back_to(100);
        let page = vec![listed(1, 130), listed(2, 120)];
        assert_eq!(pages.add(page.clone()), Next::Before(listed(2, 120).signature));
        assert_eq!(pages.add(page), Next::Circle);
        assert_eq!(pages.add(Vec::new()), Next::End);
    }

    #[test]
    fn the_slot_that_was_reached_is_not_the_end_before_the_overlap_is() {
        let mut pages = Pages::back_to(100);
        assert_eq!(pages.add(vec![listed(1, 100)]), Next::Before(listed(1, 100).signature));
        assert_eq!(pages.add(vec![listed(2, 99)]), Next::Reached);
    }

    #[test]
    fn blocks_are_read_where_that_costs_less() {
        let limits = Limits::default();
        let mut pages = Pages::back_to(0);
        // 1,000 transactions in 10 slots, and 100 slots to fill.
        pages.add((0..1_000).map(|number| listed(number, 990 + number / 100)).collect());
        assert_eq!(pages.denser(1_000, 900, &limits), Some((10_000, 100)));
        // The same number in 2,000 slots.
        let mut pages = Pages::back_to(0);
        pages.add((0..1_000).map(|number| listed(number, 8_000 + number * 2)).collect());
        assert_eq!(pages.denser(10_000, 0, &limits), None);
    }
}
