//! What a transaction costs a block, by Agave's `cost-model`, `transaction_cost.rs` and `block_cost_limits.rs`.

use solana_address::Address;

use crate::{chain::Landed, programs};

/// Units per signature.
const SIGNATURE: u64 = 720;
/// Units per account that may be written.
const WRITE_LOCK: u64 = 300;
/// Bytes of instruction data per unit.
const DATA_BYTES: u64 = 4;
/// Units per page of loaded accounts, and bytes of a page.
const PAGE: u64 = 8;
const PAGE_BYTES: u64 = 32 * 1024;
/// Bytes every loaded account counts for besides its data (SIMD-0186).
const LOADED_ACCOUNT: u64 = 64;
/// Bytes of the code of deployed programs. The simulated ones have none; this is what the Token programs have, and
/// others are taken to be as large as the smaller one.
const CODE: u64 = 108_709;
const CODE_2022: u64 = 507_005;
/// Bytes of a deployed program's account, which names where its code is.
const PROGRAM: u64 = 36;

/// Bytes that loading these accounts counts for; `data` is the length of each one's data, `None` if it does not exist.
pub(crate) fn loaded_bytes<'a>(accounts: impl Iterator<Item = (&'a Address, Option<usize>)>) -> u64 {
    let bytes = |(address, data): (&Address, Option<usize>)| {
        let data = u64::try_from(data?).unwrap_or(u64::MAX);
        let data = match programs::find(address) {
            Some(program) if program.builtin => data,
            Some(program) if program.address == programs::TOKEN_2022 => CODE_2022.saturating_add(PROGRAM),
            Some(_) => CODE.saturating_add(PROGRAM),
            None => data,
        };
        Some(LOADED_ACCOUNT.saturating_add(data))
    };
    accounts.filter_map(bytes).fold(0, u64::saturating_add)
}

/// The units of a transaction.
pub(super) fn units(landed: &Landed, writable: usize) -> u64 {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let signatures = count(landed.wire.signatures.len()).saturating_mul(SIGNATURE);
    let locks = count(writable).saturating_mul(WRITE_LOCK);
    let data: usize =
        landed.wire.message.instructions().iter().map(|instruction| instruction.data.len()).sum();
    let loaded = loaded_bytes(landed.keys().map(|key| (key, Some(0))));
    let pages = loaded.div_ceil(PAGE_BYTES).saturating_mul(PAGE);
    [signatures, locks, count(data) / DATA_BYTES, landed.meta.units, pages]
        .into_iter()
        .fold(0, u64::saturating_add)
}
