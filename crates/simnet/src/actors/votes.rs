//! Validators vote about the block before, each once per block.

use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{Actor, Genesis, Outbox, Stage, pace::Pace};
use crate::{
    chain::{Account, key},
    programs,
};

/// Lamports of a validator, for fees.
const LAMPORTS: u64 = 10_000_000_000_000_000;
/// Bytes of a vote account (`VoteStateV3::size_of`).
const BYTES: usize = 3_762;
/// Blocks that a full tower holds (`MAX_LOCKOUT_HISTORY`).
const TOWER: u8 = 31;

/// The validators.
#[derive(Debug)]
pub(super) struct Votes {
    pace: Pace,
    /// Each with its vote account, whose authority it is.
    validators: Vec<(Keypair, Keypair)>,
    /// Who votes next.
    next: usize,
}

// === impl Votes ===

impl Votes {
    pub(super) fn new(per_hundred: u32) -> Self {
        let pace = Pace::new(per_hundred, 0);
        let validators = (0..pace.most()).map(|number| (key("validator", number), key("vote", number)));
        Self { validators: validators.collect(), pace, next: 0 }
    }
}

impl Actor for Votes {
    fn genesis(&self, genesis: &mut Genesis) {
        for (validator, account) in &self.validators {
            genesis.put(validator.pubkey(), Account::wallet(LAMPORTS));
            let mut data = [&3_u32.to_le_bytes()[..], validator.pubkey().as_ref()].concat();
            data.resize(BYTES, 0);
            genesis.put(account.pubkey(), Account::holding(data, programs::VOTE));
        }
    }

    fn act(&mut self, stage: &Stage<'_>, outbox: &mut Outbox) {
        for _ in 0..self.pace.times() {
            let Some((validator, account)) = self.validators.get(self.next) else { return };
            self.next = self.next.saturating_add(1).checked_rem(self.validators.len()).unwrap_or_default();
            let environment = stage.environment;
            let about = environment.slot.saturating_sub(1);
            let accounts = vec![
                AccountMeta::new(account.pubkey(), false),
                AccountMeta::new_readonly(validator.pubkey(), true),
            ];
            let data = tower(about, &environment.blockhash, environment.time);
            let vote = Instruction { program_id: programs::VOTE, accounts, data };
            outbox.send(&[validator], &[vote]);
        }
    }
}

/// TowerSync (`solana-vote-interface`, `state/vote_state_versions.rs`, `serde_tower_sync`): the root, then of each block
/// its distance from the one before (varint) and confirmations, the newest block's hash, a time, and that block's id.
fn tower(slot: u64, hash: &Hash, time: i64) -> Vec<u8> {
    let root = slot.saturating_sub(u64::from(TOWER)).to_le_bytes();
    let lockouts: Vec<u8> = (1..=TOWER).rev().flat_map(|confirmations| [1, confirmations]).collect();
    let time = time.to_le_bytes();
    let (tag, hash) = (14_u32.to_le_bytes(), hash.to_bytes());
    [&tag[..], &root, &[TOWER], &lockouts, &hash, &[1], &time, &hash].concat()
}
