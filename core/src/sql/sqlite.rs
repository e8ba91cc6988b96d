//! SQLite, for the native file and for an edge worker's storage.
//!
//! Keys are the log's whole numbers, or ids, which grow with time: all that is appended lands at
//! the end of its table and index. Callers' own keys are digests, and land anywhere.

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::sql::dialect::Dialect;
use crate::sql::row::BadRow;
use crate::sql::{Statement, Value, changes, query};

/// The steps that make the tables: step n turns a database of version n into one of version n + 1.
/// A step that landed never changes; `tests/data/schemas` has a file of every version.
pub const MIGRATIONS: [&str; 3] =
    [include_str!("sqlite/1.sql"), include_str!("sqlite/2.sql"), include_str!("sqlite/3.sql")];

/// The `application_id` of our files ("Hook" in ASCII), by which `file` and we know them.
pub const APPLICATION_ID: i64 = 0x486f_6f6b;

/// The query that answers a need.
#[must_use]
pub fn query(need: &Need) -> Statement<'static> {
    query::query(Dialect::Sqlite, need)
}

/// What the rows of a [`query`] say.
///
/// # Errors
/// [`BadRow`] when one of them is not as we would have written it.
pub fn fact(need: &Need, rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    query::fact(need, rows)
}

/// The rows in which a [`query`] for `need` would find what a fact says: [`fact`] reads them back.
#[must_use]
pub fn rows<'a>(need: &Need, fact: &'a Fact) -> Vec<Vec<Value<'a>>> {
    query::rows(need, fact)
}

/// The statements that store changes, in the order in which they are to be run, in one transaction.
#[must_use]
pub fn statements(changes: &Changes) -> Vec<Statement<'_>> {
    changes::statements(Dialect::Sqlite, changes)
}
