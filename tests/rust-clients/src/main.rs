//! The steps of `tests/clients` with solana-rpc-client and solana-pubsub-client: `rust HTTP_URL WS_URL`.

/// What is asked for, and how.
mod ask;
/// Who takes part, and the instructions they send.
mod cast;
/// What the steps print.
mod transcript;

use std::{env, error::Error, time::Duration};

use futures_util::{Stream, StreamExt};
use serde_json::json;
use solana_account_decoder_client_types::{UiAccountEncoding, UiDataSliceConfig};
use solana_instruction::Instruction;
use solana_keypair::{Keypair, Signer};
use solana_message::{Message, VersionedMessage, v0};
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client::{
    nonblocking::rpc_client::RpcClient, rpc_client::GetConfirmedSignaturesForAddress2Config,
};
use solana_rpc_client_api::{
    config::{
        RpcAccountInfoConfig, RpcBlockSubscribeFilter, RpcSendTransactionConfig, RpcSignatureSubscribeConfig,
        RpcSimulateTransactionAccountsConfig, RpcSimulateTransactionConfig, RpcTransactionLogsConfig,
        RpcTransactionLogsFilter,
    },
    request::TokenAccountsFilter,
};
use solana_signature::Signature;
use solana_transaction::{Transaction, versioned::VersionedTransaction};
use solana_transaction_status_client_types::{TransactionDetails, UiConfirmedBlock, UiTransactionEncoding};
use tokio::time::timeout;

use crate::{
    ask::{CONFIRMED, base64, block, json_parsed, of_mint, transaction},
    cast::{Cast, MINT_SIZE, TOKEN_ACCOUNT_SIZE, TOKEN_PROGRAM},
    transcript::Transcript,
};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// How long a notification may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// A slot no node reaches.
const FAR_AWAY: u64 = 4_000_000_000;

/// The client, the cast and what is told of them.
struct Steps {
    rpc: RpcClient,
    cast: Cast,
    told: Transcript,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let mut arguments = env::args().skip(1);
    let (Some(http), Some(ws)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rust HTTP_URL WS_URL".into());
    };
    let mut steps = Steps {
        rpc: RpcClient::new_with_commitment(http, CONFIRMED),
        cast: Cast::new(),
        told: Transcript::default(),
    };
    for (address, role) in steps.cast.names() {
        steps.told.name(address, role);
    }
    steps.cluster().await?;
    steps.create().await?;
    let burned = steps.subscriptions(&ws).await?;
    steps.accounts().await?;
    steps.history(burned).await?;
    steps.failures(burned).await?;
    steps.told.end();
    Ok(())
}

// === impl Steps ===

impl Steps {
    async fn cluster(&mut self) -> Fallible<()> {
        let Self { rpc, told, cast } = self;
        told.step("getVersion", rpc.get_version().await.map(|_| ()));
        told.step("getHealth", rpc.get_health().await);
        told.step("getGenesisHash", rpc.get_genesis_hash().await.map(|hash| hash.to_string()));
        told.step("getSlot", rpc.get_slot().await);
        told.step("getEpochInfo", rpc.get_epoch_info().await);
        let (blockhash, valid_until) = rpc.get_latest_blockhash_with_commitment(CONFIRMED).await?;
        told.value("getLatestBlockhash is ahead", valid_until > rpc.get_block_height().await?);
        told.step("isBlockhashValid", rpc.is_blockhash_valid(&blockhash, CONFIRMED).await);
        let unknown = cast.stranger.pubkey().to_bytes().into();
        told.step("isBlockhashValid of an unknown one", rpc.is_blockhash_valid(&unknown, CONFIRMED).await);
        told.step("getBlockHeight", rpc.get_block_height().await);
        Ok(())
    }

