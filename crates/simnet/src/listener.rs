//! The accept loop: counts, refuses, and hands sockets to whoever serves them.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection::{Connection, Counted},
    provider::{Gate, Visit},
    traffic::Tally,
};

/// One listening port with its counts and the switches a test throws.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    tally: Arc<Tally>,
    gate: Arc<Gate>,
    refusing: AtomicBool,
    connections: Mutex<Vec<Weak<Connection>>>,
}

// === impl Listener ===

impl Listener {
    pub(crate) fn new(address: SocketAddr, gate: Arc<Gate>) -> Self {
        Self {
            address,
            tally: Arc::new(Tally::default()),
            gate,
            refusing: AtomicBool::new(false),
            connections: Mutex::default(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// While `true`, every new socket is reset at once. Those already open stay.
    pub fn refuse(&self, refuse: bool) {
        self.refusing.store(refuse, Ordering::Release);
    }

    /// Resets every open socket, in the middle of whatever it carries. Returns how many there were.
    pub fn kill_connections(&self) -> usize {
        let open = self.live();
        open.iter().for_each(|connection| connection.kill());
        open.len()
    }

    /// Lets every open socket finish what is in flight and close: GOAWAY in HTTP/2, the close after the current
    /// response in HTTP/1.1, a close frame in a WebSocket. Returns how many there were.
    pub fn drain_connections(&self) -> usize {
        let open = self.live();
        open.iter().for_each(|connection| connection.drain());
        open.len()
    }

    fn live(&self) -> Vec<Arc<Connection>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.iter().filter_map(Weak::upgrade).collect()
    }

    fn track(&self, connection: &Arc<Connection>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
    }

    /// Accepts until `stop`, and runs `serve` for each socket until it returns or the connection is ended.
    pub(crate) async fn run<F>(
        self: Arc<Self>,
        socket: TcpListener,
        tasks: TaskTracker,
        stop: CancellationToken,
        serve: impl Fn(Counted, Arc<Connection>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "socket closed before it was configured");
            }
            let refusing = self.refusing.load(Ordering::Acquire);
            let visit = if refusing { Visit::default() } else { self.gate.visit(peer) };
            let number = self.tally.accepted(peer);
            let connection = Arc::new(Connection::new(number, Arc::clone(&self.tally), visit));
            let stream = Counted::new(stream, Arc::clone(&connection));
            // Tracked first: whoever refuses new sockets and then resets the open ones meets this one either way.
            self.track(&connection);
            if refusing || self.refusing.load(Ordering::Acquire) {
                self.tally.refused();
                connection.kill();
                continue;
            }
            let served = serve(stream, Arc::clone(&connection));
            let stop = stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = served => {}
                    () = connection.ended() => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }
}
