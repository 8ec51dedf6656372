//! Real validators on free ports, as users run them.

use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use solana_keypair::Keypair;
use solana_signer::Signer;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    Error, Fallible,
    client::Client,
    relay::{self, RELAY},
};

/// Arguments for slots of 200 ms, as on mainnet; a validator's own default is 400 ms.
pub const MAINNET_SLOTS: [&str; 2] = ["--ticks-per-slot", "32"];

/// Names looked for on PATH.
const NAMES: [&str; 2] = ["solana-test-validator", "solana-test-validator-3.1"];
/// Ports a validator gets: RPC, PubSub, faucet, gossip, and its dynamic range.
const PORTS: u16 = 100;
/// Where those blocks of ports lie: below what the system hands out for port 0.
const PORT_BLOCKS: RangeInclusive<u16> = 100..=310;
/// How long a validator may take to its third slot.
const STARTUP: Duration = Duration::from_secs(90);
/// Starts tried, each on other ports: a port may be taken between the look and the start.
const ATTEMPTS: usize = 4;

/// A running validator with a fresh ledger and the [`relay`] program. Dropping it kills the process and removes the ledger, unless the test is
/// failing: then the ledger and its logs stay, and their path is printed.
#[derive(Debug)]
pub struct Validator {
    version: String,
    port: u16,
    payer: Keypair,
    process: Child,
    ledger: Option<TempDir>,
}

/// The validators at hand: those `EDA_TEST_VALIDATOR` names (paths, `:` between them), else those on PATH. With none,
/// prints a line that says how to get the test to run.
pub fn found() -> Vec<PathBuf> {
    let named = env::var_os("EDA_TEST_VALIDATOR").filter(|named| !named.is_empty());
    let found: Vec<PathBuf> = match named {
        Some(paths) => env::split_paths(&paths).collect(),
        None => {
            let path = env::var_os("PATH").unwrap_or_default();
            let folders: Vec<PathBuf> = env::split_paths(&path).collect();
            let first =
                |name: &str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
            NAMES.iter().filter_map(|name| first(name)).collect()
        }
    };
    if found.is_empty() {
        say("skipped: no solana-test-validator (set EDA_TEST_VALIDATOR or PATH)");
    }
    found
}

#[expect(clippy::print_stderr, reason = "a test tells the person who runs it")]
fn say(line: &str) {
    eprintln!("{line}");
}

// === impl Validator ===

impl Validator {
    /// Starts this binary on free ports and waits for its third slot.
    ///
    /// # Errors
    /// When it cannot be run, ends by itself on every try, or is not ready in time.
    pub async fn start(binary: &Path) -> Fallible<Self> {
        Self::start_with(binary, &[]).await
    }

    /// As [`Validator::start`], with more arguments: `--ticks-per-slot`, `--account`, `--bpf-program`.
    ///
    /// # Errors
    /// As [`Validator::start`].
    pub async fn start_with(binary: &Path, arguments: &[&str]) -> Fallible<Self> {
        let mut ended = String::new();
        for _ in 0..ATTEMPTS {
            let mut validator = Self::launch(binary, arguments)?;
            match validator.ready().await {
                Ok(()) => return Ok(validator),
                Err(Error::Validator(reason)) => ended = reason,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Validator(ended))
    }

    /// What it calls itself, for example `4.2.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `http://127.0.0.1:P`.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `ws://127.0.0.1:P+1`.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port.saturating_add(1))
    }

    /// Holds the genesis lamports, so that no airdrop is needed.
    pub fn payer(&self) -> &Keypair {
        &self.payer
    }

    /// The port of [`Validator::http_url`]; that of [`Validator::ws_url`] is the next one.
    pub fn rpc_port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn client(&self) -> Fallible<Client> {
        Client::new(&self.http_url())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn launch(binary: &Path, arguments: &[&str]) -> Fallible<Self> {
        let port = free_ports()?;
        let at = |offset: u16| port.saturating_add(offset).to_string();
        let ledger = tempfile::Builder::new().prefix("eda-validator-").tempdir()?;
        let log = File::create(ledger.path().join("output.log"))?;
        let payer = Keypair::new();
        let relay = ledger.path().join("relay.so");
        std::fs::write(&relay, relay::program())?;
        let process = Command::new(binary)
            .arg("--ledger")
            .arg(ledger.path().join("ledger"))
            .args(["--reset", "--quiet", "--mint", &payer.pubkey().to_string()])
            .args(["--rpc-port", &at(0), "--faucet-port", &at(2), "--gossip-port", &at(3)])
            .args(["--dynamic-port-range", &format!("{}-{}", at(10), at(PORTS.saturating_sub(1)))])
            .args(["--bpf-program", &RELAY.to_string()])
            .arg(relay)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { version: String::new(), port, payer, process, ledger: Some(ledger) })
    }

    async fn ready(&mut self) -> Fallible<()> {
        let client = self.client()?;
        let deadline = Instant::now() + STARTUP;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                return Err(Error::Validator(format!("{status}: {}", self.output())));
            }
            // While it starts it refuses connections and answers errors; both mean "not yet".
            if client.slot().await.is_ok_and(|slot| slot > 2) {
                let version = client.call("getVersion", json!([])).await?;
                version["solana-core"].as_str().unwrap_or_default().clone_into(&mut self.version);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Error::Timeout(format!("the third slot: {}", self.output())))
    }

    fn output(&self) -> String {
        let log = self.ledger.as_ref().map(|ledger| ledger.path().join("output.log"));
        log.and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default()
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        if let Err(error) = ended {
            say(&format!("validator {} was not stopped: {error}", self.process.id()));
        }
        if std::thread::panicking()
            && let Some(ledger) = self.ledger.take()
        {
            say(&format!("validator {} left its ledger in {}", self.version, ledger.keep().display()));
        }
    }
}

/// The first of [`PORTS`] neighbouring ports of which none is in use.
fn free_ports() -> Fallible<u16> {
    for _ in 0..PORTS {
        let first = fastrand::u16(PORT_BLOCKS).saturating_mul(PORTS);
        let free = |port: u16| {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
        };
        if (first..first.saturating_add(PORTS)).all(free) {
            return Ok(first);
        }
    }
    Err(Error::Validator("no block of free ports".to_owned()))
}
