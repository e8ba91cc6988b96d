//! SQLite, for the native file and for an edge worker's storage.
//!
//! Keys are the log's integers, or ids, which grow with time: new rows are appended at the end of
//! their table and index. Idempotency keys are digests, and are inserted anywhere.

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::sql::dialect::Dialect;
use crate::sql::row::BadRow;
use crate::sql::{Statement, Value, changes, earlier, events, query};

/// The schema migrations: step n turns a database of version n into one of version n + 1. A
/// released step never changes; `tests/data/schemas` has a file of every version.
pub const MIGRATIONS: [&str; 8] = [
    include_str!("sqlite/1.sql"),
    include_str!("sqlite/2.sql"),
    include_str!("sqlite/3.sql"),
    include_str!("sqlite/4.sql"),
    include_str!("sqlite/5.sql"),
    include_str!("sqlite/6.sql"),
    include_str!("sqlite/7.sql"),
    include_str!("sqlite/8.sql"),
];

/// The `application_id` of HookDesk's files ("Hook" in ASCII), by which they are recognized.
pub const APPLICATION_ID: i64 = 0x486f_6f6b;

/// A write that changes nothing, to see whether the database can be written.
pub const PROBE: &str = "UPDATE log SET head = head";

/// The query for a need.
#[must_use]
pub fn query(need: &Need) -> Statement<'static> {
    query::query(Dialect::Sqlite, need)
}

/// The fact in the rows that a [`query`] of this schema or of an earlier one returned. The bodies of
/// recorded events may be redacted, and are shown to nobody: they are not checked.
///
/// # Errors
/// [`BadRow`] when one of them is not as the desk would have written it.
pub fn recorded_fact(need: &Need, mut rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    for row in &mut rows {
        earlier::complete(need, row);
    }
    query::fact(need, rows)
}

/// The fact in the rows of a [`query`].
///
/// # Errors
/// [`BadRow`] when one of them is not as the desk would have written it.
pub fn fact(need: &Need, rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    let fact = query::fact(need, rows)?;
    if let (Need::Events { .. }, Fact::Events(events)) = (need, &fact) {
        events.iter().try_for_each(events::check_body)?;
    }
    Ok(fact)
}

/// The rows that a [`query`] for `need` would return for a fact: the inverse of [`fact`].
#[must_use]
pub fn rows<'a>(need: &Need, fact: &'a Fact) -> Vec<Vec<Value<'a>>> {
    query::rows(need, fact)
}

/// The statements that store changes, in the order in which they are to be run, in one transaction.
#[must_use]
pub fn statements(changes: &Changes) -> Vec<Statement<'_>> {
    changes::statements(Dialect::Sqlite, changes)
}
