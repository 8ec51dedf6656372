use std::{
    io::BufRead,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use jiff::Timestamp;

use super::*;
use crate::{data::EventRetracted, mailbox::Input, primitives::Cluster};

fn event(number: usize, reason: &str) -> Event {
    let id = format!("retracted:{number}").as_str().into();
    let data = EventRetracted { event_id: "burn:x:1".into(), reason: reason.to_owned() };
    Event::new(id, Timestamp::UNIX_EPOCH, Cluster::Simnet, None, data.into())
}

fn id_of(line: &str) -> String {
    serde_json::from_str::<Event>(line).unwrap().id.to_string()
}

fn ids(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("retracted:{number}")).collect()
}

/// A mailbox that holds these events, and gets no others.
fn closed(events: impl IntoIterator<Item = Event>, capacity: usize) -> Mailbox<Arc<Event>> {
    let (post, mailbox) = Mailbox::new("jsonl", capacity);
    for event in events {
        post.post(Arc::new(event));
    }
    post.close();
    mailbox
}

const QUEUE: usize = 1_000;

#[tokio::test(start_paused = true)]
async fn every_event_is_one_line_in_order_and_the_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for run in 0..2 {
        let sink = JsonLines::append(&path).unwrap();
        let counts = sink.counts();
        let events = (run * 100..(run + 1) * 100).map(|number| event(number, "line\nbreak"));
        sink.run(closed(events, QUEUE)).await;
        assert_eq!(counts.read(), SinkStats { written: 100, ..SinkStats::default() });
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().map(id_of).collect::<Vec<_>>(), ids(0..200));
    assert!(text.ends_with('\n'));
}

#[tokio::test(start_paused = true)]
async fn a_torn_last_line_is_ended_and_nothing_is_glued_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let whole = String::from_utf8(line(&event(0, "fork")).unwrap()).unwrap();
    std::fs::write(&path, format!("{whole}{{\"type\":\"EVENT_RETR")).unwrap();
    JsonLines::append(&path).unwrap().run(closed([event(1, "fork")], QUEUE)).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((id_of(lines[0]), id_of(lines[2])), ("retracted:0".to_owned(), "retracted:1".to_owned()));
    assert_eq!(lines[1], "{\"type\":\"EVENT_RETR");
    assert!(!has_torn_line(&mut File::open(&path).unwrap()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_written_stays_in_hand_and_is_tried_again() {
    let mailbox = closed((0..3).map(|number| event(number, "fork")), QUEUE);
    let sink = JsonLines::append(Path::new("/dev/full")).unwrap();
    let counts = sink.counts();
    let ended = tokio::time::timeout(Duration::from_secs(60), sink.run(mailbox.clone())).await;
    assert!(ended.is_err(), "it goes on trying");
    let stats = counts.read();
    assert_eq!(stats.written, 0);
    // 50 ms doubled seven times is over 6 s, then one attempt every 5 s.
    assert!((17..=19).contains(&stats.failed_writes), "{stats:?}");
    assert!(stats.failing.is_some());
    assert_eq!(mailbox.stats().queued, 3);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    JsonLines::append(&path).unwrap().run(mailbox).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().map(id_of).collect::<Vec<_>>(), ids(0..3));
}

/// A reader that stalls in the middle of a line: the write fails half-way, and goes on from there.
#[tokio::test(start_paused = true)]
async fn a_line_written_in_part_is_finished_and_not_begun_again() {
    const EVENTS: usize = 40;
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let sink = JsonLines::new(File::from(OwnedFd::from(ours)), "a socket".to_owned());
    let counts = sink.counts();
    let long = "x".repeat(100_000);
    let run = sink.run(closed((0..EVENTS).map(|number| event(number, &long)), QUEUE));
    let stalled = counts.clone();
    let reader = async move {
        while stalled.read().failed_writes < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // A thread of its own, since virtual time stands still while a blocking task runs.
        std::thread::spawn(move || {
            io::BufReader::new(theirs).lines().map(|line| id_of(&line.unwrap())).collect::<Vec<_>>()
        })
    };
    let ((), read) = tokio::join!(run, reader);
    let read = read.join().unwrap();
    assert_eq!(read, ids(0..EVENTS));
    let stats = counts.read();
    assert_eq!((stats.written, stats.failing), (EVENTS as u64, None));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_fit_the_queue_has_no_line_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let sink = JsonLines::append(&path).unwrap();
    let counts = sink.counts();
    sink.run(closed((0..5).map(|number| event(number, "fork")), 2)).await;
    assert_eq!(counts.read(), SinkStats { written: 2, missed: 3, ..SinkStats::default() });
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().map(id_of).collect::<Vec<_>>(), ids(0..2));
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = JsonLines::append(Path::new("/nowhere/events.jsonl")).unwrap_err();
    assert!(error.to_string().starts_with("failed to open /nowhere/events.jsonl for events: "), "{error}");
}
