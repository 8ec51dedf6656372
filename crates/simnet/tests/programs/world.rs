use std::{collections::BTreeMap, sync::Arc};

use eda_simnet::{
    chain::{Account, rent_exempt_minimum},
    instructions as ix,
    programs::{self, token},
    runtime::{self, Environment, Executed, Meta, What},
};
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::{VersionedMessage, legacy};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

/// Accounts of a cluster with one payer.
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<Address, Arc<Account>>,
    pub(crate) payer: Address,
    pub(crate) environment: Environment,
}

/// An address of a number.
pub(crate) fn address(number: u8) -> Address {
    Address::new_from_array([number; 32])
}

// === impl World ===

impl World {
    pub(crate) fn new() -> Self {
        let payer = address(200);
        let accounts = programs::accounts().chain([(payer, Account::wallet(1_000_000_000_000))]);
        let accounts = accounts.map(|(address, account)| (address, Arc::new(account))).collect();
        let environment =
            Environment { slot: 900, epoch: 3, time: 1_700_000_000, blockhash: Hash::default() };
        Self { accounts, payer, environment }
    }

    /// Executes a transaction of the payer; whoever must sign has signed.
    pub(crate) fn try_execute(&self, instructions: &[Instruction]) -> Result<Executed, TransactionError> {
        let message = legacy::Message::new(instructions, Some(&self.payer));
        let signatures = vec![Signature::default(); usize::from(message.header.num_required_signatures)];
        let transaction = VersionedTransaction { signatures, message: VersionedMessage::Legacy(message) };
        let load = |address: &Address| self.accounts.get(address).cloned();
        runtime::execute(&transaction, &self.environment, load)
    }

    /// Executes it and keeps what it wrote.
    pub(crate) fn run(&mut self, instructions: &[Instruction]) -> Meta {
        let executed = self.try_execute(instructions).unwrap();
        for (address, account) in executed.writes {
            if account.lamports == 0 {
                self.accounts.remove(&address);
            } else {
                self.accounts.insert(address, Arc::new(account));
            }
        }
        executed.meta
    }

    /// As [`World::run`], for what must succeed.
    pub(crate) fn must(&mut self, instructions: &[Instruction]) -> Vec<What> {
        let meta = self.run(instructions);
        assert_eq!(meta.err, None, "{:#?}", meta.logs);
        meta.effects.into_iter().map(|effect| effect.what).collect()
    }

    /// Creates an account exempt from rent.
    pub(crate) fn create(&self, new: Address, bytes: u64, owner: Address) -> Instruction {
        let lamports = rent_exempt_minimum(usize::try_from(bytes).unwrap());
        ix::create_account(self.payer, new, lamports, bytes, owner)
    }

    /// Makes a mint, and an account of it.
    pub(crate) fn town(&mut self, program: Address, mint: Address, account: Address, owner: Address) {
        self.must(&[
            self.create(mint, ix::MINT_BYTES, program),
            ix::initialize_freezable_mint(program, mint, 6, owner, owner),
            self.create(account, ix::ACCOUNT_BYTES, program),
            ix::initialize_account(program, account, mint, owner),
            ix::mint_to(program, mint, account, owner, 1_000),
        ]);
    }

    pub(crate) fn holding(&self, account: Address) -> token::Holding {
        token::Holding::read(self.accounts.get(&account).unwrap()).unwrap()
    }

    pub(crate) fn mint(&self, mint: Address) -> token::Mint {
        token::Mint::read(self.accounts.get(&mint).unwrap()).unwrap()
    }

    /// All lamports there are.
    pub(crate) fn lamports(&self) -> u128 {
        self.accounts.values().map(|account| u128::from(account.lamports)).sum()
    }
}
