use std::{
    fmt,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command},
    sync::Arc,
};

use eda_events::{
    Delivery, Event, Log, Mailbox, Progress, Refusal, Slot, Topic, WorkerName,
    log::{Entry, How, Said, Span, Told},
};
use eda_store::{Settings, Start, Store};
use jiff::Timestamp;

use crate::script::{WORKERS, events, genesis, interest};

/// This binary as a child that keeps entries in the file.
pub(crate) fn command(file: &Path, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--ignored", "--nocapture", "--quiet"])
        .env("EDA_CRASH_FILE", file)
        .env("EDA_CRASH_SEED", seed.to_string());
    command
}

/// A child and what it writes.
pub(crate) struct Spoken {
    child: Child,
    output: BufReader<ChildStdout>,
}

// === impl Spoken ===

impl Spoken {
    pub(crate) fn by(mut child: Child) -> Self {
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Reads so many more lines, if it writes so many.
    pub(crate) fn read(&mut self, lines: usize, transcript: &mut String) {
        for _ in 0..lines {
            if self.output.read_line(transcript).unwrap() == 0 {
                break;
            }
        }
    }

    /// Kills it, and reads what it has written until then.
    pub(crate) fn kill(mut self, transcript: &mut String) {
        self.child.kill().unwrap();
        self.output.read_to_string(transcript).unwrap();
        self.child.wait().unwrap();
    }
}

/// Goes on where the file says, for a while, and says on stdout what it does and what it is told: `S` an event is
/// said, `A` it is kept, `R` the consumer receives one, `D` it has finished with it.
pub(crate) async fn keep(file: &Path, seed: u64) {
    let store = match Store::open(file, Settings::default()) {
        Ok(store) => store,
        // The disk may fail at once.
        Err(error) => return note(format_args!("O {error}")),
    };
    let (log, entries) = Log::new(32);
    let keeping = store.keep(entries);
    let mailbox = store.subscribe("reader", &Topic::ALL, 8, Start::Oldest);
    let mut speaker = Speaker::new(store.clone(), log, seed).await;
    let speak = async {
        for _ in 0..speaker.rng.u32(1..80) {
            speaker.step().await;
        }
        drop(speaker);
        keeping.ended().await.unwrap();
    };
    tokio::join!(speak, read(mailbox));
    let unkeepable = store.stats().unkeepable;
    assert!(unkeepable.is_empty(), "{unkeepable:?}");
    store.close().await;
}

async fn read(mailbox: Mailbox<Arc<Event>>) {
    while let Some(delivery) = mailbox.next().await {
        match delivery {
            Delivery::Item(event) => {
                note(format_args!("R {event}"));
                note(format_args!("D {event}"));
            }
            Delivery::Gap { missed } => panic!("a gap of {missed}"),
        }
        mailbox.done();
    }
}

/// Both workers.
struct Speaker {
    store: Store,
    log: Log,
    rng: fastrand::Rng,
    /// The next slot of each.
    next: Vec<u64>,
    /// What each has given up.
    holes: Vec<Vec<(u64, u64)>>,
}

// === impl Speaker ===

impl Speaker {
    async fn new(store: Store, log: Log, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let mut speaker = Self { store, log, rng, next: Vec::new(), holes: Vec::new() };
        for worker in WORKERS {
            let reached = speaker.store.progress(&genesis(), worker, &interest());
            if reached.is_none() {
                speaker.progress(worker, Progress::Begins { after: Slot(0) }).await;
            }
            speaker.next.push(reached.map_or(1, |reached| reached.to.0 + 1));
            // The disk may fail: then nothing is mended.
            let holes = speaker.store.holes(&genesis(), Some(worker)).await.unwrap_or_default();
            speaker.holes.push(holes.iter().map(|hole| (hole.from.0, hole.to.0)).collect());
        }
        speaker
    }

    async fn step(&mut self) {
        let index = self.rng.usize(..WORKERS.len());
        let worker = WORKERS[index];
        let next = self.next[index];
        match self.rng.u32(..12) {
            0 => {
                let to = next + self.rng.u64(..5);
                self.reached(worker, next, to, How::Unproven("pruned".to_owned())).await;
                self.holes[index].push((next, to));
                self.next[index] = to + 1;
            }
            1 => {
                // Again what was said before: a worker that was restarted does this.
                let again = next.saturating_sub(self.rng.u64(1..5)).max(1);
                if !self.holes[index].iter().any(|(from, to)| (*from..=*to).contains(&again)) {
                    self.say(worker, again..=again).await;
                }
            }
            2 if !self.holes[index].is_empty() => self.mend(index).await,
            3 => {
                let unsettled = self.store.unsettled(&genesis(), Slot(next), 5).await.unwrap_or_default();
                let sequences: Vec<u64> = unsettled.iter().map(|event| event.sequence).collect();
                self.store.settle(&genesis(), &sequences).await.unwrap();
            }
            4 => self.refuse(worker, next).await,
            _ => {
                let to = next + self.rng.u64(..3);
                self.say(worker, next..=to).await;
                let how = if self.rng.bool() { How::Live } else { How::Filled };
                self.reached(worker, next, to, how).await;
                self.next[index] = to + 1;
            }
        }
    }

    /// Reads a part of what was given up after all.
    async fn mend(&mut self, index: usize) {
        let hole = self.rng.usize(..self.holes[index].len());
        let (first, last) = self.holes[index].swap_remove(hole);
        let from = self.rng.u64(first..=last);
        let to = self.rng.u64(from..=last);
        self.say(WORKERS[index], from..=to).await;
        let span = Span { from: Slot(from), to: Slot(to), how: How::Filled };
        self.progress(WORKERS[index], Progress::Mended(span)).await;
        let rests = [(first, from - 1), (to + 1, last)];
        self.holes[index].extend(rests.into_iter().filter(|(from, to)| from <= to));
    }

    async fn say(&mut self, worker: WorkerName, slots: std::ops::RangeInclusive<u64>) {
        for event in slots.flat_map(|slot| events(worker, slot)) {
            let id = event.id.clone();
            let told = Told::by(move |_| note(format_args!("A {id}")));
            let room = self.log.room().await.unwrap();
            note(format_args!("S {event}"));
            room.say(Entry { genesis: genesis(), said: Said::Event { event: Box::new(event), told } });
        }
    }

    async fn reached(&mut self, worker: WorkerName, from: u64, to: u64, how: How) {
        self.progress(worker, Progress::Reached(Span { from: Slot(from), to: Slot(to), how })).await;
    }

    async fn progress(&mut self, worker: WorkerName, progress: Progress) {
        let said = Said::Progress { worker, interest: interest(), progress };
        self.log.room().await.unwrap().say(Entry { genesis: genesis(), said });
    }

    async fn refuse(&mut self, worker: WorkerName, slot: u64) {
        let refusal = Refusal {
            worker,
            subject: format!("{worker}:{slot}:refused"),
            rule: "too-small".into(),
            seen: "1".to_owned(),
            bound: "2".to_owned(),
            slot: Some(Slot(slot)),
            at: Timestamp::UNIX_EPOCH,
        };
        self.log.room().await.unwrap().say(Entry { genesis: genesis(), said: Said::Refusal(refusal) });
    }
}

/// One line, written at once: what was written before a death can be read after it.
fn note(line: fmt::Arguments<'_>) {
    let line = format!("{line}\n");
    // Nobody reads any more if the parent has killed this process.
    std::io::stdout().lock().write_all(line.as_bytes()).ok();
}
