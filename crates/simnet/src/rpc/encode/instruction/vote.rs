//! Votes: of the Vote program's instructions the one that validators send all day.

use serde_json::{Value, json};
use solana_address::Address;

use super::info::Info;
use crate::rpc::encode::reader::{Reader, text};

/// `VoteInstruction::TowerSync` (`solana-vote-interface`, bincode: u32 tag, then the compact form of `tower_sync.rs`).
const TOWER_SYNC: u32 = 14;
const NO_ROOT: u64 = u64::MAX;

/// An instruction, if it is a vote.
pub(super) fn parse(accounts: &[Address], data: &[u8]) -> Option<Value> {
    let mut data = Reader(data);
    if data.u32()? != TOWER_SYNC {
        return None;
    }
    let vote = tower_sync(&mut data)?;
    let info = Info::of(accounts, 2, &["voteAccount", "voteAuthority"])?.with("towerSync", vote);
    Some(info.named("towersync"))
}

/// Root u64, lockouts (short length; offset varint, confirmations u8), hash, optional unix time i64, block id.
fn tower_sync(data: &mut Reader<'_>) -> Option<Value> {
    let root = data.u64()?;
    let root = (root != NO_ROOT).then_some(root);
    let mut slot = root.unwrap_or_default();
    let mut lockouts = Vec::new();
    for _ in 0..varint(data)? {
        slot = slot.checked_add(varint(data)?)?;
        lockouts.push(json!({"slot": slot, "confirmation_count": data.u8()?}));
    }
    let hash = data.address()?;
    let timestamp = if data.flag()? { Some(data.i64()?) } else { None };
    let block_id = data.address()?;
    Some(json!({
        "lockouts": lockouts,
        "root": root,
        "hash": text(hash),
        "timestamp": timestamp,
        "blockId": text(block_id),
    }))
}

/// A number of seven bits a byte, low ones first.
fn varint(data: &mut Reader<'_>) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = data.u8()?;
        number |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
