//! One client that asks for blocks in turn, over HTTP/1.1 and over HTTP/2.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use eda_simnet::{cluster::Simnet, endpoint::Endpoint};
use flate2::read::GzDecoder;
use http::{Request, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

use super::{
    Outcome, SLOTS, block_on, serve,
    stopwatch::{Stopwatch, Thread},
};

/// How long blocks are asked for again.
const ASKED_FOR: Duration = Duration::from_secs(3);
/// Of those that were made, the last ones are not confirmed yet.
const CONFIRMED: u32 = SLOTS - 1;

/// A connection's requests.
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A client's connection.
struct Client {
    authority: String,
    sender: Sender,
    gzip: bool,
    /// Runs the connection.
    driver: JoinSet<Result<(), hyper::Error>>,
}

pub(crate) fn measure(simnet: &Simnet) -> Outcome<()> {
    for (version, gzip) in [(Version::HTTP_11, true), (Version::HTTP_2, true), (Version::HTTP_11, false)] {
        let compressed = if gzip { "gzip" } else { "not compressed" };
        println!("\nblocks (base64, full) over one {version:?} connection, {compressed}");
        // An endpoint of its own, which has not shown any of the blocks before.
        let idle = async |_: &Endpoint| Ok(());
        serve(simnet, idle, |endpoint, server| {
            block_on(async {
                let mut client = Client::connect(endpoint, version, gzip).await?;
                client.measure(server).await
            })
        })?;
    }
    Ok(())
}

// === impl Client ===

impl Client {
    async fn connect(endpoint: &Endpoint, version: Version, gzip: bool) -> Outcome<Self> {
        let url = endpoint.front().http_url();
        let authority = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&authority).await?;
        stream.set_nodelay(true)?;
        let (stream, mut driver) = (TokioIo::new(stream), JoinSet::new());
        let sender = if version == Version::HTTP_2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            driver.spawn(connection);
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            driver.spawn(connection);
            Sender::Http1(sender)
        };
        Ok(Self { authority, sender, gzip, driver })
    }

    async fn measure(&mut self, server: &Thread) -> Outcome<()> {
        let (watch, mut bodies) = (Stopwatch::start(server), Vec::new());
        for slot in 1..=CONFIRMED {
            bodies.push(self.block(slot).await?);
        }
        watch.stop().report(f64::from(CONFIRMED), "blocks, asked for the first time,");
        let (watch, began, mut asked) = (Stopwatch::start(server), Instant::now(), 0);
        while began.elapsed() < ASKED_FOR {
            let body = self.block(asked % CONFIRMED + 1).await?;
            if bodies.get(usize::try_from(asked % CONFIRMED)?) != Some(&body) {
                return Err("a block is shown in two ways".into());
            }
            asked += 1;
        }
        let taken = watch.stop();
        taken.report(f64::from(asked), "blocks, asked for again,");
        let (mut wire, mut json) = (0.0, 0.0);
        for body in &bodies {
            wire += size(body) / f64::from(CONFIRMED) / 1e6;
            json += size(&self.json(body)?) / f64::from(CONFIRMED) / 1e6;
        }
        let per_second = |megabytes: f64| taken.per_core_second(f64::from(asked) * megabytes);
        println!(
            "{:>10.1} MB of JSON, {:.1} MB sent; each block is {json:.2} MB of JSON, {wire:.2} MB sent",
            per_second(json),
            per_second(wire)
        );
        self.driver.abort_all();
        Ok(())
    }

    /// The body of a block, as it was sent.
    async fn block(&mut self, slot: u32) -> Outcome<Bytes> {
        let options = r#"{"encoding":"base64","transactionDetails":"full","commitment":"confirmed","maxSupportedTransactionVersion":1}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"getBlock","params":[{slot},{options}]}}"#);
        let (uri, host) = match self.sender {
            Sender::Http1(_) => ("/".to_owned(), Some(self.authority.as_str())),
            Sender::Http2(_) => (format!("http://{}/", self.authority), None),
        };
        let mut request = Request::post(uri).header(header::CONTENT_TYPE, "application/json");
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        if self.gzip {
            request = request.header(header::ACCEPT_ENCODING, "gzip");
        }
        let request = request.body(Full::from(body))?;
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        Ok(response.into_body().collect().await?.to_bytes())
    }

    /// What a body says.
    fn json(&self, body: &Bytes) -> Outcome<Bytes> {
        let mut json = Vec::new();
        if self.gzip {
            GzDecoder::new(body.as_ref()).read_to_end(&mut json)?;
        } else {
            json.extend_from_slice(body);
        }
        if !json.starts_with(br#"{"jsonrpc":"2.0","result":{"#) {
            return Err(String::from_utf8_lossy(&json).chars().take(200).collect::<String>().into());
        }
        Ok(json.into())
    }
}

fn size(bytes: &Bytes) -> f64 {
    u32::try_from(bytes.len()).map_or(f64::INFINITY, f64::from)
}
