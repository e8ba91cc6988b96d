//! The SQLite store: it only runs the statements of the core.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use hookdesk_core::sql::{Statement, Value, sqlite};
use hookdesk_core::{Changes, Commit, Fact, Need, Rows, Store};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql, TransactionBehavior};

use crate::store::StoreFault;

/// How long a second server waits for the first to drain: a little more than draining may take.
const LOCK_WAIT: Duration = Duration::from_secs(25);
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// Bytes that must fit on the disk before a store that failed is used again: several of the longest
/// commits. With less, a full disk would take a short commit, refuse the next, and so on.
const ROOM: usize = 1 << 20;
/// Prepared statements that are cached: all of the core's, with room to spare.
const PREPARED: usize = 64;

/// The ending of a file that a copy fills, until all rows are there.
pub(crate) const FILLING: &str = ".copying";
/// The endings of the files that belong to a database.
pub(crate) const BESIDE: [&str; 7] =
    ["-wal", "-shm", "-journal", ".lock", ".record.1", ".record.2", ".record.new"];

/// Why a file cannot be served.
#[derive(Debug)]
pub enum OpenError {
    Io {
        path: PathBuf,
        error: std::io::Error,
    },
    /// Another server holds the lock, and did not release it in time.
    Locked {
        path: PathBuf,
    },
    Sqlite {
        path: PathBuf,
        error: rusqlite::Error,
    },
    /// A SQLite file of another program.
    Foreign {
        path: PathBuf,
    },
    /// Not there yet: a copy that fills it was interrupted.
    Unfilled {
        path: PathBuf,
    },
    /// Written by a newer version, whose data this one would lose.
    Newer {
        path: PathBuf,
        version: usize,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "cannot open {}: {error}", path.display()),
            Self::Locked { path } => write!(
                f,
                "{} is in use by another HookDesk server, also after {} s. Stop that one first.",
                path.display(),
                LOCK_WAIT.as_secs()
            ),
            Self::Sqlite { path, error } => write!(f, "cannot open {}: {error}", path.display()),
            Self::Foreign { path } => {
                write!(f, "{} is a SQLite file of another program", path.display())
            }
            Self::Unfilled { path } => write!(
                f,
                "{} is not complete: a copy that fills it was interrupted, and goes on when it is \
                 started again. To begin a new desk instead, delete {}.",
                path.display(),
                beside(path, FILLING).display()
            ),
            Self::Newer { path, version } => write!(
                f,
                "{} was written by a newer HookDesk (schema {version}; this one knows up to {}). \
                 Run that version, or restore a backup made before it.",
                path.display(),
                sqlite::MIGRATIONS.len()
            ),
        }
    }
}

impl std::error::Error for OpenError {}

/// The exclusive right to write to a database: held until the process ends, and released by the
/// operating system however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock beside `database`; `None` if a server has it.
    ///
    /// # Errors
    /// [`OpenError`] when the lock's file cannot be created.
    pub fn try_take(database: &Path) -> Result<Option<Self>, OpenError> {
        let path = beside(database, ".lock");
        let io = |error| OpenError::Io { path: path.clone(), error };
        let file = private(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Takes the lock beside `database`, waiting for another server to release it.
    ///
    /// # Errors
    /// [`OpenError`] when the lock's file cannot be created, or another server keeps the lock.
    pub fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let io = |error| OpenError::Io { path: path.clone(), error };
        let file = private(&path).map_err(io)?;
        let start = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(io(error)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= LOCK_WAIT => {
                    return Err(OpenError::Locked { path: database.to_owned() });
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        tracing::info!("waiting for another server to release the database");
                        told = true;
                    }
                    thread::sleep(LOCK_LOOK);
                }
            }
        }
    }
}

/// The path of a file that belongs to a database.
pub(crate) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Takes the files of a database from all but their owner: a copy, a restored backup or an older
/// umask may have left them readable, and they hold secrets. SQLite makes others like the first.
#[cfg(unix)]
fn make_private(database: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = BESIDE.iter().map(|ending| beside(database, ending));
    for path in std::iter::once(database.to_owned()).chain(all) {
        let Ok(found) = fs::metadata(&path) else { continue };
        let mode = found.permissions().mode() & 0o7777;
        let of_others = mode & 0o077;
        if of_others == 0 {
            continue;
        }
        let path_shown = path.display();
        match fs::set_permissions(&path, fs::Permissions::from_mode(0o600)) {
            Ok(()) => tracing::warn!(
                "{path_shown} had mode {mode:04o}, and is for its owner alone now: it holds secrets"
            ),
            Err(error) => tracing::warn!(
                "{path_shown} has mode {mode:04o}, holds secrets, and cannot be made 0600: {error}"
            ),
        }
    }
}

#[cfg(not(unix))]
fn make_private(_database: &Path) {}

/// Opens a file, or creates one that only its owner may read: it will hold secrets.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The connection that writes.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    /// Its file, if it is not in memory.
    path: Option<PathBuf>,
}

