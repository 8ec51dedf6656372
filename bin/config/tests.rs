//! The levels together: who wins, what is reported, and that config.toml is what it says.

use std::fs;

use eda_connection::endpoint::Endpoint;
use eda_events::WorkerName;
use eda_limits::Rate;

use super::{layer::Layer, schema::Node, *};

const KEYED: &str = "https://file.example/?api-key=SECRET";

/// Loads with the text of a config.toml, variables and flags; flags are `(flag, key, value)`.
fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, [&'static str; 2], &str)],
) -> Result<Settings, String> {
    load_workers(file, environment, flags, None)
}

fn load_workers(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, [&'static str; 2], &str)],
    workers: Option<&str>,
) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    fs::write(&path, file).unwrap();
    let flags = Flags {
        file: Some(path.clone()),
        workers: workers.map(str::to_owned),
        set: flags.iter().map(|(flag, key, value)| (*flag, *key, (*value).to_owned())).collect(),
    };
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    let directory = format!("{}/", directory.path().display());
    Settings::load(&flags, environment, Path::new(DEFAULT_FILE))
        .map_err(|problems| problems.to_string().replace(&directory, ""))
}

fn place(settings: &Settings, key: &str) -> String {
    let place = settings.document.places.get(key).unwrap();
    place.rsplit('/').next().unwrap().to_owned()
}

fn endpoint(settings: &Settings) -> &Endpoint {
    match &settings.provider {
        Provider::At(sites) => &sites[0].endpoint,
        Provider::Simnet(_) => panic!("no provider at a URL is set"),
    }
}

/// What the preferred endpoint's provider allows.
fn limits(settings: &Settings) -> &eda_limits::Limits {
    match &settings.provider {
        Provider::At(sites) => &sites[0].limits,
        Provider::Simnet(limits) => limits,
    }
}

#[test]
fn without_anything_the_provider_is_mainnet_beta() {
    let nowhere = tempfile::tempdir().unwrap();
    let settings = Settings::load(&Flags::default(), [], &nowhere.path().join("config.toml")).unwrap();
    assert_eq!(endpoint(&settings).host(), "api.mainnet-beta.solana.com");
    assert_eq!(settings.workers.len(), WorkerName::ALL.len());
    assert_eq!(limits(&settings).requests, Some(Rate::per_seconds(100, 10)));
    assert_eq!(place(&settings, "rpc.url"), "default");
}

#[test]
fn config_toml_is_read_where_the_process_starts_if_it_exists() {
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("config.toml");
    fs::write(&path, "[run]\nrestarts = 9").unwrap();
    let settings = Settings::load(&Flags::default(), [], &path).unwrap();
    assert_eq!(settings.config.run.restarts, 9);
}

#[test]
fn each_level_goes_before_those_below() {
    let key = ["log", "level"];
    let file = "[log]\nlevel = \"debug\"";
    let level =
        |settings: Settings| (settings.config.log.level.as_str().to_owned(), place(&settings, "log.level"));
    assert_eq!(level(load("", &[], &[]).unwrap()), ("info".into(), "default".into()));
    assert_eq!(level(load(file, &[], &[]).unwrap()), ("debug".into(), "config.toml:2".into()));
    let variable = [("RUST_LOG", "warn")];
    assert_eq!(
        level(load(file, &variable, &[]).unwrap()),
        ("warn".into(), "environment variable RUST_LOG".into())
    );
    let variables = [("EDA__LOG__LEVEL", "error"), ("RUST_LOG", "warn")];
    assert_eq!(
        level(load(file, &variables, &[]).unwrap()),
        ("error".into(), "environment variable EDA__LOG__LEVEL".into())
    );
    let flags = [("--log", key, "trace")];
    assert_eq!(level(load(file, &variables, &flags).unwrap()), ("trace".into(), "flag --log".into()));
}

