//! The chain of a scripted node: a block per slot, and in each block what the test put there.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::{VersionedMessage, legacy};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;

use crate::instructions::{self, BurnAccounts, TOKEN};

/// The first slot there is.
const FIRST: u64 = 1_000;
/// Of every mint, before the first burn.
const SUPPLY: u64 = 1_000_000_000_000_000_000;
/// Entries that the sysvar of slot hashes holds at most.
const SLOT_HASHES: usize = 512;
/// Pump.fun's program, and the first bytes of its `create`: the first 8 of sha256("global:create").
const PUMP: Address = Address::from_str_const("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P");
const PUMP_CREATE: [u8; 8] = [0x18, 0x1e, 0xc8, 0x28, 0x05, 0x1c, 0x07, 0x77];

/// What one transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Burns this much of a mint.
    Burn {
        /// The mint.
        mint: Address,
        /// In its smallest unit.
        amount: u64,
    },
    /// Asks Pump.fun for a new coin.
    CreateCoin,
}

/// A transaction in its block.
#[derive(Debug, Clone)]
pub struct Landed {
    /// Its signature.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// What it does.
    pub act: Act,
    wire: VersionedTransaction,
}

/// All blocks so far.
#[derive(Debug)]
pub struct Chain {
    /// Goes into every hash and signature, so that two chains share none.
    seed: u8,
    blocks: Vec<Vec<Landed>>,
    made: u64,
}

// === impl Landed ===

impl Landed {
    /// The addresses a `logsSubscribe` may mention.
    pub fn mentions(&self) -> Vec<String> {
        self.wire.message.static_account_keys().iter().map(ToString::to_string).collect()
    }

    /// What its programs print. The Token program prints no names.
    pub fn logs(&self) -> Vec<String> {
        let program = match self.act {
            Act::Burn { .. } => TOKEN,
            Act::CreateCoin => PUMP,
        };
        let mut logs = vec![format!("Program {program} invoke [1]")];
        if self.act == Act::CreateCoin {
            logs.push("Program log: Instruction: Create".to_owned());
        }
        logs.push(format!("Program {program} success"));
        logs
    }

    fn within_block(&self) -> Value {
        let balances = vec![1; self.wire.message.static_account_keys().len()];
        let bytes = wincode::serialize(&self.wire).unwrap_or_default();
        json!({
            "transaction": [STANDARD.encode(bytes), "base64"],
            "version": "legacy",
            "meta": {
                "err": null, "status": {"Ok": null}, "fee": 5000, "innerInstructions": [],
                "logMessages": self.logs(), "preBalances": balances, "postBalances": balances,
                "preTokenBalances": [], "postTokenBalances": [],
                "loadedAddresses": {"writable": [], "readonly": []},
            },
        })
    }

    fn by_itself(&self) -> Value {
        let mut answer = self.within_block();
        answer["slot"] = json!(self.slot);
        answer["blockTime"] = json!(1_760_000_000_u64.saturating_add(self.slot));
        answer
    }
}

// === impl Chain ===

impl Chain {
    /// A chain of one empty block.
    pub fn new(seed: u8) -> Self {
        Self { seed, blocks: vec![Vec::new()], made: 0 }
    }

    /// The newest slot.
    pub fn tip(&self) -> u64 {
        FIRST.saturating_add(u64::try_from(self.blocks.len()).unwrap_or(u64::MAX)).saturating_sub(1)
    }

    /// What the cluster's first block is called.
    pub fn genesis_hash(&self) -> String {
        self.hash(0).to_string()
    }

    /// Appends a block and returns its transactions.
    pub fn append(&mut self, acts: &[Act]) -> Vec<Landed> {
        let slot = self.tip().saturating_add(1);
        let block: Vec<Landed> = acts.iter().map(|act| self.land(slot, *act)).collect();
        self.blocks.push(block.clone());
        block
    }

    /// Every transaction so far.
    pub fn transactions(&self) -> impl Iterator<Item = &Landed> {
        self.blocks.iter().flatten()
    }

    /// `getBlock`; `None` where there is no block yet.
    pub fn block(&self, slot: u64) -> Option<Value> {
        let block = self.blocks.get(usize::try_from(slot.checked_sub(FIRST)?).ok()?)?;
        Some(json!({
            "blockhash": self.hash(slot).to_string(),
            "previousBlockhash": self.hash(slot.saturating_sub(1)).to_string(),
            "parentSlot": slot.saturating_sub(1),
            "blockHeight": slot,
            "blockTime": 1_760_000_000_u64.saturating_add(slot),
            "transactions": block.iter().map(Landed::within_block).collect::<Vec<_>>(),
        }))
    }

    /// `getBlocks`.
    pub fn slots(&self, from: u64, to: u64) -> Vec<u64> {
        (from.max(FIRST)..=to.min(self.tip())).collect()
    }

    /// `getTransaction`.
    pub fn transaction(&self, signature: &str) -> Option<Value> {
        self.transactions().find(|landed| landed.signature.to_string() == signature).map(Landed::by_itself)
    }

    /// The data of the sysvar that lists recent slots: a count, then slot and hash, newest first.
    pub fn slot_hashes(&self) -> Vec<u8> {
        let newest = (FIRST..=self.tip()).rev().take(SLOT_HASHES);
        let mut data = u64::try_from(newest.clone().count()).unwrap_or(u64::MAX).to_le_bytes().to_vec();
        for slot in newest {
            data.extend(slot.to_le_bytes());
            data.extend(self.hash(slot).as_ref());
        }
        data
    }

    /// The data of a mint account (82 bytes; `interface/src/state.rs` of SPL Token): no authorities, six decimals.
    pub fn mint(&self, mint: Address) -> Vec<u8> {
        let burned = self.transactions().filter_map(|landed| match landed.act {
            Act::Burn { mint: burned, amount } if burned == mint => Some(amount),
            Act::Burn { .. } | Act::CreateCoin => None,
        });
        let mut data = vec![0; 36];
        data.extend(SUPPLY.saturating_sub(burned.sum()).to_le_bytes());
        data.extend([6, 1]);
        data.resize(82, 0);
        data
    }

    fn land(&mut self, slot: u64, act: Act) -> Landed {
        self.made = self.made.saturating_add(1);
        let payer = self.address(0);
        let instruction = match act {
            Act::Burn { mint, amount } => instructions::burn(
                BurnAccounts { program: TOKEN, account: self.address(1), mint, authority: payer },
                amount,
            ),
            Act::CreateCoin => Instruction {
                program_id: PUMP,
                accounts: vec![AccountMeta::new(self.address(1), false)],
                data: [&PUMP_CREATE[..], &[0; 32]].concat(),
            },
        };
        let message = legacy::Message::new_with_blockhash(&[instruction], Some(&payer), &self.hash(slot));
        let mut signature = [self.seed; 64];
        signature[..8].copy_from_slice(&self.made.to_le_bytes());
        let signature = Signature::from(signature);
        let wire =
            VersionedTransaction { signatures: vec![signature], message: VersionedMessage::Legacy(message) };
        Landed { signature, slot, act, wire }
    }

    /// An address nothing else has.
    fn address(&self, number: u8) -> Address {
        let mut bytes = [0x51; 32];
        bytes[..2].copy_from_slice(&[self.seed, number]);
        Address::new_from_array(bytes)
    }

    fn hash(&self, slot: u64) -> Hash {
        let mut bytes = [self.seed; 32];
        bytes[..8].copy_from_slice(&slot.to_le_bytes());
        Hash::new_from_array(bytes)
    }
}
