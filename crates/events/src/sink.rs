//! Where events leave the process.

/// JSON lines, to a file or to stdout.
pub mod jsonl;
