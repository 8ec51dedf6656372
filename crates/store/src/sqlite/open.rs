use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::trouble::{Kind, OpenError, Trouble};

/// Says in the file's header that it is a store of eda: `eda` and a 1.
const APPLICATION: i32 = 0x6564_6131;

/// How the schema came about. A file is at the version of as many of these as were run on it.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_store.sql")];

/// How long another process may hold a lock that is in our way: somebody may look into the file by hand.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// What the log of recent writes shrinks to when it has been folded into the file, in bytes.
const WAL_KEPT: i64 = 64 << 20;

/// Opens the file for writing, and makes it if it is not there. Recovers whatever a crash has left.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        let mut connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        if let Some(stranger) = stranger(&connection, path)? {
            return Ok(Err(stranger));
        }
        if connection.is_readonly(MAIN_DB)? {
            let cause = "it opens for reading only".to_owned();
            let trouble = Trouble { kind: Kind::ReadOnly, cause };
            return Ok(Err(OpenError::Trouble { path: path.to_owned(), trouble }));
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Where a sync alone stops at the disk's own cache, which is on Apple's systems.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
        migrate(&mut connection)?;
        Ok(Ok(connection))
    };
    open().unwrap_or_else(|error| Err(open_error(path, error)))
}

/// A database in memory.
pub(crate) fn memory() -> Result<Connection, OpenError> {
    let open = || {
        let mut connection = Connection::open_in_memory()?;
        prepare(&connection)?;
        migrate(&mut connection)?;
        Ok(connection)
    };
    open().map_err(|error| open_error(Path::new(":memory:"), error))
}

/// Opens the file for reading only. It may be in use, or may have been left as it was by a crash.
pub(crate) fn read_only(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::NotThere(path.to_owned()));
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let check = |connection: Connection| {
        prepare(&connection)?;
        Ok(match stranger(&connection, path)? {
            Some(stranger) => Err(stranger),
            None if version(&connection)? == 0 => Err(OpenError::NotThere(path.to_owned())),
            None => Ok(connection),
        })
    };
    let mut checked = Connection::open_with_flags(path, flags).and_then(check);
    // Readers share a little memory in a file beside it. Where none can be made, and nobody writes, they need none.
    if let Err(error) = &checked
        && error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
        && let Some(unchanging) = unchanging(path)
    {
        checked = Connection::open_with_flags(unchanging, flags | OpenFlags::SQLITE_OPEN_URI).and_then(check);
    }
    checked.unwrap_or_else(|error| Err(open_error(path, error)))
}

/// How SQLite is told that nobody changes the file; `None` if somebody may, or has left something beside it.
fn unchanging(path: &Path) -> Option<String> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0) {
        return None;
    }
    let escaped = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{escaped}?immutable=1"))
}

/// Folds the log of recent writes into the file, so that the file is whole without it.
pub(crate) fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Why the file is not one that this eda can use, if so. An empty one is.
fn stranger(connection: &Connection, path: &Path) -> rusqlite::Result<Option<OpenError>> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables != 0) {
        return Ok(Some(OpenError::NotAStore(path.to_owned())));
    }
    let found = version(connection)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    Ok((found > known).then(|| OpenError::Newer { path: path.to_owned(), found, known }))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Each migration is one transaction together with the version it leads to.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let done = version(connection)?;
    for (number, migration) in (1_u32..).zip(MIGRATIONS).filter(|(number, _)| *number > done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        tracing::debug!(number, "the store's schema was migrated");
    }
    Ok(())
}

fn open_error(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return OpenError::NotAStore(path);
    }
    OpenError::Trouble { path, trouble: Trouble::from(error) }
}
