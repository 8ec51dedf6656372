//! Time, and the time that a thread was running.

use std::{fmt, fs, time::Duration};

use tokio::time::Instant;

/// Time that passes in this thread.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    began: Instant,
    ran: Option<Duration>,
}

/// Time that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    wall: Duration,
    /// On a core, if the system says.
    ran: Option<Duration>,
}

// === impl Stopwatch ===

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), ran: ran() }
    }

    pub(crate) fn stop(&self) -> Taken {
        let ran = ran().zip(self.ran).map(|(now, before)| now.saturating_sub(before));
        Taken { wall: self.began.elapsed(), ran }
    }
}

// === impl Taken ===

impl Taken {
    /// Seconds.
    pub(crate) fn wall(&self) -> f64 {
        self.wall.as_secs_f64()
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ran {
            Some(ran) => write!(f, "{:.2} s on a core in {:.2} s", ran.as_secs_f64(), self.wall()),
            None => write!(f, "{:.2} s", self.wall()),
        }
    }
}

/// How long this thread has been on a core: the first number of Linux's `schedstat`, in nanoseconds.
fn ran() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}
