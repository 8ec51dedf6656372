//! Clients of other people run the same steps against validators and against simnet: what they are told must be what
//! `tests/clients/expected` holds, except for the differences listed in `tests/clients/differences.md`.

#![expect(clippy::unwrap_used, reason = "a client that cannot be run fails the test")]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use eda_test_support::{
    process::{Eda, Launch},
    validator::{self, Validator},
};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

/// The steps by web3.js, by kit, and word by word.
const NODE_SCRIPTS: [&str; 3] = ["web3", "kit", "wire"];
/// The validators whose answers are kept; older ones have another Token program and answer in other words.
const EXPECTED_VERSION: &str = "4.";
/// How long one script may take, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long simnet may take to say where it answers.
const STARTUP: Duration = Duration::from_secs(60);

/// Node with the packages the scripts need, and the comparer.
struct Clients {
    scripts: PathBuf,
}

#[expect(clippy::print_stderr, reason = "a test tells the person who runs it")]
fn say(line: &str) {
    eprintln!("{line}");
}

impl Clients {
    /// Installs the packages where they are missing. With no Node or no packages, says how to get the test to run.
    async fn found() -> Option<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let version = Command::new("node").arg("--version").output().await;
        if !version.is_ok_and(|version| version.status.success()) {
            say("skipped: no node (install Node.js 20 or newer)");
            return None;
        }
        if !scripts.join("node_modules").is_dir() {
            let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            let installed =
                Command::new("npm").args(install).current_dir(&scripts).stdin(Stdio::null()).output().await;
            if !installed.is_ok_and(|installed| installed.status.success()) {
                say("skipped: the npm packages are missing (online, run `npm ci` in tests/clients)");
                return None;
            }
        }
        Some(Self { scripts })
    }

    /// Runs the steps of `script` by `program` on the node at these addresses, into a file.
    async fn run(
        &self,
        script: &str,
        mut program: Command,
        http: &str,
        ws: &str,
        folder: &TempDir,
    ) -> PathBuf {
        let transcript = folder.path().join(format!("{script}.jsonl"));
        let errors = folder.path().join(format!("{script}.errors"));
        program.args([http, ws]).current_dir(&self.scripts).kill_on_drop(true);
        program
            .stdin(Stdio::null())
            .stdout(File::create(&transcript).unwrap())
            .stderr(File::create(&errors).unwrap());
        let ended = timeout(PATIENCE, program.status()).await;
        let reached = fs::read_to_string(&transcript).unwrap().lines().count();
        let said = fs::read_to_string(&errors).unwrap();
        let status =
            ended.unwrap_or_else(|_| panic!("{script} came to step {reached} in {PATIENCE:?}: {said}"));
        assert!(status.unwrap().success(), "{script} came to step {reached}: {said}");
        transcript
    }

    /// What the comparer finds, empty when all is as expected.
    async fn compare(&self, script: &str, transcript: &Path, table: Option<&str>) -> String {
        let expected = format!("expected/{script}.jsonl");
        let mut comparer = Command::new("node");
        comparer
            .args(["compare.mjs", script, &expected])
            .arg(transcript)
            .args(table)
            .current_dir(&self.scripts);
        let found = comparer.output().await.unwrap();
        let words = [found.stdout, found.stderr].concat();
        if found.status.success() { String::new() } else { String::from_utf8_lossy(&words).into_owned() }
    }

    /// Builds the Rust clients into a folder of their own, since their builds know nothing of ours.
    async fn rust_clients(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../rust-clients");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--manifest-path", "../rust-clients/Cargo.toml", "--target-dir"]);
        assert!(cargo.arg(&target).current_dir(&self.scripts).status().await.unwrap().success());
        target.join("debug/rust")
    }

    /// As [`Clients::differences`], for the Rust clients.
    async fn rust_differences(&self, http: &str, ws: &str, table: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let program = Command::new(self.rust_clients().await);
        let transcript = self.run("rust", program, http, ws, &folder).await;
        self.compare("rust", &transcript, table).await
    }

    /// Runs all of Node's scripts, one after the other, and says what is not as expected.
    async fn differences(&self, http: &str, ws: &str, table: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut found = String::new();
        for script in NODE_SCRIPTS {
            let mut node = Command::new("node");
            node.arg(format!("{script}.mjs"));
            let transcript = self.run(script, node, http, ws, &folder).await;
            found += &self.compare(script, &transcript, table).await;
        }
        found
    }
}

/// A validator whose answers are the expected ones.
async fn validator() -> Option<Validator> {
    for binary in validator::found() {
        let validator = Validator::start(&binary).await.unwrap();
        if validator.version().starts_with(EXPECTED_VERSION) {
            return Some(validator);
        }
    }
    say(&format!("skipped: no solana-test-validator of version {EXPECTED_VERSION}x"));
    None
}

/// `eda simnet`, and where it says that it answers.
async fn simnet() -> (Eda, String, String) {
    let arguments = ["simnet", "--http", "127.0.0.1:0", "--seed", "1", "--mix", "none"];
    let eda = Launch::of(env!("CARGO_BIN_EXE_eda")).unwrap().args(arguments).start().unwrap();
    let serving = eda.wait_for_line(|line| line.text.contains("ws://"), STARTUP).await.unwrap();
    let url = |scheme: &str| {
        let (_, rest) = serving.text.split_once(scheme).unwrap();
        let address: String = rest.chars().take_while(|&letter| letter != '"' && letter != ' ').collect();
        format!("{scheme}{address}")
    };
    let (http, ws) = (url("http://"), url("ws://"));
    (eda, http, ws)
}

#[tokio::test]
async fn the_comparer_finds_what_differs() {
    let Some(clients) = Clients::found().await else { return };
    let tested = Command::new("node").arg("--test").current_dir(&clients.scripts).output().await.unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}

#[tokio::test]
async fn a_validator_tells_its_clients_what_is_expected() {
    let Some(clients) = Clients::found().await else { return };
    let Some(validator) = validator().await else { return };
    let found = clients.differences(&validator.http_url(), &validator.ws_url(), None).await;
    assert!(found.is_empty(), "{found}");
}

#[tokio::test]
async fn simnet_tells_its_clients_what_a_validator_would() {
    let Some(clients) = Clients::found().await else { return };
    let (_eda, http, ws) = simnet().await;
    let found = clients.differences(&http, &ws, Some("differences.md")).await;
    assert!(found.is_empty(), "{found}");
}

#[tokio::test]
#[ignore = "builds the Rust clients, which takes minutes"]
async fn a_validator_tells_rust_clients_what_is_expected() {
    let Some(clients) = Clients::found().await else { return };
    let Some(validator) = validator().await else { return };
    let found = clients.rust_differences(&validator.http_url(), &validator.ws_url(), None).await;
    assert!(found.is_empty(), "{found}");
}

#[tokio::test]
#[ignore = "builds the Rust clients, which takes minutes"]
async fn simnet_tells_rust_clients_what_a_validator_would() {
    let Some(clients) = Clients::found().await else { return };
    let (_eda, http, ws) = simnet().await;
    let found = clients.rust_differences(&http, &ws, Some("differences.md")).await;
    assert!(found.is_empty(), "{found}");
}
