//! Copying a desk's rows from one database to another, table by table and page by page.
//!
//! A page is read along the primary key, and compared with the rows that the target has between its
//! ends: where they differ they are replaced. So a copy that was interrupted goes on where it
//! stopped, and rows that changed since are copied again.

use std::borrow::Cow;

use crate::delivery::attempt::Attempt;
use crate::delivery::lane::Lane;
use crate::delivery::reader::Reader;
use crate::model::api_key::ApiKey;
use crate::model::audit::AuditRow;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::sql::column::Kind;
use crate::sql::dialect::{Dialect, Text};
use crate::sql::table::{Record, Table, list};
use crate::sql::{Statement, Value};
use crate::webhook::Webhook;

/// Rows of a page: those with the longest texts are some 40 MiB.
pub const PAGE: usize = 500;

/// A row, or the values of its primary key.
pub type Cells = Vec<Value<'static>>;

/// A table whose rows are copied.
#[derive(Debug)]
pub struct CopiedTable {
    table: fn() -> &'static Table,
    /// The columns of the primary key as the database sorts by it. Empty if there is one row.
    order: &'static [&'static str],
    page: Text,
    range: Text,
    rest: Text,
    clear: Text,
    clear_rest: Text,
    count: Text,
}

/// All tables that hold a desk, those that others refer to first.
pub static TABLES: [CopiedTable; 11] = [
    CopiedTable::new(Log::table, &[]),
    CopiedTable::new(Service::table, &[]),
    CopiedTable::new(Ticket::table, &["id"]),
    CopiedTable::new(Event::table, &["seq"]),
    CopiedTable::new(Webhook::table, &["id"]),
    CopiedTable::new(Reader::table, &["webhook"]),
    CopiedTable::new(Lane::table, &["subject", "webhook"]),
    CopiedTable::new(Attempt::table, &["seq", "webhook", "number"]),
    CopiedTable::new(IdempotencyRecord::table, &["key"]),
    CopiedTable::new(ApiKey::table, &["id"]),
    CopiedTable::new(AuditRow::table, &["id"]),
];

impl CopiedTable {
    const fn new(table: fn() -> &'static Table, order: &'static [&'static str]) -> Self {
        Self {
            table,
            order,
            page: Text::new(),
            range: Text::new(),
            rest: Text::new(),
            clear: Text::new(),
            clear_rest: Text::new(),
            count: Text::new(),
        }
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        (self.table)().name
    }

    /// A key before all others.
    #[must_use]
    pub fn start(&self) -> Cells {
        let lowest = |kind| match kind {
            Kind::Integer => Value::Integer(-1),
            Kind::Text => "".into(),
        };
        self.order.iter().filter_map(|column| Some(lowest(self.kind(column)?))).collect()
    }

    /// The key of a row.
    #[must_use]
    pub fn key(&self, row: &[Value<'static>]) -> Cells {
        let column = |name| (self.table)().columns().position(|column| column == name);
        self.order.iter().filter_map(|name| row.get(column(*name)?).cloned()).collect()
    }

    /// A query for the rows after a key, a page of them.
    #[must_use]
    pub fn page(&'static self, dialect: Dialect, after: &[Value<'static>]) -> Statement<'static> {
        let most = self.order.len() + 1;
        let sql = self.page.in_dialect(dialect, || self.select(dialect, &self.above(), most));
        let mut values = after.to_vec();
        values.push(Value::Integer(i64::try_from(PAGE).unwrap_or(i64::MAX)));
        Statement::any(sql, values)
    }