#[test]
fn whoever_sets_the_url_replaces_the_whole_endpoint() {
    let file = "[rpc]\nurl = \"https://file.example\"\nws_url = \"wss://file-ws.example\"\nprofile = \"helius-free\"";
    let shown = |settings: Settings| {
        let profile = settings.document.values["rpc"]["profile"].as_str().unwrap().to_owned();
        let (http, ws) = settings.provider.shown().remove(0);
        (http, ws, profile)
    };
    let expect = |http: &str, ws: &str, profile: &str| (http.to_owned(), ws.to_owned(), profile.to_owned());
    let url = ("--url", ["rpc", "url"], "https://flag.example");
    let ws = ("--ws-url", ["rpc", "ws_url"], "wss://flag-ws.example");
    let environment = [("SOLANA_RPC_URL", "https://env.example"), ("EDA__RPC__PROFILE", "custom")];

    assert_eq!(
        shown(load(file, &[], &[]).unwrap()),
        expect("https://file.example", "wss://file-ws.example", "helius-free")
    );
    assert_eq!(
        shown(load(file, &environment, &[]).unwrap()),
        expect("https://env.example", "wss://env.example", "custom")
    );
    assert_eq!(
        shown(load(file, &environment, &[url]).unwrap()),
        expect("https://flag.example", "wss://flag.example", "auto")
    );
    assert_eq!(
        shown(load(file, &environment, &[url, ws]).unwrap()),
        expect("https://flag.example", "wss://flag-ws.example", "auto")
    );
    // Without a URL of its own a level changes only what it names.
    assert_eq!(
        shown(load(file, &[("SOLANA_WS_URL", "wss://env-ws.example")], &[]).unwrap()),
        expect("https://file.example", "wss://env-ws.example", "helius-free")
    );
    assert_eq!(
        shown(load(file, &[], &[ws]).unwrap()),
        expect("https://file.example", "wss://flag-ws.example", "helius-free")
    );
}

#[test]
fn further_endpoints_belong_to_the_url_they_stand_beside() {
    let file = "[rpc]\nurl = \"https://file.example\"\nendpoints = [{ url = \"https://b.example\" }]";
    let shown =
        |settings: Settings| settings.provider.shown().into_iter().map(|(http, _)| http).collect::<Vec<_>>();
    let [a, b] = ["https://file.example", "https://b.example"];
    assert_eq!(shown(load(file, &[], &[]).unwrap()), [a, b]);
    // Whoever sets another URL may mean another cluster.
    let flag = ("--url", ["rpc", "url"], "https://flag.example");
    assert_eq!(shown(load(file, &[], &[flag]).unwrap()), ["https://flag.example"]);
    let environment = [
        ("SOLANA_RPC_URL", "https://env.example"),
        ("EDA__RPC__ENDPOINTS", "[{ url = \"https://c.example\" }]"),
    ];
    assert_eq!(shown(load(file, &environment, &[]).unwrap()), ["https://env.example", "https://c.example"]);
    // Without a URL of its own a level changes only what it names.
    assert_eq!(shown(load(file, &environment[1..], &[]).unwrap()), [a, "https://c.example"]);
    assert_eq!(shown(load(file, &[("EDA__RPC__ENDPOINTS", "[]")], &[]).unwrap()), [a]);
    // A list without any URL is all there is: nobody wished for the default.
    assert_eq!(shown(load("", &environment[1..], &[]).unwrap()), ["https://c.example"]);
}

