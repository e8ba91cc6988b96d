//! The host's store.

pub mod sqlite;

use std::fmt;

use hookdesk_core::sql::BadRow;

/// A fault of the store. Its text is for the server's log, not for callers.
#[derive(Debug)]
pub enum StoreFault {
    Sqlite(rusqlite::Error),
    BadRow(BadRow),
    /// A file beside the database cannot be written.
    Io(std::io::Error),
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
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
