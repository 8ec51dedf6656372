//! The command line as a whole process: what is refused, what is shown, and how it ends.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const SECRET: &str = "SECRET";
const KEYED: &str = "https://user:SECRET@rpc.example/SECRET?api-key=SECRET";

/// `eda` in a directory of its own, with nothing in its environment.
struct Eda {
    home: tempfile::TempDir,
}

impl Eda {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn with_config(text: &str) -> Self {
        let eda = Self::new();
        fs::write(eda.home.path().join("config.toml"), text).unwrap();
        eda
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eda"));
        command.args(arguments).env_clear().current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::from(self.command(arguments).envs(environment.iter().copied()).output().unwrap())
    }
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Ends with the test, whatever becomes of it.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn wrong_settings_of_every_level_end_it_with_78_and_are_named() {
    let eda = Eda::with_config("[rpc]\nulr = \"localhost\"\n[workers.burn-detecter]\nenabled = true\n");
    for command in [
        vec!["run", "--workers", "burn-detecter", "--profile", "helius-fre"],
        vec!["check", "--profile", "helius-fre"],
        vec!["config", "show", "--profile", "helius-fre"],
    ] {
        let ended = eda.run_with(&command, &[("EDA__RUN__RESTART", "1"), ("EDA__RUN__RESTARTS", "many")]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(78), ""), "{ended:?}");
        for words in [
            "config.toml:2: rpc.ulr: unknown key, did you mean `rpc.url`?",
            "config.toml:3: workers.burn-detecter: unknown worker, did you mean `burn-detector`?",
            "environment variable EDA__RUN__RESTART: unknown key, did you mean `EDA__RUN__RESTARTS`?",
            "environment variable EDA__RUN__RESTARTS: run.restarts: invalid type",
            "flag --profile: rpc.profile: unknown profile `helius-fre`, did you mean `helius-free`?",
        ] {
            assert!(ended.err.contains(words), "{words}\n{}", ended.err);
        }
        let named = ended.err.contains("flag --workers: unknown worker `burn-detecter`, did you mean");
        assert_eq!(named, command.contains(&"run"), "{}", ended.err);
    }
}

#[test]
fn a_syntax_error_names_file_and_line() {
    let eda = Eda::with_config("[rpc]\nurl = \"https://x/SECRET\n");
    let ended = eda.run(&["config", "show"]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.err.contains("config.toml:2: not TOML"), "{}", ended.err);
    assert!(!ended.err.contains(SECRET), "{}", ended.err);
    assert_eq!(eda.run(&["run", "--config", "other.toml"]).code, Some(78));
}

#[test]
fn a_command_line_that_cannot_be_read_ends_it_with_2() {
    let eda = Eda::new();
    for arguments in [
        &[][..],
        &["rum"],
        &["run", "--ulr", "localhost"],
        &["run", "--url"],
        &["config"],
        &["run", KEYED],
        &["status", "--url", KEYED],
    ] {
        let ended = eda.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(!ended.err.contains(SECRET), "{}", ended.err);
    }
    assert!(eda.run(&["rum"]).err.contains("'run'"));
    assert_eq!(eda.run(&["--version"]).out, format!("eda {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_setting_is_shown_with_where_it_comes_from() {
    let eda = Eda::with_config("[run]\nrestarts = 9\n[log]\nlevel = \"debug\"");
    let environment = [("SOLANA_RPC_URL", "devnet"), ("EDA__LOG__FORMAT", "json")];
    let ended = eda.run_with(&["config", "show", "--log", "trace"], &environment);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "url = \"devnet\"  # from environment variable SOLANA_RPC_URL",
        "restarts = 9  # from config.toml:2",
        "level = \"trace\"  # from flag --log",
        "format = \"json\"  # from environment variable EDA__LOG__FORMAT",
        "profile = \"auto\"  # default",
    ] {
        assert!(ended.out.lines().any(|shown| shown == line), "{line}\n{}", ended.out);
    }
    let json = eda.run_with(&["config", "show", "--json"], &environment);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["config"]["run"]["restarts"], 9);
    assert_eq!(json["from"]["rpc.url"], "environment variable SOLANA_RPC_URL");
    assert_eq!(json["endpoint"]["http"], "https://api.devnet.solana.com");
}

#[test]
fn without_a_file_the_provider_is_mainnet_beta() {
    let shown = Eda::new().run(&["config", "show"]);
    assert!(shown.out.contains("url = \"mainnet-beta\"  # default"), "{}", shown.out);
    assert!(shown.out.starts_with("# Endpoint: https://api.mainnet-beta.solana.com, "), "{}", shown.out);
}

