//! The market-detector as a worker.

use std::sync::Arc;

use eda_connection::{
    Lease,
    feed::{Fed, Interest, Traffic, TransactionFact, Unaffordable, Watch},
};
use eda_events::{Delivery, Input, WorkerName};
use eda_worker::{Context, Failure, Worker};
use futures_util::{FutureExt, future::BoxFuture};
use tracing::info;

use crate::{Config, Detector, detect};

/// The market-detector. Holds what outlives its incarnations: its settings, its lease, its input.
#[derive(Debug)]
pub struct MarketDetector {
    detector: Detector,
    _lease: Lease,
    watch: Arc<Watch>,
}

// === impl MarketDetector ===

impl MarketDetector {
    /// A market-detector with this lease.
    ///
    /// # Errors
    /// When the provider's plan does not carry what is to be watched, with the arithmetic.
    pub fn new(config: &Config, lease: Lease) -> Result<Self, Unaffordable> {
        let watch = Arc::new(lease.watch(&Self::interests(config))?);
        Ok(Self { detector: Detector::new(config), _lease: lease, watch })
    }

    /// What a market-detector with these settings will ask the feed for.
    pub fn interests(config: &Config) -> Vec<Interest> {
        let follow = |dex: &eda_chain::Dex| Interest::Transactions {
            mention: dex.program(),
            traffic: Traffic::Selected,
            hint: detect::hint(*dex),
        };
        config.dexes.iter().map(follow).collect()
    }
}

impl Worker for MarketDetector {
    fn name(&self) -> WorkerName {
        WorkerName::MarketDetector
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        vec![Arc::new(self.watch.transactions.clone())]
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        let (detector, watch) = (self.detector.clone(), Arc::clone(&self.watch));
        async move {
            while let Some(delivery) = context.next("transactions", &watch.transactions).await {
                match delivery {
                    Delivery::Item(Fed::Transaction(fact)) => transaction(&context, &detector, &fact)?,
                    Delivery::Item(Fed::Proof(proof)) => {
                        if proof.is_hole() {
                            context.missed(1)?;
                        }
                        context.reached(&proof.genesis, proof.entries()).await?;
                    }
                    // A creation that was seen and then undone is looked at again if it lands again.
                    Delivery::Item(Fed::Forked) => {}
                    Delivery::Gap { missed } => context.missed(missed.max(1))?,
                }
                watch.transactions.done();
            }
            Ok(())
        }
        .boxed()
    }
}

fn transaction(context: &Context, detector: &Detector, fact: &TransactionFact) -> Result<(), Failure> {
    let transaction = &*fact.transaction;
    for creation in detector.examine(transaction) {
        info!(
            dex = creation.dex.as_str(),
            instruction = creation.instruction,
            slot = %transaction.slot(),
            signature = %transaction.signature(),
            "creation seen"
        );
        context.seen(creation.dex.as_str())?;
    }
    context.processed()?;
    Ok(())
}
