//! Time, and the time that threads were running.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

/// A thread whose time on a core is counted, if the system says it.
#[derive(Debug, Clone)]
pub(crate) struct Thread(Option<PathBuf>);

/// Time that passes, and that a server and its client spend on a core.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    began: Instant,
    server: (Thread, Option<Duration>),
    client: (Thread, Option<Duration>),
}

/// Time that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    wall: Duration,
    server: Option<Duration>,
    client: Option<Duration>,
}

// === impl Thread ===

impl Thread {
    /// The one that runs.
    pub(crate) fn this() -> Self {
        let link = fs::read_link("/proc/thread-self").ok();
        Self(link.map(|link| Path::new("/proc").join(link).join("schedstat")))
    }

    /// How long it has been on a core: the first number of Linux's `schedstat`, in nanoseconds.
    fn ran(&self) -> Option<Duration> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
    }
}

// === impl Stopwatch ===

impl Stopwatch {
    /// Started by the client.
    pub(crate) fn start(server: &Thread) -> Self {
        let since = |thread: &Thread| (thread.clone(), thread.ran());
        Self { began: Instant::now(), server: since(server), client: since(&Thread::this()) }
    }

    pub(crate) fn stop(&self) -> Taken {
        let since = |(thread, before): &(Thread, Option<Duration>)| {
            thread.ran().zip(*before).map(|(now, before)| now.saturating_sub(before))
        };
        Taken { wall: self.began.elapsed(), server: since(&self.server), client: since(&self.client) }
    }
}

// === impl Taken ===

impl Taken {
    /// So much per second that the server was on a core.
    pub(crate) fn per_core_second(&self, amount: f64) -> f64 {
        amount / self.server.unwrap_or(self.wall).as_secs_f64()
    }

    fn per_second(&self, amount: f64) -> f64 {
        amount / self.wall.as_secs_f64()
    }

    /// Prints a figure, and what it is made of.
    #[expect(clippy::print_stdout, reason = "figures are what it is for")]
    pub(crate) fn report(&self, amount: f64, of: &str) {
        let (core, wall) = (self.per_core_second(amount), self.per_second(amount));
        println!(
            "{core:>10.1} {of} per second of the server's core ({wall:.1} per second that passed; {self})"
        );
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((server, client)) = self.server.zip(self.client) {
            let (server, client) = (server.as_secs_f64(), client.as_secs_f64());
            write!(f, "server {server:.2} s, client {client:.2} s on a core, ")?;
        }
        write!(f, "{:.2} s in all", self.wall.as_secs_f64())
    }
}