    async fn create(&mut self) -> Fallible<()> {
        let (payer, mint) = (self.cast.payer.insecure_clone(), self.cast.mint.insecure_clone());
        let accounts = [self.cast.alice_tokens.insecure_clone(), self.cast.bob_tokens.insecure_clone()];
        let mint_rent = self.rpc.get_minimum_balance_for_rent_exemption(MINT_SIZE).await;
        let mint_rent =
            self.told.step("getMinimumBalanceForRentExemption of a mint", mint_rent).unwrap_or_default();
        let rent = self.rpc.get_minimum_balance_for_rent_exemption(TOKEN_ACCOUNT_SIZE).await;
        let rent =
            self.told.step("getMinimumBalanceForRentExemption of a token account", rent).unwrap_or_default();

        let airdrop = self.rpc.request_airdrop(&payer.pubkey(), 10_000_000_000).await?;
        self.told.name(airdrop, "signature of airdrop");
        self.rpc.poll_for_signature_with_commitment(&airdrop, CONFIRMED).await?;
        let confirmed = self.rpc.confirm_transaction_with_commitment(&airdrop, CONFIRMED).await;
        self.told.step("confirm airdrop", confirmed);
        let balance = self.rpc.get_balance_with_commitment(&payer.pubkey(), CONFIRMED).await;
        self.told.step("getBalance", balance);

        self.send("create mint", &self.cast.create_mint(mint_rent), &[&payer, &mint]).await?;
        let [first, second] = &accounts;
        let created = [
            self.cast.create_token_account(first, &self.cast.alice, rent),
            self.cast.create_token_account(second, &self.cast.stranger, rent),
        ];
        self.send("create token accounts", &created.concat(), &[&payer, first, second]).await?;
        self.send("mint", &[self.cast.mint_to(5_000_000)], &[&payer]).await?;
        let alice = self.cast.alice.insecure_clone();
        self.send("transfer", &[self.cast.transfer(1_250_000)], &[&payer, &alice]).await?;
        self.send("transfer lamports", &[self.cast.pay(2_000_000)], &[&payer]).await?;
        Ok(())
    }

    /// Subscribes, burns, and shows what came. Returns the signature of the burn.
    async fn subscriptions(&mut self, ws: &str) -> Fallible<Signature> {
        let pubsub = PubsubClient::new(ws).await?;
        let (mint, tokens) = (self.cast.mint.pubkey(), self.cast.alice_tokens.pubkey());
        let burning =
            self.version_0(&[self.cast.burn(1_000_000)], &[&self.cast.payer, &self.cast.alice]).await?;
        let burned = burning.signatures.first().copied().ok_or("a signature")?;
        self.told.name(burned, "signature of burn");

        let mentions = RpcTransactionLogsFilter::Mentions(vec![mint.to_string()]);
        let config = RpcTransactionLogsConfig { commitment: Some(CONFIRMED) };
        let (mut logs, end_logs) = pubsub.logs_subscribe(mentions, config).await?;
        let (mut account, end_account) = pubsub.account_subscribe(&tokens, Some(base64())).await?;
        let (mut program, end_program) =
            pubsub.program_subscribe(&TOKEN_PROGRAM, Some(of_mint(&mint, json_parsed()))).await?;
        let config = RpcSignatureSubscribeConfig { commitment: Some(CONFIRMED), ..Default::default() };
        let (mut signature, end_signature) = pubsub.signature_subscribe(&burned, Some(config)).await?;
        let (mut slots, end_slots) = pubsub.slot_subscribe().await?;
        let (mut roots, end_roots) = pubsub.root_subscribe().await?;

        self.told
            .step("sendTransaction", self.rpc.send_transaction(&burning).await.map(|sent| sent.to_string()));
        self.told.step("notification of logs", next(&mut logs).await);
        self.told.step("notification of account", next(&mut account).await);
        self.told.step("notification of program", next(&mut program).await);
        self.told.step("notification of signature", next(&mut signature).await);
        self.told.step("notification of slot", next(&mut slots).await);
        let (one, two) = (next(&mut roots).await?, next(&mut roots).await?);
        self.told.value("roots go up", two > one);
        drop((logs, account, program, signature, slots, roots));
        for end in [end_logs, end_account, end_program, end_signature, end_slots, end_roots] {
            end().await;
        }

        let blocks = pubsub.block_subscribe(RpcBlockSubscribeFilter::All, None).await.map(|_| ());
        self.told.step("blockSubscribe", blocks);
        let both = RpcTransactionLogsFilter::Mentions(vec![mint.to_string(), tokens.to_string()]);
        let config = RpcTransactionLogsConfig { commitment: None };
        self.told
            .step("logsSubscribe of two addresses", pubsub.logs_subscribe(both, config).await.map(|_| ()));
        self.told.step("shutdown", pubsub.shutdown().await);

        let (payer, alice) = (self.cast.payer.insecure_clone(), self.cast.alice.insecure_clone());
        self.send("burn checked", &[self.cast.burn_checked(250_000)], &[&payer, &alice]).await?;
        Ok(burned)
    }

