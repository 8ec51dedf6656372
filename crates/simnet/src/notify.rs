//! Tells subscribers what happened on the chain, as nodes do.

mod watch;

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::{Value, json};
use solana_address::Address;
use solana_transaction_error::TransactionError;

use self::watch::{Mentions, Watch};
use crate::{
    call::Call,
    chain::{Account, Block, Chain, Commitment, Landed, Step},
    front::Front,
    node::Node,
    programs::VOTE,
    pubsub::{Changes, Subscription, Told, Verdict},
    rendered::Rendered,
    rpc::{
        self,
        encode::{Snapshot, block_value},
        programs::Filter,
    },
    runtime::Meta,
};

/// The subscriptions of one endpoint, and the words in which they are told.
#[derive(Debug)]
pub(crate) struct Notifier {
    node: Node,
    front: Arc<Front>,
    live: Mutex<Live>,
}

/// What each live subscription wants, by its id, as it was when the subscriptions last changed.
#[derive(Debug)]
struct Live {
    changes: Changes,
    wanted: Arc<BTreeMap<u64, Arc<Wanted>>>,
}

/// What a subscription wants.
#[derive(Debug)]
struct Wanted {
    id: u64,
    method: String,
    watch: Watch,
}

/// What one transaction printed, as it is notified of.
#[derive(Serialize)]
struct Printed<'a> {
    err: &'a Option<TransactionError>,
    logs: &'a [String],
    signature: &'a str,
}

/// What the transactions of a block printed, each rendered for the first who wants it.
struct Logs<'a> {
    block: &'a Block,
    told: Vec<OnceCell<Told>>,
}

/// What becomes of a call on the WebSocket: a subscription that cannot be is refused as nodes refuse it, and one method
/// is answered as it is over HTTP.
pub(crate) fn judge(call: &Call) -> Verdict {
    let refused = match call.method.as_str() {
        "getVersion" => match rpc::version(&call.params) {
            Ok(version) => return Verdict::Result(version),
            Err(refused) => refused,
        },
        subscribe if subscribe.ends_with("Subscribe") => match Watch::read(subscribe, &call.params) {
            Ok(_) => return Verdict::Node,
            Err(refused) => refused,
        },
        _ => return Verdict::Node,
    };
    let (code, message, data) = refused.parts();
    Verdict::Error { code, message, data }
}

// === impl Notifier ===

impl Notifier {
    pub(crate) fn new(node: Node, front: Arc<Front>) -> Self {
        let live = Live { changes: front.pubsub().changes(), wanted: Arc::default() };
        Self { node, front, live: Mutex::new(live) }
    }

    /// Answers subscriptions that ask for something that is there already.
    pub(crate) fn welcome(&self) {
        let live = self.live();
        let mut waiting = live.values().filter(|wanted| wanted.watch.is_signature()).peekable();
        if waiting.peek().is_none() {
            return;
        }
        let chain = self.node.chain();
        let tips = self.node.tips(&chain);
        for wanted in waiting {
            let Watch::Signature { signature, commitment } = &wanted.watch else { continue };
            let landed = chain.history().find(signature).filter(|landed| landed.slot <= tips.at(*commitment));
            if let Some(landed) = landed {
                self.outcome(wanted, tips.at(*commitment), landed);
            }
        }
    }

    /// Tells everybody who wants to know of a step.
    pub(crate) fn tell(&self, step: &Step) {
        let live = self.live();
        if live.is_empty() {
            return;
        }
        match step {
            Step::Processed(block) => {
                let root = self.node.tips(&self.node.chain()).finalized;
                let slot = json!({"slot": block.slot, "parent": block.parent, "root": root});
                self.send_all(&live, &Watch::Slot, &slot);
                self.block(&live, block, Commitment::Processed);
            }
            Step::Confirmed(block) => self.block(&live, block, Commitment::Confirmed),
            Step::Finalized(block) => {
                self.send_all(&live, &Watch::Root, &json!(block.slot));
                self.block(&live, block, Commitment::Finalized);
            }
            Step::Abandoned(block) => self.restored(&live, block),
        }
    }

