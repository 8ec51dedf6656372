//! Both ends of the control socket, over a real one.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener as StdListener},
    process,
    sync::Arc,
    time::Duration,
};

use eda_events::WorkerName;
use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    server::{SOCKET, SUN_PATH},
    status::{Credits, Endpoint, Frozen, Sink, Status, Store, Window, Worker},
    *,
};

struct Running {
    directory: DataDir,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _home: tempfile::TempDir,
}

fn answering(answer: Answer) -> Running {
    let home = tempfile::tempdir().unwrap();
    let directory = DataDir::lock(&home.path().join("data")).unwrap();
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listen(&directory).unwrap(), stop.clone(), answer));
    Running { directory, stop, tasks, _home: home }
}

fn running() -> Running {
    answering(Arc::new(|Request::Status| {
        std::future::ready(Response::Status(Box::new(Status { pid: 7, ..Status::default() }))).boxed()
    }))
}

impl Running {
    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join(SOCKET)).await.unwrap()
    }

    async fn pid(&self) -> u32 {
        match ask(self.directory.path(), &Request::Status).await.unwrap() {
            Response::Status(status) => status.pid,
            Response::Error(why) => panic!("{why}"),
        }
    }
}

async fn exchange(mut stream: UnixStream, text: &[u8]) -> String {
    // The server may close before it has read all of what is too long.
    drop(stream.write_all(text).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_question_is_answered_until_the_server_stops() {
    let mut server = running();
    assert_eq!(server.pid().await, 7);
    let twice =
        exchange(server.connect().await, b"{\"command\":\"status\"}\n{\"command\":\"status\"}\n").await;
    assert_eq!(twice.lines().count(), 2);
    server.stop.cancel();
    server.tasks.join_next().await.unwrap().unwrap();
    let error = ask(server.directory.path(), &Request::Status).await.unwrap_err();
    assert!(matches!(error, AskError::NotRunning { .. }), "{error}");
}

#[tokio::test]
async fn nonsense_is_answered_and_does_no_harm() {
    let server = running();
    for text in
        ["nonsense\n", "{}\n", "{\"command\":\"explode\"}\n", "[]\n", "\n", "\u{0}\u{1}\n", "{\"command\":"]
    {
        let answer = exchange(server.connect().await, text.as_bytes()).await;
        assert!(answer.starts_with("{\"error\":\"not a question"), "{text}: {answer}");
    }
    let after = exchange(server.connect().await, b"nonsense\n{\"command\":\"status\"}\n").await;
    assert!(after.lines().last().unwrap().starts_with("{\"status\""), "{after}");
    exchange(server.connect().await, &vec![b'x'; 1_000_000]).await;
    assert_eq!(exchange(server.connect().await, b"").await, "");
    assert_eq!(server.pid().await, 7);
}

#[tokio::test(start_paused = true)]
async fn clients_that_say_nothing_lose_their_place() {
    let server = running();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(server.connect().await);
    }
    assert_eq!(server.pid().await, 7);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_said_so() {
    let server = answering(Arc::new(|Request::Status| std::future::pending().boxed()));
    let error = ask(server.directory.path(), &Request::Status).await.unwrap_err();
    assert!(matches!(&error, AskError::Refused(why) if why == "no answer in time"), "{error}");
}

#[tokio::test]
async fn nobody_running_is_not_a_failure_of_the_socket() {
    let home = tempfile::tempdir().unwrap();
    let ask = || async { ask(home.path(), &Request::Status).await.unwrap_err().to_string() };
    assert!(ask().await.starts_with("no eda is running with the data directory"));
    drop(StdListener::bind(home.path().join(SOCKET)).unwrap());
    assert!(ask().await.starts_with("no eda is running"), "a socket that was left behind");
}

#[tokio::test]
async fn what_is_no_answer_is_not_taken_for_one() {
    let home = tempfile::tempdir().unwrap();
    let listener = tokio::net::UnixListener::bind(home.path().join(SOCKET)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"{\"surprise\":1}\n").await.unwrap();
        time::sleep(Duration::from_secs(60)).await;
    });
    let error = ask(home.path(), &Request::Status).await.unwrap_err();
    assert!(matches!(error, AskError::Unreadable(_)), "{error}");
}

#[tokio::test]
async fn only_the_owner_can_open_the_socket_and_a_stale_one_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("new");
    let directory = DataDir::lock(&path).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.clone()), 0o700);
    drop(StdListener::bind(path.join(SOCKET)).unwrap());
    // A process killed between making and moving the socket leaves this.
    fs::create_dir(path.join(".s")).unwrap();
    fs::write(path.join(".s/s"), "").unwrap();
    let _listener = listen(&directory).unwrap();
    assert_eq!(mode(path.join(SOCKET)), 0o600);
    UnixStream::connect(path.join(SOCKET)).await.unwrap();
    assert!(!path.join(".s").exists());
}

#[tokio::test]
async fn a_path_that_does_not_fit_is_refused_before_it_is_tried() {
    let home = tempfile::tempdir().unwrap();
    let room = SUN_PATH - home.path().as_os_str().len() - SOCKET.len() - 2;
    let fits = DataDir::lock(&home.path().join("x".repeat(room))).unwrap();
    assert!(listen(&fits).is_ok());
    let too_long = DataDir::lock(&home.path().join("x".repeat(room + 1))).unwrap();
    let error = listen(&too_long).unwrap_err();
    assert!(matches!(error, ListenError::PathTooLong { length, .. } if length == SUN_PATH + 1), "{error}");
}

