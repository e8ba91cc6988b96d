//! The host's store: a file of SQLite, or a database of PostgreSQL.

pub mod copy;
pub mod postgres;
pub mod sqlite;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookdesk_core::sql::BadRow;
use hookdesk_core::term::{Leader, TermFault};
use hookdesk_core::{Changes, Commit, Fact, Need, Rows, Store};

use crate::BoxError;
use crate::config::BadOptions;
use crate::store::postgres::{PostgresDatabase, PostgresFault, PostgresUrl};
use crate::store::sqlite::{Lock, Sqlite};

/// Where the desk's data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    File(PathBuf),
    Postgres(Box<PostgresUrl>),
}

impl Database {
    /// Reads the URL of `--database`.
    ///
    /// # Errors
    /// [`BadOptions`] when it is none.
    pub fn parse(url: &str) -> Result<Self, BadOptions> {
        if PostgresUrl::is_meant(url) {
            return PostgresUrl::parse(url).map(|url| Self::Postgres(Box::new(url)));
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(_) | None => Err(BadOptions::new(format!(
                "--database {url}: name a SQLite file, as in sqlite://hookdesk.db or \
                 sqlite:///var/lib/hookdesk.db, or a PostgreSQL database, as in \
                 postgres://user@host/database"
            ))),
        }
    }

    /// The file, where the data is in one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    #[must_use]
    pub fn readers(&self) -> Readers {
        match self {
            Self::File(path) => Readers::Sqlite(sqlite::Readers::new(path)),
            Self::Postgres(url) => Readers::Postgres(Box::new(postgres::Readers::new(url))),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// The store of the process that writes.
#[derive(Debug)]
pub enum DeskStore {
    Sqlite(Box<Sqlite>, Lock),
    Postgres(Box<Leader<PostgresDatabase>>),
}

impl DeskStore {
    /// Opens a file for the one process that writes, which may have to wait for another to end.
    ///
    /// # Errors
    /// When it cannot be opened: the text is for the operator.
    pub fn open(path: &Path) -> Result<Self, BoxError> {
        let lock = Lock::take(path)?;
        Ok(Self::Sqlite(Box::new(Sqlite::open(path)?), lock))
    }

    /// The time after which it is to be [renewed](Self::renew), if no commit comes before.
    #[must_use]
    pub fn renewal(&self) -> Option<Duration> {
        match self {
            Self::Sqlite(..) => None,
            Self::Postgres(store) => Some(store.renewal()),
        }
    }

    /// Until when nobody else writes, where that has an end.
    #[must_use]
    pub fn lease_end(&self) -> Option<Duration> {
        match self {
            Self::Sqlite(..) => None,
            Self::Postgres(store) => Some(store.lease_end()),
        }
    }

    /// Keeps the right to write, where it is kept for a time.
    ///
    /// # Errors
    /// As a commit.
    pub fn renew(&mut self) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite(..) => Ok(()),
            Self::Postgres(store) => Ok(store.renew()?),
        }
    }

    /// Gives up the right to write.
    pub fn release(&mut self) {
        match self {
            Self::Sqlite(..) => {}
            Self::Postgres(store) => {
                if let Err(fault) = store.release() {
                    tracing::warn!("another process takes over only after the lease: {fault}");
                }
            }
        }
    }
}

impl Rows for DeskStore {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.load(need),
            Self::Postgres(store) => Ok(store.load(need)?),
        }
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.load_all(needs),
            Self::Postgres(store) => Ok(store.load_all(needs)?),
        }
    }
}

impl Store for DeskStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.commit(changes),
            Self::Postgres(store) => Ok(store.commit(changes)?),
        }
    }

    fn probe(&mut self) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.probe(),
            Self::Postgres(store) => Ok(store.probe()?),
        }
    }

    fn attest(&mut self) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.attest(),
            Self::Postgres(store) => Ok(store.attest()?),
        }
    }
}

/// Connections that only read.
#[derive(Debug)]
pub enum Readers {
    Sqlite(sqlite::Readers),
    Postgres(Box<postgres::Readers>),
}

impl Readers {
    /// Reads the rows as they are at one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn at_one_moment<T>(
        &self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        match self {
            Self::Sqlite(readers) => readers.at_one_moment(|rows| read(&mut Snapshot(rows))),
            Self::Postgres(readers) => readers.at_one_moment(|rows| read(&mut Snapshot(rows))),
        }
    }
}

/// The rows as they are at one moment, whatever is committed meanwhile.
pub struct Snapshot<'a>(&'a mut dyn Rows<Fault = StoreFault>);

impl Rows for Snapshot<'_> {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        self.0.load(need)
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        self.0.load_all(needs)
    }
}

/// A fault of the store. Its text is for the server's log, not for callers.
#[derive(Debug)]
pub enum StoreFault {
    Sqlite(rusqlite::Error),
    Postgres(PostgresFault),
    BadRow(BadRow),
    /// What a process that leads, or led, cannot do.
    Term(Box<TermFault<Self>>),
    /// A file beside the database cannot be written.
    Io(std::io::Error),
}

impl StoreFault {
    /// Whether a commit that ended so may have been carried out.
    #[must_use]
    pub fn leaves_fate_unknown(&self) -> bool {
        matches!(self, Self::Term(fault) if fault.leaves_fate_unknown())
    }

    /// Whether another process writes.
    #[must_use]
    pub fn is_deposed(&self) -> bool {
        matches!(self, Self::Term(fault) if fault.is_deposed())
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Postgres(fault) => fault.fmt(f),
            Self::Term(fault) => fault.fmt(f),
            Self::BadRow(bad) => bad.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreFault {}

impl From<rusqlite::Error> for StoreFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for StoreFault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadRow> for StoreFault {
    fn from(bad: BadRow) -> Self {
        Self::BadRow(bad)
    }
}

impl From<TermFault<Self>> for StoreFault {
    fn from(fault: TermFault<Self>) -> Self {
        match fault {
            TermFault::Database(fault) => fault,
            TermFault::Deposed { .. } | TermFault::Unknown(_) => Self::Term(Box::new(fault)),
        }
    }
}

impl From<PostgresFault> for StoreFault {
    fn from(fault: PostgresFault) -> Self {
        Self::Postgres(fault)
    }
}
