//! The accounts in which the cluster describes itself.

use solana_address::Address;

use super::{Account, Block, Config};
use crate::runtime::Environment;

/// Whose accounts they are.
const OWNER: Address = Address::from_str_const("Sysvar1111111111111111111111111111111111111");
const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");
const RENT: Address = Address::from_str_const("SysvarRent111111111111111111111111111111111");
const SLOT_HASHES: Address = Address::from_str_const("SysvarS1otHashes111111111111111111111111111");
/// Entries of the list of slot hashes at most (`solana-slot-hashes`, `MAX_ENTRIES`).
const ENTRIES: usize = 512;

/// The sysvars at the end of a slot; `earlier` are the blocks up to this slot's, newest first.
pub(super) fn of<'a>(
    environment: &Environment,
    config: &Config,
    earlier: impl Iterator<Item = &'a Block>,
) -> [(Address, Account); 3] {
    // Clock (`solana-clock`): slot, epoch start time, epoch, leader schedule epoch, unix time.
    let epoch_start = environment.epoch.saturating_mul(config.slots_per_epoch);
    let since =
        config.slot_time.as_millis().saturating_mul(u128::from(environment.slot.saturating_sub(epoch_start)));
    let epoch_time = environment.time.saturating_sub(i64::try_from(since / 1_000).unwrap_or(i64::MAX));
    let clock = [
        environment.slot.to_le_bytes(),
        epoch_time.to_le_bytes(),
        environment.epoch.to_le_bytes(),
        environment.epoch.saturating_add(1).to_le_bytes(),
        environment.time.to_le_bytes(),
    ]
    .concat();
    // Rent (`solana-rent`): lamports per byte and year u64, exemption threshold f64 (2.0), burned percent u8.
    let rent = [&3_480_u64.to_le_bytes()[..], &2.0_f64.to_le_bytes(), &[50]].concat();
    // Slot hashes (`solana-slot-hashes`): a count, then slot and hash, newest first.
    let entries: Vec<u8> = earlier
        .take(ENTRIES)
        .flat_map(|block| block.slot.to_le_bytes().into_iter().chain(block.blockhash.to_bytes()))
        .collect();
    let count = u64::try_from(entries.len() / 40).unwrap_or(u64::MAX);
    let slot_hashes = [&count.to_le_bytes()[..], &entries].concat();
    [(CLOCK, clock), (RENT, rent), (SLOT_HASHES, slot_hashes)]
        .map(|(address, data)| (address, Account::holding(data, OWNER)))
}