#[test]
fn a_directory_belongs_to_one_process_and_the_second_learns_which() {
    let home = tempfile::tempdir().unwrap();
    let first = DataDir::lock(home.path()).unwrap();
    let error = DataDir::lock(home.path()).unwrap_err();
    assert!(matches!(error, LockError::Held { pid: Some(pid), .. } if pid == process::id()), "{error}");
    assert!(error.to_string().contains(&format!("process {}", process::id())), "{error}");
    drop(first);
    // What an earlier, longer id left behind is not mixed with the new one.
    fs::write(home.path().join("eda.lock"), "99999999999\n").unwrap();
    let _again = DataDir::lock(home.path()).unwrap();
    let written = fs::read_to_string(home.path().join("eda.lock")).unwrap();
    assert_eq!(written, format!("{}\n", process::id()));
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DataDir::lock(&file.join("data")).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }) && error.to_string().contains("file/data"), "{error}");
}

#[test]
fn a_status_is_read_at_a_glance() {
    let worker = |name, state: &str| Worker {
        name,
        state: state.to_owned(),
        uptime_ms: 61_234,
        events: 12,
        errors: 0,
        restarts: 1,
        queue: 340,
        gaps: 0,
        refusals: [("below-threshold".to_owned(), 5), ("failed".to_owned(), 2)].into(),
        last_error: None,
        quarantined: 0,
        seen: [("burn".to_owned(), 7)].into(),
        waiting_for: None,
    };
    let mut status = Status {
        version: "0.1.0".to_owned(),
        pid: 7,
        uptime_ms: 3_600_500,
        cluster: Some("devnet".to_owned()),
        endpoint: "https://rpc.example/…".to_owned(),
        leases: vec![WorkerName::BurnDetector, WorkerName::TradingBot],
        workers: vec![
            worker(WorkerName::BurnDetector, "running"),
            Worker {
                waiting_for: Some("the endpoint".to_owned()),
                last_error: Some("timed out".to_owned()),
                refusals: [].into(),
                ..worker(WorkerName::TradingBot, "waiting")
            },
        ],
        store: Store { events: 12, refusals: 3, bytes: Some(40_960), ..Store::default() },
        sinks: vec![Sink { name: "stdout".to_owned(), written: 12, ..Sink::default() }],
        ..Status::default()
    };
    status.http.version = Some("HTTP/2".to_owned());
    status.http.open = 1;
    status.slots.tip = Some(400_000_000);
    status.slots.slot_ms = Some(204);
    status.failover.endpoints = vec![
        Endpoint {
            url: "https://rpc.example/…".to_owned(),
            in_use: true,
            state: "well".to_owned(),
            ..Endpoint::default()
        },
        Endpoint {
            url: "https://b.example".to_owned(),
            priority: 1,
            state: "ill".to_owned(),
            since_ms: Some(61_000),
            why: Some("no answer".to_owned()),
            ..Endpoint::default()
        },
    ];
    status.failover.changes = [("errors".to_owned(), 1), ("return".to_owned(), 1)].into();
    status.failover.last = Some("from b to a: it is well again".to_owned());
    status.failover.pause = Some("the cluster stands still".to_owned());
    status.feed.mode = Some("logs".to_owned());
    status.feed.reason = Some("two mints are watched".to_owned());
    status.feed.missing = 1;
    status.feed.failed = [("getBlock: dial".to_owned(), 2)].into();
    status.budget.windows = vec![
        Window { name: "requests/10s".to_owned(), limit: 95, used: 38 },
        Window { name: "getBlock/10s".to_owned(), limit: 0, used: 0 },
    ];
    status.budget.frozen = vec![Frozen { scope: "getBlock".to_owned(), remaining_ms: 4_200 }];
    status.budget.waiting = [("detect".to_owned(), 3)].into();
    status.budget.credits = Credits {
        used: 12_345,
        per_hour: Some(2_000),
        planned_per_hour: Some(1_200),
        monthly: Some(1_000_000),
        end_on_day: Some(21),
        stretch: 2,
    };
    insta::assert_snapshot!(status.to_text(), @r"
    eda       0.1.0, process 7, up 1h
    cluster   devnet at https://rpc.example/…
    pause     the cluster stands still
    endpoint  https://rpc.example/… (priority 0), in use, well
    endpoint  https://b.example (priority 1), ill for 1m 1s: no answer
    changes   errors 1, return 1; the last from b to a: it is well again
    http      HTTP/2, 1 open, 0 opened
    websocket 0 open, 0 opened, 0 subscriptions
    slot      400000000, 204 ms each
    feed      logs: two mints are watched
    read      1 transactions never found
    repeated  getBlock: dial 2
    requests  0 answered, 0 refused by the provider, 0 lost
    credits   12,345 used, 2,000 an hour (1,200 planned); at this rate the month's 1,000,000 end on day 21; comparing and sweeping are done 2 times more seldom than planned
    leases    2 burn-detector, trading-bot
    store     12 events, 3 refusals, 40 kB

    budget        limit  used
    requests/10s     95    38  40%
    getBlock/10s      0     0  -
    frozen by the provider: getBlock, 4s more
    requests waiting: detect 3

    worker         state       up  events  errors  restarts  queue  gaps
    burn-detector  running  1m 1s      12       0         1    340     0
    trading-bot    waiting  1m 1s      12       0         1    340     0
    burn-detector: seen: burn 7
    burn-detector: refused: below-threshold 5, failed 2
    trading-bot: waiting for the endpoint
    trading-bot: last error: timed out
    trading-bot: seen: burn 7

    sink    written  missed  retries
    stdout       12       0        0
    ");

    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
    // A client of another version still reads what it knows.
    assert_eq!(serde_json::from_str::<Status>("{\"pid\":3,\"news\":1}").unwrap().pid, 3);
}
