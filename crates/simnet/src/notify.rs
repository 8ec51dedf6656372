//! Tells subscribers what happened on the chain, as nodes do.

mod watch;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use solana_address::Address;

use self::watch::{Mentions, Watch};
use crate::{
    call::Call,
    chain::{Account, Block, Chain, Commitment, Landed, Step},
    front::Front,
    node::Node,
    programs::VOTE,
    pubsub::{Subscription, Verdict},
    rpc::{
        encode::{AccountEncoding, Snapshot, block_value},
        programs::Filter,
    },
};

/// The subscriptions of one endpoint, and the words in which they are told.
#[derive(Debug)]
pub(crate) struct Notifier {
    node: Node,
    front: Arc<Front>,
    /// What each live subscription wants, by its id.
    wanted: Mutex<BTreeMap<u64, Arc<Watch>>>,
}

/// What becomes of a call on the WebSocket: a subscription that cannot be is refused as nodes refuse it.
pub(crate) fn judge(call: &Call) -> Verdict {
    if !call.method.ends_with("Subscribe") {
        return Verdict::Node;
    }
    match Watch::read(&call.method, &call.params) {
        Ok(_) => Verdict::Node,
        Err(refused) => {
            let (code, message, _) = refused.parts();
            Verdict::Error { code, message }
        }
    }
}

// === impl Notifier ===

impl Notifier {
    pub(crate) fn new(node: Node, front: Arc<Front>) -> Self {
        Self { node, front, wanted: Mutex::default() }
    }

    /// Answers subscriptions that ask for something that is there already.
    pub(crate) fn welcome(&self) {
        let waiting: Vec<_> = self.live().into_iter().filter(|(_, watch)| watch.is_signature()).collect();
        if waiting.is_empty() {
            return;
        }
        let chain = self.node.chain();
        let tips = self.node.tips(&chain);
        for (subscription, watch) in waiting {
            let Watch::Signature { signature, commitment } = &*watch else { continue };
            let landed = chain.history().find(signature).filter(|landed| landed.slot <= tips.at(*commitment));
            if let Some(landed) = landed {
                self.outcome(&subscription, tips.at(*commitment), landed);
            }
        }
    }

    /// Tells everybody who wants to know of a step.
    pub(crate) fn tell(&self, step: &Step) {
        let live = self.live();
        match step {
            Step::Processed(block) => {
                self.slot(&live, block);
                self.block(&live, block, Commitment::Processed);
            }
            Step::Confirmed(block) => self.block(&live, block, Commitment::Confirmed),
            Step::Finalized(block) => {
                for (subscription, watch) in &live {
                    if **watch == Watch::Root {
                        self.send(subscription, &json!(block.slot));
                    }
                }
                self.block(&live, block, Commitment::Finalized);
            }
            Step::Abandoned(block) => self.restored(&live, block),
        }
    }

    fn slot(&self, live: &[(Subscription, Arc<Watch>)], block: &Block) {
        let root = self.node.tips(&self.node.chain()).finalized;
        let result = json!({"slot": block.slot, "parent": block.parent, "root": root});
        for (subscription, _) in live.iter().filter(|(_, watch)| **watch == Watch::Slot) {
            self.send(subscription, &result);
        }
    }

    /// What a block that has reached a commitment means to those who wait for that.
    fn block(&self, live: &[(Subscription, Arc<Watch>)], block: &Arc<Block>, reached: Commitment) {
        for (subscription, watch) in live {
            match &**watch {
                Watch::Account { address, encoding, commitment } if *commitment == reached => {
                    let chain = self.node.chain();
                    let changed = chain.accounts().written(block.slot).contains(address);
                    let value = changed.then(|| state(&chain, block.slot, address, *encoding));
                    drop(chain);
                    if let Some(value) = value {
                        self.send(subscription, &with_slot(block.slot, value));
                    }
                }
                Watch::Program { program, filters, encoding, commitment } if *commitment == reached => {
                    let chain = self.node.chain();
                    let changed = changed(&chain, block.slot, program, filters, *encoding);
                    drop(chain);
                    for value in changed {
                        self.send(subscription, &with_slot(block.slot, value));
                    }
                }
                Watch::Logs { mentions, commitment } if *commitment == reached => {
                    for landed in block.transactions.iter().filter(|landed| mentions.include(landed)) {
                        self.send(subscription, &with_slot(block.slot, logs(landed)));
                    }
                }
                Watch::Signature { signature, commitment } if *commitment == reached => {
                    let landed = block.transactions.iter().find(|landed| landed.signature() == *signature);
                    if let Some(landed) = landed {
                        self.outcome(subscription, block.slot, landed);
                    }
                }
                Watch::Block { mentions, options, commitment } if *commitment == reached => {
                    let (shown, err) = match block_value(&mentioning(block, mentions.as_ref()), *options) {
                        Ok(shown) => (shown, Value::Null),
                        Err(error) => {
                            (Value::Null, json!({"UnsupportedTransactionVersion": error.parts().1}))
                        }
                    };
                    let value = json!({"slot": block.slot, "block": shown, "err": err});
                    self.send(subscription, &with_slot(block.slot, value));
                }
                Watch::Account { .. }
                | Watch::Program { .. }
                | Watch::Logs { .. }
                | Watch::Signature { .. }
                | Watch::Block { .. }
                | Watch::Slot
                | Watch::Root => {}
            }
        }
    }

