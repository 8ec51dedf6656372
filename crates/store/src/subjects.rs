use eda_events::{Data, Event, EventId, WorkerName};

/// What an event is about: the names by which a person may ask for it, beside its id. None twice.
///
/// Programs are left out: too many events are about the same few.
pub(crate) fn of(event: &Event) -> Vec<String> {
    let mut subjects = Subjects(Vec::new());
    subjects.add_parts(&event.id);
    if let Some(signature) = event.source.as_ref().and_then(|source| source.signature) {
        subjects.add(signature);
    }
    match &event.data {
        Data::BurnDetected(burn) => {
            subjects.add(burn.token);
            subjects.add(burn.tx_signature);
            subjects.add(burn.burner);
            subjects.add(burn.account);
            subjects.add_all(burn.pool);
        }
        Data::LiquidityChanged(change) => {
            subjects.add(change.pool_address);
            subjects.add(change.token_a);
            subjects.add(change.token_b);
        }
        Data::TradeExecuted(trade) => {
            subjects.add(&trade.trade_id);
            subjects.add(&trade.position_id);
            subjects.add(trade.token_in);
            subjects.add(trade.token_out);
            subjects.add_all(trade.tx_signature);
        }
        Data::PositionOpened(opened) => {
            subjects.add(&opened.position_id);
            subjects.add(opened.token);
            subjects.add_id(&opened.trigger);
        }
        Data::PositionClosed(closed) => {
            subjects.add(&closed.position_id);
            subjects.add(closed.token);
        }
        Data::DexQuoteComparison(comparison) => {
            subjects.add(comparison.input_mint);
            subjects.add(comparison.output_mint);
        }
        Data::PriceUpdate(price) => {
            subjects.add(price.token);
            subjects.add_all(price.sources.iter().map(|source| source.pool));
        }
        Data::MarketDiscovered(market) => {
            subjects.add(market.market_address);
            subjects.add(market.base_mint);
            subjects.add(market.quote_mint);
            subjects.add_all(market.creator);
            subjects.add(market.source);
        }
        Data::TokenValidated(token) => {
            subjects.add(token.token);
            subjects.add_all(token.tx_signature);
        }
        Data::EventRetracted(retracted) => subjects.add_id(&retracted.event_id),
        Data::PoolDiscovered(pool) => {
            subjects.add(pool.pool_address);
            subjects.add(pool.token_a);
            subjects.add(pool.token_b);
            subjects.add_all(pool.pool_data.as_ref().and_then(|data| data.lp_mint));
            subjects.add(&pool.discovery_source);
        }
        // A status is about nobody but its worker, and there are many.
        Data::WorkerStatus(_) => return Vec::new(),
    }
    subjects.0
}

/// The shortest an address can be in base58.
const SHORTEST_ADDRESS: usize = 32;

/// The part of an id that names something on the chain, for `burn:<signature>:3` the signature; the whole id if no
/// part does.
pub(crate) fn about(id: &str) -> &str {
    id.split(':').find(|part| part.len() >= SHORTEST_ADDRESS).unwrap_or(id)
}

/// The worker that says events of this kind; `None` if several may.
pub(crate) fn speaker(event: &Event) -> Option<WorkerName> {
    match &event.data {
        Data::BurnDetected(_) | Data::TokenValidated(_) => Some(WorkerName::BurnDetector),
        Data::MarketDiscovered(_) | Data::PoolDiscovered(_) => Some(WorkerName::MarketDetector),
        Data::LiquidityChanged(_) => Some(WorkerName::LiquidityMonitor),
        Data::PriceUpdate(_) => Some(WorkerName::PriceAggregator),
        Data::TradeExecuted(_)
        | Data::PositionOpened(_)
        | Data::PositionClosed(_)
        | Data::DexQuoteComparison(_) => Some(WorkerName::TradingBot),
        Data::WorkerStatus(status) => Some(status.worker_name),
        Data::EventRetracted(_) => None,
    }
}

struct Subjects(Vec<String>);

// === impl Subjects ===

impl Subjects {
    fn add(&mut self, subject: impl ToString) {
        let subject = subject.to_string();
        if !self.0.contains(&subject) {
            self.0.push(subject);
        }
    }

    fn add_all(&mut self, subjects: impl IntoIterator<Item = impl ToString>) {
        subjects.into_iter().for_each(|subject| self.add(subject));
    }

    /// Another event, by its id and by what that names.
    fn add_id(&mut self, id: &EventId) {
        self.add(id);
        self.add_parts(id);
    }

    fn add_parts(&mut self, id: &EventId) {
        let part = about(id.as_str());
        if part != id.as_str() {
            self.add(part);
        }
    }
}
