//! A scripted node: a chain that the test writes, served by [`eda_simnet::Front`] as nodes serve theirs, and every way a test
//! wants it to misbehave. Where a real validator shows that `eda` is right, this one shows what it does in trouble.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use eda_simnet::{Call, Front, Protocol, Reply, Reserved, account};
use serde_json::{Value, json};
use solana_address::Address;
use solana_signature::Signature;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::chain::{Act, Chain, Landed};
use crate::instructions::TOKEN;

mod chain;

/// The mint that most tests burn.
pub const MINT: Address = Address::new_from_array([0x4d; 32]);
/// Another one.
pub const OTHER_MINT: Address = Address::new_from_array([0x4f; 32]);

const SLOT_HASHES: &str = "SysvarS1otHashes111111111111111111111111111";
const SYSVARS: &str = "Sysvar1111111111111111111111111111111111111";

/// Whatever it answers replaces what a node would.
type Script = dyn Fn(&Call) -> Option<Reply> + Send + Sync;

/// A node on two loopback ports. Dropping it ends it.
#[derive(Debug)]
pub struct Node {
    front: Arc<Front>,
    stage: Arc<Stage>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What the server's tasks work with.
struct Stage {
    chain: Mutex<Chain>,
    script: RwLock<Option<Arc<Script>>>,
}

// === impl Stage ===

impl Stage {
    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, call: &Call) -> Reply {
        let script = self.script.read().unwrap_or_else(PoisonError::into_inner).clone();
        script.and_then(|script| script(call)).unwrap_or_else(|| self.as_node(call))
    }

    fn as_node(&self, call: &Call) -> Reply {
        let chain = self.chain();
        let number = |at: usize| call.params.get(at).and_then(Value::as_u64);
        let text = |at: usize| call.params.get(at).and_then(Value::as_str).unwrap_or_default();
        let with_slot =
            |value: Value| json!({"context": {"slot": chain.tip(), "apiVersion": "4.2.2"}, "value": value});
        Reply::Result(match call.method.as_str() {
            "getHealth" => json!("ok"),
            "getVersion" => json!({"solana-core": "4.2.2", "feature-set": 3_640_012_085_u32}),
            "getGenesisHash" => json!(chain.genesis_hash()),
            "getSlot" => json!(chain.tip()),
            "getBlocks" => {
                let from = number(0).unwrap_or_default();
                json!(chain.slots(from, number(1).unwrap_or(u64::MAX)))
            }
            "getBlock" => match chain.block(number(0).unwrap_or_default()) {
                Some(block) => block,
                None => return Reply::error(-32004, "Block not available for slot"),
            },
            "getTransaction" => json!(chain.transaction(text(0))),
            "getAccountInfo" => with_slot(state(&chain, text(0))),
            "getMultipleAccounts" => {
                let keys = call.params.get(0).and_then(Value::as_array).map(Vec::as_slice);
                let keys = keys.unwrap_or_default().iter().filter_map(Value::as_str);
                with_slot(keys.map(|key| state(&chain, key)).collect())
            }
            _ => return Reply::method_not_found(),
        })
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("tip", &self.chain().tip()).finish_non_exhaustive()
    }
}

/// An account as it is now; null where there is none.
fn state(chain: &Chain, address: &str) -> Value {
    if address == SLOT_HASHES {
        return account(1, SYSVARS, &chain.slot_hashes());
    }
    match [MINT, OTHER_MINT].into_iter().find(|mint| mint.to_string() == address) {
        Some(mint) => account(1, &TOKEN.to_string(), &chain.mint(mint)),
        None => Value::Null,
    }
}

// === impl Node ===

impl Node {
    /// A node of its own cluster, speaking HTTP/1.1. It makes no blocks until it is told to.
    ///
    /// # Errors
    /// When no ports are free.
    pub async fn start() -> io::Result<Self> {
        Self::of_cluster(1).await
    }

    /// A node of another cluster for each `seed`.
    ///
    /// # Errors
    /// When no ports are free.
    pub async fn of_cluster(seed: u8) -> io::Result<Self> {
        Ok(Self::behind(Front::start(Protocol::Http1).await?, seed))
    }

    /// A node that speaks HTTP otherwise, such as several calls at a time on one connection.
    ///
    /// # Errors
    /// When no ports are free.
    pub async fn speaking(protocol: Protocol) -> io::Result<Self> {
        Ok(Self::behind(Front::start(protocol).await?, 1))
    }

