//! Where log lines go: stderr, as text or JSON, never with a key in them.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{Log, LogFormat},
    redact,
    screen::Screen,
};

/// Starts logging for the rest of the process. Only the first call of a process has an effect.
pub(crate) fn start(log: &Log, screen: &Screen) {
    let screen = screen.clone();
    let layer = fmt::Subscriber::builder()
        .with_env_filter(EnvFilter::new(log.level.as_str()))
        .with_writer(move || Redacted(Lines(screen.clone())));
    // The error says that a subscriber is already set, which only a second call can cause.
    drop(match log.format {
        // NO_COLOR is honoured by the subscriber as long as colour is not forced on.
        LogFormat::Text if io::stderr().is_terminal() => {
            tracing::subscriber::set_global_default(layer.finish())
        }
        LogFormat::Text => tracing::subscriber::set_global_default(layer.with_ansi(false).finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(
            layer.json().flatten_event(true).with_ansi(false).finish(),
        ),
    });
}

/// Whole lines on their way to the screen.
#[derive(Debug)]
struct Lines(Screen);

/// A writer behind the net that catches URLs with keys in the texts of libraries.
#[derive(Debug)]
struct Redacted<W>(W);

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write(lines)?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Write for Redacted<W> {
    /// The subscriber hands over one whole line per call, so that no URL is cut in two.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(redact::urls(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_log_line_carries_a_key() {
        let kept = Kept::default();
        let writer = kept.clone();
        let json = fmt::Subscriber::builder().json().with_writer(move || Redacted(writer.clone())).finish();
        let writer = kept.clone();
        let text = fmt::Subscriber::builder().with_writer(move || Redacted(writer.clone())).finish();
        for subscriber in [tracing::Dispatch::new(json), tracing::Dispatch::new(text)] {
            tracing::dispatcher::with_default(&subscriber, || {
                let url = "https://rpc.example/SECRET?api-key=SECRET";
                tracing::warn!(url, error = ?format!("cannot get \"{url}\""), "error for url ({url}): refused");
            });
        }
        let lines = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(lines.matches("https://rpc.example/…").count(), 6, "{lines}");
        assert!(!lines.contains("SECRET") && lines.contains("refused"), "{lines}");
    }
}