#[test]
fn endpoints_stand_in_the_order_of_their_priority_each_with_limits_of_its_own() {
    let file = "\
[rpc]
url = \"https://mainnet.helius-rpc.com/?api-key=K\"
[rpc.limits]
requests = \"7/s\"
[[rpc.endpoints]]
url = \"https://last.example\"
priority = 2
profile = \"custom\"
limits = { requests = \"1/s\", methods = { getBlock = \"1/10s\" } }
[[rpc.endpoints]]
url = \"mainnet-beta\"
ws_url = \"wss://ws.example\"
";
    let settings = load(file, &[], &[]).unwrap();
    let Provider::At(sites) = &settings.provider else { panic!("simnet") };
    let order: Vec<_> = sites.iter().map(|site| (site.endpoint.host(), site.priority)).collect();
    assert_eq!(
        order,
        [("mainnet.helius-rpc.com", 0), ("api.mainnet-beta.solana.com", 1), ("last.example", 2)]
    );
    assert_eq!(sites[1].endpoint.ws().as_str(), "wss://ws.example/");
    let requests: Vec<_> = sites.iter().map(|site| site.limits.requests).collect();
    let rate = |count, seconds| Some(Rate::per_seconds(count, seconds));
    assert_eq!(requests, [rate(7, 1), rate(100, 10), rate(1, 1)]);
    let get_block = eda_limits::Method::new("getBlock");
    assert_eq!(sites[2].limits.method(&get_block), rate(1, 10));
    assert!(!settings.provider.is_own_cluster());

    // What is shown says the same again.
    let again = load(&settings.to_toml(), &[], &[]).unwrap();
    assert_eq!(again.document.values["rpc"]["limits"], settings.document.values["rpc"]["limits"]);
    assert_eq!(again.provider.shown(), settings.provider.shown());
    let json = settings.to_json();
    assert_eq!(json["endpoint"]["http"], "https://mainnet.helius-rpc.com?…");
    assert_eq!(json["others"][1]["http"], "https://last.example");
}

#[test]
fn endpoints_that_cannot_be_are_refused_without_repeating_a_key() {
    let refused = |file: &str| load(file, &[], &[]).unwrap_err();
    let one = "endpoints = [{ url = \"https://a.example\" }]";
    for (file, what) in [
        ("[rpc]\nendpoints = [{ url = \"simnet\" }]", "rpc.endpoints: simnet is a cluster of its own"),
        (&format!("[rpc]\nurl = \"simnet\"\n{one}"), "rpc.endpoints: simnet is a cluster of its own"),
        (&format!("[rpc]\nurl = \"https://a.example\"\n{one}"), "https://a.example is named twice"),
        (&format!("[rpc]\nprofile = \"helius-free\"\n{one}"), "rpc.profile: belongs to rpc.url"),
        (&format!("[rpc]\nws_url = \"wss://a.example\"\n{one}"), "rpc.ws_url: belongs to rpc.url"),
        (&format!("[rpc]\n{one}\nlimits = {{ requests = \"1/s\" }}"), "rpc.limits: belongs to rpc.url"),
        (
            "[rpc]\nendpoints = [{ url = \"m\", prioty = 1 }]",
            "config.toml:2: rpc.endpoints: unknown field `prioty`",
        ),
        ("[rpc]\nendpoints = [{ priority = 1 }]", "config.toml:2: rpc.endpoints: missing field `url`"),
        ("[rpc]\nendpoints = [{ url = \"ftp://h/SECRET\" }]", "must start with http:// or https://"),
        (
            "[rpc]\nendpoints = [{ url = \"m\", limits = { costs = { getBlok = 2 } } }]",
            "limits.costs.getBlok: unknown method, did you mean `getBlock`?",
        ),
    ] {
        let error = refused(file);
        assert!(error.contains(what) && !error.contains("SECRET"), "{file}: {error}");
    }
    // A profile that is written out although it is the default is no wish.
    assert!(
        load(&format!("[rpc]\nprofile = \"auto\"\n{one}\nlimits = {{ methods = {{}} }}"), &[], &[]).is_ok()
    );
}

#[test]
fn variables_reach_every_key_and_are_read_as_their_key_wants() {
    let settings = load(
        "[rpc.limits.methods]\ngetBlock = \"5/10s\"",
        &[
            ("EDA__RUN__RESTARTS", "7"),
            ("EDA__WORKERS__TRADING_BOT__ENABLED", "false"),
            ("EDA__WORKERS__BURN_DETECTOR__THRESHOLD", "5"),
            ("EDA__WORKERS__BURN_DETECTOR__WATCH", "[\"So11111111111111111111111111111111111111112\"]"),
            ("EDA__WORKERS__MARKET_DETECTOR__DEXES", "pumpfun, pumpswap"),
            ("EDA__RPC__LIMITS__METHODS__getTransaction", "10/10s"),
            ("EDA__EVENTS__FILE", ""),
            ("UNRELATED", "x"),
        ],
        &[],
    )
    .unwrap();
    let workers = &settings.config.workers;
    assert_eq!(settings.config.run.restarts, 7);
    assert!(!workers.trading_bot.enabled);
    assert_eq!(workers.burn_detector.settings.threshold.0, 5);
    assert!(
        matches!(&workers.burn_detector.settings.watch, eda_burn_detector::Watch::Mints(one) if one.len() == 1)
    );
    assert_eq!(workers.market_detector.settings.dexes.len(), 2);
    assert_eq!(settings.config.events.file, None);
    let limits = limits(&settings);
    for (method, rate) in [("getBlock", 5), ("getTransaction", 10)] {
        let method = eda_limits::Method::new(method);
        assert_eq!(limits.method(&method), Some(Rate::per_seconds(rate, 10)));
    }
}

#[test]
fn relative_paths_in_a_file_start_at_the_file() {
    let file = "[run]\ndata_dir = \"data\"\n[events]\nfile = \"-\"\n[rpc]\nca_file = \"/etc/ca.pem\"";
    let config = load(file, &[], &[]).unwrap().config;
    assert!(config.run.data_dir.is_absolute() && config.run.data_dir.ends_with("data"));
    assert_eq!(config.events.file.as_deref(), Some(Path::new("-")));
    assert_eq!(config.rpc.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
    let flag = [("--data-dir", ["run", "data_dir"], "data")];
    assert_eq!(load(file, &[], &flag).unwrap().config.run.data_dir, Path::new("data"));
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_with_its_place() {
    let file = "\
[rpc]
ulr = \"x\"
connect_timeout = 10
profile = \"helius-fre\"
[rpc.limits]
requests = \"100\"
methods = \"getBlock\"
[run]
drain_deadline = \"soon\"
format = \"json\"
[workers.burn-detecter]
enabled = true
[workers.burn-detector]
watch = \"some\"
[wokers]
x = 1
";
    let problems = load_workers(
        file,
        &[("EDA__RPC__CONECT_TIMEOUT", "1s"), ("EDA__RUN", "x"), ("EDA__WORKERS__TRADING_BOT__WEIGHT", "0")],
        &[("--url", ["rpc", "url"], "gopher://host/SECRET"), ("--log", ["log", "level"], "loud")],
        Some("burn-detector,trading-bto"),
    )
    .unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    the configuration is wrong in 16 places:
      config.toml:2: rpc.ulr: unknown key, did you mean `rpc.url`?
      config.toml:3: rpc.connect_timeout: invalid type: integer `10`, expected a string
      config.toml:4: rpc.profile: unknown profile `helius-fre`, did you mean `helius-free`?
      config.toml:6: rpc.limits.requests: `100` is not a limit: it has no `/`; expected units per window, such as `100/10s`, `500/s` or `40/500ms`
      config.toml:7: rpc.limits.methods: expected a table, found a string
      config.toml:9: run.drain_deadline: `soon` is no length of time: expected one above zero and up to a year, such as "500ms" or "10s"
      config.toml:10: run.format: unknown key, did you mean `log.format`?
      config.toml:11: workers.burn-detecter: unknown worker, did you mean `burn-detector`?
      config.toml:14: workers.burn-detector.watch: invalid value: string "some", expected "auto", "all" or a list of mint addresses
      config.toml:15: wokers: unknown key, did you mean `workers`?
      environment variable EDA__RPC__CONECT_TIMEOUT: unknown key, did you mean `EDA__RPC__CONNECT_TIMEOUT`?
      environment variable EDA__RUN: names the table [run], not a key in it
      environment variable EDA__WORKERS__TRADING_BOT__WEIGHT: workers.trading-bot.weight: `0` is no weight: expected 1 to 100
      flag --url: rpc.url: the request URL must start with http:// or https://, not gopher://
      flag --log: log.level: `loud` is no log level: expected off, error, warn, info, debug or trace, alone or for parts, such as "info,eda_connection=debug"
      flag --workers: unknown worker `trading-bto`, did you mean `trading-bot`?
    "#);
}

#[test]
fn a_syntax_error_names_its_line_and_quotes_nothing() {
    let error = load(&format!("[rpc]\nurl = \"{KEYED}\nprofile = \"auto\""), &[], &[]).unwrap_err();
    assert!(error.contains("config.toml:2: not TOML: "), "{error}");
    assert!(!error.contains("SECRET"), "{error}");
    let error = load("[rpc]\nurl = \"m\"\nurl = \"d\"", &[], &[]).unwrap_err();
    assert!(error.contains("config.toml:3: ") && error.contains("duplicate"), "{error}");
}

#[test]
fn a_file_that_was_asked_for_must_exist() {
    let flags = Flags { file: Some("no/such/file.toml".into()), ..Flags::default() };
    let error = Settings::load(&flags, [], Path::new(DEFAULT_FILE)).unwrap_err().to_string();
    assert_eq!(error, "the configuration is wrong: no/such/file.toml: there is no such file");
}

#[test]
fn values_that_contradict_each_other_are_reported() {
    let error = load(
        "[run]\nrestart_pause = \"1m\"\ndata_dir = \"\"",
        &[],
        &[("--data-dir", ["run", "data_dir"], "")],
    );
    let error = error.unwrap_err();
    assert!(error.contains("config.toml:2: run.restart_pause: `1m` is longer than"), "{error}");
    assert!(error.contains("flag --data-dir: run.data_dir: the path is empty"), "{error}");

    let misspelt = [("EDA__RPC__LIMITS__METHODS__GETBLOCK", "1/s")];
    let error = load("[rpc.limits.costs]\ngetBlok = 5", &misspelt, &[]).unwrap_err();
    assert!(
        error.contains("config.toml:2: rpc.limits.costs.getBlok: unknown method, did you mean `getBlock`?")
    );
    assert!(error.contains("METHODS__GETBLOCK: rpc.limits.methods.GETBLOCK: unknown method"), "{error}");

    let error = load("[rpc]\ncommitment = \"processed\"", &[], &[]).unwrap_err();
    assert!(error.contains("config.toml:2: rpc.commitment") && error.contains("use `confirmed`"), "{error}");

    let port = "[rpc]\nurl = \"http://host.example:65535\"";
    assert!(load(port, &[], &[]).unwrap_err().contains("config.toml:2: rpc.url: port 65535"));
    assert!(load(&format!("{port}\nws_url = \"ws://host.example:80\""), &[], &[]).is_ok());
}

#[test]
fn all_means_the_enabled_and_a_name_means_that_one() {
    let file = "[workers.trading-bot]\nenabled = false";
    let run = |flag| {
        let settings = load_workers(file, &[], &[], flag).unwrap();
        settings.workers.iter().map(|worker| (worker.name, worker.although_disabled)).collect::<Vec<_>>()
    };
    let enabled = [
        WorkerName::BurnDetector,
        WorkerName::MarketDetector,
        WorkerName::LiquidityMonitor,
        WorkerName::PriceAggregator,
    ];
    assert_eq!(run(Some("all")), enabled.map(|name| (name, false)));
    assert_eq!(run(None), run(Some("all")));
    assert_eq!(
        run(Some("trading-bot, burn-detector,burn-detector")),
        [(WorkerName::BurnDetector, false), (WorkerName::TradingBot, true)]
    );
    let none: String =
        WorkerName::ALL.iter().map(|name| format!("[workers.{name}]\nenabled = false\n")).collect();
    assert!(load(&none, &[], &[]).unwrap_err().contains("every worker is disabled"));
    assert!(load_workers(file, &[], &[], Some("all,burn-detector")).unwrap_err().contains("`all`"));
}

#[test]
fn keys_in_urls_are_nowhere_to_be_seen() {
    let file = format!(
        "[rpc]\nurl = \"{KEYED}\"\nws_url = \"wss://file.example/SECRET\"\n\
         endpoints = [{{ url = \"https://b.example/SECRET\", ws_url = \"wss://b.example/?k=SECRET\" }}]"
    );
    let settings = load(&file, &[], &[]).unwrap();
    assert!(endpoint(&settings).http().as_str().contains("SECRET"), "the key is used");
    for shown in [settings.to_toml(), settings.to_json().to_string(), format!("{settings:?}")] {
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("file.example"), "{shown}");
    }
}

#[test]
fn what_is_shown_is_toml_that_says_the_same() {
    let file = "[rpc.limits.methods]\ngetBlock = \"5/10s\"\n[events]\nfile = \"/a \\\"b\\\"\"";
    let settings = load(file, &[], &[("--url", ["rpc", "url"], "devnet")]).unwrap();
    let shown = settings.to_toml();
    assert!(shown.contains("url = \"devnet\"  # from flag --url"), "{shown}");
    assert!(shown.contains("getBlock = \"5/10s\"  # from /"), "{shown}");
    assert!(shown.contains("# ca_file is not set"), "{shown}");
    let again = load(&shown, &[], &[]).unwrap();
    let data_dir = |settings: &Settings| {
        let mut values = settings.document.values.clone();
        values["run"]["data_dir"].take();
        values
    };
    assert_eq!(data_dir(&again), data_dir(&settings));

    let json = settings.to_json();
    assert_eq!(json["from"]["rpc.url"], "flag --url");
    assert_eq!(json["config"]["rpc"]["limits"]["methods"]["getBlock"], "5/10s");
    assert_eq!(json["endpoint"]["ws"], "wss://api.devnet.solana.com");
}

// === config.toml ===

const SHIPPED: &str = include_str!("../../config.toml");

/// config.toml with the keys that are commented out because they have no default.
fn uncommented() -> String {
    let is_key = |line: &str| {
        line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")).is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
    };
    SHIPPED
        .lines()
        .map(|line| if is_key(line) { line.trim_start_matches("# ") } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

fn set_by(text: &str) -> Layer {
    let mut problems = Vec::new();
    let layer = file::parse(text, Path::new("config.toml"), &Schema::new(), &mut problems);
    assert_eq!(problems, []);
    layer
}

#[test]
fn config_toml_states_the_defaults() {
    let schema = Schema::new();
    let document = layer::merge(schema.defaults(), vec![set_by(SHIPPED)]).unwrap();
    let mut defaults = schema.defaults().clone();
    // But for what lets the first command work without a network and show something.
    defaults["rpc"]["url"] = "simnet".into();
    let vaults = eda_simnet::well_known().pools.into_iter().flat_map(|pool| pool.vaults);
    let vaults: Vec<String> = vaults.map(|vault| vault.to_string()).collect();
    for worker in ["liquidity-monitor", "price-aggregator"] {
        defaults["workers"][worker]["accounts"] = vaults.clone().into();
    }
    assert_eq!(document.values, defaults);

    let flags = [("--url", ["rpc", "url"], "localhost"), ("--profile", ["rpc", "profile"], "custom")];
    // What is commented out because the profile decides states what applies where no profile does.
    let stated = load(&uncommented(), &[], &flags).unwrap();
    let stated = limits(&stated);
    let default = eda_limits::Limits::default();
    assert_eq!(
        (
            stated.default_cost,
            stated.connections,
            stated.batch_calls,
            stated.batch_bytes,
            stated.queue_length
        ),
        (
            default.default_cost,
            default.connections,
            default.batch_calls,
            default.batch_bytes,
            default.queue_length
        )
    );
    assert_eq!(
        (stated.margin_percent, stated.reserve_percent, stated.in_flight_max, stated.starvation_bound),
        (default.margin_percent, default.reserve_percent, default.in_flight_max, default.starvation_bound)
    );
}

#[test]
fn config_toml_has_every_key_there_is_and_a_line_on_each() {
    let text = uncommented();
    let schema = Schema::new();
    let document = layer::merge(schema.defaults(), vec![set_by(&text)]).unwrap();
    for (path, default) in schema.leaves() {
        let key = path.join(".");
        if matches!(Node::of(default), Node::Open) {
            let (_, name) = key.rsplit_once('.').unwrap();
            assert!(text.contains(&format!("\n{name} = {{}}")), "config.toml lacks {key}");
        } else {
            let place = document.places.get(&key).map_or("", String::as_str);
            assert!(place.starts_with("config.toml:"), "config.toml lacks {key}");
        }
    }
    let lines: Vec<_> = text.lines().collect();
    for pair in lines.windows(2) {
        let [above, line] = pair else { unreachable!() };
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            assert!(above.starts_with("# "), "no line says what this is for: {line}");
        }
    }
}
