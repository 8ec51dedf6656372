//! A block, and the transactions that landed in it.

use std::sync::Arc;

use solana_address::Address;
use solana_hash::Hash;
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;

use crate::runtime::Meta;

/// A block as it was produced. Whether it is confirmed is the chain's to say.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its slot.
    pub slot: u64,
    /// The slot of the block it builds on.
    pub parent: u64,
    /// Its last entry's hash.
    pub blockhash: Hash,
    /// Its parent's.
    pub previous_blockhash: Hash,
    /// Blocks before it on its fork.
    pub height: u64,
    /// Unix time in seconds.
    pub time: i64,
    /// In the order of execution.
    pub transactions: Vec<Arc<Landed>>,
    /// Transactions on its fork, from the first block to this one.
    pub transaction_count: u64,
    /// Fees that its leader earned, in lamports.
    pub reward: u64,
    /// Its leader, who earned them.
    pub leader: Address,
    /// The leader's balance after that.
    pub leader_balance: u64,
}

/// A transaction in its block, executed.
#[derive(Debug)]
pub struct Landed {
    /// The slot of its block.
    pub slot: u64,
    /// Its position in the block.
    pub index: usize,
    /// As it was signed.
    pub wire: VersionedTransaction,
    /// The same in wire format.
    pub bytes: Vec<u8>,
    /// What executing it did.
    pub meta: Meta,
}

// === impl Landed ===

impl Landed {
    /// The first signature, which names it.
    pub fn signature(&self) -> Signature {
        self.wire.signatures.first().copied().unwrap_or_default()
    }

    /// Every address it names: the message's own, then those loaded from tables, writable ones first.
    pub fn keys(&self) -> impl Iterator<Item = &Address> {
        let fixed = self.wire.message.static_account_keys().iter();
        fixed.chain(&self.meta.loaded.writable).chain(&self.meta.loaded.readonly)
    }
}
