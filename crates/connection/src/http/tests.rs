//! What the budget hears of each call; only the crate itself can make permits that report.

use std::time::Duration;

use eda_simnet::{Front, Protocol, Reply, basics};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Call, CallError, Http, HttpConfig, Reply as Answered};
use crate::{
    budget::{Note, Permit, Ticket},
    dial::Dialer,
    endpoint::Endpoint,
    request::{Class, Method},
};

struct Metered {
    server: Front,
    http: Http,
    notes: mpsc::UnboundedReceiver<Note>,
    sender: mpsc::UnboundedSender<Note>,
}

impl Metered {
    async fn new(protocol: Protocol) -> Self {
        let server = Front::start(protocol).await.unwrap();
        let dialer = Dialer::new(&[server.certificate_der().to_vec()], Duration::from_secs(10)).unwrap();
        let endpoint = Endpoint::parse(&server.http_url(), None).unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let gate = crate::Gate::open();
        let config = HttpConfig { stall: Duration::from_millis(300), ..HttpConfig::default() };
        let http = Http::new(&endpoint, dialer, config, gate, &tasks, stop).unwrap();
        let (sender, notes) = mpsc::unbounded_channel();
        Self { server, http, notes, sender }
    }

    async fn ask(&self, ticket: u64) -> Result<Answered, CallError> {
        let call = Call::new(Method::new("getSlot"), Class::Poll, &json!([ticket])).unwrap();
        self.http.call(call, Permit::new(Ticket(ticket), self.sender.clone())).await
    }

    /// The next notes as (ticket, what), in order of arrival.
    async fn heard(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let note = timeout(Duration::from_secs(30), self.notes.recv()).await.expect("a note is missing");
            heard.push(match note.unwrap() {
                Note::Answered { ticket, answer, .. } => {
                    let message = answer.message.unwrap_or_default();
                    (ticket.0, format!("answered {} {message}", answer.status).trim_end().to_owned())
                }
                Note::Finished { ticket, bytes, .. } => {
                    (ticket.0, if bytes > 0 { "finished" } else { "finished without bytes" }.to_owned())
                }
                Note::Lost { ticket, .. } => (ticket.0, "lost".to_owned()),
                Note::Unused { ticket } => (ticket.0, "unused".to_owned()),
            });
        }
        assert!(self.notes.try_recv().is_err(), "more was heard than expected after {heard:?}");
        heard
    }
}

fn heard(ticket: u64, what: &str) -> (u64, String) {
    (ticket, what.to_owned())
}

const BOTH: [Protocol; 2] = [Protocol::Tls, Protocol::Http1];

#[tokio::test]
async fn a_call_is_answered_and_finished() {
    for protocol in BOTH {
        let mut metered = Metered::new(protocol).await;
        metered.ask(1).await.unwrap();
        assert_eq!(metered.heard(2).await, [heard(1, "answered 200"), heard(1, "finished")]);
    }
}

#[tokio::test]
async fn a_refusal_is_heard_with_its_words_wherever_it_stands() {
    let words = "Too many requests for a specific RPC call";
    for protocol in BOTH {
        let mut metered = Metered::new(protocol).await;
        for reply in [Reply::too_many_requests(Some(1)), Reply::error(429, words)] {
            metered.server.rpc().respond(move |_| reply.clone());
            assert!(matches!(metered.ask(1).await, Err(CallError::RateLimited { .. })));
            let expected = [heard(1, &format!("answered 429 {words}")), heard(1, "finished")];
            assert_eq!(metered.heard(2).await, expected, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn a_large_answer_is_heard_of_before_it_is_complete() {
    for protocol in BOTH {
        let mut metered = Metered::new(protocol).await;
        metered.server.rpc().gzip(false);
        metered.server.rpc().respond(|_| Reply::Stalled(json!("x".repeat(100_000))));
        assert!(matches!(metered.ask(1).await, Err(CallError::Stalled { .. })));
        let first = metered.notes.recv().await;
        assert!(
            matches!(&first, Some(Note::Answered { answer, .. }) if answer.status == 200),
            "{protocol:?}: {first:?}"
        );
    }
}

#[tokio::test]
async fn every_call_of_a_batch_is_heard_of_and_its_bytes_count_once() {
    let mut metered = Metered::new(Protocol::Http1).await;
    metered.server.rpc().respond(|call| match call.params[0].as_u64() {
        Some(2) => Reply::error(429, "slow down"),
        _ => Reply::Result(json!(0)),
    });
    drop(join_all((1..=3).map(|ticket| metered.ask(ticket))).await);
    let expected = [
        heard(1, "answered 200"),
        heard(1, "finished"),
        heard(2, "answered 429 slow down"),
        heard(2, "finished without bytes"),
        heard(3, "answered 200"),
        heard(3, "finished without bytes"),
    ];
    assert_eq!(metered.heard(6).await, expected);
}

#[tokio::test]
async fn a_refused_batch_is_heard_of_only_when_its_calls_are_answered() {
    let mut metered = Metered::new(Protocol::Http1).await;
    metered.server.rpc().respond(|call| match call.batch {
        1 => basics(call),
        _ => Reply::status(StatusCode::PAYLOAD_TOO_LARGE),
    });
    assert!(join_all((1..=2).map(|ticket| metered.ask(ticket))).await.iter().all(Result::is_ok));
    let expected =
        [heard(1, "answered 200"), heard(1, "finished"), heard(2, "answered 200"), heard(2, "finished")];
    assert_eq!(metered.heard(4).await, expected);
}

#[tokio::test]
async fn a_call_that_its_caller_gave_up_is_still_accounted_for() {
    for protocol in BOTH {
        let mut metered = Metered::new(protocol).await;
        metered.server.rpc().respond(|call| basics(call).after(Duration::from_millis(50)));
        tokio::select! {
            biased;
            outcome = metered.ask(1) => panic!("{outcome:?}"),
            _ = metered.server.rpc().journal().until(|calls| !calls.is_empty()) => {}
        }
        assert_eq!(metered.heard(2).await, [heard(1, "answered 200"), heard(1, "finished")], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_call_without_answer_is_lost() {
    for protocol in BOTH {
        let mut metered = Metered::new(protocol).await;
        metered.server.rpc().respond(|_| Reply::Never);
        assert!(matches!(metered.ask(1).await, Err(CallError::Stalled { .. })));
        assert_eq!(metered.heard(1).await, [heard(1, "lost")], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_never_sent_leaves_its_place_free() {
    let mut metered = Metered::new(Protocol::Http1).await;
    metered.server.stop().await;
    assert!(matches!(metered.ask(1).await, Err(CallError::Transport(_))));
    assert_eq!(metered.heard(1).await, [heard(1, "unused")]);
}

#[tokio::test]
async fn a_call_given_up_while_it_waited_leaves_its_place_free() {
    let mut metered = Metered::new(Protocol::Http1).await;
    metered.server.rpc().respond(|call| basics(call).after(Duration::from_millis(100)));
    let slow = async { metered.ask(1).await.unwrap() };
    let given_up = async {
        metered.server.rpc().journal().until(|calls| !calls.is_empty()).await;
        drop(timeout(Duration::from_millis(20), metered.ask(2)).await);
    };
    tokio::join!(slow, given_up);
    let notes = metered.heard(3).await;
    assert!(notes.contains(&heard(2, "unused")), "{notes:?}");
    assert_eq!(metered.server.rpc().journal().len(), 1);
}
