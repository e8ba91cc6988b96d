//! Why PostgreSQL did not do what was asked, for the operator.

use std::error::Error as _;
use std::fmt;

use hookdesk_core::sql::postgres::{MIGRATIONS, UNEXPECTED_ROWS};

/// The errors of a prepared statement that another connection has, or has not.
const STATEMENT_NAMES: [&str; 2] = ["26000", "42P05"];

/// Why PostgreSQL did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresFault {
    /// It does not answer, or the connection ended.
    Unreachable(String),
    /// The server refused a statement, so its transaction stored nothing.
    Refused { code: String, message: String },
    /// Written by a newer version.
    Newer { version: i64 },
    /// A copy that fills it has not ended, of the version that is the opposite of this.
    Unfilled { version: i64 },
}

impl PostgresFault {
    /// A row is not as it must be.
    pub(super) fn unexpected(message: &str) -> Self {
        Self::Refused { code: UNEXPECTED_ROWS.to_owned(), message: message.to_owned() }
    }

    pub(super) fn silent() -> Self {
        Self::Unreachable("it does not answer".to_owned())
    }
}

impl fmt::Display for PostgresFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "PostgreSQL cannot be reached: {why}"),
            Self::Refused { code, message } => {
                write!(f, "PostgreSQL refuses ({code}): {message}")?;
                if STATEMENT_NAMES.contains(&code.as_str()) {
                    f.write_str(
                        " (a pooler that gives each transaction another connection wants \
                         prepared_statements=false in the database's URL)",
                    )?;
                }
                Ok(())
            }
            Self::Newer { version } => write!(
                f,
                "the database was written by a newer HookDesk (schema {version}; this one knows up to \
                 {}). Run that version, or restore a backup made before it.",
                MIGRATIONS.len()
            ),
            Self::Unfilled { version } if version.unsigned_abs() == MIGRATIONS.len() as u64 => f
                .write_str(
                    "the database is not complete: a copy that fills it was interrupted, and goes on \
                     when it is started again",
                ),
            Self::Unfilled { version } => write!(
                f,
                "the database is not complete: a copy by another version of HookDesk that fills it \
                 (schema {}) was interrupted, and goes on when it is started again with that version",
                version.unsigned_abs()
            ),
        }
    }
}

impl std::error::Error for PostgresFault {}

impl From<tokio_postgres::Error> for PostgresFault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // Those of class 57P: the server shuts down or ends the connection.
            Some(refusal) if !refusal.code().code().starts_with("57P") => Self::Refused {
                code: refusal.code().code().to_owned(),
                message: refusal.message().to_owned(),
            },
            Some(_) | None => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                Self::Unreachable(format!("{error}{cause}"))
            }
        }
    }
}
