//! The desk's row: who leads, until when, and what was committed last.

use std::time::Duration;

use hookdesk_core::sql::Value;
use hookdesk_core::sql::postgres::{self, MIGRATIONS, UNEXPECTED_ROWS};

use crate::store::postgres::link::Link;
use crate::store::postgres::{PARTS, PostgresFault};

/// The error of a table that is there already.
const DUPLICATE_TABLE: &str = "42P07";
/// The lock of those who create or migrate the tables ("HookDesk" in ASCII).
const MIGRATION_LOCK: i64 = 0x486f_6f6b_4465_736b;

/// The desk's row, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskRow {
    schema: i64,
    pub term: i64,
    pub leader: Option<String>,
    pub lease: Duration,
    pub rev: i64,
}

impl DeskRow {
    /// How long it must stay as it is before another takes the leader's place.
    pub fn patience(&self) -> Duration {
        self.lease + self.lease / PARTS
    }
}

/// Reads the desk's row.
///
/// # Errors
/// When the server cannot be reached, or the row is not one of ours.
pub fn read(link: &mut Link) -> Result<DeskRow, PostgresFault> {
    let rows = link.ask(postgres::READ_LEADER, vec![])?;
    let row = rows.into_iter().next().unwrap_or_default();
    let [schema, term, leader, lease_ms, rev] = &row[..] else { return Err(foreign()) };
    let number = |value: &Value<'_>| match value {
        Value::Integer(number) => Ok(*number),
        Value::Null | Value::Text(_) => Err(foreign()),
    };
    let leader = match leader {
        Value::Text(leader) => Some(leader.clone().into_owned()),
        Value::Null | Value::Integer(_) => None,
    };
    let lease = Duration::from_millis(number(lease_ms)?.unsigned_abs());
    Ok(DeskRow { schema: number(schema)?, term: number(term)?, leader, lease, rev: number(rev)? })
}

fn foreign() -> PostgresFault {
    let message = "the table desk has no row that HookDesk wrote".to_owned();
    PostgresFault::Refused { code: UNEXPECTED_ROWS.to_owned(), message }
}

/// Creates the tables where there are none, and returns the desk's row.
///
/// # Errors
/// When the server cannot be reached or refuses, or when the tables are a newer version's.
pub fn prepare(link: &mut Link) -> Result<DeskRow, PostgresFault> {
    let found = link.ask(postgres::FIND, vec![])?;
    if found.first().and_then(|row| row.first()) == Some(&Value::Null) {
        let [first] = MIGRATIONS;
        let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        match link.execute(&format!("BEGIN; {lock}; {first}; COMMIT")) {
            // Of several processes that begin at once, one creates them.
            Err(PostgresFault::Refused { code, .. }) if code == DUPLICATE_TABLE => {
                link.execute("ROLLBACK")?;
            }
            other => other?,
        }
    }
    let row = read(link)?;
    if usize::try_from(row.schema).is_ok_and(|schema| schema > MIGRATIONS.len()) {
        return Err(PostgresFault::Newer { version: row.schema });
    }
    Ok(row)
}
