//! A node that the test plays: a simulated chain on which nothing happens by itself, and every way a test wants its
//! endpoint to misbehave. Where a real validator shows that `eda` is right, this one shows what it does in trouble.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eda_simnet::{
    Call, Front, Protocol, Reply, Reserved,
    chain::{Account, Chain, Config, Mix},
    cluster::Simnet,
    endpoint::{Endpoint, Options},
    instructions::{self, BurnAccounts, TOKEN, pump::Coin},
    programs::COMPUTE_BUDGET,
};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{VersionedMessage, legacy};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The mint that most tests burn.
pub const MINT: Address = Address::new_from_array([0x4d; 32]);
/// Another one.
pub const OTHER_MINT: Address = Address::new_from_array([0x4f; 32]);

/// Of every mint, before the first burn.
const SUPPLY: u64 = 1_000_000_000_000_000_000;
/// Slots that pass before the first act, so that the sysvars have something to show.
const WARM_UP: usize = 3;

/// What one transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Burns this much of a mint.
    Burn {
        /// The mint.
        mint: Address,
        /// In its smallest unit.
        amount: u64,
    },
    /// Asks Pump.fun for a new coin.
    CreateCoin,
}

/// A transaction in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// Its signature.
    pub signature: Signature,
    /// What it does.
    pub act: Act,
}

/// Whatever it answers replaces what a node would.
type Script = dyn Fn(&Call) -> Option<Reply> + Send + Sync;

/// A node on two loopback ports. Dropping it ends it.
pub struct Node {
    stage: Arc<Stage>,
    script: Arc<RwLock<Option<Arc<Script>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What its tasks work with.
#[derive(Debug)]
struct Stage {
    cluster: Simnet,
    endpoint: Arc<Endpoint>,
    holder: Keypair,
    made: AtomicU64,
    landed: Mutex<Vec<Landed>>,
}

// === impl Stage ===

impl Stage {
    /// Sends a transaction that does `act`.
    fn send(&self, act: Act) -> Landed {
        let number = self.made.fetch_add(1, Ordering::AcqRel);
        let (instructions, new) = match act {
            Act::Burn { mint, amount } => {
                let burn = BurnAccounts {
                    program: TOKEN,
                    account: holding(mint),
                    mint,
                    authority: self.holder.pubkey(),
                };
                (vec![instructions::burn(burn, amount)], None)
            }
            Act::CreateCoin => {
                let mint = Keypair::new();
                let coin = Coin::of(mint.pubkey());
                (vec![coin.create(self.holder.pubkey(), "Coin", "COIN", "")], Some(mint))
            }
        };
        let mut chain = self.cluster.chain();
        let blockhash = chain.environment().blockhash;
        let all: Vec<Instruction> = std::iter::once(mark(number)).chain(instructions).collect();
        let message = legacy::Message::new_with_blockhash(&all, Some(&self.holder.pubkey()), &blockhash);
        let signers: Vec<&Keypair> = std::iter::once(&self.holder).chain(&new).collect();
        let signed = VersionedTransaction::try_new(VersionedMessage::Legacy(message), &signers);
        let signature = signed.ok().and_then(|signed| chain.submit(signed).ok()).unwrap_or_default();
        Landed { signature, act }
    }

    /// Makes a block of these acts.
    fn produce(&self, acts: &[Act]) -> Vec<Landed> {
        let landed: Vec<Landed> = acts.iter().map(|act| self.send(*act)).collect();
        self.cluster.advance();
        self.landed().extend(&landed);
        landed
    }

    fn landed(&self) -> MutexGuard<'_, Vec<Landed>> {
        self.landed.lock().unwrap_or_else(PoisonError::into_inner)
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
        Self::behind(Options { protocol: Protocol::Http1, ..Options::default() }, seed).await
    }

    /// A node that speaks HTTP otherwise, such as several calls at a time on one connection.
    ///
    /// # Errors
    /// When no ports are free.
    pub async fn speaking(protocol: Protocol) -> io::Result<Self> {
        Self::behind(Options { protocol, ..Options::default() }, 1).await
    }

    /// A node on ports that were reserved for it.
    ///
    /// # Errors
    /// When they cannot be listened on.
    pub async fn start_on(ports: Reserved) -> io::Result<Self> {
        Self::behind(Options { ports: Some(ports), ..Options::default() }, 1).await
    }