    /// A query for the rows after a key, up to another or to the end: as many as a page has and one
    /// more.
    #[must_use]
    pub fn range(
        &'static self,
        dialect: Dialect,
        after: &[Value<'static>],
        to: Option<&[Value<'static>]>,
    ) -> Statement<'static> {
        let keys = self.order.len();
        let sql = match to {
            Some(_) => self.range.in_dialect(dialect, || {
                self.select(dialect, &format!("{}{}", self.above(), self.not_above()), 2 * keys + 1)
            }),
            None => self.rest.in_dialect(dialect, || self.select(dialect, &self.above(), keys + 1)),
        };
        let mut values = bounds(after, to);
        values.push(Value::Integer(i64::try_from(PAGE + 1).unwrap_or(i64::MAX)));
        Statement::any(sql, values)
    }

    /// The statements that replace the rows after a key, up to another or to the end.
    #[must_use]
    pub fn replace<'a>(
        &'static self,
        dialect: Dialect,
        (after, to): (&[Value<'static>], Option<&[Value<'static>]>),
        (was, rows): (&[Cells], &'a [Cells]),
    ) -> Vec<Statement<'a>> {
        let table = (self.table)();
        if self.order.is_empty() {
            // The revisions that the update expects are those that are there.
            let revision = |was: &Cells| {
                let columns = table.columns().zip(was);
                let revision = columns.filter(|(name, _)| table.revision.contains(name));
                revision.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            };
            let expected = was.first().map(revision).unwrap_or_default();
            let values =
                |row: &Cells| row.iter().cloned().chain(expected.iter().cloned()).collect();
            let update = |row| Statement::one(table.update(dialect), values(row));
            return rows.iter().map(update).collect();
        }
        let clear = self.clear(dialect, after, to);
        let insert = |row: &'a Cells| Statement::one(table.insert(dialect), borrowed(row));
        let cleared = (!was.is_empty()).then_some(clear);
        cleared.into_iter().chain(rows.iter().map(insert)).collect()
    }

