//! The price-aggregator as a worker.

use std::sync::Arc;

use eda_connection::{
    Lease,
    feed::{Interest, Unaffordable, Watch},
};
use eda_events::{Input, WorkerName};
use eda_worker::{Context, Failure, Worker};
use futures_util::{FutureExt, future::BoxFuture};

use crate::Config;

/// The price-aggregator. Holds what outlives its incarnations: its lease and its input.
#[derive(Debug)]
pub struct PriceAggregator {
    _lease: Lease,
    watch: Arc<Watch>,
}

// === impl PriceAggregator ===

impl PriceAggregator {
    /// A price-aggregator with this lease.
    ///
    /// # Errors
    /// When the provider's plan does not carry what is to be watched, with the arithmetic.
    pub fn new(config: &Config, lease: Lease) -> Result<Self, Unaffordable> {
        let watch = Arc::new(lease.watch(&Self::interests(config))?);
        Ok(Self { _lease: lease, watch })
    }

    /// What a price-aggregator with these settings will ask the feed for.
    pub fn interests(config: &Config) -> Vec<Interest> {
        config.accounts.as_slice().iter().copied().map(Interest::Account).collect()
    }
}

impl Worker for PriceAggregator {
    fn name(&self) -> WorkerName {
        WorkerName::PriceAggregator
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        vec![Arc::new(self.watch.accounts.clone())]
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        let watch = Arc::clone(&self.watch);
        async move {
            while let Some((_, fact)) = context.next("pool states", &watch.accounts).await {
                context.seen(fact.owner_label())?;
                context.processed()?;
                watch.accounts.done();
            }
            Ok(())
        }
        .boxed()
    }
}
