use eda_limits::Limits;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error as WsError, Message},
};
use tokio_util::task::TaskTracker;

use crate::{Cause, Front, Meter, Protocol, Provider, http::Tracked};

pub(super) const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// One connection of a client that opens no other.
pub(super) struct Peer {
    sender: Sender,
    url: String,
    tasks: TaskTracker,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A response that has been read.
pub(super) struct Heard {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) type Socket = WebSocketStream<TcpStream>;

pub(super) async fn front(limits: Limits) -> (Front, Provider) {
    let front = Front::start(Protocol::H2c).await.unwrap();
    let provider = Provider::new(limits);
    front.guard(provider.clone());
    (front, provider)
}

pub(super) fn body(methods: &[&str]) -> Value {
    let call = |method: &&str| json!({"jsonrpc": "2.0", "id": 1, "method": method});
    match methods {
        [method] => call(method),
        _ => methods.iter().map(call).collect(),
    }
}

impl Peer {
    pub(super) async fn connect(front: &Front, version: Version) -> Self {
        let io = TokioIo::new(TcpStream::connect(front.http().address()).await.unwrap());
        let tasks = TaskTracker::new();
        let sender = if version == Version::HTTP_2 {
            let (sender, connection) = http2::handshake(Tracked(tasks.clone()), io).await.unwrap();
            tasks.spawn(connection);
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            tasks.spawn(connection);
            Sender::Http1(sender)
        };
        tasks.close();
        Self { sender, url: front.http_url(), tasks }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    pub(super) fn request(&self, methods: &[&str]) -> Request<Full<Bytes>> {
        let request =
            Request::post(&self.url).header("host", "localhost").header("content-type", "application/json");
        request.body(Full::from(body(methods).to_string())).unwrap()
    }

    pub(super) async fn ask(&mut self, methods: &[&str]) -> Heard {
        let request = self.request(methods);
        self.hear(request).await
    }

    pub(super) async fn hear(&mut self, request: Request<Full<Bytes>>) -> Heard {
        let (head, body) = self.send(request).await.unwrap().into_parts();
        Heard { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Waits until the server has ended the connection, of which the client could have made further use.
    pub(super) async fn ended(self) {
        self.tasks.wait().await;
    }

    /// The client ends the connection, and the server has seen it.
    pub(super) async fn leave(self, front: &Front) {
        let open = front.http().tally().open();
        drop(self);
        front.http().tally().until(|traffic| traffic.open < open).await;
    }
}

impl Heard {
    pub(super) fn number(&self, header: &str) -> i64 {
        let text =
            self.headers.get(format!("x-ratelimit-{header}")).unwrap_or_else(|| panic!("{header} is absent"));
        text.to_str().unwrap().parse().unwrap()
    }

    pub(super) fn retry_after(&self) -> Option<u64> {
        Some(self.headers.get("retry-after")?.to_str().unwrap().parse().unwrap())
    }

    /// The words of a 429, whose shape and headers are checked.
    pub(super) fn refused(&self, version: Version) -> String {
        assert_eq!(self.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(self.headers["x-ratelimit-tier"], "free");
        assert_eq!(self.headers.contains_key("connection"), version == Version::HTTP_11);
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body["code"], 429);
        body["message"].as_str().unwrap().to_owned()
    }
}

pub(super) async fn open(front: &Front) -> Result<(Socket, HeaderMap), Heard> {
    let stream = TcpStream::connect(front.ws().address()).await.unwrap();
    match client_async(front.ws_url(), stream).await {
        Ok((socket, response)) => Ok((socket, response.headers().clone())),
        Err(WsError::Http(response)) => {
            let (head, body) = response.into_parts();
            Err(Heard { status: head.status, headers: head.headers, body: body.unwrap_or_default().into() })
        }
        Err(error) => panic!("{error}"),
    }
}

pub(super) async fn tell(socket: &mut Socket, method: &str, params: Value) -> Value {
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    socket.send(Message::text(call.to_string())).await.unwrap();
    serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
}

pub(super) fn refusals(meter: &Meter, cause: Cause, method: &str) -> u64 {
    meter.refusals.get(&cause).and_then(|methods| methods.get(method)).copied().unwrap_or_default()
}
