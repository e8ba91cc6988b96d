//! Delivery attempts as the database has them.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;

use super::postgres;

/// One request as the database has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    pub seq: i64,
    pub webhook: String,
    pub number: u32,
    pub status: Option<u16>,
    pub failure: Option<String>,
    pub excerpt: Option<String>,
    pub reason: String,
}

impl Attempt {
    pub(super) fn all(records: &Connection) -> Vec<Self> {
        let sql = "SELECT seq, webhook, number, status, failure, excerpt, reason FROM attempts \
                   ORDER BY seq, webhook, number";
        let mut query = records.prepare(sql).expect("the schema is known");
        let rows = query.query_map([], |row| {
            Ok(Self {
                seq: row.get(0)?,
                webhook: row.get(1)?,
                number: row.get(2)?,
                status: row.get(3)?,
                failure: row.get(4)?,
                excerpt: row.get(5)?,
                reason: row.get(6)?,
            })
        });
        rows.expect("it can be read").map(|row| row.expect("columns are of these types")).collect()
    }

    pub(super) fn all_of_postgres(folder: &Path) -> Vec<Self> {
        let rows = "SELECT seq, webhook, number, status, failure, excerpt, reason FROM attempts";
        let sql = format!(
            "SELECT coalesce(json_agg(a ORDER BY seq, webhook, number), '[]') FROM ({rows}) AS a"
        );
        let mut all: Vec<Self> =
            serde_json::from_str(&postgres::ask(folder, &sql)).expect("columns are of these types");
        // A text of PostgreSQL has no U+0000.
        for attempt in &mut all {
            let excerpt = attempt.excerpt.take();
            attempt.excerpt =
                excerpt.map(|of| of.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}"));
        }
        all
    }
}

pub(super) fn open(database: &Path) -> Connection {
    let opened = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    opened.unwrap_or_else(|error| panic!("{}: {error}", database.display()))
}
