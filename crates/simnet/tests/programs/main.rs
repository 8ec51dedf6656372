//! The programs, through the runtime: what each instruction does, and what none of them may ever do.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails the test")]

/// Random instructions and random bytes.
mod chance;
/// What programs note of what happened.
mod notes;
/// Accounts and the runtime that changes them.
mod world;
