//! The desk's row: who leads, until when, and what was committed last.

use std::time::Duration;

use hookdesk_core::sql::Value;
use hookdesk_core::sql::postgres::{self, MIGRATIONS};
use hookdesk_core::term::DeskRow;

use crate::store::postgres::PostgresFault;
use crate::store::postgres::link::Link;

/// The error of a table that is there already.
const DUPLICATE_TABLE: &str = "42P07";
/// The lock of those who create or migrate the tables ("HookDesk" in ASCII).
const MIGRATION_LOCK: i64 = 0x486f_6f6b_4465_736b;

/// The migrations that the tables have not had.
///
/// # Errors
/// [`PostgresFault::Newer`] if they are a newer version's, [`PostgresFault::Unfilled`] if they are not
/// all there.
pub fn missing(row: &DeskRow) -> Result<&'static [&'static str], PostgresFault> {
    if row.schema < 0 {
        return Err(PostgresFault::Unfilled { version: row.schema });
    }
    let had = usize::try_from(row.schema).ok();
    let missing = had.and_then(|had| MIGRATIONS.get(had..));
    missing.ok_or(PostgresFault::Newer { version: row.schema })
}

/// Reads the desk's row.
///
/// # Errors
/// When the server cannot be reached, or the row is not one of ours.
pub fn read(link: &mut Link) -> Result<DeskRow, PostgresFault> {
    let rows = link.ask_alone(postgres::READ_LEADER, vec![])?;
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
    PostgresFault::unexpected("the table desk has no row that HookDesk wrote")
}

/// Creates the tables where there are none.
///
/// # Errors
/// When the server cannot be reached or refuses, or when the tables are a newer version's.
pub fn prepare(link: &mut Link) -> Result<(), PostgresFault> {
    if !exists(link)? {
        create(link, schema())?;
    }
    missing(&read(link)?)?;
    Ok(())
}

/// Whether there are tables.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn exists(link: &mut Link) -> Result<bool, PostgresFault> {
    let found = link.ask(postgres::FIND, vec![])?;
    Ok(found.first().and_then(|row| row.first()) != Some(&Value::Null))
}

/// Creates the tables, with a version of the schema. Another process may do so at the same time:
/// then its version is there.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn create(link: &mut Link, schema: i64) -> Result<(), PostgresFault> {
    let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
    let steps = MIGRATIONS.join(";");
    let set = format!("UPDATE desk SET schema = {schema}");
    match link.execute(&format!("BEGIN; {lock}; {steps}; {set}; COMMIT")) {
        // Of several processes that begin at once, one creates them.
        Err(PostgresFault::Refused { code, .. }) if code == DUPLICATE_TABLE => {
            link.execute("ROLLBACK")
        }
        other => other,
    }
}

/// Takes the next term with `take`, its statement and parameters, and brings the tables to this
/// version on the way. Returns whether it was taken.
///
/// # Errors
/// When the server cannot be reached or refuses: then the connection is not to be used again.
pub fn take(link: &mut Link, seen: &DeskRow, take: Vec<Value<'_>>) -> Result<bool, PostgresFault> {
    let steps = missing(seen)?;
    if steps.is_empty() {
        return Ok(link.ask(postgres::TAKE, take)?.len() == 1);
    }
    // A former leader expects the former schema, and commits nothing more.
    link.execute("BEGIN; SET LOCAL lock_timeout = '3s'")?;
    if link.ask_alone(postgres::TAKE, take)?.is_empty() {
        link.execute("ROLLBACK")?;
        return Ok(false);
    }
    for step in steps {
        link.execute(step)?;
    }
    link.ask_alone(postgres::SET_SCHEMA, vec![Value::Integer(schema())])?;
    link.execute("COMMIT")?;
    tracing::info!("the tables were brought from schema {} to {}", seen.schema, schema());
    Ok(true)
}

/// The schema's version that this process writes.
pub fn schema() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
