//! How fast the simulated cluster is: it must never be what a benchmark measures.
//!
//! `cargo bench -p eda-simnet` prints plain figures. The server has one thread and the client another. A figure is for
//! one second that the server's thread is on a core, so that neither a slow client nor a busy machine makes it smaller;
//! what passed meanwhile and what the client did is printed beside it.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

/// Blocks over HTTP.
mod blocks;
/// Notifications over WebSocket.
mod notifications;
/// Time, and the time that a thread was running.
mod stopwatch;

use std::{error::Error, sync::mpsc, thread};

use eda_simnet::{
    chain::{Config, Mix},
    cluster::Simnet,
    endpoint::{Endpoint, Options},
};
use stopwatch::{Stopwatch, Thread};

/// What a benchmark comes to, or what went wrong.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Slots that are made in advance.
const SLOTS: u32 = 20;

fn main() -> Outcome<()> {
    let simnet = make_slots()?;
    notifications::measure()?;
    blocks::measure(&simnet)
}

/// A chain whose blocks are as large as mainnet's: some 1,500 transactions, most of them votes.
fn mainnet() -> Config {
    let mix = Mix {
        votes: 110_000,
        transfers: 10_000,
        token_transfers: 10_000,
        mints: 500,
        burns: 500,
        swaps: 15_000,
        failures: 4_000,
        ..Mix::NONE
    };
    Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix, ..Config::default() }
}

/// How fast slots are made.
fn make_slots() -> Outcome<Simnet> {
    let simnet = Simnet::new(mainnet());
    let watch = Stopwatch::start(&Thread::this());
    for _ in 0..SLOTS {
        simnet.advance();
    }
    let taken = watch.stop();
    let transactions = simnet.chain().history().block(2).map_or(0, |block| block.transactions.len());
    println!("\nslots of {transactions} transactions, made, signed and executed");
    taken.report(f64::from(SLOTS), "slots");
    Ok(simnet)
}

/// Runs a current-thread runtime until `work` is done.
fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Opens an endpoint and serves it in a thread of its own while `client` runs in this one. `server` is what that thread
/// does besides; it ends when the client has.
fn serve<T>(
    simnet: &Simnet,
    server: impl AsyncFnOnce(&Endpoint) -> Outcome<()> + Send,
    client: impl FnOnce(&Endpoint, &Thread) -> Outcome<T>,
) -> Outcome<T> {
    let (opened, endpoint) = mpsc::channel();
    let done = tokio_util::sync::CancellationToken::new();
    thread::scope(|scope| {
        let ended = done.clone();
        let serving = scope.spawn(move || {
            block_on(async {
                let endpoint = simnet.endpoint(Options::default()).await?;
                opened.send((endpoint.clone(), Thread::this()))?;
                server(&endpoint).await?;
                ended.cancelled().await;
                endpoint.stop().await;
                Ok(())
            })
        });
        let asked =
            endpoint.recv().map_err(Into::into).and_then(|(endpoint, thread)| client(&endpoint, &thread));
        done.cancel();
        serving.join().map_err(|_| "the server's thread panicked")??;
        asked
    })
}
