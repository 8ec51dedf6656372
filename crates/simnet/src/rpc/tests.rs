/// Blocks, transactions and commitments.
mod history;
/// What is wrong with parameters.
mod params;
/// Sending and simulating.
mod send;
/// Accounts and tokens.
mod state;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{VersionedMessage, legacy};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use super::METHODS;
use crate::{
    call::Call,
    chain::{Chain, Config, Mix},
    node::Node,
    reply::Reply,
};

/// A node on a chain on which nothing happens by itself, after so many slots.
fn node(slots: u64) -> Node {
    node_of(Config::default(), slots)
}

fn node_of(config: Config, slots: u64) -> Node {
    let config = Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix: Mix::NONE, ..config };
    let node = Node::new(Arc::new(Mutex::new(Chain::new(config))));
    produce(&node, slots);
    node
}

fn produce(node: &Node, slots: u64) {
    for _ in 0..slots {
        node.chain().produce();
    }
}

fn call(method: &str, params: Value) -> Call {
    Call {
        method: method.to_owned(),
        params,
        id: json!(1),
        headers: http::HeaderMap::new(),
        path: "/".to_owned(),
        version: http::Version::HTTP_11,
        connection: 1,
        batch: 1,
        at: tokio::time::Instant::now(),
    }
}

#[track_caller]
fn ask(node: &Node, method: &str, params: Value) -> Value {
    let reply = node.answer(&call(method, params.clone()));
    if let Reply::Rendered(result) = &reply {
        return serde_json::from_slice(result.json()).unwrap();
    }
    let Reply::Result(result) = reply else { panic!("{method} {params}: {reply:?}") };
    result
}

/// Code, message and data of an error.
#[track_caller]
fn refusal(node: &Node, method: &str, params: Value) -> (i64, String, Option<Value>) {
    let reply = node.answer(&call(method, params.clone()));
    let Reply::Error { code, message, data } = reply else { panic!("{method} {params}: {reply:?}") };
    (code, message, data)
}

fn person(number: u8) -> Keypair {
    Keypair::new_from_array([number; 32])
}

fn place(number: u8) -> Address {
    Address::new_from_array([number; 32])
}

fn sign(node: &Node, instructions: &[Instruction], signers: &[&Keypair]) -> VersionedTransaction {
    let hash = node.chain().environment().blockhash;
    let payer = signers.first().map(|signer| signer.pubkey());
    let message = legacy::Message::new_with_blockhash(instructions, payer.as_ref(), &hash);
    VersionedTransaction::try_new(VersionedMessage::Legacy(message), signers).unwrap()
}

fn base64(transaction: &VersionedTransaction) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(wincode::serialize(transaction).unwrap())
}

/// A node on which `person(7)` has ten SOL, in a confirmed block.
fn funded() -> Node {
    let node = node(1);
    node.chain().airdrop(person(7).pubkey(), 10_000_000_000).unwrap();
    produce(&node, 2);
    node
}

#[test]
fn every_method_has_one_name() {
    let names: std::collections::BTreeSet<&str> = METHODS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), METHODS.len());
    let unknown = refusal(&node(0), "getNothing", Value::Null);
    assert_eq!(unknown, (-32601, "Method not found".to_owned(), None));
}

#[test]
fn a_node_that_is_far_behind_says_so_and_shows_what_it_knows() {
    let node = node(400);
    let behind = node.clone();
    assert_eq!(ask(&node, "getHealth", Value::Null), json!("ok"));
    assert_eq!(ask(&node, "getSlot", json!([{"commitment": "processed"}])), json!(400));
    behind.fall_behind(200);
    let (code, message, data) = refusal(&behind, "getHealth", Value::Null);
    assert_eq!((code, message.as_str()), (-32005, "Node is behind by 200 slots"));
    assert_eq!(data, Some(json!({"numSlotsBehind": 200})));
    assert_eq!(ask(&behind, "getSlot", json!([{"commitment": "processed"}])), json!(200));
    assert_eq!(
        refusal(&behind, "getBlock", json!([300])),
        (-32004, "Block not available for slot 300".to_owned(), None)
    );
}
