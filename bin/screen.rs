//! The terminal: log lines scroll past, and below them a few lines stay and are kept up to date.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::{Log, LogFormat};

/// Standard error, shared by log lines and the lines that stay.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Absent where nobody looks: a pipe, a file, or a program that reads JSON.
    lines: Option<MultiProgress>,
}

/// Lines that stay at the bottom until this is dropped.
#[derive(Debug)]
pub(crate) struct Footer(ProgressBar);

// === impl Screen ===

impl Screen {
    /// Standard error, with lines that stay if it is a person's terminal.
    pub(crate) fn stderr(log: &Log) -> Self {
        let person = io::stderr().is_terminal() && log.format == LogFormat::Text;
        Self { lines: person.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())) }
    }

    /// Writes whole lines above those that stay.
    pub(crate) fn write(&self, text: &[u8]) -> io::Result<()> {
        let write = || io::stderr().write_all(text);
        match &self.lines {
            Some(lines) => lines.suspend(write),
            None => write(),
        }
    }

    /// A place for lines that stay, if a person looks.
    pub(crate) fn footer(&self) -> Option<Footer> {
        let bar = self.lines.as_ref()?.add(ProgressBar::no_length());
        bar.set_style(ProgressStyle::with_template("{msg}").ok()?);
        Some(Footer(bar))
    }
}

// === impl Footer ===

impl Footer {
    /// Replaces the lines.
    pub(crate) fn show(&self, text: String) {
        self.0.set_message(text);
        self.0.tick();
    }
}

impl Drop for Footer {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
