use std::{fmt, path::PathBuf};

/// Why the store could not write or read just now, in words that say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} ({cause})")]
pub struct Trouble {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// What the backend said.
    pub cause: String,
}

/// Kinds of trouble, by what a person does about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// No space is left.
    Full,
    /// The file or its file system takes no writes.
    ReadOnly,
    /// The disk fails.
    Disk,
    /// Another process holds the file.
    Locked,
    /// The file cannot be opened.
    Missing,
    /// The file is gone from its place while it is in use.
    Moved,
    /// What is in the file makes no sense.
    Damaged,
    /// An event in the file cannot be understood.
    Unreadable,
    /// Anything else.
    Other,
}

/// The store cannot be opened. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another eda keeps its data in this file.
    #[error("{0} is in use by another eda: stop that one, or give this one its own data directory")]
    InUse(PathBuf),
    /// The file is something else.
    #[error("{0} is not a store of eda: move it away, or name another file")]
    NotAStore(PathBuf),
    /// A later eda wrote it.
    #[error(
        "{path} was written by a later eda (schema {found}, this one knows {known}): use that version, or name another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema's version in the file.
        found: u32,
        /// The last version that this eda knows.
        known: u32,
    },
    /// There is no such file.
    #[error("{0} is not there: nothing has been kept in it yet")]
    NotThere(PathBuf),
    /// It cannot be read or written.
    #[error("failed to open {path}: {trouble}")]
    Trouble {
        /// The file.
        path: PathBuf,
        /// Why.
        trouble: Trouble,
    },
    /// The machine gives no thread.
    #[error("failed to start the store's thread: {0}")]
    Thread(std::io::Error),
}

// === impl Kind ===

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full: free some space",
            Self::ReadOnly => {
                "it cannot be written to: check its permissions and how its file system is mounted"
            }
            Self::Disk => "the disk fails: check it, and the system's log",
            Self::Locked => "another program holds it locked: end that program",
            Self::Missing => "it cannot be opened: check that its directory is there and may be written to",
            Self::Moved => {
                "its file was moved or deleted while it is in use: put it back, or start eda again"
            }
            Self::Damaged => "it is damaged: move it away to begin anew, or put a backup in its place",
            Self::Unreadable => "an event in it cannot be read: was it written by a later eda?",
            Self::Other => "it fails",
        })
    }
}

// === impl Trouble ===

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;

        const KINDS: [(ErrorKind, Kind); 5] = [
            (ErrorKind::StorageFull, Kind::Full),
            (ErrorKind::QuotaExceeded, Kind::Full),
            (ErrorKind::ReadOnlyFilesystem, Kind::ReadOnly),
            (ErrorKind::PermissionDenied, Kind::ReadOnly),
            (ErrorKind::NotFound, Kind::Missing),
        ];
        let known = KINDS.iter().find(|(of, _)| *of == error.kind());
        Self { kind: known.map_or(Kind::Other, |(_, kind)| *kind), cause: error.to_string() }
    }
}
