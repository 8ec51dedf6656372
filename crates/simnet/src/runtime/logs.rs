//! The lines a transaction prints, up to the bytes that nodes keep.

/// Bytes of lines that a node keeps of one transaction (`solana-svm-log-collector`, `LOG_MESSAGES_BYTES_LIMIT`).
const BYTES: usize = 10_000;

/// Lines, oldest first.
#[derive(Debug, Default)]
pub(super) struct Logs {
    lines: Vec<String>,
    bytes: usize,
    full: bool,
}

// === impl Logs ===

impl Logs {
    /// Adds a line, or says once that no more are kept.
    pub(super) fn push(&mut self, line: String) {
        let bytes = self.bytes.saturating_add(line.len());
        if bytes < BYTES {
            self.bytes = bytes;
            self.lines.push(line);
        } else if !self.full {
            self.full = true;
            self.lines.push("Log truncated".to_owned());
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
