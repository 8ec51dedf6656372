use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rust_decimal::Decimal;
use solana_address::Address;
use solana_signature::Signature;

use crate::data::*;
use crate::{
    event::{Event, Source},
    id::{BurnId, EventId, PositionEnd},
    mailbox::InputStats,
    number::{Fraction, Percent},
    path::Path,
    primitives::{Cluster, Commitment, Decimals, RawAmount, Slot, WorkerName},
};

/// Each type of event, at least once, with its JSON.
pub(super) fn samples() -> Vec<(Event, &'static str)> {
    vec![
        (full_burn(), include_str!("samples/burn_full.json")),
        (bare_burn(), include_str!("samples/burn_bare.json")),
        (liquidity(), include_str!("samples/liquidity.json")),
        (trade(), include_str!("samples/trade.json")),
        (opened(), include_str!("samples/position_opened.json")),
        (closed(), include_str!("samples/position_closed.json")),
        (status(), include_str!("samples/status.json")),
        (comparison(), include_str!("samples/quote_comparison.json")),
        (price(), include_str!("samples/price.json")),
        (market(), include_str!("samples/market.json")),
        (token(), include_str!("samples/token.json")),
        (retracted(), include_str!("samples/retracted.json")),
        (pool(), include_str!("samples/pool.json")),
    ]
}

