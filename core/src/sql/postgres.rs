//! PostgreSQL, for hosts that share a desk.
//!
//! The rows are those of [`sqlite`](super::sqlite), in tables of the same names, and one more:
//! `desk`, which says who decides. A leader takes the desk with [`TAKE`], and each of its commits
//! begins with [`LEAD`], whose lock lasts until the commit: one that was replaced stores nothing,
//! whatever it believes.
//!
//! All statements of a commit are sent at once, so none is skipped because another failed. That is
//! why conditions stand in the statements themselves: one that changes too few rows fails, and with
//! it its transaction; and where `BEGIN` failed, each asks in vain for the batch's number and
//! changes nothing.

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::sql::dialect::Dialect;
use crate::sql::row::BadRow;
use crate::sql::{Statement, Value, changes, query, sqlite};

/// The schema migrations: step n turns a database of version n into one of version n + 1. A
/// released step never changes.
pub const MIGRATIONS: [&str; 2] = [include_str!("postgres/1.sql"), include_str!("postgres/2.sql")];

/// The setting, of one transaction, with the number of its batch.
pub const BATCH: &str = "hookdesk.batch";

/// The error of a write that did not change the rows that it had to.
pub const UNEXPECTED_ROWS: &str = "HD001";

/// Finds the tables: NULL where there are none.
pub const FIND: &str = "SELECT to_regclass('desk')::text";

/// Reads who decides: the schema's version, the term, its leader, its lease, and the count of
/// commits.
pub const READ_LEADER: &str = "SELECT schema, term, leader, lease_ms, rev FROM desk";

/// Makes a nonce (1) the leader of the next term, with a lease (5), where term (2), leader (3), count
/// of commits (4) and the schema's version (6) are as they were read.
pub const TAKE: &str = "UPDATE desk \
     SET term = term + 1, leader = $1, lease_ms = $5, rev = rev + 1 \
     WHERE term = $2 AND leader IS NOT DISTINCT FROM $3 AND rev = $4 AND schema = $6 RETURNING term";

/// Ends the filling of a database by a copy: the first write of a transaction like [`LEAD`], which
/// expects the same (1 to 4), sets the schema's version (5), and lets another process lead.
pub const FILLED: &str = "WITH changed AS ( \
         UPDATE desk SET rev = rev + 1, schema = $5, leader = NULL \
         WHERE term = $1 AND leader = $2 AND rev = $3 AND schema = $4 \
         AND current_setting('hookdesk.batch', true) = $6 RETURNING 1 \
     ) SELECT hookdesk_expect_rows('desk', 1, (SELECT count(*) FROM changed))";

/// Sets the schema's version (1), in the transaction that migrates.
pub const SET_SCHEMA: &str = "UPDATE desk SET schema = $1";

/// Renews the lease of a leader as [`LEAD`] expects it (1 to 4), without a batch.
pub const RENEW: &str = "UPDATE desk SET rev = rev + 1 \
     WHERE term = $1 AND leader = $2 AND rev = $3 AND schema = $4 RETURNING rev";

/// Ends the term (1) of a leader (2) that made the last commit (3), so that another may take the next.
pub const RELEASE: &str = "UPDATE desk SET leader = NULL, rev = rev + 1 \
     WHERE term = $1 AND leader = $2 AND rev = $3";

/// The first write of a commit: that the term (1), its leader (2), the count of commits (3) and the
/// schema's version (4) are as this leader last committed them, in the batch (5).
pub const LEAD: &str = "WITH changed AS ( \
         UPDATE desk SET rev = rev + 1 WHERE term = $1 AND leader = $2 AND rev = $3 AND schema = $4 \
         AND current_setting('hookdesk.batch', true) = $5 RETURNING 1 \
     ) SELECT hookdesk_expect_rows('desk', 1, (SELECT count(*) FROM changed))";

/// Seconds after which a host that has not [entered](ENTER_HOST) itself again is taken to be gone.
pub const HOST_GONE_S: u64 = 60;

/// Enters a host (1), where others reach it (2), the public key that it proves itself by (3) and its
/// version (4); or notes that it is still there.
pub const ENTER_HOST: &str = "INSERT INTO hosts (id, address, key, version, since, seen) \
     VALUES ($1, $2, $3, $4, now(), now()) ON CONFLICT (id) DO UPDATE SET seen = now()";

/// Removes hosts that have not entered themselves for so many seconds (1).
pub const REMOVE_HOSTS: &str =
    "DELETE FROM hosts WHERE seen < now() - $1::bigint * interval '1 second'";

/// Removes a host (1) that ends.
pub const LEAVE_HOST: &str = "DELETE FROM hosts WHERE id = $1";

/// Reads the hosts: id, address, key.
pub const READ_HOSTS: &str = "SELECT id, address, key FROM hosts";

/// Reads the address that the server sees a client at: NULL over a Unix socket.
pub const READ_ADDRESS: &str = "SELECT host(inet_client_addr())";

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter<'a> {
    One(Value<'a>),
    /// A value for each row.
    Array(Vec<Value<'a>>),
}

/// A statement that writes. The batch's number comes after its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    pub sql: &'static str,
    pub parameters: Vec<Parameter<'a>>,
}

/// The query for a need.
#[must_use]
pub fn query(need: &Need) -> Statement<'static> {
    query::query(Dialect::Postgres, need)
}

/// The fact in the rows of a [`query`].
///
/// # Errors
/// [`BadRow`] when one of them is not as the desk would have written it.
pub fn fact(need: &Need, rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    sqlite::fact(need, rows)
}

/// The statements that store changes, in the order in which they are to be sent, in one transaction.
/// No two of a batch are about the same row.
#[must_use]
pub fn statements(changes: &Changes) -> Vec<Write<'_>> {
    grouped(changes::statements(Dialect::Postgres, changes))
}

/// Statements as they are to be sent: those of rows that have the same text are one, with arrays.
#[must_use]
pub fn grouped(statements: Vec<Statement<'_>>) -> Vec<Write<'_>> {
    let mut writes: Vec<Write<'_>> = Vec::new();
    for statement in statements {
        let Statement { sql, values, of_row, changes: _ } = statement;
        let same = |write: &&mut Write<'_>| std::ptr::eq(write.sql, sql);
        if !of_row {
            let parameters = values.into_iter().map(Parameter::One).collect();
            writes.push(Write { sql, parameters });
        } else if let Some(write) = writes.iter_mut().rev().find(same) {
            for (parameter, value) in write.parameters.iter_mut().zip(values) {
                if let Parameter::Array(array) = parameter {
                    array.push(value);
                }
            }
        } else {
            let parameters = values.into_iter().map(|value| Parameter::Array(vec![value]));
            writes.push(Write { sql, parameters: parameters.collect() });
        }
    }
    writes
}
