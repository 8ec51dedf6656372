//! One process per data directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

/// A data directory that belongs to this process until the value is dropped. The lock ends with the process,
/// however it ends.
#[derive(Debug)]
#[must_use = "the directory is free again as soon as this is dropped"]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
    just_used: bool,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process has it.
    #[error(
        "the data directory {} is in use by another eda{}; stop that one or choose another with --data-dir",
        path.display(),
        pid.map(|pid| format!(", process {pid}")).unwrap_or_default()
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// The other process, if it has written its id already.
        pid: Option<u32>,
    },
    /// It cannot be made or opened.
    #[error("the data directory {} cannot be used: {error}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

const LOCK: &str = "eda.lock";
/// Written when a process has ended in an orderly way.
const STOPPED: &str = "eda.stopped";
/// So long after its end a provider may still count what a process has asked: no window of the table of plans is
/// longer.
const REMEMBERED: Duration = Duration::from_secs(60);

// === impl DataDir ===

impl DataDir {
    /// Makes the directory if there is none, readable by its owner only, and takes it.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it.
    pub(crate) fn lock(path: &Path) -> Result<Self, LockError> {
        let io = |error| LockError::Io { path: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        // The file stays when the process ends: to remove it would race with the next one that takes it.
        let mut lock = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Whose it is only makes the message better; an unreadable file must not hide the message.
                let pid = lock.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
                return Err(LockError::Held { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let used_before = lock.metadata().map_err(io)?.len() > 0;
        let just_used = used_before && !stopped_long_ago(&path.join(STOPPED)).map_err(io)?;
        lock.set_len(0).map_err(io)?;
        lock.rewind().map_err(io)?;
        writeln!(lock, "{}", process::id()).map_err(io)?;
        lock.flush().map_err(io)?;
        Ok(Self { path: path.to_owned(), _lock: lock, just_used })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a process that used it may have asked the provider something a moment ago: it ended a moment ago, or
    /// nobody knows when.
    pub(crate) fn just_used(&self) -> bool {
        self.just_used
    }

    /// The process ends in an orderly way, now.
    ///
    /// # Errors
    /// When that cannot be written; the next process then waits as if this one had crashed.
    pub(crate) fn stopped(&self) -> io::Result<()> {
        File::create(self.path.join(STOPPED)).map(drop)
    }
}

/// Whether the note of an orderly end is there, and old enough. It is taken away: from now on no end is orderly.
fn stopped_long_ago(note: &Path) -> io::Result<bool> {
    let written = match fs::metadata(note) {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    fs::remove_file(note)?;
    // A clock that went back proves nothing.
    Ok(written.elapsed().is_ok_and(|age| age > REMEMBERED))
}