    /// A node on ports that were reserved for it.
    ///
    /// # Errors
    /// When they cannot be listened on.
    pub fn start_on(ports: Reserved) -> io::Result<Self> {
        Ok(Self::behind(ports.start()?, 1))
    }

    fn behind(front: Front, seed: u8) -> Self {
        let stage = Arc::new(Stage { chain: Mutex::new(Chain::new(seed)), script: RwLock::new(None) });
        let answering = Arc::clone(&stage);
        front.rpc().respond(move |call| answering.answer(call));
        Self { front: Arc::new(front), stage, tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Where to point `--url`; the WebSocket is on the next port.
    pub fn url(&self) -> String {
        self.front.http_url()
    }

    /// The ports: what arrived on them, and how they misbehave.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// Answers by `script` whatever it has an answer to; the rest as a node does.
    pub fn misbehave(&self, script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) {
        *self.stage.script.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(script));
    }

    /// Answers as a node again.
    pub fn behave(&self) {
        *self.stage.script.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes a block and announces it to whoever subscribed.
    pub fn produce(&self, acts: &[Act]) -> Vec<Landed> {
        produce(&self.front, &self.stage, acts)
    }

    /// Makes a block at every beat until the node is dropped, with `burns` burns of [`MINT`] in each.
    pub fn run(&self, beat: Duration, burns: u64) {
        let (front, stage) = (Arc::clone(&self.front), Arc::clone(&self.stage));
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut beats = interval(beat);
            beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut amount = 1_000_000;
            while stop.run_until_cancelled(beats.tick()).await.is_some() {
                let acts: Vec<Act> =
                    (0..burns).map(|index| Act::Burn { mint: MINT, amount: amount + index }).collect();
                amount += burns;
                produce(&front, &stage, &acts);
            }
        });
    }

    /// The signatures of all burns so far.
    pub fn burned(&self) -> Vec<Signature> {
        let chain = self.stage.chain();
        let burns = chain.transactions().filter(|landed| matches!(landed.act, Act::Burn { .. }));
        burns.map(|landed| landed.signature).collect()
    }

    /// The newest slot.
    pub fn tip(&self) -> u64 {
        self.stage.chain().tip()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn produce(front: &Front, stage: &Stage, acts: &[Act]) -> Vec<Landed> {
    let mut chain = stage.chain();
    let landed = chain.append(acts);
    let slot = chain.tip();
    let pubsub = front.pubsub();
    pubsub.notify_slot(slot, slot.saturating_sub(1), slot.saturating_sub(31));
    for one in &landed {
        let (logs, mentions) = (one.logs(), one.mentions());
        let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
        let mentions: Vec<&str> = mentions.iter().map(String::as_str).collect();
        pubsub.notify_logs(slot, &one.signature.to_string(), &Value::Null, &logs, &mentions);
    }
    for subscription in pubsub.subscriptions() {
        let changed = [SLOT_HASHES.to_owned(), MINT.to_string(), OTHER_MINT.to_string()];
        if let Some(address) = subscription.first().filter(|first| changed.iter().any(|one| one == first)) {
            pubsub.notify_account(address, slot, &state(&chain, address));
        }
    }
    drop(chain);
    landed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    /// What the tests rely on: what is produced can be asked for, and every key of it reads back.
    #[tokio::test]
    async fn what_is_produced_can_be_asked_for() {
        let node = Node::start().await.unwrap();
        let client = Client::new(&node.url()).unwrap();
        let landed = node.produce(&[Act::Burn { mint: MINT, amount: 7 }, Act::CreateCoin]);
        let slot = node.tip();
        let block = client.call("getBlock", json!([slot, {}])).await.unwrap();
        assert_eq!(block["transactions"].as_array().unwrap().len(), 2);
        assert_eq!(block["parentSlot"], slot - 1);
        let signature = landed.first().unwrap().signature.to_string();
        let answer = client.call("getTransaction", json!([signature, {}])).await.unwrap();
        assert_eq!(answer["slot"], slot);
        assert!(client.call("getBlock", json!([slot + 1, {}])).await.is_err());
        let slots = client.call("getBlocks", json!([0, slot + 5])).await.unwrap();
        assert_eq!(slots, json!([slot - 1, slot]));
        node.misbehave(|call| (call.method == "getSlot").then(|| Reply::error(-32005, "behind")));
        assert!(client.call("getSlot", json!([])).await.is_err());
        node.behave();
        assert_eq!(client.call("getSlot", json!([])).await.unwrap(), slot);
    }
}
