//! Opening a TCP connection, with TLS where the URL asks for it, and counting it for as long as it lives.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{
        CertificateDer, ServerName,
        pem::{self, PemObject},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;

/// A server counts a connection until it has noticed that both sides closed it, which takes it a moment: so long the
/// next one is waited with.
pub(crate) const SETTLE: Duration = Duration::from_millis(100);

/// How to reach the provider: the trust anchors and the time allowed for connecting.
#[derive(Clone, Debug)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    connect_timeout: Duration,
}

/// How many sockets of one kind are open now and have ever been opened.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    opened: AtomicU64,
}

/// A counted connection; it leaves the count when it is dropped.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    alpn: Option<Vec<u8>>,
    _open: Open,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

#[derive(Debug)]
struct Open(Sockets);

/// Why no connection could be opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The URL has no host or an unusable one.
    #[error("the URL names no usable host")]
    Host,
    /// TCP: nobody answers, refuses, or the name does not resolve.
    #[error("cannot connect to {host}: {source}")]
    Tcp {
        /// Host and port.
        host: String,
        /// The system's reason.
        source: io::Error,
    },
    /// TLS: wrong certificate, no common protocol, or a broken handshake.
    #[error(
        "TLS handshake with {host} failed: {source} (a private certificate authority is named by rpc.ca_file)"
    )]
    Tls {
        /// Host and port.
        host: String,
        /// The library's reason.
        source: io::Error,
    },
    /// Neither TCP nor TLS got through in time.
    #[error("no connection to {host} within {after:?}")]
    Timeout {
        /// Host and port.
        host: String,
        /// How long was waited.
        after: Duration,
    },
}

/// The file of extra trust anchors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A certificate in the file is not one.
    #[error("cannot use certificate {index} of the certificate file: {reason}")]
    Certificate {
        /// Position in the file, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The library refuses its own defaults.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// The certificates in a PEM file, DER.
///
/// # Errors
/// When a block of the file is broken.
pub fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, pem::Error> {
    CertificateDer::pem_slice_iter(pem).map(|certificate| Ok(certificate?.to_vec())).collect()
}

// === impl Dialer ===

impl Dialer {
    /// Trusts the public certificate authorities and those in `extra_roots` (DER).
    ///
    /// # Errors
    /// When one of `extra_roots` is not a certificate.
    pub fn new(extra_roots: &[Vec<u8>], connect_timeout: Duration) -> Result<Self, TrustError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for (index, der) in extra_roots.iter().enumerate() {
            roots
                .add(der.clone().into())
                .map_err(|error| TrustError::Certificate { index, reason: error.to_string() })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), connect_timeout })
    }

    /// The TLS settings, for a library that opens its own connections.
    pub fn tls(&self) -> ClientConfig {
        (*self.tls).clone()
    }

    /// The longest time that connecting may take.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Opens one connection to the host of `url` (TLS for `https` and `wss`), offering `alpn` in order.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn dial(&self, url: &Url, alpn: &[&[u8]], sockets: &Sockets) -> Result<Connection, DialError> {
        let name = url.host_str().ok_or(DialError::Host)?;
        let port = url.port_or_known_default().ok_or(DialError::Host)?;
        let host = format!("{name}:{port}");
        let connecting = self.connect(url, name, &host, port, alpn);
        let (stream, alpn) = timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| DialError::Timeout { host: host.clone(), after: self.connect_timeout })??;
        Ok(Connection { stream, alpn, _open: sockets.enter() })
    }

    async fn connect(
        &self,
        url: &Url,
        name: &str,
        host: &str,
        port: u16,
        alpn: &[&[u8]],
    ) -> Result<(Stream, Option<Vec<u8>>), DialError> {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let tcp = |source| DialError::Tcp { host: host.to_owned(), source };
        let stream = TcpStream::connect((bare, port)).await.map_err(tcp)?;
        stream.set_nodelay(true).map_err(tcp)?;
        if !matches!(url.scheme(), "https" | "wss") {
            return Ok((Stream::Plain(stream), None));
        }
        let server = ServerName::try_from(bare.to_owned()).map_err(|_| DialError::Host)?;
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TlsConnector::from(Arc::new(tls))
            .connect(server, stream)
            .await
            .map_err(|source| DialError::Tls { host: host.to_owned(), source })?;
        let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        Ok((Stream::Tls(Box::new(stream)), alpn))
    }
}

// === impl Sockets ===

impl Sockets {
    /// Open now.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Opened since the start.
    pub fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Open {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Connection ===

impl Connection {
    /// The protocol the server chose, `h2` or `http/1.1`; `None` where it chose none or there is no TLS.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