pub(super) fn address(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

pub(super) fn signature() -> Signature {
    Signature::from([7; 64])
}

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn at() -> Timestamp {
    "2026-11-23T21:55:08.123456789Z".parse().unwrap()
}

fn source(signature: Option<Signature>) -> Source {
    Source {
        slot: Slot(400_000_000),
        block_time: None,
        commitment: Commitment::Confirmed,
        signature,
        path: None,
        batch_entry: None,
        filled: false,
    }
}

fn event(id: EventId, source: Option<Source>, data: impl Into<Data>) -> Event {
    Event::new(id, at(), Cluster::Simnet, source, data.into())
}

/// A burn of which everything is known.
pub(super) fn full_burn() -> Event {
    let place = BurnId { signature: signature(), path: Path::inner(3, 1), batch_entry: Some(2) };
    let source = Source {
        block_time: Some(1_795_470_908),
        path: Some(place.path),
        batch_entry: place.batch_entry,
        filled: true,
        ..source(Some(signature()))
    };
    event(
        place.into(),
        Some(source),
        BurnDetected {
            token: address(1),
            amount: RawAmount(9_007_199_254_740_993),
            decimals: Some(Decimals(6)),
            symbol: Some("EDA".to_owned()),
            supply: Supply::before(RawAmount(18_014_398_509_481_986), RawAmount(9_007_199_254_740_993), true),
            tx_signature: signature(),
            burner: address(2),
            account: address(3),
            program: address(4),
            kind: BurnKind::PermissionedBurnChecked,
            cause: BurnCause::LpWithdraw,
            usd: Some(decimal("12.50")),
            is_lp: Some(false),
            pool: Some(address(5)),
        },
    )
}

/// A burn of which only what the instruction says is known.
fn bare_burn() -> Event {
    let place = BurnId { signature: signature(), path: Path::top(3), batch_entry: None };
    let source = Source { path: Some(place.path), ..source(Some(signature())) };
    event(
        place.into(),
        Some(source),
        BurnDetected {
            token: address(1),
            amount: RawAmount(5),
            decimals: None,
            symbol: None,
            supply: None,
            tx_signature: signature(),
            burner: address(2),
            account: address(3),
            program: address(4),
            kind: BurnKind::Burn,
            cause: BurnCause::Unknown,
            usd: None,
            is_lp: None,
            pool: None,
        },
    )
}

fn liquidity() -> Event {
    event(
        EventId::liquidity(&address(5), Slot(400_000_000)),
        Some(source(None)),
        LiquidityChanged {
            pool_address: address(5),
            token_a: address(1),
            token_b: address(2),
            old_tvl: decimal("200.5"),
            new_tvl: decimal("150.375"),
            change_percentage: Percent::change(decimal("200.5"), decimal("150.375")).unwrap(),
            tvl_currency: Currency::Usd,
            price: Some(decimal("0.000000001")),
            dex_type: DexType::PumpSwap,
            reserve_a: RawAmount(10),
            reserve_b: RawAmount(20),
            cause: LiquidityCause::Withdraw,
        },
    )
}

fn trade() -> Event {
    event(
        EventId::trade(&signature()),
        Some(source(Some(signature()))),
        TradeExecuted {
            trade_id: "t1".to_owned(),
            r#type: Side::Buy,
            mode: TradingMode::Live,
            token_in: address(1),
            token_out: address(2),
            amount_in: RawAmount(50_000_000),
            amount_out: RawAmount(123_456),
            price: decimal("0.00040500"),
            slippage: Fraction(decimal("0.012")),
            tx_signature: Some(signature()),
            position_id: "p1".to_owned(),
            venue: "RAYDIUM".to_owned(),
            fees: RawAmount(15_000),
            priority_fee: RawAmount(10_000),
            reason: "burn of 5 %".to_owned(),
        },
    )
}

fn opened() -> Event {
    event(
        EventId::position("p1", PositionEnd::Opened),
        None,
        PositionOpened {
            position_id: "p1".to_owned(),
            mode: TradingMode::Paper,
            token: address(1),
            amount: RawAmount(123_456),
            entry_price: decimal("0.0004"),
            stop_loss: Some(decimal("0.00036")),
            take_profit: None,
            strategy: "burn-and-buy".to_owned(),
            trigger: "burn:x:3".into(),
        },
    )
}

fn closed() -> Event {
    event(
        EventId::position("p1", PositionEnd::Closed),
        None,
        PositionClosed {
            position_id: "p1".to_owned(),
            mode: TradingMode::Paper,
            token: address(1),
            exit_price: decimal("0.0006"),
            pnl: decimal("-0.025"),
            pnl_percent: Percent(decimal("-50")),
            hold_duration: 61_000,
            close_reason: CloseReason::TrailingStop,
            fees: RawAmount(30_000),
        },
    )
}

fn status() -> Event {
    let stats = InputStats {
        name: "facts".to_owned(),
        queued: 2,
        delivered: 40,
        missed: 3,
        coalesced: 0,
        quarantined: 1,
        oldest: Some(Duration::from_millis(1_500)),
    };
    event(
        EventId::status(WorkerName::BurnDetector, 12, 3),
        None,
        WorkerStatus {
            worker_name: WorkerName::BurnDetector,
            status: Status::Error,
            metrics: WorkerMetrics {
                events_processed: 40,
                errors: 2,
                uptime: 60_000,
                last_event_at: Some("2026-11-23T21:55:07Z".parse().unwrap()),
                state: WorkerState::Waiting,
                waiting_for: Some("the endpoint: connection refused".to_owned()),
                restarts: 2,
                last_error: Some("panicked".to_owned()),
                seen: BTreeMap::from([("burn".to_owned(), 45)]),
                published: 4,
                refused: BTreeMap::from([("below-threshold".to_owned(), 36)]),
                gaps: 3,
                inputs: vec![stats.into()],
                shared_connection: Some(SharedConnection {
                    active: true,
                    ref_count: 2,
                    holders: vec![WorkerName::BurnDetector, WorkerName::TradingBot],
                    rpc_url: "https://rpc.example.org/…".to_owned(),
                    http: Http { version: Some("HTTP/2.0".to_owned()), open: 1, opened: 3 },
                    ws: WebSocket { open: 1, opened: 2, subscriptions: 7 },
                    budget: Budget {
                        limit: Some(100),
                        used: 42,
                        waiting_by_class: BTreeMap::from([("detect".to_owned(), 5)]),
                    },
                }),
            },
        },
    )
}

fn comparison() -> Event {
    let quote = DexQuote {
        dex: "ORCA".to_owned(),
        out_amount: RawAmount(99),
        price_impact_pct: Percent(decimal("0.25")),
    };
    event(
        EventId::from("trade:paper:4"),
        None,
        DexQuoteComparison {
            input_mint: address(1),
            output_mint: address(2),
            amount: RawAmount(100),
            quotes: vec![quote.clone()],
            selected_dex: "ORCA".to_owned(),
            best_quote: quote,
        },
    )
}

fn price() -> Event {
    event(
        EventId::price(&address(1), Slot(400_000_000)),
        Some(source(None)),
        PriceUpdate {
            token: address(1),
            price: decimal("0.00001234"),
            source: "pools".to_owned(),
            confidence: Fraction(decimal("0.97")),
            volume_24h: None,
            price_change_24h: Some(Percent(decimal("-1.5"))),
            sources: vec![PriceSource {
                dex: DexType::Raydium,
                pool: address(5),
                price: decimal("0.00001234"),
                liquidity: decimal("15000"),
                slot: Slot(399_999_999),
                volume_24h: Some(decimal("1000.5")),
            }],
        },
    )
}

fn market() -> Event {
    event(
        EventId::market(&address(6)),
        Some(source(Some(signature()))),
        MarketDiscovered {
            market_address: address(6),
            base_mint: address(1),
            quote_mint: address(2),
            dex_type: DexType::OpenBook,
            program: address(4),
            creator: Some(address(3)),
            discovered_at: "2026-11-23T21:55:08Z".parse().unwrap(),
            source: signature(),
            initial_base: None,
            initial_quote: Some(RawAmount(1_000_000_000)),
            market_data: Some(MarketData {
                name: None,
                min_order_size: Some(decimal("0.1")),
                tick_size: Some(decimal("0.001")),
            }),
        },
    )
}

fn token() -> Event {
    event(
        EventId::token(&address(1), Slot(400_000_000)),
        Some(source(None)),
        TokenValidated {
            token: address(1),
            is_renounced: Some(true),
            is_burned: None,
            is_locked: Some(false),
            lp_burned_count: Some(2),
            confidence: Fraction(decimal("0.5")),
            validated_at: "2026-11-23T21:55:08Z".parse().unwrap(),
            tx_signature: None,
            validation_details: Some(ValidationDetails {
                mint_authority_renounced: Some(true),
                supply_burned_percent: Some(Percent(decimal("3"))),
                ..ValidationDetails::default()
            }),
            freeze_authority: Some(Authority::None),
            extensions: Some(vec!["transferFeeConfig".to_owned()]),
            lp_burned_percent: Some(Percent(decimal("99.5"))),
            top_holders: Some(TopHolders { count: 10, percent: Percent(decimal("18.25")) }),
            read_at: ReadSlots {
                mint: Some(Slot(400_000_000)),
                lp_burned_percent: Some(Slot(399_999_990)),
                top_holders: None,
            },
        },
    )
}

fn retracted() -> Event {
    let burn = EventId::from("burn:x:3");
    let data = EventRetracted { event_id: burn.clone(), reason: "its block did not survive".to_owned() };
    event(EventId::retracted(&burn), None, data)
}

fn pool() -> Event {
    event(
        EventId::pool(&address(5)),
        Some(source(Some(signature()))),
        PoolDiscovered {
            pool_address: address(5),
            dex_type: DexType::Meteora,
            token_a: address(1),
            token_b: address(2),
            initial_tvl: Some(decimal("79.005359104")),
            discovered_at: "2026-11-23T21:55:08Z".parse().unwrap(),
            discovery_source: "config".to_owned(),
            pool_data: Some(PoolData {
                lp_mint: Some(address(7)),
                fee_rate: Some(Fraction(decimal("0.0025"))),
            }),
        },
    )
}
