//! The SQLite backend: every statement, and what its errors mean. What is decided is decided elsewhere.

/// Making, opening and migrating the file.
mod open;
/// Statements that read.
pub(crate) mod read;
/// Statements that write.
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use open::{fold, memory, open, read_only};
use rusqlite::ErrorCode;
pub(crate) use write::{InterestRow, Transaction};

use crate::trouble::{Kind, Trouble};

/// A connection to the database. Clones are the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Database(Arc<Mutex<rusqlite::Connection>>);

/// What an attempt to read or write ended with.
pub(crate) type Result<T> = std::result::Result<T, rusqlite::Error>;

// === impl Database ===

impl Database {
    pub(crate) fn new(connection: rusqlite::Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// The connection. A thread that panicked with it has left no transaction open: they roll back when dropped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === what errors mean ===

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self { kind: kind(&error), cause: error.to_string() }
    }
}

fn kind(error: &rusqlite::Error) -> Kind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Kind::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Kind::ReadOnly,
        Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => Kind::Disk,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Locked,
        Some(ErrorCode::CannotOpen) => Kind::Missing,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Kind::Damaged,
        Some(_) | None => Kind::Other,
    }
}

/// Whether the values are to blame and not the disk: tried again, it would fail again.
pub(crate) fn is_unkeepable(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::ToSqlConversionFailure(_))
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
        )
}

/// How a number is kept: SQLite's are signed.
pub(crate) fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// What was kept by [`signed`].
pub(crate) fn unsigned(number: i64) -> u64 {
    number.try_into().unwrap_or(0)
}
