//! The burn-detector as a worker: takes transactions, reads supplies, publishes burns.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use eda_chain::{Mint, TokenProgram, Transaction, may_touch, programs};
use eda_connection::{
    Identity, Lease,
    feed::{
        AccountFact, AccountState, Fed, Interest, LogHint, Proof, Traffic, TransactionFact, Unaffordable,
        Watch as FeedWatch,
    },
    request::Class,
};
use eda_events::{
    Address, Data, Delivery, Event, EventId, Input, Refusal, Slot, Source, WorkerName, data::BurnDetected,
};
use eda_worker::{Context, Failure, Worker};
use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::{
    Candidate, Config, Detector, Judged, Rule, Watch,
    detect::Around,
    supply::{Known, SupplyBook},
};

/// So long is waited for a supply; a burn is reported without it rather than late.
const SUPPLY_PATIENCE: Duration = Duration::from_secs(2);

/// The burn-detector. Holds what outlives its incarnations: its settings, its lease, its inputs.
#[derive(Debug)]
pub struct BurnDetector {
    config: Config,
    mints: Option<HashSet<Address>>,
    lease: Arc<Lease>,
    watch: Arc<FeedWatch>,
}

/// One incarnation at work.
struct Incarnation {
    detector: Detector,
    book: SupplyBook,
    lease: Arc<Lease>,
    watch: Arc<FeedWatch>,
    context: Context,
    identity: Identity,
}

/// What woke the worker.
enum Woken {
    Fed(Option<Delivery<Fed>>),
    Account((Address, AccountFact)),
    Stop,
}

// === impl BurnDetector ===

impl BurnDetector {
    /// A burn-detector with this lease. `auto_is_all` says that `watch = "auto"` means every mint.
    ///
    /// # Errors
    /// When the provider's plan does not carry what is to be watched, with the arithmetic.
    pub fn new(config: Config, lease: Lease, auto_is_all: bool) -> Result<Self, Unaffordable> {
        let mints = config.watched(auto_is_all);
        if mints.as_ref().is_some_and(HashSet::is_empty) {
            warn!(
                "no mint is watched: set workers.burn-detector.watch in config.toml to a list of mints, or to \
                 \"all\" if the provider's plan carries the whole chain"
            );
        }
        let watch = lease.watch(&interests(mints.as_ref()))?;
        Ok(Self { config, mints, lease: Arc::new(lease), watch: Arc::new(watch) })
    }

    /// What a burn-detector with these settings will ask the feed for.
    pub fn interests(config: &Config, auto_is_all: bool) -> Vec<Interest> {
        interests(config.watched(auto_is_all).as_ref())
    }
}

impl Worker for BurnDetector {
    fn name(&self) -> WorkerName {
        WorkerName::BurnDetector
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        vec![Arc::new(self.watch.transactions.clone()), Arc::new(self.watch.accounts.clone())]
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        let detector = Detector::new(&self.config, self.mints.clone());
        let (lease, watch) = (Arc::clone(&self.lease), Arc::clone(&self.watch));
        async move {
            let stopping = context.stopping().clone();
            let reached = stopping.run_until_cancelled(lease.identity());
            let Some(identity) = context.need("the endpoint", reached).await else { return Ok(()) };
            let book = SupplyBook::default();
            Incarnation { detector, book, lease, watch, context, identity }.run().await
        }
        .boxed()
    }
}

fn interests(mints: Option<&HashSet<Address>>) -> Vec<Interest> {
    let Some(mints) = mints else {
        return [programs::TOKEN, programs::TOKEN_2022]
            .map(|mention| Interest::Transactions {
                mention,
                traffic: Traffic::WholeChain,
                hint: LogHint::ALWAYS,
            })
            .into();
    };
    let burns = LogHint(|logs| may_touch(logs, &[programs::TOKEN, programs::TOKEN_2022]));
    let mut interests = Vec::new();
    for mint in mints {
        interests.push(Interest::Account(*mint));
        interests.push(Interest::Transactions { mention: *mint, traffic: Traffic::Selected, hint: burns });
    }
    interests
}