    /// What a block that has reached a commitment means to those who wait for that.
    fn block(&self, live: &BTreeMap<u64, Arc<Wanted>>, block: &Arc<Block>, reached: Commitment) {
        let logs = Logs::of(block);
        for wanted in live.values() {
            match &wanted.watch {
                Watch::Account { address, encoding, commitment } if *commitment == reached => {
                    let chain = self.node.chain();
                    let changed = chain.accounts().written(block.slot).contains(address);
                    let state = changed.then(|| state(&chain, block.slot, address));
                    drop(chain);
                    if let Some(state) = state {
                        self.send(wanted, &Told::at(block.slot, state.show(*encoding, None)));
                    }
                }
                Watch::Program { program, filters, encoding, commitment } if *commitment == reached => {
                    let changed = changed(&self.node.chain(), block.slot, program, filters);
                    for state in changed {
                        let shown = state.show(*encoding, None);
                        let value = json!({"pubkey": state.address.to_string(), "account": shown});
                        self.send(wanted, &Told::at(block.slot, value));
                    }
                }
                Watch::Logs { mentions, commitment } if *commitment == reached => {
                    logs.of_those_that(|landed| mentions.include(landed))
                        .for_each(|told| self.send(wanted, told));
                }
                Watch::Signature { signature, commitment } if *commitment == reached => {
                    let landed = block.transactions.iter().find(|landed| landed.signature() == *signature);
                    if let Some(landed) = landed {
                        self.outcome(wanted, block.slot, landed);
                    }
                }
                Watch::Block { mentions, options, commitment } if *commitment == reached => {
                    let shown = match mentions {
                        None => self.node.shelf().show(block, *options),
                        Some(address) => {
                            let part = block_value(&mentioning(block, address), *options);
                            part.map(|part| Rendered::new(part.to_string()))
                        }
                    };
                    let told = match shown {
                        Ok(shown) => Told::block(block.slot, Some(&shown), &Value::Null),
                        Err(error) => {
                            let err = json!({"UnsupportedTransactionVersion": error.parts().1});
                            Told::block(block.slot, None, &err)
                        }
                    };
                    self.send(wanted, &told);
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
    fn restored(&self, live: &BTreeMap<u64, Arc<Wanted>>, abandoned: &Block) {
        for wanted in live.values() {
            let Watch::Account { address, encoding, commitment: Commitment::Processed } = &wanted.watch
            else {
                continue;
            };
            let named = abandoned.transactions.iter().any(|landed| landed.keys().any(|key| key == address));
            if named {
                let state = state(&self.node.chain(), abandoned.parent, address);
                self.send(wanted, &Told::at(abandoned.parent, state.show(*encoding, None)));
            }
        }
    }

    /// Tells how a transaction ended, which ends the subscription.
    fn outcome(&self, wanted: &Wanted, slot: u64, landed: &Landed) {
        self.send(wanted, &Told::at(slot, json!({"err": landed.meta.err})));
        self.front.pubsub().end(wanted.id);
    }

    fn send(&self, wanted: &Wanted, told: &Told) {
        self.front.pubsub().tell(wanted.id, &wanted.method, told);
    }

    /// Tells the same to everybody who wants just that.
    fn send_all(&self, live: &BTreeMap<u64, Arc<Wanted>>, watch: &Watch, result: &Value) {
        let mut interested = live.values().filter(|wanted| wanted.watch == *watch).peekable();
        if interested.peek().is_some() {
            let told = result.into();
            interested.for_each(|wanted| self.send(wanted, &told));
        }
    }

    /// Every live subscription and what it wants.
    fn live(&self) -> Arc<BTreeMap<u64, Arc<Wanted>>> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.changes.any() {
            let subscriptions = self.front.pubsub().subscriptions();
            let read = |subscription: Subscription| match live.wanted.get(&subscription.id) {
                Some(wanted) => Some((subscription.id, Arc::clone(wanted))),
                // Those that cannot be read were refused when they were asked for.
                None => Some((subscription.id, Arc::new(Wanted::of(subscription)?))),
            };
            let wanted = subscriptions.into_iter().filter_map(read).collect();
            live.wanted = Arc::new(wanted);
        }
        Arc::clone(&live.wanted)
    }
}

/// An account at the end of a slot. One that was closed is shown as nodes show it: empty, and the System program's.
fn state(chain: &Chain, slot: u64, address: &Address) -> Snapshot {
    let account = chain.accounts().at(address, slot).unwrap_or_else(|| Arc::new(Account::wallet(0)));
    Snapshot::of(chain, slot, *address, account)
}

/// The accounts of a program that a slot wrote.
fn changed(chain: &Chain, slot: u64, program: &Address, filters: &[Filter]) -> Vec<Snapshot> {
    let states = chain.accounts().written(slot).iter().filter_map(|address| {
        let account = chain.accounts().at(address, slot)?;
        let wanted = account.owner == *program && filters.iter().all(|filter| filter.allows(&account));
        wanted.then(|| Snapshot::of(chain, slot, *address, account))
    });
    states.collect()
}

/// The block with those of its transactions alone that name an address.
fn mentioning(block: &Block, address: &Address) -> Block {
    let named = |landed: &&Arc<Landed>| landed.keys().any(|key| key == address);
    let transactions = block.transactions.iter().filter(named).cloned().collect();
    Block { transactions, ..block.clone() }
}

// === impl Wanted ===

impl Wanted {
    fn of(subscription: Subscription) -> Option<Self> {
        let Subscription { id, method, params, .. } = subscription;
        let watch = Watch::read(&method, &params).ok()?;
        Some(Self { id, method, watch })
    }
}

// === impl Logs ===

impl<'a> Logs<'a> {
    fn of(block: &'a Block) -> Self {
        Self { block, told: block.transactions.iter().map(|_| OnceCell::new()).collect() }
    }

    /// What the transactions printed that `wanted` wants.
    fn of_those_that(&self, wanted: impl Fn(&Landed) -> bool) -> impl Iterator<Item = &Told> {
        let (transactions, slot) = (self.block.transactions.iter(), self.block.slot);
        transactions.zip(&self.told).filter(move |(landed, _)| wanted(landed)).map(move |(landed, told)| {
            told.get_or_init(|| {
                let signature = landed.signature().to_string();
                let Meta { err, logs, .. } = &landed.meta;
                let told = Told::at(slot, Printed { err, logs, signature: &signature });
                told.of(signature)
            })
        })
    }
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
