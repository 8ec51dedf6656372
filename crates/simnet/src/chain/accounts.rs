//! Every account, at every slot that may still be asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use solana_address::Address;

use super::Account;

/// The states of one account, each with the slot that wrote it, oldest first; `None` once it was closed.
type Versions = VecDeque<(u64, Option<Arc<Account>>)>;

/// The states of all accounts. Each has the versions that slots not yet finalized wrote, and the one before them.
#[derive(Debug, Default)]
pub struct Accounts {
    versions: BTreeMap<Address, Versions>,
    /// What each slot wrote, for those not finalized.
    written: BTreeMap<u64, Vec<Address>>,
}

// === impl Accounts ===

impl Accounts {
    /// The account as it was at the end of `slot`, if it existed.
    pub fn at(&self, address: &Address, slot: u64) -> Option<Arc<Account>> {
        let versions = self.versions.get(address)?;
        versions.iter().rev().find(|(written, _)| *written <= slot).and_then(|(_, account)| account.clone())
    }

    /// Every account that existed at the end of `slot`, by address.
    pub fn all_at(&self, slot: u64) -> impl Iterator<Item = (&Address, Arc<Account>)> {
        self.versions
            .keys()
            .filter_map(move |address| self.at(address, slot).map(|account| (address, account)))
    }

    /// Writes an account at the end of `slot`, which must not be older than its newest version.
    pub(super) fn write(&mut self, slot: u64, address: Address, account: Account) {
        let account = (account.lamports > 0).then(|| Arc::new(account));
        let versions = self.versions.entry(address).or_default();
        match versions.back_mut() {
            Some((newest, state)) if *newest == slot => *state = account,
            _ => {
                versions.push_back((slot, account));
                self.written.entry(slot).or_default().push(address);
            }
        }
    }

    /// What `slot` wrote.
    pub fn written(&self, slot: u64) -> &[Address] {
        self.written.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// Takes back what the newest slot wrote.
    pub(super) fn discard(&mut self, slot: u64) {
        for address in self.written.remove(&slot).unwrap_or_default() {
            if let Some(versions) = self.versions.get_mut(&address) {
                versions.retain(|(written, _)| *written != slot);
                if versions.is_empty() {
                    self.versions.remove(&address);
                }
            }
        }
    }

    /// Forgets what nobody can ask for once `slot` is finalized: all but the newest version up to it.
    pub(super) fn finalize(&mut self, slot: u64) {
        let later = self.written.split_off(&slot.saturating_add(1));
        for address in std::mem::replace(&mut self.written, later).into_values().flatten() {
            let Some(versions) = self.versions.get_mut(&address) else { continue };
            while versions.get(1).is_some_and(|(next, _)| *next <= slot) {
                versions.pop_front();
            }
            if matches!(versions.make_contiguous(), [(written, None)] if *written <= slot) {
                self.versions.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_its_own_state_until_it_is_finalized_or_discarded() {
        let address = Address::new_from_array([1; 32]);
        let mut accounts = Accounts::default();
        for (slot, lamports) in [(0, 5), (3, 7), (4, 9), (6, 0)] {
            accounts.write(slot, address, Account::wallet(lamports));
        }
        let lamports =
            |accounts: &Accounts, slot| accounts.at(&address, slot).map(|account| account.lamports);
        assert_eq!(lamports(&accounts, 2), Some(5));
        assert_eq!(lamports(&accounts, 5), Some(9));
        assert_eq!(lamports(&accounts, 6), None);
        accounts.finalize(3);
        assert_eq!(lamports(&accounts, 2), None, "a state before the finalized one is gone");
        assert_eq!(lamports(&accounts, 3), Some(7));
        accounts.discard(6);
        assert_eq!(lamports(&accounts, 9), Some(9));
        accounts.write(8, address, Account::wallet(0));
        accounts.finalize(8);
        assert!(accounts.versions.is_empty(), "a closed account is forgotten once that is final");
    }
}
