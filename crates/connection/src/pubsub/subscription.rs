//! What can be subscribed, and how it is asked for and given back.

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_events::Commitment;
use serde_json::{Value, json};
use solana_address::Address;
use solana_signature::Signature;

/// The newest transaction version that eda reads. A lower number makes nodes refuse whole blocks that contain a
/// newer transaction (-32015).
const MAX_TRANSACTION_VERSION: u8 = 1;

/// Something that can be subscribed. Equal topics share one upstream subscription, because nodes give equal
/// subscriptions of a connection one id and the first unsubscribe ends them all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every change of one account. Nodes send no initial state.
    Account {
        /// The account.
        address: Address,
        /// From which commitment on.
        commitment: Commitment,
    },
    /// The logs of transactions.
    Logs {
        /// Only transactions that mention this address; `None` is every transaction except votes.
        mentions: Option<Address>,
        /// From which commitment on.
        commitment: Commitment,
    },
    /// Each slot the node begins to process.
    Slot,
    /// Each slot the node makes its root.
    Root,
    /// The outcome of one transaction: one notification, then the subscription is over.
    Signature {
        /// The transaction's first signature.
        signature: Signature,
        /// The commitment to wait for.
        commitment: Commitment,
    },
    /// Every change of the accounts that a program owns.
    Program {
        /// The owner.
        program: Address,
        /// Which of its accounts.
        filters: Filters,
        /// From which commitment on.
        commitment: Commitment,
    },
    /// Whole blocks, where the provider has them (nodes: off by default).
    Block {
        /// Only blocks and transactions that mention this address; `None` is every block.
        mentions: Option<Address>,
        /// `confirmed` or `finalized`; nodes refuse `processed`.
        commitment: Commitment,
    },
}

/// The kind of a topic: it names the methods and the notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Account,
    Logs,
    Slot,
    Root,
    Signature,
    Program,
    Block,
}

/// What a subscriber's full queue does with one more update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// The newest state says all that the older ones said.
    KeepNewest,
    /// Each update stands for itself; what does not fit is counted at its place.
    CountMissed,
}

/// Conditions on a program's accounts, all of which must hold. Their order does not matter, so it is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filters(Vec<Filter>);

/// One condition on a program's account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    /// The length of the account's data in bytes.
    DataSize(u64),
    /// The account's data contains these bytes at this offset. Nodes allow at most 128 bytes.
    Memcmp {
        /// Position in the data, in bytes.
        offset: u64,
        /// What must be there.
        bytes: Vec<u8>,
    },
}

// === impl Filters ===

impl Filters {
    /// Conditions in any order; repeated ones count once. Nodes allow at most four.
    pub fn new(mut filters: Vec<Filter>) -> Self {
        filters.sort_unstable();
        filters.dedup();
        Self(filters)
    }

    fn params(&self) -> Value {
        self.0
            .iter()
            .map(|filter| match filter {
                Filter::DataSize(size) => json!({ "dataSize": size }),
                Filter::Memcmp { offset, bytes } => json!({
                    "memcmp": { "offset": offset, "bytes": BASE64_STANDARD.encode(bytes), "encoding": "base64" }
                }),
            })
            .collect()
    }
}

// === impl Topic ===

impl Topic {
    /// The method that subscribes it.
    pub fn method(&self) -> &'static str {
        self.kind().subscribe()
    }

    /// The parameters of [`Topic::method`].
    pub fn params(&self) -> Value {
        match self {
            Self::Account { address, commitment } => {
                json!([address.to_string(), { "encoding": "base64", "commitment": commitment }])
            }
            Self::Logs { mentions, commitment } => {
                let filter = match mentions {
                    Some(address) => json!({ "mentions": [address.to_string()] }),
                    None => json!("all"),
                };
                json!([filter, { "commitment": commitment }])
            }
            Self::Slot | Self::Root => json!([]),
            Self::Signature { signature, commitment } => {
                json!([
                    signature.to_string(),
                    { "commitment": commitment, "enableReceivedNotification": false },
                ])
            }
            Self::Program { program, filters, commitment } => json!([
                program.to_string(),
                { "encoding": "base64", "commitment": commitment, "filters": filters.params() },
            ]),
            Self::Block { mentions, commitment } => {
                let filter = match mentions {
                    Some(address) => json!({ "mentionsAccountOrProgram": address.to_string() }),
                    None => json!("all"),
                };
                json!([filter, {
                    "commitment": commitment,
                    "encoding": "base64",
                    "transactionDetails": "full",
                    "showRewards": false,
                    "maxSupportedTransactionVersion": MAX_TRANSACTION_VERSION,
                }])
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Account { .. } => Kind::Account,
            Self::Logs { .. } => Kind::Logs,
            Self::Slot => Kind::Slot,
            Self::Root => Kind::Root,
            Self::Signature { .. } => Kind::Signature,
            Self::Program { .. } => Kind::Program,
            Self::Block { .. } => Kind::Block,
        }
    }
}