#[test]
fn the_repositorys_config_toml_is_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let ended = Eda::new().run(&["config", "show", "--config", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn keys_in_urls_are_printed_nowhere() {
    let file = format!("[rpc]\nurl = \"{KEYED}\"\nws_url = \"wss://ws.example/SECRET\"\n");
    let wrong_key = format!("[rpc]\nulr = \"{KEYED}\"\n\"{KEYED}\" = 1\nconnect_timeout = \"{KEYED}\"\n");
    let keyed =
        [("SOLANA_RPC_URL", KEYED), ("SOLANA_WS_URL", "wss://ws.example/SECRET"), ("RUST_LOG", "trace")];
    let bad = [("SOLANA_RPC_URL", "htps://rpc.example/SECRET"), ("EDA__RUN__RESTARTS", KEYED)];
    let show = ["config", "show"];
    let endings = [
        Eda::with_config(&file).run(&show),
        Eda::with_config(&file).run(&["config", "show", "--json"]),
        Eda::with_config(&wrong_key).run(&show),
        Eda::new().run_with(&show, &keyed),
        Eda::new().run_with(&show, &bad),
        Eda::new().run_with(&["status"], &keyed),
        Eda::new().run(&["config", "show", "--url", KEYED]),
        Eda::new().run(&["config", "show", "--url", "SECRET"]),
        Eda::new().run(&["config", "show", "--ws-url", KEYED]),
        Eda::new().run(&["config", "show", "--profile", KEYED]),
        Eda::new().run(&["run", "--workers", KEYED]),
    ];
    for ended in endings {
        assert!(!ended.out.contains(SECRET) && !ended.err.contains(SECRET), "{ended:?}");
        assert!(!(ended.out + &ended.err).is_empty());
    }
}

#[test]
fn asking_nobody_ends_it_with_1_and_says_so() {
    let ended = Eda::new().run(&["status", "--data-dir", "nowhere"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(ended.err, "error: no eda is running with the data directory nowhere\n");
}

/// Nobody listens on the discard port, so that this needs no server: the process lives, waits, and answers.
#[test]
fn one_process_has_a_data_directory_answers_for_it_and_stops_when_told() {
    let eda = Eda::new();
    let run = ["run", "--url", "http://127.0.0.1:9", "--data-dir", "data"];
    let child = eda.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = Background(child);
    let pid = first.0.id();
    let answered = (0..3_000).map(|_| eda.run(&["status", "--json", "--data-dir", "data"]));
    let status = answered.into_iter().find(|ended| ended.code == Some(0)).expect("it answers");
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["pid"], pid);
    assert_eq!(status["endpoint"], "http://127.0.0.1:9");
    let text = eda.run(&["status", "--data-dir", "data"]);
    assert!(text.out.starts_with("eda       0.1.0, process "), "{text:?}");

    let second = eda.run(&run);
    assert_eq!(second.code, Some(1), "{second:?}");
    let words = format!("the data directory data is in use by another eda, process {pid}; stop that one");
    assert!(second.err.contains(&words), "{}", second.err);

    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
    assert_eq!(first.0.wait().unwrap().code(), Some(0));
    assert_eq!(eda.run(&["status", "--data-dir", "data"]).code, Some(1));
}

#[test]
fn a_data_directory_whose_socket_would_not_fit_is_a_wrong_setting() {
    let long = "x".repeat(120);
    let ended = Eda::new().run(&["run", "--url", "http://127.0.0.1:9", "--data-dir", &long]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("choose a shorter --data-dir"), "{}", ended.err);
}

#[test]
fn the_help_says_what_there_is() {
    let eda = Eda::new();
    let help = |arguments: &[&str]| {
        let ended = eda.run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    };
    insta::assert_snapshot!(help(&["--help"]), @r"
    Five Solana workers over one shared connection and one request budget

    Usage: eda <COMMAND>

    Commands:
      run       Run workers until Ctrl-C or SIGTERM
      check     Probe the endpoint: versions, WebSocket, slot time, limits
      plan      Tell what running will cost at the endpoint, and whether its plan carries that
      config    Look at the settings
      status    Ask the running eda how it is
      why       Tell what was decided about a signature, a mint, an address or an event, and by which rule
      coverage  Tell which slots each worker has had, and how
      simnet    Serve a simulated cluster to any Solana client, until Ctrl-C
      help      Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Settings: flags go before environment (SOLANA_RPC_URL, SOLANA_WS_URL, EDA__SECTION__KEY), that before config.toml.

    Exit codes:
       0  clean
       1  failed
       2  the command line cannot be read
      69  the endpoint is unavailable
      75  the drain deadline passed
      78  a setting is wrong
    ");
    insta::assert_snapshot!(help(&["run", "--help"]), @r"
    Run workers until Ctrl-C or SIGTERM

    Usage: eda run [OPTIONS]

    Options:
          --workers <all|NAME,…>  Workers to run: `all` for every enabled one, or names separated by commas [default: all]
          --events <FILE|->       File that events are appended to as JSON lines; `-` is stdout
          --over-plan             Run although the provider's plan does not carry it: what does not fit comes late, or the credits end early
          --config <FILE>         Settings file [default: ./config.toml if it exists]
          --data-dir <DIR>        Directory for the lock and the control socket [default: eda-data]
          --log <LEVEL>           What to log: off, error, warn, info, debug, trace, or `info,eda_connection=debug` [default: info]
          --log-format <FORMAT>   How to write log lines: text or json [default: text]
      -u, --url <URL|NAME>        Provider: a URL, or mainnet-beta, testnet, devnet, localhost, simnet [default: mainnet-beta]
          --ws-url <URL>          WebSocket URL [default: derived from the URL]
          --profile <NAME>        Whose limits to keep: auto, custom, or a provider's plan such as helius-free [default: auto]
      -h, --help                  Print help
    ");
}
