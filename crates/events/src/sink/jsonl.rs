//! Events as JSON lines: one event per line, appended to a file or written to stdout.
//!
//! Each event is handed to the operating system before the next one is taken, so nothing waits in a buffer of
//! ours: what is written survives a crash of eda (a crash of the machine may cost what the system had not yet
//! stored). An event that cannot be written stays in hand and is tried again, with back-off, for as long as the
//! sink runs; meanwhile the others wait where they are kept. Should the mailbox have a gap all the same, it is counted in
//! `SinkStats::missed` and logged as an error.
//!
//! A crash can tear the last line. The next start ends it with a newline, so that every line is one JSON
//! document, or visibly torn.

use std::{
    collections::HashSet,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    event::Event,
    mailbox::{Delivery, Mailbox},
};

/// The first pause after a failed write; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A sink that writes JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    /// Shared, not owned, so that a write that outlives a cancelled `run` still has its file.
    file: Arc<File>,
    target: String,
    counts: Counts,
}

/// The numbers of a sink, readable while it runs.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<SinkStats>>);

/// The numbers of a sink so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkStats {
    /// Events written.
    pub written: u64,
    /// Attempts to write that failed; each was repeated.
    pub failed_writes: u64,
    /// Events that did not fit the sink's queue, and have no line.
    pub missed: u64,
    /// Events that could not be put into JSON, and have no line.
    pub unwritable: u64,
    /// Why the event in hand could not be written yet.
    pub failing: Option<String>,
}

/// The file for the events cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("failed to open {path} for events: {cause}")]
pub struct OpenError {
    path: String,
    cause: io::Error,
}

// === impl JsonLines ===

impl JsonLines {
    /// Appends to the file, which is made if it is not there. A torn last line is ended first.
    ///
    /// Reads and writes a byte or two, on the calling thread.
    pub fn append(path: &Path) -> Result<Self, OpenError> {
        let target = path.display().to_string();
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            if has_torn_line(&mut file)? {
                tracing::warn!(file = %path.display(), "the last line of the events file is torn");
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self::new(file, target)),
            Err(cause) => Err(OpenError { path: target, cause }),
        }
    }

    /// Writes to stdout.
    #[cfg(unix)]
    pub fn stdout() -> Result<Self, OpenError> {
        use std::os::fd::AsFd;

        // A file of its own, because `std::io::Stdout` has a buffer that keeps what failed and writes it twice.
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Ok(Self::new(File::from(descriptor), "stdout".to_owned())),
            Err(cause) => Err(OpenError { path: "stdout".to_owned(), cause }),
        }
    }

    /// The sink's numbers, which stay readable while it runs and after.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Writes every event of the mailbox. Ends when the mailbox was closed and everything is written; never ends
    /// while writing fails, so the caller sets a deadline. When it is dropped before its end, the event in hand
    /// stays in the mailbox, and its line may be there, whole or torn.
    pub async fn run(self, mailbox: Mailbox<Arc<Event>>) {
        let mut kinds_logged = HashSet::new();
        while let Some(delivery) = mailbox.next().await {
            match delivery {
                Delivery::Item(event) => match line(&event) {
                    Ok(line) => self.write(line, &mut kinds_logged).await,
                    Err(error) => {
                        tracing::error!(event = %event, %error, "an event cannot be put into JSON");
                        self.counts.change(|stats| stats.unwritable = stats.unwritable.saturating_add(1));
                    }
                },
                Delivery::Gap { missed } => {
                    tracing::error!(target_file = %self.target, missed, "events were lost to the file: it was not written fast enough");
                    self.counts.change(|stats| stats.missed = stats.missed.saturating_add(missed));
                }
            }
            mailbox.done();
        }
    }

    fn new(file: File, target: String) -> Self {
        Self { file: Arc::new(file), target, counts: Counts::default() }
    }

    /// Writes the whole line, however often that has to be tried. What a failed attempt has written is not
    /// written again.
    async fn write(&self, line: Vec<u8>, kinds_logged: &mut HashSet<io::ErrorKind>) {
        let line = Arc::new(line);
        let mut written = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = tokio::task::spawn_blocking({
                let (file, line) = (Arc::clone(&self.file), Arc::clone(&line));
                move || write_rest(&file, &line, written)
            });
            // The thread cannot panic; if the runtime is being shut down it is cancelled, and so are we soon.
            let (now_written, outcome) = attempt.await.unwrap_or_else(|error| (written, Err(error.into())));
            if now_written > written {
                pause = FIRST_PAUSE;
            }
            written = now_written;
            let Err(error) = outcome else {
                self.counts.change(|stats| {
                    stats.written = stats.written.saturating_add(1);
                    stats.failing = None;
                });
                return;
            };
            if kinds_logged.insert(error.kind()) {
                tracing::error!(target_file = %self.target, %error, "failed to write an event; it is tried again until it works");
            }
            self.counts.change(|stats| {
                stats.failed_writes = stats.failed_writes.saturating_add(1);
                stats.failing = Some(error.to_string());
            });
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}

fn line(event: &Event) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes `line` from `written` on; returns up to where it is written now, and why it is not all of it.
fn write_rest(mut file: &File, line: &[u8], mut written: usize) -> (usize, io::Result<()>) {
    while let Some(rest) = line.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written = written.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// Whether the file ends within a line. Only a regular file has an end.
fn has_torn_line(file: &mut File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

// === impl Counts ===

impl Counts {
    /// The numbers so far.
    pub fn read(&self) -> SinkStats {
        self.lock().clone()
    }

    fn change(&self, change: impl FnOnce(&mut SinkStats)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, SinkStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for SinkStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events written, {} missed", self.written, self.missed)?;
        match &self.failing {
            None => Ok(()),
            Some(error) => write!(f, ", failing now: {error}"),
        }
    }
}

#[cfg(test)]
mod tests;
