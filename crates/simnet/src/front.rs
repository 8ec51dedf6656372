//! The pair of listeners a client is pointed at: HTTP on a port, PubSub on the next one, as nodes have them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use http::Version;
use hyper_util::server::conn::auto;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection::{Connection, Counted},
    faults::Faults,
    http::{Rpc, Tracked},
    listener::Listener,
    provider::{Gate, Provider},
    pubsub::Pubsub,
    tls::Identity,
    traffic::Alpn,
};

/// Port pairs tried before giving up.
const PORT_ATTEMPTS: usize = 64;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What the HTTP port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Cleartext HTTP/1.1; the HTTP/2 preface is answered `400 Bad Request`, as many proxies do.
    Http1,
    /// Cleartext HTTP/1.1; the HTTP/2 preface closes the connection without a word, as Agave 4.1 and later do.
    H2cRefused,
    /// Cleartext HTTP/1.1 and HTTP/2 by prior knowledge, as Agave up to 4.0 does.
    H2c,
    /// TLS that offers `h2` and `http/1.1`, as providers do.
    Tls,
    /// TLS that offers `http/1.1` alone.
    TlsHttp1,
}

/// A simulated provider on two loopback ports. Dropping it ends its tasks; [`Front::stop`] also waits for them.
#[derive(Debug)]
pub struct Front {
    protocol: Protocol,
    http: Arc<Listener>,
    ws: Arc<Listener>,
    rpc: Arc<Rpc>,
    pubsub: Arc<Pubsub>,
    gate: Arc<Gate>,
    identity: Identity,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A pair of ports that is taken and on which nobody listens: a client that connects is refused.
#[derive(Debug)]
pub struct Reserved {
    protocol: Protocol,
    http: TcpSocket,
    ws: TcpSocket,
}

// === impl Protocol ===

impl Protocol {
    /// Whether both ports speak TLS.
    pub fn is_tls(self) -> bool {
        match self {
            Self::Tls | Self::TlsHttp1 => true,
            Self::Http1 | Self::H2cRefused | Self::H2c => false,
        }
    }

    fn speaks_http2(self) -> bool {
        match self {
            Self::Tls | Self::H2c => true,
            Self::Http1 | Self::H2cRefused | Self::TlsHttp1 => false,
        }
    }
}

// === impl Front ===

impl Front {
    /// Binds a free pair of ports and serves on them.
    ///
    /// # Errors
    /// When no pair of neighbouring ports is free, or the certificate cannot be made.
    pub async fn start(protocol: Protocol) -> io::Result<Self> {
        Self::reserve(protocol)?.start()
    }

    /// Takes a free pair of ports, for a server that is not there yet.
    ///
    /// # Errors
    /// When no pair of neighbouring ports is free.
    pub fn reserve(protocol: Protocol) -> io::Result<Reserved> {
        let (http, ws) = bind_pair()?;
        Ok(Reserved { protocol, http, ws })
    }

    /// Takes two given ports, for a server that is not there yet.
    ///
    /// # Errors
    /// When one of them is taken.
    pub fn reserve_at(protocol: Protocol, http: SocketAddr, ws: SocketAddr) -> io::Result<Reserved> {
        Ok(Reserved { protocol, http: bind(http)?, ws: bind(ws)? })
    }

    fn serve(protocol: Protocol, http_socket: TcpListener, ws_socket: TcpListener) -> io::Result<Self> {
        let gate = Arc::<Gate>::default();
        let front = Self {
            protocol,
            http: Arc::new(Listener::new(http_socket.local_addr()?, Arc::clone(&gate))),
            ws: Arc::new(Listener::new(ws_socket.local_addr()?, Arc::clone(&gate))),
            rpc: Arc::default(),
            pubsub: Arc::default(),
            gate,
            identity: Identity::generate()?,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        front.serve_http(http_socket)?;
        front.serve_ws(ws_socket)?;
        Ok(front)
    }

    /// `http://127.0.0.1:P/`, or `https` with TLS.
    pub fn http_url(&self) -> String {
        let scheme = if self.protocol.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}/", self.http.address())
    }

    /// `ws://127.0.0.1:P+1/`, or `wss` with TLS: what a client derives from the HTTP URL.
    pub fn ws_url(&self) -> String {
        let scheme = if self.protocol.is_tls() { "wss" } else { "ws" };
        format!("{scheme}://{}/", self.ws.address())
    }

    /// The HTTP port: its counts and its switches.
    pub fn http(&self) -> &Listener {
        &self.http
    }

    /// The WebSocket port: its counts and its switches.
    pub fn ws(&self) -> &Listener {
        &self.ws
    }

    /// What HTTP calls are answered.
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// What WebSocket calls are answered, and the notifications.
    pub fn pubsub(&self) -> &Pubsub {
        &self.pubsub
    }

    /// Puts a provider in front of both ports. It concerns the sockets accepted from now on, and takes the place of
    /// one that was there.
    pub fn guard(&self, provider: Provider) {
        self.gate.guard(provider);
    }

    /// The provider in front of both ports, if there is one.
    pub fn provider(&self) -> Option<Provider> {
        self.gate.provider()
    }

    /// Lets faults happen on both ports from now on, in the place of those that did.
    pub fn afflict(&self, faults: &Faults) {
        self.rpc.afflict(faults.clone());
        self.pubsub.afflict(faults.clone());
    }