    async fn behind(options: Options, seed: u8) -> io::Result<Self> {
        let holder = Keypair::new_from_array([0x51; 32]);
        let mints = [MINT, OTHER_MINT].into_iter().flat_map(|mint| genesis(mint, holder.pubkey()));
        let wallet = (holder.pubkey(), Account::wallet(1_000_000_000_000_000));
        let cluster = Simnet::new(Config {
            mix: Mix::NONE,
            skipped_per_mille: 0,
            abandoned_per_mille: 0,
            genesis: mints.chain([wallet]).collect(),
            ..Config::seeded(seed.into())
        });
        let endpoint = cluster.endpoint(options).await?;
        for _ in 0..WARM_UP {
            cluster.advance();
        }
        let script: Arc<RwLock<Option<Arc<Script>>>> = Arc::default();
        let (played, node) = (Arc::clone(&script), Arc::clone(&endpoint));
        endpoint.front().rpc().respond(move |call| {
            let script = played.read().unwrap_or_else(PoisonError::into_inner).clone();
            script.and_then(|script| script(call)).unwrap_or_else(|| node.answer(call))
        });
        let stage = Stage { cluster, endpoint, holder, made: AtomicU64::new(0), landed: Mutex::default() };
        Ok(Self { stage: Arc::new(stage), script, tasks: TaskTracker::new(), stop: CancellationToken::new() })
    }

    /// Where to point `--url`; the WebSocket is on the next port.
    pub fn url(&self) -> String {
        self.front().http_url()
    }

    /// The ports: what arrived on them, and how they misbehave.
    pub fn front(&self) -> &Front {
        self.stage.endpoint.front()
    }

    /// The chain behind them.
    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.stage.cluster.chain()
    }

    /// Answers by `script` whatever it has an answer to; the rest as a node does.
    pub fn misbehave(&self, script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) {
        *self.script.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(script));
    }

    /// Answers as a node again.
    pub fn behave(&self) {
        *self.script.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes a block of these acts, and one on top of it that confirms it.
    pub fn produce(&self, acts: &[Act]) -> Vec<Landed> {
        let landed = self.stage.produce(acts);
        self.stage.cluster.advance();
        landed
    }

    /// Makes a block at every beat until the node is dropped, with `burns` burns of [`MINT`] in each.
    pub fn run(&self, beat: Duration, burns: u64) {
        let (stage, stop) = (Arc::clone(&self.stage), self.stop.clone());
        self.tasks.spawn(async move {
            let mut beats = interval(beat);
            beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
            while stop.run_until_cancelled(beats.tick()).await.is_some() {
                let acts: Vec<Act> =
                    (0..burns).map(|index| Act::Burn { mint: MINT, amount: 1_000_000 + index }).collect();
                stage.produce(&acts);
            }
        });
    }

    /// The signatures of all burns so far.
    pub fn burned(&self) -> Vec<Signature> {
        let landed = self.stage.landed();
        let burns = landed.iter().filter(|landed| matches!(landed.act, Act::Burn { .. }));
        burns.map(|landed| landed.signature).collect()
    }

    /// The newest slot.
    pub fn tip(&self) -> u64 {
        self.chain().tips().processed
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The holder's token account of a mint.
fn holding(mint: Address) -> Address {
    let mut bytes = mint.to_bytes();
    bytes.reverse();
    if let Some(first) = bytes.first_mut() {
        *first ^= 0xff;
    }
    Address::new_from_array(bytes)
}

/// A mint of six decimals without authorities, all of which the holder has.
fn genesis(mint: Address, holder: Address) -> [(Address, Account); 2] {
    // `interface/src/state.rs` of SPL Token: supply at 36, decimals, initialized; and mint, owner, amount, state at 108.
    let mut state = vec![0; 36];
    state.extend(SUPPLY.to_le_bytes());
    state.extend([6, 1]);
    state.resize(82, 0);
    let mut held = [mint.as_ref(), holder.as_ref(), &SUPPLY.to_le_bytes()].concat();
    held.resize(108, 0);
    held.push(1);
    held.resize(165, 0);
    [(mint, Account::holding(state, TOKEN)), (holding(mint), Account::holding(held, TOKEN))]
}

/// A compute unit price that no other transaction has, so that equal acts have signatures of their own.
fn mark(number: u64) -> Instruction {
    let data = [&[3][..], &number.to_le_bytes()].concat();
    Instruction { program_id: COMPUTE_BUDGET, accounts: Vec::new(), data }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Client;

    /// What the tests rely on: what is produced can be asked for.
    #[tokio::test]
    async fn what_is_produced_can_be_asked_for() {
        let node = Node::start().await.unwrap();
        let client = Client::new(&node.url()).unwrap();
        let landed = node.produce(&[Act::Burn { mint: MINT, amount: 7 }, Act::CreateCoin]);
        let confirmed = json!({"commitment": "confirmed", "maxSupportedTransactionVersion": 1});
        for one in landed {
            let signature = one.signature.to_string();
            let answer = client.call("getTransaction", json!([signature, confirmed])).await.unwrap();
            assert_eq!(answer["meta"]["err"], json!(null), "{answer}");
        }
        let slot = node.tip() - 1;
        let block = client.call("getBlock", json!([slot, confirmed])).await.unwrap();
        assert_eq!(block["transactions"].as_array().unwrap().len(), 2);
        node.misbehave(|call| (call.method == "getSlot").then(|| Reply::error(-32005, "behind")));
        assert!(client.call("getSlot", json!([])).await.is_err());
        node.behave();
        assert!(client.call("getSlot", json!([])).await.is_ok());
    }
}
