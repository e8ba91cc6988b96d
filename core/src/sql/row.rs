//! A row of a query's result. A value that the desk would not have written is an error that names
//! its column.

use std::fmt;
use std::vec::IntoIter;

use super::Value;
use super::column::Column;

/// A stored row that the desk never wrote: the file is damaged, or was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub column: &'static str,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of the database has a value in {} that HookDesk never writes", self.column)
    }
}

impl std::error::Error for BadRow {}

/// A row's values, read in the order of its columns.
pub struct Row<'a>(IntoIter<Value<'a>>);

impl<'a> Row<'a> {
    pub fn new(values: Vec<Value<'a>>) -> Self {
        Self(values.into_iter())
    }

    /// The next value, which belongs to `column`.
    pub fn cell(&mut self, column: &'static str) -> Result<Cell<'a>, BadRow> {
        let value = self.0.next().ok_or(BadRow { column })?;
        Ok(Cell { column, value })
    }
}

/// A value with its column.
pub struct Cell<'a> {
    column: &'static str,
    value: Value<'a>,
}

impl Cell<'_> {
    pub fn read<T: Column>(self) -> Result<T, BadRow> {
        T::from_value(self.value).ok_or(BadRow { column: self.column })
    }

    /// The error of a value that is invalid here.
    pub fn bad(&self) -> BadRow {
        BadRow { column: self.column }
    }
}
