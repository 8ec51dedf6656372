//! The trading-bot as a worker.

use std::sync::Arc;

use eda_connection::Lease;
use eda_events::{Delivery, Event, Input, Mailbox, Topic, WorkerName};
use eda_worker::{Context, Failure, Worker};
use futures_util::{FutureExt, future::BoxFuture};

/// The trading-bot. Holds what outlives its incarnations: its lease and its input.
#[derive(Debug)]
pub struct TradingBot {
    _lease: Lease,
    burns: Mailbox<Arc<Event>>,
}

// === impl TradingBot ===

impl TradingBot {
    /// What the bot wants to hear of.
    pub const TOPICS: &[Topic] = &[Topic::Burn];

    /// A trading-bot with this lease, which hears of events of its [topics](Self::TOPICS) by this mailbox.
    pub fn new(lease: Lease, events: Mailbox<Arc<Event>>) -> Self {
        Self { _lease: lease, burns: events }
    }
}

impl Worker for TradingBot {
    fn name(&self) -> WorkerName {
        WorkerName::TradingBot
    }

    fn inputs(&self) -> Vec<Arc<dyn Input>> {
        vec![Arc::new(self.burns.clone())]
    }

    fn run(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        let burns = self.burns.clone();
        async move {
            while let Some(delivery) = context.next("burn events", &burns).await {
                match delivery {
                    Delivery::Item(event) => {
                        context.seen(event.topic().as_str())?;
                        context.processed()?;
                    }
                    Delivery::Gap { missed } => context.missed(missed.max(1))?,
                }
                burns.done();
            }
            Ok(())
        }
        .boxed()
    }
}
