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

use super::dialect::{Dialect, Text};
use super::row::{BadRow, Cell, Row};
use super::{Statement, Value};
use crate::engine::outcome::Expect;

/// A table of the database, with the texts of its statements.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The columns in order, in groups by the field that they hold.
    pub fields: &'static [&'static [&'static str]],
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
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().copied().flatten().copied()
    }

    /// Inserts a row.
    pub fn insert(&'static self, dialect: Dialect) -> &'static str {
        self.insert.in_dialect(dialect, || self.insert_text())
    }

    pub fn insert_text(&self) -> String {
        let parameters = (1..=self.columns().count()).map(|place| format!("?{place}"));
        let (columns, parameters) = (list(self.columns()), list(parameters));
        format!("INSERT INTO {} ({columns}) VALUES ({parameters})", self.name)
    }

    /// Inserts a row, or updates the one that has its key, except for the columns `keep`.
    pub fn upsert_text(&self, keep: &[&str]) -> String {
        let keeps = |column: &&str| self.key.contains(column) || keep.contains(column);
        let changed = self.columns().filter(|column| !keeps(column));
        let changed = list(changed.map(|column| format!("{column} = excluded.{column}")));
        let insert = self.insert_text();
        format!("{insert} ON CONFLICT ({}) DO UPDATE SET {changed}", list(self.key))
    }

    /// Updates the row that has the key and the revision. The parameters of the revision come after
    /// those of the columns.
    pub fn update(&'static self, dialect: Dialect) -> &'static str {
        self.update.in_dialect(dialect, || {
            let changed = self.columns().zip(1..).skip(self.key.len());
            let changed = list(changed.map(|(column, place)| format!("{column} = ?{place}")));
            let revision_from = self.columns().count() + 1;
            format!("UPDATE {} SET {changed}{}", self.name, self.filter(revision_from))
        })
    }

    /// Deletes the row that has the key and the revision.
    pub fn delete(&'static self, dialect: Dialect) -> &'static str {
        self.delete.in_dialect(dialect, || {
            format!("DELETE FROM {}{}", self.name, self.filter(self.key.len() + 1))
        })
    }

    fn filter(&self, revision_from: usize) -> String {
        let places = self.key.iter().zip(1..).chain(self.revision.iter().zip(revision_from..));
        let wanted: Vec<String> =
            places.map(|(name, place)| format!("{name} = ?{place}")).collect();
        if wanted.is_empty() { String::new() } else { format!(" WHERE {}", wanted.join(" AND ")) }
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
    fn to_values(&self) -> [Value<'_>; COUNT];

    /// Reads the values of the columns.
    ///
    /// # Errors
    /// [`BadRow`] when a value is not as the desk would have written it, by itself or beside the
    /// others.
    fn from_cells(cells: [Cell<'_>; COUNT]) -> Result<Self, BadRow>;
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
                    fields: &[$($crate::sql::table::record!(@names $field $($columns)?)),+],
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
    (@names $field:ident) => { &[stringify!($field)] };
    (@names $field:ident $column:ident) => { &[stringify!($column)] };
    (@names $field:ident [$($column:ident),+]) => { &[$(stringify!($column)),+] };
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
