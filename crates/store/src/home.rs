use std::{
    fs::{File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::trouble::{Kind, OpenError, Trouble};

/// The place of a store's file: taken for this process, and looked at before anything is written.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// The file that was opened, whatever its name is now; `None` where files cannot be told apart.
    identity: Option<Identity>,
    /// Locked as long as it is open.
    lock: File,
}

/// Device and number of a file.
type Identity = (u64, u64);

// === impl Home ===

impl Home {
    /// Takes the place for this process, by locking a file beside the store's: locks on that one are SQLite's.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let locked = File::create(beside).map_err(TryLockError::Error).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        match locked {
            Ok(lock) => Ok(Self { path: path.to_owned(), identity: None, lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => {
                Err(OpenError::Trouble { path: path.to_owned(), trouble: error.into() })
            }
        }
    }

    /// The file was opened: it is this one that must stay.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        self.identity = identity(&self.path)?;
        Ok(())
    }

    /// Whether the file is still there. What is written to one that was deleted is gone when the process ends.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        let now = identity(&self.path);
        match now {
            Ok(now) if now == self.identity => Ok(()),
            Ok(_) => Err(Trouble { kind: Kind::Moved, cause: "another file is there".to_owned() }),
            Err(error) => Err(Trouble { kind: Kind::Moved, cause: error.to_string() }),
        }
    }

    /// As [`Self::explain`].
    pub(crate) fn explain_open(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::Trouble { path, trouble } => {
                OpenError::Trouble { path, trouble: self.explain(trouble) }
            }
            OpenError::InUse(_)
            | OpenError::NotAStore(_)
            | OpenError::Newer { .. }
            | OpenError::NotThere(_)
            | OpenError::Thread(_) => error,
        }
    }

    /// Says more exactly why a write failed, if that can be seen: the backend does not tell a disk that fails from a
    /// file system that was made read-only.
    pub(crate) fn explain(&self, trouble: Trouble) -> Trouble {
        if trouble.kind != Kind::Disk {
            return trouble;
        }
        let tried = self
            .lock
            .set_len(0)
            .and_then(|()| (&self.lock).write_all(b"writable\n"))
            .and_then(|()| self.lock.sync_all());
        tried.err().map_or(trouble, Trouble::from)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).map(|metadata| Some((metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    std::fs::metadata(path).map(|_| None)
}
