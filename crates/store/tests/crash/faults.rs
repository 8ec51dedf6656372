use std::{path::Path, process::Command};

use tempfile::TempDir;

/// Input or output failed.
pub(crate) const EIO: i32 = 5;
/// No space is left.
pub(crate) const ENOSPC: i32 = 28;
/// The file system takes no writes.
pub(crate) const EROFS: i32 = 30;

/// The compiled disk.
pub(crate) struct Disk {
    built: TempDir,
}

/// What happens to one child. Operations are counted from 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fault {
    /// The operation at which it dies; 0 for never.
    pub(crate) die_at: u64,
    /// Whether what it had not synced is lost in part, out of order and torn.
    pub(crate) power: bool,
    /// The first operation that fails; 0 for none.
    pub(crate) from: u64,
    /// How many fail.
    pub(crate) count: u64,
    /// With what.
    pub(crate) error: i32,
    /// Whether files that are there may only be read.
    pub(crate) locked: bool,
}

// === impl Disk ===

impl Disk {
    /// `None` if there is no C compiler, or nothing can be preloaded here.
    pub(crate) fn build() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let built = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/faults.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(built.path().join("faults.so")).arg(source);
        let output = compile.args(["-ldl", "-lpthread"]).output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self { built })
    }

    /// Puts the disk under the files of a directory, for this command.
    pub(crate) fn meddle(&self, command: &mut Command, directory: &Path, seed: u64, fault: Fault) {
        command
            .env("LD_PRELOAD", self.built.path().join("faults.so"))
            .env("FAULTS_DIR", directory)
            .env("FAULTS_SEED", seed.to_string())
            .env("FAULTS_DIE_AT", fault.die_at.to_string())
            .env("FAULTS_POWER", u8::from(fault.power).to_string())
            .env("FAULTS_FROM", fault.from.to_string())
            .env("FAULTS_COUNT", fault.count.to_string())
            .env("FAULTS_ERROR", fault.error.to_string())
            .env("FAULTS_LOCKED", u8::from(fault.locked).to_string());
    }
}
