//! What the process tells its caller when it ends.

use std::{
    io::{self, Write},
    process::{ExitCode, Termination},
};

use eda_connection::{OpenError, feed::Unaffordable};
use eda_events::sink::jsonl;
use eda_worker::{AlreadyRunning, BadBackoff};

#[cfg(feature = "simnet")]
use crate::simnet::Unsimulated;
use crate::{config, control, redact, wiring};

/// How the process ended, as `sysexits.h` numbers it where it has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for was done; a stop by signal drained in time.
    Clean,
    /// Something failed that no other code names.
    Failed,
    /// The command line cannot be read.
    Usage,
    /// The endpoint cannot be used: unreachable, forbidden, or not what it should be.
    Unavailable,
    /// The drain deadline passed while something was still running.
    DrainExpired,
    /// A setting is wrong, wherever it was set.
    BadConfig,
}

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Settings are wrong.
    #[error(transparent)]
    Config(#[from] config::Problems),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] control::LockError),
    /// The control socket cannot be opened.
    #[error(transparent)]
    Listen(#[from] control::ListenError),
    /// No answer from the running process.
    #[error(transparent)]
    Ask(#[from] control::AskError),
    /// The certificate file cannot be used.
    #[error(transparent)]
    Certificates(#[from] wiring::BadCertificates),
    /// There can be no connection with these settings.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The provider's plan does not carry what the workers ask for.
    #[error(
        "{0}\nwatch less, name a larger plan in rpc.profile or rpc.limits, or say --over-plan; see eda plan"
    )]
    Plan(#[from] Unaffordable),
    /// The same, with what would fit.
    #[error("{}", over_plan(.0, .1))]
    OverPlan(Unaffordable, Vec<String>),
    /// The pauses between restarts contradict each other.
    #[error("run.restart_pause and run.restart_pause_max do not go together: {0}")]
    Backoff(#[from] BadBackoff),
    /// A worker was named twice.
    #[error(transparent)]
    Twice(#[from] AlreadyRunning),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] eda_store::OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Unreadable(#[from] eda_store::Trouble),
    /// The events file cannot be opened.
    #[error(transparent)]
    Sink(#[from] jsonl::OpenError),
    /// The simulated cluster cannot be had.
    #[cfg(feature = "simnet")]
    #[error(transparent)]
    Simnet(#[from] crate::simnet::Unsimulated),
    /// This build has no simulated cluster.
    #[cfg(not(feature = "simnet"))]
    #[error(
        "this build has no simulated cluster; name a provider with --url, or build with the feature `simnet`"
    )]
    NoSimnet,
    /// What was asked for cannot be written, or the runtime cannot start.
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

// === impl Exit ===

impl Exit {
    /// Every code, in the order the help lists them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Clean, Self::Failed, Self::Usage, Self::Unavailable, Self::DrainExpired, Self::BadConfig];

    /// The number the caller sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::DrainExpired => 75,
            Self::BadConfig => 78,
        }
    }

    /// What it means, for the help.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Failed => "failed",
            Self::Usage => "the command line cannot be read",
            Self::Unavailable => "the endpoint is unavailable",
            Self::DrainExpired => "the drain deadline passed",
            Self::BadConfig => "a setting is wrong",
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

// === impl Failure ===

impl Failure {
    /// The code a failure ends the process with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Config(_)
            | Self::Certificates(_)
            | Self::Open(_)
            | Self::Plan(_)
            | Self::OverPlan(..)
            | Self::Backoff(_)
            | Self::Twice(_) => Exit::BadConfig,
            Self::Listen(control::ListenError::PathTooLong { .. }) => Exit::BadConfig,
            #[cfg(feature = "simnet")]
            Self::Simnet(Unsimulated::Serve(_) | Unsimulated::Ports { .. }) => Exit::Failed,
            #[cfg(feature = "simnet")]
            Self::Simnet(_) => Exit::BadConfig,
            #[cfg(not(feature = "simnet"))]
            Self::NoSimnet => Exit::BadConfig,
            Self::DataDir(_)
            | Self::Store(_)
            | Self::Unreadable(_)
            | Self::Listen(control::ListenError::Io { .. })
            | Self::Ask(_)
            | Self::Sink(_)
            | Self::Io(_) => Exit::Failed,
        }
    }

    /// Tells the person at the terminal, without keys, and gives the exit code.
    pub(crate) fn report(&self) -> Exit {
        // A closed stderr leaves nobody to tell; the exit code still says it.
        drop(writeln!(io::stderr().lock(), "error: {}", redact::urls(&self.to_string())));
        self.exit()
    }
}

/// The same lines as those of `eda plan`.
fn over_plan(unaffordable: &Unaffordable, instead: &[String]) -> String {
    let over = unaffordable.reasons.iter().map(|reason| format!("  too much: {reason}\n"));
    let instead = instead.iter().map(|change| format!("  would fit: {change}\n"));
    let lines: String = over.chain(instead).collect();
    format!("the provider's plan does not carry this\n{lines}watch less, or say --over-plan; see eda plan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_scripts_rely_on() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 69, 75, 78]);
    }
}
