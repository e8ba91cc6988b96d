//! SQL of the desk's tables: a query for each need, statements that store changes, and conversions
//! between rows and facts.
//!
//! Each table is described once, in the file of its name: its columns in order, each with the field
//! that is written to it and read from it. The columns of a query, an INSERT, an UPDATE that
//! expects the row's revision and a DELETE are derived from that ([`table`]); how a type is stored
//! is also described once ([`column`]). [`dialect`] has the differences between databases, and
//! [`sqlite`] the functions for hosts, which only run the statements.

pub mod copy;
pub mod postgres;
pub mod sqlite;

mod api_keys;
mod attempts;
mod audit;
mod changes;
mod column;
mod dialect;
mod earlier;
mod events;
mod idempotency_records;
mod lanes;
mod log;
mod partners;
mod query;
mod readers;
mod row;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod tickets;
mod webhooks;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use dialect::Dialect;
pub use row::BadRow;

/// A parameter of a statement or a cell of a row. In JSON it is the value alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(rename = "SqlValue"))]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The greatest integer of the desk, 2⁵³ − 1: all runtimes hold it exactly, also those whose
    /// only numbers are doubles.
    pub const MAX_INTEGER: i64 = (1 << 53) - 1;

    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }
}

/// A statement of SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Statement<'a> {
    pub sql: &'static str,
    /// Its parameters, in order.
    #[cfg_attr(feature = "typescript", tsify(type = "SqlValue[]"))]
    pub values: Vec<Value<'a>>,
    /// Rows that it must change; another number is a write conflict, and the whole commit is to be
    /// rolled back.
    #[serde(skip)]
    pub changes: Option<usize>,
    /// Whether its parameters are those of one row, so that a dialect with arrays runs it once for
    /// all rows of a batch.
    #[serde(skip)]
    pub of_row: bool,
}

impl<'a> Statement<'a> {
    /// A query, or a statement that may change any number of rows.
    fn any(sql: &'static str, values: Vec<Value<'a>>) -> Self {
        Self { sql, values, changes: None, of_row: false }
    }

    /// A statement for one row, which may change it or not.
    fn row(sql: &'static str, values: Vec<Value<'a>>) -> Self {
        Self { sql, values, changes: None, of_row: true }
    }

    /// A statement that must change its row.
    fn one(sql: &'static str, values: Vec<Value<'a>>) -> Self {
        Self { sql, values, changes: Some(1), of_row: true }
    }
}

impl Statement<'_> {
    #[must_use]
    pub fn into_owned(self) -> Statement<'static> {
        let values = self.values.into_iter().map(Value::into_owned).collect();
        Statement { values, ..self }
    }
}

impl From<u64> for Value<'_> {
    /// A number that is too large is stored as the greatest.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX).min(Self::MAX_INTEGER))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}