// === impl Config ===

impl Config {
    /// The watched mints; `None` is every mint.
    pub fn watched(&self, auto_is_all: bool) -> Option<HashSet<Address>> {
        match &self.watch {
            Watch::All => None,
            Watch::Auto if auto_is_all => None,
            Watch::Auto => Some(HashSet::new()),
            Watch::Mints(mints) => Some(mints.iter().copied().collect()),
        }
    }
}

// === impl Incarnation ===

impl Incarnation {
    async fn run(mut self) -> Result<(), Failure> {
        loop {
            match self.next().await {
                Woken::Fed(Some(delivery)) => {
                    match delivery {
                        Delivery::Item(Fed::Transaction(fact)) => {
                            self.transaction(&fact).await?;
                            self.context.processed()?;
                        }
                        Delivery::Item(Fed::Proof(proof)) => self.proof(&proof).await?,
                        Delivery::Item(Fed::Forked) => self.book.missed(),
                        Delivery::Gap { missed } => {
                            self.book.missed();
                            self.context.missed(missed.max(1))?;
                        }
                    }
                    self.watch.transactions.done();
                }
                Woken::Account((mint, fact)) => {
                    self.mint_account(mint, &fact)?;
                    self.watch.accounts.done();
                }
                Woken::Fed(None) | Woken::Stop => return Ok(()),
            }
        }
    }

    /// Accounts first: a mint's state costs nothing and may save a read. What waits is finished before a stop, and
    /// the end of the accounts is not the end of the transactions.
    async fn next(&self) -> Woken {
        let stopping = self.context.stopping();
        let next = async {
            tokio::select! {
                biased;
                Some(fact) = self.watch.accounts.next() => Woken::Account(fact),
                delivery = self.watch.transactions.next() => Woken::Fed(delivery),
                () = stopping.cancelled() => Woken::Stop,
            }
        };
        self.context.wait("transactions", next).await
    }

    /// Everything before has been dealt with, or is missing.
    async fn proof(&mut self, proof: &Proof) -> Result<(), Failure> {
        if proof.is_hole() {
            self.book.missed();
            self.context.missed(1)?;
        }
        self.context.reached(&proof.genesis, proof.entries()).await?;
        Ok(())
    }

