//! What PubSub notifications and account reads say, as far as the feed needs it.
//!
//! Shapes: Agave's `rpc-client-types`; unknown fields are tolerated, a missing one is an error the caller counts.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_events::{Address, Signature, Slot};
use serde::Deserialize;

use super::fact::AccountState;

/// A value and the slot it was true at: `{"context":{"slot":…},"value":…}`.
#[derive(Debug, Deserialize)]
pub(crate) struct WithSlot<T> {
    context: ContextSlot,
    /// The value itself.
    pub(crate) value: T,
}

#[derive(Debug, Deserialize)]
struct ContextSlot {
    slot: u64,
}

/// `slotNotification`: a bank was created for the slot.
#[derive(Debug, Deserialize)]
pub(super) struct SlotSeen {
    pub(super) slot: u64,
    pub(super) parent: u64,
}

/// `logsNotification`'s value.
#[derive(Debug, Deserialize)]
pub(super) struct Logs {
    #[serde(deserialize_with = "signature")]
    pub(super) signature: Signature,
    #[serde(default)]
    err: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) logs: Option<Vec<String>>,
}

/// An account in base64, as notifications and `getMultipleAccounts` send it.
#[derive(Debug, Deserialize)]
pub(crate) struct RawAccount {
    lamports: u64,
    data: (String, String),
    owner: String,
}

/// The account cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("the data is in encoding `{0}`, not base64")]
    Encoding(String),
    #[error("the data is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("the owner is not an address")]
    Owner,
}

// === impl WithSlot ===

impl<T> WithSlot<T> {
    pub(crate) fn slot(&self) -> Slot {
        Slot(self.context.slot)
    }
}

// === impl Logs ===

impl Logs {
    pub(super) fn failed(&self) -> bool {
        self.err.is_some()
    }
}

fn signature<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

// === impl RawAccount ===

impl RawAccount {
    pub(crate) fn decode(self) -> Result<Arc<AccountState>, AccountError> {
        let (data, encoding) = self.data;
        if encoding != "base64" {
            return Err(AccountError::Encoding(encoding));
        }
        let owner: Address = self.owner.parse().map_err(|_| AccountError::Owner)?;
        Ok(Arc::new(AccountState { owner, lamports: self.lamports, data: BASE64_STANDARD.decode(data)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_notification_is_read_as_the_node_sends_it() {
        let text = r#"{"context":{"slot":30,"apiVersion":"4.2.2"},"value":{"lamports":1169280,"data":["HgAAAA==",
            "base64"],"owner":"Sysvar1111111111111111111111111111111111111","executable":false,"rentEpoch":0,
            "space":4}}"#;
        let read: WithSlot<RawAccount> = serde_json::from_str(text).unwrap();
        assert_eq!(read.slot(), Slot(30));
        let account = read.value.decode().unwrap();
        assert_eq!((account.lamports, account.data.as_slice()), (1_169_280, &[30, 0, 0, 0][..]));
    }

    #[test]
    fn a_missing_account_is_told_from_an_unreadable_one() {
        let missing: WithSlot<Option<RawAccount>> =
            serde_json::from_str(r#"{"context":{"slot":1},"value":null}"#).unwrap();
        assert!(missing.value.is_none());
        let odd = r#"{"lamports":1,"data":["AA==","base58"],"owner":"11111111111111111111111111111111"}"#;
        let odd: RawAccount = serde_json::from_str(odd).unwrap();
        assert!(matches!(odd.decode(), Err(AccountError::Encoding(_))));
    }

    #[test]
    fn logs_of_failed_transactions_are_recognised() {
        let signature = Signature::default();
        let read = |err: &str| {
            let text = format!(r#"{{"signature":"{signature}","err":{err},"logs":["a"]}}"#);
            serde_json::from_str::<Logs>(&text).unwrap()
        };
        assert!(!read("null").failed());
        assert!(read(r#"{"InstructionError":[0,{"Custom":1}]}"#).failed());
    }
}
