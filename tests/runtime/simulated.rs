//! Accounts, and the simulated runtime that changes them.

use std::{collections::BTreeMap, sync::Arc};

use eda_simnet::{
    chain::Account,
    programs,
    runtime::{self, Environment},
};
use solana_address::Address;
use solana_hash::Hash;
use solana_transaction::versioned::VersionedTransaction;

use crate::record::Record;

const SLOT_HASHES: Address = Address::from_str_const("SysvarS1otHashes111111111111111111111111111");

/// The simulated side of one scene.
pub(crate) struct Simulated {
    accounts: BTreeMap<Address, Arc<Account>>,
    /// Those that transactions wrote; `None` if they no longer exist.
    changed: BTreeMap<Address, Option<Arc<Account>>>,
}

// === impl Simulated ===

impl Simulated {
    /// A fresh cluster on which `payer` has so many lamports.
    pub(crate) fn new(payer: Address, lamports: u64) -> Self {
        let payer = (payer, Account::wallet(lamports));
        let accounts = programs::accounts().chain([payer]);
        let accounts = accounts.map(|(address, account)| (address, Arc::new(account))).collect();
        Self { accounts, changed: BTreeMap::new() }
    }

    /// Executes a transaction in a slot.
    pub(crate) fn execute(&mut self, transaction: &VersionedTransaction, slot: u64, time: i64) -> Record {
        // No slot is skipped in a cluster of one.
        let known = (1..=512_u64).filter_map(|age| slot.checked_sub(age));
        let hashes: Vec<u8> = known.flat_map(|slot| [&slot.to_le_bytes()[..], &[0; 32]].concat()).collect();
        let hashes = [&u64::try_from(hashes.len() / 40).unwrap().to_le_bytes()[..], &hashes].concat();
        self.accounts.insert(SLOT_HASHES, Arc::new(Account::holding(hashes, SLOT_HASHES)));
        let environment = Environment { slot, epoch: 0, time, blockhash: Hash::default() };
        let load = |address: &Address| self.accounts.get(address).cloned();
        let executed = runtime::execute(transaction, &environment, load).unwrap();
        for (address, account) in executed.writes {
            let account = (account.lamports > 0).then(|| Arc::new(account));
            match &account {
                Some(account) => self.accounts.insert(address, Arc::clone(account)),
                None => self.accounts.remove(&address),
            };
            self.changed.insert(address, account);
        }
        Record::of_meta(&executed.meta)
    }

    /// Every account that was written.
    pub(crate) fn changed(self) -> BTreeMap<Address, Option<Arc<Account>>> {
        self.changed
    }
}
