//! A small node: a chain of blocks with real transactions, accounts, and everything the connection asks about them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use eda_events::{Address, Signature};
use eda_simnet::{Call, Front, Protocol, Reply, account};
use serde_json::{Value, json};
use solana_hash::Hash;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::{VersionedMessage, legacy};
use solana_transaction::versioned::VersionedTransaction;
use tokio::{task::JoinSet, time::sleep};

pub(crate) const TESTNET: &str = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY";
const SLOT_HASHES: &str = "SysvarS1otHashes111111111111111111111111111";
const SYSVAR: &str = "Sysvar1111111111111111111111111111111111111";
/// The slot in which every chain of these tests begins.
pub(crate) const GENESIS_SLOT: u64 = 100;

pub(crate) const BLOCK_NOT_AVAILABLE: i64 = -32004;
pub(crate) const SLOT_SKIPPED: i64 = -32007;
pub(crate) const UNSUPPORTED_VERSION: i64 = -32015;

/// A transaction that landed.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) signature: String,
    /// As an element of a block.
    pub(crate) element: Value,
    mentions: Vec<String>,
}

/// Answers a call before the node does.
type Interposed = dyn Fn(&Call) -> Option<Reply> + Send + Sync;

struct Chain {
    genesis: String,
    /// Every hash of this chain begins with it.
    seed: u8,
    blocks: BTreeMap<u64, (u64, Vec<Tx>)>,
    confirmed: u64,
    loose: HashMap<String, (u64, Tx)>,
    accounts: HashMap<String, u64>,
    /// The slot that account reads claim to be of, when it is not the newest.
    read_slot: Option<u64>,
    interposed: Option<Arc<Interposed>>,
}

/// A node with its servers. Its chain grows when the test says so.
pub(crate) struct Node {
    pub(crate) front: Front,
    chain: Arc<Mutex<Chain>>,
}

