//! One client that subscribes to everybody's logs and counts frames.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use eda_simnet::{Message, chain::Step, cluster::Simnet};
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::Instant};

use super::{
    Outcome, block_on, mainnet, serve,
    stopwatch::{Stopwatch, Taken, Thread},
};

/// How long blocks are told.
const TOLD_FOR: Duration = Duration::from_secs(5);
/// Blocks that are told again and again.
const BLOCKS: usize = 4;
/// Notifications that the client may be behind: fewer than a connection's queue takes.
const BEHIND: u64 = 8_000;
const SUBSCRIBE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"logsSubscribe","params":["allWithVotes",{"commitment":"processed"}]}"#;

pub(crate) fn measure() -> Outcome<()> {
    let simnet = Simnet::new(mainnet());
    let blocks: Vec<Step> = (0..=BLOCKS).flat_map(|_| simnet.advance()).filter(holds_transactions).collect();
    let counted = AtomicU64::new(0);
    let tell = async |endpoint: &eda_simnet::endpoint::Endpoint| {
        endpoint.front().pubsub().subscribed("logsSubscribe", None).await;
        let (began, mut told) = (Instant::now(), 0);
        for step in blocks.iter().cycle() {
            let Step::Processed(block) = step else { continue };
            endpoint.tell(std::slice::from_ref(step));
            told += u64::try_from(block.transactions.len())?;
            while told.saturating_sub(counted.load(Ordering::Acquire)) > BEHIND {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if began.elapsed() > TOLD_FOR {
                break;
            }
        }
        while counted.load(Ordering::Acquire) < told {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        endpoint.front().ws().kill_connections();
        Ok(())
    };
    let (frames, bytes, taken) = serve(&simnet, tell, |endpoint, server| {
        block_on(count(endpoint.front().ws_url(), &counted, server))
    })?;
    println!("\nnotifications of logs, {:.0} bytes each, to one client", bytes / frames);
    taken.report(frames, "notifications");
    Ok(())
}

fn holds_transactions(step: &Step) -> bool {
    matches!(step, Step::Processed(block) if !block.transactions.is_empty())
}

/// Frames and bytes that arrive until the server ends the connection.
async fn count(url: String, counted: &AtomicU64, server: &Thread) -> Outcome<(f64, f64, Taken)> {
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = tokio_tungstenite::client_async(&url, stream).await?;
    socket.send(Message::text(SUBSCRIBE)).await?;
    socket.next().await.ok_or("no answer")??;
    let (watch, mut frames, mut bytes) = (Stopwatch::start(server), 0.0, 0.0);
    while let Some(Ok(message)) = socket.next().await {
        counted.fetch_add(1, Ordering::AcqRel);
        frames += 1.0;
        bytes += f64::from(u32::try_from(message.len())?);
    }
    Ok((frames, bytes, watch.stop()))
}
