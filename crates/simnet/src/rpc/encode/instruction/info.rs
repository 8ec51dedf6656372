//! What an instruction names, by name.

use serde_json::{Map, Value, json};
use solana_address::Address;

use crate::rpc::encode::reader::text;

/// The fields of one instruction.
#[derive(Debug)]
pub(super) struct Info<'a> {
    accounts: &'a [Address],
    fields: Map<String, Value>,
}

// === impl Info ===

impl<'a> Info<'a> {
    /// The first accounts by these names; `None` if there are fewer than `needed` or than there are names.
    pub(super) fn of(accounts: &'a [Address], needed: usize, names: &[&str]) -> Option<Self> {
        if accounts.len() < needed.max(names.len()).max(1) {
            return None;
        }
        let named = names.iter().zip(accounts);
        let fields = named.map(|(name, account)| ((*name).to_owned(), text(*account))).collect();
        Some(Self { accounts, fields })
    }

    /// One more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// One more field, if there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The authority at `at`; if accounts follow it, it is a multisig and they are its signers.
    pub(super) fn signed(self, at: usize, alone: &str, multisig: &str) -> Self {
        let signers = self.accounts.get(at.saturating_add(1)..).unwrap_or_default();
        self.signed_among(at, signers, alone, multisig)
    }

    /// The same, where these are the signers.
    pub(super) fn signed_among(self, at: usize, signers: &[Address], alone: &str, multisig: &str) -> Self {
        let authority = self.accounts.get(at).copied().map(text);
        if signers.is_empty() {
            return self.maybe(alone, authority);
        }
        let signers: Vec<Value> = signers.iter().copied().map(text).collect();
        self.maybe(multisig, authority).with("signers", signers)
    }

    /// The whole instruction.
    pub(super) fn named(self, kind: &str) -> Value {
        json!({"type": kind, "info": self.fields})
    }
}