    async fn accounts(&self) -> Fallible<()> {
        let Self { rpc, told, cast } = self;
        let (mint, tokens, nobody) = (cast.mint.pubkey(), cast.alice_tokens.pubkey(), cast.stranger.pubkey());
        told.step("getAccountInfo base64", rpc.get_ui_account_with_config(&tokens, base64()).await);
        told.step("getAccountInfo jsonParsed", rpc.get_ui_account_with_config(&mint, json_parsed()).await);
        let slice = UiDataSliceConfig { offset: 64, length: 8 };
        let sliced = RpcAccountInfoConfig { data_slice: Some(slice), ..base64() };
        told.step("getAccountInfo sliced", rpc.get_ui_account_with_config(&tokens, sliced).await);
        told.step("getAccountInfo of nobody", rpc.get_ui_account_with_config(&nobody, base64()).await);
        let all = [mint, nobody, cast.bob_tokens.pubkey()];
        told.step("getMultipleAccounts", rpc.get_multiple_ui_accounts_with_config(&all, base64()).await);
        told.step(
            "getMultipleAccounts of 101",
            rpc.get_multiple_ui_accounts_with_config(&[mint; 101], base64()).await,
        );
        told.step(
            "getTokenAccountBalance",
            rpc.get_token_account_balance_with_commitment(&tokens, CONFIRMED).await,
        );
        told.step(
            "getTokenAccountBalance of a mint",
            rpc.get_token_account_balance_with_commitment(&mint, CONFIRMED).await,
        );
        told.step("getTokenSupply", rpc.get_token_supply_with_commitment(&mint, CONFIRMED).await);
        told.step(
            "getTokenLargestAccounts",
            rpc.get_token_largest_accounts_with_commitment(&mint, CONFIRMED).await,
        );
        let filter = TokenAccountsFilter::Mint(mint);
        let owned =
            rpc.get_token_accounts_by_owner_with_commitment(&cast.alice.pubkey(), filter, CONFIRMED).await;
        told.step("getTokenAccountsByOwner", owned);
        let filtered =
            rpc.get_program_ui_accounts_with_config(&TOKEN_PROGRAM, of_mint(&mint, base64())).await;
        let filtered = filtered.map(|accounts| {
            let printed = accounts.into_iter().map(|(address, account)| (address.to_string(), account));
            printed.collect::<Vec<_>>()
        });
        told.step("getProgramAccounts", filtered);
        Ok(())
    }