    /// The certificate of both ports, to be added to the client's roots (DER).
    pub fn certificate_der(&self) -> &CertificateDer<'static> {
        self.identity.der()
    }

    /// The certificate of both ports, to be added to the client's roots (PEM).
    pub fn certificate_pem(&self) -> &str {
        self.identity.pem()
    }

    /// Closes both ports and every connection, and waits for the tasks.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn serve_http(&self, socket: TcpListener) -> io::Result<()> {
        let acceptor = match self.protocol {
            Protocol::Tls => Some(self.identity.acceptor(&[b"h2", b"http/1.1"])?),
            Protocol::TlsHttp1 => Some(self.identity.acceptor(&[b"http/1.1"])?),
            Protocol::Http1 | Protocol::H2cRefused | Protocol::H2c => None,
        };
        let (protocol, rpc) = (self.protocol, Arc::clone(&self.rpc));
        let server = auto::Builder::new(Tracked(self.tasks.clone()));
        let server = if protocol.speaks_http2() { server } else { server.http1_only() };
        let serve = move |stream: Counted, connection: Arc<Connection>| {
            let (rpc, server, acceptor) = (Arc::clone(&rpc), server.clone(), acceptor.clone());
            async move {
                match acceptor {
                    Some(acceptor) => {
                        if let Some(stream) = handshake(&acceptor, stream, &connection).await {
                            rpc.serve(stream, connection, server).await;
                        }
                    }
                    None => {
                        if let Some(stream) = screen_preface(protocol, stream, &connection).await {
                            rpc.serve(stream, connection, server).await;
                        }
                    }
                }
            }
        };
        self.tasks.spawn(Arc::clone(&self.http).run(socket, self.tasks.clone(), self.stop.clone(), serve));
        Ok(())
    }

    fn serve_ws(&self, socket: TcpListener) -> io::Result<()> {
        let acceptor =
            if self.protocol.is_tls() { Some(self.identity.acceptor(&[b"http/1.1"])?) } else { None };
        let pubsub = Arc::clone(&self.pubsub);
        let serve = move |stream: Counted, connection: Arc<Connection>| {
            let (pubsub, acceptor) = (Arc::clone(&pubsub), acceptor.clone());
            async move {
                match acceptor {
                    Some(acceptor) => {
                        if let Some(stream) = handshake(&acceptor, stream, &connection).await {
                            pubsub.serve(stream, connection).await;
                        }
                    }
                    None => pubsub.serve(stream, connection).await,
                }
            }
        };
        self.tasks.spawn(Arc::clone(&self.ws).run(socket, self.tasks.clone(), self.stop.clone(), serve));
        Ok(())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

// === impl Reserved ===

impl Reserved {
    /// What [`Front::http_url`] will be.
    ///
    /// # Errors
    /// When the system does not say which port it gave.
    pub fn http_url(&self) -> io::Result<String> {
        let scheme = if self.protocol.is_tls() { "https" } else { "http" };
        Ok(format!("{scheme}://{}/", self.http.local_addr()?))
    }

    /// Listens on the ports and serves.
    ///
    /// # Errors
    /// When the certificate cannot be made, or another process listens on a port by force.
    pub fn start(self) -> io::Result<Front> {
        Front::serve(self.protocol, self.http.listen(BACKLOG)?, self.ws.listen(BACKLOG)?)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Only for addresses that were given: a server that is started again finds its port in TIME_WAIT.
    if address.port() != 0 {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    Ok(socket)
}

/// Binds a port chosen by the system and the one after it.
fn bind_pair() -> io::Result<(TcpSocket, TcpSocket)> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for _ in 0..PORT_ATTEMPTS {
        let first = bind(at(0))?;
        let Some(next) = first.local_addr()?.port().checked_add(1) else { continue };
        match bind(at(next)) {
            Ok(second) => return Ok((first, second)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no pair of neighbouring loopback ports is free"))
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: Counted,
    connection: &Connection,
) -> Option<tokio_rustls::server::TlsStream<Counted>> {
    match acceptor.accept(stream).await {
        Ok(stream) => {
            connection.tls_agreed(match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Alpn::H2,
                Some(_) => Alpn::Http11,
                None => Alpn::Absent,
            });
            Some(stream)
        }
        Err(error) => {
            tracing::debug!(%error, connection = connection.number(), "TLS handshake failed");
            connection.tls_failed();
            None
        }
    }
}

/// Lets HTTP/1.1 through and turns an HTTP/2 preface away in the manner of `protocol`.
async fn screen_preface(protocol: Protocol, mut stream: Counted, connection: &Connection) -> Option<Counted> {
    let answer: &[u8] = match protocol {
        Protocol::Http1 => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Protocol::H2cRefused => b"",
        Protocol::H2c | Protocol::Tls | Protocol::TlsHttp1 => return Some(stream),
    };
    match stream.opens_with_http2().await {
        Ok(false) => return Some(stream),
        Ok(true) => connection.requested(Version::HTTP_2),
        Err(error) => {
            tracing::debug!(%error, "connection ended before it said anything");
            return None;
        }
    }
    if let Err(error) = turn_away(&mut stream, answer).await {
        tracing::debug!(%error, "client left before its preface was refused");
    }
    None
}

/// Says `answer`, closes the server's half, and reads until the client closes its own: unread bytes would turn the
/// close into a reset, which no refusing server means.
async fn turn_away(stream: &mut Counted, answer: &[u8]) -> io::Result<()> {
    let mut unread = [0; 1024];
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests;