impl Sqlite {
    /// Opens `path`, creates it if there is none, and migrates its tables.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be opened or is not a file that this version can serve.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() && beside(path, FILLING).exists() {
            return Err(OpenError::Unfilled { path: path.to_owned() });
        }
        private(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })?;
        let failed = |error| OpenError::Sqlite { path: path.to_owned(), error };
        let mut connection = Connection::open(path).map_err(failed)?;
        let version = check(&connection, path)?;
        make_private(path);
        prepare(&connection).map_err(failed)?;
        migrate(&mut connection, version).map_err(failed)?;
        Ok(Self { connection, path: Some(path.to_owned()) })
    }

    /// A database in memory.
    ///
    /// # Errors
    /// When SQLite cannot create one.
    pub fn in_memory() -> Result<Self, rusqlite::Error> {
        let mut connection = Connection::open_in_memory()?;
        prepare(&connection)?;
        migrate(&mut connection, 0)?;
        Ok(Self { connection, path: None })
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// When it fails.
    pub fn rows(&self, query: &Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreFault> {
        Ok(rows(&self.connection, query)?)
    }

    /// Runs statements in one transaction.
    ///
    /// # Errors
    /// When one of them fails, or does not change what it must.
    pub fn write(&mut self, statements: &[Statement<'_>]) -> Result<(), StoreFault> {
        match self.run(statements)? {
            Commit::Done => Ok(()),
            Commit::Conflict => Err(rusqlite::Error::StatementChangedRows(0).into()),
        }
    }

    fn run(&mut self, statements: &[Statement<'_>]) -> Result<Commit, StoreFault> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for statement in statements {
            let rows = bound(&transaction, statement)?.raw_execute()?;
            if statement.changes.is_some_and(|expected| expected != rows) {
                return Ok(Commit::Conflict);
            }
        }
        transaction.commit()?;
        Ok(Commit::Done)
    }

    /// Closes the file, with all that stands beside it written to it.
    ///
    /// # Errors
    /// When that fails.
    pub fn close(self) -> Result<(), StoreFault> {
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// The connection, to inspect the stored rows.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The file's schema version, if this version can serve it.
fn check(connection: &Connection, path: &Path) -> Result<usize, OpenError> {
    let failed = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if tables > 0 && application != sqlite::APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > sqlite::MIGRATIONS.len() {
        return Err(OpenError::Newer { path: path.to_owned(), version });
    }
    Ok(version)
}

fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns: acknowledged data survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.busy_timeout(Duration::from_secs(5))
}

fn migrate(connection: &mut Connection, version: usize) -> Result<(), rusqlite::Error> {
    for (step, sql) in sqlite::MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", sqlite::APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(step + 1).unwrap_or(0))?;
        transaction.commit()?;
    }
    Ok(())
}

impl Rows for Sqlite {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        load(&self.connection, need)
    }
}

impl Store for Sqlite {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, StoreFault> {
        self.run(&sqlite::statements(changes))
    }

    fn probe(&mut self) -> Result<(), StoreFault> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(sqlite::PROBE, [])?;
        transaction.commit()?;
        if let Some(database) = &self.path {
            find_room(&beside(database, ".room"))?;
        }
        Ok(())
    }
}

/// Whether there is room on the disk, seen by a file that is gone again at the end.
fn find_room(path: &Path) -> std::io::Result<()> {
    let mut file = private(path)?;
    fs::remove_file(path)?;
    file.write_all(&vec![0; ROOM])?;
    // Until then the system may only have promised it.
    file.sync_all()
}

fn load(connection: &Connection, need: &Need) -> Result<Fact, StoreFault> {
    let found = rows(connection, &sqlite::query(need))?;
    Ok(sqlite::fact(need, found)?)
}

fn rows(
    connection: &Connection,
    query: &Statement<'_>,
) -> Result<Vec<Vec<Value<'static>>>, rusqlite::Error> {
    let mut statement = bound(connection, query)?;
    let columns = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let value = |column| row.get_ref(column).map(value);
        found.push((0..columns).map(value).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

fn bound<'c>(
    connection: &'c Connection,
    statement: &Statement<'_>,
) -> Result<CachedStatement<'c>, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    for (index, value) in statement.values.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, Parameter(value))?;
    }
    Ok(prepared)
}

struct Parameter<'a>(&'a Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A value as the core reads it. The desk's tables are strict, so the other kinds do not occur.
fn value(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

/// The rows as they are at one moment, whatever is committed meanwhile.
#[derive(Debug)]
pub struct Snapshot<'a>(&'a Connection);

impl Rows for Snapshot<'_> {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        load(self.0, need)
    }
}

/// Connections that only read, beside the one that writes.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Idle connections that are kept open.
    pub(crate) const IDLE: usize = 4;

    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Reads the rows as they are at one moment.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn at_one_moment<T>(
        &self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let snapshot = connection.transaction()?;
        let found = read(&mut Snapshot(&snapshot));
        snapshot.finish()?;
        self.keep(connection);
        found
    }

    fn connect(&self) -> Result<Connection, StoreFault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if idle.len() < Self::IDLE {
            idle.push(connection);
        }
    }
}