    async fn history(&self, burned: Signature) -> Fallible<()> {
        let Self { rpc, told, cast } = self;
        let mint = cast.mint.pubkey();
        let encodings = [
            ("json", UiTransactionEncoding::Json),
            ("jsonParsed", UiTransactionEncoding::JsonParsed),
            ("base64", UiTransactionEncoding::Base64),
        ];
        for (title, encoding) in encodings {
            let transaction = rpc.get_transaction_with_config(&burned, transaction(encoding, Some(0))).await;
            told.step(&format!("getTransaction {title}"), transaction);
        }
        let unasked = transaction(UiTransactionEncoding::Json, None);
        told.step(
            "getTransaction version 0 unasked",
            rpc.get_transaction_with_config(&burned, unasked).await,
        );
        let config = transaction(UiTransactionEncoding::Json, Some(0));
        let unknown = rpc.get_transaction_with_config(&Signature::default(), config).await;
        told.step("getTransaction unknown", unknown);

        let slot = rpc.get_transaction_with_config(&burned, config).await?.slot;
        for (title, encoding) in encodings {
            let block = rpc.get_block_with_config(slot, block(TransactionDetails::Full, encoding)).await;
            told.step(&format!("getBlock full {title}"), block.map(|block| without_others(block, burned)));
        }
        let kinds = [
            ("accounts", TransactionDetails::Accounts),
            ("signatures", TransactionDetails::Signatures),
            ("none", TransactionDetails::None),
        ];
        for (title, details) in kinds {
            let block = rpc.get_block_with_config(slot, block(details, UiTransactionEncoding::Json)).await;
            told.step(&format!("getBlock {title}"), block.map(|block| without_others(block, burned)));
        }
        let future = rpc
            .get_block_with_config(FAR_AWAY, block(TransactionDetails::None, UiTransactionEncoding::Json))
            .await;
        told.step("getBlock in the future", future);
        let behind = |slots: Vec<u64>| slots.into_iter().map(|one| one - slot).collect::<Vec<_>>();
        told.step(
            "getBlocks",
            rpc.get_blocks_with_commitment(slot, Some(slot), CONFIRMED).await.map(behind),
        );
        told.step(
            "getBlocksWithLimit",
            rpc.get_blocks_with_limit_and_commitment(slot, 1, CONFIRMED).await.map(behind),
        );
        told.step("getBlockTime", rpc.get_block_time(slot).await);

        let page = |before, until, limit| GetConfirmedSignaturesForAddress2Config {
            before,
            until,
            limit,
            commitment: Some(CONFIRMED),
        };
        for (title, page) in [
            ("getSignaturesForAddress", page(None, None, None)),
            ("getSignaturesForAddress limit", page(None, None, Some(2))),
            ("getSignaturesForAddress before", page(Some(burned), None, Some(1))),
            ("getSignaturesForAddress until", page(None, Some(burned), None)),
        ] {
            told.step(title, rpc.get_signatures_for_address_with_config(&mint, page).await);
        }
        told.step("getSignatureStatuses", rpc.get_signature_statuses(&[burned, Signature::default()]).await);
        let fees = rpc.get_recent_prioritization_fees(&[mint]).await;
        told.step(
            "getRecentPrioritizationFees",
            fees.map(|fees| fees.into_iter().take(1).collect::<Vec<_>>()),
        );
        let blockhash = rpc.get_latest_blockhash().await?;
        let paying = Message::new_with_blockhash(&[cast.pay(1)], Some(&cast.payer.pubkey()), &blockhash);
        told.step("getFeeForMessage", rpc.get_fee_for_message(&paying).await);
        Ok(())
    }