    /// The states that an abandoned block had changed are told again, as they were before it.
    fn restored(&self, live: &[(Subscription, Arc<Watch>)], abandoned: &Block) {
        for (subscription, watch) in live {
            let Watch::Account { address, encoding, commitment: Commitment::Processed } = &**watch else {
                continue;
            };
            let named = abandoned.transactions.iter().any(|landed| landed.keys().any(|key| key == address));
            if named {
                let chain = self.node.chain();
                let value = state(&chain, abandoned.parent, address, *encoding);
                drop(chain);
                self.send(subscription, &with_slot(abandoned.parent, value));
            }
        }
    }

    /// Tells how a transaction ended, which ends the subscription.
    fn outcome(&self, subscription: &Subscription, slot: u64, landed: &Landed) {
        self.send(subscription, &with_slot(slot, json!({"err": landed.meta.err})));
        self.front.pubsub().end(subscription.id);
    }

    fn send(&self, subscription: &Subscription, result: &Value) {
        self.front.pubsub().notify(subscription.id, result);
    }

    /// Every live subscription and what it wants.
    fn live(&self) -> Vec<(Subscription, Arc<Watch>)> {
        let subscriptions = self.front.pubsub().subscriptions();
        let mut wanted = self.wanted();
        wanted.retain(|id, _| subscriptions.iter().any(|subscription| subscription.id == *id));
        let read = |subscription: Subscription| {
            let watch = match wanted.get(&subscription.id) {
                Some(watch) => Arc::clone(watch),
                None => {
                    // Those that cannot be read were refused when they were asked for.
                    let watch = Arc::new(Watch::read(&subscription.method, &subscription.params).ok()?);
                    wanted.insert(subscription.id, Arc::clone(&watch));
                    watch
                }
            };
            Some((subscription, watch))
        };
        subscriptions.into_iter().filter_map(read).collect()
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Watch>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value with the slot it belongs to.
fn with_slot(slot: u64, value: Value) -> Value {
    json!({"context": {"slot": slot}, "value": value})
}

/// An account at the end of a slot. One that was closed is shown as nodes show it: empty, and the System program's.
fn state(chain: &Chain, slot: u64, address: &Address, encoding: AccountEncoding) -> Value {
    let account = chain.accounts().at(address, slot).unwrap_or_else(|| Arc::new(Account::wallet(0)));
    Snapshot::of(chain, slot, *address, account).show(encoding, None)
}

/// The accounts of a program that a slot wrote.
fn changed(
    chain: &Chain,
    slot: u64,
    program: &Address,
    filters: &[Filter],
    encoding: AccountEncoding,
) -> Vec<Value> {
    let states = chain.accounts().written(slot).iter().filter_map(|address| {
        let account = chain.accounts().at(address, slot)?;
        let wanted = account.owner == *program && filters.iter().all(|filter| filter.allows(&account));
        wanted.then_some((address, account))
    });
    states
        .map(|(address, account)| {
            let shown = Snapshot::of(chain, slot, *address, account).show(encoding, None);
            json!({"pubkey": address.to_string(), "account": shown})
        })
        .collect()
}

/// The block with those of its transactions alone that name an address.
fn mentioning(block: &Arc<Block>, address: Option<&Address>) -> Arc<Block> {
    let Some(address) = address else { return Arc::clone(block) };
    let named = |landed: &&Arc<Landed>| landed.keys().any(|key| key == address);
    let transactions = block.transactions.iter().filter(named).cloned().collect();
    Arc::new(Block { transactions, ..Block::clone(block) })
}

fn logs(landed: &Landed) -> Value {
    let signature = landed.signature().to_string();
    json!({"signature": signature, "err": landed.meta.err, "logs": landed.meta.logs})
}

// === impl Mentions ===

impl Mentions {
    fn include(&self, landed: &Landed) -> bool {
        match self {
            Self::Everything => true,
            Self::ButVotes => !landed.keys().any(|key| *key == VOTE),
            Self::Address(address) => landed.keys().any(|key| key == address),
        }
    }
}
