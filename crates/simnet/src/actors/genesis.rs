//! The accounts the actors begin with, made by running the transactions that would have made them: so they are as the
//! programs leave them.

use std::{collections::BTreeMap, sync::Arc};

use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::{AddressLookupTableAccount, VersionedMessage, legacy};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use crate::{
    chain::{Account, Config, key},
    programs,
    runtime::{self, Environment},
};

/// What whoever pays for the past has; it is gone before the first slot.
const LAMPORTS: u64 = 1_000_000_000_000_000_000;

/// Accounts in the making.
#[derive(Debug)]
pub(super) struct Genesis {
    environment: Environment,
    founder: Address,
    accounts: BTreeMap<Address, Arc<Account>>,
}

// === impl Genesis ===

impl Genesis {
    /// The programs, and somebody who pays.
    pub(super) fn new(config: &Config) -> Self {
        // Pools open a second after they were created; an hour is longer.
        let time = config.genesis_time.saturating_sub(3_600);
        let environment = Environment { slot: 0, epoch: 0, time, blockhash: Hash::default() };
        let founder = key("founder", 0).pubkey();
        let mut genesis = Self { environment, founder, accounts: BTreeMap::new() };
        for (address, account) in programs::accounts() {
            genesis.put(address, account);
        }
        genesis.put(founder, Account::wallet(LAMPORTS));
        genesis
    }

    /// Who pays for accounts.
    pub(super) fn founder(&self) -> Address {
        self.founder
    }

    /// Puts an account that no transaction makes.
    pub(super) fn put(&mut self, address: Address, account: Account) {
        self.accounts.insert(address, Arc::new(account));
    }

    /// Puts a lookup table, active from the first slot on. Its layout: [`lookup_table`](programs::lookup_table).
    pub(super) fn put_table(&mut self, table: &AddressLookupTableAccount, authority: Address) {
        let (never, extended) = (u64::MAX.to_le_bytes(), 0_u64.to_le_bytes());
        let header = [&1_u32.to_le_bytes()[..], &never, &extended, &[0], &[1], authority.as_ref(), &[0; 2]];
        let addresses = table.addresses.iter().flat_map(Address::to_bytes);
        let data = header.concat().into_iter().chain(addresses).collect();
        self.put(table.key, Account::holding(data, programs::LOOKUP_TABLE));
    }

    /// Runs a transaction that the founder pays and everybody signed whom it takes.
    pub(super) fn run(&mut self, instructions: &[Instruction]) {
        let message =
            legacy::Message::new_with_blockhash(instructions, Some(&self.founder), &Hash::default());
        let signatures = vec![Signature::default(); usize::from(message.header.num_required_signatures)];
        let transaction = VersionedTransaction { signatures, message: VersionedMessage::Legacy(message) };
        let executed = runtime::execute(&transaction, &self.environment, |address| {
            self.accounts.get(address).map(Arc::clone)
        });
        match executed {
            Ok(executed) => {
                let (err, logs) = (&executed.meta.err, &executed.meta.logs);
                debug_assert!(err.is_none(), "a transaction at genesis failed: {err:?} {logs:#?}");
                if let Some(err) = err {
                    tracing::error!(%err, "a transaction at genesis failed");
                }
                for (address, account) in executed.writes {
                    self.put(address, account);
                }
            }
            Err(err) => {
                debug_assert!(false, "a transaction at genesis cannot run: {err}");
                tracing::error!(%err, "a transaction at genesis cannot run");
            }
        }
    }

    /// Everything but the founder.
    pub(super) fn into_accounts(mut self) -> Vec<(Address, Account)> {
        self.accounts.remove(&self.founder);
        let owned = |account| Arc::try_unwrap(account).unwrap_or_else(|account| Account::clone(&account));
        self.accounts.into_iter().map(|(address, account)| (address, owned(account))).collect()
    }
}