// === impl Kind ===

impl Kind {
    pub(super) fn subscribe(self) -> &'static str {
        match self {
            Self::Account => "accountSubscribe",
            Self::Logs => "logsSubscribe",
            Self::Slot => "slotSubscribe",
            Self::Root => "rootSubscribe",
            Self::Signature => "signatureSubscribe",
            Self::Program => "programSubscribe",
            Self::Block => "blockSubscribe",
        }
    }

    pub(super) fn unsubscribe(self) -> &'static str {
        match self {
            Self::Account => "accountUnsubscribe",
            Self::Logs => "logsUnsubscribe",
            Self::Slot => "slotUnsubscribe",
            Self::Root => "rootUnsubscribe",
            Self::Signature => "signatureUnsubscribe",
            Self::Program => "programUnsubscribe",
            Self::Block => "blockUnsubscribe",
        }
    }

    pub(super) fn overflow(self) -> Overflow {
        match self {
            Self::Account | Self::Slot | Self::Root => Overflow::KeepNewest,
            Self::Logs | Self::Signature | Self::Program | Self::Block => Overflow::CountMissed,
        }
    }

    /// Whether the node ends the subscription by itself after one notification.
    pub(super) fn is_one_shot(self) -> bool {
        matches!(self, Self::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(byte: u8) -> Address {
        Address::from([byte; 32])
    }

    #[test]
    fn topics_are_asked_for_in_the_words_of_the_rpc() {
        let confirmed = Commitment::Confirmed;
        let text = address(1).to_string();
        for (topic, method, params) in [
            (
                Topic::Account { address: address(1), commitment: confirmed },
                "accountSubscribe",
                json!([text, { "encoding": "base64", "commitment": "confirmed" }]),
            ),
            (
                Topic::Logs { mentions: None, commitment: Commitment::Processed },
                "logsSubscribe",
                json!(["all", { "commitment": "processed" }]),
            ),
            (
                Topic::Logs { mentions: Some(address(1)), commitment: Commitment::Finalized },
                "logsSubscribe",
                json!([{ "mentions": [text] }, { "commitment": "finalized" }]),
            ),
            (Topic::Slot, "slotSubscribe", json!([])),
            (Topic::Root, "rootSubscribe", json!([])),
            (
                Topic::Block { mentions: Some(address(1)), commitment: confirmed },
                "blockSubscribe",
                json!([{ "mentionsAccountOrProgram": text }, {
                    "commitment": "confirmed",
                    "encoding": "base64",
                    "transactionDetails": "full",
                    "showRewards": false,
                    "maxSupportedTransactionVersion": 1,
                }]),
            ),
        ] {
            assert_eq!(topic.method(), method);
            assert_eq!(topic.params(), params);
        }
    }

    #[test]
    fn the_order_of_filters_makes_no_other_topic() {
        let size = Filter::DataSize(165);
        let bytes = Filter::Memcmp { offset: 32, bytes: vec![1, 2, 3] };
        let topic = |filters| Topic::Program {
            program: address(2),
            filters: Filters::new(filters),
            commitment: Commitment::Confirmed,
        };
        let one = topic(vec![size.clone(), bytes.clone()]);
        let other = topic(vec![bytes, size.clone(), size]);
        assert_eq!(one, other);
        assert_eq!(one.params(), other.params());
        assert_eq!(
            one.params()[1]["filters"],
            json!([
                { "dataSize": 165 },
                { "memcmp": { "offset": 32, "bytes": "AQID", "encoding": "base64" } },
            ])
        );
    }
}
