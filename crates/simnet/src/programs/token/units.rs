//! Compute units of each instruction: what a validator of version 4.2.2 counts for a plain successful one.

use super::Edition;

/// Units of an instruction with this data.
pub(super) fn of(edition: Edition, data: &[u8]) -> u64 {
    match (edition, data.first()) {
        (_, None) => 100,
        (Edition::Classic, Some(tag)) => u64::from(*tag),
        (Edition::Extended, Some(tag)) => u64::from(*tag),
    }
}
