//! Tables, and the records that are their rows.
//!
//! [`record!`] describes both at once: a line for each field of the record, in the order of the
//! table's columns.
//!
//! ```text
//! record! {
//!     Event in events, key [seq], revision [] {
//!         seq,                                    // in a column of the same name
//!         kind: event,                            // in a column of another name
//!         answer: [status, failure, excerpt],     // in several columns
//!     }
//! }
//! ```
//!
//! How a field is written and read is defined by its type: [`Column`](super::column::Column) for
//! one column, [`Columns`] for several.

use super::column::{Column, Kind};
use super::dialect::{Dialect, Text, unnested};
use super::row::{BadRow, Cell, Row};
use super::{Statement, Value};
use crate::engine::outcome::Expect;

/// A table of the database, with the texts of its statements.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The columns in order, in groups by the field that they hold.
    pub fields: &'static [&'static [(&'static str, Kind)]],
    /// The primary key: the first columns. Empty if the table has one row only.
    pub key: &'static [&'static str],
    /// The columns that differ after each change of a row: a writer expects them as it has read
    /// them. Empty if another row guards this one.
    pub revision: &'static [&'static str],
    pub insert: Text,
    pub update: Text,
    pub delete: Text,
}

impl Table {
    pub fn typed(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.fields.iter().copied().flatten().copied()
    }

    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.typed().map(|(name, _)| name)
    }

    /// Inserts rows.
    pub fn insert(&'static self, dialect: Dialect) -> &'static str {
        self.insert.in_dialect(dialect, || self.insert_text(dialect))
    }

    pub fn insert_text(&self, dialect: Dialect) -> String {
        let rows = dialect.inserted(&self.typed().collect::<Vec<_>>());
        let columns = list(self.columns().map(|column| dialect.column(column)));
        format!("INSERT INTO {} ({columns}) {rows}", self.name)
    }

    /// Inserts rows, or updates those that have their keys, except for the columns `keep`.
    pub fn upsert_text(&self, dialect: Dialect, keep: &[&str]) -> String {
        let keeps = |column: &&str| self.key.contains(column) || keep.contains(column);
        let changed = self.columns().filter(|column| !keeps(column));
        let changed = changed.map(|column| (dialect.column(column), column));
        let changed = list(changed.map(|(to, column)| format!("{to} = excluded.{column}")));
        let insert = self.insert_text(dialect);
        format!("{insert} ON CONFLICT ({}) DO UPDATE SET {changed}", list(self.key))
    }

    /// Updates the rows that have the keys and the revisions. The parameters of the revisions come
    /// after those of the columns.
    pub fn update(&'static self, dialect: Dialect) -> &'static str {
        self.update.in_dialect(dialect, || {
            let name = self.name;
            let columns = self.columns().zip(1..).skip(self.key.len());
            match dialect {
                Dialect::Sqlite => {
                    let changed = columns.map(|(column, place)| format!("{column} = ?{place}"));
                    let filter = self.filter(self.columns().count() + 1);
                    format!("UPDATE {name} SET {}{filter}", list(changed))
                }
                Dialect::Postgres => {
                    let changed = columns
                        .map(|(column, _)| format!("{} = r.{column}", dialect.column(column)));
                    let from = self.matched(self.typed().collect());
                    self.counted(
                        dialect,
                        format!("UPDATE {name} SET {} FROM {from}", list(changed)),
                    )
                }
            }
        })
    }

    /// Deletes the rows that have the keys and the revisions.
    pub fn delete(&'static self, dialect: Dialect) -> &'static str {
        self.delete.in_dialect(dialect, || {
            let name = self.name;
            match dialect {
                Dialect::Sqlite => format!("DELETE FROM {name}{}", self.filter(self.key.len() + 1)),
                Dialect::Postgres => {
                    let from = self.matched(self.typed().take(self.key.len()).collect());
                    self.counted(dialect, format!("DELETE FROM {name} USING {from}"))
                }
            }
        })
    }

    fn filter(&self, revision_from: usize) -> String {
        let places = self.key.iter().zip(1..).chain(self.revision.iter().zip(revision_from..));
        let wanted: Vec<String> =
            places.map(|(name, place)| format!("{name} = ?{place}")).collect();
        if wanted.is_empty() { String::new() } else { format!(" WHERE {}", wanted.join(" AND ")) }
    }

    /// Rows in arrays, and that a row of the table has the key and the expected revision of one.
    fn matched(&self, columns: Vec<(&'static str, Kind)>) -> String {
        let name = self.name;
        let expected: Vec<_> =
            self.revision.iter().map(|name| format!("expected_{name}")).collect();
        let kinds = self.typed().filter(|(name, _)| self.revision.contains(name));
        let kinds: Vec<_> = kinds.map(|(_, kind)| kind).collect();
        let rows: Vec<(&str, Kind)> =
            columns.into_iter().chain(expected.iter().map(String::as_str).zip(kinds)).collect();
        let keys = self.key.iter().map(|key| format!(" AND {name}.{key} = r.{key}"));
        let revisions = self.revision.iter().zip(&expected);
        let revisions =
            revisions.map(|(column, expected)| format!(" AND {name}.{column} = r.{expected}"));
        let mut wanted: String = keys.chain(revisions).collect();
        wanted.push_str(&Dialect::Postgres.and_in_batch(rows.len() + 1));
        format!("{}{}", unnested(&rows), wanted.replacen(" AND", " WHERE", 1))
    }

    /// A write that fails unless it changes all rows, of a table whose rows have a revision.
    fn counted(&self, dialect: Dialect, write: String) -> String {
        match self.typed().next() {
            Some((_, first)) if !self.revision.is_empty() => {
                dialect.counted(self.name, first, write)
            }
            Some(_) | None => write,
        }
    }
}

/// Parts separated by commas.
pub fn list(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::new();
    for part in parts {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(part.as_ref());
    }
    list
}

/// A type that is stored as a row of a table.
pub trait Record: Sized {
    fn table() -> &'static Table;

    /// Adds the values of the row, in the order of the columns.
    fn write<'a>(&'a self, values: &mut Vec<Value<'a>>);

    /// Reads the values of a row.
    ///
    /// # Errors
    /// [`BadRow`] when a value is not as the desk would have written it.
    fn from_row(row: &mut Row<'_>) -> Result<Self, BadRow>;

    /// The values of the row, with capacity for a revision after them.
    fn values(&self) -> Vec<Value<'_>> {
        let table = Self::table();
        let mut values = Vec::with_capacity(table.columns().count() + table.revision.len());
        self.write(&mut values);
        values
    }

    /// Inserts the row, or updates the one with the expected revision.
    fn put(&self, dialect: Dialect, expect: Expect) -> Statement<'_> {
        let (table, mut values) = (Self::table(), self.values());
        match expect {
            Expect::Absent => Statement::one(table.insert(dialect), values),
            Expect::Rev(revision) => {
                values.push(revision.into());
                Statement::one(table.update(dialect), values)
            }
        }
    }

    /// Deletes the row with a key and the expected revision. A row that was added and deleted
    /// within one batch was never stored.
    fn delete(dialect: Dialect, key: String, expect: Expect) -> Option<Statement<'static>> {
        match expect {
            Expect::Absent => None,
            Expect::Rev(revision) => {
                let values = vec![key.into(), revision.into()];
                Some(Statement::one(Self::table().delete(dialect), values))
            }
        }
    }
}

/// A type that is stored in several columns.
pub trait Columns<const COUNT: usize>: Sized {
    const KINDS: [Kind; COUNT];

    fn to_values(&self) -> [Value<'_>; COUNT];

    /// Reads the values of the columns.
    ///
    /// # Errors
    /// [`BadRow`] when a value is not as the desk would have written it, by itself or beside the
    /// others.
    fn from_cells(cells: [Cell<'_>; COUNT]) -> Result<Self, BadRow>;
}

/// The column of a record's field.
pub const fn column<R, C: Column>(
    name: &'static str,
    _field: fn(&R) -> &C,
) -> [(&'static str, Kind); 1] {
    [(name, C::KIND)]
}

/// The columns of a record's field.
#[expect(clippy::indexing_slicing, reason = "a constant that panics does not compile")]
pub const fn columns<R, C: Columns<COUNT>, const COUNT: usize>(
    names: [&'static str; COUNT],
    _field: fn(&R) -> &C,
) -> [(&'static str, Kind); COUNT] {
    let mut columns = [("", Kind::Text); COUNT];
    let mut place = 0;
    while place < COUNT {
        columns[place] = (names[place], C::KINDS[place]);
        place += 1;
    }
    columns
}

/// Describes a table and its record, as the header of [`table`](super::table) shows.
macro_rules! record {
    (
        $record:ident in $table:ident, key [$($key:ident),*], revision [$($revision:ident),*] {
            $($field:ident $(: $columns:tt)?),+ $(,)?
        }
    ) => {
        impl $crate::sql::table::Record for $record {
            fn table() -> &'static $crate::sql::table::Table {
                static TABLE: $crate::sql::table::Table = $crate::sql::table::Table {
                    name: stringify!($table),
                    fields: &[$(&$crate::sql::table::record!(@names $record, $field $($columns)?)),+],
                    key: &[$(stringify!($key)),*],
                    revision: &[$(stringify!($revision)),*],
                    insert: $crate::sql::dialect::Text::new(),
                    update: $crate::sql::dialect::Text::new(),
                    delete: $crate::sql::dialect::Text::new(),
                };
                &TABLE
            }

            fn write<'a>(&'a self, values: &mut Vec<$crate::sql::Value<'a>>) {
                $($crate::sql::table::record!(@write values, &self.$field, $($columns)?);)+
            }

            fn from_row(
                row: &mut $crate::sql::row::Row<'_>,
            ) -> Result<Self, $crate::sql::row::BadRow> {
                Ok(Self {
                    $($field: $crate::sql::table::record!(@read row, $table, $field $($columns)?)),+
                })
            }
        }
    };
    (@names $record:ident, $field:ident) => {
        $crate::sql::table::column(stringify!($field), |row: &$record| &row.$field)
    };
    (@names $record:ident, $field:ident $column:ident) => {
        $crate::sql::table::column(stringify!($column), |row: &$record| &row.$field)
    };
    (@names $record:ident, $field:ident [$($column:ident),+]) => {
        $crate::sql::table::columns([$(stringify!($column)),+], |row: &$record| &row.$field)
    };
    (@write $values:ident, $value:expr, [$($column:ident),+]) => {
        $values.extend($crate::sql::table::Columns::to_values($value))
    };
    (@write $values:ident, $value:expr, $($column:ident)?) => {
        $values.push($crate::sql::column::Column::to_value($value))
    };
    (@read $row:ident, $table:ident, $field:ident) => {
        $crate::sql::table::record!(@cell $row, $table, $field).read()?
    };
    (@read $row:ident, $table:ident, $field:ident $column:ident) => {
        $crate::sql::table::record!(@cell $row, $table, $column).read()?
    };
    (@read $row:ident, $table:ident, $field:ident [$($column:ident),+]) => {
        $crate::sql::table::Columns::from_cells(
            [$($crate::sql::table::record!(@cell $row, $table, $column)),+],
        )?
    };
    (@cell $row:ident, $table:ident, $column:ident) => {
        $row.cell(concat!(stringify!($table), ".", stringify!($column)))?
    };
}

pub(super) use record;
