//! The two ends of a copy: a desk that nobody leads meanwhile, and a database that is filled and
//! that nobody can lead before it is.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use hookdesk_core::sql::copy::Cells;
use hookdesk_core::sql::{Dialect, Statement};

use crate::BoxError;
use crate::store::postgres::{Filling, PostgresReader, lead_if_free};
use crate::store::sqlite::{FILLING, Lock, OpenError, Sqlite, beside};
use crate::store::{Database, DeskStore, StoreFault};

/// What a copy reads.
pub enum Source {
    Sqlite(Box<Sqlite>, Lock),
    Postgres { leader: DeskStore, reader: Box<PostgresReader> },
}

/// What a copy fills.
pub enum Target {
    Sqlite { store: Box<Sqlite>, path: PathBuf, _lock: Lock },
    Postgres(Box<Filling>),
}

/// Why a copy cannot begin, for the operator.
#[derive(Debug)]
enum CopyError {
    NoDesk(String),
    Running(String),
    Occupied(String),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDesk(of) => write!(f, "{of} has no desk to copy"),
            Self::Running(of) => {
                write!(f, "the desk in {of} is running: stop it, so that nothing changes meanwhile")
            }
            Self::Occupied(of) => write!(
                f,
                "{of} holds a desk already, which a copy would replace: name a file that does not \
                 exist, or an empty database"
            ),
        }
    }
}

impl std::error::Error for CopyError {}

impl Source {
    /// Opens a desk that nobody leads, and keeps others from leading it.
    ///
    /// # Errors
    /// When there is none, or when it runs: the text is for the operator.
    pub fn open(database: &Database) -> Result<Self, BoxError> {
        match database {
            Database::File(path) if !path.exists() => {
                if beside(path, FILLING).exists() {
                    return Err(OpenError::Unfilled { path: path.clone() }.into());
                }
                Err(CopyError::NoDesk(database.to_string()).into())
            }
            Database::File(path) => {
                let running = || CopyError::Running(database.to_string());
                let lock = Lock::try_take(path)?.ok_or_else(running)?;
                Ok(Self::Sqlite(Box::new(Sqlite::open(path)?), lock))
            }
            Database::Postgres(url) => {
                let reader = PostgresReader::connect(url)?
                    .ok_or_else(|| CopyError::NoDesk(database.to_string()))?;
                let leader =
                    lead_if_free(url)?.ok_or_else(|| CopyError::Running(database.to_string()))?;
                Ok(Self::Postgres { leader, reader: Box::new(reader) })
            }
        }
    }

    /// The rows of a query, while this process still keeps others from leading.
    ///
    /// # Errors
    /// When the database cannot be read, or another process leads it.
    pub fn rows(&mut self, query: &Statement<'_>) -> Result<Vec<Cells>, StoreFault> {
        match self {
            Self::Sqlite(store, _) => store.rows(query),
            Self::Postgres { leader, reader } => {
                leader.renew()?;
                Ok(reader.rows(query)?)
            }
        }
    }

    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(..) => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Self::Postgres { leader, .. } = self {
            leader.release();
        }
    }
}

impl Target {
    /// Opens a database that holds no desk yet, or one that a copy began to fill.
    ///
    /// # Errors
    /// When it holds a desk: the text is for the operator.
    pub fn open(database: &Database) -> Result<Self, BoxError> {
        let occupied = || CopyError::Occupied(database.to_string());
        match database {
            Database::File(path) => {
                let running = || CopyError::Running(database.to_string());
                let lock = Lock::try_take(path)?.ok_or_else(running)?;
                if path.exists() {
                    return Err(occupied().into());
                }
                let store = Box::new(Sqlite::open(&beside(path, FILLING))?);
                Ok(Self::Sqlite { store, path: path.clone(), _lock: lock })
            }
            Database::Postgres(url) => {
                Ok(Self::Postgres(Box::new(Filling::open(url)?.ok_or_else(occupied)?)))
            }
        }
    }

    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// # Errors
    /// When the database cannot be read.
    pub fn rows(&mut self, query: &Statement<'_>) -> Result<Vec<Cells>, StoreFault> {
        match self {
            Self::Sqlite { store, .. } => store.rows(query),
            Self::Postgres(filling) => Ok(filling.rows(query)?),
        }
    }

    /// Runs statements in one transaction.
    ///
    /// # Errors
    /// When one of them fails, or another copy fills the database.
    pub fn write(&mut self, statements: Vec<Statement<'_>>) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite { store, .. } => store.write(&statements),
            Self::Postgres(filling) => Ok(filling.write(statements)?),
        }
    }

    /// Makes the database a desk that can be led.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn complete(self) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite { store, path, _lock } => {
                store.close()?;
                let filled = beside(&path, FILLING);
                File::open(&filled)?.sync_all()?;
                fs::rename(filled, &path)?;
                sync_folder(&path)
            }
            Self::Postgres(filling) => Ok(filling.complete()?),
        }
    }
}

/// Has the disk know a file by its name.
fn sync_folder(path: &Path) -> Result<(), StoreFault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
}