    fn clear(
        &'static self,
        dialect: Dialect,
        after: &[Value<'static>],
        to: Option<&[Value<'static>]>,
    ) -> Statement<'static> {
        let (name, keys) = (self.name(), self.order.len());
        let delete = |filter: String, places: usize| {
            let in_batch = dialect.and_in_batch(places + 1);
            format!("DELETE FROM {name} WHERE {filter}{in_batch}")
        };
        let sql = match to {
            Some(_) => self.clear.in_dialect(dialect, || {
                delete(format!("{}{}", self.above(), self.not_above()), 2 * keys)
            }),
            None => self.clear_rest.in_dialect(dialect, || delete(self.above(), keys)),
        };
        Statement::any(sql, bounds(after, to))
    }

    /// A query for about how many rows there are.
    #[must_use]
    pub fn count(&'static self, dialect: Dialect) -> Statement<'static> {
        let name = self.name();
        let sql = self.count.in_dialect(dialect, || match dialect {
            Dialect::Sqlite => format!("SELECT count(*) FROM {name}"),
            // To count them takes long, and statements may not.
            Dialect::Postgres => format!(
                "SELECT greatest(reltuples, 0)::bigint FROM pg_class \
                 WHERE oid = to_regclass('{name}')"
            ),
        });
        Statement::any(sql, Vec::new())
    }

    fn kind(&self, column: &str) -> Option<Kind> {
        let mut columns = (self.table)().typed();
        columns.find(|(name, _)| *name == column).map(|(_, kind)| kind)
    }

    fn select(&self, dialect: Dialect, filter: &str, most: usize) -> String {
        let columns = list((self.table)().columns().map(|column| dialect.column(column)));
        let name = self.name();
        if self.order.is_empty() {
            return format!("SELECT {columns} FROM {name} LIMIT ?{most}");
        }
        let order = list(self.order);
        format!("SELECT {columns} FROM {name} WHERE {filter} ORDER BY {order} LIMIT ?{most}")
    }

    /// The condition of the rows after a key (1 and so on).
    fn above(&self) -> String {
        format!("({}) > ({})", list(self.order), self.places(1))
    }

    /// The condition of the rows up to a key, whose parameters come after those of [`Self::above`].
    fn not_above(&self) -> String {
        format!(" AND ({}) <= ({})", list(self.order), self.places(1 + self.order.len()))
    }

    fn places(&self, first: usize) -> String {
        list((first..).take(self.order.len()).map(|place| format!("?{place}")))
    }
}

fn bounds(after: &[Value<'static>], to: Option<&[Value<'static>]>) -> Cells {
    after.iter().chain(to.into_iter().flatten()).cloned().collect()
}

fn borrowed<'a>(row: &'a [Value<'static>]) -> Vec<Value<'a>> {
    let borrowed = |value: &'a Value<'static>| match value {
        Value::Null => Value::Null,
        Value::Integer(number) => Value::Integer(*number),
        Value::Text(text) => Value::Text(Cow::Borrowed(text.as_ref())),
    };
    row.iter().map(borrowed).collect()
}

/// Rows in the order in which they are copied, as a number and a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    pub digest: Digest,
}

impl Default for Sum {
    fn default() -> Self {
        Self { rows: 0, digest: Digest::of(&[]) }
    }
}

impl Sum {
    pub fn add(&mut self, row: &[Value<'static>]) {
        // Values in JSON: a number, a text in quotes, or null.
        let row = serde_json::to_vec(row).unwrap_or_default();
        *self = Self {
            rows: self.rows + 1,
            digest: Digest::of(&[self.digest.to_string().as_bytes(), &row]),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sql::{postgres, sqlite};

    /// The tables that migrations leave behind.
    fn created(migrations: &[&'static str]) -> BTreeSet<&'static str> {
        let mut tables = BTreeSet::new();
        for line in migrations.iter().flat_map(|step| step.lines()) {
            let mut words = line.split([' ', ';']);
            match (words.next(), words.next(), words.next()) {
                (Some("CREATE"), Some("TABLE"), Some(name)) => {
                    assert!(tables.insert(name), "{name}");
                }
                (Some("ALTER"), Some("TABLE"), Some(name))
                    if words.next() == Some("RENAME") && words.next() == Some("TO") =>
                {
                    tables.remove(name);
                }
                _ => {}
            }
        }
        tables
    }

    #[test]
    fn every_table_of_a_desk_is_copied() {
        let copied: BTreeSet<_> = TABLES.iter().map(CopiedTable::name).collect();
        assert_eq!(copied, created(&sqlite::MIGRATIONS));
        let mut shared = created(&postgres::MIGRATIONS);
        // Of the processes that share a desk, not of the desk.
        assert!(shared.remove("desk") && shared.remove("hosts"));
        assert_eq!(copied, shared);
    }

    #[test]
    fn each_table_is_read_along_its_whole_key() {
        for table in &TABLES {
            let mut order = table.order.to_vec();
            let mut key = (table.table)().key.to_vec();
            order.sort_unstable();
            key.sort_unstable();
            assert_eq!(order, key, "{}", table.name());
        }
    }

    #[test]
    fn pages_go_on_after_a_key_and_end_at_one() {
        let lanes = &TABLES[6];
        let after = lanes.start();
        let page = lanes.page(Dialect::Postgres, &after);
        assert_eq!(
            page.sql,
            "SELECT webhook, subject, head, number, step, due, behind, why FROM lanes \
             WHERE (subject, webhook) > ($1, $2) ORDER BY subject, webhook LIMIT $3"
        );
        let row: Cells = vec!["whk".into(), "tkt".into(), Value::Integer(1)];
        let to = lanes.key(&row);
        assert_eq!(to, ["tkt".into(), "whk".into()]);
        let range = lanes.range(Dialect::Sqlite, &after, Some(&to));
        assert!(range.sql.contains(
            "WHERE (subject, webhook) > (?1, ?2) AND (subject, webhook) <= (?3, ?4) \
             ORDER BY subject, webhook LIMIT ?5"
        ));
        assert_eq!(range.values.len(), 5);
        let rows = [row];
        let replaced = lanes.replace(Dialect::Postgres, (&after, Some(&to)), (&rows, &rows));
        assert_eq!(
            replaced[0].sql,
            "DELETE FROM lanes WHERE (subject, webhook) > ($1, $2) AND (subject, webhook) <= ($3, $4) \
             AND current_setting('hookdesk.batch', true) = $5"
        );
        assert_eq!(replaced.len(), 2);
    }

    #[test]
    fn a_table_of_one_row_is_updated_as_it_stands() {
        let log = &TABLES[0];
        let row: Cells =
            [5, 0, 7, 1].map(Value::Integer).into_iter().chain(["[]".into()]).collect();
        let rows = [row];
        let was = [vec![Value::Integer(0); 5]];
        let replaced = log.replace(Dialect::Sqlite, (&[], None), (&was, &rows));
        assert_eq!(replaced.len(), 1);
        assert_eq!(replaced[0].values.len(), 7, "the row, and the stamp that it replaces");
    }

    #[test]
    fn sums_tell_rows_apart_and_their_order() {
        let sum = |rows: &[&[Value<'static>]]| {
            let mut sum = Sum::default();
            for row in rows {
                sum.add(row);
            }
            sum
        };
        let (one, two) = ([Value::Integer(1)], [Value::from("1")]);
        assert_eq!(sum(&[&one, &two]), sum(&[&one, &two]));
        for other in [&[&two[..], &one[..]][..], &[&one], &[&one, &[Value::Null]], &[]] {
            assert_ne!(sum(&[&one, &two]), sum(other));
        }
    }
}
