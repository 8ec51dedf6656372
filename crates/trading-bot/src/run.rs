//! The trading-bot as a worker.

use std::sync::Arc;

use eda_connection::Lease;
use eda_events::{Bus, Delivery, Event, Input, Mailbox, Topic, WorkerName};
use eda_worker::{Context, Failure, Worker};
use futures_util::{FutureExt, future::BoxFuture};

/// Events that may wait for the bot before it gets a gap marker.
const EVENTS: usize = 4_096;

/// The trading-bot. Holds what outlives its incarnations: its lease and its input.
#[derive(Debug)]
pub struct TradingBot {
    _lease: Lease,
    burns: Mailbox<Arc<Event>>,
}

// === impl TradingBot ===

impl TradingBot {
    /// A trading-bot with this lease, which hears of burns by the bus.
    pub fn new(lease: Lease, bus: &Bus) -> Self {
        Self { _lease: lease, burns: bus.subscribe("trading-bot burns", &[Topic::Burn], EVENTS) }
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