    async fn transaction(&mut self, fact: &TransactionFact) -> Result<(), Failure> {
        let transaction = &*fact.transaction;
        let mut known = self.carry_forward(fact);
        for judged in self.detector.examine(transaction) {
            self.context.seen(judged.kind())?;
            match judged {
                Judged::Refused { subject, rule } => self.refuse(subject, &rule, transaction.slot()).await?,
                Judged::Candidate(candidate) => {
                    let around = self.around(transaction, &candidate, &mut known).await;
                    match self.detector.conclude(&candidate, around) {
                        Ok(burn) => self.publish(fact, &candidate, burn).await?,
                        Err(rule) => {
                            self.refuse(candidate.id().to_string(), &rule, transaction.slot()).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells the supply book of every change of the transaction, burns that are refused included.
    fn carry_forward(&mut self, fact: &TransactionFact) -> HashMap<Address, Option<Known>> {
        let transaction = &*fact.transaction;
        if transaction.failed() {
            return HashMap::new();
        }
        let facts = transaction.token_facts();
        if !facts.undecodable.is_empty() {
            // An instruction that cannot be read may have changed any supply.
            self.book.missed();
        }
        let slot = transaction.slot();
        let mut known = HashMap::new();
        for delta in &facts.supply {
            if let Some(after) = self.book.apply(slot, delta) {
                // Out of order, a change that came earlier on chain may still be to come.
                known.insert(delta.mint, Some(Known { exact: after.exact && fact.ordered, ..after }));
            }
        }
        known
    }

    /// What is known of the supply around a burn; a mint that is not known is read once for all its burns.
    async fn around(
        &mut self,
        transaction: &Transaction,
        candidate: &Candidate,
        known: &mut HashMap<Address, Option<Known>>,
    ) -> Option<Around> {
        let burn = &candidate.burn;
        let after = match known.get(&burn.mint) {
            Some(after) => *after,
            None => {
                let read = self.read(burn.mint, transaction.slot()).await;
                known.insert(burn.mint, read);
                read
            }
        }?;
        let deltas = &transaction.token_facts().supply;
        let delta = deltas.iter().find(|delta| delta.mint == burn.mint)?;
        Around::of(after, delta, burn.place())
    }

    /// Reads a mint's supply at or after a slot. `None` when it cannot be had in time: then it is unknown.
    async fn read(&mut self, mint: Address, slot: Slot) -> Option<Known> {
        let reading = self.lease.account(Class::Detect, mint, slot, SUPPLY_PATIENCE);
        let fact = match self.context.wait("the supply of a mint", reading).await {
            Ok(fact) => fact,
            Err(error) => {
                info!(%mint, %error, "a supply could not be read, so it is unknown");
                return None;
            }
        };
        match fact.state.as_deref().map(decode) {
            Some(Ok(state)) => {
                self.book.anchor(mint, fact.slot, state.supply, state.decimals);
                Some(Known { after: state.supply, exact: false, decimals: state.decimals })
            }
            Some(Err(reason)) => {
                info!(%mint, reason, "a supply could not be read, so it is unknown");
                None
            }
            None => {
                debug!(%mint, "the mint does not exist any more, so its supply is unknown");
                None
            }
        }
    }

    fn mint_account(&mut self, mint: Address, fact: &AccountFact) -> Result<(), Failure> {
        let Some(state) = &fact.state else {
            self.book.forget(&mint);
            return Ok(());
        };
        match decode(state) {
            Ok(read) => self.book.anchor(mint, fact.slot, read.supply, read.decimals),
            Err(reason) => self.context.erred(format!("account {mint} is not a mint: {reason}"))?,
        }
        Ok(())
    }

    async fn publish(
        &self,
        fact: &TransactionFact,
        candidate: &Candidate,
        burn: BurnDetected,
    ) -> Result<(), Failure> {
        let transaction = &*fact.transaction;
        let place = candidate.burn.place();
        let source = Source {
            slot: transaction.slot(),
            block_time: transaction.block_time(),
            commitment: fact.commitment,
            signature: Some(transaction.signature()),
            path: Some(place.path),
            batch_entry: place.batch_entry,
            filled: fact.filled,
        };
        info!(token = %burn.token, amount = %burn.amount, slot = %source.slot, signature = %candidate.signature, "burn");
        let (id, cluster) = (EventId::from(candidate.id()), self.identity.cluster.clone());
        self.context
            .publish(Event::new(id, Timestamp::now(), cluster, Some(source), Data::from(burn)))
            .await?;
        Ok(())
    }

    async fn refuse(&self, subject: String, rule: &Rule, slot: Slot) -> Result<(), Failure> {
        debug!(subject, rule = rule.as_str(), seen = rule.seen(), bound = %rule.bound(), "burn refused");
        self.context
            .refuse(Refusal {
                worker: WorkerName::BurnDetector,
                subject,
                rule: rule.as_str().into(),
                seen: rule.seen(),
                bound: rule.bound().into_owned(),
                slot: Some(slot),
                at: Timestamp::now(),
            })
            .await?;
        Ok(())
    }
}

fn decode(state: &AccountState) -> Result<Mint, String> {
    let program = TokenProgram::from_address(&state.owner)
        .ok_or_else(|| format!("it belongs to {}, which is no token program", state.owner))?;
    Mint::decode(program, &state.data).map_err(|error| error.to_string())
}