    async fn failures(&mut self, burned: Signature) -> Fallible<()> {
        let (payer, alice) = (self.cast.payer.insecure_clone(), self.cast.alice.insecure_clone());
        let (tokens, nobody) = (self.cast.alice_tokens.pubkey(), self.cast.stranger.pubkey());
        let good = self.version_0(&[self.cast.burn(1)], &[&payer, &alice]).await?;
        let too_much = self.version_0(&[self.cast.burn(1_000_000_000)], &[&payer, &alice]).await?;
        let unknown = Transaction::new_signed_with_payer(
            &[self.cast.pay(1)],
            Some(&payer.pubkey()),
            &[&payer],
            nobody.to_bytes().into(),
        );
        let mut unsigned = self.version_0(&[self.cast.pay(1)], &[&payer]).await?;
        unsigned.signatures = vec![burned];

        let Self { rpc, told, .. } = self;
        let checked = RpcSimulateTransactionConfig {
            sig_verify: true,
            commitment: Some(CONFIRMED),
            ..Default::default()
        };
        told.step("simulateTransaction", rpc.simulate_transaction_with_config(&good, checked).await);
        let accounts = RpcSimulateTransactionAccountsConfig {
            encoding: Some(UiAccountEncoding::Base64),
            addresses: vec![tokens.to_string(), nobody.to_string()],
        };
        let config = RpcSimulateTransactionConfig {
            accounts: Some(accounts),
            commitment: Some(CONFIRMED),
            inner_instructions: true,
            ..Default::default()
        };
        told.step(
            "simulateTransaction with accounts",
            rpc.simulate_transaction_with_config(&good, config).await,
        );
        told.step("simulateTransaction failing", rpc.simulate_transaction(&too_much).await);
        told.step("preflight fails", rpc.send_transaction(&too_much).await.map(|sent| sent.to_string()));
        told.step("an unknown blockhash", rpc.send_transaction(&unknown).await.map(|sent| sent.to_string()));
        told.step("a bad signature", rpc.send_transaction(&unsigned).await.map(|sent| sent.to_string()));

        let failed = too_much.signatures.first().copied().ok_or("a signature")?;
        told.name(failed, "signature of failing burn");
        let config = RpcSendTransactionConfig { skip_preflight: true, ..Default::default() };
        let sent = rpc.send_transaction_with_config(&too_much, config).await.map(|sent| sent.to_string());
        told.step("send failing burn", sent);
        rpc.poll_for_signature_with_commitment(&failed, CONFIRMED).await?;
        let config = transaction(UiTransactionEncoding::Json, Some(0));
        told.step("getTransaction failed", rpc.get_transaction_with_config(&failed, config).await);
        told.step("getSignatureStatuses failed", rpc.get_signature_statuses(&[failed]).await);
        let supply = rpc.get_token_supply_with_commitment(&self.cast.mint.pubkey(), CONFIRMED).await;
        told.step("getTokenSupply at the end", supply);
        let balance = rpc.get_balance_with_commitment(&payer.pubkey(), CONFIRMED).await;
        told.step("getBalance at the end", balance);
        Ok(())
    }

    /// Sends a legacy transaction and waits for it the way the client does.
    async fn send(
        &mut self,
        title: &str,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Fallible<()> {
        let payer = self.cast.payer.pubkey();
        let blockhash = self.rpc.get_latest_blockhash().await?;
        let transaction = Transaction::new_signed_with_payer(instructions, Some(&payer), signers, blockhash);
        if let Some(signature) = transaction.signatures.first() {
            self.told.name(signature, &format!("signature of {title}"));
        }
        let sent = self.rpc.send_and_confirm_transaction(&transaction).await;
        self.told.step(&format!("send and confirm {title}"), sent.map(|sent| sent.to_string()));
        Ok(())
    }

    async fn version_0(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Fallible<VersionedTransaction> {
        let blockhash = self.rpc.get_latest_blockhash().await?;
        let message = v0::Message::try_compile(&self.cast.payer.pubkey(), instructions, &[], blockhash)?;
        Ok(VersionedTransaction::try_new(VersionedMessage::V0(message), signers)?)
    }
}

/// A block of a lively chain has transactions that nobody else would have.
fn without_others(mut block: UiConfirmedBlock, signature: Signature) -> UiConfirmedBlock {
    let text = signature.to_string();
    if let Some(transactions) = &mut block.transactions {
        transactions.retain(|one| match one.transaction.decode() {
            Some(decoded) => decoded.signatures.first() == Some(&signature),
            None => json!(one).to_string().contains(&text),
        });
    }
    if let Some(signatures) = &mut block.signatures {
        signatures.retain(|one| *one == text);
    }
    block
}

async fn next<T>(notifications: &mut (impl Stream<Item = T> + Unpin)) -> Fallible<T> {
    timeout(PATIENCE, notifications.next()).await?.ok_or_else(|| "the subscription ended".into())
}