/// Notifies the hashes of recent slots as long as it lives, as every slot of a real cluster does.
pub(crate) struct Pulse(#[expect(dead_code, reason = "ends its task when dropped")] JoinSet<()>);

/// The same address for the same number.
pub(crate) fn address(number: u8) -> Address {
    Address::new_from_array([number; 32])
}

/// A transaction with this number that mentions these addresses and does nothing.
pub(crate) fn tx(number: u64, mentions: &[Address]) -> Tx {
    let accounts = mentions.iter().map(|mention| AccountMeta::new(*mention, false)).collect();
    let instruction = Instruction { program_id: address(251), accounts, data: vec![1] };
    let message = legacy::Message::new(&[instruction], Some(&address(250)));
    let mut bytes = [9; 64];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    let signature = Signature::from(bytes);
    let keys = vec![1; message.account_keys.len()];
    let wire =
        VersionedTransaction { signatures: vec![signature], message: VersionedMessage::Legacy(message) };
    let element = json!({
        "transaction": [BASE64_STANDARD.encode(wincode::serialize(&wire).unwrap()), "base64"],
        "version": "legacy",
        "meta": {
            "err": null, "status": {"Ok": null}, "fee": 5000, "innerInstructions": [], "logMessages": [],
            "preBalances": keys, "postBalances": keys, "preTokenBalances": [], "postTokenBalances": [],
            "loadedAddresses": {"writable": [], "readonly": []},
        },
    });
    let mentions = mentions.iter().map(ToString::to_string).collect();
    Tx { signature: signature.to_string(), element, mentions }
}

fn owner() -> String {
    address(249).to_string()
}

// === impl Node ===

impl Node {
    pub(crate) async fn start(protocol: Protocol) -> Self {
        Self::of_cluster(protocol, TESTNET, 1).await
    }

    /// A node of the cluster with this genesis hash, whose slots have hashes of their own.
    pub(crate) async fn of_cluster(protocol: Protocol, genesis: &str, seed: u8) -> Self {
        let front = Front::start(protocol).await.unwrap();
        let chain = Arc::new(Mutex::new(Chain {
            genesis: genesis.to_owned(),
            seed,
            blocks: BTreeMap::from([(GENESIS_SLOT, (0, Vec::new()))]),
            confirmed: GENESIS_SLOT,
            loose: HashMap::new(),
            accounts: HashMap::new(),
            read_slot: None,
            interposed: None,
        }));
        let asked = Arc::clone(&chain);
        front.rpc().respond(move |call| {
            let chain = asked.lock().unwrap();
            let interposed = chain.interposed.clone();
            let answer = chain.answer(call);
            drop(chain);
            interposed.and_then(|interposed| interposed(call)).unwrap_or(answer)
        });
        Self { front, chain }
    }

    /// Begins to notify the hashes of recent slots to whoever subscribes them.
    pub(crate) fn pulse(self: &Arc<Self>) -> Pulse {
        let mut tasks = JoinSet::new();
        let node = Arc::downgrade(self);
        tasks.spawn(async move {
            while let Some(node) = node.upgrade() {
                let (slot, hashes) = {
                    let chain = node.chain();
                    (chain.confirmed, chain.slot_hashes())
                };
                node.front.pubsub().notify_account(SLOT_HASHES, slot, &hashes);
                drop(node);
                sleep(Duration::from_millis(10)).await;
            }
        });
        Pulse(tasks)
    }

    /// Answers calls before the node does; `None` leaves the call to the node.
    pub(crate) fn interpose(&self, answer: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) {
        self.chain().interposed = Some(Arc::new(answer));
    }

    /// The node answers everything itself again.
    pub(crate) fn honest(&self) {
        self.chain().interposed = None;
    }

    /// A confirmed block. Nobody is told.
    pub(crate) fn block(&self, slot: u64, parent: u64, transactions: Vec<Tx>) {
        let mut chain = self.chain();
        chain.blocks.insert(slot, (parent, transactions));
        chain.confirmed = chain.confirmed.max(slot);
    }

    /// The notification that a block was begun.
    pub(crate) fn announce(&self, slot: u64, parent: u64) {
        self.front.pubsub().notify_slot(slot, parent, parent.saturating_sub(31));
    }

    /// The next block of the chain, confirmed and announced; returns its slot.
    pub(crate) fn grow(&self, transactions: Vec<Tx>) -> u64 {
        let parent = self.tip();
        self.block(parent + 1, parent, transactions);
        self.announce(parent + 1, parent);
        parent + 1
    }

    pub(crate) fn tip(&self) -> u64 {
        self.chain().confirmed
    }

    /// A transaction that can be fetched by its signature.
    pub(crate) fn land(&self, slot: u64, tx: &Tx) {
        self.chain().loose.insert(tx.signature.clone(), (slot, tx.clone()));
    }

    /// The logs of a transaction, to everyone who asked for one of `mentions`.
    pub(crate) fn logs(&self, slot: u64, tx: &Tx, lines: &[&str], mentions: &[Address]) {
        self.logs_with(slot, tx, &Value::Null, lines, mentions);
    }

    pub(crate) fn logs_with(&self, slot: u64, tx: &Tx, err: &Value, lines: &[&str], mentions: &[Address]) {
        let mentions: Vec<String> = mentions.iter().map(ToString::to_string).collect();
        let mentions: Vec<&str> = mentions.iter().map(String::as_str).collect();
        self.front.pubsub().notify_logs(slot, &tx.signature, err, lines, &mentions);
    }

    /// What an account holds from now on. Nobody is told.
    pub(crate) fn hold(&self, address: Address, lamports: u64) {
        self.chain().accounts.insert(address.to_string(), lamports);
    }

    /// The notification that an account holds this now.
    pub(crate) fn notify_account(&self, address: Address, slot: u64, lamports: u64) {
        let state = account(lamports, &owner(), &[7]);
        self.front.pubsub().notify_account(&address.to_string(), slot, &state);
    }

    /// Which slot account reads claim to be of.
    pub(crate) fn read_at(&self, slot: u64) {
        self.chain().read_slot = Some(slot);
    }

    pub(crate) fn become_cluster(&self, genesis: &str) {
        genesis.clone_into(&mut self.chain().genesis);
    }

    /// Calls of a method so far.
    pub(crate) fn asked(&self, method: &str) -> Vec<Call> {
        self.front.rpc().journal().of(method)
    }

    /// Waits for that many calls of a method.
    pub(crate) async fn until_asked(&self, method: &str, times: usize) {
        let enough = |calls: &[Call]| calls.iter().filter(|call| call.method == method).count() >= times;
        self.front.rpc().journal().until(enough).await;
    }

    /// Waits until the slots are subscribed, from when on announcements arrive.
    pub(crate) async fn until_listened(&self) {
        self.front.pubsub().subscribed("slotSubscribe", None).await;
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }
}

// === impl Chain ===

impl Chain {
    fn answer(&self, call: &Call) -> Reply {
        let number = |index: usize| call.params[index].as_u64();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = &call.params[1]["maxSupportedTransactionVersion"];
        if matches!(call.method.as_str(), "getBlock" | "getTransaction") && version != 1 {
            return Reply::error(UNSUPPORTED_VERSION, "Transaction version (1) is not supported");
        }
        Reply::Result(match call.method.as_str() {
            "getGenesisHash" => json!(self.genesis),
            "getVersion" => json!({"solana-core": "4.2.2", "feature-set": 1}),
            "getSlot" => json!(self.confirmed),
            "getHealth" => json!("ok"),
            "getBlock" => match number(0) {
                Some(slot) if slot > self.confirmed => {
                    let message = format!("Block not available for slot {slot}");
                    return Reply::error(BLOCK_NOT_AVAILABLE, &message);
                }
                Some(slot) => match self.blocks.get(&slot) {
                    Some((parent, transactions)) => self.block(slot, *parent, transactions),
                    None => return Reply::error(SLOT_SKIPPED, &format!("Slot {slot} was skipped")),
                },
                None => return Reply::error(-32602, "Invalid params"),
            },
            "getBlocks" => {
                let (from, to) = (number(0).unwrap_or(0), number(1).unwrap_or(u64::MAX).min(self.confirmed));
                json!(if from > to {
                    Vec::new()
                } else {
                    self.blocks.range(from..=to).map(|(slot, _)| *slot).collect()
                })
            }
            "getSignaturesForAddress" => self.signatures(&call.params),
            "getFirstAvailableBlock" => json!(0),
            "getTransaction" => self.transaction(&text(&call.params[0])),
            "getAccountInfo" if call.params[0] == SLOT_HASHES => self.read(self.slot_hashes()),
            "getAccountInfo" => self.read(self.account(&text(&call.params[0]))),
            "getMultipleAccounts" => {
                let keys = call.params[0].as_array().cloned().unwrap_or_default();
                self.read(keys.iter().map(|key| self.account(&text(key))).collect())
            }
            "getBalance" => self.read(json!(5)),
            "getLatestBlockhash" => {
                self.read(json!({"blockhash": Hash::default().to_string(), "lastValidBlockHeight": 9}))
            }
            "sendTransaction" => json!(Signature::default().to_string()),
            _ => return Reply::method_not_found(),
        })
    }

    fn block(&self, slot: u64, parent: u64, transactions: &[Tx]) -> Value {
        let elements: Vec<&Value> = transactions.iter().map(|tx| &tx.element).collect();
        json!({
            "blockhash": Hash::from(self.hash(slot)).to_string(),
            "previousBlockhash": Hash::from(self.hash(parent)).to_string(),
            "parentSlot": parent, "blockTime": 1_700_000_000, "blockHeight": slot, "transactions": elements,
        })
    }

    fn transaction(&self, signature: &str) -> Value {
        let in_blocks = self.blocks.iter().find_map(|(slot, (_, transactions))| {
            transactions.iter().find(|tx| tx.signature == signature).map(|tx| (*slot, tx))
        });
        let Some((slot, tx)) = self.loose.get(signature).map(|(slot, tx)| (*slot, tx)).or(in_blocks) else {
            return Value::Null;
        };
        let mut found = tx.element.clone();
        found["slot"] = json!(slot);
        found["blockTime"] = json!(1_700_000_000);
        found
    }

    /// The transactions of an address before another one, newest first.
    fn signatures(&self, params: &Value) -> Value {
        let mention = params[0].as_str().unwrap_or_default();
        let in_blocks = self
            .blocks
            .range(..=self.confirmed)
            .flat_map(|(slot, (_, transactions))| transactions.iter().map(move |tx| (*slot, tx)));
        let loose = self.loose.values().map(|(slot, tx)| (*slot, tx));
        let mut all: Vec<(u64, &str)> = in_blocks
            .chain(loose)
            .filter(|(_, tx)| tx.mentions.iter().any(|one| one == mention))
            .map(|(slot, tx)| (slot, tx.signature.as_str()))
            .collect();
        all.sort_unstable();
        all.dedup();
        all.reverse();
        if let Some(before) = params[1]["before"].as_str() {
            let place = all.iter().position(|(_, signature)| *signature == before);
            all.drain(..=place.unwrap_or(0));
        }
        let limit = params[1]["limit"].as_u64().unwrap_or(1_000);
        all.truncate(usize::try_from(limit).unwrap());
        let row = |(slot, signature)| json!({"signature": signature, "slot": slot, "err": null});
        all.into_iter().map(row).collect()
    }

    fn account(&self, address: &str) -> Value {
        self.accounts.get(address).map_or(Value::Null, |lamports| account(*lamports, &owner(), &[7]))
    }

    fn read(&self, value: Value) -> Value {
        json!({"context": {"slot": self.read_slot.unwrap_or(self.confirmed)}, "value": value})
    }

    fn slot_hashes(&self) -> Value {
        let mut data = 8_u64.to_le_bytes().to_vec();
        for slot in (self.confirmed - 8..self.confirmed).rev() {
            data.extend(slot.to_le_bytes());
            data.extend(self.hash(slot));
        }
        account(1, SYSVAR, &data)
    }

    fn hash(&self, slot: u64) -> [u8; 32] {
        let mut hash = [self.seed; 32];
        hash[..8].copy_from_slice(&slot.to_be_bytes());
        hash
    }
}
