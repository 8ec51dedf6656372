//! A real client: JSON-RPC over HTTP, transactions of every version built and signed with the official crates.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::{
    AddressLookupTableAccount, VersionedMessage, legacy, v0,
    v1::{self, TransactionConfig},
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use tokio::time::Instant;

use crate::{Error, Fallible};

/// Requests on the way at one time.
const CONCURRENT_REQUESTS: usize = 16;
/// Signatures in one `getSignatureStatuses`.
const STATUS_PAGE: usize = 256;
/// How long transactions may take to land before the client gives up.
const LANDING: Duration = Duration::from_secs(60);
/// How long a transaction may be missing before it is sent again.
const RESEND: Duration = Duration::from_secs(3);

/// The wire format of a transaction.
#[derive(Debug, Clone, Default)]
pub enum Format {
    /// No version byte.
    #[default]
    Legacy,
    /// Version 0, loading what it can through these tables.
    V0(Vec<AddressLookupTableAccount>),
    /// Version 1, with compute limits in the message (unset would mean zero).
    V1,
}

/// Where a transaction landed.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    /// The slot.
    pub slot: u64,
    /// Null if it succeeded.
    pub err: Value,
}

/// A client of one node.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    next_id: AtomicU64,
}

/// Builds a transaction and signs it with those of `signers` it needs; the first of them pays.
///
/// # Errors
/// When the message does not compile or a needed signer is missing.
pub fn sign(
    instructions: &[Instruction],
    signers: &[&Keypair],
    blockhash: Hash,
    format: &Format,
) -> Fallible<VersionedTransaction> {
    let broken = |error: &dyn std::fmt::Display| Error::Transaction(error.to_string());
    let payer = signers.first().ok_or_else(|| broken(&"nobody pays"))?.pubkey();
    let message = match format {
        Format::Legacy => VersionedMessage::Legacy(legacy::Message::new_with_blockhash(
            instructions,
            Some(&payer),
            &blockhash,
        )),
        Format::V0(tables) => VersionedMessage::V0(
            v0::Message::try_compile(&payer, instructions, tables, blockhash)
                .map_err(|error| broken(&error))?,
        ),
        Format::V1 => {
            let limits = TransactionConfig::empty()
                .with_compute_unit_limit(200_000)
                .with_loaded_accounts_data_size_limit(16 * 1024 * 1024);
            VersionedMessage::V1(
                v1::Message::try_compile_with_config(&payer, instructions, blockhash, limits)
                    .map_err(|error| broken(&error))?,
            )
        }
    };
    let required = usize::from(message.header().num_required_signatures);
    let needed: BTreeSet<Address> = message.static_account_keys().iter().take(required).copied().collect();
    let by_address: BTreeMap<Address, &Keypair> =
        signers.iter().map(|signer| (signer.pubkey(), *signer)).collect();
    let signing: Vec<&Keypair> = by_address
        .into_iter()
        .filter(|(address, _)| needed.contains(address))
        .map(|(_, signer)| signer)
        .collect();
    VersionedTransaction::try_new(message, &signing).map_err(|error| broken(&error))
}

// === impl Client ===

