//! Who acts on the chain: everybody whose transactions are made here and not by clients.

use std::collections::HashMap;

use fastrand::Rng;
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{VersionedMessage, legacy};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use crate::{
    chain::{Account, Accounts, Config, chance, key},
    instructions,
    runtime::Environment,
    truth::Cause,
};

/// What the faucet has.
const FAUCET_LAMPORTS: u64 = 500_000_000_000_000_000;

/// What actors see of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    /// The slot they act in.
    pub(crate) environment: &'a Environment,
    /// All accounts, as they are now.
    pub(crate) accounts: &'a Accounts,
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct Actors {
    faucet: Keypair,
    leader: Address,
    chance: Rng,
    drops: u64,
    /// Why the transactions of the last slots burn.
    causes: HashMap<Signature, Cause>,
}

// === impl Actors ===

impl Actors {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            faucet: key("faucet", 0),
            leader: key("leader", 0).pubkey(),
            chance: chance(config.seed, "actors"),
            drops: 0,
            causes: HashMap::new(),
        }
    }

    /// The accounts they begin with.
    pub(crate) fn genesis(&self) -> Vec<(Address, Account)> {
        vec![
            (self.faucet.pubkey(), Account::wallet(FAUCET_LAMPORTS)),
            (self.leader, Account::wallet(1_000_000_000)),
        ]
    }

    /// Who makes every block.
    pub(crate) fn leader(&self) -> Address {
        self.leader
    }

    /// Why an actor's transaction burns, if it is one's.
    pub(crate) fn cause(&self, signature: &Signature) -> Option<Cause> {
        self.causes.get(signature).copied()
    }

    /// What they do in the next slot.
    pub(crate) fn act(&mut self, _stage: &Stage<'_>) -> Vec<VersionedTransaction> {
        Vec::new()
    }

    /// Lamports from the faucet. The amount of its fee tells apart equal drops in one slot.
    pub(crate) fn airdrop(
        &mut self,
        to: Address,
        lamports: u64,
        blockhash: Hash,
    ) -> Result<VersionedTransaction, TransactionError> {
        self.drops = self.drops.wrapping_add(1);
        let drop = instructions::transfer_lamports(self.faucet.pubkey(), to, lamports);
        let mark = Instruction {
            program_id: crate::programs::COMPUTE_BUDGET,
            accounts: Vec::new(),
            data: [&[3][..], &self.drops.to_le_bytes()].concat(),
        };
        sign(&[mark, drop], &[&self.faucet], blockhash)
    }
}

/// A legacy transaction of `signers`, the first of whom pays.
fn sign(
    instructions: &[Instruction],
    signers: &[&Keypair],
    blockhash: Hash,
) -> Result<VersionedTransaction, TransactionError> {
    let payer = signers.first().ok_or(TransactionError::MissingSignatureForFee)?.pubkey();
    let message = legacy::Message::new_with_blockhash(instructions, Some(&payer), &blockhash);
    VersionedTransaction::try_new(VersionedMessage::Legacy(message), signers)
        .map_err(|_| TransactionError::SignatureFailure)
}
