//! A quiet chain, and somebody who sends what a test says.

use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{VersionedMessage, legacy};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use super::token;
use crate::{
    chain::{Account, Chain, Commitment, Config, Mix, key},
    truth::Row,
};

/// A chain on which nobody acts, and the first of the wallets that are always there.
pub(super) struct Scene {
    pub(super) chain: Chain,
    wallet: Keypair,
}

impl Scene {
    pub(super) fn new() -> Self {
        let quiet =
            Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix: Mix::NONE, ..Config::default() };
        Self { chain: Chain::new(quiet), wallet: key("wallet", 0) }
    }

    pub(super) fn wallet(&self) -> Address {
        self.wallet.pubkey()
    }

    /// Lets one transaction land, and says how it ended and what it printed.
    pub(super) fn run(&mut self, instructions: &[Instruction]) -> (Option<TransactionError>, Vec<String>) {
        self.run_with(&[], instructions)
    }

    /// The same, signed by others too.
    pub(super) fn run_with(
        &mut self,
        others: &[&Keypair],
        instructions: &[Instruction],
    ) -> (Option<TransactionError>, Vec<String>) {
        let (payer, hash) = (self.wallet(), self.chain.environment().blockhash);
        let message = legacy::Message::new_with_blockhash(instructions, Some(&payer), &hash);
        let signers = [&[&self.wallet][..], others].concat();
        let transaction = VersionedTransaction::try_new(VersionedMessage::Legacy(message), &signers).unwrap();
        let signature = self.chain.submit(transaction).unwrap();
        self.chain.produce();
        let landed = self.chain.history().find(&signature).unwrap();
        (landed.meta.err.clone(), landed.meta.logs.clone())
    }

    /// How a transaction would end that needs no signature.
    pub(super) fn simulate(&self, instruction: Instruction) -> Option<TransactionError> {
        let message = legacy::Message::new(&[instruction], Some(&self.wallet()));
        let signatures = vec![Signature::default(); usize::from(message.header.num_required_signatures)];
        let transaction = VersionedTransaction { signatures, message: VersionedMessage::Legacy(message) };
        self.chain.simulate(&transaction, Commitment::Processed).unwrap().meta.err
    }

    pub(super) fn account(&self, address: Address) -> Account {
        let slot = self.chain.tips().processed;
        self.chain.accounts().at(&address, slot).map_or_else(|| Account::wallet(0), |it| Account::clone(&it))
    }

    pub(super) fn amount(&self, account: Address) -> u64 {
        token::Holding::read(&self.account(account)).unwrap().amount
    }

    pub(super) fn supply(&self, mint: Address) -> u64 {
        token::Mint::read(&self.account(mint)).unwrap().supply
    }

    pub(super) fn truth(&self) -> Vec<Row> {
        self.chain.truth().rows().cloned().collect()
    }
}