impl Client {
    /// A client of the node at this HTTP URL.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(url: &str) -> Fallible<Self> {
        // A second installation fails, and the first one serves.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { http, url: url.to_owned(), next_id: AtomicU64::new(1) })
    }

    /// Calls a method and returns its result.
    ///
    /// # Errors
    /// When the node cannot be reached, answers an error, or answers something else than JSON-RPC.
    pub async fn call(&self, method: &str, params: Value) -> Fallible<Value> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let request = self.http.post(&self.url).header("content-type", "application/json").body(body);
        let text = request.send().await?.text().await?;
        let unexpected = || Error::Answer { method: method.to_owned(), answer: text.clone() };
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| unexpected())?;
        if let Some(error) = answer.get("error") {
            return Err(Error::Rpc {
                method: method.to_owned(),
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                data: error["data"].clone(),
            });
        }
        answer.get_mut("result").map(Value::take).ok_or_else(unexpected)
    }

    /// The slot at `confirmed`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn slot(&self) -> Fallible<u64> {
        self.slot_at("confirmed").await
    }

    /// The slot at `finalized`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn root(&self) -> Fallible<u64> {
        self.slot_at("finalized").await
    }

    async fn slot_at(&self, commitment: &str) -> Fallible<u64> {
        let answer = self.call("getSlot", json!([{"commitment": commitment}])).await?;
        answer
            .as_u64()
            .ok_or_else(|| Error::Answer { method: "getSlot".to_owned(), answer: answer.to_string() })
    }

    /// A blockhash to sign with.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn blockhash(&self) -> Fallible<Hash> {
        let answer = self.call("getLatestBlockhash", json!([{"commitment": "confirmed"}])).await?;
        let text = answer["value"]["blockhash"].as_str().unwrap_or_default();
        text.parse().map_err(|_| Error::Answer {
            method: "getLatestBlockhash".to_owned(),
            answer: answer.to_string(),
        })
    }

    /// Lamports from the node's faucet, confirmed.
    ///
    /// # Errors
    /// As [`Client::call`], or when it does not land.
    pub async fn airdrop(&self, to: Address, lamports: u64) -> Fallible<()> {
        let answer = self.call("requestAirdrop", json!([to.to_string(), lamports])).await?;
        let signature = parse_signature("requestAirdrop", &answer)?;
        self.landed(&[signature], |_| None).await.map(drop)
    }

    /// Sends one transaction, with the node's preflight check.
    ///
    /// # Errors
    /// As [`Client::call`]; a failed preflight is a JSON-RPC error.
    pub async fn send_checked(&self, transaction: &VersionedTransaction) -> Fallible<Signature> {
        self.send(transaction, false).await
    }

    /// Asks the node what a transaction would do; null is success.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn simulate(&self, transaction: &VersionedTransaction) -> Fallible<Value> {
        let config = json!({"encoding": "base64", "commitment": "confirmed"});
        let mut answer = self.call("simulateTransaction", json!([encode(transaction)?, config])).await?;
        Ok(answer["value"]["err"].take())
    }

    /// Sends all transactions without preflight, so that those that fail land as failures, again and again until each
    /// is confirmed. Returns where, in the order given.
    ///
    /// # Errors
    /// As [`Client::call`], or when one does not land within a minute.
    pub async fn land(&self, transactions: &[VersionedTransaction]) -> Fallible<Vec<Landing>> {
        let mut by_signature = BTreeMap::new();
        for transaction in transactions {
            let signature = transaction.signatures.first();
            by_signature
                .insert(*signature.ok_or_else(|| Error::Transaction("unsigned".to_owned()))?, transaction);
        }
        self.send_many(by_signature.values().copied()).await?;
        let signatures: Vec<Signature> =
            transactions.iter().filter_map(|transaction| transaction.signatures.first().copied()).collect();
        let mut landed = self.landed(&signatures, |signature| by_signature.get(signature).copied()).await?;
        Ok(signatures.iter().filter_map(|signature| landed.remove(signature)).collect())
    }

    async fn send(&self, transaction: &VersionedTransaction, skip_preflight: bool) -> Fallible<Signature> {
        let config = json!({"encoding": "base64", "skipPreflight": skip_preflight, "preflightCommitment": "confirmed"});
        let answer = self.call("sendTransaction", json!([encode(transaction)?, config])).await?;
        parse_signature("sendTransaction", &answer)
    }

    async fn send_many(&self, transactions: impl Iterator<Item = &VersionedTransaction>) -> Fallible<()> {
        stream::iter(transactions.map(|transaction| self.send(transaction, true)))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
    }

    /// Waits until all signatures are confirmed, sending again what `again` returns for those that stay missing.
    async fn landed<'a>(
        &self,
        signatures: &[Signature],
        again: impl Fn(&Signature) -> Option<&'a VersionedTransaction>,
    ) -> Fallible<BTreeMap<Signature, Landing>> {
        let started = Instant::now();
        let mut sent = started;
        let mut landed = BTreeMap::new();
        loop {
            let missing: Vec<Signature> =
                signatures.iter().filter(|signature| !landed.contains_key(*signature)).copied().collect();
            if missing.is_empty() {
                return Ok(landed);
            }
            if started.elapsed() > LANDING {
                return Err(Error::Timeout(format!(
                    "{} of {} transactions",
                    missing.len(),
                    signatures.len()
                )));
            }
            if sent.elapsed() > RESEND {
                sent = Instant::now();
                self.send_many(missing.iter().filter_map(&again)).await?;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            for page in missing.chunks(STATUS_PAGE) {
                let asked: Vec<String> = page.iter().map(ToString::to_string).collect();
                let mut answer = self.call("getSignatureStatuses", json!([asked])).await?;
                let statuses = answer["value"].as_array_mut().map(std::mem::take).unwrap_or_default();
                for (signature, mut status) in page.iter().zip(statuses) {
                    let settled =
                        matches!(status["confirmationStatus"].as_str(), Some("confirmed" | "finalized"));
                    if let (true, Some(slot)) = (settled, status["slot"].as_u64()) {
                        landed.insert(*signature, Landing { slot, err: status["err"].take() });
                    }
                }
            }
        }
    }
}

fn encode(transaction: &VersionedTransaction) -> Fallible<String> {
    let bytes = wincode::serialize(transaction).map_err(|error| Error::Transaction(error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}

fn parse_signature(method: &str, answer: &Value) -> Fallible<Signature> {
    let unexpected = || Error::Answer { method: method.to_owned(), answer: answer.to_string() };
    answer.as_str().and_then(|text| text.parse().ok()).ok_or_else(unexpected)
}
