use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eda_connection::{
    Gate,
    budget::Permit,
    dial::Dialer,
    endpoint::Endpoint,
    http::{Call, CallError, Http, HttpConfig, Reply},
    request::{Class, Method},
};
use eda_simnet::{Front, Protocol};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) const PROTOCOLS: [Protocol; 5] =
    [Protocol::Tls, Protocol::TlsHttp1, Protocol::H2c, Protocol::Http1, Protocol::H2cRefused];

/// Keeps a broken test from hanging; no test depends on how long anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client with what it runs on.
pub(crate) struct Client {
    pub(crate) http: Http,
    /// How often the gate was passed.
    pub(crate) gate: Arc<AtomicU64>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

pub(crate) async fn front(protocol: Protocol) -> Front {
    Front::start(protocol).await.unwrap()
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("the test hangs")
}

pub(crate) fn dialer(front: &Front) -> Dialer {
    Dialer::new(&[front.certificate_der().to_vec()], Duration::from_secs(10)).unwrap()
}

pub(crate) fn client(front: &Front) -> Client {
    client_with(front, &front.http_url(), HttpConfig::default())
}

pub(crate) fn client_with(front: &Front, url: &str, config: HttpConfig) -> Client {
    let endpoint = Endpoint::parse(url, None).unwrap();
    let (tasks, stop, gate) = (TaskTracker::new(), CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let passed = Arc::clone(&gate);
    let open = Gate::new(move || {
        passed.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    });
    let http = Http::new(&endpoint, dialer(front), config, open, &tasks, stop.clone()).unwrap();
    Client { http, gate, tasks, stop }
}

pub(crate) fn call(method: &'static str, params: &Value) -> Call {
    Call::new(Method::new(method), Class::Poll, params).unwrap()
}

/// Connections that a server of this kind sees before the first answer: where there is no ALPN, one asks first.
pub(crate) fn accepts_at_start(protocol: Protocol) -> u64 {
    if protocol.is_tls() { 1 } else { 2 }
}

pub(crate) fn speaks_http2(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tls | Protocol::H2c)
}

impl Client {
    pub(crate) async fn ask(&self, method: &'static str) -> Result<Reply, CallError> {
        self.ask_with(method, &json!([])).await
    }

    pub(crate) async fn ask_with(&self, method: &'static str, params: &Value) -> Result<Reply, CallError> {
        self.http.call(call(method, params), Permit::unmetered()).await
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
