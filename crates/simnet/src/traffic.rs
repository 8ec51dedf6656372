//! What a listener counts, and how a test waits for a count.

use std::net::SocketAddr;

use http::Version;
use tokio::{sync::watch, time::Instant};

/// The application protocol a TLS handshake agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/2.
    H2,
    /// HTTP/1.1.
    Http11,
    /// The client offered none.
    Absent,
}

/// One accepted socket, kept after it closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Counts accepts of this listener from 1.
    pub number: u64,
    /// The client's end. Distinct ports prove that nothing between client and listener merged connections.
    pub peer: SocketAddr,
    /// When it was accepted.
    pub opened: Instant,
    /// When it was closed on the server's side; `None` while it is open.
    pub closed: Option<Instant>,
    /// HTTP requests (or WebSocket messages) received on it. A JSON-RPC batch is one.
    pub requests: u64,
    /// HTTP version of the last request.
    pub version: Option<Version>,
    /// What the TLS handshake agreed on; `None` before the handshake and in cleartext.
    pub alpn: Option<Alpn>,
    /// Whether it became a WebSocket.
    pub upgraded: bool,
}

/// Counts of one listener since it was bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sockets accepted, including those refused.
    pub accepts: u64,
    /// Sockets reset at once because the listener was told to refuse.
    pub refused: u64,
    /// Sockets open now.
    pub open: u64,
    /// Most sockets ever open at one time.
    pub max_open: u64,
    /// TLS handshakes completed.
    pub tls_handshakes: u64,
    /// TLS handshakes that failed.
    pub tls_failures: u64,
    /// WebSocket upgrades completed.
    pub upgrades: u64,
    /// One record per accept, in accept order.
    pub connections: Vec<ConnectionRecord>,
}

/// The live counts of one listener.
#[derive(Debug, Default)]
pub struct Tally {
    traffic: watch::Sender<Traffic>,
}

/// Most of these sockets ever open at one time, whichever listeners accepted them.
pub fn most_open<'a>(sockets: impl IntoIterator<Item = &'a ConnectionRecord>) -> usize {
    let sockets: Vec<_> = sockets.into_iter().collect();
    let open_at = |at| {
        let open = |socket: &&&ConnectionRecord| {
            socket.opened <= at && socket.closed.is_none_or(|closed| closed > at)
        };
        sockets.iter().filter(open).count()
    };
    sockets.iter().map(|socket| open_at(socket.opened)).max().unwrap_or(0)
}

// === impl Traffic ===

impl Traffic {
    /// HTTP requests (or WebSocket messages) on all connections.
    pub fn requests(&self) -> u64 {
        self.connections.iter().map(|connection| connection.requests).sum()
    }

    /// The number of different client ports.
    pub fn peer_ports(&self) -> usize {
        let mut ports: Vec<u16> = self.connections.iter().map(|connection| connection.peer.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports.len()
    }

    fn record(&mut self, number: u64) -> Option<&mut ConnectionRecord> {
        self.connections.iter_mut().find(|connection| connection.number == number)
    }
}

// === impl Tally ===

impl Tally {
    /// The counts as they are now.
    pub fn traffic(&self) -> Traffic {
        self.traffic.borrow().clone()
    }

    /// Sockets accepted so far.
    pub fn accepts(&self) -> u64 {
        self.traffic.borrow().accepts
    }

    /// Sockets open now.
    pub fn open(&self) -> u64 {
        self.traffic.borrow().open
    }

    /// Most sockets ever open at one time.
    pub fn max_open(&self) -> u64 {
        self.traffic.borrow().max_open
    }

    /// Waits until `reached` holds. It has no deadline of its own: the test has one.
    pub async fn until(&self, reached: impl FnMut(&Traffic) -> bool) -> Traffic {
        let mut watching = self.traffic.subscribe();
        // The sender lives in `self`, so the wait cannot end by its loss.
        let reached = watching.wait_for(reached).await.map(|traffic| traffic.clone());
        reached.unwrap_or_else(|_| self.traffic())
    }

    /// Counts an accept and gives the connection its number.
    pub(crate) fn accepted(&self, peer: SocketAddr) -> u64 {
        let mut number = 0;
        self.traffic.send_modify(|traffic| {
            traffic.accepts = traffic.accepts.saturating_add(1);
            traffic.open = traffic.open.saturating_add(1);
            traffic.max_open = traffic.max_open.max(traffic.open);
            number = traffic.accepts;
            traffic.connections.push(ConnectionRecord {
                number,
                peer,
                opened: Instant::now(),
                closed: None,
                requests: 0,
                version: None,
                alpn: None,
                upgraded: false,
            });
        });
        number
    }

    pub(crate) fn refused(&self) {
        self.traffic.send_modify(|traffic| traffic.refused = traffic.refused.saturating_add(1));
    }

    pub(crate) fn closed(&self, number: u64) {
        self.traffic.send_modify(|traffic| {
            traffic.open = traffic.open.saturating_sub(1);
            if let Some(record) = traffic.record(number) {
                record.closed = Some(Instant::now());
            }
        });
    }

    pub(crate) fn requested(&self, number: u64, version: Version) {
        self.traffic.send_modify(|traffic| {
            if let Some(record) = traffic.record(number) {
                record.requests = record.requests.saturating_add(1);
                record.version = Some(version);
            }
        });
    }

    pub(crate) fn tls_agreed(&self, number: u64, alpn: Alpn) {
        self.traffic.send_modify(|traffic| {
            traffic.tls_handshakes = traffic.tls_handshakes.saturating_add(1);
            if let Some(record) = traffic.record(number) {
                record.alpn = Some(alpn);
            }
        });
    }

    pub(crate) fn tls_failed(&self) {
        self.traffic.send_modify(|traffic| traffic.tls_failures = traffic.tls_failures.saturating_add(1));
    }

    pub(crate) fn upgraded(&self, number: u64) {
        self.traffic.send_modify(|traffic| {
            traffic.upgrades = traffic.upgrades.saturating_add(1);
            if let Some(record) = traffic.record(number) {
                record.upgraded = true;
            }
        });
    }
}
