//! An endpoint with a small node behind it, and plain clients in front.

mod engine;
mod http;
mod journal;
mod node;
mod plan;
mod pubsub;
mod storm;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Faults, Kind};
use crate::{
    Call, Front, Message, Protocol, Reply,
    chain::{Chain, Commitment, Config, Mix},
    node::Node,
};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

struct Endpoint {
    front: Front,
    node: Node,
    faults: Faults,
}

impl Endpoint {
    async fn start(protocol: Protocol) -> Self {
        Self::with(protocol, Faults::none()).await
    }

    async fn with(protocol: Protocol, faults: Faults) -> Self {
        let config =
            Config { skipped_per_mille: 0, abandoned_per_mille: 0, mix: Mix::NONE, ..Config::default() };
        let node = Node::new(Arc::new(Mutex::new(Chain::new(config))));
        let front = Front::start(protocol).await.unwrap();
        let answering = node.clone();
        front.rpc().respond(move |call| answer(&answering, call));
        front.afflict(&faults);
        Self { front, node, faults }
    }

    /// Starts a fault as a control call does.
    fn fault(&self, fault: Value) -> u64 {
        let numbers = self.faults.control("simnetFault", &json!([fault])).unwrap().unwrap();
        numbers[0].as_u64().unwrap()
    }

    fn tick(&self, millis: u64) {
        let slot = self.node.chain().tips().processed;
        self.faults.tick(Duration::from_millis(millis), slot, &self.node, &self.front);
    }

    /// Starts a fault and lets it begin.
    fn now(&self, fault: Value) -> u64 {
        let number = self.fault(fault);
        let at = self.faults.state().at.now;
        self.tick(u64::try_from(at.as_millis()).unwrap());
        number
    }

    fn produce(&self, slots: u64) {
        for _ in 0..slots {
            self.node.chain().produce();
        }
    }

    fn count(&self, kind: Kind) -> u64 {
        self.faults.journal().count(kind)
    }

    fn client(&self) -> reqwest::Client {
        // A second installation fails, and the first one serves.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        if self.front.http_url().starts_with("https") {
            let trusted = reqwest::Certificate::from_pem(self.front.certificate_pem().as_bytes()).unwrap();
            return builder.tls_certs_only([trusted]).build().unwrap();
        }
        builder.build().unwrap()
    }

    fn h2_client(&self) -> reqwest::Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        builder.http2_prior_knowledge().build().unwrap()
    }

    /// Whether nothing more comes of a call for a moment, be it the response or the rest of its body.
    async fn is_silent(&self, client: &reqwest::Client, method: &str) -> bool {
        let whole = async { self.call(client, method, json!([])).await?.bytes().await };
        timeout(Duration::from_millis(200), whole).await.is_err()
    }

    async fn send(&self, client: &reqwest::Client, body: Value) -> reqwest::Result<reqwest::Response> {
        let request = client.post(self.front.http_url()).header("content-type", "application/json");
        request.body(body.to_string()).send().await
    }

    async fn call(
        &self,
        client: &reqwest::Client,
        method: &str,
        params: Value,
    ) -> reqwest::Result<reqwest::Response> {
        self.send(client, json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})).await
    }

    async fn ask(&self, client: &reqwest::Client, method: &str, params: Value) -> Value {
        let text = self.call(client, method, params).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn connect(&self) -> Socket {
        let stream = TcpStream::connect(self.front.ws().address()).await.unwrap();
        client_async(self.front.ws_url(), stream).await.unwrap().0
    }

    /// A socket with `slotSubscribe` (subscription 0) and `rootSubscribe` (1).
    async fn subscribed(&self) -> Socket {
        let mut socket = self.connect().await;
        for method in ["slotSubscribe", "rootSubscribe"] {
            tell(&mut socket, method).await;
            hear(&mut socket).await;
        }
        socket
    }
}

/// What a node of these tests knows.
fn answer(node: &Node, call: &Call) -> Reply {
    let chain = node.chain();
    let tips = node.tips(&chain);
    let at = match call.params[0]["commitment"].as_str() {
        Some("processed") => Commitment::Processed,
        Some("confirmed") => Commitment::Confirmed,
        _ => Commitment::Finalized,
    };
    Reply::Result(match call.method.as_str() {
        "getSlot" => json!(tips.at(at)),
        "getFirstAvailableBlock" => json!(chain.history().first()),
        "getBlock" => {
            let block = call.params[0].as_u64().and_then(|slot| chain.history().block(slot));
            block.map_or(Value::Null, |block| json!({"parentSlot": block.parent}))
        }
        "getTransaction" => json!({"slot": call.params[0]}),
        "getVersion" => json!({"solana-core": "4.2.2", "filler": "0123456789".repeat(40)}),
        _ => return Reply::method_not_found(),
    })
}

async fn tell(socket: &mut Socket, method: &str) {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    socket.send(Message::text(call.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    let frame = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    serde_json::from_str(frame.to_text().unwrap()).unwrap()
}

/// The slot of the next slot notification, or the root of the next root notification.
async fn heard(socket: &mut Socket) -> u64 {
    let result = hear(socket).await["params"]["result"].take();
    result["slot"].as_u64().or_else(|| result.as_u64()).unwrap()
}

/// Nothing comes for a moment.
async fn silence(socket: &mut Socket) -> bool {
    timeout(Duration::from_millis(100), socket.next()).await.is_err()
}
